/*
 * Copyright (C) 2026 The nflog-capture authors
 *
 * This program is free software; you can redistribute it and/or modify it
 * under the terms of the GNU General Public License as published by the
 * Free Software Foundation; either version 2 of the License, or (at your
 * option) any later version.  See <http://www.fsf.org/copyleft/gpl.txt>.
 *
 * This program is distributed in the hope that it will be useful, but
 * WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY
 * or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU General Public License
 * for more details.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <getopt.h>
#include <libgen.h>

#include "decrypter.h"
#include "pcapng.h"
#include "trace.h"

/** plugins of libstrongswan, those that are there are used */
#define PLUGINS "aes des sha1 sha2 md5 hmac xcbc cmac ctr ccm gcm chapoly " \
				"openssl gcrypt camellia random nonce"

/** status when all was decrypted, when it was not, and if that was not tried */
#define STATUS_GOOD 0
#define STATUS_BAD 1
#define STATUS_ERROR 2

/**
 * Tell how to use it.
 */
static int usage(FILE *file, int status)
{
	fprintf(file, "usage: nflog-capture decrypt [-k KEYS] [-o FILE] TRACE...\n"
			"\n"
			"Writes a pcapng file in which the packets of a trace lie\n"
			"decrypted beside the encrypted ones, and checks their ICVs.\n"
			"\n"
			"  -k KEYS  key file (default: keys, beside the trace)\n"
			"  -o FILE  file to write, - for stdout (default: beside the\n"
			"           trace, with .decrypted.pcapng for .pcap)\n"
			"\n"
			"Several traces are read as one, as those of a ring.\n");
	return status;
}

/**
 * Check that libstrongswan is of the release that this was built for, the
 * objects of others look different.  None tells its version.
 */
static bool is_compatible()
{
	u_int major = 0, minor = 0, patch = 0;
	bool since_6_0_0, since_6_0_2;

	sscanf(VERSION, "%u.%u.%u", &major, &minor, &patch);
	since_6_0_0 = major >= 6;
	since_6_0_2 = major > 6 || (major == 6 && (minor > 0 || patch >= 2));
	return since_6_0_0 == !!dlsym(RTLD_DEFAULT, "key_exchange_init") &&
		   since_6_0_2 == !!dlsym(RTLD_DEFAULT, "library_init_register");
}

/**
 * What libstrongswan logs is of no use here.
 */
static void dbg_none(debug_t group, level_t level, char *fmt, ...)
{
}

/**
 * Write the packets of a trace, and what they are in the clear.
 */
static void decrypt_trace(trace_t *trace, decrypter_t *decrypter,
						  pcapng_t *pcapng)
{
	char comment[DECRYPTER_COMMENT_LEN];
	trace_packet_t packet;
	chunk_t plain;

	while (trace->read(trace, &packet))
	{
		decrypter->decrypt(decrypter, packet.ip, &plain, comment);
		pcapng->write(pcapng, FALSE, &packet.time, packet.data, packet.len,
					  *comment ? comment : NULL);
		if (plain.len)
		{
			pcapng->write(pcapng, TRUE, &packet.time, plain, plain.len,
						  comment);
		}
		chunk_clear(&plain);
	}
}

/**
 * Let the decrypter learn from all traces, and check that they can be decrypted
 * together.
 *
 * @param type		receives their link type
 */
static bool learn_traces(char **paths, int count, decrypter_t *decrypter,
						 uint16_t *type)
{
	trace_packet_t packet;
	trace_t *trace;
	bool same;
	int i;

	for (i = 0; i < count; i++)
	{
		trace = trace_create(paths[i]);
		if (!trace)
		{
			return FALSE;
		}
		*type = i ? *type : trace->get_link_type(trace);
		same = *type == trace->get_link_type(trace);
		if (!same)
		{
			fprintf(stderr, "%s has another link type than %s\n", paths[i],
					paths[0]);
		}
		while (same && trace->read(trace, &packet))
		{
			decrypter->learn(decrypter, packet.ip);
		}
		trace->destroy(trace);
		if (!same)
		{
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Decrypt traces, all to the same file.
 */
static int decrypt_traces(char **paths, int count, key_file_t *keys,
						  char *output)
{
	decrypter_t *decrypter;
	pcapng_t *pcapng = NULL;
	trace_t *trace;
	uint16_t type;
	int i, status = STATUS_ERROR;
	bool torn = FALSE;

	decrypter = decrypter_create(keys);
	if (learn_traces(paths, count, decrypter, &type))
	{
		pcapng = pcapng_create(output, type);
	}
	for (i = 0; pcapng && i < count; i++)
	{
		trace = trace_create(paths[i]);
		if (trace)
		{
			decrypt_trace(trace, decrypter, pcapng);
			torn |= trace->is_torn(trace);
			trace->destroy(trace);
		}
		torn |= !trace;
	}
	if (pcapng && pcapng->finish(pcapng))
	{
		status = decrypter->is_good(decrypter) && !torn &&
				 !keys->get_errors(keys) ? STATUS_GOOD : STATUS_BAD;
		decrypter->print(decrypter, streq(output, "-") ? stderr : stdout);
	}
	DESTROY_IF(pcapng);
	decrypter->destroy(decrypter);
	return status;
}

/**
 * Get the path of the key file beside a trace, allocated.
 */
static char *get_keys_path(char *trace)
{
	char *copy = strdup(trace), *path;

	if (asprintf(&path, "%s/keys", dirname(copy)) < 0)
	{
		path = NULL;
	}
	free(copy);
	return path;
}

/**
 * Get the path of the file to write, allocated.
 */
static char *get_output_path(char *trace)
{
	static char suffix[] = ".pcap";
	size_t len = strlen(trace);
	char *path;

	if (len > strlen(suffix) && streq(trace + len - strlen(suffix), suffix))
	{
		len -= strlen(suffix);
	}
	if (asprintf(&path, "%.*s.decrypted.pcapng", (int)len, trace) < 0)
	{
		path = NULL;
	}
	return path;
}

/**
 * The command "decrypt".
 */
static int decrypt(int argc, char *argv[])
{
	char *keys_path = NULL, *output = NULL;
	int opt, status = STATUS_ERROR;
	key_file_t *keys;

	while ((opt = getopt(argc, argv, "k:o:h")) != -1)
	{
		switch (opt)
		{
			case 'k':
				free(keys_path);
				keys_path = strdup(optarg);
				break;
			case 'o':
				free(output);
				output = strdup(optarg);
				break;
			case 'h':
				status = usage(stdout, STATUS_GOOD);
				goto done;
			default:
				usage(stderr, STATUS_ERROR);
				goto done;
		}
	}
	if (optind == argc)
	{
		usage(stderr, STATUS_ERROR);
		goto done;
	}
	keys_path = keys_path ?: get_keys_path(argv[optind]);
	output = output ?: get_output_path(argv[optind]);
	keys = key_file_create(keys_path);
	if (keys)
	{
		status = decrypt_traces(argv + optind, argc - optind, keys, output);
		keys->destroy(keys);
	}
done:
	free(keys_path);
	free(output);
	return status;
}

int main(int argc, char *argv[])
{
	int status;

	if (argc > 1 && (streq(argv[1], "-h") || streq(argv[1], "--help")))
	{
		return usage(stdout, STATUS_GOOD);
	}
	if (argc < 2 || !streq(argv[1], "decrypt"))
	{
		return usage(stderr, STATUS_ERROR);
	}
	if (!is_compatible())
	{
		fprintf(stderr, "this nflog-capture was built for strongSwan " VERSION
				", but libstrongswan is of another release\n");
		return STATUS_ERROR;
	}
	/* settings of a daemon on the same machine don't matter */
	dbg = dbg_none;
	if (!library_init("", "nflog-capture") ||
		!lib->plugins->load(lib->plugins, PLUGINS))
	{
		fprintf(stderr, "libstrongswan could not be initialized\n");
		library_deinit();
		return STATUS_ERROR;
	}
	status = decrypt(argc - 1, argv + 1);
	library_deinit();
	return status;
}

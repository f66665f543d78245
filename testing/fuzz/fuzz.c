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


/*
 * Feeds made-up captures, or key files if KEYS is defined, to nflog-capture(1): see
 * testing/fuzz/run.
 */

#define _GNU_SOURCE

#include <sys/mman.h>
#include <unistd.h>

#include "decrypt/decrypter.h"
#include "read/trace.h"

/** keys to decrypt with: for ESP and AH, with and without ICVs, and for IKE */
static char keys[] =
	"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL\n"
	"esp 00000002 192.0.2.1 192.0.2.2 enc=NULL mode=TRANSPORT\n"
	"ah 00000003 192.0.2.1 192.0.2.2 integ=HMAC_SHA2_256_128 integ_key=00\n"
	"ike 0101010101010101 0202020202020202 version=2 enc=NULL sk_ei= sk_er= sk_ai= sk_ar=\n"
	"ike 0101010101010101 0202020202020202 version=1 enc=AES_CBC integ=HMAC_SHA1_96 "
		"sk_ei=00000000000000000000000000000000 sk_er= sk_ai= sk_ar=\n";

/**
 * Log nothing.
 */
static void dbg_none(debug_t group, level_t level, char *fmt, ...)
{
}

/**
 * Put bytes into a file without a name.
 *
 * @param path		receives its path, PATH_LEN bytes
 * @return			file descriptor
 */
#define PATH_LEN 32
static int write_file(chunk_t content, char *path)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, content.ptr, content.len) != content.len)
	{
		abort();
	}
	snprintf(path, PATH_LEN, "/proc/self/fd/%d", fd);
	return fd;
}

/**
 * Decrypt a packet layer by layer.
 */
static void decrypt(decrypter_t *decrypter, chunk_t data)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t packet = chunk_clone(data), plain;
	wire_packet_t parsed;
	bool more = TRUE;
	u_int depth;

	for (depth = 0; more; depth++)
	{
		wire_packet_parse(&parsed, packet);
		more = decrypter->decrypt(decrypter, depth, &parsed, &plain, comment);
		free(packet.ptr);
		packet = plain;
	}
	free(packet.ptr);
}

/**
 * Read a capture twice, as decrypting does.
 */
static void read_capture(char *path, keyring_t *keyring)
{
	decrypter_t *decrypter = decrypter_create(keyring);
	trace_packet_t packet;
	trace_t *trace;

	trace = trace_create(path);
	if (trace)
	{
		while (trace->read(trace, &packet))
		{
			decrypter->learn(decrypter, packet.ip);
		}
		if (trace->rewind(trace))
		{
			while (trace->read(trace, &packet))
			{
				decrypt(decrypter, packet.ip);
			}
		}
		trace->is_torn(trace);
		trace->destroy(trace);
	}
	decrypter->destroy(decrypter);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	dbg = dbg_none;
	if (!library_init("", "fuzz") ||
		!lib->plugins->load(lib->plugins, "aes sha1 sha2 hmac gcm openssl nonce random"))
	{
		abort();
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chunk_t input = chunk_create((u_char*)data, size);
	static keyring_t *keyring = NULL;
	char path[PATH_LEN];
	int fd;

#ifdef KEYS
	fd = write_file(input, path);
	keyring = keyring_create(path);
	DESTROY_IF(keyring);
	close(fd);
#else
	if (!keyring)
	{
		fd = write_file(chunk_from_str(keys), path);
		keyring = keyring_create(path);
		close(fd);
	}
	fd = write_file(input, path);
	read_capture(path, keyring);
	close(fd);
#endif
	return 0;
}

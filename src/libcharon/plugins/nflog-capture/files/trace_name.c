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

#include "trace_name.h"

#include <endian.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <arpa/inet.h>

/** longest label, in bytes */
#define NAME_LEN (NFLOG_NAME_SIZE - 1)

/** length of the suffix of labels that differ from the name, a tilde and 16 hex digits */
#define SUFFIX_LEN 17

/** suffix of files that nflog-capture(1) decrypts traces to */
#define DECRYPTED ".decrypted.pcapng"

/** length of the key of SipHash in bytes, see chunk_mac() */
#define SIPHASH_KEY_LEN 16

/*
 * Described in header
 */
uint64_t nflog_trace_name_hash(char *name)
{
	static u_char key[SIPHASH_KEY_LEN] = {};

	return chunk_mac(chunk_from_str(name), key);
}

/**
 * Check if a character has to be replaced.
 */
static bool is_unfit(char *name, size_t pos)
{
	return (u_char)name[pos] < ' ' || name[pos] == 0x7f || name[pos] == '/' ||
		   (pos == 0 && name[pos] == '.');
}

/**
 * Check if a name ends like a label that differs from its name.
 */
static bool has_suffix(char *name, size_t len)
{
	return len >= SUFFIX_LEN && name[len - SUFFIX_LEN] == '~' &&
		   strspn(name + len - SUFFIX_LEN + 1, "0123456789abcdef") ==
														SUFFIX_LEN - 1;
}

/*
 * Described in header
 */
char *nflog_trace_name_label(char *name, char *buf)
{
	size_t len = strlen(name), i;
	bool changed;

	changed = !len || len > NAME_LEN || has_suffix(name, len) ||
			  streq(name, NFLOG_SAVED_DIR);
	for (i = 0; !changed && i < len; i++)
	{
		changed = is_unfit(name, i);
	}
	if (!changed)
	{
		return strcpy(buf, name);
	}
	if (len > NAME_LEN - SUFFIX_LEN)
	{
		len = NAME_LEN - SUFFIX_LEN;
		/* don't split a UTF-8 character */
		while (len > 1 && (name[len] & 0xc0) == 0x80)
		{
			len--;
		}
	}
	for (i = 0; i < len; i++)
	{
		buf[i] = is_unfit(name, i) ? '_' : name[i];
	}
	snprintf(buf + len, SUFFIX_LEN + 1, "~%.16" PRIx64,
			 nflog_trace_name_hash(name));
	return buf;
}

/**
 * Format the start of a trace.
 */
static char *write_start(time_t start, char *buf, size_t len)
{
	struct tm tm;

	gmtime_r(&start, &tm);
	strftime(buf, len, "%Y%m%dT%H%M%SZ", &tm);
	return buf;
}

/*
 * Described in header
 */
char *nflog_trace_name_child(char *child, time_t start, uint32_t spi_in,
							 uint32_t spi_out, char *kind)
{
	char label[NFLOG_NAME_SIZE], buf[32], *name;

	return asprintf(&name, "%s.%s.%.8x-%.8x.%s",
					nflog_trace_name_label(child, label),
					write_start(start, buf, sizeof(buf)), ntohl(spi_in),
					ntohl(spi_out), kind) < 0 ? NULL : name;
}

/*
 * Described in header
 */
char *nflog_trace_name_ike(time_t start, uint64_t spi_i, uint64_t spi_r)
{
	char buf[32], *name;

	return asprintf(&name, "ike.%s.%.16" PRIx64 "-%.16" PRIx64,
					write_start(start, buf, sizeof(buf)), be64toh(spi_i),
					be64toh(spi_r)) < 0 ? NULL : name;
}

/**
 * Get the extension of the files of a trace, by what it has.
 */
static char *get_extension(char *name)
{
	char *kind = strrchr(name, '.');

	return kind && (streq(kind + 1, NFLOG_NAME_DROPPED) ||
					streq(kind + 1, NFLOG_NAME_MISSED)) ? ".pcapng" : ".pcap";
}

/*
 * Described in header
 */
char *nflog_trace_name_file(char *name, u_int number, bool ring)
{
	char suffix[16] = "", *file;

	if (number || ring)
	{
		snprintf(suffix, sizeof(suffix), ".%u", number);
	}
	return asprintf(&file, "%s%s%s", name, suffix, get_extension(name)) < 0 ? NULL : file;
}

/**
 * Match the begin of a string with a template, in which X is any hex digit, and D any
 * decimal one.
 */
static bool match(char *template, char *str)
{
	for (; *template; template++, str++)
	{
		switch (*template)
		{
			case 'X':
				if (!*str || !strchr("0123456789abcdef", *str))
				{
					return FALSE;
				}
				break;
			case 'D':
				if (*str < '0' || *str > '9')
				{
					return FALSE;
				}
				break;
			default:
				if (*str != *template)
				{
					return FALSE;
				}
				break;
		}
	}
	return TRUE;
}

/**
 * Check for what follows the name of a trace in the name of a file.
 */
static bool is_suffix(char *str, char *extension)
{
	size_t digits;

	if (*str == '.' && (digits = strspn(str + 1, "0123456789")))
	{
		str += 1 + digits;
	}
	return streq(str, extension);
}

/** what follows the label in the name of a CHILD_SA's trace */
#define CHILD(kind) ".DDDDDDDDTDDDDDDZ.XXXXXXXX-XXXXXXXX." kind

/*
 * Described in header
 */
bool nflog_trace_name_parse(char *file, char spis[2][NFLOG_IKE_DIGITS + 1])
{
	static const struct {
		/* follows the label */
		char *template;
		/* position of the SPIs in it, and their digits */
		size_t spis, digits;
		/* label, NULL for any, and extension */
		char *label, *extension;
	} names[] = {
		{ CHILD(NFLOG_NAME_ESP), 18, NFLOG_ESP_DIGITS, NULL, ".pcap" },
		{ CHILD(NFLOG_NAME_PLAIN), 18, NFLOG_ESP_DIGITS, NULL, ".pcap" },
		{ CHILD(NFLOG_NAME_DROPPED), 18, NFLOG_ESP_DIGITS, NULL, ".pcapng" },
		{ CHILD(NFLOG_NAME_MISSED), 18, NFLOG_ESP_DIGITS, NULL, ".pcapng" },
		{ ".DDDDDDDDTDDDDDDZ.XXXXXXXXXXXXXXXX-XXXXXXXXXXXXXXXX", 18,
		  NFLOG_IKE_DIGITS, "ike", ".pcap" },
	};
	char *pos, *spi;
	int i, j;

	for (pos = strchr(file, '.'); pos; pos = strchr(pos + 1, '.'))
	{
		for (i = 0; i < countof(names); i++)
		{
			if ((names[i].label && (pos - file != strlen(names[i].label) ||
									!strpfx(file, names[i].label))) ||
				!match(names[i].template, pos) ||
				!is_suffix(pos + strlen(names[i].template), names[i].extension))
			{
				continue;
			}
			spi = pos + names[i].spis;
			for (j = 0; spis && j < 2; j++)
			{
				memset(spis[j], 0, sizeof(spis[j]));
				memcpy(spis[j], spi, names[i].digits);
				spi += names[i].digits + 1;
			}
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
size_t nflog_trace_name_stem(char *file, u_int *number)
{
	size_t len = strrchr(file, '.') - file, pos = len;

	while (pos && file[pos - 1] >= '0' && file[pos - 1] <= '9')
	{
		pos--;
	}
	if (pos && pos < len && file[pos - 1] == '.')
	{
		len = pos - 1;
	}
	else
	{
		pos = len;
	}
	if (number)
	{
		*number = atoi(file + pos);
	}
	return len;
}

/*
 * Described in header
 */
bool nflog_trace_name_split(char *file, size_t *stem, u_int *number, bool *decrypted)
{
	static char *extensions[] = { ".pcap", ".pcapng" };
	size_t len = strlen(file);
	char trace[NAME_MAX + 1];
	int i;

	*decrypted = len > strlen(DECRYPTED) &&
				 streq(file + len - strlen(DECRYPTED), DECRYPTED);
	if (!*decrypted)
	{
		*stem = nflog_trace_name_parse(file, NULL) ? nflog_trace_name_stem(file, number) : 0;
		return *stem > 0;
	}
	for (i = 0; i < countof(extensions); i++)
	{
		snprintf(trace, sizeof(trace), "%.*s%s", (int)(len - strlen(DECRYPTED)), file,
				 extensions[i]);
		if (nflog_trace_name_parse(trace, NULL))
		{
			*stem = nflog_trace_name_stem(trace, number);
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
char *nflog_trace_name_decrypted(char *file)
{
	char *name, *end = strrchr(file, '.');
	int len = end ? end - file : strlen(file);

	return asprintf(&name, "%.*s" DECRYPTED, len, file) < 0 ? NULL : name;
}

/**
 * Find the start in the name of a trace, NULL if there is none.
 */
static char *find_start(char *name)
{
	char *pos, *start = NULL;

	/* a label may look like one, too */
	for (pos = strchr(name, '.'); pos; pos = strchr(pos + 1, '.'))
	{
		if (match(".DDDDDDDDTDDDDDDZ.", pos))
		{
			start = pos + 1;
		}
	}
	return start;
}

/*
 * Described in header
 */
time_t nflog_trace_name_get_start(char *name)
{
	char *start = find_start(name);
	struct tm tm = {};

	return start && strptime(start, "%Y%m%dT%H%M%SZ", &tm) ? timegm(&tm) : 0;
}

/*
 * Described in header
 */
char *nflog_trace_name_restart(char *name, time_t start)
{
	char *new = strdup(name), *old = find_start(new), buf[32];

	if (old)
	{
		memcpy(old, write_start(start, buf, sizeof(buf)), strcspn(old, "."));
	}
	return new;
}

/*
 * Described in header
 */
void nflog_trace_name_tmp(char *name, char *buf, size_t len)
{
	snprintf(buf, len, ".%s.%.8lx.tmp", name, random());
}

/*
 * Described in header
 */
bool nflog_trace_name_is_tmp(char *name)
{
	/* what is ever replaced: key tables, and what is beside them */
	static char *replaced[] = {
		"keys", "esp_sa", "ikev1_decryption_table", "ikev2_decryption_table", "preferences",
		"summary.txt",
	};
	static char suffix[] = ".XXXXXXXX.tmp";
	size_t len;
	int i;

	for (i = 0; name[0] == '.' && i < countof(replaced); i++)
	{
		len = strlen(replaced[i]);
		if (strpfx(name + 1, replaced[i]) && match(suffix, name + 1 + len) &&
			!name[1 + len + strlen(suffix)])
		{
			return TRUE;
		}
	}
	return FALSE;
}

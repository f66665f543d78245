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

#include "trace_name.h"

#include <inttypes.h>

/** Bytes of a connection's or child's name in the name of a file */
#define NAME_LEN (NFLOG_NAME_SIZE - 1)

/** Bytes of what a name that was changed ends with, a tilde and 16 hex digits */
#define SUFFIX_LEN 17

/** Bytes of the key of SipHash, see chunk_mac() */
#define SIPHASH_KEY_LEN 16

/**
 * Is a character not fit for the name of a file?
 */
static bool is_unfit(char *name, size_t pos)
{
	return (u_char)name[pos] < ' ' || name[pos] == 0x7f || name[pos] == '/' ||
		   (pos == 0 && name[pos] == '.');
}

/**
 * Does a name end as those do that were changed?
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
	/* not random, names are the same after a restart */
	static u_char key[SIPHASH_KEY_LEN] = {};
	size_t len = strlen(name), i;
	bool changed;

	changed = !len || len > NAME_LEN || has_suffix(name, len);
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
		/* don't cut a UTF-8 character in two */
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
			 chunk_mac(chunk_from_str(name), key));
	return buf;
}

/**
 * Match a string against a template, in which x denotes a hex digit, and d a
 * decimal one.
 */
static bool match(char *template, char *str)
{
	for (; *template; template++, str++)
	{
		switch (*template)
		{
			case 'x':
				if (!*str || !strchr("0123456789abcdef", *str))
				{
					return FALSE;
				}
				break;
			case 'd':
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

/*
 * Described in header
 */
bool nflog_trace_name_is_trace(char *name)
{
	size_t len = strlen(name);

	if (len < 5 || !streq(name + len - 5, ".pcap"))
	{
		return FALSE;
	}
	while ((name = strchr(name, '.')))
	{
		if (match(".ddddddddTddddddZ.xxxxxxxx-xxxxxxxx.", name) ||
			match(".ddddddddTddddddZ.xxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx.", name))
		{
			return TRUE;
		}
		name++;
	}
	return FALSE;
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
	static char suffix[] = ".xxxxxxxx.tmp";
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return name[0] == '.' && len > suffix_len + 1 &&
		   match(suffix, name + len - suffix_len);
}

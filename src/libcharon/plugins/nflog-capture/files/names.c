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

#include "names.h"

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
bool nflog_names_is_trace(char *name)
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
bool nflog_names_is_tmp(char *name)
{
	static char *names[] = {
		"esp_sa", "ikev1_decryption_table", "ikev2_decryption_table", "keys",
		"preferences",
	};
	char buf[64];
	int i;

	for (i = 0; i < countof(names); i++)
	{
		snprintf(buf, sizeof(buf), NFLOG_NAMES_TMP, names[i]);
		if (streq(name, buf))
		{
			return TRUE;
		}
	}
	return FALSE;
}

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

#include "types.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <networking/host.h>

/** bounds of the option buffer_size */
#define MIN_BUFFER (16ULL << 20)
#define MAX_BUFFER (4ULL << 30)

/**
 * Parse a number followed by an optional unit.
 */
static bool parse_units(char *value, char *units, const uint32_t *factors,
						uint64_t max, uint64_t *out)
{
	uint64_t number, factor = 1;
	char *end, *unit;

	/* strtoull() takes blanks and signs as well */
	if (!isdigit(*value))
	{
		return FALSE;
	}
	errno = 0;
	number = strtoull(value, &end, 10);
	while (isblank(*end))
	{
		end++;
	}
	if (*end)
	{
		unit = strchr(units, tolower(*end));
		if (!unit || end[1])
		{
			return FALSE;
		}
		factor = factors[unit - units];
	}
	*out = number * factor;
	return errno == 0 && number <= max / factor;
}

/*
 * Described in header
 */
bool nflog_type_number(char *value, void *out)
{
	uint64_t number;

	if (!parse_units(value, "", NULL, INT_MAX, &number))
	{
		return FALSE;
	}
	*(u_int*)out = number;
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_type_size(char *value, void *out)
{
	static const uint32_t factors[] = { 1 << 10, 1 << 20, 1 << 30 };

	return parse_units(value, "kmg", factors, INT64_MAX, out);
}

/*
 * Described in header
 */
bool nflog_type_file_size(char *value, void *out)
{
	uint64_t *size = out;

	return nflog_type_size(value, size) &&
		   (*size == 0 || *size >= 1024);
}

/*
 * Described in header
 */
bool nflog_type_recorder(char *value, void *out)
{
	uint64_t *size = out;

	return nflog_type_size(value, size) &&
		   (*size == 0 || *size >= NFLOG_RECORDER_MIN);
}

/*
 * Described in header
 */
bool nflog_type_duration(char *value, void *out)
{
	static const uint32_t factors[] = { 1, 60, 60 * 60, 24 * 60 * 60 };
	uint64_t number;

	if (!parse_units(value, "smhd", factors, INT_MAX, &number))
	{
		return FALSE;
	}
	*(u_int*)out = number;
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_type_snaplen(char *value, void *out)
{
	u_int *snaplen = out;

	return nflog_type_number(value, snaplen) &&
		   (*snaplen == 0 || (*snaplen >= 64 && *snaplen <= 65535));
}

/** maximum for the first NFLOG group, as all are 16-bit numbers */
#define MAX_GROUP 65527
_Static_assert(MAX_GROUP == UINT16_MAX + 1 - NFLOG_MAX_GROUPS, "MAX_GROUP");

/*
 * Described in header
 */
bool nflog_type_group(char *value, void *out)
{
	u_int *group = out;

	return nflog_type_number(value, group) && *group <= MAX_GROUP;
}

/*
 * Described in header
 */
bool nflog_type_wait(char *value, void *out)
{
	u_int *wait = out;

	return nflog_type_number(value, wait) && *wait >= 1 && *wait <= NFLOG_MAX_WAIT;
}

/*
 * Described in header
 */
bool nflog_type_buffer(char *value, void *out)
{
	uint64_t *size = out;

	return nflog_type_size(value, size) && *size >= MIN_BUFFER && *size <= MAX_BUFFER;
}

/*
 * Described in header
 */
bool nflog_type_bool(char *value, void *out)
{
	bool *flag = out;

	*flag = settings_value_as_bool(value, FALSE);
	return *flag == settings_value_as_bool(value, TRUE);
}

/*
 * Described in header
 */
bool nflog_type_points(char *value, void *out)
{
	static const struct {
		char *name;
		u_int points;
	} both[] = {
		{ "esp",	1 << POINT_ESP_IN	| 1 << POINT_ESP_OUT	},
		{ "plain",	1 << POINT_PLAIN_IN	| 1 << POINT_PLAIN_OUT	},
		{ "ike",	1 << POINT_IKE_IN	| 1 << POINT_IKE_OUT	},
	};
	nflog_point_t point;
	u_int *points = out, i;
	char name[16];
	size_t len;

	*points = 0;
	for (value += strspn(value, ", \t\n"); *value;
		 value += len + strspn(value + len, ", \t\n"))
	{
		len = strcspn(value, ", \t\n");
		snprintf(name, sizeof(name), "%.*s", (int)len, value);

		for (i = 0; i < countof(both) && !strcaseeq(name, both[i].name); i++)
		{
			/* no match */
		}
		if (i < countof(both))
		{
			*points |= both[i].points;
		}
		else if (len < sizeof(name) &&
				 enum_from_name(nflog_point_names, name, &point))
		{
			*points |= 1 << point;
		}
		else
		{
			return FALSE;
		}
	}
	return *points != 0;
}

/*
 * Described in header
 */
bool nflog_type_link(char *value, void *out)
{
	nflog_link_t *link = out;

	*link = strcaseeq(value, "raw") ? LINK_RAW : LINK_NFLOG;
	return *link == LINK_RAW || strcaseeq(value, "nflog");
}

/*
 * Described in header
 */
bool nflog_type_local(char *value, void *out)
{
	static const struct {
		char *name;
		nflog_local_t local;
	} names[] = {
		{ "any", NFLOG_LOCAL_ANY },
		{ "only", NFLOG_LOCAL_ONLY },
		{ "none", NFLOG_LOCAL_NONE },
	};
	int i;

	for (i = 0; i < countof(names); i++)
	{
		if (strcaseeq(value, names[i].name))
		{
			*(nflog_local_t*)out = names[i].local;
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
bool nflog_type_path(char *value, void *out)
{
	return path_absolute(value);
}

/*
 * Described in header
 */
bool nflog_type_socket(char *value, void *out)
{
	return (strpfx(value, "unix://") && path_absolute(value + strlen("unix://"))) ||
		   (strpfx(value, "systemd://") && value[strlen("systemd://")]);
}

/*
 * Described in header
 */
bool nflog_type_subnet(char *value, void *out)
{
	char *slash = strchr(value, '/'), *addr;
	uint64_t prefix = 0;
	host_t *host;
	bool valid;

	/* libstrongswan accepts any prefix, and names of hosts, which it resolves */
	if (slash && !parse_units(slash + 1, "", NULL, 128, &prefix))
	{
		return FALSE;
	}
	addr = strndup(value, slash ? slash - value : strlen(value));
	host = addr[strspn(addr, "0123456789abcdefABCDEF:.")] ? NULL :
				host_create_from_string(addr, 0);
	valid = host && prefix <= 8 * host->get_address(host).len;
	DESTROY_IF(host);
	free(addr);
	return valid;
}

/**
 * Replace a string.
 */
static void replace(char **out, char *value)
{
	free(*out);
	*out = strdup(value);
}

/*
 * Described in header
 */
bool nflog_type_identity(char *value, void *out)
{
	if (!*value || strlen(value) > NFLOG_MAX_PATTERN)
	{
		return FALSE;
	}
	replace(out, value);
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_type_virtual_ip(char *value, void *out)
{
	if (!nflog_type_subnet(value, NULL))
	{
		return FALSE;
	}
	replace(out, value);
	return TRUE;
}

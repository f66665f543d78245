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

#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/** buffer size for the names of all options */
#define NAMES_LEN 256

/** longest value, parsing longer ones for many children takes too long */
#define MAX_VALUE 4096

/** default of the option max_wait, and the longest time, in ms */
#define DEFAULT_WAIT 100
#define MAX_WAIT 60000

/** default, bounds of the option buffer_size */
#define DEFAULT_BUFFER (64ULL << 20)
#define MIN_BUFFER (16ULL << 20)
#define MAX_BUFFER (4ULL << 30)

#ifndef SWANCTLDIR
#define SWANCTLDIR "/etc/swanctl"
#endif

#ifndef IPSEC_PIDDIR
#define IPSEC_PIDDIR "/run"
#endif

/** default of the option socket, a name that AppArmor's profile of charon allows */
#define DEFAULT_SOCKET "unix://" IPSEC_PIDDIR "/charon.nflog-capture"

typedef struct option_t option_t;

/**
 * Definition of an option.
 */
struct option_t {

	/** name */
	char *name;

	/** parses a value and stores it in out, FALSE if it is invalid */
	bool (*parse)(char *value, void *out);

	/** offset of out in nflog_values_t */
	size_t offset;

	/** allowed values, for log messages */
	char *allowed;

	/** TRUE if it can't be set per child */
	bool global;
};

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

/**
 * Parse a number.
 */
static bool parse_number(char *value, void *out)
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
bool nflog_values_size(char *value, uint64_t *size)
{
	static const uint32_t factors[] = { 1 << 10, 1 << 20, 1 << 30 };

	return parse_units(value, "kmg", factors, INT64_MAX, size);
}

/**
 * Parse a number of bytes.
 */
static bool parse_size(char *value, void *out)
{
	return nflog_values_size(value, out);
}

/**
 * Parse the size of a file, which must hold more than a packet or two.
 */
static bool parse_file_size(char *value, void *out)
{
	uint64_t *size = out;

	return nflog_values_size(value, size) &&
		   (*size == 0 || *size >= 1024);
}

/**
 * Parse a duration in seconds, in the units of strongswan.conf.
 */
static bool parse_duration(char *value, void *out)
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

/**
 * Parse a snaplen, which is of no use if shorter than headers.
 */
static bool parse_snaplen(char *value, void *out)
{
	u_int *snaplen = out;

	return parse_number(value, snaplen) &&
		   (*snaplen == 0 || (*snaplen >= 64 && *snaplen <= 65535));
}

/** maximum for the first NFLOG group, as all are 16-bit numbers */
#define MAX_GROUP 65528
_Static_assert(MAX_GROUP == UINT16_MAX + 1 - NFLOG_MAX_GROUPS, "MAX_GROUP");

/**
 * Parse the first NFLOG group.
 */
static bool parse_group(char *value, void *out)
{
	u_int *group = out;

	return parse_number(value, group) && *group <= MAX_GROUP;
}

/**
 * Parse a time to wait, in ms.
 */
static bool parse_wait(char *value, void *out)
{
	u_int *wait = out;

	return parse_number(value, wait) && *wait >= 1 && *wait <= MAX_WAIT;
}

/**
 * Parse the size of the memory for packets.
 */
static bool parse_buffer(char *value, void *out)
{
	uint64_t *size = out;

	return nflog_values_size(value, size) && *size >= MIN_BUFFER && *size <= MAX_BUFFER;
}

/**
 * Parse a boolean, as settings_t does, but refuse anything else.
 */
static bool parse_bool(char *value, void *out)
{
	bool *flag = out;

	*flag = settings_value_as_bool(value, FALSE);
	return *flag == settings_value_as_bool(value, TRUE);
}

/**
 * Parse a list of capture points.
 */
static bool parse_points(char *value, void *out)
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

/**
 * Parse a link type.
 */
static bool parse_link(char *value, void *out)
{
	nflog_link_t *link = out;

	*link = strcaseeq(value, "raw") ? LINK_RAW : LINK_NFLOG;
	return *link == LINK_RAW || strcaseeq(value, "nflog");
}

/**
 * Parse the format of traces.
 */
static bool parse_format(char *value, void *out)
{
	return strcaseeq(value, "pcap");
}

/**
 * Parse a filter, none if it is empty.
 */
static bool parse_filter(char *value, void *out)
{
	nflog_values_t *values = out;

	DESTROY_IF(values->cfg.filter);
	values->cfg.filter = *value ? values->filters->get(values->filters, value)
								: NULL;
	return values->cfg.filter || !*value;
}

/**
 * Parse the directory of traces.  An invalid one does not matter while another one is
 * in use.
 */
static bool parse_dir(char *value, void *out)
{
	nflog_values_t *values = out;

	values->dir = value;
	return values->used_dir || path_absolute(value);
}

/**
 * Parse a path.
 */
static bool parse_path(char *value, void *out)
{
	return path_absolute(value);
}

/**
 * Parse the URI of a socket that only some may use, unlike one of TCP.
 */
static bool parse_socket(char *value, void *out)
{
	return (strpfx(value, "unix://") && path_absolute(value + strlen("unix://"))) ||
		   (strpfx(value, "systemd://") && value[strlen("systemd://")]);
}

/**
 * Parse an option that the plugin loader has checked.
 */
static bool parse_load(char *value, void *out)
{
	return TRUE;
}

#define CFG(field) offsetof(nflog_values_t, cfg.field)
#define CHECKED offsetof(nflog_values_t, checked)
#define BOOL_ALLOWED "yes or no"
#define SIZE_ALLOWED "a number of bytes with an optional suffix k, m, or g"

/**
 * All options.
 */
static const option_t options[] = {
	{ "enable", parse_bool, offsetof(nflog_values_t, enable), BOOL_ALLOWED, FALSE },
	{ "points", parse_points, CFG(points), "a list of esp-in, esp-out, "
	  "plain-in, plain-out, ike-in, ike-out, esp, plain, and ike", FALSE },
	{ "snaplen", parse_snaplen, CFG(snaplen), "0, or 64 to 65535", FALSE },
	{ "filter", parse_filter, 0, "a filter as in "
	  "pcap-filter(7), of 2048 characters at most, with addresses, not "
	  "names, of hosts", FALSE },
	{ "format", parse_format, CHECKED, "pcap", FALSE },
	{ "link_type", parse_link, CFG(link), "nflog or raw", FALSE },
	{ "file_size", parse_file_size, CFG(file_size),
	  "0, or at least 1k: " SIZE_ALLOWED, FALSE },
	{ "files", parse_number, CFG(files), "a number", FALSE },
	{ "duration", parse_duration, CFG(duration),
	  "a number of seconds, or with a suffix m, h, or d", FALSE },
	{ "running", parse_bool, CFG(running), BOOL_ALLOWED, FALSE },
	{ "esp_keys", parse_bool, CFG(esp_keys), BOOL_ALLOWED, FALSE },
	{ "ike_keys", parse_bool, CFG(ike_keys), BOOL_ALLOWED, FALSE },
	{ "load", parse_load, CHECKED, BOOL_ALLOWED, TRUE },
	{ "dir", parse_dir, 0, "an absolute path", TRUE },
	{ "max_total", parse_size, CHECKED, SIZE_ALLOWED, TRUE },
	{ "buffer_size", parse_buffer, CHECKED, "16m to 4g", TRUE },
	{ "max_wait", parse_wait, CHECKED, "1 to 60000 ms", TRUE },
	{ "group", parse_group, CHECKED, "0 to 65528", TRUE },
	{ "swanctl_conf", parse_path, CHECKED, "an absolute path", TRUE },
	{ "socket", parse_socket, CHECKED, "unix://PATH or systemd://NAME", TRUE },
};

/**
 * Get the names of the options that are allowed in a section.
 */
static char *get_names(bool global, char *buf, size_t len)
{
	size_t pos = 0;
	u_int i;

	for (i = 0; i < countof(options); i++)
	{
		if (pos < len && (global || !options[i].global))
		{
			pos += snprintf(buf + pos, len - pos, "%s%s", pos ? ", " : "",
							options[i].name);
		}
	}
	return buf;
}

/**
 * Note an unknown option or section.
 */
static void refuse_unknown(nflog_values_t *values, nflog_section_t *section,
						   char *what, char *name)
{
	char names[NAMES_LEN];

	values->notes->add(values->notes, "not capturing, %s: %s '%.64s' in section "
			"%s is unknown, allowed are %s", section->file, what, name,
			section->path, get_names(section->global, names, sizeof(names)));
}

/*
 * Described in header
 */
bool nflog_values_apply(nflog_values_t *values, nflog_section_t *section,
						char *key, char *value)
{
	const option_t *option = NULL;
	u_int i;

	for (i = 0; !option && i < countof(options); i++)
	{
		if (streq(options[i].name, key))
		{
			option = &options[i];
		}
	}
	if (!option)
	{
		refuse_unknown(values, section, "option", key);
		return FALSE;
	}
	if (option->global && !section->global)
	{
		values->notes->add(values->notes, "not capturing, %s: option '%s' in "
				"section %s is global, set it in plugins.nflog-capture of "
				"strongswan.conf", section->file, key, section->path);
		return FALSE;
	}
	value = value ?: "";
	if (strnlen(value, MAX_VALUE + 1) > MAX_VALUE ||
		!option->parse(value, (char*)values + option->offset))
	{
		values->notes->add(values->notes, "not capturing, %s: value '%.64s' of "
				"option '%s' in section %s is invalid, expected %s",
				section->file, value, key, section->path, option->allowed);
		return FALSE;
	}
	if (option->offset == CFG(files))
	{
		values->files = section;
	}
	return TRUE;
}

/*
 * Described in header
 */
void nflog_values_refuse(nflog_values_t *values, nflog_section_t *section,
						 char *name)
{
	refuse_unknown(values, section, "section", name);
}

/*
 * Described in header
 */
bool nflog_values_check(nflog_values_t *values)
{
	if (values->cfg.files && !values->cfg.file_size && !values->cfg.duration)
	{
		values->notes->add(values->notes, "not capturing, %s: value '%u' of "
				"option 'files' in section %s is invalid, it requires "
				"file_size or duration", values->files->file,
				values->cfg.files, values->files->path);
		return FALSE;
	}
	return TRUE;
}

/*
 * Described in header
 */
u_int nflog_values_max_wait()
{
	int wait;

	wait = lib->settings->get_int(lib->settings,
								  "%s.plugins.nflog-capture.max_wait",
								  DEFAULT_WAIT, lib->ns);
	return min(max(wait, 1), MAX_WAIT);
}

/*
 * Described in header
 */
uint64_t nflog_values_buffer_size()
{
	uint64_t size;
	char *value;

	value = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.buffer_size",
								   "", lib->ns);
	/* an invalid one is logged when options are read */
	return parse_buffer(value, &size) ? size : DEFAULT_BUFFER;
}

/*
 * Described in header
 */
char *nflog_values_socket()
{
	char *uri;

	uri = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.socket",
								 DEFAULT_SOCKET, lib->ns);
	/* an invalid one is logged when options are read */
	return parse_socket(uri, NULL) ? uri : DEFAULT_SOCKET;
}

/**
 * Get the path of swanctl.conf that swanctl uses by default.
 */
static char *get_swanctl_default(char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/swanctl.conf", getenv("SWANCTL_DIR") ?: SWANCTLDIR);
	return path;
}

/*
 * Described in header
 */
char *nflog_values_swanctl_conf()
{
	char path[PATH_MAX];

	return strdup(lib->settings->get_str(lib->settings,
									"%s.plugins.nflog-capture.swanctl_conf",
									get_swanctl_default(path), lib->ns));
}

/*
 * Described in header
 */
bool nflog_values_is_swanctl_default(char *path)
{
	char standard[PATH_MAX];

	return streq(path, get_swanctl_default(standard));
}

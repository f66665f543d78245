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
#include "types.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/** buffer size for the names of all options */
#define NAMES_LEN 1024

/** longest value, parsing longer ones for many children takes too long */
#define MAX_VALUE 4096

/** default of the option max_wait, in ms */
#define DEFAULT_WAIT 100

/** defaults of the options recorder_total, recorder_interval (s) and recorder_lost */
#define DEFAULT_RECORDER_TOTAL (1ULL << 30)
#define DEFAULT_RECORDER_INTERVAL 60
#define DEFAULT_RECORDER_LOST 100

/** default of the option buffer_size */
#define DEFAULT_BUFFER (64ULL << 20)

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

	/** parses a value and stores it in out, FALSE if it is invalid, NULL for a filter */
	bool (*parse)(char *value, void *out);

	/** offset of out in nflog_values_t, and its size, 0 if it is not kept */
	size_t offset, size;

	/** allowed values, for log messages */
	char *allowed;

	/** TRUE if it can't be set per child */
	bool global;
};

/**
 * Parse a filter, none if it is empty.
 */
static bool parse_filter(nflog_filters_t *filters, char *value, nflog_filter_t **out)
{
	DESTROY_IF(*out);
	*out = *value ? filters->get(filters, value) : NULL;
	return *out || !*value;
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
 * Accept any value, as that is checked where it is used.
 */
static bool parse_any(char *value, void *out)
{
	return TRUE;
}

#define CFG(field) offsetof(nflog_values_t, cfg.field), sizeof(((nflog_cfg_t*)0)->field)
#define CHECKED offsetof(nflog_values_t, checked), 0
#define BOOL_ALLOWED "yes or no"
#define FILTER_ALLOWED "a filter as in pcap-filter(7), of 2048 characters at most, with " \
	"addresses, not names, of hosts"
#define DURATION_ALLOWED "a number of seconds, or with a suffix m, h, or d"
#define SIZE_ALLOWED "a number of bytes with an optional suffix k, m, or g"

/**
 * All options.
 */
static const option_t options[] = {
	{ "enable", nflog_type_bool, CFG(enable), BOOL_ALLOWED, FALSE },
	{ "points", nflog_type_points, CFG(points), "a list of esp-in, esp-out, "
	  "plain-in, plain-out, ike-in, ike-out, esp, plain, ike, dropped, and missed", FALSE },
	{ "snaplen", nflog_type_snaplen, CFG(snaplen), "0, or 64 to 65535", FALSE },
	{ "filter", NULL, CFG(filter), FILTER_ALLOWED, FALSE },
	{ "filter_esp", NULL, CFG(filter_esp), FILTER_ALLOWED, FALSE },
	{ "filter_ike", NULL, CFG(filter_ike), FILTER_ALLOWED, FALSE },
	{ "local", nflog_type_local, CFG(local), "any, only, or none", FALSE },
	{ "identity", nflog_type_identity, CFG(identity), "a pattern of 1 to 255 characters",
	  FALSE },
	{ "virtual_ip", nflog_type_virtual_ip, CFG(virtual_ip), "an address or a subnet", FALSE },
	{ "link_type", nflog_type_link, CFG(link), "nflog or raw", FALSE },
	{ "file_size", nflog_type_file_size, CFG(file_size),
	  "0, or at least 1k: " SIZE_ALLOWED, FALSE },
	{ "files", nflog_type_number, CFG(files), "a number", FALSE },
	{ "duration", nflog_type_duration, CFG(duration), DURATION_ALLOWED, FALSE },
	{ "recorder", nflog_type_recorder, CFG(recorder),
	  "0, or at least 1m: " SIZE_ALLOWED, FALSE },
	{ "recorder_after", nflog_type_duration, CFG(recorder_after), DURATION_ALLOWED, FALSE },
	{ "running", nflog_type_bool, CFG(running), BOOL_ALLOWED, FALSE },
	{ "esp_keys", nflog_type_bool, CFG(esp_keys), BOOL_ALLOWED, FALSE },
	{ "ike_keys", nflog_type_bool, CFG(ike_keys), BOOL_ALLOWED, FALSE },
	{ "load", parse_any, CHECKED, BOOL_ALLOWED, TRUE },
	{ "dir", parse_dir, 0, 0, "an absolute path", TRUE },
	{ "max_total", nflog_type_size, CHECKED, SIZE_ALLOWED, TRUE },
	{ "recorder_total", nflog_type_size, CHECKED, SIZE_ALLOWED, TRUE },
	{ "recorder_interval", nflog_type_duration, CHECKED, DURATION_ALLOWED, TRUE },
	{ "recorder_lost", nflog_type_number, CHECKED, "a number", TRUE },
	{ "min_free", nflog_type_size, CHECKED, SIZE_ALLOWED, TRUE },
	{ "buffer_size", nflog_type_buffer, CHECKED, "16m to 4g", TRUE },
	{ "max_wait", nflog_type_wait, CHECKED, "1 to 60000 ms", TRUE },
	{ "group", nflog_type_group, CHECKED, "0 to 65527", TRUE },
	{ "group_read", parse_any, CHECKED, "the name or number of a group", TRUE },
	{ "swanctl_conf", nflog_type_path, CHECKED, "an absolute path", TRUE },
	{ "socket", nflog_type_socket, CHECKED, "unix://PATH or systemd://NAME", TRUE },
};

/*
 * Described in header
 */
bool nflog_values_is_request(char *name)
{
	return !streq(name, "enable") && !streq(name, "running");
}

/**
 * Get the names of the options that are allowed in a section.
 */
static char *get_names(nflog_section_t *section, char *buf, size_t len)
{
	bool global = section->global;
	size_t pos = 0;
	u_int i;

	for (i = 0; i < countof(options); i++)
	{
		if (!section->file && !nflog_values_is_request(options[i].name))
		{
			continue;
		}
		if (pos < len && (global || !options[i].global))
		{
			pos += snprintf(buf + pos, len - pos, "%s%s", pos ? ", " : "",
							options[i].name);
		}
	}
	return buf;
}

/**
 * Note why options are refused.
 *
 * @param format	printf format string
 */
static void refuse(nflog_values_t *values, nflog_section_t *section, char *format, ...)
{
	char text[MAX_VALUE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (section->file)
	{
		values->notes->add(values->notes, "not capturing, %s: %s", section->file, text);
	}
	else
	{
		values->notes->add(values->notes, "%s", text);
	}
}

/**
 * Describe where an option is.
 */
static char *get_place(nflog_section_t *section, char *buf, size_t len)
{
	snprintf(buf, len, "%s%s", section->file ? " in section " : "", section->path);
	return buf;
}

/** buffer size for the place of an option */
#define PLACE_LEN (sizeof(((nflog_section_t*)0)->path) + 16)

/**
 * Note an unknown option or section.
 */
static void refuse_unknown(nflog_values_t *values, nflog_section_t *section,
						   char *what, char *name)
{
	char names[NAMES_LEN], place[PLACE_LEN];

	refuse(values, section, "%s '%.64s'%s is unknown, allowed are %s", what, name,
		   get_place(section, place, sizeof(place)),
		   get_names(section, names, sizeof(names)));
}

/**
 * Find an option by its name, NULL if there is none.
 */
static const option_t *find_option(char *name)
{
	u_int i;

	for (i = 0; i < countof(options); i++)
	{
		if (streq(options[i].name, name))
		{
			return &options[i];
		}
	}
	return NULL;
}

/**
 * Parse the value of an option.
 */
static bool parse_value(nflog_values_t *values, const option_t *option, char *value)
{
	void *out = (char*)values + option->offset;
	uint64_t former = 0;
	bool valid;

	if (strnlen(value, MAX_VALUE + 1) > MAX_VALUE)
	{
		return FALSE;
	}
	if (!option->parse)
	{
		return parse_filter(values->filters, value, out);
	}
	memcpy(&former, out, option->size);
	valid = option->parse(value, out);
	if (!valid)
	{	/* it may be out of range, and its place is not known */
		memcpy(out, &former, option->size);
	}
	return valid;
}

/*
 * Described in header
 */
bool nflog_values_apply(nflog_values_t *values, nflog_section_t *section,
						char *key, char *value)
{
	const option_t *option = find_option(key);
	nflog_place_t set = { section, section->file };
	char place[PLACE_LEN];

	if (!option)
	{
		refuse_unknown(values, section, "option", key);
		return FALSE;
	}
	get_place(section, place, sizeof(place));
	if (option->global && !section->global)
	{
		refuse(values, section, "option '%s'%s is global, set it in "
			   "plugins.nflog-capture of strongswan.conf", key, place);
		return FALSE;
	}
	if (!parse_value(values, option, value ?: ""))
	{
		if (streq(key, "enable"))
		{	/* it is not known that it is to end */
			values->cfg.enable = TRUE;
		}
		refuse(values, section, "value '%.64s' of option '%s'%s is invalid, expected %s",
			   value ?: "", key, place, option->allowed);
		return FALSE;
	}
	values->set |= 1ULL << (option - options);
	if (streq(key, "files"))
	{
		values->files = set;
	}
	else if (streq(key, "filter"))
	{
		values->filter = set;
	}
	else if (streq(key, "local"))
	{
		values->local = set;
	}
	else if (streq(key, "recorder"))
	{
		values->recorder = set;
	}
	return TRUE;
}
_Static_assert(countof(options) <= 64, "nflog_values_t.set");

/*
 * Described in header
 */
void nflog_values_override(nflog_values_t *values, nflog_cfg_t *cfg)
{
	nflog_cfg_t *former = nflog_cfg_clone(&values->cfg);
	size_t offset, size;
	uint64_t value;
	u_int i;

	for (i = 0; i < countof(options); i++)
	{
		size = options[i].size;
		if (values->set & 1ULL << i && size)
		{	/* swap them, so that each owns what it points to */
			offset = options[i].offset - offsetof(nflog_values_t, cfg);
			memcpy(&value, (char*)cfg + offset, size);
			memcpy((char*)cfg + offset, (char*)former + offset, size);
			memcpy((char*)former + offset, &value, size);
		}
	}
	/* a recorder is no ring of the trace */
	if (values->cfg.recorder)
	{
		cfg->file_size = cfg->files = cfg->duration = 0;
	}
	else if (values->cfg.file_size || values->cfg.duration)
	{
		cfg->recorder = 0;
	}
	nflog_cfg_destroy(former);
}

/*
 * Described in header
 */
void nflog_values_refuse(nflog_values_t *values, nflog_section_t *section,
						 char *name)
{
	refuse_unknown(values, section, "section", name);
}

/**
 * Get the section with an option, in the file that has the option.
 */
static nflog_section_t *get_section(nflog_place_t *place)
{
	place->section->file = place->file;
	return place->section;
}

/**
 * Check if an option was applied.
 */
static bool is_set(nflog_values_t *values, char *name)
{
	return values->set & 1ULL << (find_option(name) - options);
}

/*
 * Described in header
 */
bool nflog_values_check(nflog_values_t *values)
{
	bool plain = !values->cfg.points ||
				 values->cfg.points & (1 << POINT_PLAIN_IN | 1 << POINT_PLAIN_OUT |
									   1 << POINT_MISSED);
	char place[PLACE_LEN];

	if (values->cfg.recorder &&
		(values->cfg.file_size || values->cfg.files || values->cfg.duration))
	{
		refuse(values, get_section(&values->recorder), "option 'recorder'%s is invalid, it "
			   "keeps the newest packets by itself, remove file_size, files and duration",
			   get_place(values->recorder.section, place, sizeof(place)));
		return FALSE;
	}
	if (values->cfg.recorder && !is_set(values, "enable"))
	{
		values->cfg.enable = TRUE;
	}
	if (values->cfg.files && !values->cfg.file_size && !values->cfg.duration)
	{
		refuse(values, get_section(&values->files), "value '%u' of option 'files'%s is "
			   "invalid, it requires file_size or duration", values->cfg.files,
			   get_place(values->files.section, place, sizeof(place)));
		return FALSE;
	}
	if (values->cfg.filter && !plain)
	{	/* everything would be stored */
		refuse(values, get_section(&values->filter), "option 'filter'%s is invalid, it "
			   "applies to packets in the clear, which points lacks, set filter_esp or filter_ike",
			   get_place(values->filter.section, place, sizeof(place)));
		return FALSE;
	}
	if (values->cfg.local && !plain)
	{
		refuse(values, get_section(&values->local), "option 'local'%s is invalid, it "
			   "applies to packets in the clear, which points lacks",
			   get_place(values->local.section, place, sizeof(place)));
		return FALSE;
	}
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_values_size(char *value, uint64_t *size)
{
	return nflog_type_size(value, size);
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
	return min(max(wait, 1), NFLOG_MAX_WAIT);
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
	return nflog_type_buffer(value, &size) ? size : DEFAULT_BUFFER;
}

/**
 * Get the value of a global option, empty if it is not set.
 */
static char *get_global(char *name)
{
	return lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.%s", "", lib->ns,
								  name);
}

/*
 * Described in header
 */
uint64_t nflog_values_recorder_total()
{
	uint64_t total;

	return nflog_type_size(get_global("recorder_total"), &total) ? total
																 : DEFAULT_RECORDER_TOTAL;
}

/*
 * Described in header
 */
u_int nflog_values_recorder_interval()
{
	u_int interval;

	return nflog_type_duration(get_global("recorder_interval"), &interval)
				? interval : DEFAULT_RECORDER_INTERVAL;
}

/*
 * Described in header
 */
u_int nflog_values_recorder_lost()
{
	u_int lost;

	return nflog_type_number(get_global("recorder_lost"), &lost) ? lost
																  : DEFAULT_RECORDER_LOST;
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
	return nflog_type_socket(uri, NULL) ? uri : DEFAULT_SOCKET;
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
char *nflog_values_group_read()
{
	char *name;

	name = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.group_read",
								  "", lib->ns);
	return *name ? name : NULL;
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

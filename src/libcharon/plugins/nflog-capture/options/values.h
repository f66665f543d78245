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

/**
 * @defgroup nflog_values nflog_values
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_VALUES_H_
#define NFLOG_VALUES_H_

typedef struct nflog_section_t nflog_section_t;
typedef struct nflog_values_t nflog_values_t;

#include "cfg.h"
#include "notes.h"

/** longest name of a connection or child, settings_t finds no longer one */
#define NFLOG_MAX_NAME 127

/** NFLOG groups that may be used, from the option "group" on */
#define NFLOG_MAX_GROUPS 8

/**
 * A section with options, for log messages.
 */
struct nflog_section_t {

	/** file that it is in */
	char *file;

	/** path of the section in that file */
	char path[2 * NFLOG_MAX_NAME + 128];

	/** does it apply to all children? */
	bool global;
};

/**
 * Values of the options.
 */
struct nflog_values_t {

	/** configuration of a capture */
	nflog_cfg_t cfg;

	/** is the CHILD_SA to be captured? */
	bool enable;

	/** directory of all traces, NULL for the default */
	char *dir;

	/** the directory that is in use, whatever the option is now, NULL if none is */
	char *used_dir;

	/** section that has the number of files, NULL if none has */
	nflog_section_t *files;

	/** compiles filters */
	nflog_filters_t *filters;

	/** gets a line for whatever is not valid */
	nflog_notes_t *notes;

	/** value of an option that is only checked here, u_int or uint64_t */
	uint64_t checked;
};

/**
 * Apply an option.
 *
 * An empty filter is none.  No other option may be empty.
 *
 * @param values	receives the value
 * @param section	section that the option is in
 * @param key		name of the option
 * @param value		its value, NULL if empty
 * @return			FALSE if not valid, which has been noted
 */
bool nflog_values_apply(nflog_values_t *values, nflog_section_t *section,
						char *key, char *value);

/**
 * Note a section that is not known.
 *
 * @param values	values of the options
 * @param section	section that it is in
 * @param name		its name
 */
void nflog_values_refuse(nflog_values_t *values, nflog_section_t *section,
						 char *name);

/**
 * Check if values fit together, once all are applied.
 *
 * @return			FALSE if not, which has been noted
 */
bool nflog_values_check(nflog_values_t *values);

/**
 * Parse a number of bytes, with an optional suffix k, m, or g.
 *
 * @param value		value of an option
 * @param size		receives the number
 * @return			FALSE if not valid
 */
bool nflog_values_size(char *value, uint64_t *size);

/**
 * Get the option max_wait: how long charon's threads may wait for rules to be in place,
 * or for changes of swanctl.conf to be read.
 *
 * @return			ms, 1 to 60000
 */
u_int nflog_values_max_wait();

/**
 * Get the path of swanctl.conf: the option swanctl_conf, or the default of swanctl.
 *
 * @return			path (allocated)
 */
char *nflog_values_swanctl();

/**
 * Check if a path is that of swanctl.conf by default, where it need not exist.
 *
 * @return			TRUE if so
 */
bool nflog_values_is_swanctl_default(char *path);

#endif /** NFLOG_VALUES_H_ @}*/

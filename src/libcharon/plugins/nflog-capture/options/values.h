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

#include "notes.h"
#include "types.h"

/** what to do if charon may not access something */
#define NFLOG_ACCESS_REMEDY "give charon access, if AppArmor confines it with " \
							"abstractions/nflog-capture"

/** longest name of a connection or child, settings_t finds no longer ones */
#define NFLOG_MAX_NAME 127

/**
 * A section with options, for log messages.
 */
struct nflog_section_t {

	/** file with the option that is applied, NULL for the options of a request */
	char *file;

	/** path of the section in that file */
	char path[2 * NFLOG_MAX_NAME + 128];

	/** TRUE if it applies to all children */
	bool global;
};

/**
 * Where an option is set.
 */
typedef struct {

	/** section, not owned */
	nflog_section_t *section;

	/** file of the section that has the option, not owned */
	char *file;
} nflog_place_t;

/**
 * Values of the options.
 */
struct nflog_values_t {

	/** configuration of a capture */
	nflog_cfg_t cfg;

	/** directory of traces, not owned, NULL for the default */
	char *dir;

	/** directory of traces in use, whatever dir is, not owned, NULL if none is */
	char *used_dir;

	/** sections that set the options "files", "filter", "local" and "recorder", not owned,
	 * NULL if none does */
	nflog_place_t files, filter, local, recorder;

	/** compiles filters, not owned */
	nflog_filters_t *filters;

	/** gets a line for each unknown or invalid option, not owned */
	nflog_notes_t *notes;

	/** options that were applied, a bit for each */
	uint64_t set;

	/** value of an option that is only checked, u_int or uint64_t */
	uint64_t checked;
};

/**
 * Check if a request may set an option, if there is one with this name: the request itself
 * says what is captured.
 */
bool nflog_values_is_request(char *name);

/**
 * Apply an option.
 *
 * An empty filter is no filter, no other option may be empty.
 *
 * @param values	receives the value
 * @param section	section of the option, not owned
 * @param key		name of the option
 * @param value		its value, NULL if empty
 * @return			FALSE if unknown or invalid, already noted
 */
bool nflog_values_apply(nflog_values_t *values, nflog_section_t *section,
						char *key, char *value);

/**
 * Override a configuration with the options that were applied.
 *
 * @param values	values of the options
 * @param cfg		configuration to change
 */
void nflog_values_override(nflog_values_t *values, nflog_cfg_t *cfg);

/**
 * Note an unknown section.
 *
 * @param values	values of the options
 * @param section	section that it is in
 * @param name		its name
 */
void nflog_values_refuse(nflog_values_t *values, nflog_section_t *section,
						 char *name);

/**
 * Check if values are consistent, after all were applied.  A recorder enables the capture,
 * unless that is set.
 *
 * @return			FALSE if not, already noted
 */
bool nflog_values_check(nflog_values_t *values);

/**
 * Parse a number of bytes, with an optional suffix k, m, or g.
 *
 * @param value		value of an option
 * @param size		receives the number of bytes, below 2^63
 * @return			FALSE if invalid
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
 * Get the option buffer_size: how much memory packets may take that wait to be written.
 *
 * @return			bytes, 16 MiB to 4 GiB
 */
uint64_t nflog_values_buffer_size();

/**
 * Get the option recorder_total: how much the folders of recorders may take.
 *
 * @return			bytes, 0 for no limit
 */
uint64_t nflog_values_recorder_total();

/**
 * Get the option recorder_interval: how often a connection may get a folder.
 *
 * @return			s
 */
u_int nflog_values_recorder_interval();

/**
 * Get the option recorder_lost: how many packets have to be lost to be saved.
 *
 * @return			packets in ten seconds, 0 for never
 */
u_int nflog_values_recorder_lost();

/**
 * Get the option socket: the URI of the control socket.
 *
 * @return			URI, internal data of lib->settings
 */
char *nflog_values_socket();

/**
 * Get the option group_read: the group that may read traces.
 *
 * @return			name or number, internal data of lib->settings, NULL for none
 */
char *nflog_values_group_read();

/**
 * Get the path of swanctl.conf: the option swanctl_conf, or the default of swanctl.
 *
 * @return			path (allocated)
 */
char *nflog_values_swanctl_conf();

/**
 * Check if a path is that of swanctl.conf by default, where it need not exist.
 *
 * @return			TRUE if so
 */
bool nflog_values_is_swanctl_default(char *path);

#endif /** NFLOG_VALUES_H_ @}*/

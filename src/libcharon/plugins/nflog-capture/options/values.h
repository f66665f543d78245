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

#include <collections/linked_list.h>

#include "cfg.h"

/** settings_t finds no section with a longer name */
#define NFLOG_MAX_NAME 127

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

	/** what is handed out */
	nflog_cfg_t cfg;

	/** is the CHILD_SA to be captured? */
	bool enable;

	/** what is not valid, char* that can be logged, owned by the caller */
	linked_list_t *invalid;

	/** section that has the number of files, NULL if none has */
	nflog_section_t *files;

	/** value of an option that is only checked here, u_int or uint64_t */
	uint64_t checked;
};

/**
 * Apply an option.
 *
 * An unknown option, and a value that is not valid, is added to what is invalid.
 *
 * @param values	receives the value
 * @param section	section that the option is in
 * @param key		name of the option
 * @param value		its value, NULL for a section
 * @return			FALSE if not valid
 */
bool nflog_values_apply(nflog_values_t *values,
						nflog_section_t *section, char *key,
						char *value);

/**
 * Check if values fit together, once all are applied.
 *
 * @return			FALSE if not, which is added to what is invalid
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
 * Get for how long charon's threads may wait for rules to be in place, or for changes
 * of swanctl.conf to be read, as the option max_wait says.
 *
 * @return			ms
 */
u_int nflog_values_max_wait();

#endif /** NFLOG_VALUES_H_ @}*/

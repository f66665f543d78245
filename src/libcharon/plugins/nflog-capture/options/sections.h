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
 * @defgroup nflog_sections nflog_sections
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SECTIONS_H_
#define NFLOG_SECTIONS_H_

typedef struct nflog_sections_t nflog_sections_t;

#include <library.h>

/** limit for sections, settings, and references in all, each takes about 150 bytes
 * plus name and value */
#define NFLOG_MAX_SETTINGS 1000000

/**
 * Sections and settings of a file in the format of strongswan.conf.
 *
 * Look-ups return what those of strongSwan's settings_t do, which can't be used for a
 * file that is read unasked whenever it changes: circular references exhaust its
 * stack, nested ones take exponential time, and adding sections takes quadratic time.
 *
 * Values may be secrets and are wiped.  Not thread-safe.
 */
struct nflog_sections_t {

	/**
	 * Begin a section within the current one, or continue it if it exists.
	 *
	 * @param name		name (gets adopted)
	 * @return			FALSE if NFLOG_MAX_SETTINGS is exceeded
	 */
	bool (*begin)(nflog_sections_t *this, char *name);

	/**
	 * Let the current section inherit what it lacks from another section.
	 *
	 * @param path		names of sections, separated by dots (gets adopted)
	 * @return			FALSE if a limit is exceeded
	 */
	bool (*refer)(nflog_sections_t *this, char *path);

	/**
	 * Set a value in the current section.
	 *
	 * @param key		key (gets adopted)
	 * @param value		value (gets adopted), NULL for none
	 * @param file		path of the file that has it, NULL if not known
	 * @return			FALSE if NFLOG_MAX_SETTINGS is exceeded
	 */
	bool (*set)(nflog_sections_t *this, char *key, char *value, char *file);

	/**
	 * End the current section.
	 */
	void (*end)(nflog_sections_t *this);

	/**
	 * Enumerate the sections and settings in a section.
	 *
	 * An empty assignment clears a value that was set before, or that is inherited,
	 * see strongswan.conf(5).  If there is none, it is enumerated as NULL.
	 *
	 * @param names		names of sections down to it, terminated by NULL
	 * @return			enumerator over (char *name, char *value, bool is_section,
	 *					char *file), file of a setting, NULL if not known; NULL if there
	 *					are circular or too many references
	 */
	enumerator_t *(*create_enumerator)(nflog_sections_t *this, char *names, ...);

	/**
	 * Wipe all values, and destroy a nflog_sections_t.
	 */
	void (*destroy)(nflog_sections_t *this);
};

/**
 * Create a nflog_sections_t instance.
 */
nflog_sections_t *nflog_sections_create();

/**
 * Copy the plugin's section of lib->settings, for a thread that may outlive these.
 *
 * As settings_t does not enumerate settings without a value, the copy has none.
 *
 * @return			instance, with what is in that section at its top level
 */
nflog_sections_t *nflog_sections_create_copy();

#endif /** NFLOG_SECTIONS_H_ @}*/

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

/** sections, settings, and references that there may be in all, of about 150 bytes
 * each beside their names and values */
#define NFLOG_MAX_SETTINGS 1000000

/**
 * Sections and settings of a file in the format of strongswan.conf.
 *
 * Looks up the same as strongSwan's settings_t does, which can't be used for a
 * file that is read unasked when it changes: references from section to section
 * that go round in a circle exhaust its stack, others its time, and to add
 * sections takes it a time that grows with the square of their number.
 *
 * There may be secrets in it, so all values are wiped.  Not thread-safe.
 */
struct nflog_sections_t {

	/**
	 * Begin a section within the current one, which may be there already.
	 *
	 * @param name		name (gets adopted)
	 * @return			FALSE if there are too many
	 */
	bool (*begin)(nflog_sections_t *this, char *name);

	/**
	 * Have the current section refer to another one, for what it has not itself.
	 *
	 * @param path		names of sections, with dots between (gets adopted)
	 * @return			FALSE if there are too many
	 */
	bool (*refer)(nflog_sections_t *this, char *path);

	/**
	 * Set a value in the current section.
	 *
	 * @param key		key (gets adopted)
	 * @param value		value (gets adopted), NULL for none
	 * @return			FALSE if there are too many
	 */
	bool (*set)(nflog_sections_t *this, char *key, char *value);

	/**
	 * End the current section.
	 *
	 * @return			FALSE if there was none
	 */
	bool (*end)(nflog_sections_t *this);

	/**
	 * Enumerate the sections in a section.
	 *
	 * @param names		names of sections down to it, terminated by NULL
	 * @return			enumerator over (char *name), NULL if there are circular
	 *					or too many references
	 */
	enumerator_t *(*create_section_enumerator)(nflog_sections_t *this,
											   char *names, ...);

	/**
	 * Enumerate the keys and values in a section.
	 *
	 * An empty assignment clears a value that was set before, or that a section
	 * refers to, as strongswan.conf(5) describes it.  If there is none, it is
	 * enumerated as NULL.
	 *
	 * @param names		names of sections down to it, terminated by NULL
	 * @return			enumerator over (char *key, char *value), NULL if there
	 *					are circular or too many references
	 */
	enumerator_t *(*create_key_value_enumerator)(nflog_sections_t *this,
												 char *names, ...);

	/**
	 * Wipe all values, and destroy a nflog_sections_t.
	 */
	void (*destroy)(nflog_sections_t *this);
};

/**
 * Create a nflog_sections_t instance.
 */
nflog_sections_t *nflog_sections_create();

#endif /** NFLOG_SECTIONS_H_ @}*/

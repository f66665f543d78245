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
 * @defgroup nflog_pins nflog_pins
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PINS_H_
#define NFLOG_PINS_H_

typedef struct nflog_pins_t nflog_pins_t;

#include <library.h>
#include <collections/enumerator.h>

/**
 * Files whose keys have to stay, whether or not the files are there: those of running
 * traces, as a recorder removes all files of an SA that has no traffic for a while, and
 * those in folders that are not complete.
 *
 * Used by the writer's thread only.
 */
struct nflog_pins_t {

	/**
	 * Add a file, which may be there several times.
	 *
	 * @param dir		directory of the connection
	 * @param name		name of the file, or of its trace
	 */
	void (*add)(nflog_pins_t *this, char *dir, char *name);

	/**
	 * Remove a file that was added, once.
	 *
	 * @param dir		directory of the connection
	 * @param name		name of the file, or of its trace
	 */
	void (*remove)(nflog_pins_t *this, char *dir, char *name);

	/**
	 * Enumerate the files of a connection.
	 *
	 * @param dir		directory of the connection
	 * @return			enumerator over char*, names of files
	 */
	enumerator_t *(*create_enumerator)(nflog_pins_t *this, char *dir);

	/**
	 * Destroy a nflog_pins_t.
	 */
	void (*destroy)(nflog_pins_t *this);
};

/**
 * Create a nflog_pins_t instance.
 */
nflog_pins_t *nflog_pins_create();

#endif /** NFLOG_PINS_H_ @}*/

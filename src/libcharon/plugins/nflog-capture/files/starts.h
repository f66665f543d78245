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
 * @defgroup nflog_starts nflog_starts
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_STARTS_H_
#define NFLOG_STARTS_H_

typedef struct nflog_starts_t nflog_starts_t;

#include <library.h>

/**
 * Lets each trace of an SA, and each part of a rotated one, have a later start in its name
 * than those before, as names in between are those of one trace.
 *
 * Remembers starts for a minute.
 *
 * Used by the writer's thread only.
 */
struct nflog_starts_t {

	/**
	 * Get the name for a trace that begins, or continues in a new file.
	 *
	 * @param dir		directory of the trace
	 * @param name		name of the trace
	 * @param start		its start, seconds since 1970
	 * @return			name with that start, or the first one after those before
	 *					(allocated)
	 */
	char *(*take)(nflog_starts_t *this, char *dir, char *name, time_t start);

	/**
	 * Destroy a nflog_starts_t.
	 */
	void (*destroy)(nflog_starts_t *this);
};

/**
 * Create a nflog_starts_t instance.
 */
nflog_starts_t *nflog_starts_create();

#endif /** NFLOG_STARTS_H_ @}*/

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
 * @defgroup nflog_draining nflog_draining
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DRAINING_H_
#define NFLOG_DRAINING_H_

typedef struct nflog_draining_t nflog_draining_t;

#include "rules/sa.h"

/**
 * SAs without rules, some packets of which have yet to be read.
 *
 * Any thread may add SAs, all else is done by the thread that reads.
 */
struct nflog_draining_t {

	/**
	 * Add an SA, the rules of which were removed just now.
	 *
	 * @param sa		SA, not owned
	 */
	void (*add)(nflog_draining_t *this, nflog_sa_t *sa);

	/**
	 * Check if there are any SAs.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_draining_t *this);

	/**
	 * Remove an SA of which all packets were read, or won't come anymore.
	 *
	 * @param idle		TRUE if there is nothing to read
	 * @return			SA, NULL if there is none
	 */
	nflog_sa_t *(*remove)(nflog_draining_t *this, bool idle);

	/**
	 * Destroy a nflog_draining_t.
	 */
	void (*destroy)(nflog_draining_t *this);
};

/**
 * Create a nflog_draining_t instance.
 */
nflog_draining_t *nflog_draining_create();

#endif /** NFLOG_DRAINING_H_ @}*/

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
 * @defgroup nflog_tally nflog_tally
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TALLY_H_
#define NFLOG_TALLY_H_

typedef struct nflog_tally_t nflog_tally_t;

#include <library.h>

/**
 * Counts packets by why they went astray, for the end line of their trace.
 *
 * The number of reasons is bounded, packets of others are counted together.  Used by the
 * thread that adds packets, and by the writer's once that has released the trace.
 */
struct nflog_tally_t {

	/**
	 * Count packets.
	 *
	 * @param reason	why they went astray, cloned
	 * @param count		number of packets
	 */
	void (*add)(nflog_tally_t *this, char *reason, uint64_t count);

	/**
	 * Set what the counts lack.
	 *
	 * @param note		text, cloned
	 */
	void (*set_note)(nflog_tally_t *this, char *note);

	/**
	 * Describe the counts, the highest first.
	 *
	 * @param buf		receives ": 12 unknown SPI (XfrmInNoStates), 3 ...", empty if there are
	 *					none, and the note
	 * @param len		size of buf
	 */
	void (*describe)(nflog_tally_t *this, char *buf, size_t len);

	/**
	 * Destroy a nflog_tally_t.
	 */
	void (*destroy)(nflog_tally_t *this);
};

/**
 * Create a nflog_tally_t instance.
 */
nflog_tally_t *nflog_tally_create();

#endif /** NFLOG_TALLY_H_ @}*/

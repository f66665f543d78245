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
 * @defgroup nflog_awaiting nflog_awaiting
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_AWAITING_H_
#define NFLOG_AWAITING_H_

typedef struct nflog_awaiting_t nflog_awaiting_t;

#include "ending.h"
#include "lanes.h"
#include "misses.h"
#include "rules/rules.h"

/** SAs that may be negotiated at the same time, of others nothing is kept */
#define NFLOG_AWAITING_MAX 64

/**
 * Packets that leave while the SA that they should be in is negotiated: they are kept until it
 * is there, as it is not known before which selectors it gets.
 *
 * Thread-safe.
 */
struct nflog_awaiting_t {

	/**
	 * Begin to keep packets, until an SA adopts them, or abandon() is called.
	 *
	 * Waits for nflog_values_max_wait() ms at most.
	 *
	 * @param conn		name of the connection
	 * @param dst		destination address of the inbound SA
	 * @param spi_in	inbound SPI of the CHILD_SA, in network order
	 * @param src_ts	source traffic selectors that it may have, get cloned
	 * @param dst_ts	destination traffic selectors, get cloned
	 */
	void (*await)(nflog_awaiting_t *this, char *conn, host_t *dst, uint32_t spi_in,
				  linked_list_t *src_ts, linked_list_t *dst_ts);

	/**
	 * Have an SA adopt packets that left while it was negotiated.  All lanes are locked.
	 *
	 * @param sa		SA, added, that may want packets
	 * @return			what kept them, its rules are to be removed, NULL if nothing did
	 */
	nflog_sa_t *(*adopt)(nflog_awaiting_t *this, nflog_sa_t *sa);

	/**
	 * Drop packets that were kept, as their SA will not be added.
	 *
	 * @param spi_in	inbound SPI, in network order, need not be awaited
	 */
	void (*abandon)(nflog_awaiting_t *this, uint32_t spi_in);

	/**
	 * Drop all packets that were kept.
	 */
	void (*abandon_all)(nflog_awaiting_t *this);

	/**
	 * Destroy a nflog_awaiting_t, after nothing is kept.
	 */
	void (*destroy)(nflog_awaiting_t *this);
};

/**
 * Create a nflog_awaiting_t instance.
 *
 * @param queue		gets packets, not owned
 * @param lanes		read packets, not owned
 * @param rules		have them logged, not owned
 * @param misses	finds what keeps packets, not owned
 * @param ending	thread that has to run, not owned
 */
nflog_awaiting_t *nflog_awaiting_create(nflog_queue_t *queue, nflog_lanes_t *lanes,
										nflog_rules_t *rules, nflog_misses_t *misses,
										nflog_ending_t *ending);

#endif /** NFLOG_AWAITING_H_ @}*/

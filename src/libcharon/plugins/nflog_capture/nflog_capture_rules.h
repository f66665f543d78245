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
 * @defgroup nflog_capture_rules nflog_capture_rules
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_RULES_H_
#define NFLOG_CAPTURE_RULES_H_

typedef struct nflog_capture_rules_t nflog_capture_rules_t;

#include "nflog_capture_sa.h"

#include <collections/linked_list.h>

/**
 * Rules for the SAs that are captured, in our table, which exists while there
 * are any.
 *
 * All methods are thread-safe, each is one netlink transaction.
 */
struct nflog_capture_rules_t {

	/**
	 * Log the packets of an SA, or of an SPI that gets one.
	 *
	 * An SA that gets early packets takes over the rules that there are for its
	 * SPI.
	 *
	 * @param sa		SA to add
	 * @return			TRUE if its rules are in place, failures are logged
	 */
	bool (*add)(nflog_capture_rules_t *this, nflog_capture_sa_t *sa);

	/**
	 * Log the packets of an SA also under the address and the reqid that it is
	 * about to get.
	 *
	 * @param sa		SA as added
	 * @param next		its next address and reqid
	 * @return			TRUE if the rules are in place, failures are logged
	 */
	bool (*extend)(nflog_capture_rules_t *this, nflog_capture_sa_t *sa,
				   nflog_capture_match_t *next);

	/**
	 * Log the packets of an extended SA under one address and reqid only.
	 *
	 * @param sa		SA
	 * @param keep		address and reqid that it has
	 * @param drop		address and reqid that it no longer has, or did not get
	 */
	void (*reduce)(nflog_capture_rules_t *this, nflog_capture_sa_t *sa,
				   nflog_capture_match_t *keep, nflog_capture_match_t *drop);

	/**
	 * Stop logging the packets of SAs, and get the number of logged packets.
	 *
	 * These are added to the counters of the SAs' traces.
	 *
	 * @param sas		SAs to remove, as nflog_capture_sa_t
	 */
	void (*remove)(nflog_capture_rules_t *this, linked_list_t *sas);

	/**
	 * Get the number of packets that were logged so far of an SA that was just
	 * installed, in the counter early of its trace.
	 *
	 * @param sa		SA as added
	 */
	void (*count_early)(nflog_capture_rules_t *this, nflog_capture_sa_t *sa);

	/**
	 * Log IKE messages.
	 *
	 * @param port		local port, in host order
	 * @param nat_t		local port for NAT traversal, in host order
	 * @return			TRUE if the rules are in place, failures are logged
	 */
	bool (*add_ike)(nflog_capture_rules_t *this, uint16_t port,
					uint16_t nat_t);

	/**
	 * Stop logging IKE messages.
	 */
	void (*remove_ike)(nflog_capture_rules_t *this);

	/**
	 * Destroy a nflog_capture_rules_t, and with it the table.
	 */
	void (*destroy)(nflog_capture_rules_t *this);
};

/**
 * Create a nflog_capture_rules_t instance.
 *
 * @param group		first NFLOG group, see nflog_capture_table_add()
 * @param lanes		number of lanes, a power of two, each has two groups
 */
nflog_capture_rules_t *nflog_capture_rules_create(uint16_t group, u_int lanes);

#endif /** NFLOG_CAPTURE_RULES_H_ @}*/

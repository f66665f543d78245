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
 * @defgroup nflog_reasons nflog_reasons
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REASONS_H_
#define NFLOG_REASONS_H_

typedef struct nflog_reasons_t nflog_reasons_t;
typedef struct nflog_described_t nflog_described_t;

#include "event.h"

#include <library.h>

/**
 * Why a packet was dropped, in words.
 */
struct nflog_described_t {
	/** the reason, without what is of this packet only, to be counted */
	char reason[96];
	/** comment of the packet */
	char comment[320];
	/** function that dropped it */
	char place[NFLOG_DROP_PLACE];
	/** kernel's name of the counter, NULL if none was incremented, or it is not known */
	char *counter;
};

/**
 * Names of the kernel for reasons why it drops packets, and words for these.
 *
 * Their numbers differ between kernels, they are set when programs are loaded.  Used by one
 * thread, nothing is locked.
 */
struct nflog_reasons_t {

	/**
	 * Set the name of a reason.
	 *
	 * @param value		value of enum skb_drop_reason
	 * @param name		its name in the kernel, such as SKB_DROP_REASON_NOT_SPECIFIED
	 */
	void (*set_reason)(nflog_reasons_t *this, uint32_t value, const char *name);

	/**
	 * Set the name of a counter of XFRM.
	 *
	 * @param value		its number in the kernel, higher ones are ignored if there are
	 *					NFLOG_DROP_COUNTERS
	 * @param name		its name in the kernel, such as LINUX_MIB_XFRMINNOSTATES
	 */
	void (*set_counter)(nflog_reasons_t *this, uint32_t value, const char *name);

	/**
	 * Get the value of a reason.
	 *
	 * @param name		name, as for set_reason()
	 * @return			value, UINT32_MAX if the kernel has none with that name
	 */
	uint32_t (*get_value)(nflog_reasons_t *this, char *name);

	/**
	 * Get the number of counters.
	 *
	 * @return			the highest one that was set, plus one
	 */
	u_int (*get_counters)(nflog_reasons_t *this);

	/**
	 * Describe why a packet was dropped.
	 *
	 * @param event		the packet
	 * @param spi		its SPI in host order, 0 if it has none
	 * @param described	receives the description
	 */
	void (*describe)(nflog_reasons_t *this, struct nflog_event_t *event, uint32_t spi,
					 nflog_described_t *described);

	/**
	 * Destroy a nflog_reasons_t.
	 */
	void (*destroy)(nflog_reasons_t *this);
};

/**
 * Create a nflog_reasons_t instance, without names.
 */
nflog_reasons_t *nflog_reasons_create();

#endif /** NFLOG_REASONS_H_ @}*/

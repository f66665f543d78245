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
 * @defgroup nflog_selectors nflog_selectors
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SELECTORS_H_
#define NFLOG_SELECTORS_H_

typedef struct nflog_selectors_t nflog_selectors_t;

#include <collections/linked_list.h>
#include <networking/host.h>

/**
 * Traffic selectors of an SA, by which its packets are found in the clear if
 * the kernel does not know the SA, because charon does ESP itself.
 */
struct nflog_selectors_t {

	/**
	 * Check if a packet matches, as kernel-libipsec does.
	 *
	 * @param src		source address and port
	 * @param dst		destination address and port
	 * @param proto		protocol
	 * @return			TRUE if it does
	 */
	bool (*match)(nflog_selectors_t *this, host_t *src, host_t *dst,
				  uint8_t proto);

	/**
	 * Destroy a nflog_selectors_t.
	 */
	void (*destroy)(nflog_selectors_t *this);
};

/**
 * Create a nflog_selectors_t instance.
 *
 * @param src		source traffic selectors, as traffic_selector_t, get cloned
 * @param dst		destination traffic selectors, get cloned
 */
nflog_selectors_t *nflog_selectors_create(linked_list_t *src,
										  linked_list_t *dst);

#endif /** NFLOG_SELECTORS_H_ @}*/

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
 * @defgroup nflog_xfrm_sa nflog_xfrm_sa
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_XFRM_SA_H_
#define NFLOG_XFRM_SA_H_

#include <daemon.h>

/**
 * Read what the kernel has of an SA, as "ip xfrm state" does.
 *
 * Sets reqid, mode, keys, algorithms, encap and esn.
 *
 * @param id		SA
 * @param proposal	its proposal, the algorithms of which are those of the keys
 * @param data		receives the data, to be wiped with
 *					nflog_xfrm_sa_clear()
 * @return			0, or the error, as in errno
 */
int nflog_xfrm_sa_get(kernel_ipsec_sa_id_t *id, proposal_t *proposal,
					  kernel_ipsec_add_sa_t *data);

/**
 * Check if the kernel has nothing but the SPI of an SA.
 *
 * If an SA is gone, but not its policies, the next packet makes the kernel add a
 * larval state with the SPI of the policy (xfrm_state_find() in xfrm_state.c),
 * which is deleted and queried like the SA.
 *
 * @param id		SA
 * @return			TRUE if there's a state without keys
 */
bool nflog_xfrm_sa_is_larval(kernel_ipsec_sa_id_t *id);

/**
 * Wipe and free keys.
 *
 * @param data		data with keys
 */
void nflog_xfrm_sa_clear(kernel_ipsec_add_sa_t *data);

#endif /** NFLOG_XFRM_SA_H_ @}*/

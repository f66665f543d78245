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
 * Read an SA from the kernel, as "ip xfrm state" does.
 *
 * Waits for NFLOG_ANSWER_TIMEOUT at most.
 *
 * @param id		SA
 * @param proposal	proposal of the SA, whose algorithms the keys are for
 * @param data		receives reqid, keys, algorithms, encap and esn, to be wiped with
 *					nflog_xfrm_sa_clear()
 * @return			0 if successful, an errno otherwise
 */
int nflog_xfrm_sa_get(kernel_ipsec_sa_id_t *id, proposal_t *proposal,
					  kernel_ipsec_add_sa_t *data);

/**
 * Get the number of packets that an SA processed, from the kernel interface.
 *
 * If an SA is gone, but not its policies, the next packet makes the kernel add a larval
 * state with the SPI of the policy (xfrm_state_find() in xfrm_state.c), which is queried
 * and deleted like the SA.
 *
 * @param id		SA
 * @param cpi		CPI, 0 for none
 * @param packets	receives the number of packets
 * @return			FALSE if the SA is gone
 */
bool nflog_xfrm_sa_count(kernel_ipsec_sa_id_t *id, uint16_t cpi, uint64_t *packets);

/**
 * Wipe and free keys.
 *
 * @param data		data with keys
 */
void nflog_xfrm_sa_clear(kernel_ipsec_add_sa_t *data);

#endif /** NFLOG_XFRM_SA_H_ @}*/

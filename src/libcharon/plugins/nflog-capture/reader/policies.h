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
 * @defgroup nflog_policies nflog_policies
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_POLICIES_H_
#define NFLOG_POLICIES_H_

typedef struct nflog_policies_t nflog_policies_t;
typedef struct nflog_leaving_t nflog_leaving_t;

#include "devices.h"

#include <kernel/kernel_ipsec.h>
#include <networking/host.h>

/**
 * Packet that leaves, as the kernel looks it up.
 */
struct nflog_leaving_t {
	/** addresses and ports */
	host_t *src, *dst;
	/** protocol */
	uint8_t proto;
	/** mark */
	uint32_t mark;
	/** device that it leaves by, which may set mark and interface ID */
	nflog_device_t *device;
};

/**
 * The outbound policies that charon installed, to learn why a packet left without its SA.
 *
 * Policies that others installed are not known.  Thread-safe, the lock is held for a few
 * microseconds.
 */
struct nflog_policies_t {

	/**
	 * Add a policy, others may be the same.
	 *
	 * @param id		policy, of any direction
	 * @param type		type of the policy
	 */
	void (*add)(nflog_policies_t *this, kernel_ipsec_policy_id_t *id, policy_type_t type);

	/**
	 * Remove a policy as added, need not be known.
	 *
	 * @param id		policy, of any direction
	 * @param type		type of the policy
	 */
	void (*remove)(nflog_policies_t *this, kernel_ipsec_policy_id_t *id,
				   policy_type_t type);

	/**
	 * Remove all policies.
	 */
	void (*flush)(nflog_policies_t *this);

	/**
	 * Check if a packet gets an SA once the VTI device or XFRM interface has it.
	 *
	 * @param packet	packet
	 * @return			TRUE if there is a policy for it
	 */
	bool (*has_device)(nflog_policies_t *this, nflog_leaving_t *packet);

	/**
	 * Find a policy that lets a packet pass.
	 *
	 * @param packet	packet
	 * @param buf		receives its selectors
	 * @param len		size of buf
	 * @return			FALSE if there is none
	 */
	bool (*find_pass)(nflog_policies_t *this, nflog_leaving_t *packet, char *buf,
					  size_t len);

	/**
	 * Check since when there is a policy with an SA for a packet.
	 *
	 * @param packet	packet
	 * @param mark		mark that the policy has
	 * @param if_id		interface ID that it has
	 * @param since		receives the time
	 * @return			FALSE if there is none
	 */
	bool (*find_ipsec)(nflog_policies_t *this, nflog_leaving_t *packet, mark_t mark,
					   uint32_t if_id, timeval_t *since);

	/**
	 * Destroy a nflog_policies_t.
	 */
	void (*destroy)(nflog_policies_t *this);
};

/**
 * Create a nflog_policies_t instance.
 */
nflog_policies_t *nflog_policies_create();

#endif /** NFLOG_POLICIES_H_ @}*/

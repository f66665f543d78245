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
 * @defgroup nflog_sa nflog_sa
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SA_H_
#define NFLOG_SA_H_

typedef struct nflog_sa_t nflog_sa_t;
typedef struct nflog_match_t nflog_match_t;
typedef struct nflog_selectors_t nflog_selectors_t;
typedef struct nflog_entry_t nflog_entry_t;
typedef struct nflog_wanted_t nflog_wanted_t;

#include "traces/packet.h"
#include "traces/tap.h"

#include <collections/linked_list.h>
#include <networking/host.h>

/**
 * Identifies the packets of an SA in the kernel, besides its SPI.
 */
struct nflog_match_t {
	/** destination address of ESP, owned */
	host_t *dst;
	/** reqid of packets in the clear */
	uint32_t reqid;
};

/**
 * Traffic selectors of an SA, which identify its packets in the clear if the kernel does
 * not, as charon does ESP itself.
 */
struct nflog_selectors_t {

	/**
	 * Check how closely a packet matches.
	 *
	 * Each pair of selectors is a policy, and closer ones come first: those of smaller
	 * subnets, then those with a port, then those with a protocol, as ordered by
	 * kernel-libipsec (calculate_priority() in libipsec's ipsec_policy_mgr.c).
	 *
	 * @param src		source address and port
	 * @param dst		destination address and port
	 * @param proto		protocol
	 * @return			0 if it does not match, more the closer it matches
	 */
	u_int (*match)(nflog_selectors_t *this, host_t *src, host_t *dst,
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

/**
 * A captured SA, one direction of a CHILD_SA.
 *
 * nflog_child_t creates it and adds it to the reader, which owns it until all of its
 * packets have been read.  nflog_child_t may use it, with the IKE_SA checked out, until it
 * removes it from the reader.
 *
 * Fields are grouped by who changes them, and what guards them.
 */
struct nflog_sa_t {

	/* Set by the creator, constant once added to the reader. */

	/** traffic selectors, owned, NULL unless userland or with a VTI device */
	nflog_selectors_t *selectors;
	/** what it should get, owned, NULL unless packets that leave without it are captured */
	nflog_wanted_t *wanted;
	/** name of the connection, owned */
	char *conn;
	/** TRUE for the inbound SA */
	bool inbound;
	/** SPI, in network order */
	uint32_t spi;
	/** TRUE if packets are compressed before they are encapsulated */
	bool ipcomp;
	/** TRUE if charon does ESP itself, so the kernel does not have the SA */
	bool userland;
	/** key of the VTI device that its packets may arrive by, 0 if none */
	uint32_t vti;
	/** TRUE if it is not captured, but keeps its packets in the clear out of the traces of
	 *  other SAs, see nflog_sa_lookup_t */
	bool excluded;

	/* Changed by the reader with all lanes locked, so each lane may read them.  key,
	 * former, and match change on the thread that has the IKE_SA checked out, which may
	 * read them without lock. */

	/** identifies its packets in ESP */
	nflog_esp_key_t key;
	/** key before its address changed, all zero if it did not */
	nflog_esp_key_t former;
	/** capture point in ESP, next to the key, as each packet needs both; has a reference
	 *  to the trace, which owns the counters, until the reader releases it */
	nflog_tap_t esp;
	/** capture point in the clear, likewise */
	nflog_tap_t plain;
	/** its address and reqid */
	nflog_match_t match;
	/** number that its packets in the clear have, see nflog_nft_plain_number() */
	uint32_t number;
	/** number before its reqid changed */
	uint32_t former_number;
	/** TRUE if a userland SA is gone, so nothing leaves by it anymore */
	bool ended;
	/** number of incomplete packets dropped before it was added */
	uint64_t dropped;
	/** number of packets from unknown VTI devices that arrived before it was added */
	uint64_t unknown;
	/** number of packets lost on the TUN device before it was added */
	uint64_t lost;
	/** number of packets of all SAs read from the TUN device in its direction, owned by
	 *  the reader, changed atomically by the lanes, NULL if not userland */
	uint64_t *read;

	/* Changed atomically by the lanes. */

	/** order of its last packet in ESP if it has selectors, may wrap */
	uint32_t used;

	/* Used only by the thread that has the IKE_SA checked out. */

	/** address and reqid that it is about to get, dst is NULL if none */
	nflog_match_t next;

	/* Guarded by the mutex of the rules, until they return the SA. */

	/** its entry in the rules, NULL if it was not added */
	nflog_entry_t *entry;
	/** number of packets of all SAs that rules counted on the TUN device in its direction
	 *  until they were removed, 0 if not known */
	uint64_t passed;

	/* Used by nflog_ending_t, which waits for its packets, or by nflog_ts_lookup_t if it is
	 * excluded, with all lanes locked. */

	/** when to stop waiting, monotonic */
	timeval_t deadline;
};

/**
 * Create a nflog_sa_t.
 *
 * @param conn		name of the connection, gets copied
 * @param child		name of the CHILD_SA
 * @param id		unique id of the CHILD_SA
 * @param inbound	TRUE for the inbound SA
 * @param dst		destination address, gets cloned
 * @param spi		SPI, in network order
 * @param reqid		reqid
 * @param esp		trace of the ESP side, NULL if not captured
 * @param plain		trace of the plain side, NULL if not captured
 * @return			SA, with references to the traces
 */
nflog_sa_t *nflog_sa_create(char *conn, char *child, uint32_t id, bool inbound,
							host_t *dst, uint32_t spi, uint32_t reqid,
							nflog_trace_t *esp, nflog_trace_t *plain);

/**
 * Check if charon does ESP itself, with kernel-libipsec.
 *
 * @return			TRUE if so
 */
bool nflog_sa_is_userland();

/**
 * Set the key that identifies packets of an SA in ESP.
 *
 * @param key		key to set
 * @param inbound	TRUE for an inbound SA
 * @param dst		destination address
 * @param spi		SPI, in network order
 */
void nflog_sa_set_key(nflog_esp_key_t *key, bool inbound, host_t *dst,
					  uint32_t spi);

/**
 * Destroy a nflog_sa_t, after its traces were released.
 */
void nflog_sa_destroy(nflog_sa_t *sa);

#endif /** NFLOG_SA_H_ @}*/

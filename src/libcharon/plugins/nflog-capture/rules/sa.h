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

#include "traces/packet.h"
#include "traces/trace.h"

#include <collections/linked_list.h>
#include <networking/host.h>

/**
 * What the kernel finds the packets of an SA by, besides its SPI.
 */
struct nflog_match_t {
	/** destination address on the wire, owned */
	host_t *dst;
	/** reqid of packets in the clear */
	uint32_t reqid;
};

/**
 * Traffic selectors of an SA, by which its packets are found in the clear if the
 * kernel does not know the SA, because charon does ESP itself.
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
 * A captured SA, i.e. one direction of a CHILD_SA.
 *
 * The capture of the CHILD_SA creates it, and passes it to the reader, which owns it
 * from then on, until all its packets are read.  The capture may use it until it
 * removes it there, with the IKE_SA locked.
 *
 * What describes the SA does not change after that, but for what comes with its
 * addresses: key, former and match change with all lanes locked, so that lanes may
 * read them, and by the thread that has the IKE_SA locked, which may read them too.
 * Only that uses next.  The counters of the taps are those of the traces, to which
 * the taps have a reference each until the reader releases them.
 */
struct nflog_sa_t {
	/** how its packets show on the wire */
	nflog_esp_key_t key;
	/** selectors of packets in the clear, if userland or with a VTI device */
	nflog_selectors_t *selectors;
	/** where it is seen in ESP or AH, next to the key, as its packets need both */
	nflog_tap_t esp;
	/** name of the connection */
	char *conn;
	/** TRUE for the inbound SA */
	bool inbound;
	/** SPI, in network order */
	uint32_t spi;
	/** TRUE if packets are compressed before */
	bool ipcomp;
	/** its address and reqid */
	nflog_match_t match;
	/** those that it is about to get, dst is NULL if not */
	nflog_match_t next;
	/** number of packets in the clear, see nflog_nft_plain_number() */
	uint32_t number;
	/** number that they had before its reqid changed, if it did */
	uint32_t former_number;
	/** how they did before its addresses changed, if they did */
	nflog_esp_key_t former;
	/** TRUE if charon does ESP itself, the kernel does not have the SA */
	bool userland;
	/** TRUE if it is gone, if userland, so that nothing leaves through it anymore */
	bool ended;
	/** TRUE if it is not captured, and only known to keep its packets in the clear out
	 *  of the traces of other SAs, see nflog_sa_lookup_t */
	bool excluded;
	/** if userland, packets that the rules counted on the TUN device in its direction
	 *  until they were removed, of all SAs, 0 if not known */
	uint64_t passed;
	/** of these, the ones that were read, NULL if not userland, changed atomically */
	uint64_t *read;
	/** packets that were lost there before it was added, as far as that was known */
	uint64_t lost;
	/** key of a VTI device through which its packets may arrive, 0 if none */
	uint32_t vti;
	/** order of the last packet on the wire, if it has selectors, it may wrap, set by
	 *  the lanes */
	uint32_t used;
	/** where it is seen in the clear */
	nflog_tap_t plain;
	/** incomplete packets that had been dropped before it was added */
	uint64_t dropped;
	/** packets from unknown VTI devices that had arrived before it was added */
	uint64_t unknown;
	/** its entry in the rules, NULL if not added, guarded by their mutex */
	nflog_entry_t *entry;
	/** time at which the reader stops waiting for logged packets, monotonic */
	timeval_t deadline;
};

/**
 * Create the description of an SA.
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
 * @return			description, with references to the traces
 */
nflog_sa_t *nflog_sa_create(char *conn, char *child,
						uint32_t id, bool inbound, host_t *dst, uint32_t spi,
						uint32_t reqid, nflog_trace_t *esp,
						nflog_trace_t *plain);

/**
 * Check if charon does ESP itself, by kernel-libipsec.
 *
 * @return			TRUE if so
 */
bool nflog_sa_is_userland();

/**
 * Set the key by which packets of an SA are found on the wire.
 *
 * @param key		key to set
 * @param inbound	TRUE for an inbound SA
 * @param dst		destination address
 * @param spi		SPI, in network order
 */
void nflog_sa_set_key(nflog_esp_key_t *key, bool inbound,
					  host_t *dst, uint32_t spi);

/**
 * Destroy the description of an SA, the traces are to be released before.
 */
void nflog_sa_destroy(nflog_sa_t *sa);

#endif /** NFLOG_SA_H_ @}*/

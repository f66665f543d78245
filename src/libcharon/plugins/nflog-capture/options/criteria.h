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
 * @defgroup nflog_criteria nflog_criteria
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CRITERIA_H_
#define NFLOG_CRITERIA_H_

typedef struct nflog_criteria_t nflog_criteria_t;
typedef struct nflog_candidate_t nflog_candidate_t;

#include <library.h>
#include <collections/linked_list.h>
#include <utils/identification.h>

/** longest pattern of an identity or virtual IP */
#define NFLOG_MAX_PATTERN 255

/**
 * CHILD_SA or IKE_SA that may be captured, owns nothing unless it was cloned.
 */
struct nflog_candidate_t {
	/** name of the connection */
	char *conn;
	/** name of the child, of an IKE_SA that of any of its children, or "" if it has none */
	char *child;
	/** unique id of the IKE_SA, 0 if there is none */
	uint32_t ike_id;
	/** unique id of the CHILD_SA, 0 for an IKE_SA */
	uint32_t child_id;
	/** reqid of the CHILD_SA, which stays when it is rekeyed, 0 for an IKE_SA */
	uint32_t reqid;
	/** inbound and outbound SPI of the CHILD_SA, in network order, 0 if not known yet */
	uint32_t spi_in, spi_out;
	/** identity of the peer, that of EAP or XAuth if there is one, NULL if not known */
	identification_t *identity;
	/** virtual IPs of the peer, or as a client our own, as host_t, NULL for none */
	linked_list_t *vips;
	/** id of the request that decided whether to capture it, 0 if options did, or nothing
	 * did yet, set by nflog_options_t.get() */
	uint32_t request;
	/** TRUE if that may change once identity and virtual IPs are known, set like it */
	bool unsure;
};

/**
 * Selects CHILD_SAs and IKE_SAs: those for which all that is set here matches.
 */
struct nflog_criteria_t {
	/** name of the connection, NULL for any */
	char *conn;
	/** name of the child, NULL for any */
	char *child;
	/** unique id of the IKE_SA, 0 for any, includes the IKE_SAs that it is rekeyed to */
	uint32_t ike_id;
	/** unique id of the CHILD_SA, 0 for any, includes what it is rekeyed to */
	uint32_t child_id;
	/** inbound or outbound SPI of the CHILD_SA, in network order, 0 for any, includes what
	 * it is rekeyed to */
	uint32_t spi;
	/** pattern of the identity of the peer, with * and ? as in shells, or as in remote.id
	 * of swanctl.conf, NULL for any */
	char *identity;
	/** virtual IP, or subnet of it, NULL for any */
	char *virtual_ip;
};

/**
 * Clone a candidate, with all that it points to.
 *
 * @return			clone, to be destroyed with nflog_candidate_destroy()
 */
nflog_candidate_t *nflog_candidate_clone(nflog_candidate_t *candidate);

/**
 * Destroy a candidate that was cloned.
 *
 * @param candidate	candidate, NULL to do nothing
 */
void nflog_candidate_destroy(nflog_candidate_t *candidate);

/**
 * Check if a CHILD_SA or an IKE_SA that does not match may do so once its identity and
 * virtual IPs are known.
 *
 * @param candidate	CHILD_SA or IKE_SA
 * @return			TRUE if it may
 */
bool nflog_criteria_may_match(nflog_criteria_t *criteria, nflog_candidate_t *candidate);

/**
 * Check if the peer of a CHILD_SA or an IKE_SA is one to capture, and if that is sure.
 *
 * @param identity	pattern of its identity, NULL for any
 * @param virtual_ip	pattern of its virtual IP, NULL for any
 * @return			TRUE if both match
 */
bool nflog_candidate_is_peer(nflog_candidate_t *candidate, char *identity,
							 char *virtual_ip);

/**
 * Check if a CHILD_SA or an IKE_SA matches.
 *
 * Takes time in proportion to the length of pattern and identity, as peers choose the
 * latter.
 *
 * @param candidate	CHILD_SA or IKE_SA
 * @return			TRUE if all that is set matches, what an SA is rekeyed to is not known
 *					here
 */
bool nflog_criteria_match(nflog_criteria_t *criteria, nflog_candidate_t *candidate);

#endif /** NFLOG_CRITERIA_H_ @}*/

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

#include "subject.h"

/**
 * Get the virtual IPs of the peer, or as a client our own.
 *
 * @return			list of host_t, which the IKE_SA owns, NULL if there are none
 */
static linked_list_t *get_vips(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	linked_list_t *vips;
	host_t *vip;
	int local;

	vips = linked_list_create();
	for (local = FALSE; local <= TRUE && !vips->get_count(vips); local++)
	{
		enumerator = ike_sa->create_virtual_ip_enumerator(ike_sa, local);
		while (enumerator->enumerate(enumerator, &vip))
		{
			vips->insert_last(vips, vip);
		}
		enumerator->destroy(enumerator);
	}
	if (!vips->get_count(vips))
	{
		vips->destroy(vips);
		vips = NULL;
	}
	return vips;
}

/*
 * Described in header
 */
nflog_candidate_t *nflog_subject_create(ike_sa_t *ike_sa, peer_cfg_t *peer_cfg,
										child_sa_t *child_sa)
{
	identification_t *identity = ike_sa->get_other_eap_id(ike_sa);
	nflog_candidate_t *clone, subject = {
		.conn = peer_cfg->get_name(peer_cfg),
		.child = "",
		.ike_id = ike_sa->get_unique_id(ike_sa),
		.identity = identity && identity->get_type(identity) != ID_ANY ? identity : NULL,
		.vips = get_vips(ike_sa),
	};

	if (child_sa)
	{
		subject.child = child_sa->get_name(child_sa);
		subject.child_id = child_sa->get_unique_id(child_sa);
		subject.reqid = child_sa->get_reqid(child_sa);
		subject.spi_in = child_sa->get_spi(child_sa, TRUE);
		subject.spi_out = child_sa->get_spi(child_sa, FALSE);
	}
	clone = nflog_candidate_clone(&subject);
	DESTROY_IF(subject.vips);
	return clone;
}

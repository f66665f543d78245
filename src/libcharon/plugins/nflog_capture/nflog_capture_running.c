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

#include "nflog_capture_running.h"
#include "nflog_capture_xfrm.h"

#include <daemon.h>

typedef struct private_nflog_capture_running_t private_nflog_capture_running_t;

/**
 * Private data.
 */
struct private_nflog_capture_running_t {

	/**
	 * Public interface.
	 */
	nflog_capture_running_t public;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_capture_options_t *options;

	/**
	 * All captures.
	 */
	nflog_capture_captures_t *captures;
};

/**
 * Capture one SA of a CHILD_SA.
 */
static void capture_sa(private_nflog_capture_running_t *this, ike_sa_t *ike_sa,
					   child_sa_t *child_sa, nflog_capture_entry_t *entry,
					   bool inbound)
{
	host_t *me = ike_sa->get_my_host(ike_sa);
	host_t *other = ike_sa->get_other_host(ike_sa);
	kernel_ipsec_sa_id_t id = {
		.src = inbound ? other : me,
		.dst = inbound ? me : other,
		.spi = child_sa->get_spi(child_sa, inbound),
		.proto = child_sa->get_protocol(child_sa) == PROTO_AH ? IPPROTO_AH
															  : IPPROTO_ESP,
		.if_id = child_sa->get_if_id(child_sa, inbound),
	};
	kernel_ipsec_add_sa_t data = {
		.inbound = inbound,
		.mode = child_sa->get_mode(child_sa),
		.ipcomp = child_sa->get_ipcomp(child_sa),
		.src_ts = linked_list_create_from_enumerator(
					child_sa->create_ts_enumerator(child_sa, !inbound)),
		.dst_ts = linked_list_create_from_enumerator(
					child_sa->create_ts_enumerator(child_sa, inbound)),
	};
	int err;

	if (!inbound || child_sa->get_config(child_sa)->has_option(
						child_sa->get_config(child_sa), OPT_MARK_IN_SA))
	{
		id.mark = child_sa->get_mark(child_sa, inbound);
	}
	err = nflog_capture_xfrm_get(&id, child_sa->get_proposal(child_sa), &data);
	if (err)
	{
		DBG1(DBG_CHD, "not capturing %s SA %.8x of CHILD_SA %s{%u}, which is up "
			 "already, reading it from the kernel failed: %s",
			 inbound ? "inbound" : "outbound", ntohl(id.spi),
			 child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa),
			 strerror(err));
	}
	else
	{
		this->captures->add_running_sa(this->captures, entry, &id, &data);
	}
	nflog_capture_xfrm_clear(&data);
	data.src_ts->destroy(data.src_ts);
	data.dst_ts->destroy(data.dst_ts);
}

/**
 * Capture a CHILD_SA, if it's wanted and not captured yet.
 */
static void capture_child(private_nflog_capture_running_t *this,
						  ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	nflog_capture_wish_t *wish;
	nflog_capture_entry_t *entry;
	char *conn;

	conn = ike_sa->get_peer_cfg(ike_sa)->get_name(ike_sa->get_peer_cfg(ike_sa));
	wish = this->options->get(this->options, conn,
							  child_sa->get_name(child_sa), TRUE);
	if (!wish || !wish->running)
	{
		if (wish)
		{
			nflog_capture_wish_destroy(wish);
		}
		return;
	}
	entry = this->captures->add_running(this->captures, conn, child_sa, wish);
	if (entry)
	{
		DBG1(DBG_CHD, "capturing CHILD_SA %s{%u} of connection '%s', which is "
			 "up already", child_sa->get_name(child_sa),
			 child_sa->get_unique_id(child_sa), conn);
		capture_sa(this, ike_sa, child_sa, entry, TRUE);
		capture_sa(this, ike_sa, child_sa, entry, FALSE);
	}
}

METHOD(nflog_capture_running_t, capture, void,
	private_nflog_capture_running_t *this)
{
	enumerator_t *ike_sas, *child_sas;
	child_sa_t *child_sa;
	ike_sa_t *ike_sa;

	if (!this->options->has_running(this->options))
	{
		return;
	}
	ike_sas = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager,
														TRUE);
	while (ike_sas->enumerate(ike_sas, &ike_sa))
	{
		if (!ike_sa->get_peer_cfg(ike_sa))
		{
			continue;
		}
		child_sas = ike_sa->create_child_sa_enumerator(ike_sa);
		while (child_sas->enumerate(child_sas, &child_sa))
		{
			if (child_sa->get_state(child_sa) == CHILD_INSTALLED)
			{
				capture_child(this, ike_sa, child_sa);
			}
		}
		child_sas->destroy(child_sas);
	}
	ike_sas->destroy(ike_sas);
}

METHOD(nflog_capture_running_t, destroy, void,
	private_nflog_capture_running_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_capture_running_t *nflog_capture_running_create(
							nflog_capture_options_t *options,
							nflog_capture_captures_t *captures)
{
	private_nflog_capture_running_t *this;

	INIT(this,
		.public = {
			.capture = _capture,
			.destroy = _destroy,
		},
		.options = options,
		.captures = captures,
	);
	return &this->public;
}

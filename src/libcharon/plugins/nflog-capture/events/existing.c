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

#include "existing.h"
#include "xfrm_sa.h"

#include <daemon.h>

typedef struct private_nflog_existing_t private_nflog_existing_t;

/**
 * Private data.
 */
struct private_nflog_existing_t {

	/**
	 * Public interface.
	 */
	nflog_existing_t public;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * All captures.
	 */
	nflog_manager_t *manager;
};

/**
 * Capture one SA of a CHILD_SA.
 */
static void capture_sa(private_nflog_existing_t *this, ike_sa_t *ike_sa,
					   child_sa_t *child_sa, nflog_manager_entry_t *entry,
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
	err = nflog_xfrm_sa_get(&id, child_sa->get_proposal(child_sa), &data);
	if (err)
	{
		DBG1(DBG_CHD, "nflog-capture: unable to capture %s SA %.8x of CHILD_SA "
			 "%s{%u}, reading it from the kernel failed: %s",
			 inbound ? "inbound" : "outbound", ntohl(id.spi),
			 child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa),
			 strerror(err));
	}
	else
	{
		this->manager->add_existing_sa(this->manager, entry, &id, &data);
	}
	nflog_xfrm_sa_clear(&data);
	data.src_ts->destroy(data.src_ts);
	data.dst_ts->destroy(data.dst_ts);
}

/**
 * Capture a CHILD_SA, if it's wanted and not captured yet.
 */
static void capture_child(private_nflog_existing_t *this,
						  ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	nflog_cfg_t *cfg;
	nflog_manager_entry_t *entry;
	char *conn;

	conn = ike_sa->get_peer_cfg(ike_sa)->get_name(ike_sa->get_peer_cfg(ike_sa));
	cfg = this->options->get(this->options, conn,
							 child_sa->get_name(child_sa), TRUE);
	if (!cfg || !cfg->running)
	{
		if (cfg)
		{
			nflog_cfg_destroy(cfg);
		}
		return;
	}
	entry = this->manager->add_existing(this->manager, conn, child_sa, cfg);
	if (entry)
	{
		DBG1(DBG_CHD, "nflog-capture: capturing CHILD_SA %s{%u} of connection "
			 "'%s', which is up already", child_sa->get_name(child_sa),
			 child_sa->get_unique_id(child_sa), conn);
		capture_sa(this, ike_sa, child_sa, entry, TRUE);
		if (child_sa->get_outbound_state(child_sa) & CHILD_OUTBOUND_SA)
		{
			capture_sa(this, ike_sa, child_sa, entry, FALSE);
		}
		this->manager->added_existing(this->manager, entry, child_sa);
	}
}

METHOD(nflog_existing_t, capture, void,
	private_nflog_existing_t *this)
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

METHOD(nflog_existing_t, destroy, void,
	private_nflog_existing_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_existing_t *nflog_existing_create(
							nflog_options_t *options,
							nflog_manager_t *manager)
{
	private_nflog_existing_t *this;

	INIT(this,
		.public = {
			.capture = _capture,
			.destroy = _destroy,
		},
		.options = options,
		.manager = manager,
	);
	return &this->public;
}

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
#include "subject.h"
#include "xfrm_sa.h"

#include <errno.h>

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
	 * Has the captures.
	 */
	nflog_manager_t *manager;

	/**
	 * TRUE if CHILD_SAs may have come up before options were read, and are not captured.
	 */
	bool missed;
};

/**
 * Set what identifies an SA of a CHILD_SA.
 */
static void set_id(ike_sa_t *ike_sa, child_sa_t *child_sa, bool inbound,
				   kernel_ipsec_sa_id_t *id)
{
	host_t *me = ike_sa->get_my_host(ike_sa);
	host_t *other = ike_sa->get_other_host(ike_sa);
	child_cfg_t *cfg = child_sa->get_config(child_sa);

	*id = (kernel_ipsec_sa_id_t){
		.src = inbound ? other : me,
		.dst = inbound ? me : other,
		.spi = child_sa->get_spi(child_sa, inbound),
		.proto = child_sa->get_protocol(child_sa) == PROTO_AH ? IPPROTO_AH
															  : IPPROTO_ESP,
		.if_id = child_sa->get_if_id(child_sa, inbound),
	};
	if (!inbound || cfg->has_option(cfg, OPT_MARK_IN_SA))
	{
		id->mark = child_sa->get_mark(child_sa, inbound);
	}
}

/**
 * Read an SA of a CHILD_SA from the kernel.
 *
 * @param sa			receives the SA, with addresses of its IKE_SA
 * @return				0 if successful, an errno otherwise
 */
static int read_sa(ike_sa_t *ike_sa, child_sa_t *child_sa, bool inbound,
				   nflog_manager_sa_t *sa)
{
	set_id(ike_sa, child_sa, inbound, &sa->id);
	sa->data = (kernel_ipsec_add_sa_t){
		.inbound = inbound,
		.mode = child_sa->get_mode(child_sa),
		.ipcomp = child_sa->get_ipcomp(child_sa),
		.src_ts = linked_list_create_from_enumerator(
					child_sa->create_ts_enumerator(child_sa, !inbound)),
		.dst_ts = linked_list_create_from_enumerator(
					child_sa->create_ts_enumerator(child_sa, inbound)),
	};
	return nflog_xfrm_sa_get(&sa->id, child_sa->get_proposal(child_sa), &sa->data);
}

/**
 * Capture the SAs of a CHILD_SA, none of them if one can't be read.
 *
 * @return				FALSE to try again
 */
static bool capture_sas(private_nflog_existing_t *this, ike_sa_t *ike_sa,
						child_sa_t *child_sa, nflog_cfg_t *cfg, bool again)
{
	nflog_candidate_t *subject;
	nflog_manager_sa_t sas[2] = {};
	u_int count, i, done = 0;
	int err = 0;

	subject = nflog_subject_create(ike_sa, ike_sa->get_peer_cfg(ike_sa), child_sa);
	count = child_sa->get_outbound_state(child_sa) & CHILD_OUTBOUND_SA ? 2 : 1;
	while (!err && done < count)
	{
		err = read_sa(ike_sa, child_sa, done == 0, &sas[done]);
		done++;
	}
	if (err)
	{
		charon->bus->log(charon->bus, DBG_CHD, again ? LEVEL_DIAG : LEVEL_CTRL,
			"nflog-capture: unable to capture CHILD_SA %s{%u} of connection '%s', "
			"reading its %s SA %.8x from the kernel failed: %s%s",
			subject->child, subject->child_id, subject->conn,
			done == 1 ? "inbound" : "outbound", ntohl(sas[done - 1].id.spi),
			strerror(err), err == ESRCH ? "" : ", trying again");
	}
	else if (this->manager->add_existing(this->manager, subject, child_sa,
										 nflog_cfg_clone(cfg), sas, count))
	{
		DBG1(DBG_CHD, "nflog-capture: capturing CHILD_SA %s{%u} of connection '%s', "
			 "which is up already", subject->child, subject->child_id,
			 subject->conn);
	}
	for (i = 0; i < done; i++)
	{
		nflog_xfrm_sa_clear(&sas[i].data);
		sas[i].data.src_ts->destroy(sas[i].data.src_ts);
		sas[i].data.dst_ts->destroy(sas[i].data.dst_ts);
	}
	nflog_candidate_destroy(subject);
	/* the kernel never has the SAs of kernel-libipsec */
	return !err || err == ESRCH;
}

/**
 * Capture a CHILD_SA, if enabled and not captured yet.
 *
 * @return				FALSE to try again
 */
static bool capture_child(private_nflog_existing_t *this, ike_sa_t *ike_sa,
						  child_sa_t *child_sa, bool again)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	kernel_ipsec_sa_id_t id;
	nflog_cfg_t *cfg;
	bool done = TRUE;

	cfg = this->options->get(this->options, peer_cfg->get_name(peer_cfg),
							 child_sa->get_name(child_sa), TRUE);
	if (!cfg)
	{
		return TRUE;
	}
	set_id(ike_sa, child_sa, TRUE, &id);
	if ((cfg->running || this->missed) && !this->manager->has_sa(this->manager, &id))
	{
		done = capture_sas(this, ike_sa, child_sa, cfg, again);
	}
	nflog_cfg_destroy(cfg);
	return done;
}

METHOD(nflog_existing_t, capture, bool,
	private_nflog_existing_t *this, bool again)
{
	enumerator_t *ike_sas, *child_sas;
	child_sa_t *child_sa;
	ike_sa_t *ike_sa;
	bool done = TRUE;

	this->missed |= this->options->get_missed(this->options);
	if (!this->missed && !this->options->has_running(this->options))
	{
		return TRUE;
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
				done &= capture_child(this, ike_sa, child_sa, again);
			}
		}
		child_sas->destroy(child_sas);
	}
	ike_sas->destroy(ike_sas);
	this->missed &= !done;
	return done;
}

METHOD(nflog_existing_t, destroy, void,
	private_nflog_existing_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_existing_t *nflog_existing_create(nflog_options_t *options,
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

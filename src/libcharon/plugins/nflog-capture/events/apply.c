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

#include "apply.h"
#include "subject.h"
#include "xfrm_sa.h"
#include "process/pulse.h"

#include <errno.h>

#include <daemon.h>

typedef struct private_nflog_apply_t private_nflog_apply_t;

/**
 * Private data.
 */
struct private_nflog_apply_t {

	/**
	 * Public interface.
	 */
	nflog_apply_t public;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * Requests to start and stop captures.
	 */
	nflog_requests_t *requests;

	/**
	 * Has the captures of CHILD_SAs.
	 */
	nflog_manager_t *manager;

	/**
	 * Captures IKE_SAs.
	 */
	nflog_ike_t *ike;

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
	int err;

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
	err = nflog_xfrm_sa_get(&sa->id, child_sa->get_proposal(child_sa), &sa->data);
	if (err == ESRCH && nflog_sa_is_userland())
	{	/* nobody returns the keys of an SA of kernel-libipsec */
		sa->data.reqid = child_sa->get_reqid(child_sa);
		return 0;
	}
	return err;
}

/**
 * Capture the SAs of a CHILD_SA, none of them if one can't be read.
 *
 * @param keys			set to FALSE if keys are wanted, but could not be read
 * @return				FALSE to try again
 */
static bool capture_sas(private_nflog_apply_t *this, ike_sa_t *ike_sa,
						child_sa_t *child_sa, nflog_candidate_t *subject,
						nflog_cfg_t *cfg, bool again, bool *keys)
{
	nflog_manager_sa_t sas[2] = {};
	u_int count, i, done = 0;
	int err = 0;

	count = child_sa->get_outbound_state(child_sa) & CHILD_OUTBOUND_SA ? 2 : 1;
	while (!err && done < count)
	{
		err = read_sa(ike_sa, child_sa, done == 0, &sas[done]);
		done++;
	}
	*keys = !nflog_sa_is_userland() || !cfg->esp_keys ||
			!(cfg->points & (1 << POINT_ESP_IN | 1 << POINT_ESP_OUT));
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
			 "which is up already%s", subject->child, subject->child_id,
			 subject->conn, *keys ? "" : ", its keys can't be read from kernel-libipsec, "
			 "but will be known once it is rekeyed");
	}
	for (i = 0; i < done; i++)
	{
		nflog_xfrm_sa_clear(&sas[i].data);
		sas[i].data.src_ts->destroy(sas[i].data.src_ts);
		sas[i].data.dst_ts->destroy(sas[i].data.dst_ts);
	}
	/* the SA may be gone */
	return !err || err == ESRCH;
}

/**
 * Can a CHILD_SA be captured that is up?  Others have no SAs yet, or are about to lose them.
 */
static bool is_up(child_sa_t *child_sa)
{
	child_sa_state_t state = child_sa->get_state(child_sa);

	return state == CHILD_INSTALLED || state == CHILD_REKEYING;
}

/**
 * Is a CHILD_SA captured?
 */
static bool is_captured(nflog_capture_state_t state)
{
	return state == NFLOG_CAPTURE_RUNNING || state == NFLOG_CAPTURE_FULL;
}

/**
 * Start the capture of a CHILD_SA that is not captured.
 *
 * @return				FALSE to try again
 */
static bool start_child(private_nflog_apply_t *this, ike_sa_t *ike_sa,
						child_sa_t *child_sa, nflog_candidate_t *subject,
						nflog_cfg_t *cfg, nflog_capture_state_t state, bool again)
{
	bool done, keys = TRUE;

	if (!(cfg->running || this->missed) || !(cfg->points & ~NFLOG_IKE_POINTS) ||
		this->manager->has_reached(this->manager, child_sa, subject->request))
	{
		return TRUE;
	}
	if (!is_up(child_sa))
	{	/* charon keeps what was rekeyed for some seconds, all that arrives meanwhile would
		 * be kept out of the traces of the new SAs */
		this->manager->include(this->manager, ike_sa->get_my_host(ike_sa),
							   child_sa->get_spi(child_sa, TRUE));
		return TRUE;
	}
	if (state == NFLOG_CAPTURE_ENDING && this->manager->follow(this->manager, child_sa))
	{
		this->requests->count(this->requests, subject->request, NFLOG_REQUEST_FOLLOWS);
		return FALSE;
	}
	done = capture_sas(this, ike_sa, child_sa, subject, cfg, again, &keys);
	state = this->manager->get_state(this->manager, child_sa);
	this->requests->count(this->requests, subject->request,
						  !is_captured(state) ? NFLOG_REQUEST_FAILED :
						  keys ? NFLOG_REQUEST_STARTED
							   : NFLOG_REQUEST_STARTED_WITHOUT_KEYS);
	return done;
}

/**
 * End the capture of a CHILD_SA.
 */
static void end_child(private_nflog_apply_t *this, child_sa_t *child_sa,
					  nflog_candidate_t *subject, char *reason)
{
	if (this->manager->end(this->manager, child_sa))
	{
		DBG1(DBG_CHD, "nflog-capture: ending the capture of CHILD_SA %s{%u} of "
			 "connection '%s', %s", subject->child, subject->child_id, subject->conn,
			 reason);
		this->requests->count(this->requests, subject->request, NFLOG_REQUEST_ENDED);
	}
}

/**
 * Start or end the capture of a CHILD_SA.
 *
 * @return				FALSE to try again
 */
static bool apply_child(private_nflog_apply_t *this, ike_sa_t *ike_sa,
						child_sa_t *child_sa, bool again)
{
	nflog_capture_state_t state;
	nflog_candidate_t *subject;
	nflog_cfg_t *cfg;
	bool done = TRUE, captured;

	subject = nflog_subject_create(ike_sa, ike_sa->get_peer_cfg(ike_sa), child_sa);
	state = this->manager->get_state(this->manager, child_sa);
	captured = is_captured(state);
	cfg = this->options->get(this->options, subject, captured, TRUE);
	if (captured && !cfg)
	{
		end_child(this, child_sa, subject,
				  nflog_pulse_is_suspended() ? "a thread makes no progress" :
				  subject->request ? "as requested"
								   : "it is neither enabled nor requested anymore");
	}
	else if (state == NFLOG_CAPTURE_FULL)
	{
		end_child(this, child_sa, subject, "it has as many packets as requested");
		/* another request, or the options, may start it again */
		done = this->manager->has_reached(this->manager, child_sa, subject->request);
	}
	else if (captured)
	{
		this->requests->count(this->requests, subject->request, NFLOG_REQUEST_RUNNING);
	}
	else if (cfg)
	{
		done = start_child(this, ike_sa, child_sa, subject, cfg, state, again);
	}
	if (cfg)
	{
		nflog_cfg_destroy(cfg);
	}
	nflog_candidate_destroy(subject);
	return done;
}

/**
 * Start or end the captures of an IKE_SA and its CHILD_SAs.
 *
 * @return				FALSE to try again
 */
static bool apply_ike(private_nflog_apply_t *this, ike_sa_t *ike_sa, bool again)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	bool done = TRUE;

	if (ike_sa->get_peer_cfg(ike_sa))
	{
		enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
		while (enumerator->enumerate(enumerator, &child_sa))
		{
			done &= apply_child(this, ike_sa, child_sa, again);
		}
		enumerator->destroy(enumerator);
		this->ike->apply(this->ike, ike_sa, this->missed);
	}
	return done;
}

/**
 * Get the IDs of all IKE_SAs, waits for those in use.
 */
static linked_list_t *get_ike_sas()
{
	linked_list_t *ids = linked_list_create();
	enumerator_t *enumerator;
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;

	enumerator = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager,
														   TRUE);
	while (enumerator->enumerate(enumerator, &ike_sa))
	{
		id = ike_sa->get_id(ike_sa);
		ids->insert_last(ids, id->clone(id));
	}
	enumerator->destroy(enumerator);
	return ids;
}

METHOD(nflog_apply_t, apply, bool,
	private_nflog_apply_t *this, bool again)
{
	linked_list_t *ids;
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;
	uint32_t begun;
	bool done = TRUE;

	begun = this->requests->begin(this->requests);
	this->missed |= this->options->get_missed(this->options);
	if (!this->options->has_point(this->options, NULL, ~0) &&
		!this->manager->has_any(this->manager) && !this->ike->has_any(this->ike))
	{
		this->requests->done(this->requests, begun, TRUE);
		return TRUE;
	}
	/* one IKE_SA at a time, as others can't be checked out while they are enumerated */
	ids = get_ike_sas();
	while (ids->remove_first(ids, (void**)&id) == SUCCESS)
	{
		ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
		if (ike_sa)
		{
			done &= apply_ike(this, ike_sa, again);
			charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
		}
		id->destroy(id);
	}
	ids->destroy(ids);
	this->requests->done(this->requests, begun, done);
	this->missed &= !done;
	return done;
}

METHOD(nflog_apply_t, destroy, void,
	private_nflog_apply_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_apply_t *nflog_apply_create(nflog_options_t *options, nflog_requests_t *requests,
								  nflog_manager_t *manager, nflog_ike_t *ike)
{
	private_nflog_apply_t *this;

	INIT(this,
		.public = {
			.apply = _apply,
			.destroy = _destroy,
		},
		.options = options,
		.requests = requests,
		.manager = manager,
		.ike = ike,
	);
	return &this->public;
}

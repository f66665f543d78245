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

#include "ike.h"
#include "ike_captures.h"
#include "ike_keys.h"
#include "ike_failed.h"
#include "release.h"
#include "subject.h"
#include "process/pulse.h"

#include <daemon.h>

typedef struct private_nflog_ike_t private_nflog_ike_t;

/**
 * Private data.
 */
struct private_nflog_ike_t {

	/**
	 * Public interface.
	 */
	nflog_ike_t public;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * Requests to start and stop captures.
	 */
	nflog_requests_t *requests;

	/**
	 * Reads packets.
	 */
	nflog_reader_t *reader;

	/**
	 * Passes messages to traces.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Keys of IKE_SAs.
	 */
	nflog_ike_keys_t *ike_keys;

	/**
	 * Starts and ends captures.
	 */
	nflog_ike_captures_t *captures;

	/**
	 * Handles IKE_SAs that fail.
	 */
	nflog_ike_failed_t *failed;
};

/**
 * Capture a failed IKE_SA with a connection that matches its addresses, if enabled.
 */
static bool capture_failed(void *data, nflog_ike_failed_sa_t *sa,
						   peer_cfg_t *peer_cfg)
{
	private_nflog_ike_t *this = data;
	nflog_candidate_t subject = {
		.conn = peer_cfg->get_name(peer_cfg),
		.child = "",
		.ike_id = sa->id,
	};

	if (!this->captures->decide(this->captures, &subject, peer_cfg))
	{
		return FALSE;
	}
	DBG1(DBG_IKE, "nflog-capture: IKE_SA %u of %H failed before its connection was "
		 "known, its trace is with those of connection '%s'", sa->id, sa->other,
		 peer_cfg->get_name(peer_cfg));
	if (sa->keys)
	{
		this->captures->write_keys(this->captures, sa->keys, &subject, peer_cfg);
	}
	this->captures->start(this->captures, &subject, sa->spis, peer_cfg, TRUE);
	this->captures->end(this->captures, sa->id, sa->spis, FALSE);
	this->ike_keys->set_written(this->ike_keys, sa->spis, FALSE);
	return TRUE;
}

/**
 * Has the trace of an IKE_SA begun?
 */
static bool is_started(nflog_ike_state_t state)
{
	return state == NFLOG_IKE_STARTED || state == NFLOG_IKE_FULL;
}

/**
 * Was an IKE_SA ever established?
 */
static bool is_established(ike_sa_t *ike_sa)
{
	return ike_sa->get_statistic(ike_sa, STAT_ESTABLISHED) != 0;
}

/**
 * Get the connection of an IKE_SA, NULL if that is not known, as a responder may switch
 * to another one until the IKE_SA is established.
 */
static peer_cfg_t *get_connection(ike_sa_t *ike_sa)
{
	if (ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR) ||
		ike_sa->get_state(ike_sa) >= IKE_ESTABLISHED)
	{
		return ike_sa->get_peer_cfg(ike_sa);
	}
	return NULL;
}

/**
 * Start the trace of an IKE_SA that waits for that, if it is established, or the quota of
 * those that may fail is not exhausted.
 *
 * @return				FALSE if it goes on waiting
 */
static bool start_waiting(private_nflog_ike_t *this, ike_sa_t *ike_sa,
						  nflog_candidate_t *subject)
{
	host_t *other = ike_sa->get_other_host(ike_sa);
	bool early = !is_established(ike_sa);

	if (early && !this->failed->take(this->failed, other, time_monotonic(NULL)))
	{
		return FALSE;
	}
	this->captures->start(this->captures, subject, ike_sa->get_id(ike_sa),
						  ike_sa->get_peer_cfg(ike_sa), early);
	return TRUE;
}

/**
 * Does it depend on what is not known of the peer yet if an IKE_SA is captured?
 */
static bool is_unsure(private_nflog_ike_t *this, nflog_candidate_t *subject,
					  peer_cfg_t *peer_cfg)
{
	nflog_cfg_t *cfg;

	cfg = this->captures->get_cfg(this->captures, subject, peer_cfg, FALSE);
	if (cfg)
	{
		nflog_cfg_destroy(cfg);
	}
	return subject->unsure;
}

/**
 * Handle an IKE_SA that got established.
 */
static void established(private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);
	nflog_candidate_t *subject = NULL;

	if (peer_cfg)
	{
		subject = nflog_subject_create(ike_sa, peer_cfg, NULL);
		if (!is_unsure(this, subject, peer_cfg))
		{	/* virtual IPs are known a little later */
			this->captures->write_kept_keys(this->captures, ike_sa->get_id(ike_sa),
											subject, peer_cfg);
		}
	}
	if (this->ike_messages->get_state(this->ike_messages,
									  id) == NFLOG_IKE_WAITING)
	{
		start_waiting(this, ike_sa, subject);
	}
	else if (this->ike_messages->establish(this->ike_messages, id))
	{
		this->failed->give_back(this->failed, ike_sa->get_other_host(ike_sa));
	}
	nflog_candidate_destroy(subject);
}

/**
 * Start the trace of an IKE_SA that is gone, if it is to be captured.
 *
 * @return				state of the capture
 */
static nflog_ike_state_t start_gone(private_nflog_ike_t *this, ike_sa_t *ike_sa,
									peer_cfg_t *peer_cfg, nflog_ike_state_t state)
{
	nflog_candidate_t *subject = nflog_subject_create(ike_sa, peer_cfg, NULL);

	if (state == NFLOG_IKE_UNDECIDED &&
		this->captures->decide(this->captures, subject, peer_cfg))
	{	/* a responder that did not get further */
		state = NFLOG_IKE_WAITING;
	}
	if (state == NFLOG_IKE_WAITING)
	{
		if (start_waiting(this, ike_sa, subject))
		{
			state = NFLOG_IKE_STARTED;
		}
		else
		{
			this->failed->refuse(this->failed);
		}
	}
	nflog_candidate_destroy(subject);
	return state;
}

/**
 * Handle an IKE_SA that is gone.
 */
static void destroying(private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);
	nflog_ike_state_t state;

	state = this->ike_messages->get_state(this->ike_messages, id);
	if (state == NFLOG_IKE_UNDECIDED && !peer_cfg)
	{
		this->failed->add(this->failed, ike_sa,
						  this->ike_keys->remove(this->ike_keys, spis));
		return;
	}
	if (peer_cfg)
	{
		state = start_gone(this, ike_sa, peer_cfg, state);
	}
	if (is_started(state))
	{
		this->captures->end(this->captures, id, spis, FALSE);
	}
	else
	{
		this->ike_messages->remove(this->ike_messages, id, FALSE);
	}
	nflog_ike_key_set_destroy(this->ike_keys->remove(this->ike_keys, spis));
	this->ike_keys->set_written(this->ike_keys, spis, FALSE);
	this->captures->set_reached(this->captures, id, 0);
}

/**
 * Decide on an IKE_SA whose connection is known now, or start its trace.
 */
static void handle_message(private_nflog_ike_t *this, ike_sa_t *ike_sa,
						   peer_cfg_t *peer_cfg, nflog_ike_state_t state)
{
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	nflog_candidate_t *subject = nflog_subject_create(ike_sa, peer_cfg, NULL);

	if (state == NFLOG_IKE_UNDECIDED &&
		(is_established(ike_sa) || !is_unsure(this, subject, peer_cfg)))
	{
		if (this->captures->decide(this->captures, subject, peer_cfg))
		{
			state = NFLOG_IKE_WAITING;
		}
		else
		{
			this->ike_messages->refuse(this->ike_messages, subject->ike_id);
		}
	}
	if (state == NFLOG_IKE_WAITING && spis->get_responder_spi(spis))
	{
		start_waiting(this, ike_sa, subject);
	}
	nflog_candidate_destroy(subject);
}

METHOD(listener_t, message, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	nflog_ike_state_t state;
	peer_cfg_t *peer_cfg;

	if (plain != incoming)
	{	/* handle each message once: before it is sent, or after it was parsed */
		return TRUE;
	}
	state = this->captures->update(this->captures, ike_sa);
	peer_cfg = state == NFLOG_IKE_WAITING ? ike_sa->get_peer_cfg(ike_sa)
										  : get_connection(ike_sa);
	if (peer_cfg && (state == NFLOG_IKE_UNDECIDED || state == NFLOG_IKE_WAITING))
	{
		handle_message(this, ike_sa, peer_cfg, state);
	}
	return TRUE;
}

METHOD(listener_t, ike_derived_keys, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, chunk_t sk_d,
	chunk_t sk_ai, chunk_t sk_ar, chunk_t sk_ei, chunk_t sk_er, chunk_t sk_pi,
	chunk_t sk_pr)
{
	/* when rekeying as initiator, this may be the old IKE_SA (before 6.0), ike_keys(),
	 * which follows on the same thread, gets the new one */
	this->ike_keys->derive(this->ike_keys, sk_ei, sk_er, sk_ai, sk_ar);
	return TRUE;
}

/**
 * Was the trace of an IKE_SA started?
 */
static bool has_trace(private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	return is_started(this->ike_messages->get_state(this->ike_messages,
											ike_sa->get_unique_id(ike_sa)));
}

METHOD(listener_t, ike_keys, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, nflog_key_exchanges_t *kes,
	chunk_t dh_other, chunk_t nonce_i, chunk_t nonce_r, ike_sa_t *rekey,
	shared_key_t *shared, auth_method_t method)
{
	nflog_candidate_t *subject;
	nflog_ike_key_set_t *keys;
	peer_cfg_t *peer_cfg;
	ike_sa_t *known;

	keys = this->ike_keys->get(this->ike_keys, ike_sa);
	if (keys)
	{
		/* as long as the IKE_SA may fail, its keys are written with its trace only */
		known = rekey ?: ike_sa;
		peer_cfg = known->get_peer_cfg(known);
		if (peer_cfg && (rekey || has_trace(this, ike_sa)))
		{
			subject = nflog_subject_create(known, peer_cfg, NULL);
			this->captures->write_keys(this->captures, keys, subject, peer_cfg);
			nflog_candidate_destroy(subject);
			nflog_ike_key_set_destroy(keys);
		}
		else
		{
			this->ike_keys->keep(this->ike_keys, keys);
		}
	}
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	if (state == IKE_ESTABLISHED)
	{
		established(this, ike_sa);
	}
	else if (state == IKE_DESTROYING)
	{
		destroying(this, ike_sa);
		this->requests->ike_gone(this->requests, ike_sa->get_unique_id(ike_sa));
	}
	return TRUE;
}

METHOD(nflog_ike_t, reload, void,
	private_nflog_ike_t *this)
{
	this->ike_messages->reconsider(this->ike_messages);
	this->reader->capture_ike(this->reader, !nflog_pulse_is_suspended() &&
				this->options->has_point(this->options, NULL, NFLOG_IKE_POINTS));
}

METHOD(listener_t, ike_rekey, bool,
	private_nflog_ike_t *this, ike_sa_t *old, ike_sa_t *new)
{
	this->requests->ike_rekeyed(this->requests, old->get_unique_id(old),
								new->get_unique_id(new));
	return TRUE;
}

/**
 * End the capture of an IKE_SA that stays up.
 */
static void end_existing(private_nflog_ike_t *this, ike_sa_t *ike_sa,
						 nflog_candidate_t *subject, char *reason)
{
	DBG1(DBG_IKE, "nflog-capture: ending the capture of IKE_SA %s[%u], %s", subject->conn,
		 subject->ike_id, reason);
	this->captures->end(this->captures, subject->ike_id, ike_sa->get_id(ike_sa), TRUE);
	/* messages from now on are not of the trace that ends */
	this->captures->update(this->captures, ike_sa);
	this->ike_messages->refuse(this->ike_messages, subject->ike_id);
	this->requests->count(this->requests, subject->request, NFLOG_REQUEST_ENDED);
}

/**
 * Start the capture of an IKE_SA that is up already.
 */
static void start_existing(private_nflog_ike_t *this, ike_sa_t *ike_sa,
						   nflog_candidate_t *subject, nflog_cfg_t *cfg)
{
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	nflog_ike_state_t state;
	bool keys;

	state = this->captures->update(this->captures, ike_sa);
	if (state != NFLOG_IKE_UNDECIDED)
	{
		return;
	}
	keys = !cfg->ike_keys || this->ike_keys->is_written(this->ike_keys, spis);
	DBG1(DBG_IKE, "nflog-capture: capturing IKE_SA %s[%u], which is up already%s",
		 subject->conn, subject->ike_id, keys ? "" : ", its keys are not known anymore, "
		 "but will be once it is rekeyed");
	this->captures->capture(this->captures, subject, cfg);
	this->captures->start(this->captures, subject, spis, ike_sa->get_peer_cfg(ike_sa),
						  FALSE);
	this->requests->count(this->requests, subject->request,
						  keys ? NFLOG_REQUEST_STARTED
							   : NFLOG_REQUEST_STARTED_WITHOUT_KEYS);
}

METHOD(nflog_ike_t, apply, void,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, bool missed)
{
	peer_cfg_t *peer_cfg = get_connection(ike_sa);
	ike_sa_state_t ike_state = ike_sa->get_state(ike_sa);
	nflog_candidate_t *subject;
	nflog_ike_state_t state;
	nflog_cfg_t *cfg;
	bool captured;

	if (!peer_cfg)
	{
		return;
	}
	subject = nflog_subject_create(ike_sa, peer_cfg, NULL);
	state = this->ike_messages->get_state(this->ike_messages, subject->ike_id);
	captured = is_started(state) || state == NFLOG_IKE_WAITING;
	cfg = this->captures->get_cfg(this->captures, subject, peer_cfg, captured);
	if (captured && !cfg)
	{
		end_existing(this, ike_sa, subject,
					 nflog_pulse_is_suspended() ? "a thread makes no progress" :
					 subject->request ? "as requested"
									  : "it is neither enabled nor requested anymore");
	}
	else if (state == NFLOG_IKE_FULL)
	{
		this->captures->set_reached(this->captures, subject->ike_id, subject->request);
		end_existing(this, ike_sa, subject, "it has as many packets as requested");
	}
	else if (captured)
	{
		this->requests->count(this->requests, subject->request, NFLOG_REQUEST_RUNNING);
	}
	else if (cfg && (cfg->running || missed) &&
			 !this->captures->has_reached(this->captures, subject) &&
			 (ike_state == IKE_ESTABLISHED || ike_state == IKE_REKEYING))
	{
		start_existing(this, ike_sa, subject, cfg);
	}
	if (cfg)
	{
		nflog_cfg_destroy(cfg);
	}
	nflog_candidate_destroy(subject);
}

METHOD(nflog_ike_t, has_any, bool,
	private_nflog_ike_t *this)
{
	return this->ike_messages->get_count(this->ike_messages) > 0;
}

METHOD(nflog_ike_t, destroy, void,
	private_nflog_ike_t *this)
{
	this->captures->destroy(this->captures);
	this->ike_keys->destroy(this->ike_keys);
	this->failed->destroy(this->failed);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_t *nflog_ike_create(nflog_options_t *options, nflog_requests_t *requests,
							  nflog_pipeline_t *pipeline)
{
	private_nflog_ike_t *this;

	INIT(this,
		.public = {
			.listener = {
				.ike_derived_keys = _ike_derived_keys,
				.ike_keys = _ike_keys,
				.ike_rekey = _ike_rekey,
				.ike_state_change = _ike_state_change,
				.message = _message,
			},
			.reload = _reload,
			.apply = _apply,
			.has_any = _has_any,
			.destroy = _destroy,
		},
		.options = options,
		.requests = requests,
		.reader = pipeline->reader,
		.ike_messages = pipeline->ike_messages,
		.ike_keys = nflog_ike_keys_create(),
	);
	this->captures = nflog_ike_captures_create(options, pipeline, this->ike_keys);
	this->failed = nflog_ike_failed_create(this->ike_messages, capture_failed, this);
	return &this->public;
}

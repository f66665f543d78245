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
#include "ike_keys.h"
#include "ike_failed.h"
#include "release.h"
#include "subject.h"

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
	 * Key tables.
	 */
	nflog_keys_t *keys;

	/**
	 * Has the files of traces.
	 */
	nflog_store_t *store;

	/**
	 * Knows all traces.
	 */
	nflog_registry_t *registry;

	/**
	 * Reads packets.
	 */
	nflog_reader_t *reader;

	/**
	 * Writes the key tables.
	 */
	nflog_writer_t *writer;

	/**
	 * Passes messages to traces.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Keys of IKE_SAs.
	 */
	nflog_ike_keys_t *ike_keys;

	/**
	 * Handles IKE_SAs that fail.
	 */
	nflog_ike_failed_t *failed;
};

/**
 * Get what to capture of the IKE_SAs of a connection: what the first of its children
 * with a capture point for IKE messages wants.  Without children, as with mediation,
 * it is what a child without options would want.
 */
static nflog_cfg_t *get_cfg(private_nflog_ike_t *this,
							 peer_cfg_t *peer_cfg)
{
	char *conn = peer_cfg->get_name(peer_cfg);
	nflog_cfg_t *cfg = NULL;
	enumerator_t *enumerator;
	child_cfg_t *child_cfg;
	bool has_children = FALSE;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!cfg && enumerator->enumerate(enumerator, &child_cfg))
	{
		cfg = this->options->get(this->options, conn,
								 child_cfg->get_name(child_cfg), TRUE);
		if (cfg && !(cfg->points & NFLOG_IKE_POINTS))
		{
			nflog_cfg_destroy(cfg);
			cfg = NULL;
		}
		has_children = TRUE;
	}
	enumerator->destroy(enumerator);
	return has_children ? cfg : this->options->get(this->options, conn, "", TRUE);
}

/**
 * Write all sets of keys of an IKE_SA, in the order they were derived.
 */
static void add_keys(private_nflog_ike_t *this,
					 nflog_ike_key_set_t *keys, char *conn)
{
	if (keys->former)
	{
		add_keys(this, keys->former, conn);
	}
	this->keys->add_ike(this->keys, conn, keys->version, keys->id,
						keys->proposal, keys->sk_ei, keys->sk_er, keys->sk_ai,
						keys->sk_ar);
}

/**
 * Write keys if that is enabled, and their IKE_SA gets a trace.
 */
static void write_keys(private_nflog_ike_t *this,
					   nflog_ike_key_set_t *keys, peer_cfg_t *peer_cfg)
{
	nflog_cfg_t *cfg;

	cfg = get_cfg(this, peer_cfg);
	if (cfg)
	{
		if (cfg->ike_keys && cfg->points & NFLOG_IKE_POINTS)
		{
			add_keys(this, keys, peer_cfg->get_name(peer_cfg));
			this->writer->write_keys(this->writer);
		}
		nflog_cfg_destroy(cfg);
	}
}

/**
 * Write the keys of an IKE_SA that were kept until its trace starts.
 */
static void write_kept_keys(private_nflog_ike_t *this, ike_sa_id_t *spis,
							peer_cfg_t *peer_cfg)
{
	nflog_ike_key_set_t *keys;

	keys = this->ike_keys->remove(this->ike_keys, spis);
	if (keys)
	{
		write_keys(this, keys, peer_cfg);
		nflog_ike_key_set_destroy(keys);
	}
}

/**
 * Create the trace of an IKE_SA.
 *
 * @param label			name of the IKE_SA
 */
static nflog_trace_t *create_trace(private_nflog_ike_t *this,
								   nflog_candidate_t *subject, char *label,
								   nflog_cfg_t *cfg)
{
	nflog_trace_t *trace;

	trace = nflog_trace_create(this->store, subject->conn, label, POINT_IKE_IN, cfg);
	trace->set_listing(trace, this->registry,
					   this->registry->add(this->registry, subject, POINT_IKE_IN));
	return trace;
}

/**
 * Decide whether to capture an IKE_SA, once its connection is known.
 *
 * @param subject		IKE_SA, gets owned
 * @return				FALSE if it is not
 */
static bool capture(private_nflog_ike_t *this, nflog_candidate_t *subject,
					peer_cfg_t *peer_cfg)
{
	uint32_t id = subject->ike_id;
	char label[256];
	nflog_cfg_t *cfg;
	bool wanted = FALSE;

	cfg = get_cfg(this, peer_cfg);
	if (cfg)
	{
		wanted = cfg->points & NFLOG_IKE_POINTS;
		if (wanted)
		{
			this->reader->capture_ike(this->reader, TRUE);
			snprintf(label, sizeof(label), "%s[%u]", subject->conn, id);
			this->ike_messages->capture(this->ike_messages, id,
										create_trace(this, subject, label, cfg), label,
										cfg->points);
		}
		nflog_cfg_destroy(cfg);
	}
	nflog_candidate_destroy(subject);
	return wanted;
}

/**
 * Set the SPIs and the peer of an IKE_SA.
 */
static nflog_ike_state_t update(private_nflog_ike_t *this,
								uint32_t id, ike_sa_id_t *spis,
								host_t *peer)
{
	nflog_ike_state_t state;
	bool flush;

	state = this->ike_messages->update(this->ike_messages, id,
									   spis->get_initiator_spi(spis),
									   spis->get_responder_spi(spis), peer, &flush);
	if (flush)
	{
		this->reader->flush_ike(this->reader);
	}
	return state;
}

/**
 * Start the trace of an IKE_SA.
 *
 * @param early			TRUE if it is not established
 */
static void start(private_nflog_ike_t *this, uint32_t id,
				  ike_sa_id_t *spis, peer_cfg_t *peer_cfg, bool early)
{
	this->ike_messages->start(this->ike_messages, id, early);
	write_kept_keys(this, spis, peer_cfg);
	this->reader->flush_ike(this->reader);
}

/**
 * End the trace of an IKE_SA that is gone.
 */
static void end(private_nflog_ike_t *this, uint32_t id,
				ike_sa_id_t *spis)
{
	this->ike_messages->remove(this->ike_messages, id);
	this->keys->end_ike(this->keys, spis);
	this->writer->write_keys(this->writer);
	this->reader->flush_ike(this->reader);
}

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

	if (!capture(this, nflog_candidate_clone(&subject), peer_cfg))
	{
		return FALSE;
	}
	DBG1(DBG_IKE, "nflog-capture: IKE_SA %u of %H failed before its connection was "
		 "known, its trace is with those of connection '%s'", sa->id, sa->other,
		 peer_cfg->get_name(peer_cfg));
	if (sa->keys)
	{
		write_keys(this, sa->keys, peer_cfg);
	}
	start(this, sa->id, sa->spis, peer_cfg, TRUE);
	end(this, sa->id, sa->spis);
	return TRUE;
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
static bool start_waiting(private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	host_t *other = ike_sa->get_other_host(ike_sa);
	bool early = !is_established(ike_sa);

	if (early && !this->failed->take(this->failed, other, time_monotonic(NULL)))
	{
		return FALSE;
	}
	start(this, ike_sa->get_unique_id(ike_sa), ike_sa->get_id(ike_sa),
		  ike_sa->get_peer_cfg(ike_sa), early);
	return TRUE;
}

/**
 * Handle an IKE_SA that got established.
 */
static void established(private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);

	if (peer_cfg)
	{
		write_kept_keys(this, ike_sa->get_id(ike_sa), peer_cfg);
	}
	if (this->ike_messages->get_state(this->ike_messages,
									  id) == NFLOG_IKE_WAITING)
	{
		start_waiting(this, ike_sa);
	}
	else if (this->ike_messages->establish(this->ike_messages, id))
	{
		this->failed->give_back(this->failed, ike_sa->get_other_host(ike_sa));
	}
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
	if (state == NFLOG_IKE_UNDECIDED &&
		capture(this, nflog_subject_create(ike_sa, peer_cfg, NULL), peer_cfg))
	{	/* a responder that did not get further */
		state = NFLOG_IKE_WAITING;
	}
	if (state == NFLOG_IKE_WAITING)
	{
		if (start_waiting(this, ike_sa))
		{
			state = NFLOG_IKE_STARTED;
		}
		else
		{
			this->failed->refuse(this->failed);
		}
	}
	if (state == NFLOG_IKE_STARTED)
	{
		end(this, id, spis);
	}
	else
	{
		this->ike_messages->remove(this->ike_messages, id);
	}
	nflog_ike_key_set_destroy(this->ike_keys->remove(this->ike_keys, spis));
}

METHOD(listener_t, message, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);
	nflog_ike_state_t state;
	peer_cfg_t *peer_cfg;

	if (plain != incoming)
	{	/* handle each message once: before it is sent, or after it was parsed */
		return TRUE;
	}
	state = update(this, id, spis, ike_sa->get_other_host(ike_sa));
	if (state == NFLOG_IKE_UNDECIDED)
	{
		peer_cfg = get_connection(ike_sa);
		if (peer_cfg &&
			capture(this, nflog_subject_create(ike_sa, peer_cfg, NULL), peer_cfg))
		{
			state = NFLOG_IKE_WAITING;
		}
		else if (peer_cfg)
		{
			this->ike_messages->refuse(this->ike_messages, id);
		}
	}
	if (state == NFLOG_IKE_WAITING && spis->get_responder_spi(spis))
	{
		start_waiting(this, ike_sa);
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
	return this->ike_messages->get_state(this->ike_messages,
			ike_sa->get_unique_id(ike_sa)) == NFLOG_IKE_STARTED;
}

METHOD(listener_t, ike_keys, bool,
	private_nflog_ike_t *this, ike_sa_t *ike_sa, nflog_key_exchanges_t *kes,
	chunk_t dh_other, chunk_t nonce_i, chunk_t nonce_r, ike_sa_t *rekey,
	shared_key_t *shared, auth_method_t method)
{
	nflog_ike_key_set_t *keys;
	peer_cfg_t *peer_cfg;

	keys = this->ike_keys->get(this->ike_keys, ike_sa);
	if (keys)
	{
		/* as long as the IKE_SA may fail, its keys are written with its trace only */
		peer_cfg = (rekey ?: ike_sa)->get_peer_cfg(rekey ?: ike_sa);
		if (peer_cfg && (rekey || has_trace(this, ike_sa)))
		{
			write_keys(this, keys, peer_cfg);
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
	}
	return TRUE;
}

METHOD(nflog_ike_t, reload, void,
	private_nflog_ike_t *this)
{
	this->ike_messages->reconsider(this->ike_messages);
	this->reader->capture_ike(this->reader,
				this->options->has_point(this->options, NULL, NFLOG_IKE_POINTS));
}

/**
 * Check if an IKE_SA is to be captured.
 */
static bool is_wanted(private_nflog_ike_t *this, peer_cfg_t *peer_cfg)
{
	nflog_cfg_t *cfg;
	bool wanted = FALSE;

	cfg = get_cfg(this, peer_cfg);
	if (cfg)
	{
		wanted = cfg->points & NFLOG_IKE_POINTS;
		nflog_cfg_destroy(cfg);
	}
	return wanted;
}

METHOD(nflog_ike_t, apply, void,
	private_nflog_ike_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *peer_cfg = get_connection(ike_sa);
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);
	nflog_ike_state_t state;

	state = this->ike_messages->get_state(this->ike_messages, id);
	if (peer_cfg && (state == NFLOG_IKE_STARTED || state == NFLOG_IKE_WAITING) &&
		!is_wanted(this, peer_cfg))
	{
		DBG1(DBG_IKE, "nflog-capture: ending the capture of IKE_SA %s[%u], it is not "
			 "enabled anymore", peer_cfg->get_name(peer_cfg), id);
		end(this, id, spis);
		/* messages from now on are not of the trace that ends */
		update(this, id, spis, ike_sa->get_other_host(ike_sa));
		this->ike_messages->refuse(this->ike_messages, id);
	}
}

METHOD(nflog_ike_t, has_any, bool,
	private_nflog_ike_t *this)
{
	return this->ike_messages->get_count(this->ike_messages) > 0;
}

METHOD(nflog_ike_t, destroy, void,
	private_nflog_ike_t *this)
{
	this->ike_keys->destroy(this->ike_keys);
	this->failed->destroy(this->failed);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_t *nflog_ike_create(nflog_options_t *options,
							  nflog_pipeline_t *pipeline)
{
	private_nflog_ike_t *this;

	INIT(this,
		.public = {
			.listener = {
				.ike_derived_keys = _ike_derived_keys,
				.ike_keys = _ike_keys,
				.ike_state_change = _ike_state_change,
				.message = _message,
			},
			.reload = _reload,
			.apply = _apply,
			.has_any = _has_any,
			.destroy = _destroy,
		},
		.options = options,
		.store = pipeline->store,
		.registry = pipeline->registry,
		.keys = pipeline->keys,
		.reader = pipeline->reader,
		.writer = pipeline->writer,
		.ike_messages = pipeline->ike_messages,
		.ike_keys = nflog_ike_keys_create(),
	);
	this->failed = nflog_ike_failed_create(this->ike_messages, capture_failed, this);
	return &this->public;
}

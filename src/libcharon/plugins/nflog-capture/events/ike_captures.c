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

#include "ike_captures.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

typedef struct private_nflog_ike_captures_t private_nflog_ike_captures_t;

/**
 * Private data.
 */
struct private_nflog_ike_captures_t {

	/**
	 * Public interface.
	 */
	nflog_ike_captures_t public;

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
	 * Holds the newest packets of connections.
	 */
	nflog_recorder_t *recorder;

	/**
	 * Passes messages to traces.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Keys of IKE_SAs.
	 */
	nflog_ike_keys_t *ike_keys;

	/**
	 * Requests whose limit of packets a trace reached, by unique id of the IKE_SA.
	 */
	hashtable_t *reached;

	/**
	 * Protects reached.
	 */
	mutex_t *mutex;
};

/**
 * Get what a child wants, NULL if that is nothing of IKE messages.  A capture that runs is
 * not ended by a request that starts others.
 */
static nflog_cfg_t *get_child_cfg(private_nflog_ike_captures_t *this,
								  nflog_candidate_t *candidate, bool captured)
{
	nflog_cfg_t *cfg;

	cfg = this->options->get(this->options, candidate, captured, TRUE);
	if (cfg && !(cfg->points & NFLOG_IKE_POINTS) && !(captured && candidate->request))
	{
		nflog_cfg_destroy(cfg);
		cfg = NULL;
	}
	return cfg;
}

METHOD(nflog_ike_captures_t, get_cfg, nflog_cfg_t*,
	private_nflog_ike_captures_t *this, nflog_candidate_t *subject,
	peer_cfg_t *peer_cfg, bool captured)
{
	nflog_candidate_t candidate = *subject;
	nflog_cfg_t *cfg = NULL;
	enumerator_t *enumerator;
	child_cfg_t *child_cfg;
	bool has_children = FALSE, unsure = FALSE;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!cfg && enumerator->enumerate(enumerator, &child_cfg))
	{
		candidate.child = child_cfg->get_name(child_cfg);
		cfg = get_child_cfg(this, &candidate, captured);
		unsure |= candidate.unsure;
		has_children = TRUE;
	}
	enumerator->destroy(enumerator);
	if (!has_children)
	{
		candidate.child = "";
		cfg = get_child_cfg(this, &candidate, captured);
		unsure |= candidate.unsure;
	}
	subject->request = candidate.request;
	subject->unsure = unsure;
	return cfg;
}

/**
 * Write all sets of keys of an IKE_SA, in the order they were derived.
 */
static void add_keys(private_nflog_ike_captures_t *this,
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

METHOD(nflog_ike_captures_t, write_keys, void,
	private_nflog_ike_captures_t *this, nflog_ike_key_set_t *keys,
	nflog_candidate_t *subject, peer_cfg_t *peer_cfg)
{
	nflog_cfg_t *cfg;

	cfg = get_cfg(this, subject, peer_cfg, FALSE);
	if (cfg)
	{
		if (cfg->ike_keys)
		{
			add_keys(this, keys, subject->conn);
			this->ike_keys->set_written(this->ike_keys, keys->id, TRUE);
			this->writer->write_keys(this->writer);
		}
		nflog_cfg_destroy(cfg);
	}
}

METHOD(nflog_ike_captures_t, write_kept_keys, void,
	private_nflog_ike_captures_t *this, ike_sa_id_t *spis,
	nflog_candidate_t *subject, peer_cfg_t *peer_cfg)
{
	nflog_ike_key_set_t *keys;

	keys = this->ike_keys->remove(this->ike_keys, spis);
	if (keys)
	{
		write_keys(this, keys, subject, peer_cfg);
		nflog_ike_key_set_destroy(keys);
	}
}

/**
 * Create the trace of an IKE_SA.
 *
 * @param label			name of the IKE_SA
 */
static nflog_trace_t *create_trace(private_nflog_ike_captures_t *this,
								   nflog_candidate_t *subject, char *label,
								   nflog_cfg_t *cfg)
{
	nflog_trace_t *trace;

	trace = nflog_trace_create(this->store, subject->conn, label, POINT_IKE_IN, cfg);
	trace->set_listing(trace, this->registry,
					   this->registry->add(this->registry, subject, POINT_IKE_IN));
	trace->set_recorder(trace, this->recorder);
	return trace;
}

METHOD(nflog_ike_captures_t, capture, void,
	private_nflog_ike_captures_t *this, nflog_candidate_t *subject,
	nflog_cfg_t *cfg)
{
	char label[256];

	this->reader->capture_ike(this->reader, TRUE);
	snprintf(label, sizeof(label), "%s[%u]", subject->conn, subject->ike_id);
	this->ike_messages->capture(this->ike_messages, subject->ike_id,
								create_trace(this, subject, label, cfg), label,
								cfg->points);
}

METHOD(nflog_ike_captures_t, set_reached, void,
	private_nflog_ike_captures_t *this, uint32_t id, uint32_t request)
{
	this->mutex->lock(this->mutex);
	if (request)
	{
		this->reached->put(this->reached, (void*)(uintptr_t)id,
						   (void*)(uintptr_t)request);
	}
	else
	{
		this->reached->remove(this->reached, (void*)(uintptr_t)id);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_captures_t, has_reached, bool,
	private_nflog_ike_captures_t *this, nflog_candidate_t *subject)
{
	void *request;

	this->mutex->lock(this->mutex);
	request = this->reached->get(this->reached, (void*)(uintptr_t)subject->ike_id);
	this->mutex->unlock(this->mutex);
	return request && (uintptr_t)request == subject->request;
}

METHOD(nflog_ike_captures_t, decide, bool,
	private_nflog_ike_captures_t *this, nflog_candidate_t *subject,
	peer_cfg_t *peer_cfg)
{
	nflog_cfg_t *cfg;
	bool wanted;

	cfg = get_cfg(this, subject, peer_cfg, FALSE);
	wanted = cfg && !has_reached(this, subject);
	if (wanted)
	{
		capture(this, subject, cfg);
	}
	if (cfg)
	{
		nflog_cfg_destroy(cfg);
	}
	return wanted;
}

METHOD(nflog_ike_captures_t, update, nflog_ike_state_t,
	private_nflog_ike_captures_t *this, ike_sa_t *ike_sa)
{
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	nflog_ike_state_t state;
	bool flush;

	state = this->ike_messages->update(this->ike_messages,
							ike_sa->get_unique_id(ike_sa),
							spis->get_initiator_spi(spis),
							spis->get_responder_spi(spis),
							ike_sa->get_other_host(ike_sa), &flush);
	if (flush)
	{
		this->reader->flush_ike(this->reader);
	}
	return state;
}

METHOD(nflog_ike_captures_t, start, void,
	private_nflog_ike_captures_t *this, nflog_candidate_t *subject,
	ike_sa_id_t *spis, peer_cfg_t *peer_cfg, bool early)
{
	this->ike_messages->start(this->ike_messages, subject->ike_id, early);
	write_kept_keys(this, spis, subject, peer_cfg);
	this->reader->flush_ike(this->reader);
}

METHOD(nflog_ike_captures_t, end, void,
	private_nflog_ike_captures_t *this, uint32_t id, ike_sa_id_t *spis, bool up)
{
	this->ike_messages->remove(this->ike_messages, id, up);
	this->keys->end_ike(this->keys, spis);
	this->writer->write_keys(this->writer);
	this->reader->flush_ike(this->reader);
}

METHOD(nflog_ike_captures_t, destroy, void,
	private_nflog_ike_captures_t *this)
{
	this->reached->destroy(this->reached);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_captures_t *nflog_ike_captures_create(nflog_options_t *options,
												nflog_pipeline_t *pipeline,
												nflog_ike_keys_t *ike_keys)
{
	private_nflog_ike_captures_t *this;

	INIT(this,
		.public = {
			.get_cfg = _get_cfg,
			.decide = _decide,
			.capture = _capture,
			.update = _update,
			.start = _start,
			.write_keys = _write_keys,
			.write_kept_keys = _write_kept_keys,
			.set_reached = _set_reached,
			.has_reached = _has_reached,
			.end = _end,
			.destroy = _destroy,
		},
		.options = options,
		.store = pipeline->store,
		.registry = pipeline->registry,
		.keys = pipeline->keys,
		.reader = pipeline->reader,
		.writer = pipeline->writer,
		.recorder = pipeline->recorder,
		.ike_messages = pipeline->ike_messages,
		.ike_keys = ike_keys,
		.reached = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

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

#include "nflog_capture_ike.h"
#include "nflog_capture_derived.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

/**
 * IKE_SAs per minute for which a connection is looked up after they failed, so
 * that a flood of forged IKE_SA_INITs neither takes time nor fills the disk.
 */
#define MAX_FAILED 10

/**
 * Time after which it's done, in ms.  Until then the initiator may try again
 * with the same SPI, as told by an INVALID_KE_PAYLOAD notify.
 */
#define FAILED_DELAY 2000

typedef struct private_nflog_capture_ike_t private_nflog_capture_ike_t;
typedef struct failed_t failed_t;

#ifdef MAX_ADDITIONAL_KEY_EXCHANGES
/** one key exchange, or several with those of RFC 9370, since 6.0 */
typedef array_t key_exchanges_t;
#else
typedef key_exchange_t key_exchanges_t;
#endif

/**
 * Private data.
 */
struct private_nflog_capture_ike_t {

	/**
	 * Public interface.
	 */
	nflog_capture_ike_t public;

	/**
	 * Tells what is captured.
	 */
	nflog_capture_options_t *options;

	/**
	 * Key tables.
	 */
	nflog_capture_keys_t *keys;

	/**
	 * Where traces are created.
	 */
	nflog_capture_store_t *store;

	/**
	 * Reads packets.
	 */
	nflog_capture_reader_t *reader;

	/**
	 * Writes the key tables.
	 */
	nflog_capture_writer_t *writer;

	/**
	 * Brings messages to traces.
	 */
	nflog_capture_messages_t *messages;

	/**
	 * Keys of IKE_SAs.
	 */
	nflog_capture_derived_t *derived;

	/**
	 * IKE_SAs without a known connection, unique id => initiator's SPI.
	 */
	hashtable_t *unknown;

	/**
	 * IKE_SAs that failed in the current minute.
	 */
	u_int failed;

	/**
	 * Begin of that minute, monotonic.
	 */
	time_t minute;

	/**
	 * Protects these three.
	 */
	mutex_t *mutex;
};

/**
 * IKE_SA that failed before its connection was known.
 */
struct failed_t {

	/**
	 * What looks for the connection.
	 */
	private_nflog_capture_ike_t *ike;

	/**
	 * Unique id of the IKE_SA.
	 */
	uint32_t id;

	/**
	 * Its SPIs.
	 */
	ike_sa_id_t *spis;

	/**
	 * Its addresses.
	 */
	host_t *me, *other;

	/**
	 * Version of IKE.
	 */
	ike_version_t version;

	/**
	 * Its keys, NULL if there were none yet.
	 */
	nflog_capture_ike_keys_t *keys;
};

/**
 * Destroy a failed_t.
 */
static void failed_destroy(failed_t *this)
{
	this->spis->destroy(this->spis);
	this->me->destroy(this->me);
	this->other->destroy(this->other);
	nflog_capture_ike_keys_destroy(this->keys);
	free(this);
}

/**
 * Get what is to be captured of the IKE_SAs of a connection: what the first
 * of its children wants that is captured.  Without any, as with mediation, it's what
 * a child without options would want.
 */
static nflog_capture_wish_t *get_wish(private_nflog_capture_ike_t *this,
									  peer_cfg_t *peer_cfg)
{
	char *conn = peer_cfg->get_name(peer_cfg);
	nflog_capture_wish_t *wish = NULL;
	enumerator_t *enumerator;
	child_cfg_t *child_cfg;
	bool has_children = FALSE;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!wish && enumerator->enumerate(enumerator, &child_cfg))
	{
		wish = this->options->get(this->options, conn,
								  child_cfg->get_name(child_cfg), TRUE);
		has_children = TRUE;
	}
	enumerator->destroy(enumerator);
	return has_children ? wish : this->options->get(this->options, conn, "", TRUE);
}

/**
 * Write all sets of keys of an IKE_SA, in the order they were derived.
 */
static void add_keys(private_nflog_capture_ike_t *this,
					 nflog_capture_ike_keys_t *keys, char *conn)
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
 * Write keys if they are wanted, and there will be a trace that they belong to.
 */
static void write_keys(private_nflog_capture_ike_t *this,
					   nflog_capture_ike_keys_t *keys, peer_cfg_t *peer_cfg)
{
	nflog_capture_wish_t *wish;

	wish = get_wish(this, peer_cfg);
	if (wish)
	{
		if (wish->ike_keys &&
			wish->points & (1 << POINT_IKE_IN | 1 << POINT_IKE_OUT))
		{
			add_keys(this, keys, peer_cfg->get_name(peer_cfg));
			this->writer->write_keys(this->writer);
		}
		nflog_capture_wish_destroy(wish);
	}
}

/**
 * Begin to capture an IKE_SA if it is wanted.
 */
static bool capture(private_nflog_capture_ike_t *this, uint32_t id,
					peer_cfg_t *peer_cfg)
{
	char label[256], *conn = peer_cfg->get_name(peer_cfg);
	nflog_capture_wish_t *wish;
	bool wanted = FALSE;

	wish = get_wish(this, peer_cfg);
	if (wish)
	{
		wanted = wish->points & (1 << POINT_IKE_IN | 1 << POINT_IKE_OUT);
		if (wanted)
		{
			this->reader->capture_ike(this->reader, TRUE);
			snprintf(label, sizeof(label), "%s[%u]", conn, id);
			this->messages->add(this->messages, id, this->store, conn, label,
								wish);
		}
		nflog_capture_wish_destroy(wish);
	}
	return wanted;
}

/**
 * Tell the SPIs of an IKE_SA, FALSE if it is not captured.
 */
static bool update(private_nflog_capture_ike_t *this, uint32_t id,
				   ike_sa_id_t *spis)
{
	bool known, flush;

	known = this->messages->update(this->messages, id,
								   spis->get_initiator_spi(spis),
								   spis->get_responder_spi(spis), &flush);
	if (flush)
	{
		this->reader->flush_ike(this->reader);
	}
	return known;
}

/**
 * End the trace of an IKE_SA, if there is one.
 */
static bool end(private_nflog_capture_ike_t *this, uint32_t id,
				ike_sa_id_t *spis)
{
	if (this->messages->remove(this->messages, id))
	{
		this->keys->end_ike(this->keys, spis);
		this->writer->write_keys(this->writer);
		this->reader->flush_ike(this->reader);
		return TRUE;
	}
	return FALSE;
}

/**
 * Remember an IKE_SA while its connection is not known.
 */
static void set_unknown(private_nflog_capture_ike_t *this, ike_sa_t *ike_sa,
						bool unknown)
{
	void *id = (void*)(uintptr_t)ike_sa->get_unique_id(ike_sa);
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	uint64_t *spi = NULL;

	if (unknown)
	{
		spi = malloc_thing(uint64_t);
		*spi = spis->get_initiator_spi(spis);
	}
	this->mutex->lock(this->mutex);
	spi = spi ? this->unknown->put(this->unknown, id, spi)
			  : this->unknown->remove(this->unknown, id);
	this->mutex->unlock(this->mutex);
	free(spi);
}

/**
 * Is the connection of any IKE_SA with the given initiator's SPI not known yet?
 */
static bool is_unknown(private_nflog_capture_ike_t *this, uint64_t spi_i)
{
	enumerator_t *enumerator;
	uint64_t *spi;
	bool found = FALSE;

	this->mutex->lock(this->mutex);
	enumerator = this->unknown->create_enumerator(this->unknown);
	while (!found && enumerator->enumerate(enumerator, NULL, &spi))
	{
		found = *spi == spi_i;
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return found;
}

/**
 * Capture an IKE_SA that failed for the first connection that fits its
 * addresses and is captured.  A job, as the configuration must not be searched
 * with the bus locked.
 */
static job_requeue_t capture_failed(failed_t *failed)
{
	private_nflog_capture_ike_t *this = failed->ike;
	uint64_t spi_i = failed->spis->get_initiator_spi(failed->spis);
	enumerator_t *enumerator;
	peer_cfg_t *peer_cfg;
	bool captured = FALSE;

	if (is_unknown(this, spi_i))
	{	/* the next try is under way */
		return JOB_RESCHEDULE_MS(FAILED_DELAY);
	}
	if (!this->messages->has_unknown(this->messages, spi_i))
	{	/* the next try was better, it has got the messages of this one */
		return JOB_REQUEUE_NONE;
	}
	enumerator = charon->backends->create_peer_cfg_enumerator(charon->backends,
						failed->me, failed->other, NULL, NULL, failed->version);
	while (!captured && enumerator->enumerate(enumerator, &peer_cfg))
	{
		captured = capture(this, failed->id, peer_cfg);
		if (captured)
		{
			DBG1(DBG_IKE, "IKE_SA %u of %H failed before its connection was "
				 "known, its trace is with those of connection '%s'",
				 failed->id, failed->other, peer_cfg->get_name(peer_cfg));
			if (failed->keys)
			{
				write_keys(this, failed->keys, peer_cfg);
			}
			update(this, failed->id, failed->spis);
			end(this, failed->id, failed->spis);
		}
	}
	enumerator->destroy(enumerator);
	return JOB_REQUEUE_NONE;
}

/**
 * Handle an IKE_SA that failed before its connection was known.
 */
static void handle_failed(private_nflog_capture_ike_t *this, ike_sa_t *ike_sa,
						  nflog_capture_ike_keys_t *keys)
{
	time_t now = time_monotonic(NULL);
	failed_t *failed;
	bool allowed;

	this->mutex->lock(this->mutex);
	if (now - this->minute >= 60)
	{
		this->minute = now;
		this->failed = 0;
	}
	allowed = this->failed < MAX_FAILED;
	this->failed += allowed;
	this->mutex->unlock(this->mutex);

	if (!allowed)
	{
		nflog_capture_ike_keys_destroy(keys);
		return;
	}
	INIT(failed,
		.ike = this,
		.id = ike_sa->get_unique_id(ike_sa),
		.spis = ike_sa->get_id(ike_sa)->clone(ike_sa->get_id(ike_sa)),
		.me = ike_sa->get_my_host(ike_sa)->clone(ike_sa->get_my_host(ike_sa)),
		.other = ike_sa->get_other_host(ike_sa)->clone(
												ike_sa->get_other_host(ike_sa)),
		.version = ike_sa->get_version(ike_sa),
		.keys = keys,
	);
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
						callback_job_create((callback_job_cb_t)capture_failed,
									failed, (void*)failed_destroy, NULL),
						FAILED_DELAY);
}

/**
 * Get the connection of an IKE_SA, NULL if that is not known: a responder may
 * turn to another one until the IKE_SA is established.
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
 * Handle an IKE_SA that is gone.
 *
 * @param keys			its keys, if they were kept, get owned
 */
static void destroying(private_nflog_capture_ike_t *this, ike_sa_t *ike_sa,
					   nflog_capture_ike_keys_t *keys)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);

	if (!end(this, id, spis) && this->reader->captures_ike(this->reader))
	{
		if (!peer_cfg)
		{
			handle_failed(this, ike_sa, keys);
			return;
		}
		if (this->messages->has_unknown(this->messages,
										spis->get_initiator_spi(spis)) &&
			capture(this, id, peer_cfg))
		{	/* a responder that did not get further */
			update(this, id, spis);
			end(this, id, spis);
		}
	}
	nflog_capture_ike_keys_destroy(keys);
}

METHOD(listener_t, message, bool,
	private_nflog_capture_ike_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	peer_cfg_t *peer_cfg = get_connection(ike_sa);
	uint32_t id = ike_sa->get_unique_id(ike_sa);

	if (plain != incoming)
	{	/* once per message will do, before one is sent, and after one was read */
		return TRUE;
	}
	set_unknown(this, ike_sa, !peer_cfg);
	if (!update(this, id, ike_sa->get_id(ike_sa)) && peer_cfg &&
		capture(this, id, peer_cfg))
	{
		update(this, id, ike_sa->get_id(ike_sa));
	}
	return TRUE;
}

METHOD(listener_t, ike_derived_keys, bool,
	private_nflog_capture_ike_t *this, ike_sa_t *ike_sa, chunk_t sk_d,
	chunk_t sk_ai, chunk_t sk_ar, chunk_t sk_ei, chunk_t sk_er, chunk_t sk_pi,
	chunk_t sk_pr)
{
	/* when rekeying as initiator this may be the old IKE_SA (before 6.0), the
	 * new one is told by ike_keys(), which follows on the same thread */
	this->derived->derive(this->derived, sk_ei, sk_er, sk_ai, sk_ar);
	return TRUE;
}

METHOD(listener_t, ike_keys, bool,
	private_nflog_capture_ike_t *this, ike_sa_t *ike_sa, key_exchanges_t *kes,
	chunk_t dh_other, chunk_t nonce_i, chunk_t nonce_r, ike_sa_t *rekey,
	shared_key_t *shared, auth_method_t method)
{
	nflog_capture_ike_keys_t *keys;
	peer_cfg_t *peer_cfg;

	keys = this->derived->get(this->derived, ike_sa);
	if (keys)
	{
		peer_cfg = rekey ? rekey->get_peer_cfg(rekey) : get_connection(ike_sa);
		if (peer_cfg)
		{
			write_keys(this, keys, peer_cfg);
			nflog_capture_ike_keys_destroy(keys);
		}
		else
		{
			this->derived->keep(this->derived, keys);
		}
	}
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool,
	private_nflog_capture_ike_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	peer_cfg_t *peer_cfg;
	nflog_capture_ike_keys_t *keys;

	if (state == IKE_ESTABLISHED || state == IKE_DESTROYING)
	{
		keys = this->derived->remove(this->derived, ike_sa->get_id(ike_sa));
		set_unknown(this, ike_sa, FALSE);
		peer_cfg = ike_sa->get_peer_cfg(ike_sa);
		if (keys && peer_cfg)
		{
			write_keys(this, keys, peer_cfg);
		}
		if (state == IKE_DESTROYING)
		{
			destroying(this, ike_sa, keys);
		}
		else
		{
			nflog_capture_ike_keys_destroy(keys);
		}
	}
	return TRUE;
}

METHOD(nflog_capture_ike_t, reload, void,
	private_nflog_capture_ike_t *this)
{
	this->reader->capture_ike(this->reader,
				this->options->has_point(this->options,
									1 << POINT_IKE_IN | 1 << POINT_IKE_OUT));
}

/**
 * Free a value of a hashtable.
 */
static void free_value(void *value, const void *key)
{
	free(value);
}

METHOD(nflog_capture_ike_t, destroy, void,
	private_nflog_capture_ike_t *this)
{
	this->derived->destroy(this->derived);
	this->unknown->destroy_function(this->unknown, free_value);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_ike_t *nflog_capture_ike_create(nflog_capture_options_t *options,
											  nflog_capture_store_t *store,
											  nflog_capture_keys_t *keys,
											  nflog_capture_reader_t *reader,
											  nflog_capture_writer_t *writer,
											  nflog_capture_messages_t *messages)
{
	private_nflog_capture_ike_t *this;

	INIT(this,
		.public = {
			.listener = {
				.ike_derived_keys = _ike_derived_keys,
				.ike_keys = _ike_keys,
				.ike_state_change = _ike_state_change,
				.message = _message,
			},
			.reload = _reload,
			.destroy = _destroy,
		},
		.options = options,
		.store = store,
		.keys = keys,
		.reader = reader,
		.writer = writer,
		.messages = messages,
		.derived = nflog_capture_derived_create(),
		.unknown = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

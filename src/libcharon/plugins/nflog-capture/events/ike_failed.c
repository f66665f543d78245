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
#include "ike_failed.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

/** IKE_SAs that wait at the same time */
#define MAX_WAITING 100

/**
 * How long they do, in ms.  Until then the initiator may try again with the same
 * SPI, as an INVALID_KE_PAYLOAD notify asks it to.
 */
#define DELAY 2000

typedef struct private_nflog_ike_failed_t private_nflog_ike_failed_t;

/**
 * Private data.
 */
struct private_nflog_ike_failed_t {

	/**
	 * Public interface.
	 */
	nflog_ike_failed_t public;

	/**
	 * Keeps messages.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Bounds the number of traces of IKE_SAs that fail.
	 */
	nflog_ike_quota_t *quota;

	/**
	 * Called for each connection that may be the one, with its data.
	 */
	nflog_ike_failed_cb_t cb;
	void *data;

	/**
	 * Number of IKE_SAs that wait.
	 */
	refcount_t waiting;
};

/**
 * Destroy a nflog_ike_failed_sa_t.
 */
static void failed_sa_destroy(nflog_ike_failed_sa_t *sa)
{
	private_nflog_ike_failed_t *this = sa->failed;

	ignore_result(ref_put(&this->waiting));
	sa->spis->destroy(sa->spis);
	sa->me->destroy(sa->me);
	sa->other->destroy(sa->other);
	nflog_ike_key_set_destroy(sa->keys);
	free(sa);
}

/**
 * Capture an IKE_SA for the first connection that fits and is captured.
 *
 * @return				FALSE if there is none
 */
static bool capture(private_nflog_ike_failed_t *this,
					nflog_ike_failed_sa_t *sa)
{
	enumerator_t *enumerator;
	peer_cfg_t *peer_cfg;
	bool captured = FALSE;

	enumerator = charon->backends->create_peer_cfg_enumerator(charon->backends,
								sa->me, sa->other, NULL, NULL, sa->version);
	while (!captured && enumerator->enumerate(enumerator, &peer_cfg))
	{
		captured = this->cb(this->data, sa, peer_cfg);
	}
	enumerator->destroy(enumerator);
	return captured;
}

/**
 * Get the messages of a failed IKE_SA back.
 *
 * @return				FALSE if another one has got them
 */
static bool restore(private_nflog_ike_failed_t *this,
					nflog_ike_failed_sa_t *sa)
{
	bool flush;

	this->ike_messages->update(this->ike_messages, sa->id,
							   sa->spis->get_initiator_spi(sa->spis),
							   sa->spis->get_responder_spi(sa->spis), sa->other,
							   &flush);
	if (this->ike_messages->get_state(this->ike_messages,
									  sa->id) == NFLOG_IKE_NONE)
	{
		this->ike_messages->remove(this->ike_messages, sa->id);
		return FALSE;
	}
	return TRUE;
}

/**
 * Handle an IKE_SA that failed a while ago.  A job, as the configuration must
 * not be searched with the bus locked.
 */
static job_requeue_t handle(nflog_ike_failed_sa_t *sa)
{
	private_nflog_ike_failed_t *this = sa->failed;

	switch (this->ike_messages->find(this->ike_messages,
						sa->spis->get_initiator_spi(sa->spis), sa->other))
	{
		case NFLOG_IKE_NONE:
			break;
		case NFLOG_IKE_UNDECIDED:
			/* the next try is under way */
			return JOB_RESCHEDULE_MS(DELAY);
		default:
			/* the next try was better, it has got the messages of this one */
			return JOB_REQUEUE_NONE;
	}
	if (!restore(this, sa))
	{
		return JOB_REQUEUE_NONE;
	}
	if (!this->quota->take(this->quota, sa->other, time_monotonic(NULL)))
	{
		this->quota->count(this->quota);
		this->ike_messages->remove(this->ike_messages, sa->id);
	}
	else if (!capture(this, sa))
	{
		this->quota->give_back(this->quota, sa->other);
		this->ike_messages->remove(this->ike_messages, sa->id);
	}
	return JOB_REQUEUE_NONE;
}

METHOD(nflog_ike_failed_t, add, void,
	private_nflog_ike_failed_t *this, ike_sa_t *ike_sa,
	nflog_ike_key_set_t *keys)
{
	host_t *me = ike_sa->get_my_host(ike_sa);
	host_t *other = ike_sa->get_other_host(ike_sa);
	ike_sa_id_t *spis = ike_sa->get_id(ike_sa);
	nflog_ike_failed_sa_t *sa;

	this->ike_messages->shelve(this->ike_messages, ike_sa->get_unique_id(ike_sa));
	if (ref_get(&this->waiting) > MAX_WAITING)
	{
		ignore_result(ref_put(&this->waiting));
		this->quota->count(this->quota);
		nflog_ike_key_set_destroy(keys);
		return;
	}
	INIT(sa,
		.failed = this,
		.id = ike_sa->get_unique_id(ike_sa),
		.spis = spis->clone(spis),
		.me = me->clone(me),
		.other = other->clone(other),
		.version = ike_sa->get_version(ike_sa),
		.keys = keys,
	);
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
						callback_job_create((callback_job_cb_t)handle, sa,
											(void*)failed_sa_destroy, NULL),
						DELAY);
}

METHOD(nflog_ike_failed_t, destroy, void,
	private_nflog_ike_failed_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_ike_failed_t *nflog_ike_failed_create(
							nflog_ike_messages_t *ike_messages,
							nflog_ike_quota_t *quota,
							nflog_ike_failed_cb_t cb, void *data)
{
	private_nflog_ike_failed_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.destroy = _destroy,
		},
		.ike_messages = ike_messages,
		.quota = quota,
		.cb = cb,
		.data = data,
	);
	return &this->public;
}

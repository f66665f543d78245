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
#include "reader/shares.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

/** traces of IKE_SAs that failed in a minute, and those of them with a single source */
#define MAX_MINUTE 10
#define MAX_MINUTE_SOURCE 5

/** traces of IKE_SAs that failed in an hour */
#define MAX_HOUR 100

/** a minute and an hour, in s */
#define MINUTE 60
#define HOUR 3600

/** IKE_SAs that wait for their connection at the same time */
#define MAX_WAITING 100

/**
 * For how long they wait, in ms.  Until then the initiator may try again with the same
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
	 * Has the messages.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Called for each connection that may be the one, with its data.
	 */
	nflog_ike_failed_cb_t cb;
	void *data;

	/**
	 * Number of IKE_SAs that wait for their connection.
	 */
	refcount_t waiting;

	/**
	 * Sources of the peers that took quota in this minute.
	 */
	struct in6_addr taken[MAX_MINUTE];

	/**
	 * Number of these.
	 */
	u_int count;

	/**
	 * Start of that minute, monotonic.
	 */
	time_t minute;

	/**
	 * Quota taken in this hour.
	 */
	u_int hourly;

	/**
	 * Start of that hour, monotonic.
	 */
	time_t hour;

	/**
	 * IKE_SAs that were refused, and have not been logged.
	 */
	u_int refused;

	/**
	 * IKE_SAs for which charon ended before they were handled.
	 */
	u_int unhandled;

	/**
	 * Protects the quota, refused, and unhandled.
	 */
	mutex_t *mutex;
};

METHOD(nflog_ike_failed_t, take, bool,
	private_nflog_ike_failed_t *this, host_t *peer, time_t now)
{
	struct in6_addr source;
	u_int i, same = 0;
	bool success;

	nflog_shares_source(peer->get_address(peer), &source);
	this->mutex->lock(this->mutex);
	if (now - this->minute >= MINUTE)
	{
		this->minute = now;
		this->count = 0;
	}
	if (now - this->hour >= HOUR)
	{
		this->hour = now;
		this->hourly = 0;
	}
	for (i = 0; i < this->count; i++)
	{
		same += memeq(&this->taken[i], &source, sizeof(source));
	}
	success = this->count < MAX_MINUTE && same < MAX_MINUTE_SOURCE &&
			  this->hourly < MAX_HOUR;
	if (success)
	{
		this->hourly++;
		this->taken[this->count++] = source;
	}
	this->mutex->unlock(this->mutex);
	return success;
}

METHOD(nflog_ike_failed_t, give_back, void,
	private_nflog_ike_failed_t *this, host_t *peer)
{
	struct in6_addr source;
	u_int i;

	nflog_shares_source(peer->get_address(peer), &source);
	this->mutex->lock(this->mutex);
	for (i = 0; i < this->count; i++)
	{
		if (memeq(&this->taken[i], &source, sizeof(source)))
		{	/* otherwise it was in another minute */
			this->taken[i] = this->taken[--this->count];
			this->hourly -= min(this->hourly, 1);
			break;
		}
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Log how many IKE_SAs were refused since that was logged.
 */
static void log_refused(private_nflog_ike_failed_t *this)
{
	u_int refused;

	this->mutex->lock(this->mutex);
	refused = this->refused;
	this->refused = 0;
	this->mutex->unlock(this->mutex);
	if (refused)
	{
		DBG1(DBG_IKE, "nflog-capture: %u more IKE_SAs that failed are not captured, the "
			 "limit is %u a minute, %u of them with the same peer, and %u an hour",
			 refused, MAX_MINUTE, MAX_MINUTE_SOURCE, MAX_HOUR);
	}
}

CALLBACK(log_job, job_requeue_t,
	private_nflog_ike_failed_t *this)
{
	log_refused(this);
	return JOB_REQUEUE_NONE;
}

METHOD(nflog_ike_failed_t, refuse, void,
	private_nflog_ike_failed_t *this)
{
	bool first;

	this->mutex->lock(this->mutex);
	first = !this->refused++;
	this->mutex->unlock(this->mutex);
	if (first)
	{
		lib->scheduler->schedule_job(lib->scheduler, (job_t*)
						callback_job_create(log_job, this, NULL, NULL), MINUTE);
	}
}

/**
 * Destroy a nflog_ike_failed_sa_t.
 */
static void failed_sa_destroy(nflog_ike_failed_sa_t *sa)
{
	private_nflog_ike_failed_t *this = sa->failed;

	if (!sa->handled)
	{
		this->mutex->lock(this->mutex);
		this->unhandled++;
		this->mutex->unlock(this->mutex);
	}
	ignore_result(ref_put(&this->waiting));
	sa->spis->destroy(sa->spis);
	sa->me->destroy(sa->me);
	sa->other->destroy(sa->other);
	nflog_ike_key_set_destroy(sa->keys);
	free(sa);
}

/**
 * Capture an IKE_SA with the first connection that matches and is captured.
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
 * @return				FALSE if another IKE_SA got them
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
		this->ike_messages->remove(this->ike_messages, sa->id, FALSE);
		return FALSE;
	}
	return TRUE;
}

/**
 * Handle an IKE_SA that failed a while ago, in a job, as the configuration must not be
 * searched with the bus locked.
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
			sa->handled = TRUE;
			return JOB_REQUEUE_NONE;
	}
	sa->handled = TRUE;
	if (!restore(this, sa))
	{
		return JOB_REQUEUE_NONE;
	}
	if (!take(this, sa->other, time_monotonic(NULL)))
	{
		refuse(this);
		this->ike_messages->remove(this->ike_messages, sa->id, FALSE);
	}
	else if (!capture(this, sa))
	{
		give_back(this, sa->other);
		this->ike_messages->remove(this->ike_messages, sa->id, FALSE);
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
		refuse(this);
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
	log_refused(this);
	if (this->unhandled)
	{	/* jobs are gone, charon has flushed its scheduler */
		DBG1(DBG_IKE, "nflog-capture: %u more IKE_SAs that failed are not captured, as "
			 "charon ended", this->unhandled);
	}
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_failed_t *nflog_ike_failed_create(
							nflog_ike_messages_t *ike_messages,
							nflog_ike_failed_cb_t cb, void *data)
{
	private_nflog_ike_failed_t *this;

	INIT(this,
		.public = {
			.take = _take,
			.give_back = _give_back,
			.refuse = _refuse,
			.add = _add,
			.destroy = _destroy,
		},
		.ike_messages = ike_messages,
		.cb = cb,
		.data = data,
		.minute = time_monotonic(NULL),
		.hour = time_monotonic(NULL),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

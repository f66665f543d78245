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
#include "ike_quota.h"
#include "reader/shares.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

/** traces of IKE_SAs that failed in a minute, and of these with a single source */
#define MAX_MINUTE 10
#define MAX_MINUTE_SOURCE 5

/** traces of IKE_SAs that failed in an hour */
#define MAX_HOUR 100

/** a minute, and an hour, in s */
#define MINUTE 60
#define HOUR 3600

typedef struct private_nflog_ike_quota_t private_nflog_ike_quota_t;

/**
 * Private data.
 */
struct private_nflog_ike_quota_t {

	/**
	 * Public interface.
	 */
	nflog_ike_quota_t public;

	/**
	 * Sources of the peers that took some of it in this minute.
	 */
	struct in6_addr taken[MAX_MINUTE];

	/**
	 * Number of these.
	 */
	u_int count;

	/**
	 * Begin of that minute, monotonic.
	 */
	time_t minute;

	/**
	 * What was taken in this hour.
	 */
	u_int hourly;

	/**
	 * Begin of that hour, monotonic.
	 */
	time_t hour;

	/**
	 * Failed IKE_SAs that are not captured, and have not been logged.
	 */
	u_int refused;

	/**
	 * Protects all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Get the source that a peer counts as.
 */
static void get_source(host_t *peer, struct in6_addr *source)
{
	nflog_shares_source(peer->get_address(peer), source);
}

METHOD(nflog_ike_quota_t, take, bool,
	private_nflog_ike_quota_t *this, host_t *peer, time_t now)
{
	struct in6_addr source;
	u_int i, same = 0;
	bool success;

	get_source(peer, &source);
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

METHOD(nflog_ike_quota_t, give_back, void,
	private_nflog_ike_quota_t *this, host_t *peer)
{
	struct in6_addr source;
	u_int i;

	get_source(peer, &source);
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
 * Log how many IKE_SAs are not captured.
 */
static void log_refused(private_nflog_ike_quota_t *this)
{
	u_int refused;

	this->mutex->lock(this->mutex);
	refused = this->refused;
	this->refused = 0;
	this->mutex->unlock(this->mutex);
	if (refused)
	{
		DBG1(DBG_IKE, "nflog-capture: %u more IKE_SAs that failed are not captured, "
			 "%u a minute are, %u of them with the same peer, and %u an hour", refused,
			 MAX_MINUTE, MAX_MINUTE_SOURCE, MAX_HOUR);
	}
}

/**
 * Do so a minute after the first one.
 */
static job_requeue_t log_job(private_nflog_ike_quota_t *this)
{
	log_refused(this);
	return JOB_REQUEUE_NONE;
}

METHOD(nflog_ike_quota_t, count_, void,
	private_nflog_ike_quota_t *this)
{
	bool first;

	this->mutex->lock(this->mutex);
	first = !this->refused++;
	this->mutex->unlock(this->mutex);
	if (first)
	{
		lib->scheduler->schedule_job(lib->scheduler, (job_t*)
						callback_job_create((callback_job_cb_t)log_job, this,
											NULL, NULL), MINUTE);
	}
}

METHOD(nflog_ike_quota_t, destroy, void,
	private_nflog_ike_quota_t *this)
{
	log_refused(this);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_quota_t *nflog_ike_quota_create()
{
	private_nflog_ike_quota_t *this;

	INIT(this,
		.public = {
			.take = _take,
			.give_back = _give_back,
			.count = _count_,
			.destroy = _destroy,
		},
		.minute = time_monotonic(NULL),
		.hour = time_monotonic(NULL),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

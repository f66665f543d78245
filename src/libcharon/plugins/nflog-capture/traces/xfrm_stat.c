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

#include "xfrm_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <threading/mutex.h>

#define FILE_NAME "/proc/net/xfrm_stat"

/** maximum age of counters, in ms: at the begin of a capture, and at the end */
#define MAX_AGE_BEGIN 100
#define MAX_AGE_END 10

typedef struct private_nflog_xfrm_stat_t private_nflog_xfrm_stat_t;

/**
 * Counters and their meaning, by Documentation/networking/xfrm_proc.rst, and the places in
 * net/xfrm that increment them.
 */
static const struct {
	char *name;
	char *meaning;
} counters[] = {
	{ "XfrmInError", "packets that could not be processed, or are of no SA's "
	  "address family" },
	{ "XfrmInBufferError", "no memory for packets that arrived" },
	{ "XfrmInHdrError", "packets with a broken ESP or AH header" },
	{ "XfrmInNoStates", "packets with an SPI that no SA has" },
	{ "XfrmInStateProtoError", "packets that could not be authenticated or "
	  "decrypted, the keys or algorithms of the peers may differ" },
	{ "XfrmInStateModeError", "packets that do not fit the mode of their SA" },
	{ "XfrmInStateSeqError", "packets with a sequence number seen before, or "
	  "older than the replay window" },
	{ "XfrmInStateExpired", "packets of an SA with an expired lifetime" },
	{ "XfrmInStateMismatch", "packets with another UDP encapsulation, mark or "
	  "interface than their SA" },
	{ "XfrmInStateInvalid", "packets of an SA that is not valid (yet or "
	  "anymore)" },
	{ "XfrmInStateDirError", "packets that arrived for an outbound SA" },
	{ "XfrmInTmplMismatch", "packets that did not arrive in the SAs that the "
	  "policy for them asks for, maybe unencrypted" },
	{ "XfrmInNoPols", "decrypted packets that no policy allows" },
	{ "XfrmInPolBlock", "packets that a policy discards" },
	{ "XfrmInPolError", "packets for which looking up the policy failed" },
	{ "XfrmInIptfsError", "IP-TFS packets that are not valid" },
	{ "XfrmAcquireError", "packets of an SA that is still being negotiated" },
	{ "XfrmFwdHdrError", "packets that could not be forwarded by policy" },
	{ "XfrmOutError", "packets that could not be sent" },
	{ "XfrmOutBundleGenError", "packets for which no SAs or route could be "
	  "put together" },
	{ "XfrmOutBundleCheckError", "packets for which the SAs are not valid "
	  "anymore" },
	{ "XfrmOutNoStates", "packets that need an SA that is not there" },
	{ "XfrmOutStateProtoError", "packets that could not be encrypted" },
	{ "XfrmOutStateModeError", "packets that do not fit the mode of their SA, "
	  "or its MTU" },
	{ "XfrmOutStateSeqError", "packets for which the sequence numbers are used "
	  "up" },
	{ "XfrmOutStateExpired", "packets for an SA with an expired lifetime" },
	{ "XfrmOutPolBlock", "packets that a policy blocks" },
	{ "XfrmOutPolDead", "packets with a policy that was just deleted" },
	{ "XfrmOutPolError", "packets for which looking up the policy failed" },
	{ "XfrmOutStateInvalid", "packets for an SA that is not valid (yet or "
	  "anymore)" },
	{ "XfrmOutStateDirError", "packets to be sent with an inbound SA" },
	{ "XfrmOutNoQueueSpace", "packets that did not fit into the queue of "
	  "IP-TFS" },
};

/**
 * Values of the counters at some time, shared by reference.
 */
struct nflog_dropped_t {

	/**
	 * When they were read.
	 */
	timeval_t time;

	/**
	 * References.
	 */
	refcount_t ref;

	/**
	 * errno if they could not be read, or 0.
	 */
	int error;

	/**
	 * Values, 0 for counters that this kernel lacks.
	 */
	uint64_t values[countof(counters)];
};

/**
 * Private data.
 */
struct private_nflog_xfrm_stat_t {

	/**
	 * Public interface.
	 */
	nflog_xfrm_stat_t public;

	/**
	 * Latest values, with a reference, NULL if there are none yet.
	 */
	nflog_dropped_t *latest;

	/**
	 * Guards latest.
	 */
	mutex_t *mutex;
};

/**
 * Read the counters.
 */
static nflog_dropped_t *read_counters()
{
	nflog_dropped_t *dropped;
	uint64_t value;
	char name[64];
	FILE *file;
	int i;

	INIT(dropped,
		.ref = 1,
	);
	time_monotonic(&dropped->time);
	file = fopen(FILE_NAME, "re");
	if (file)
	{
		while (fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		{
			for (i = 0; i < countof(counters); i++)
			{
				if (streq(name, counters[i].name))
				{
					dropped->values[i] = value;
				}
			}
		}
		fclose(file);
	}
	else if (errno != ENOENT)
	{	/* kernels without XFRM statistics lack this file */
		dropped->error = errno;
	}
	return dropped;
}

METHOD(nflog_xfrm_stat_t, put, void,
	private_nflog_xfrm_stat_t *this, nflog_dropped_t *dropped)
{
	if (ref_put(&dropped->ref))
	{
		free(dropped);
	}
}

/**
 * Get counters that are at most max_age ms old, with a reference.
 */
static nflog_dropped_t *get_counters(
							private_nflog_xfrm_stat_t *this, u_int max_age)
{
	timeval_t now, limit, age = { .tv_usec = max_age * 1000 };
	nflog_dropped_t *dropped;

	time_monotonic(&now);
	timersub(&now, &age, &limit);
	this->mutex->lock(this->mutex);
	if (!this->latest || timercmp(&this->latest->time, &limit, <))
	{
		if (this->latest)
		{
			put(this, this->latest);
		}
		this->latest = read_counters();
	}
	dropped = this->latest;
	ref_get(&dropped->ref);
	this->mutex->unlock(this->mutex);
	return dropped;
}

METHOD(nflog_xfrm_stat_t, get, nflog_dropped_t*,
	private_nflog_xfrm_stat_t *this)
{
	return get_counters(this, MAX_AGE_BEGIN);
}

METHOD(nflog_xfrm_stat_t, get_total, uint64_t,
	private_nflog_xfrm_stat_t *this, nflog_dropped_t *dropped)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < countof(counters); i++)
	{
		total += dropped->values[i];
	}
	return total;
}

METHOD(nflog_xfrm_stat_t, report, void,
	private_nflog_xfrm_stat_t *this, nflog_dropped_t *since,
	char *label)
{
	nflog_dropped_t *now;
	char buf[BUF_LEN] = "";
	int i, n = 0;

	now = get_counters(this, MAX_AGE_END);
	if (since->error || now->error)
	{
		DBG1(DBG_CHD, "nflog-capture: unable to read " FILE_NAME ", unknown what the "
			 "kernel dropped while %s was captured: %s", label,
			 strerror(since->error ?: now->error));
		put(this, now);
		return;
	}
	for (i = 0; i < countof(counters); i++)
	{
		if (now->values[i] > since->values[i] && n < sizeof(buf))
		{
			n += snprintf(buf + n, sizeof(buf) - n, "%s%s %" PRIu64 " (%s)",
						  n ? ", " : "", counters[i].name,
						  now->values[i] - since->values[i],
						  counters[i].meaning);
		}
	}
	put(this, now);
	if (n)
	{
		DBG1(DBG_CHD, "nflog-capture: while %s was captured the kernel dropped: %s", label,
			 buf);
	}
}

METHOD(nflog_xfrm_stat_t, destroy, void,
	private_nflog_xfrm_stat_t *this)
{
	if (this->latest)
	{
		put(this, this->latest);
	}
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_xfrm_stat_t *nflog_xfrm_stat_create()
{
	private_nflog_xfrm_stat_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.get_total = _get_total,
			.report = _report,
			.put = _put,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

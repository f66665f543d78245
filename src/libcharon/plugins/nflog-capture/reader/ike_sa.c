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
#define _GNU_SOURCE

#include "ike_sa.h"

#include <time.h>

/** time after which a removed IKE_SA has sent its last messages, in ms */
#define LINGER 1000

/**
 * Time after which the kernel has passed on all messages that it had, in ms: it does so with
 * the next tick of its clock, 10 ms at most.
 */
#define SETTLE 20

/** time to wait for messages after that, while others arrive without end, and interval to
 *  check for them, in ms */
#define DRAIN_LIMIT 2000
#define DRAIN_INTERVAL 5

/** bytes of kept messages of an IKE_SA, at most */
#define MAX_BACKLOG (64 * 1024)

/**
 * Limits of all backlogs together, which don't expire.
 */
static const nflog_limits_t limits = {
	.items = 16384,
	.source_items = 8192,
	.bytes = 8 * 1024 * 1024,
	.source_bytes = 4 * 1024 * 1024,
};

typedef struct private_nflog_backlogs_t private_nflog_backlogs_t;

/**
 * Private data.
 */
struct private_nflog_backlogs_t {

	/**
	 * Public interface.
	 */
	nflog_backlogs_t public;

	/**
	 * Bounds backlogs with messages.
	 */
	nflog_shares_t *shares;
};

/**
 * Stop bounding a backlog that is empty.
 */
static void release(private_nflog_backlogs_t *this,
					nflog_ike_backlog_t *backlog)
{
	backlog->bytes = 0;
	if (backlog->held.source)
	{
		this->shares->remove(this->shares, &backlog->held);
		backlog->held.bytes = 0;
	}
}

METHOD(nflog_backlogs_t, remove_first, nflog_kept_t*,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog)
{
	nflog_kept_t *kept;

	if (backlog->messages->remove_first(backlog->messages,
										(void**)&kept) == SUCCESS)
	{
		return kept;
	}
	release(this, backlog);
	backlog->closed = FALSE;
	return NULL;
}

METHOD(nflog_backlogs_t, empty, void,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog)
{
	nflog_kept_t *kept;

	while (backlog->messages->remove_first(backlog->messages,
										   (void**)&kept) == SUCCESS)
	{
		backlog->dropped[kept->inbound]++;
		nflog_kept_destroy(kept);
	}
	release(this, backlog);
}

/**
 * Empty a backlog, as all exceed a limit.
 */
static void drop_held(void *data, nflog_held_t *held, bool excess)
{
	nflog_ike_backlog_t *backlog = (nflog_ike_backlog_t*)held;

	empty(data, backlog);
	backlog->closed = TRUE;
}

METHOD(nflog_backlogs_t, add, void,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog,
	chunk_t peer, nflog_kept_t *kept)
{
	if (backlog->closed || backlog->bytes + kept->bytes > MAX_BACKLOG)
	{
		backlog->dropped[kept->inbound]++;
		nflog_kept_destroy(kept);
		return;
	}
	if (!backlog->held.source)
	{
		this->shares->add(this->shares, &backlog->held, peer, 0);
	}
	backlog->messages->insert_last(backlog->messages, kept);
	backlog->bytes += kept->bytes;
	this->shares->grow(this->shares, &backlog->held, kept->bytes);
	this->shares->limit(this->shares, &backlog->held);
}

METHOD(nflog_backlogs_t, destroy, void,
	private_nflog_backlogs_t *this)
{
	this->shares->destroy(this->shares);
	free(this);
}

/*
 * Described in header
 */
nflog_backlogs_t *nflog_backlogs_create()
{
	private_nflog_backlogs_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove_first = _remove_first,
			.empty = _empty,
			.destroy = _destroy,
		},
	);
	this->shares = nflog_shares_create(&limits, drop_held, this);
	return &this->public;
}

/*
 * Described in header
 */
nflog_ike_sa_t *nflog_ike_sa_create(uint32_t id,
											nflog_missed_t *missed)
{
	nflog_ike_sa_t *sa;

	INIT(sa,
		.backlog = {
			.messages = linked_list_create(),
		},
		.id = id,
		.state = NFLOG_IKE_UNDECIDED,
		.begin = time(NULL),
		.missed = *missed,
	);
	return sa;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_first(nflog_ike_key_t *key, uint64_t spi_i,
							host_t *peer)
{
	chunk_t address = peer->get_address(peer);

	memset(key, 0, sizeof(*key));
	key->spi_i = spi_i;
	memcpy(key->peer, address.ptr, min(address.len, sizeof(key->peer)));
}

/**
 * Remove a key, unless another IKE_SA has it now.
 */
static void remove_key(nflog_ike_sa_t *sa, hashtable_t *keys,
					   nflog_ike_key_t *key)
{
	if (keys->get(keys, key) == sa)
	{
		keys->remove(keys, key);
	}
}

/*
 * Described in header
 */
bool nflog_ike_sa_set_keys(nflog_ike_sa_t *sa, hashtable_t *keys,
						   uint64_t spi_i, uint64_t spi_r, host_t *peer)
{
	nflog_ike_key_t first;
	bool changed = FALSE;

	nflog_ike_sa_set_first(&first, spi_i, peer);
	if (sa->first.spi_i != spi_i ||
		(!spi_r && !nflog_ike_key_equals(&sa->first, &first)))
	{
		remove_key(sa, keys, &sa->first);
		sa->first = first;
		keys->put(keys, &sa->first, sa);
		changed = TRUE;
	}
	if (sa->pair.spi_i != spi_i || sa->pair.spi_r != spi_r)
	{	/* the responder's SPI may change if it refused the first request */
		remove_key(sa, keys, &sa->pair);
		sa->pair.spi_i = spi_i;
		sa->pair.spi_r = spi_r;
		if (spi_r)
		{
			keys->put(keys, &sa->pair, sa);
		}
		changed = TRUE;
	}
	return changed;
}

/*
 * Described in header
 */
void nflog_ike_sa_remove_keys(nflog_ike_sa_t *sa,
							  hashtable_t *keys)
{
	remove_key(sa, keys, &sa->first);
	remove_key(sa, keys, &sa->pair);
}

/*
 * Described in header
 */
nflog_ike_sa_t *nflog_ike_sa_find(hashtable_t *keys,
								  nflog_ike_key_t *key)
{
	nflog_ike_key_t pair = {
		.spi_i = key->spi_i,
		.spi_r = key->spi_r,
	}, first = *key;
	nflog_ike_sa_t *sa;

	sa = pair.spi_r ? keys->get(keys, &pair) : NULL;
	if (!sa)
	{
		first.spi_r = 0;
		sa = keys->get(keys, &first);
		if (sa && key->spi_r && sa->pair.spi_r)
		{	/* of another IKE_SA with the same initiator SPI */
			return NULL;
		}
	}
	return sa;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_trace(nflog_ike_sa_t *sa,
							nflog_trace_t *trace, char *label,
							u_int points)
{
	sa->trace = trace;
	nflog_tap_init(&sa->taps[FALSE],
				   points & (1 << POINT_IKE_OUT) ? trace : NULL,
				   POINT_IKE_OUT, label);
	nflog_tap_init(&sa->taps[TRUE],
				   points & (1 << POINT_IKE_IN) ? trace : NULL,
				   POINT_IKE_IN, label);
	sa->state = NFLOG_IKE_WAITING;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_name(nflog_ike_sa_t *sa)
{
	bool later = !sa->backlog.messages->get_count(sa->backlog.messages);
	char *name;

	name = nflog_trace_name_ike(later ? time(NULL) : sa->begin, sa->first.spi_i,
								sa->pair.spi_r);
	sa->trace->set_name(sa->trace, name);
	free(name);
}

/*
 * Described in header
 */
void nflog_ike_sa_queue(nflog_ike_sa_t *sa, nflog_queue_t *queue,
						nflog_logged_t *logged, bool inbound)
{
	nflog_tap_t *tap = &sa->taps[inbound];

	if (tap->trace)
	{
		queue->add_logged(queue, 0, tap, logged);
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_set_gone(nflog_ike_sa_t *sa, bool up)
{
	time_monotonic(&sa->deadline);
	timeval_add_ms(&sa->deadline, up ? SETTLE : LINGER);
}

/**
 * Note in the counters of the trace that messages may be unread.
 */
static void give_up(nflog_ike_sa_t *sa)
{
	int i;

	for (i = 0; i < countof(sa->taps); i++)
	{
		if (sa->taps[i].count)
		{
			sa->taps[i].count->gave_up = TRUE;
		}
	}
}

/*
 * Described in header
 */
int nflog_ike_sa_get_rest(nflog_ike_sa_t *sa, bool idle)
{
	timeval_t now, rest;

	time_monotonic(&now);
	if (timercmp(&now, &sa->deadline, <))
	{
		timersub(&sa->deadline, &now, &rest);
		return rest.tv_sec * 1000 + rest.tv_usec / 1000 + 1;
	}
	if (idle)
	{
		return 0;
	}
	timersub(&now, &sa->deadline, &rest);
	if (rest.tv_sec * 1000 + rest.tv_usec / 1000 < DRAIN_LIMIT)
	{
		return DRAIN_INTERVAL;
	}
	give_up(sa);
	return 0;
}

/*
 * Described in header
 */
void nflog_ike_sa_count(nflog_ike_sa_t *sa,
						nflog_missed_t *missed)
{
	nflog_counters_t *count;
	uint64_t age = (time(NULL) - sa->begin + 1) * 1000ULL;
	int i;

	for (i = 0; i < countof(sa->taps); i++)
	{
		count = sa->taps[i].count;
		if (count)
		{
			/* time before it was known may be counted late, so its age is the limit */
			count->missed = min(age, missed->time - sa->missed.time);
			count->overrun += sa->backlog.dropped[i];
			count->unidentified += sa->unidentified[i] +
								   missed->lost[i] - sa->missed.lost[i];
		}
	}
	count = sa->taps[TRUE].count;
	if (count)
	{
		count->unidentified += missed->incomplete - sa->missed.incomplete;
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_release(nflog_ike_sa_t *sa, nflog_writer_t *writer)
{
	int i;

	for (i = 0; i < countof(sa->taps); i++)
	{
		writer->release(writer, sa->taps[i].trace);
	}
	writer->release(writer, sa->trace);
}

/*
 * Described in header
 */
void nflog_ike_sa_drop_trace(nflog_ike_sa_t *sa)
{
	int i;

	if (sa->trace)
	{
		for (i = 0; i < countof(sa->taps); i++)
		{
			if (sa->taps[i].trace)
			{
				sa->taps[i].trace->put_ref(sa->taps[i].trace);
			}
		}
		sa->trace->destroy(sa->trace);
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_destroy(nflog_ike_sa_t *sa)
{
	sa->backlog.messages->destroy(sa->backlog.messages);
	free(sa);
}

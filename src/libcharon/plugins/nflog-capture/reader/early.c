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

#include "early.h"
#include "options/notes.h"

#include <library.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>

/**
 * Time for which the kernel keeps an SPI without SA, in s: strongSwan's default for
 * net.core.xfrm_acq_expires (kernel-netlink).
 */
#define DEFAULT_ACQ_EXPIRES 165

typedef struct private_nflog_early_t private_nflog_early_t;
typedef struct entry_t entry_t;
typedef struct kept_t kept_t;

/**
 * Private data.
 */
struct private_nflog_early_t {

	/**
	 * Public interface.
	 */
	nflog_early_t public;

	/**
	 * Where adopted packets are queued, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * All SPIs, by destination and SPI, nflog_esp_key_t => entry_t, owned.
	 */
	hashtable_t *spis;

	/**
	 * SPIs that wait for an SA, in the order of expiry, entry_t.
	 */
	linked_list_t *waiting;

	/**
	 * SPIs that won't get an SA, and have rules to remove, entry_t.
	 */
	linked_list_t *ended;

	/**
	 * Bytes of all kept packets.
	 */
	size_t bytes;

	/**
	 * When it was logged that there are too many SPIs, 0 if there are not.
	 */
	time_t logged;

	/**
	 * Guards all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Kept packet.
 */
struct kept_t {

	/**
	 * Packet, owned.
	 */
	nflog_logged_t *logged;

	/**
	 * Next packet by arrival, NULL for the last one.
	 */
	kept_t *next;
};

/**
 * Allocated SPI.
 */
struct entry_t {

	/**
	 * SA without traces that describes the SPI to the rules, owned.
	 */
	nflog_sa_t *sa;

	/**
	 * Counters of its capture point.
	 */
	nflog_counters_t count;

	/**
	 * TRUE if it does not expire, so it is not in the list of waiting ones.
	 */
	bool claimed;

	/**
	 * TRUE if no more packets are kept.
	 */
	bool closed;

	/**
	 * SA that adopted it, not owned, NULL if none did.
	 */
	nflog_sa_t *adopter;

	/**
	 * Kept packets, and where to append the next one.
	 */
	kept_t *kept, **end;

	/**
	 * Bytes of kept packets.
	 */
	size_t bytes;

	/**
	 * When it expires, monotonic.
	 */
	timeval_t deadline;
};

/**
 * Queue the packets of an SPI for a capture point, if any, then drop them, the mutex is
 * locked.
 */
static void empty(private_nflog_early_t *this, entry_t *entry,
				  nflog_tap_t *tap)
{
	u_int lane = this->queue->get_lanes(this->queue);
	kept_t *kept;

	while ((kept = entry->kept))
	{
		if (tap)
		{
			this->queue->add_logged(this->queue, lane, tap, kept->logged);
		}
		entry->kept = kept->next;
		free(kept->logged);
		free(kept);
	}
	if (tap)
	{
		this->queue->publish(this->queue, lane);
	}
	entry->end = &entry->kept;
	this->bytes -= entry->bytes;
	entry->bytes = 0;
}

/**
 * Destroy an SPI, the mutex is locked.
 */
static void entry_destroy(private_nflog_early_t *this, entry_t *entry)
{
	empty(this, entry, NULL);
	nflog_sa_destroy(entry->sa);
	free(entry);
}

/**
 * Add an SPI, returns NULL if it is known already, or if there are too many.
 */
static entry_t *add(private_nflog_early_t *this, nflog_sa_t *sa)
{
	entry_t *entry = NULL;
	bool full, log = FALSE;

	this->mutex->lock(this->mutex);
	full = this->spis->get_count(this->spis) >= NFLOG_EARLY_SPIS;
	if (full)
	{
		log = nflog_log_once(&this->logged, 0);
	}
	else
	{
		this->logged = 0;
	}
	if (!full && !this->spis->get(this->spis, &sa->key))
	{
		INIT(entry,
			.sa = sa,
		);
		entry->end = &entry->kept;
		sa->esp.count = &entry->count;
		snprintf(sa->esp.prefix, sizeof(sa->esp.prefix), "SPI %.8x",
				 ntohl(sa->spi));
		this->spis->put(this->spis, &sa->key, entry);
	}
	this->mutex->unlock(this->mutex);

	if (log)
	{
		DBG1(DBG_CHD, "nflog-capture: not capturing ESP that arrives before its SA "
			 "is installed, %d allocated SPIs wait for an SA already",
			 NFLOG_EARLY_SPIS);
	}
	return entry;
}

/**
 * Let an SPI wait for its SA, so it may expire from now on.
 */
static void begin_waiting(private_nflog_early_t *this, entry_t *entry)
{
	timeval_t lifetime = {
		.tv_sec = lib->settings->get_int(lib->settings,
						"%s.plugins.kernel-netlink.xfrm_acq_expires",
						DEFAULT_ACQ_EXPIRES, lib->ns),
	};

	this->mutex->lock(this->mutex);
	time_monotonic(&entry->deadline);
	timeradd(&entry->deadline, &lifetime, &entry->deadline);
	this->waiting->insert_last(this->waiting, entry);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_early_t, expect, void,
	private_nflog_early_t *this, nflog_rules_t *rules,
	char *conn, host_t *dst, uint32_t spi)
{
	nflog_sa_t *sa;
	entry_t *entry;

	sa = nflog_sa_create(conn, "", 0, TRUE, dst, spi, 0, NULL, NULL);
	entry = add(this, sa);
	if (!entry)
	{
		nflog_sa_destroy(sa);
		return;
	}
	rules->add(rules, sa);
	/* not earlier, as its rules must not be removed before they were added */
	begin_waiting(this, entry);
}

METHOD(nflog_early_t, claim, nflog_sa_t*,
	private_nflog_early_t *this, nflog_esp_key_t *key)
{
	nflog_sa_t *sa = NULL;
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->spis->get(this->spis, key);
	if (entry && !entry->closed)
	{
		if (!entry->claimed)
		{
			this->waiting->remove(this->waiting, entry, NULL);
			entry->claimed = TRUE;
		}
		sa = entry->sa;
	}
	this->mutex->unlock(this->mutex);
	return sa;
}

METHOD(nflog_early_t, keep, bool,
	private_nflog_early_t *this, nflog_logged_t *logged)
{
	nflog_esp_key_t key;
	entry_t *entry;
	kept_t *kept;
	size_t bytes;
	bool found;

	if (!nflog_packet_parse(logged, TRUE, &key))
	{
		return FALSE;
	}
	this->mutex->lock(this->mutex);
	entry = this->spis->get(this->spis, &key);
	found = entry && !entry->closed;
	if (found && logged->fragment == FRAGMENT_FIRST)
	{
		entry->count.fragments++;
	}
	else if (found)
	{
		INIT(kept,
			.logged = nflog_logged_clone(logged, &bytes),
		);
		bytes += sizeof(*kept);
		if (entry->bytes + bytes > NFLOG_EARLY_SPI_BYTES ||
			this->bytes + bytes > NFLOG_EARLY_BYTES)
		{	/* the first packets matter most */
			free(kept->logged);
			free(kept);
			entry->count.overrun++;
			entry->count.whole += logged->fragment == FRAGMENT_WHOLE;
		}
		else
		{
			*entry->end = kept;
			entry->end = &kept->next;
			entry->bytes += bytes;
			this->bytes += bytes;
		}
	}
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(nflog_early_t, adopt, void,
	private_nflog_early_t *this, nflog_sa_t *sa)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->spis->get(this->spis, &sa->key);
	if (entry && entry->claimed && !entry->closed)
	{
		entry->closed = TRUE;
		entry->adopter = sa;
		empty(this, entry, &sa->esp);
		sa->esp.count->received += entry->count.overrun;
		sa->esp.count->overrun += entry->count.overrun;
		sa->esp.count->fragments += entry->count.fragments;
		sa->esp.count->whole += entry->count.whole;
	}
	this->mutex->unlock(this->mutex);
}

/**
 * End an SPI that does not wait anymore, as it gets no SA, the mutex is locked.
 */
static void end(private_nflog_early_t *this, entry_t *entry)
{
	entry->closed = TRUE;
	empty(this, entry, NULL);
	this->ended->insert_last(this->ended, entry);
}

METHOD(nflog_early_t, settle, bool,
	private_nflog_early_t *this, nflog_rules_t *rules,
	host_t *dst, uint32_t spi)
{
	nflog_esp_key_t key;
	nflog_sa_t *adopter = NULL;
	entry_t *entry;
	bool ended = FALSE;

	nflog_sa_set_key(&key, TRUE, dst, spi);
	this->mutex->lock(this->mutex);
	entry = this->spis->get(this->spis, &key);
	if (entry && entry->adopter)
	{
		adopter = entry->adopter;
		this->spis->remove(this->spis, &key);
		entry_destroy(this, entry);
	}
	else if (entry && !entry->closed)
	{
		this->waiting->remove(this->waiting, entry, NULL);
		end(this, entry);
		ended = TRUE;
	}
	this->mutex->unlock(this->mutex);

	if (adopter)
	{
		rules->count_early(rules, adopter);
	}
	return ended;
}

/**
 * End expired SPIs, the mutex is locked.
 *
 * @return				time until the next SPI expires, in ms, -1 if there is none
 */
static int end_expired(private_nflog_early_t *this)
{
	timeval_t now, rest;
	entry_t *entry;

	time_monotonic(&now);
	while (this->waiting->get_first(this->waiting, (void**)&entry) == SUCCESS)
	{
		if (timercmp(&now, &entry->deadline, <))
		{
			timersub(&entry->deadline, &now, &rest);
			return rest.tv_sec * 1000 + rest.tv_usec / 1000 + 1;
		}
		this->waiting->remove_first(this->waiting, (void**)&entry);
		end(this, entry);
	}
	return -1;
}

METHOD(nflog_early_t, remove_, int,
	private_nflog_early_t *this, nflog_rules_t *rules)
{
	linked_list_t *ended;
	entry_t *entry;
	int timeout;

	this->mutex->lock(this->mutex);
	timeout = end_expired(this);
	ended = this->ended;
	this->ended = linked_list_create();
	this->mutex->unlock(this->mutex);

	while (ended->remove_first(ended, (void**)&entry) == SUCCESS)
	{
		rules->remove(rules, entry->sa);
	}
	ended->destroy(ended);
	return timeout;
}

METHOD(nflog_early_t, removed, void,
	private_nflog_early_t *this, nflog_sa_t *sa)
{
	/* the SPIs exist as long as their rules */
	this->mutex->lock(this->mutex);
	entry_destroy(this, this->spis->remove(this->spis, &sa->key));
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_early_t, expire, void,
	private_nflog_early_t *this)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	while (this->waiting->remove_first(this->waiting,
									   (void**)&entry) == SUCCESS)
	{
		end(this, entry);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_early_t, get_count, u_int,
	private_nflog_early_t *this)
{
	u_int count;

	this->mutex->lock(this->mutex);
	count = this->spis->get_count(this->spis);
	this->mutex->unlock(this->mutex);
	return count;
}

METHOD(nflog_early_t, destroy, void,
	private_nflog_early_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->spis->create_enumerator(this->spis);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		entry_destroy(this, entry);
	}
	enumerator->destroy(enumerator);
	this->spis->destroy(this->spis);
	this->waiting->destroy(this->waiting);
	this->ended->destroy(this->ended);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_early_t *nflog_early_create(nflog_queue_t *queue)
{
	private_nflog_early_t *this;

	INIT(this,
		.public = {
			.expect = _expect,
			.claim = _claim,
			.keep = _keep,
			.adopt = _adopt,
			.settle = _settle,
			.remove = _remove_,
			.removed = _removed,
			.expire = _expire,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.queue = queue,
		.spis = hashtable_create(nflog_esp_key_hash,
								 nflog_esp_key_equals, 32),
		.waiting = linked_list_create(),
		.ended = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

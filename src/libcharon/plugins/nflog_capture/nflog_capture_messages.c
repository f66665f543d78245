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

#include "nflog_capture_messages.h"

#include <inttypes.h>
#include <time.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

/** bytes of messages to keep for an IKE_SA that has no trace yet */
#define MAX_KEPT (64 * 1024)

/** bytes of messages to keep that belong to no captured IKE_SA */
#define MAX_UNKNOWN (4 * 1024 * 1024)

/** time for the last messages of an IKE_SA to be sent, in ms */
#define LINGER 1000

typedef struct private_nflog_capture_messages_t private_nflog_capture_messages_t;
typedef struct entry_t entry_t;
typedef struct kept_t kept_t;

/**
 * Private data.
 */
struct private_nflog_capture_messages_t {

	/**
	 * Public interface.
	 */
	nflog_capture_messages_t public;

	/**
	 * Where messages are queued.
	 */
	nflog_capture_queue_t *queue;

	/**
	 * Writes traces.
	 */
	nflog_capture_writer_t *writer;

	/**
	 * Captured IKE_SAs by their unique id, entry_t.
	 */
	hashtable_t *entries;

	/**
	 * Captured IKE_SAs by the initiator's SPI, &spi_i => entry_t.
	 */
	hashtable_t *spis;

	/**
	 * Messages of IKE_SAs that aren't captured, or not yet, kept_t, oldest first.
	 */
	linked_list_t *unknown;

	/**
	 * Bytes of these.
	 */
	size_t unknown_bytes;

	/**
	 * IKE_SAs that are gone, with a trace that has yet to end, entry_t.
	 */
	linked_list_t *gone;

	/**
	 * TRUE if there are traces that have begun, but have kept messages.
	 */
	bool pending;

	/**
	 * Protects all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Captured IKE_SA.
 */
struct entry_t {

	/**
	 * Unique id.
	 */
	uint32_t id;

	/**
	 * SPIs, in network order.
	 */
	uint64_t spi_i, spi_r;

	/**
	 * Trace of the IKE_SA.
	 */
	nflog_capture_trace_t *trace;

	/**
	 * Capture points of sent and received messages.
	 */
	nflog_capture_tap_t taps[2];

	/**
	 * When the capture began.
	 */
	time_t start;

	/**
	 * TRUE once the trace has begun.
	 */
	bool started;

	/**
	 * Messages captured before that, kept_t.
	 */
	linked_list_t *kept;

	/**
	 * Bytes of these.
	 */
	size_t bytes;

	/**
	 * When the trace ends, after the IKE_SA is gone.
	 */
	timeval_t deadline;
};

/**
 * Kept message.
 */
struct kept_t {

	/**
	 * SPI of the initiator.
	 */
	uint64_t spi_i;

	/**
	 * TRUE if it was received.
	 */
	bool inbound;

	/**
	 * The message as logged.
	 */
	nflog_capture_logged_t *logged;

	/**
	 * Bytes of memory it takes.
	 */
	size_t bytes;
};

/**
 * Destroy a kept message.
 */
static void kept_destroy(kept_t *this)
{
	free(this->logged);
	free(this);
}

/**
 * Hash of an SPI, which is random.
 */
static u_int spi_hash(const void *key)
{
	return *(uint64_t*)key;
}

/**
 * Compare SPIs.
 */
static bool spi_equals(const void *a, const void *b)
{
	return *(uint64_t*)a == *(uint64_t*)b;
}

/**
 * Queue a message for the trace of its IKE_SA, on the reader's thread.
 */
static void queue_message(private_nflog_capture_messages_t *this,
						  entry_t *entry, nflog_capture_logged_t *logged,
						  bool inbound)
{
	nflog_capture_tap_t *tap = &entry->taps[inbound];

	if (tap->trace)
	{	/* else this direction is not wanted; all of them come in one lane */
		this->queue->add_logged(this->queue, 0, tap, logged);
	}
}

/**
 * Keep a message of an IKE_SA without a trace.
 */
static void keep_message(private_nflog_capture_messages_t *this,
						 entry_t *entry, uint64_t spi_i,
						 nflog_capture_logged_t *logged, bool inbound)
{
	kept_t *kept, *oldest;
	size_t bytes;

	INIT(kept,
		.spi_i = spi_i,
		.inbound = inbound,
		.logged = nflog_capture_logged_clone(logged, &bytes),
	);
	kept->bytes = sizeof(*kept) + bytes;

	if (!entry)
	{
		this->unknown->insert_last(this->unknown, kept);
		this->unknown_bytes += kept->bytes;
		while (this->unknown_bytes > MAX_UNKNOWN)
		{
			this->unknown->remove_first(this->unknown, (void**)&oldest);
			this->unknown_bytes -= oldest->bytes;
			kept_destroy(oldest);
		}
	}
	else if (entry->bytes + kept->bytes <= MAX_KEPT)
	{
		entry->kept->insert_last(entry->kept, kept);
		entry->bytes += kept->bytes;
	}
	else
	{	/* the first ones tell most, so these stay */
		entry->trace->get_count(entry->trace, inbound ? POINT_IKE_IN
													  : POINT_IKE_OUT)->overrun++;
		kept_destroy(kept);
	}
}

METHOD(nflog_capture_messages_t, handle, void,
	private_nflog_capture_messages_t *this, nflog_capture_logged_t *logged,
	bool inbound)
{
	entry_t *entry;
	uint64_t spi_i;

	if (!nflog_capture_packet_parse_ike(logged, &spi_i))
	{
		return;
	}
	this->mutex->lock(this->mutex);
	entry = this->spis->get(this->spis, &spi_i);
	if (entry && entry->started && !entry->bytes)
	{
		queue_message(this, entry, logged, inbound);
	}
	else
	{
		keep_message(this, entry, spi_i, logged, inbound);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Move messages that turn out to belong to a captured IKE_SA.
 */
static void adopt(private_nflog_capture_messages_t *this, entry_t *entry)
{
	enumerator_t *enumerator;
	kept_t *kept;

	enumerator = this->unknown->create_enumerator(this->unknown);
	while (enumerator->enumerate(enumerator, &kept))
	{
		if (kept->spi_i == entry->spi_i)
		{
			this->unknown->remove_at(this->unknown, enumerator);
			this->unknown_bytes -= kept->bytes;
			entry->kept->insert_last(entry->kept, kept);
			entry->bytes += kept->bytes;
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Begin the trace of an IKE_SA.
 */
static void start_trace(private_nflog_capture_messages_t *this, entry_t *entry)
{
	char start[32], name[128];
	struct tm tm;

	gmtime_r(&entry->start, &tm);
	strftime(start, sizeof(start), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, sizeof(name), "ike.%s.%.16" PRIx64 "-%.16" PRIx64, start,
			 be64toh(entry->spi_i), be64toh(entry->spi_r));
	entry->trace->set_name(entry->trace, name);
	this->writer->start(this->writer, entry->trace);
	entry->started = TRUE;
	this->pending = TRUE;
}

/**
 * Set up a capture point of an IKE_SA.
 */
static void init_tap(entry_t *entry, nflog_capture_wish_t *wish, char *label,
					 nflog_capture_point_t point)
{
	nflog_capture_tap_init(&entry->taps[point == POINT_IKE_IN],
						   wish->points & (1 << point) ? entry->trace : NULL,
						   point, label);
}

METHOD(nflog_capture_messages_t, add, void,
	private_nflog_capture_messages_t *this, uint32_t id,
	nflog_capture_store_t *store, char *conn, char *label,
	nflog_capture_wish_t *wish)
{
	entry_t *entry;

	INIT(entry,
		.id = id,
		.trace = nflog_capture_trace_create(store, conn, label, POINT_IKE_IN,
											wish),
		.start = time(NULL),
		.kept = linked_list_create(),
	);
	init_tap(entry, wish, label, POINT_IKE_OUT);
	init_tap(entry, wish, label, POINT_IKE_IN);
	this->mutex->lock(this->mutex);
	this->entries->put(this->entries, (void*)(uintptr_t)id, entry);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_messages_t, update, bool,
	private_nflog_capture_messages_t *this, uint32_t id, uint64_t spi_i,
	uint64_t spi_r, bool *flush)
{
	entry_t *entry;

	*flush = FALSE;
	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, (void*)(uintptr_t)id);
	if (entry && entry->spi_i != spi_i)
	{
		if (entry->spi_i)
		{
			this->spis->remove(this->spis, &entry->spi_i);
		}
		entry->spi_i = spi_i;
		this->spis->put(this->spis, &entry->spi_i, entry);
		adopt(this, entry);
		this->pending |= entry->started;
		*flush = entry->started;
	}
	if (entry && spi_r && !entry->started)
	{
		entry->spi_r = spi_r;
		start_trace(this, entry);
		*flush = TRUE;
	}
	this->mutex->unlock(this->mutex);
	return entry != NULL;
}

METHOD(nflog_capture_messages_t, has_unknown, bool,
	private_nflog_capture_messages_t *this, uint64_t spi_i)
{
	enumerator_t *enumerator;
	kept_t *kept;
	bool found = FALSE;

	this->mutex->lock(this->mutex);
	enumerator = this->unknown->create_enumerator(this->unknown);
	while (!found && enumerator->enumerate(enumerator, &kept))
	{
		found = kept->spi_i == spi_i;
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return found;
}

/**
 * Have the trace of an IKE_SA end later, mutex is locked.
 */
static void linger(private_nflog_capture_messages_t *this, entry_t *entry)
{
	timeval_t linger = {
		.tv_sec = LINGER / 1000,
		.tv_usec = LINGER % 1000 * 1000,
	};

	time_monotonic(&entry->deadline);
	timeradd(&entry->deadline, &linger, &entry->deadline);
	this->gone->insert_last(this->gone, entry);
}

METHOD(nflog_capture_messages_t, remove_, bool,
	private_nflog_capture_messages_t *this, uint32_t id)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->remove(this->entries, (void*)(uintptr_t)id);
	if (entry)
	{
		linger(this, entry);
	}
	this->mutex->unlock(this->mutex);
	return entry != NULL;
}

METHOD(nflog_capture_messages_t, remove_all, void,
	private_nflog_capture_messages_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		this->entries->remove_at(this->entries, enumerator);
		linger(this, entry);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

/**
 * Queue the kept messages of an IKE_SA, the trace of which has begun.
 */
static void flush_entry(private_nflog_capture_messages_t *this, entry_t *entry)
{
	kept_t *kept;

	while (entry->kept->remove_first(entry->kept, (void**)&kept) == SUCCESS)
	{
		queue_message(this, entry, kept->logged, kept->inbound);
		kept_destroy(kept);
	}
	entry->bytes = 0;
}

/**
 * End the trace of an IKE_SA that is gone.
 */
static void end_entry(private_nflog_capture_messages_t *this, entry_t *entry)
{
	if (!entry->started)
	{	/* there never was an answer */
		start_trace(this, entry);
	}
	flush_entry(this, entry);
	this->queue->publish(this->queue, 0);
	if (this->spis->get(this->spis, &entry->spi_i) == entry)
	{
		this->spis->remove(this->spis, &entry->spi_i);
	}
	this->writer->release(this->writer, entry->taps[0].trace);
	this->writer->release(this->writer, entry->taps[1].trace);
	this->writer->release(this->writer, entry->trace);
	entry->kept->destroy(entry->kept);
	free(entry);
}

METHOD(nflog_capture_messages_t, flush, int,
	private_nflog_capture_messages_t *this)
{
	enumerator_t *enumerator;
	timeval_t now, rest;
	entry_t *entry;
	int timeout = -1;

	this->mutex->lock(this->mutex);
	if (this->pending)
	{
		this->pending = FALSE;
		enumerator = this->entries->create_enumerator(this->entries);
		while (enumerator->enumerate(enumerator, NULL, &entry))
		{
			if (entry->started)
			{
				flush_entry(this, entry);
			}
		}
		enumerator->destroy(enumerator);
		this->queue->publish(this->queue, 0);
	}
	time_monotonic(&now);
	while (this->gone->get_first(this->gone, (void**)&entry) == SUCCESS)
	{
		if (timercmp(&now, &entry->deadline, <))
		{
			timersub(&entry->deadline, &now, &rest);
			timeout = rest.tv_sec * 1000 + rest.tv_usec / 1000 + 1;
			break;
		}
		this->gone->remove_first(this->gone, (void**)&entry);
		end_entry(this, entry);
	}
	this->mutex->unlock(this->mutex);
	return timeout;
}

METHOD(nflog_capture_messages_t, get_count, u_int,
	private_nflog_capture_messages_t *this)
{
	u_int count;

	this->mutex->lock(this->mutex);
	count = this->entries->get_count(this->entries) +
			this->gone->get_count(this->gone);
	this->mutex->unlock(this->mutex);
	return count;
}

METHOD(nflog_capture_messages_t, destroy, void,
	private_nflog_capture_messages_t *this)
{
	entry_t *entry;

	_remove_all(this);
	while (this->gone->remove_first(this->gone, (void**)&entry) == SUCCESS)
	{
		end_entry(this, entry);
	}
	this->gone->destroy(this->gone);
	this->unknown->destroy_function(this->unknown, (void*)kept_destroy);
	this->entries->destroy(this->entries);
	this->spis->destroy(this->spis);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_messages_t *nflog_capture_messages_create(
							nflog_capture_queue_t *queue,
							nflog_capture_writer_t *writer)
{
	private_nflog_capture_messages_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.update = _update,
			.has_unknown = _has_unknown,
			.remove = _remove_,
			.remove_all = _remove_all,
			.handle = _handle,
			.flush = _flush,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.queue = queue,
		.writer = writer,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.spis = hashtable_create(spi_hash, spi_equals, 32),
		.unknown = linked_list_create(),
		.gone = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

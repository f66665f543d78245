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

#include "ike_timeline.h"
#include "decrypt/ike.h"

#include <inttypes.h>
#include <time.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** fields of the header, and flags of IKEv2 and IKEv1 */
#define IKE_EXCHANGE 18
#define FLAG_INITIATOR 0x08
#define FLAG_RESPONSE 0x20
#define FLAG_V1_ENCRYPTED 0x01

/** types of payloads (RFC 7296, section 3.2; RFC 2408, section 3.1) */
#define NOTIFY 41
#define DELETE 42
#define TS_INITIATOR 44
#define ENCRYPTED 46
#define ENCRYPTED_FRAGMENT 53
#define NOTIFY_V1 11
#define DELETE_V1 12

/** exchanges that rekey, and the notification that says what */
#define CREATE_CHILD_SA 36
#define REKEY_SA 16393

/** protocols in payloads */
#define PROTO_IKE_SA 1

/** lowest notification that is none of an error */
#define FIRST_STATUS 16384

/** bytes of text about a message */
#define TEXT_LEN 256

typedef struct private_ike_timeline_t private_ike_timeline_t;
typedef struct event_t event_t;
typedef struct name_t name_t;

/**
 * Message.
 */
struct event_t {
	/** when it was captured first and last */
	struct timeval time, last;
	/** SPIs, message ID, version, exchange, and flags */
	uint64_t spi_i, spi_r;
	uint32_t mid;
	uint8_t version, exchange, flags;
	/** TRUE if it was sent */
	bool sent;
	/** TRUE if it is encrypted, and was not decrypted */
	bool opaque;
	/** how many times it was sent again */
	u_int again;
	/** what it did */
	char text[TEXT_LEN];
};

/**
 * Private data.
 */
struct private_ike_timeline_t {

	/**
	 * Public interface.
	 */
	ike_timeline_t public;

	/**
	 * Messages in order, event_t.
	 */
	array_t *events;

	/**
	 * The same by the hash of the message, hash => event_t.
	 */
	hashtable_t *known;

	/**
	 * SPIs that were rekeyed, the last ones, to know why they are deleted.
	 */
	uint64_t rekeyed[64];
	u_int rekeyed_count;

	/**
	 * Messages that were not kept.
	 */
	uint64_t omitted;
};

/**
 * Name of a number.
 */
struct name_t {
	u_int number;
	char *name;
};

static name_t exchanges[] = {
	{ 2, "Main Mode" }, { 4, "Aggressive Mode" }, { 5, "Informational" },
	{ 6, "Transaction" }, { 32, "Quick Mode" }, { 34, "IKE_SA_INIT" }, { 35, "IKE_AUTH" },
	{ 36, "CREATE_CHILD_SA" }, { 37, "INFORMATIONAL" }, { 38, "IKE_SESSION_RESUME" },
	{ 43, "IKE_INTERMEDIATE" }, { 44, "IKE_FOLLOWUP_KE" },
};

/** errors of IKEv2 (RFC 7296, section 3.10.1, and its registry) and IKEv1 (RFC 2408,
 * section 3.14.1), which are the same as far as they overlap */
static name_t errors[] = {
	{ 1, "UNSUPPORTED_CRITICAL_PAYLOAD" }, { 4, "INVALID_IKE_SPI" },
	{ 5, "INVALID_MAJOR_VERSION" }, { 7, "INVALID_SYNTAX" }, { 9, "INVALID_MESSAGE_ID" },
	{ 11, "INVALID_SPI" }, { 14, "NO_PROPOSAL_CHOSEN" }, { 17, "INVALID_KE_PAYLOAD" },
	{ 18, "INVALID_ID_INFORMATION" }, { 24, "AUTHENTICATION_FAILED" },
	{ 34, "SINGLE_PAIR_REQUIRED" }, { 35, "NO_ADDITIONAL_SAS" },
	{ 36, "INTERNAL_ADDRESS_FAILURE" }, { 37, "FAILED_CP_REQUIRED" },
	{ 38, "TS_UNACCEPTABLE" }, { 39, "INVALID_SELECTORS" },
	{ 40, "UNACCEPTABLE_ADDRESSES" }, { 41, "UNEXPECTED_NAT_DETECTED" },
	{ 43, "TEMPORARY_FAILURE" }, { 44, "CHILD_SA_NOT_FOUND" },
	{ 45, "INVALID_GROUP_ID" }, { 46, "AUTHORIZATION_FAILED" },
};

/**
 * Find a name.
 */
static char *find(name_t *names, int count, u_int number, char *buf, size_t len)
{
	int i;

	for (i = 0; i < count; i++)
	{
		if (names[i].number == number)
		{
			return names[i].name;
		}
	}
	snprintf(buf, len, "%u", number);
	return buf;
}

/**
 * Append text about a message.
 */
static void append(event_t *event, char *fmt, ...)
{
	size_t len = strlen(event->text);
	va_list args;

	if (len)
	{
		len += snprintf(event->text + len, TEXT_LEN - len, ", ");
		len = min(len, TEXT_LEN - 1);
	}
	va_start(args, fmt);
	vsnprintf(event->text + len, TEXT_LEN - len, fmt, args);
	va_end(args);
}

/**
 * Remember an SPI that is rekeyed.
 */
static void add_rekeyed(private_ike_timeline_t *this, uint64_t spi)
{
	this->rekeyed[this->rekeyed_count++ % countof(this->rekeyed)] = spi;
}

/**
 * Get the reason for deleting an SA.
 */
static char *get_reason(private_ike_timeline_t *this, uint64_t spi)
{
	u_int i;

	for (i = 0; i < min(this->rekeyed_count, countof(this->rekeyed)); i++)
	{
		if (this->rekeyed[i] == spi)
		{
			return " after rekeying";
		}
	}
	return "";
}

/**
 * Read an SPI of four, eight, or sixteen bytes (both of IKEv1).
 */
static uint64_t read_spi(uint8_t *pos, u_int len)
{
	return len == 4 ? untoh32(pos) : len >= 8 ? untoh64(pos) : 0;
}

/**
 * Describe what a payload deletes.
 *
 * @param data		payload, from the protocol on
 */
static void add_delete(private_ike_timeline_t *this, event_t *event, chunk_t data)
{
	u_int len, count, i;
	uint64_t spi;

	if (data.len < 4)
	{
		return;
	}
	len = data.ptr[1];
	count = untoh16(data.ptr + 2);
	if (data.ptr[0] == PROTO_IKE_SA)
	{
		append(event, "deletes the IKE_SA%s", get_reason(this, event->spi_i));
		return;
	}
	data = chunk_skip(data, 4);
	for (i = 0; i < count && len && data.len >= len && i < 16; i++)
	{
		spi = read_spi(data.ptr, len);
		append(event, "deletes the CHILD_SA with SPI %.8" PRIx64 "%s", spi,
			   get_reason(this, spi));
		data = chunk_skip(data, len);
	}
}

/**
 * Describe a notification.
 *
 * @param data		payload, from the protocol on
 */
static void add_notify(private_ike_timeline_t *this, event_t *event, chunk_t data)
{
	char buf[16];
	uint16_t type;
	uint64_t spi;

	if (data.len < 4)
	{
		return;
	}
	type = untoh16(data.ptr + 2);
	if (type == REKEY_SA && event->version == 2 && data.ptr[1] &&
		data.len >= 4 + (size_t)data.ptr[1])
	{
		spi = read_spi(data.ptr + 4, data.ptr[1]);
		append(event, "rekeys the CHILD_SA with SPI %.8" PRIx64, spi);
		add_rekeyed(this, spi);
	}
	else if (type && type < FIRST_STATUS)
	{
		append(event, "error %s", find(errors, countof(errors), type, buf, sizeof(buf)));
	}
}

/**
 * Describe the payloads of a message.
 */
static void add_payloads(private_ike_timeline_t *this, event_t *event, chunk_t message)
{
	uint8_t type = message.ptr[IKE_NEXT];
	bool selectors = FALSE, rekeys = FALSE, v1 = event->version == 1;
	chunk_t data = chunk_skip(message, IKE_HEADER_LEN), payload;
	size_t len, skip = v1 ? 8 : 4;

	while (type && data.len >= 4 && (len = untoh16(data.ptr + 2)) >= 4 && len <= data.len)
	{
		/* IKEv1 has the domain of interpretation before the protocol */
		payload = chunk_skip(chunk_create(data.ptr, len), min(skip, len));
		if (type == (v1 ? NOTIFY_V1 : NOTIFY))
		{
			add_notify(this, event, payload);
			rekeys = rekeys || strstr(event->text, "rekeys");
		}
		else if (type == (v1 ? DELETE_V1 : DELETE))
		{
			add_delete(this, event, payload);
		}
		event->opaque = event->opaque ||
						(!v1 && (type == ENCRYPTED || type == ENCRYPTED_FRAGMENT));
		selectors = selectors || (!v1 && type == TS_INITIATOR);
		type = data.ptr[0];
		data = chunk_skip(data, len);
	}
	if (!v1 && event->exchange == CREATE_CHILD_SA && !event->opaque && !*event->text &&
		!(event->flags & FLAG_RESPONSE))
	{
		append(event, selectors ? "creates a CHILD_SA" : "rekeys the IKE_SA");
		if (!selectors)
		{
			add_rekeyed(this, event->spi_i);
		}
	}
}

METHOD(ike_timeline_t, add, void,
	private_ike_timeline_t *this, struct timeval *time, bool sent, chunk_t message,
	chunk_t plain)
{
	event_t *event;
	uintptr_t hash;

	hash = chunk_hash_static(message) ?: 1;
	event = this->known->get(this->known, (void*)hash);
	if (event && event->sent == sent)
	{
		event->again++;
		event->last = *time;
		return;
	}
	if (array_count(this->events) >= IKE_TIMELINE_MAX)
	{
		this->omitted++;
		return;
	}
	INIT(event,
		.time = *time,
		.last = *time,
		.spi_i = untoh64(message.ptr),
		.spi_r = untoh64(message.ptr + 8),
		.mid = untoh32(message.ptr + IKE_MID),
		.version = message.ptr[IKE_VERSION] >> 4,
		.exchange = message.ptr[IKE_EXCHANGE],
		.flags = message.ptr[IKE_FLAGS],
		.sent = sent,
	);
	event->opaque = event->version == 1 && !plain.len &&
					(event->flags & FLAG_V1_ENCRYPTED);
	if (!event->opaque)
	{
		add_payloads(this, event, plain.len ? plain : message);
	}
	array_insert(this->events, ARRAY_TAIL, event);
	this->known->put(this->known, (void*)hash, event);
}

/*
 * Described in header
 */
char *ike_timeline_time(struct timeval *time, char *buf)
{
	struct tm tm;
	size_t len;

	if (!gmtime_r(&time->tv_sec, &tm))
	{
		strcpy(buf, "?");
		return buf;
	}
	len = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, 40 - len, ".%.6uZ", (u_int)time->tv_usec);
	return buf;
}

/**
 * Describe a message as an object.
 */
static json_object *describe(event_t *event)
{
	json_object *object = json_object_new_object();
	bool response = event->version == 2 && (event->flags & FLAG_RESPONSE);
	char buf[64];

	json_object_object_add(object, "time", json_object_new_string(
							ike_timeline_time(&event->time, buf)));
	json_object_object_add(object, "direction",
						   json_object_new_string(event->sent ? "out" : "in"));
	snprintf(buf, sizeof(buf), "%.16" PRIx64 "-%.16" PRIx64, event->spi_i, event->spi_r);
	json_object_object_add(object, "ike_sa", json_object_new_string(buf));
	json_object_object_add(object, "exchange", json_object_new_string(
			find(exchanges, countof(exchanges), event->exchange, buf, sizeof(buf))));
	if (event->version == 2)
	{
		json_object_object_add(object, "kind",
							   json_object_new_string(response ? "response" : "request"));
	}
	json_object_object_add(object, "message_id", json_object_new_int64(event->mid));
	json_object_object_add(object, "encrypted", json_object_new_boolean(event->opaque));
	if (*event->text)
	{
		json_object_object_add(object, "text", json_object_new_string(event->text));
	}
	if (event->again)
	{
		json_object_object_add(object, "retransmits", json_object_new_int(event->again));
		json_object_object_add(object, "last", json_object_new_string(
								ike_timeline_time(&event->last, buf)));
	}
	return object;
}

METHOD(ike_timeline_t, get_json, json_object*,
	private_ike_timeline_t *this)
{
	json_object *events = json_object_new_array();
	event_t *event;
	u_int i;

	for (i = 0; i < array_count(this->events); i++)
	{
		array_get(this->events, i, &event);
		json_object_array_add(events, describe(event));
	}
	return events;
}

METHOD(ike_timeline_t, get_omitted, uint64_t,
	private_ike_timeline_t *this)
{
	return this->omitted;
}

METHOD(ike_timeline_t, destroy, void,
	private_ike_timeline_t *this)
{
	event_t *event;

	while (array_remove(this->events, ARRAY_HEAD, &event))
	{
		free(event);
	}
	array_destroy(this->events);
	this->known->destroy(this->known);
	free(this);
}

/*
 * Described in header
 */
ike_timeline_t *ike_timeline_create()
{
	private_ike_timeline_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_json = _get_json,
			.get_omitted = _get_omitted,
			.destroy = _destroy,
		},
		.events = array_create(0, 0),
		.known = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 64),
	);
	return &this->public;
}

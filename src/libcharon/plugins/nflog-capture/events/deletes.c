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

#include "deletes.h"

#include <encoding/payloads/delete_payload.h>
#include <threading/mutex.h>
#include <threading/thread_value.h>

typedef struct private_nflog_deletes_t private_nflog_deletes_t;

/**
 * Private data.
 */
struct private_nflog_deletes_t {

	/**
	 * Public interface.
	 */
	nflog_deletes_t public;

	/**
	 * What the current thread is handling, handled_t.
	 */
	thread_value_t *handled;

	/**
	 * SPIs of SAs that expired last, 0 for none, and where to put the next one.
	 */
	uint32_t expired[NFLOG_DELETES_SPIS];
	u_int next;

	/**
	 * Protects these.
	 */
	mutex_t *mutex;
};

/**
 * Message that a thread is handling.
 */
typedef struct {
	/** unique id of the IKE_SA whose request is handled, 0 if there is none */
	uint32_t request;
	/** unique id of the IKE_SA with the DELETE payload */
	uint32_t ike_id;
	/** TRUE if it deletes the IKE_SA itself */
	bool ike;
	/** SPIs of the peer's SAs that it deletes */
	uint32_t spis[NFLOG_DELETES_SPIS];
	u_int count;
} handled_t;

/**
 * Note what a DELETE payload deletes.
 */
static void add_delete(handled_t *handled, delete_payload_t *payload)
{
	enumerator_t *enumerator;
	uint32_t spi;

	if (payload->get_protocol_id(payload) == PROTO_IKE)
	{
		handled->ike = TRUE;
		return;
	}
	enumerator = payload->create_spi_enumerator(payload);
	while (handled->count < NFLOG_DELETES_SPIS && enumerator->enumerate(enumerator, &spi))
	{
		handled->spis[handled->count++] = spi;
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_deletes_t, message, void,
	private_nflog_deletes_t *this, ike_sa_t *ike_sa, message_t *message, bool incoming)
{
	handled_t *handled = this->handled->get(this->handled);
	enumerator_t *enumerator;
	payload_t *payload;
	bool ikev2 = message->get_major_version(message) == IKEV2_MAJOR_VERSION;

	if (!handled)
	{
		if (!incoming)
		{
			return;
		}
		handled = malloc_thing(handled_t);
		this->handled->set(this->handled, handled);
	}
	memset(handled, 0, sizeof(*handled));
	if (!incoming || (ikev2 && !message->get_request(message)))
	{	/* a response, which may have a DELETE payload as we sent one */
		return;
	}
	handled->ike_id = ike_sa->get_unique_id(ike_sa);
	/* its response ends that */
	handled->request = ikev2 ? handled->ike_id : 0;
	enumerator = message->create_payload_enumerator(message);
	while (enumerator->enumerate(enumerator, &payload))
	{
		if (payload->get_type(payload) == PLV2_DELETE ||
			payload->get_type(payload) == PLV1_DELETE)
		{
			add_delete(handled, (delete_payload_t*)payload);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(kernel_listener_t, expire, bool,
	private_nflog_deletes_t *this, uint8_t protocol, uint32_t spi, host_t *dst, bool hard)
{
	if (hard)
	{
		this->mutex->lock(this->mutex);
		this->expired[this->next++ % NFLOG_DELETES_SPIS] = spi;
		this->mutex->unlock(this->mutex);
	}
	return TRUE;
}

/**
 * Check if an SPI is among others.
 */
static bool has_spi(uint32_t *spis, u_int count, uint32_t spi)
{
	u_int i;

	for (i = 0; i < count && spis[i] != spi; i++)
	{
		/* no match */
	}
	return spi && i < count;
}

METHOD(nflog_deletes_t, get_cause, bool,
	private_nflog_deletes_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	nflog_cause_t *cause)
{
	uint32_t id = ike_sa->get_unique_id(ike_sa), in, out;
	handled_t *handled = this->handled->get(this->handled);
	bool expired;

	in = child_sa->get_spi(child_sa, TRUE);
	out = child_sa->get_spi(child_sa, FALSE);
	this->mutex->lock(this->mutex);
	expired = has_spi(this->expired, NFLOG_DELETES_SPIS, in) ||
			  has_spi(this->expired, NFLOG_DELETES_SPIS, out);
	this->mutex->unlock(this->mutex);
	if (expired)
	{
		*cause = CAUSE_EXPIRED;
		return TRUE;
	}
	if (handled && handled->ike_id == id &&
		(handled->ike || has_spi(handled->spis, handled->count, out)))
	{
		*cause = CAUSE_DELETED;
		return TRUE;
	}
	if (handled && handled->request && handled->request != id)
	{	/* as with INITIAL_CONTACT */
		*cause = CAUSE_REPLACED;
		return TRUE;
	}
	return FALSE;
}

METHOD(nflog_deletes_t, is_ike, bool,
	private_nflog_deletes_t *this)
{
	handled_t *handled = this->handled->get(this->handled);

	return handled && handled->ike;
}

METHOD(nflog_deletes_t, destroy, void,
	private_nflog_deletes_t *this)
{
	this->handled->destroy(this->handled);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_deletes_t *nflog_deletes_create()
{
	private_nflog_deletes_t *this;

	INIT(this,
		.public = {
			.listener = {
				.expire = _expire,
			},
			.message = _message,
			.get_cause = _get_cause,
			.is_ike = _is_ike,
			.destroy = _destroy,
		},
		.handled = thread_value_create(free),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

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

/**
 * @defgroup nflog_ike_timeline ike_timeline
 * @{ @ingroup nflog_capture
 */

#ifndef IKE_TIMELINE_H_
#define IKE_TIMELINE_H_

#include <sys/time.h>
#include <json-c/json.h>

#include <library.h>

typedef struct ike_timeline_t ike_timeline_t;

/** messages that are kept, all others are counted only */
#define IKE_TIMELINE_MAX 10000

/**
 * What IKE messages did: exchanges, retransmits, rekeyings, deletes.
 */
struct ike_timeline_t {

	/**
	 * Add a message.
	 *
	 * @param time		when it was captured
	 * @param sent		TRUE if it was sent, FALSE if it was received
	 * @param message	message as it was captured, from its header on
	 * @param plain		the same decrypted, empty if it was not
	 */
	void (*add)(ike_timeline_t *this, struct timeval *time, bool sent, chunk_t message,
				chunk_t plain);

	/**
	 * Get all messages, an object each.
	 *
	 * @return			array, to be freed
	 */
	json_object *(*get_json)(ike_timeline_t *this);

	/**
	 * Get the number of messages that were not kept.
	 */
	uint64_t (*get_omitted)(ike_timeline_t *this);

	/**
	 * Destroy an ike_timeline_t.
	 */
	void (*destroy)(ike_timeline_t *this);
};

/**
 * Create an ike_timeline_t instance.
 */
ike_timeline_t *ike_timeline_create();

/**
 * Format a time in UTC, as in JSON and text.
 *
 * @param buf		buffer of 40 bytes
 * @return			buf
 */
char *ike_timeline_time(struct timeval *time, char *buf);

#endif /** IKE_TIMELINE_H_ @}*/

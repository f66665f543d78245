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
 * @defgroup nflog_report report
 * @{ @ingroup nflog_capture
 */

#ifndef REPORT_H_
#define REPORT_H_

#include <json-c/json.h>

#include "captures/merge.h"
#include "decrypt/decrypter.h"

typedef struct report_t report_t;

/** SAs in a report, packets of others are counted only */
#define REPORT_MAX_SAS 4096

/**
 * What traces say about SAs and IKE_SAs.  Memory does not depend on the length of traces.
 */
struct report_t {

	/**
	 * Add a packet, in the order of time.
	 *
	 * @param merged	packet
	 * @param peer		TRUE if it was captured by the peer
	 */
	void (*add)(report_t *this, merged_packet_t *merged, bool peer);

	/**
	 * Get the report, once, after all packets were added.
	 *
	 * @return			object, to be freed
	 */
	json_object *(*get_json)(report_t *this);

	/**
	 * Destroy a report_t.
	 */
	void (*destroy)(report_t *this);
};

/**
 * Create a report_t instance.
 *
 * @param decrypter	decrypts packets, not owned, NULL if there are no keys
 */
report_t *report_create(decrypter_t *decrypter);

/**
 * Print a report as text.
 *
 * @param report	report, as get_json() returns it
 */
void report_print(json_object *report);

#endif /** REPORT_H_ @}*/

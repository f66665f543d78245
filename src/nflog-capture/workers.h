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
 * @defgroup decrypt_workers workers
 * @{ @ingroup nflog_capture
 */

#ifndef WORKERS_H_
#define WORKERS_H_

#include "decrypter.h"
#include "pcapng.h"
#include "trace.h"

typedef struct workers_t workers_t;

/**
 * Decrypts packets on all processors, and writes them in the order they were added.
 *
 * Memory is bounded: there is a fixed number of batches of packets, and who adds
 * packets waits for one to be written if all are in use.
 */
struct workers_t {

	/**
	 * Add a packet.
	 *
	 * @param packet	packet, gets copied
	 * @return			FALSE if the output can't be written to anymore
	 */
	bool (*add)(workers_t *this, trace_packet_t *packet);

	/**
	 * Wait until all packets are decrypted and written.
	 *
	 * @return			FALSE if the output can't be written to anymore
	 */
	bool (*finish)(workers_t *this);

	/**
	 * Destroy a workers_t, after it was finished.
	 */
	void (*destroy)(workers_t *this);
};

/**
 * Create a workers_t instance, and its threads: one for each processor that this
 * process may use, but 32 at most, and one that writes.
 *
 * @param decrypter	decrypts what has to be decrypted in order, gets the counters of
 *					all when it is finished; not owned
 * @param pcapng	file to write to, not owned
 * @return			workers, NULL if its threads can't be created
 */
workers_t *workers_create(decrypter_t *decrypter, pcapng_t *pcapng);

#endif /** WORKERS_H_ @}*/

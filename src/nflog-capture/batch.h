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
 * @defgroup decrypt_batch batch
 * @{ @ingroup nflog_capture
 */

#ifndef BATCH_H_
#define BATCH_H_

#include "decrypter.h"
#include "pcapng.h"
#include "trace.h"

typedef struct batch_t batch_t;

/**
 * Packets that are read, decrypted and written together.
 *
 * The three steps may be done by different threads, one after the other.  Memory is
 * kept for the next packets.
 */
struct batch_t {

	/**
	 * Add a packet.
	 *
	 * @param packet	packet, gets copied
	 * @return			FALSE if the batch is full then, to be decrypted and written
	 */
	bool (*add)(batch_t *this, trace_packet_t *packet);

	/**
	 * Decrypt all packets, but not those inside or outside of others that have to be
	 * decrypted in order.
	 *
	 * @param decrypter	decrypts, of this thread only
	 */
	void (*decrypt)(batch_t *this, decrypter_t *decrypter);

	/**
	 * Decrypt what has to be decrypted in order, write all packets, and remove them
	 * from the batch.
	 *
	 * @param decrypter	decrypts, has got all batches before
	 * @param pcapng	file to write to
	 * @return			FALSE if it can't be written to anymore
	 */
	bool (*write)(batch_t *this, decrypter_t *decrypter, pcapng_t *pcapng);

	/**
	 * Destroy a batch_t.
	 */
	void (*destroy)(batch_t *this);
};

/**
 * Create a batch_t instance.
 */
batch_t *batch_create();

#endif /** BATCH_H_ @}*/

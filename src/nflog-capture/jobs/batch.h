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

#include "decrypt/decrypter.h"
#include "decrypt/sequences.h"
#include "read/trace.h"
#include "write/pcapng.h"

typedef struct batch_t batch_t;

/**
 * Packets that are read, decrypted and written together.
 *
 * Each of these steps may be done by another thread, one at a time.  Memory is reused
 * for the next packets.
 */
struct batch_t {

	/**
	 * Add a packet.
	 *
	 * @param packet	packet, gets copied
	 * @return			FALSE if the batch is full now, add no more packets until it was
	 *					written
	 */
	bool (*add)(batch_t *this, trace_packet_t *packet);

	/**
	 * Decrypt all packets but IKE messages and IP fragments, which have to be decrypted in
	 * the order of capture.
	 *
	 * @param decrypter	decrypter of the calling thread
	 */
	void (*decrypt)(batch_t *this, decrypter_t *decrypter);

	/**
	 * Decrypt IKE messages and IP fragments, write all packets, and remove them from the
	 * batch.
	 *
	 * @param decrypter	decrypter that was passed with all batches before
	 * @param sequences	sequence numbers of packets of all batches before
	 * @param pcapng	file to write to
	 * @return			FALSE if writing failed
	 */
	bool (*write)(batch_t *this, decrypter_t *decrypter, sequences_t *sequences,
				  pcapng_t *pcapng);

	/**
	 * Destroy a batch_t.
	 */
	void (*destroy)(batch_t *this);
};

/**
 * Create a batch_t instance.
 *
 * @param raw		TRUE to write each IP packet only without all layers that can be removed,
 *					and no others
 */
batch_t *batch_create(bool raw);

#endif /** BATCH_H_ @}*/

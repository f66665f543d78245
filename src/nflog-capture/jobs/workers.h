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

#include "decrypt/decrypter.h"
#include "decrypt/sequences.h"
#include "read/trace.h"
#include "write/pcapng.h"

/**
 * Callback to read the next packet, called by one thread at a time.
 *
 * @param data		data, as passed to workers_run()
 * @param packet	receives the packet, valid until the next call
 * @return			FALSE if there are no more
 */
typedef bool (*workers_read_t)(void *data, trace_packet_t *packet);

/**
 * Decrypt packets, and write them in the order in which they are read.
 *
 * Uses a thread per processor that is available to the process, at most 32, including
 * the caller's.  Each reads a batch of packets, decrypts it, and writes the next one in
 * order.  Only one reads and one writes at a time, as the kernel locks a file that is
 * written to, but all decrypt, with the packets in the cache of their processor.
 *
 * Memory is bounded: there is a fixed number of batches.
 *
 * @param read		reads packets
 * @param data		data to pass to it
 * @param decrypter	decrypts IKE messages and IP fragments, the counters of all threads are
 *					added to it
 * @param sequences	gets the sequence numbers of decrypted packets
 * @param raw		TRUE to write each IP packet only without all layers that can be removed,
 *					and no others
 * @param pcapng	file to write to
 * @return			FALSE if writing failed, not all packets are read then
 */
bool workers_run(workers_read_t read, void *data, decrypter_t *decrypter,
				 sequences_t *sequences, bool raw, pcapng_t *pcapng);

#endif /** WORKERS_H_ @}*/

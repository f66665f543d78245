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
 * @defgroup nflog_pipeline nflog_pipeline
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PIPELINE_H_
#define NFLOG_PIPELINE_H_

typedef struct nflog_pipeline_t nflog_pipeline_t;

#include "ike_messages.h"
#include "reader.h"
#include "drops/drops.h"
#include "files/repair.h"
#include "files/store.h"
#include "keys/keys.h"
#include "recorder/recorder.h"
#include "traces/addresses.h"
#include "traces/queue.h"
#include "traces/registry.h"
#include "traces/writer.h"
#include "traces/xfrm_stat.h"

/**
 * Objects that packets and keys pass on their way to the disk, a single instance of each, in
 * the order of dependency.  All are owned.
 */
struct nflog_pipeline_t {

	/**
	 * Directories and files.
	 */
	nflog_store_t *store;

	/**
	 * Key tables.
	 */
	nflog_keys_t *keys;

	/**
	 * Holds the newest packets of connections, and saves them.
	 */
	nflog_recorder_t *recorder;

	/**
	 * Packets on their way from the reader to the writer.
	 */
	nflog_queue_t *queue;

	/**
	 * Knows all traces.
	 */
	nflog_registry_t *registry;

	/**
	 * Thread that writes to the disk.
	 */
	nflog_writer_t *writer;

	/**
	 * Logs at the end of a trace what the kernel dropped.
	 */
	nflog_xfrm_stat_t *xfrm_stat;

	/**
	 * Knows the addresses of this machine.
	 */
	nflog_addresses_t *addresses;

	/**
	 * Passes IKE messages to their traces.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Reads packets, in threads.
	 */
	nflog_reader_t *reader;

	/**
	 * Puts directories in order, once it is started.
	 */
	nflog_repair_t *repair;

	/**
	 * Reads packets that the kernel dropped, in another thread.
	 */
	nflog_drops_t *drops;

	/**
	 * Destroy a nflog_pipeline_t, after all traces ended.
	 *
	 * All SAs have to be removed from the reader before.
	 */
	void (*destroy)(nflog_pipeline_t *this);
};

/**
 * Create a nflog_pipeline_t instance.
 *
 * @param lanes		number of lanes, see nflog_lanes_number()
 * @param size		memory for packets, in bytes
 * @return			NULL if there is not enough memory
 */
nflog_pipeline_t *nflog_pipeline_create(u_int lanes, size_t size);

#endif /** NFLOG_PIPELINE_H_ @}*/

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
 * @defgroup nflog_trace nflog_trace
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TRACE_H_
#define NFLOG_TRACE_H_

typedef struct nflog_trace_t nflog_trace_t;

#include "addresses.h"
#include "counters.h"
#include "xfrm_stat.h"
#include "options/cfg.h"
#include "packet.h"
#include "registry.h"
#include "files/store.h"
#include "recorder/recorder.h"

/**
 * Trace of one SA: a pcap file, or a ring of files, and its counters.  Packets that went
 * astray are in pcapng files.
 *
 * Nothing is locked: the trace belongs to the thread that creates it, and from
 * nflog_writer_t.start() on to the writer.  Two exceptions: references, and the counters of
 * the readers (logged, received, overrun, sa), which are theirs until they release the trace.
 */
struct nflog_trace_t {

	/**
	 * Begin the trace: create its file, and log the file's path.
	 *
	 * Logs a failure instead, write() tries again.
	 */
	void (*start)(nflog_trace_t *this);

	/**
	 * Check if the trace has begun, packets can't be written before.
	 *
	 * @return			TRUE if start() was called
	 */
	bool (*is_started)(nflog_trace_t *this);

	/**
	 * Keep a packet until collect() is called, unless the trace has not begun.
	 *
	 * @param packet	packet, not owned
	 * @return			TRUE if it is the first one that is kept
	 */
	bool (*keep)(nflog_trace_t *this, nflog_packet_t *packet);

	/**
	 * Collect the packets that were kept, as two lists in the order of keep().
	 *
	 * @param stamped	receives packets that the kernel stamped, NULL if none
	 * @param others	receives all others, NULL if none
	 * @return			TRUE if one list is empty, and the other one is in the order of logging
	 *					and of time
	 */
	bool (*collect)(nflog_trace_t *this,
					nflog_packet_t **stamped,
					nflog_packet_t **others);

	/**
	 * Write packets.  Counts packets that can't be written, for instance as the disk is full,
	 * and tries again with the next ones.  Logs when writing succeeds again.
	 *
	 * @param packets	packets, in the order in which to write them
	 * @param count		number of packets
	 */
	void (*write)(nflog_trace_t *this, nflog_packet_t **packets,
				  u_int count);

	/**
	 * Check if the trace has as many packets as requested, and takes no more.  Thread-safe.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_full)(nflog_trace_t *this);

	/**
	 * End the trace: complete its file, and log the end line, with what the kernel dropped
	 * meanwhile.
	 */
	void (*end)(nflog_trace_t *this);

	/**
	 * Complete the files, and continue in others, whose name has another start.  Does nothing
	 * if no packet was written since the files began.
	 *
	 * @param start		start of the new files, seconds since 1970, a later one is used if
	 *					these exist
	 * @return			TRUE if it continues in others
	 */
	bool (*rotate)(nflog_trace_t *this, time_t start);

	/**
	 * Get the link type of the trace.
	 *
	 * @return			link type
	 */
	nflog_link_t (*get_link)(nflog_trace_t *this);

	/**
	 * Get the counters of a capture point.
	 *
	 * @param point		capture point
	 * @return			counters, internal data
	 */
	nflog_counters_t *(*get_count)(nflog_trace_t *this,
								   nflog_point_t point);

	/**
	 * Set the name of the trace, before start().
	 *
	 * @param name		file name, without the number in a ring, and without extension
	 */
	void (*set_name)(nflog_trace_t *this, char *name);

	/**
	 * Log at the end of the trace what the kernel dropped since start().
	 *
	 * @param xfrm_stat	reads the kernel's counters, not owned
	 */
	void (*set_drops)(nflog_trace_t *this, nflog_xfrm_stat_t *xfrm_stat);

	/**
	 * Set what knows the addresses of the gateway, before start().
	 *
	 * @param addresses	knows them, not owned
	 */
	void (*set_addresses)(nflog_trace_t *this, nflog_addresses_t *addresses);

	/**
	 * Set the recorder, which bounds the files if the options enable it, before start().
	 *
	 * @param recorder	recorder, not owned
	 */
	void (*set_recorder)(nflog_trace_t *this, nflog_recorder_t *recorder);

	/**
	 * Set the listing of the trace, before start().
	 *
	 * @param registry	has the listing, not owned
	 * @param listing	listing, which the trace owns from now on
	 */
	void (*set_listing)(nflog_trace_t *this, nflog_registry_t *registry,
					   nflog_listing_t *listing);

	/**
	 * Set a callback for the end of the trace.
	 *
	 * @param cb		called once, by the writer before it logs the end line, or by
	 *					destroy() if the trace never began
	 * @param data		data to pass to cb
	 */
	void (*set_end_cb)(nflog_trace_t *this,
					   void (*cb)(void *data, nflog_trace_t *trace), void *data);

	/**
	 * Add a reference, the creator has the first one.  Thread-safe.
	 *
	 * @return			this trace
	 */
	nflog_trace_t *(*get_ref)(nflog_trace_t *this);

	/**
	 * Drop a reference, thread-safe.
	 *
	 * @return			TRUE if it was the last one, so the trace has to end
	 */
	bool (*put_ref)(nflog_trace_t *this);

	/**
	 * Destroy a nflog_trace_t.
	 */
	void (*destroy)(nflog_trace_t *this);
};

/**
 * Create a nflog_trace_t instance.
 *
 * @param store		creates files, not owned
 * @param conn		name of the connection
 * @param label		name of the CHILD_SA or IKE_SA, for log messages
 * @param point		capture point of arriving packets, the next one is of leaving packets;
 *					or one of packets that went astray
 * @param cfg		options, cloned
 */
nflog_trace_t *nflog_trace_create(nflog_store_t *store,
						char *conn, char *label, nflog_point_t point,
						nflog_cfg_t *cfg);

#endif /** NFLOG_TRACE_H_ @}*/

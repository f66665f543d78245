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
typedef struct nflog_tap_t nflog_tap_t;

#include "counters.h"
#include "xfrm_stat.h"
#include "options/cfg.h"
#include "packet.h"
#include "files/store.h"

/** size of a log prefix, NF_LOG_PREFIXLEN in the kernel's nf_log.h */
#define NFLOG_PREFIX_LEN 128

/**
 * Trace of one SA: a pcap file, or a ring of them, with its counters.
 *
 * Used by one thread after the other, none of its methods locks: until it is
 * passed to the writer, by the thread that created it, then by the writer.  Only
 * the counters logged, received, overrun and sa are the reader's until it
 * releases the trace.
 */
struct nflog_trace_t {

	/**
	 * Begin the trace: create its file.
	 *
	 * A failure is logged, and each write() tries again.
	 */
	void (*start)(nflog_trace_t *this);

	/**
	 * Check if the trace began, packets can't be written before.
	 *
	 * @return			TRUE if start() was called
	 */
	bool (*is_started)(nflog_trace_t *this);

	/**
	 * Keep a packet until collect() is called.
	 *
	 * @param packet	packet
	 * @return			TRUE if it is the first one
	 */
	bool (*keep)(nflog_trace_t *this, nflog_packet_t *packet);

	/**
	 * Collect the packets that were kept, each list is in the order of keep().
	 *
	 * @param stamped	receives those that the kernel stamped, NULL if none
	 * @param others	receives all others, NULL if none
	 */
	void (*collect)(nflog_trace_t *this,
					nflog_packet_t **stamped,
					nflog_packet_t **others);

	/**
	 * Write packets.  Those that can't be written, as the disk is full, for instance,
	 * are counted, and writing is tried again with the next ones.  Success after a
	 * failure is logged.
	 *
	 * @param packets	packets, in the order in which to write them
	 * @param count		number of packets
	 */
	void (*write)(nflog_trace_t *this, nflog_packet_t **packets,
				  u_int count);

	/**
	 * End the trace: complete its file, log its counters, and what the kernel
	 * dropped meanwhile.
	 */
	void (*end)(nflog_trace_t *this);

	/**
	 * Get the link type of the packets to write.
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
	 * @param name		name of the file, without the number in a ring, and .pcap
	 */
	void (*set_name)(nflog_trace_t *this, char *name);

	/**
	 * Log at the end of the trace what the kernel dropped since it was started.
	 *
	 * @param xfrm_stat	reads the kernel's counters, not owned
	 */
	void (*set_drops)(nflog_trace_t *this, nflog_xfrm_stat_t *xfrm_stat);

	/**
	 * Add a reference to the trace, the creator has one.
	 *
	 * @return			this trace
	 */
	nflog_trace_t *(*get_ref)(nflog_trace_t *this);

	/**
	 * Drop a reference to the trace, may be called by any thread.
	 *
	 * @return			TRUE if it was the last, so that the trace has to end
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
 * @param store		where its files are created, not owned
 * @param conn		name of the connection
 * @param label		name of the CHILD_SA or IKE_SA, for log messages
 * @param point		capture point for what arrives, the next is for what leaves
 * @param cfg		options, not owned
 */
nflog_trace_t *nflog_trace_create(nflog_store_t *store,
						char *conn, char *label, nflog_point_t point,
						nflog_cfg_t *cfg);

/**
 * One capture point of an SA: what is needed for each packet that is seen there.
 */
struct nflog_tap_t {
	/** trace for the packets, with a reference, NULL if not captured here */
	nflog_trace_t *trace;
	/** the trace's counters for this point, may be those of a former SA too */
	nflog_counters_t *count;
	/** link type of the trace */
	nflog_link_t link;
	/** capture point */
	nflog_point_t point;
	/** TRUE if packets are kept for now, see nflog_early_t */
	bool early;
	/** log prefix: SA, its unique id, capture point */
	char prefix[NFLOG_PREFIX_LEN];
};

/**
 * Set up a capture point.
 *
 * @param tap		capture point
 * @param trace		trace, of which this gets a reference, NULL if not captured here
 * @param point		which one it is
 * @param label		name of the SA, with its unique id
 */
void nflog_tap_init(nflog_tap_t *tap,
					nflog_trace_t *trace,
					nflog_point_t point, char *label);

#endif /** NFLOG_TRACE_H_ @}*/

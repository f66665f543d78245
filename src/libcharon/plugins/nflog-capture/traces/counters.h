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
 * @defgroup nflog_counters nflog_counters
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_COUNTERS_H_
#define NFLOG_COUNTERS_H_

typedef struct nflog_counters_t nflog_counters_t;

#include "tally.h"
#include "options/cfg.h"

/**
 * Counters of a capture point of a trace.
 *
 * Readers count with nflog_counters_add(), see nflog_trace_t for which thread owns what.
 */
struct nflog_counters_t {
	/** counts packets that went astray by their reasons, owned by the trace, NULL otherwise */
	nflog_tally_t *tally;
	/** packets that the rule in the kernel logged, valid if has_logged */
	uint64_t logged;
	/** packets read from the NFLOG group */
	uint64_t received;
	/** first fragments of IPv6 packets read, each was logged by the rule */
	uint64_t fragments;
	/** packets reassembled from fragments, included in received */
	uint64_t whole;
	/** received, but not written, as the kernel logged the packet twice */
	uint64_t again;
	/** received, but dropped, as memory was full, because the disk is too slow */
	uint64_t overrun;
	/** not written, as the filter does not match */
	uint64_t filtered;
	/** not written, as the trace had as many packets as requested */
	uint64_t beyond;
	/** not written, as the disk budget is exhausted */
	uint64_t budget;
	/** not written, as the file system refused */
	uint64_t refused;
	/** packets dropped before their SA was known, some may be of this SA */
	uint64_t unidentified;
	/** large packets read, each may be several that the kernel merged (GRO, GSO) */
	uint64_t large;
	/** packets that large packets were merged from, at most, not counting one each */
	uint64_t segments;
	/** packets written */
	uint64_t packets;
	/** bytes of the IP packets written, before they were cut */
	uint64_t bytes;
	/** packets written, but cut, by the snaplen, or by NFLOG's limit */
	uint64_t cut;
	/** packets that the rule logged before the SA was installed, at most */
	uint64_t early;
	/** packets that left without the SA, although they match its selectors, valid if
	 * watched */
	uint64_t left;
	/** why the first of these did, constant text, NULL if there was none */
	char *left_for;
	/** packets that left without an SA, and were not compared with the selectors of all, as too
	 * many have the same subnets, some may be of this SA */
	uint64_t crowded;
	/** time without rules, in which nothing was captured, in ms */
	uint64_t missed;
	/** packets that the SA processed at least, the same for all points, valid if has_sa */
	uint64_t sa;
	/** how many more it may have processed, if it was up before or after the capture, until
	 * the trace ended, UINT64_MAX if that is not known */
	uint64_t slack;
	/** TRUE if logged is known, unless uncounted */
	bool has_logged;
	/** TRUE if reading ended before all packets arrived */
	bool gave_up;
	/** TRUE if packets were logged without a count, so losses in the kernel are unknown */
	bool uncounted;
	/** TRUE if left is counted, as these packets are captured */
	bool watched;
	/** TRUE if only those that devices drop are counted, as selectors are all addresses */
	bool any;
	/** TRUE if those whose addresses NAT changed are not known */
	bool blind;
	/** TRUE if sa is known */
	bool has_sa;
	/** TRUE if sa is unknown, as the SA was gone before charon deleted it */
	bool gone;
	/** TRUE if the SA was never installed, as for the loser of a rekey collision */
	bool absent;
	/** TRUE if the SA is offloaded, so netfilter may not see its packets */
	bool offloaded;
	/** TRUE if flows are offloaded, so netfilter may not see what arrives in the clear */
	bool flowtable;
};

/**
 * Packets of a capture point that are not in its trace.
 */
typedef struct {
	/** lost as the kernel's queue was full */
	uint64_t kernel;
	/** lost as memory was full */
	uint64_t memory;
	/** lost as the disk budget was exhausted */
	uint64_t budget;
	/** lost as the file system refused */
	uint64_t disk;
	/** dropped before their SA was known */
	uint64_t early;
	/** processed by the SA, but not seen by netfilter */
	uint64_t unseen;
	/** processed by the SA, but seen as parts of large packets */
	uint64_t segments;
	/** seen by netfilter, and maybe processed by the SA, as its capture began or ended, but
	 * not counted in sa */
	uint64_t around;
	/** seen by netfilter, but not processed by the SA */
	uint64_t surplus;
	/** dropped, as they arrived before the SA was installed */
	uint64_t uninstalled;
	/** processed by the SA: packets written, filtered, beyond the limit, lost (the first
	 * five), unseen, and segments, without around, surplus and uninstalled */
	uint64_t sa;
} nflog_losses_t;

/**
 * Count a packet, may be called by several readers at the same time.
 *
 * @param counter	counter to increment
 */
void nflog_counters_add(uint64_t *counter);

/**
 * Get a counter, may be called while readers count packets.
 *
 * @param counter	counter
 * @return			value
 */
uint64_t nflog_counters_get(uint64_t *counter);

/**
 * Copy the counters of a trace that is written: those of the writer, and what the readers
 * count atomically.  Called by the writer.
 *
 * @param to		receives them, the others stay
 * @param from		counters of the trace
 */
void nflog_counters_copy(nflog_counters_t *to, nflog_counters_t *from);

/**
 * Count a packet as large, if it may be several that the kernel merged, or was reassembled
 * from fragments.
 *
 * @param count		counters
 * @param len		bytes of the IP packet
 */
void nflog_counters_large(nflog_counters_t *count, uint32_t len);

/**
 * Check if fewer packets were seen than the SA processed.
 *
 * @param count		counters
 * @return			TRUE if so
 */
bool nflog_counters_is_short(nflog_counters_t *count);

/**
 * Get which packets are not in the trace.
 *
 * @param count		counters, if they are those of a trace that has not ended, what only the
 *					kernel knows is 0
 * @param point		capture point
 * @param losses	receives the numbers
 */
void nflog_counters_get_losses(nflog_counters_t *count, nflog_point_t point,
							   nflog_losses_t *losses);

/**
 * Describe the counters of a capture point, for the end line.
 *
 * Compares the packets seen with those that the SA processed: too few, and too many.
 *
 * @param count		counters
 * @param point		capture point
 * @param buf		receives the text
 * @param len		size of buf
 */
void nflog_counters_describe(nflog_counters_t *count,
							 nflog_point_t point, char *buf,
							 size_t len);

#endif /** NFLOG_COUNTERS_H_ @}*/

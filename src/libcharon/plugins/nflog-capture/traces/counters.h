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

#include "options/cfg.h"

/**
 * What happened to the packets of a capture point.
 */
struct nflog_counters_t {
	/** packets that the rule in the kernel logged, if has_logged */
	uint64_t logged;
	/** packets read from the NFLOG group */
	uint64_t received;
	/** read first fragments of IPv6 packets, each of which the rule logged */
	uint64_t fragments;
	/** those of received that were put together from fragments */
	uint64_t whole;
	/** received, but not written, as the kernel brought them to us once more */
	uint64_t again;
	/** received, but dropped for lack of memory, as the disk is too slow */
	uint64_t overrun;
	/** not written as they don't match the filter */
	uint64_t filtered;
	/** not written as the disk budget is exhausted */
	uint64_t budget;
	/** not written as the disk refused them */
	uint64_t refused;
	/** dropped before it was known whose they are, some may be of this SA */
	uint64_t unidentified;
	/** those read that may be several packets that the kernel merged */
	uint64_t large;
	/** packets that these may have been, at most, besides one each */
	uint64_t segments;
	/** written */
	uint64_t packets;
	/** bytes of written IP packets, as they were before these were cut */
	uint64_t bytes;
	/** written, but cut, by the snaplen, or as NFLOG does not copy that much */
	uint64_t cut;
	/** packets that the rule logged before the SA was installed, at most */
	uint64_t early;
	/** time for which nothing was captured, as rules could not be added, in ms */
	uint64_t missed;
	/** packets that the SA processed, if has_sa */
	uint64_t sa;
	/** logged is known, unless uncounted */
	bool has_logged;
	/** some packets were awaited in vain when reading ended */
	bool gave_up;
	/** some logged packets were not counted, so it's not known what the kernel lost */
	bool uncounted;
	/** sa is known */
	bool has_sa;
	/** sa is not known, the SA was gone before charon deleted it */
	bool gone;
	/** there never was an SA, as for the loser of a rekey collision */
	bool absent;
	/** the SA is offloaded, which may keep its packets from netfilter */
	bool offloaded;
	/** flows are offloaded, which may keep what arrives in the clear from it */
	bool flowtable;
};

/**
 * Count a packet, several readers may do that at the same time.
 *
 * @param counter	one of the counters
 */
void nflog_counters_add(uint64_t *counter);

/**
 * Get one of the counters while readers may count packets.
 *
 * @param counter	one of the counters
 * @return			its value
 */
uint64_t nflog_counters_get(uint64_t *counter);

/**
 * Count a packet that was read, if it may be several that the kernel merged, or put
 * together from fragments.
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
 * Describe what happened at a capture point, for the log.
 *
 * What was seen is compared with what the SA processed, in both directions.
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

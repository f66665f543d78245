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
 * @defgroup nflog_pcap nflog_pcap
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PCAP_H_
#define NFLOG_PCAP_H_

typedef struct nflog_pcap_t nflog_pcap_t;

#include "options/cfg.h"
#include "packet.h"
#include "pieces.h"
#include "files/store.h"
#include "recorder/tape.h"

/** replaces an errno if the limits on the use of the disk are reached */
#define NFLOG_OVER_BUDGET -1

/**
 * Writes the pcap or pcapng files of a trace: a ring, or as many as there are.
 *
 * A file that gets too large for the disk budget is continued in the next one, so that the
 * oldest packets can be removed.  In a ring, a file that continues another one for that reason
 * does not count: both are removed together.
 *
 * At any time, each file consists of a header and whole records.  If writing fails, the
 * caller may try again at any time.  A file that another process removed, replaced or cut
 * is left alone, and the trace continues in another file, with the next number if the name
 * is taken, as it does at a limit on the size of files (RLIMIT_FSIZE, or the file
 * system's).
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_pcap_t {

	/**
	 * Create the first file.
	 *
	 * @return			0, an errno, or NFLOG_OVER_BUDGET
	 */
	int (*start)(nflog_pcap_t *this);

	/**
	 * Write packets, until writing fails.
	 *
	 * @param packets	packets, in the order in which to write them
	 * @param count		number of packets
	 * @param error		receives an errno, or NFLOG_OVER_BUDGET, if not all were written
	 * @return			number of packets written
	 */
	u_int (*write)(nflog_pcap_t *this, nflog_packet_t **packets,
				   u_int count, int *error);

	/**
	 * Get the name of the current file, which may not exist yet.
	 *
	 * @return			name, internal data
	 */
	char *(*get_file)(nflog_pcap_t *this);

	/**
	 * Destroy a nflog_pcap_t, completes its file.
	 */
	void (*destroy)(nflog_pcap_t *this);
};

/**
 * Create a nflog_pcap_t instance.
 *
 * @param store		creates files, not owned
 * @param dir		directory of the connection
 * @param name		file name, without number and extension
 * @param cfg		options, copied
 * @param tape		tape of the connection's recorder, which bounds the files instead of the
 *					options, not owned, NULL for none
 * @param pieces	gets complete files, unless there is a tape, not owned
 */
nflog_pcap_t *nflog_pcap_create(nflog_store_t *store,
								char *dir, char *name, nflog_cfg_t *cfg,
								nflog_tape_t *tape, nflog_pieces_t *pieces);

#endif /** NFLOG_PCAP_H_ @}*/

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
#include "files/store.h"

/** instead of an errno, if the disk budget does not allow to write */
#define NFLOG_OVER_BUDGET -1

/**
 * Writes the pcap files of a trace: a single one, or a ring.
 *
 * Each file consists of a header and whole records at any time.  If writing fails
 * the caller may try again whenever it likes.  A file that someone else removed,
 * replaced or cut is left alone, and another one is created, with the next number
 * if the name is taken.  Where a limit on the size of files is reached (RLIMIT_FSIZE,
 * or that of the file system), packets continue in another file.
 *
 * Used by one thread, no method locks.
 */
struct nflog_pcap_t {

	/**
	 * Create the first file.
	 *
	 * @return			0, or an errno, or NFLOG_OVER_BUDGET
	 */
	int (*start)(nflog_pcap_t *this);

	/**
	 * Write packets, until that fails.
	 *
	 * @param packets	packets, in the order in which to write them
	 * @param count		number of packets
	 * @param error		set to an errno, or NFLOG_OVER_BUDGET, if not all
	 *					were written
	 * @return			number of packets that were written
	 */
	u_int (*write)(nflog_pcap_t *this, nflog_packet_t **packets,
				   u_int count, int *error);

	/**
	 * Get the name of the current file, which may not be there yet.
	 *
	 * @return			name of the file
	 */
	char *(*get_file)(nflog_pcap_t *this);

	/**
	 * Destroy a nflog_pcap_t, its file is complete.
	 */
	void (*destroy)(nflog_pcap_t *this);
};

/**
 * Create a nflog_pcap_t instance.
 *
 * @param store		where files are created, not owned
 * @param dir		directory of the connection
 * @param name		first part of the names of files
 * @param cfg		options, not owned
 */
nflog_pcap_t *nflog_pcap_create(nflog_store_t *store,
								char *dir, char *name,
								nflog_cfg_t *cfg);

#endif /** NFLOG_PCAP_H_ @}*/

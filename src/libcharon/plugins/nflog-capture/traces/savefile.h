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
 * @defgroup nflog_savefile nflog_savefile
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SAVEFILE_H_
#define NFLOG_SAVEFILE_H_

typedef struct nflog_savefile_t nflog_savefile_t;

#include "options/cfg.h"
#include "packet.h"
#include "files/store.h"

/**
 * Get the bytes of a file without packets.
 *
 * @param link		link type
 */
size_t nflog_savefile_header(nflog_link_t link);

/** packets appended at once, at most */
#define NFLOG_SAVEFILE_MAX 1024

/**
 * A pcap file that packets are appended to, pcap-savefile(5), or a pcapng file.
 *
 * At any time, the file consists of a header and whole records.  It stays open after
 * packets were appended to it, if the store allows that.  That it is still the same file
 * is checked each time before packets are appended: by its name when it is opened, by its
 * number of links and its size while it is kept open.
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_savefile_t {

	/**
	 * Create the file, and open it.
	 *
	 * @return			0, or an errno, EEXIST if the name is taken
	 */
	int (*create)(nflog_savefile_t *this);

	/**
	 * Open the file, if it is not open, and remove the part of a record that a failed write
	 * left in it.
	 *
	 * @return			0, or an errno, ENOENT if another process removed it, ESTALE if it
	 *					was replaced or cut, ELOOP if it is no file anymore
	 */
	int (*open)(nflog_savefile_t *this);

	/**
	 * Append packets to the open file, as many as possible, then close it unless it is kept
	 * open.
	 *
	 * @param packets	packets
	 * @param count		number of packets, at most NFLOG_SAVEFILE_MAX
	 * @param error		receives an errno if not all were written
	 * @return			number of packets written
	 */
	u_int (*append)(nflog_savefile_t *this, nflog_packet_t **packets, u_int count,
					int *error);

	/**
	 * Close the file, to which nothing is appended for now.
	 */
	void (*close)(nflog_savefile_t *this);

	/**
	 * Get the number of bytes in the file, header and whole records.
	 *
	 * @return			bytes, 0 if the file was not created
	 */
	uint64_t (*get_size)(nflog_savefile_t *this);

	/**
	 * Get the bytes that the disk has given to the file.
	 *
	 * @return			bytes, 0 if the file was not created
	 */
	uint64_t (*get_given)(nflog_savefile_t *this);

	/**
	 * Get the name of the file.
	 *
	 * @return			name, internal data
	 */
	char *(*get_name)(nflog_savefile_t *this);

	/**
	 * Destroy a nflog_savefile_t, completes the file.
	 */
	void (*destroy)(nflog_savefile_t *this);
};

/**
 * Get the bytes of a packet in a file, at most.
 */
static inline size_t nflog_savefile_record(nflog_packet_t *packet)
{
	return sizeof(*packet->record) + packet->caplen;
}

/**
 * Get the bytes of packets in a file.
 */
size_t nflog_savefile_records(nflog_packet_t **packets, u_int count);

/**
 * Create a nflog_savefile_t instance.
 *
 * @param store		creates and opens the file, not owned
 * @param dir		directory of the connection
 * @param name		name of the file, gets owned
 * @param link		link type
 */
nflog_savefile_t *nflog_savefile_create(nflog_store_t *store, char *dir, char *name,
										nflog_link_t link);

#endif /** NFLOG_SAVEFILE_H_ @}*/

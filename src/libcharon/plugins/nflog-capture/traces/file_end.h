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
 * @defgroup nflog_file_end nflog_file_end
 * @{ @ingroup nflog_capture
 *
 * Which packets still belong to a file of a trace.
 */

#ifndef NFLOG_FILE_END_H_
#define NFLOG_FILE_END_H_

typedef struct nflog_file_end_t nflog_file_end_t;

#include "packet.h"

/**
 * What ends a file, and what is in it.  A file of a ring may consist of several files, each of
 * which continues the one before.
 */
struct nflog_file_end_t {
	/** bytes and seconds of a file of a ring, 0 for no limit */
	uint64_t file_size;
	u_int duration;
	/** bytes that the file may have, whatever the ring says */
	uint64_t limit;
	/** bytes in the file, and in those that it continues */
	uint64_t used, before;
	/** TRUE if the file has packets, and if the file of the ring has */
	bool any, in_ring;
	/** time of the oldest packet in the file of the ring, in s, before and after packets were
	 * added */
	uint32_t begin;
	/** TRUE if the file of the ring goes on in another one, set by nflog_file_end_get() */
	bool continues;
};

/**
 * Get the number of packets that the file takes.
 *
 * @param end		what ends the file, gets updated
 * @param packets	packets, in the order in which to write them
 * @param count		number of packets
 * @return			number of packets to write, 0 if the file is complete
 */
u_int nflog_file_end_get(nflog_file_end_t *end, nflog_packet_t **packets, u_int count);

#endif /** NFLOG_FILE_END_H_ @}*/

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
 * @defgroup nflog_capture_groups nflog_capture_groups
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_GROUPS_H_
#define NFLOG_CAPTURE_GROUPS_H_

typedef struct nflog_capture_groups_t nflog_capture_groups_t;

#include "nflog_capture_packet.h"

/**
 * The two NFLOG groups: one for packets that arrive, which the kernel stamps
 * with the time, and one for packets that leave, which it does not.
 *
 * Not thread-safe.
 */
struct nflog_capture_groups_t {

	/**
	 * Receive a message of each group, if there are any.
	 *
	 * @param cb		called for each packet
	 * @param data		data to pass to cb
	 * @return			FALSE if there are none
	 */
	bool (*receive)(nflog_capture_groups_t *this, nflog_capture_group_cb_t cb,
					void *data);

	/**
	 * Get how far the packets of both groups have been read.
	 *
	 * @return			progress
	 */
	nflog_capture_progress_t (*get_progress)(nflog_capture_groups_t *this);

	/**
	 * Get the file descriptors to poll.
	 *
	 * @param in		receives that for packets that arrive
	 * @param out		receives that for packets that leave
	 */
	void (*get_fds)(nflog_capture_groups_t *this, int *in, int *out);

	/**
	 * Destroy a nflog_capture_groups_t, packets that the kernel dropped are
	 * logged.
	 */
	void (*destroy)(nflog_capture_groups_t *this);
};

/**
 * Create a nflog_capture_groups_t instance.
 *
 * @param group		number of the first group, the next is used too
 * @return			NULL if not possible, which is logged
 */
nflog_capture_groups_t *nflog_capture_groups_create(uint16_t group);

#endif /** NFLOG_CAPTURE_GROUPS_H_ @}*/

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
 * @defgroup nflog_loss nflog_loss
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LOSS_H_
#define NFLOG_LOSS_H_

typedef struct nflog_loss_t nflog_loss_t;

#include "packet.h"
#include "xfrm_stat.h"
#include "recorder/recorder.h"

/** s within which packets are counted */
#define NFLOG_LOSS_TIME 10

/**
 * Triggers the recorder of a connection if packets of an inbound SA are missing by their
 * sequence numbers, or the kernel's IPsec dropped packets while it had traffic, as many as
 * the option recorder_lost says.
 *
 * Packets that come late are not missing.  Those that the capture itself lost are, as the
 * trace does not have them either.  The kernel's counters are those of the network
 * namespace, so the packets may be of another connection.
 *
 * Used by the writer's thread, as it may read a file.
 */
struct nflog_loss_t {

	/**
	 * Look at packets in ESP or AH, in order, and check if enough are lost.
	 *
	 * @param packets	packets, of which those that arrived matter
	 * @param count		number of packets
	 */
	void (*look)(nflog_loss_t *this, nflog_packet_t **packets, u_int count);

	/**
	 * Destroy a nflog_loss_t.
	 */
	void (*destroy)(nflog_loss_t *this);
};

/**
 * Create a nflog_loss_t instance.
 *
 * @param recorder	recorder to trigger, not owned
 * @param xfrm_stat	reads the kernel's counters, not owned, NULL if another one does
 * @param conn		name of the connection
 */
nflog_loss_t *nflog_loss_create(nflog_recorder_t *recorder, nflog_xfrm_stat_t *xfrm_stat,
								char *conn);

#endif /** NFLOG_LOSS_H_ @}*/

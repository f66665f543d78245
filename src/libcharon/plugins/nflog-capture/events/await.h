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
 * @defgroup nflog_await nflog_await
 * @{ @ingroup nflog_capture
 *
 * Packets that leave while the SA that they should be in is negotiated.
 */

#ifndef NFLOG_AWAIT_H_
#define NFLOG_AWAIT_H_

#include "reader/reader.h"

#include <sa/ike_sa.h>

/**
 * Have packets dropped that were kept, if no SA adopted them, as the CHILD_SA is installed.
 *
 * @param reader	knows what keeps them
 * @param child_sa	CHILD_SA
 */
void nflog_await_end(nflog_reader_t *reader, child_sa_t *child_sa);

/**
 * Have packets kept that match the selectors of any child of a connection, as it is not known
 * yet which child is negotiated, and which selectors it gets.
 *
 * @param reader	keeps them
 * @param ike_sa	IKE_SA that negotiates, checked out, its connection is known
 * @param dst		destination address of the inbound SA
 * @param spi		SPI that was allocated for that, in network order
 */
void nflog_await_missed(nflog_reader_t *reader, ike_sa_t *ike_sa, host_t *dst, uint32_t spi);

#endif /** NFLOG_AWAIT_H_ @}*/

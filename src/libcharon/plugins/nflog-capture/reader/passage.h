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
 * @defgroup nflog_passage nflog_passage
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PASSAGE_H_
#define NFLOG_PASSAGE_H_

/**
 * Wait until packets that were logged before the call were sent or dropped, and counted as
 * such by the device that they left by.
 *
 * The kernel sends a packet that it forwards without leaving the RCU read-side section in
 * which it was logged (__netif_receive_skb_core() to dev_hard_start_xmit() in
 * net/core/dev.c), unless the device has a queue, which VTI devices and XFRM interfaces don't
 * have.  membarrier(2) waits for all such sections (kernel/sched/membarrier.c), some 10 ms.
 * A failure is logged once.
 */
void nflog_passage_wait();

#endif /** NFLOG_PASSAGE_H_ @}*/

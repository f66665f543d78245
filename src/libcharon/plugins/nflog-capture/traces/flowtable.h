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
 * @defgroup nflog_flowtable nflog_flowtable
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FLOWTABLE_H_
#define NFLOG_FLOWTABLE_H_

#include <library.h>

/**
 * Check if there is a flowtable of nftables in the network namespace.
 *
 * Packets of flows in a flowtable are forwarded as they arrive at its devices, before
 * prerouting (nf_flow_offload_ip_hook() in the kernel's nf_flow_table_ip.c),
 * decapsulated packets too.
 *
 * Asks the kernel and waits for the answer, 100 ms at most, so charon's threads must not
 * call this.
 *
 * @return			TRUE if there is one, FALSE also on failure, which is logged
 */
bool nflog_flowtable_exists();

#endif /** NFLOG_FLOWTABLE_H_ @}*/

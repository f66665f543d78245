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
 * Packets of a flow that was added to one are forwarded when they arrive at its
 * devices, before prerouting (nf_flow_offload_ip_hook() in the kernel's
 * nf_flow_table_ip.c), also those that were decapsulated.
 *
 * This asks the kernel, and waits a moment for its answer, so it is nothing for
 * charon's threads.
 *
 * @return			TRUE if there is one
 */
bool nflog_flowtable_exists();

#endif /** NFLOG_FLOWTABLE_H_ @}*/

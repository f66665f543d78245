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
 * @defgroup nflog_offload nflog_offload
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_OFFLOAD_H_
#define NFLOG_OFFLOAD_H_

#include <library.h>

/**
 * Is the code for offloading ESP loaded?  With it, with or without hardware, the kernel
 * encrypts packets after netfilter saw them (esp4_gso_encap() in net/ipv4/esp4_offload.c),
 * and may decrypt them before.  Thread-safe.
 *
 * @param proto		protocol of the SA
 * @param ipv6		TRUE if it has IPv6 addresses
 * @param first		receives TRUE the first time, until that changes, as it concerns all SAs
 * @return			TRUE if so
 */
bool nflog_offload_is_loaded(uint8_t proto, bool ipv6, bool *first);

#endif /** NFLOG_OFFLOAD_H_ @}*/

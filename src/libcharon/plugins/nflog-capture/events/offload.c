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

#include "offload.h"
#include "rules/sa.h"

#include <netinet/in.h>
#include <unistd.h>

/** TRUE if it was loaded the last time, for IPv4 and IPv6, accessed atomically */
static bool was_loaded[2];

/*
 * Described in header
 */
bool nflog_offload_is_loaded(uint8_t proto, bool ipv6, bool *first)
{
	bool loaded;

	loaded = proto == IPPROTO_ESP && !nflog_sa_is_userland() &&
			 access(ipv6 ? "/sys/module/esp6_offload" : "/sys/module/esp4_offload",
					F_OK) == 0;
	*first = !__atomic_exchange_n(&was_loaded[ipv6], loaded, __ATOMIC_RELAXED);
	return loaded;
}

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

/*
 * State shared by the injector's parts in userland and in the kernel.
 */

#ifndef INJECT_H_
#define INJECT_H_

#include <linux/types.h>

#include "probe.h"

/** length of the Ethernet and IP headers, in bytes */
#define INJECT_HEADERS (14 + 20)

/**
 * State of the injector.
 */
typedef struct {
	/** when the next packet is due, by the monotonic clock, and the time between packets,
	 * in ns */
	__u64 due;
	__u64 interval;
	/** offset from the monotonic clock to the time since 1970, in ns */
	__u64 offset;
	/** number of the next packet */
	__u64 number;
} inject_t;

#endif /* INJECT_H_ */

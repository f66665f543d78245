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
 * Content of the benchmark's packets.
 */

#ifndef PROBE_H_
#define PROBE_H_

#include <linux/types.h>

/** identifies our packets */
#define PROBE_MAGIC 0x6e666c67

/**
 * Content of our packets behind the IP header, in host order but the ESP header.
 */
typedef struct {
	/** ESP header */
	__u32 spi;
	__u32 seq;
	/** PROBE_MAGIC */
	__u32 magic;
	/** number of the packet, from 0 */
	__u32 number;
	/** when it was sent, in ns since 1970 */
	__u64 time;
} probe_t;

#endif /* PROBE_H_ */

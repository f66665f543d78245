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
 * @defgroup nflog_capture nflog_capture
 * @ingroup cplugins
 *
 * @defgroup nflog_capture_plugin nflog_capture_plugin
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_PLUGIN_H_
#define NFLOG_CAPTURE_PLUGIN_H_

#include <plugins/plugin.h>

typedef struct nflog_capture_plugin_t nflog_capture_plugin_t;

/**
 * Plugin that captures the traffic of CHILD_SAs, in ESP and in the clear, with
 * the keys that Wireshark needs to decrypt it.
 *
 * Objects lie in rooms, each of which uses only those below it.  Packets, and what
 * is known of their SAs, move down:
 *
 *   events    kernel     ike       SAs on their way to the kernel, events on the bus
 *                \     /
 *               manager            brings together what belongs to a CHILD_SA, also
 *                  |               learns of it by events on the bus
 *                child             captures a CHILD_SA, as its options want it
 *               /     \
 *   reader  reader     |           looks up the SA of each packet
 *            /  |      |
 *         lanes |      |           receive from the NFLOG groups of a processor
 *               |      |
 *   rules     rules    |           nftables rules, in a table of ours
 *                      |
 *   traces   queue ----+           bounded memory for packets
 *               |      |
 *            writer    |           writes packets in the order they were logged
 *               |      |
 *             trace    |           pcap files of an SA, counters
 *                      |
 *   keys             keys          Wireshark's key tables, and our key file
 *                      |
 *   files            store         directories, permissions, disk budget
 *
 *   options         options        what swanctl.conf and strongswan.conf say
 *
 * Threads, besides those of charon, which raise events, call charon->kernel, and run
 * our jobs:
 *
 *   options   reads swanctl.conf, and what it includes, when these change
 *   rules     does the transactions with nf_tables
 *   lanes     receive packets, one each, look up their SAs, and queue them
 *   ending    ends SAs, and traces of IKE_SAs, once their packets were read
 *   vti       asks the kernel for the keys of VTI devices
 *   writer    writes traces and key tables, the only one that writes to the disk
 *
 * Charon's threads wait for none of them, but a tenth of a second at most for rules
 * to be in place, and for a change of swanctl.conf to be read.
 *
 * Who locks several things at once does so in this order:
 *
 *   IKE_SA, bus (charon's)
 *   lanes, all of them
 *   ike_messages, early, vti, rules
 *   writer
 *   queue
 *
 * Of events, options, keys and files nobody holds a lock while calling others.
 * ThreadSanitizer checks that (configure --enable-sanitizers=thread).
 */
struct nflog_capture_plugin_t {

	/**
	 * Implements plugin interface.
	 */
	plugin_t plugin;
};

#endif /** NFLOG_CAPTURE_PLUGIN_H_ @}*/

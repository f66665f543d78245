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
 * Plugin that captures the traffic of CHILD_SAs, in ESP and in the clear, and writes the
 * keys that Wireshark needs to decrypt it.
 *
 * Objects live in rooms, each of which uses only those below it.  Packets, and what is
 * known of their SAs, move down:
 *
 *   control   control               serves clients of the control socket
 *                |
 *             commands              lists and changes what is captured
 *
 *   events    kernel     ike       learn of SAs and IKE_SAs
 *                \     /
 *               manager            finds the CHILD_SA of an SA
 *                  |
 *                child             captures a CHILD_SA as its options require
 *               /     \
 *   reader  reader     |           finds the SA of each packet
 *            /  |      |
 *         lanes |      |           receive from the NFLOG groups of a processor
 *               |      |
 *   rules     rules    |           nftables rules, in a table of our own
 *                      |
 *   traces   queue ----+           bounded memory for packets
 *               |      |
 *            writer    |           writes packets in the order they were logged
 *               |      |
 *             trace    |           pcap files of an SA, counters
 *               |      |
 *            registry  |           knows all traces, for those who ask
 *                      |
 *   recorder       recorder        newest packets of connections, folders with what was saved
 *                      |
 *   keys             keys          Wireshark's key tables, and our key file
 *                      |
 *   files            store         directories, permissions, disk quota
 *
 *   options         options        what swanctl.conf and strongswan.conf enable
 *
 * The plugin creates all objects when charon's kernel interface and socket are there, and
 * destroys them before these.  Threads besides those of charon, which raise events, call
 * charon->kernel, and run our jobs:
 *
 *   options   reads swanctl.conf, and what it includes, when these change
 *   rules     does the transactions with nf_tables
 *   lanes     receive packets, one thread each, find their SAs, and queue them
 *   ending    ends SAs, and traces of IKE_SAs, once their packets were read
 *   vti       asks the kernel for the keys of VTI devices
 *   writer    writes traces and key tables, no other thread writes to the disk
 *   client    serves a client of the control socket, one thread each, while it is connected
 *
 * If one of them makes no progress, a job of charon ends all captures until it goes on, see
 * events/watchdog.h.  When charon stops, it waits two seconds for them, and leaves what is
 * not done by then behind, see process/pulse.h.
 *
 * charon's threads wait a tenth of a second at most for rules to be in place, and for a
 * change of swanctl.conf to be read.
 *
 * A thread that locks several of these does so in this order:
 *
 *   IKE_SA, bus (charon's)
 *   lanes, all of them
 *   ike_messages, early, vti, rules
 *   writer
 *   queue
 *   blocks
 *   registry
 *   recorder, and the lines of charon's log that it keeps
 *
 * Objects in events, options, keys and files hold no lock while they call others.
 * ThreadSanitizer checks the order (configure --enable-sanitizers=thread).
 */
struct nflog_capture_plugin_t {

	/**
	 * Implements plugin interface.
	 */
	plugin_t plugin;
};

#endif /** NFLOG_CAPTURE_PLUGIN_H_ @}*/

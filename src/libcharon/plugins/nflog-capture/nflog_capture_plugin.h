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
 * Packets and what is known of their SAs move one way:
 *
 *   listener  kernel          events on the bus, SAs on their way to the kernel
 *        \    /
 *       captures ------- ike  what belongs to the same CHILD_SA, IKE keys
 *           |
 *         child               capture of one CHILD_SA, as options want it
 *        /      \
 *    rules      keys          nftables table, key tables
 *       |          \
 *    reader         \         NFLOG groups, threads: lanes
 *       |  \         |
 *       | messages   |        IKE messages, until it's known whose they are
 *       |  /         |
 *     queue          |        bounded memory
 *       |            |
 *    writer ---------+        thread
 *       |            |
 *     trace          |        pcap files of one SA
 *        \          /
 *          store              directories, permissions, disk budget
 */
struct nflog_capture_plugin_t {

	/**
	 * Implements plugin interface.
	 */
	plugin_t plugin;
};

#endif /** NFLOG_CAPTURE_PLUGIN_H_ @}*/

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
 * @defgroup nflog_live live
 * @{ @ingroup nflog_capture
 */

#ifndef LIVE_H_
#define LIVE_H_

#include <collections/array.h>

#include "export/packet_filter.h"

typedef struct live_options_t live_options_t;

/**
 * What to write while it is captured.
 */
struct live_options_t {
	/** directory that has those of connections, owned */
	char *base;
	/** connections and directories, NULL-terminated, not owned, empty for all */
	char **names;
	/** TRUE to begin with the packets that traces have already */
	bool begin;
	/** TRUE for packets in the clear only */
	bool clear;
	/** TRUE to write decrypted packets */
	bool decrypt;
	/** TRUE for pcap with link type raw, FALSE for pcapng */
	bool pcap;
	/** TRUE to print no summary, which Wireshark shows as an error */
	bool quiet;
	/** filter, owned, NULL for none */
	packet_filter_t *filter;
	/** key files, char*, owned, empty for those next to traces */
	array_t *key_files;
	/** file descriptor to write to, not owned */
	int fd;
};

/**
 * Initialize options, with the plugin's directory.
 *
 * @param options	options
 */
void live_options_init(live_options_t *options);

/**
 * Use an option of the command line: begin (b), plain (p), decrypt (d), key-file (k),
 * filter (f).
 *
 * @param options	options
 * @param op		its short form
 * @param arg		its argument, NULL if it has none
 * @return			FALSE if it is invalid, which was printed
 */
bool live_options_use(live_options_t *options, int op, char *arg);

/**
 * Free what options own.
 *
 * @param options	options
 */
void live_options_destroy(live_options_t *options);

/**
 * Write packets while they are captured, until SIGINT, SIGTERM or SIGHUP is received, or
 * nobody reads them anymore.  A second signal ends the program at once.
 *
 * @param options	options
 * @return			exit status
 */
int live_run(live_options_t *options);

#endif /** LIVE_H_ @}*/

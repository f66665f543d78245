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
 * @defgroup nflog_exporter exporter
 * @{ @ingroup nflog_capture
 */

#ifndef EXPORTER_H_
#define EXPORTER_H_

#include "captures/merge.h"
#include "decrypt/decrypter.h"
#include "packet_filter.h"

typedef struct exporter_t exporter_t;
typedef struct exporter_options_t exporter_options_t;

/**
 * Callback to write bytes.
 *
 * @param data		data, as in the options
 * @param bytes		bytes to write
 * @return			FALSE if that failed
 */
typedef bool (*exporter_write_t)(void *data, chunk_t bytes);

/**
 * What to write.
 */
struct exporter_options_t {
	/** program for the header of the file */
	char *program;
	/** comment on the file, NULL for none */
	char *comment;
	/** TRUE for a pcap file with link type raw, FALSE for pcapng */
	bool pcap;
	/** TRUE to write packets in the clear only */
	bool clear;
	/** TRUE to write decrypted packets */
	bool decrypt;
	/** writes IP packets that match only, and encrypted ones with such an inner packet,
	 * not owned, NULL for all */
	packet_filter_t *filter;
	/** rows of Wireshark's table of ESP SAs, to be included, empty for none */
	chunk_t secrets;
	/** writes bytes, and data to pass to it */
	exporter_write_t write;
	void *data;
};

/**
 * Writes packets of traces to one file, with what is known about them.
 *
 * A file is pcapng with an interface per capture point, a comment on each packet,
 * its direction, and an id that both copies of a packet share.
 */
struct exporter_t {

	/**
	 * Set keys, before the first packet, and when they change.
	 *
	 * @param keys		keys, not owned, NULL for none
	 * @param decrypter	decrypts with them, not owned, NULL for none
	 */
	void (*set_keys)(exporter_t *this, keyring_t *keys, decrypter_t *decrypter);

	/**
	 * Add a packet.
	 *
	 * @param merged	packet
	 * @return			FALSE if writing failed
	 */
	bool (*add)(exporter_t *this, merged_packet_t *merged);

	/**
	 * Add what the log says about a capture point of a trace.
	 *
	 * @param capture	trace
	 * @param point		capture point
	 * @param lost		packets that were lost
	 * @param line		line of the log
	 */
	void (*add_lost)(exporter_t *this, capture_t *capture, capture_point_t point,
					 uint64_t lost, char *line);

	/**
	 * Write what was added so far.
	 *
	 * @return			FALSE if writing failed
	 */
	bool (*flush)(exporter_t *this);

	/**
	 * Complete the file with the statistics of interfaces.
	 *
	 * @return			FALSE if writing failed
	 */
	bool (*finish)(exporter_t *this);

	/**
	 * Print the number of packets.
	 *
	 * @param name		name of the file
	 * @param file		file to print to
	 */
	void (*print)(exporter_t *this, char *name, FILE *file);

	/**
	 * Check if there were packets of traces that are not in the clear.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_encrypted)(exporter_t *this);

	/**
	 * Get the number of encrypted packets that were dropped because they could not be
	 * decrypted for the filter.
	 *
	 * @return			number of packets
	 */
	uint64_t (*get_undecided)(exporter_t *this);

	/**
	 * Get the number of packets that were written, but for decrypted ones.
	 */
	uint64_t (*get_count)(exporter_t *this);

	/**
	 * Destroy an exporter_t.
	 */
	void (*destroy)(exporter_t *this);
};

/**
 * Create an exporter_t instance.
 *
 * @param options	what to write, copied, but not what it points to
 */
exporter_t *exporter_create(exporter_options_t *options);

#endif /** EXPORTER_H_ @}*/

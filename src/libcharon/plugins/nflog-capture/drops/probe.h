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
 * @defgroup nflog_probe nflog_probe
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PROBE_H_
#define NFLOG_PROBE_H_

typedef struct nflog_probe_t nflog_probe_t;

#include "event.h"
#include "reasons.h"

/** capabilities that programs require in the kernel, capabilities(7); older headers lack them */
#define NFLOG_CAP_PERFMON 38
#define NFLOG_CAP_BPF 39

/**
 * Programs in the kernel that pass on dropped packets.
 *
 * Used by one thread.
 */
struct nflog_probe_t {

	/**
	 * Pass on ESP, AH and UDP between two addresses, or don't.
	 *
	 * @param pair		addresses
	 * @param add		TRUE to add, FALSE to remove
	 * @return			FALSE if there are too many
	 */
	bool (*set_pair)(nflog_probe_t *this, struct nflog_pair_t *pair, bool add);

	/**
	 * Pass on packets between local and remote subnets, or don't.
	 *
	 * @param subnet	subnet
	 * @param add		TRUE to add, FALSE to remove
	 * @return			FALSE if there are too many
	 */
	bool (*set_subnet)(nflog_probe_t *this, struct nflog_subnet_t *subnet, bool add);

	/**
	 * Get a file descriptor that is readable if packets were passed on.
	 */
	int (*get_fd)(nflog_probe_t *this);

	/**
	 * Get the packets that were passed on until now, by calls of the callback.
	 */
	void (*consume)(nflog_probe_t *this);

	/**
	 * Get how many packets between two addresses were not passed on.
	 *
	 * @param pair		addresses
	 * @param limits	receives the counters, unchanged if they were not added
	 */
	void (*get_pair_limits)(nflog_probe_t *this, struct nflog_pair_t *pair,
							struct nflog_limits_t *limits);

	/**
	 * Get how many packets of a remote subnet were not passed on.
	 *
	 * @param subnet	subnet
	 * @param limits	receives the counters, unchanged if it was not added
	 */
	void (*get_subnet_limits)(nflog_probe_t *this, struct nflog_subnet_t *subnet,
							  struct nflog_limits_t *limits);

	/**
	 * Get how many packets of the whole machine were not looked at, as they were dropped on a
	 * processor that was interrupted while it dropped another one.
	 */
	uint64_t (*get_nested)(nflog_probe_t *this);

	/**
	 * Get the names of reasons.
	 *
	 * @return			names, internal data
	 */
	nflog_reasons_t *(*get_reasons)(nflog_probe_t *this);

	/**
	 * Detach the programs, and destroy a nflog_probe_t.
	 */
	void (*destroy)(nflog_probe_t *this);
};

/**
 * Load the programs, and attach them, which takes a while.
 *
 * @param cb		called by consume() for each packet, which it may change
 * @param data		data to pass to cb
 * @param error		receives what is missing, with the remedy, if that fails
 * @param len		size of error
 * @return			NULL if it fails
 */
nflog_probe_t *nflog_probe_create(void (*cb)(void *data, struct nflog_event_t *event),
								  void *data, char *error, size_t len);

#endif /** NFLOG_PROBE_H_ @}*/

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
 * @defgroup decrypt_ip_fragments ip_fragments
 * @{ @ingroup nflog_capture
 */

#ifndef IP_FRAGMENTS_H_
#define IP_FRAGMENTS_H_

#include <library.h>

typedef struct ip_fragments_t ip_fragments_t;

/** packets that are put together at a time, of 64 KiB at most each */
#define IP_FRAGMENTS_MAX 256

/**
 * Puts IP fragments together (RFC 791, RFC 8200).
 *
 * If there are too many packets, the oldest one is dropped.  Fragments that overlap others
 * replace these, as the identification of a packet is used again.
 */
struct ip_fragments_t {

	/**
	 * Add a fragment.
	 *
	 * @param data		IP packet, not cut
	 * @param counts	TRUE to count the packet if others are missing, and it may be one of
	 *					IPsec
	 * @param whole		receives allocated packet if this was its last fragment
	 * @return			TRUE if so
	 */
	bool (*add)(ip_fragments_t *this, chunk_t data, bool counts, chunk_t *whole);

	/**
	 * Get the number of packets that were put together.
	 */
	u_int (*get_complete)(ip_fragments_t *this);

	/**
	 * Get the number of packets that lack fragments.
	 */
	u_int (*get_incomplete)(ip_fragments_t *this);

	/**
	 * Destroy an ip_fragments_t.
	 */
	void (*destroy)(ip_fragments_t *this);
};

/**
 * Create an ip_fragments_t instance.
 */
ip_fragments_t *ip_fragments_create();

#endif /** IP_FRAGMENTS_H_ @}*/

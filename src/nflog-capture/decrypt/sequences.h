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
 * @defgroup decrypt_sequences sequences
 * @{ @ingroup nflog_capture
 */

#ifndef SEQUENCES_H_
#define SEQUENCES_H_

#include <library.h>

typedef struct sequences_t sequences_t;
typedef struct sequence_t sequence_t;
typedef enum sequence_state_t sequence_state_t;

/** sequence numbers before the highest one of which it is known if they arrived */
#define SEQUENCE_WINDOW 4096

/**
 * Where a packet is in the sequence of its SA.
 */
enum sequence_state_t {
	/** the next one */
	SEQUENCE_NEXT,
	/** others before it are missing */
	SEQUENCE_GAP,
	/** after one with a higher number */
	SEQUENCE_LATE,
	/** its number was there already */
	SEQUENCE_REPLAYED,
	/** so late that it is not known if its number was there already */
	SEQUENCE_OLD,
};

/**
 * Sequence numbers of an SA.  Those that have the low 32 bits only are extended to the
 * nearest ones.
 */
struct sequence_t {
	/** lowest and highest number */
	uint64_t first, highest;
	/** packets */
	uint64_t packets;
	/** numbers that are missing, and were there more than once */
	uint64_t missing, replayed;
	/** packets that were late, including those that may have been replayed */
	uint64_t late;
	/** numbers of the window that are there, by their lowest bits */
	uint8_t there[SEQUENCE_WINDOW / 8];
};

/**
 * Add a packet.
 *
 * @param low		low 32 bits of its number
 * @param distance	receives the number of packets that are missing before, or by which it
 *					is late
 * @return			where it is in the sequence
 */
sequence_state_t sequence_add(sequence_t *this, uint32_t low, uint64_t *distance);

/**
 * Sequence numbers of SAs.
 */
struct sequences_t {

	/**
	 * Add a packet.
	 *
	 * @param sa		identifies the SA, together with its SPI
	 * @param spi		SPI of the packet, in host order
	 * @param low		low 32 bits of the packet's number
	 * @param text		receives text that describes what is unusual about it
	 * @param len		bytes of the buffer for text
	 * @return			FALSE if it is just the next one
	 */
	bool (*add)(sequences_t *this, const void *sa, uint32_t spi, uint32_t low, char *text,
				size_t len);

	/**
	 * Print a line for each SA that has missing, late or replayed packets.
	 *
	 * @param file		file to print to
	 */
	void (*print)(sequences_t *this, FILE *file);

	/**
	 * Destroy a sequences_t.
	 */
	void (*destroy)(sequences_t *this);
};

/**
 * Create a sequences_t instance.
 */
sequences_t *sequences_create();

#endif /** SEQUENCES_H_ @}*/

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
 * @defgroup decrypt_spi_table spi_table
 * @{ @ingroup nflog_capture
 */

#ifndef SPI_TABLE_H_
#define SPI_TABLE_H_

#include "keyring/keyring.h"

#include <collections/linked_list.h>

typedef struct spi_table_t spi_table_t;

/**
 * Objects that decrypt with the keys of a keyring, by SPI.
 *
 * As a key file may have many keys, the objects of an SPI are created with the first
 * packet that has it.
 *
 * For one thread at a time.
 */
struct spi_table_t {

	/**
	 * Get the objects of an SPI.
	 *
	 * @param spi		SPI of an ESP or AH SA, or of the initiator of an IKE_SA, in host
	 *					order
	 * @return			objects, that of the newest key first, NULL if there are none; list
	 *					not owned
	 */
	linked_list_t *(*get)(spi_table_t *this, uint64_t spi);

	/**
	 * Destroy a spi_table_t with all objects.
	 */
	void (*destroy)(spi_table_t *this);
};

/**
 * Create a spi_table_t instance.
 *
 * @param keys		keys, not owned
 * @param enumerate	method of the keys to enumerate those of an SPI
 * @param create	constructor, called with a key, may return NULL
 * @param destroy	destructor of the objects
 */
spi_table_t *spi_table_create(keyring_t *keys,
							  enumerator_t *(*enumerate)(keyring_t*, uint64_t),
							  void *(*create)(void *key),
							  void (*destroy)(void *object));

#endif /** SPI_TABLE_H_ @}*/

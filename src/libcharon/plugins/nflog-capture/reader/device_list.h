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
 * @defgroup nflog_device_list nflog_device_list
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DEVICE_LIST_H_
#define NFLOG_DEVICE_LIST_H_

typedef struct nflog_listed_t nflog_listed_t;

#include "devices.h"

#include <collections/hashtable.h>

/**
 * Network device.
 */
struct nflog_listed_t {
	/** interface index */
	uint32_t index;
	/** key for packets that arrive, 0 if it is no VTI device, or not known yet */
	uint32_t key;
	/** what matters for packets that leave */
	nflog_device_t out;
	/** TRUE if the kernel was not asked about it yet */
	bool pending;
};

/**
 * Create an empty table of devices.
 *
 * @return			table of nflog_listed_t by interface index, to be destroyed
 */
hashtable_t *nflog_device_list_create();

/**
 * Get a device in a table.
 *
 * @param devices	table
 * @param index		interface index
 * @return			device in the table, NULL if it is not there
 */
nflog_listed_t *nflog_device_list_get(hashtable_t *devices, uint32_t index);

/**
 * Add a device to a table, unless it is there.
 *
 * @param devices	table
 * @param index		interface index
 * @return			device in the table
 */
nflog_listed_t *nflog_device_list_put(hashtable_t *devices, uint32_t index);

/**
 * Ask the kernel for all devices, takes as long as others keep them locked.
 *
 * @param devices	table that gets them
 * @return			0 on success, or an errno
 */
int nflog_device_list_fill(hashtable_t *devices);

/**
 * Destroy a table and its devices.
 *
 * @param devices	table
 */
void nflog_device_list_destroy(hashtable_t *devices);

#endif /** NFLOG_DEVICE_LIST_H_ @}*/

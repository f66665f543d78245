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
 * @defgroup nflog_vti nflog_vti
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_VTI_H_
#define NFLOG_VTI_H_

typedef struct nflog_vti_t nflog_vti_t;

#include <library.h>

/**
 * Provides the keys of VTI devices, which are the marks of their SAs.
 *
 * A thread asks the kernel, which may take any time, as it locks the devices (rtnl_lock() in
 * net/core/rtnetlink.c).
 *
 * Thread-safe, only wait() waits for that thread.
 */
struct nflog_vti_t {

	/**
	 * Get the key of a device for packets that arrive.
	 *
	 * @param index		index of the interface
	 * @return			key, 0 if there is none, or if it is not known yet
	 */
	uint32_t (*get_key)(nflog_vti_t *this, uint32_t index);

	/**
	 * Ask the kernel for all keys again, as devices may have changed.
	 */
	void (*refresh)(nflog_vti_t *this);

	/**
	 * Wait until the keys asked for so far are known.
	 *
	 * @param deadline	how long to wait at most, monotonic
	 */
	void (*wait)(nflog_vti_t *this, timeval_t *deadline);

	/**
	 * Get the number of packets whose key was not known yet.
	 *
	 * @return			number of get_key() calls for unknown devices
	 */
	uint64_t (*get_unknown)(nflog_vti_t *this);

	/**
	 * Destroy a nflog_vti_t.
	 */
	void (*destroy)(nflog_vti_t *this);
};

/**
 * Create a nflog_vti_t instance.
 */
nflog_vti_t *nflog_vti_create();

#endif /** NFLOG_VTI_H_ @}*/

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
 * @defgroup nflog_kernel nflog_kernel
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KERNEL_H_
#define NFLOG_KERNEL_H_

typedef struct nflog_kernel_t nflog_kernel_t;

#include "manager.h"
#include "options/options.h"
#include "reader/reader.h"

/**
 * Sees SAs on their way into and out of the kernel.
 *
 * No event announces an SA before the kernel has it, so packets could pass
 * before there are rules for them.  But charon->kernel is called for every SA,
 * so this wraps its methods get_spi(), add_sa(), update_sa() and del_sa().  There
 * is but one charon->kernel, so there can only be one instance.
 */
struct nflog_kernel_t {

	/**
	 * Destroy a nflog_kernel_t, and restore charon->kernel.
	 */
	void (*destroy)(nflog_kernel_t *this);
};

/**
 * Create a nflog_kernel_t instance, and wrap charon->kernel.
 *
 * @param manager	learns of the SAs
 * @param options	options of CHILD_SAs
 * @param reader	learns of SPIs that are allocated, and what becomes of them
 */
nflog_kernel_t *nflog_kernel_create(
										nflog_manager_t *manager,
										nflog_options_t *options,
										nflog_reader_t *reader);

#endif /** NFLOG_KERNEL_H_ @}*/

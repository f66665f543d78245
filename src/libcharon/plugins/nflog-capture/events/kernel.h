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
 * Wraps charon->kernel to learn of SAs before the kernel has them, and of policies.
 *
 * No event announces an SA before the kernel has it, so packets could pass before there
 * are rules for them.  But charon calls get_spi(), add_sa(), update_sa() and del_sa() of
 * charon->kernel for every SA, by the thread that has the IKE_SA checked out.  There is
 * one charon->kernel, so there can be one instance only.
 *
 * Depends on how strongSwan works: that charon has no other way to install SAs, and that
 * kernel_interface_t is a struct whose methods can be replaced.
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
 * @param manager	learns of SAs, not owned
 * @param options	options of CHILD_SAs, not owned
 * @param reader	learns of SPIs that are allocated or given up, and of policies, not owned
 */
nflog_kernel_t *nflog_kernel_create(nflog_manager_t *manager,
									nflog_options_t *options,
									nflog_reader_t *reader);

#endif /** NFLOG_KERNEL_H_ @}*/

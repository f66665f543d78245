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
 * @defgroup nflog_exclude nflog_exclude
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_EXCLUDE_H_
#define NFLOG_EXCLUDE_H_

#include "reader/reader.h"

#include <sa/child_sa.h>

/**
 * Keep the packets of an SA that is not captured out of the traces of other SAs, if charon
 * does ESP itself.
 *
 * @param reader	finds the SA of each packet
 * @param id		SA
 * @param data		data of the SA
 */
void nflog_exclude_sa(nflog_reader_t *reader, kernel_ipsec_sa_id_t *id,
					  kernel_ipsec_add_sa_t *data);

/**
 * The same for an SA whose capture ends while it is up.
 *
 * @param reader	finds the SA of each packet
 * @param child_sa	CHILD_SA of the SA
 * @param inbound	TRUE for its inbound SA
 * @param id		SA
 */
void nflog_exclude_child(nflog_reader_t *reader, child_sa_t *child_sa, bool inbound,
						 kernel_ipsec_sa_id_t *id);

#endif /** NFLOG_EXCLUDE_H_ @}*/

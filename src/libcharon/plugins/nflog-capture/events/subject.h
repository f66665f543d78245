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
 * @defgroup nflog_subject nflog_subject
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SUBJECT_H_
#define NFLOG_SUBJECT_H_

#include "options/criteria.h"

#include <sa/child_sa.h>
#include <sa/ike_sa.h>

/**
 * Describe a CHILD_SA or an IKE_SA, for those who choose what to capture, and for lists.
 *
 * @param ike_sa	IKE_SA, checked out by the current thread
 * @param peer_cfg	its connection
 * @param child_sa	CHILD_SA, NULL for the IKE_SA
 * @return			description, to be destroyed with nflog_candidate_destroy()
 */
nflog_candidate_t *nflog_subject_create(ike_sa_t *ike_sa, peer_cfg_t *peer_cfg,
										child_sa_t *child_sa);

#endif /** NFLOG_SUBJECT_H_ @}*/

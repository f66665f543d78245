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
 * @defgroup nflog_miss_reason nflog_miss_reason
 * @{ @ingroup nflog_capture
 *
 * Reasons for which packets left without their SA.
 */

#ifndef NFLOG_MISS_REASON_H_
#define NFLOG_MISS_REASON_H_

typedef struct nflog_miss_text_t nflog_miss_text_t;

#include "connection.h"
#include "policies.h"
#include "rules/wanted.h"

/**
 * Comment of a packet.
 */
struct nflog_miss_text_t {

	/**
	 * Reasons, separated by semicolons, and their length.
	 */
	char buf[512];
	size_t len;

	/**
	 * First reason in short, for the end line, NULL if none yet.
	 */
	char *kind;
};

/**
 * Describe why a packet left without its SA.
 *
 * @param policies		policies that charon installed
 * @param logged		packet
 * @param packet		packet as it left
 * @param before		its connection, if only the addresses before NAT match, NULL otherwise
 * @param wanted		what the SA should get
 * @param text			empty, receives the reasons
 */
void nflog_miss_describe(nflog_policies_t *policies, nflog_logged_t *logged,
						 nflog_leaving_t *packet, nflog_connection_t *before,
						 nflog_wanted_t *wanted, nflog_miss_text_t *text);

#endif /** NFLOG_MISS_REASON_H_ @}*/

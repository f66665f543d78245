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
 * @defgroup nflog_nft_missed_rules nflog_nft_missed_rules
 * @{ @ingroup nflog_capture
 *
 * Rules of the chains that nflog_nft_missed_t describes.
 */

#ifndef NFLOG_NFT_MISSED_RULES_H_
#define NFLOG_NFT_MISSED_RULES_H_

#include "nets.h"
#include "nft_chains.h"

/**
 * Add the chains to the transaction, but no rules of classes.
 *
 * @param nft		socket that owns the table
 * @param layout	where to log packets, and which ports are charon's
 */
void nflog_nft_missed_add_chains(nflog_nft_socket_t *nft, nflog_layout_t *layout);

/**
 * Remove the chains in the transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_missed_remove_chains(nflog_nft_socket_t *nft);

/**
 * Add the rules of a class to the transaction.
 *
 * @param nft		socket that owns the table
 * @param class		class
 * @param set		name of its set
 */
void nflog_nft_missed_add_class(nflog_nft_socket_t *nft, nflog_net_class_t *class,
								char *set);

/**
 * Remove the rules of all classes in the transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_missed_flush(nflog_nft_socket_t *nft);

#endif /** NFLOG_NFT_MISSED_RULES_H_ @}*/

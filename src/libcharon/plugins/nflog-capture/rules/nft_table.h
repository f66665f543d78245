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
 * @defgroup nflog_nft_table nflog_nft_table
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NFT_TABLE_H_
#define NFLOG_NFT_TABLE_H_

typedef struct nflog_nft_table_t nflog_nft_table_t;

#include "nets.h"
#include "nft_chains.h"
#include "nft_set.h"

/**
 * Our nftables table in the kernel.
 *
 * It belongs to a netlink socket (NFT_TABLE_F_OWNER, since Linux 5.12), so the kernel
 * removes it if charon dies, and nobody else can change it, not even with nft flush
 * ruleset.  A table with our name but without owner was loaded from a listing, it is
 * replaced, which is logged.
 *
 * Changes are collected in a transaction until commit() is called.  As the kernel
 * handles it while it is sent, all methods may take as long as another process keeps
 * nf_tables busy.  Used by one thread.
 */
struct nflog_nft_table_t {

	/**
	 * Add the chains that one more user needs, unless they are there.
	 *
	 * @param needs		chains, a bit for each nflog_need_t
	 */
	void (*use)(nflog_nft_table_t *this, u_int needs);

	/**
	 * Remove the chains that a user needed, unless another one needs them.
	 *
	 * @param needs		as passed to use()
	 */
	void (*release)(nflog_nft_table_t *this, u_int needs);

	/**
	 * Add an element.
	 *
	 * @param element	element
	 */
	void (*add)(nflog_nft_table_t *this, nflog_element_t *element);

	/**
	 * Remove an element.
	 *
	 * @param element	element
	 */
	void (*remove)(nflog_nft_table_t *this, nflog_element_t *element);

	/**
	 * Log packets that leave without SA, with addresses that one more SA has in its
	 * traffic selectors.
	 *
	 * @param nets		pairs of subnets around the selectors
	 */
	void (*watch)(nflog_nft_table_t *this, nflog_nets_t *nets);

	/**
	 * Stop to do so, unless other SAs have them as well.
	 *
	 * @param nets		pairs as passed to watch()
	 */
	void (*unwatch)(nflog_nft_table_t *this, nflog_nets_t *nets);

	/**
	 * Read the counter of an element, before it is removed.
	 *
	 * @param element	element, receives the number of packets
	 * @return			0 if successful, an errno otherwise
	 */
	int (*count)(nflog_nft_table_t *this, nflog_element_t *element);

	/**
	 * Carry out all changes, or none of them.
	 *
	 * @return			0 if successful, an errno otherwise, see nflog_nft_socket_t
	 */
	int (*commit)(nflog_nft_table_t *this);

	/**
	 * Destroy a nflog_nft_table_t, and the table in the kernel.
	 */
	void (*destroy)(nflog_nft_table_t *this);
};

/**
 * Create a nflog_nft_table_t instance, and the table in the kernel.
 *
 * @param layout	where to log packets, gets copied
 * @return			NULL with errno set if that failed
 */
nflog_nft_table_t *nflog_nft_table_create(nflog_layout_t *layout);

/**
 * Describe an error, with its remedy.
 *
 * @param err		errno, as by create() and commit()
 * @return			text
 */
const char *nflog_nft_table_describe(int err);

#endif /** NFLOG_NFT_TABLE_H_ @}*/

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
 * @defgroup nflog_nft_socket nflog_nft_socket
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NFT_SOCKET_H_
#define NFLOG_NFT_SOCKET_H_

typedef struct nflog_nft_socket_t nflog_nft_socket_t;

#include <library.h>

#include <libmnl/libmnl.h>

/**
 * Netlink socket for transactions with nf_tables.  Used by one thread at a time.
 */
struct nflog_nft_socket_t {

	/**
	 * Add a message to the transaction.
	 *
	 * @param type		type of the message, NFT_MSG_*
	 * @param flags		flags, NLM_F_*
	 * @return			header, to which the caller adds the payload before it calls
	 *					another method
	 */
	struct nlmsghdr *(*add)(nflog_nft_socket_t *this, uint16_t type,
							uint16_t flags);

	/**
	 * Carry out all messages of the transaction, or none of them.  Sends nothing if there
	 * are none.
	 *
	 * @return			0 if successful, an errno otherwise: EPERM without
	 *					CAP_NET_ADMIN, EBUSY if another process owns the table,
	 *					ETIMEDOUT or ENOBUFS if it is not known what was carried out
	 */
	int (*commit)(nflog_nft_socket_t *this);

	/**
	 * Send a request outside of the transaction, and wait for the response, for
	 * NFLOG_ANSWER_TIMEOUT at most.
	 *
	 * @param type		type of the message, NFT_MSG_*
	 * @param build		adds the payload of the request
	 * @param parse		called with each message of the response
	 * @param data		passed to build and parse
	 * @return			0 if successful, an errno otherwise
	 */
	int (*request)(nflog_nft_socket_t *this, uint16_t type,
				   void (*build)(struct nlmsghdr *hdr, void *data),
				   mnl_cb_t parse, void *data);

	/**
	 * Destroy a nflog_nft_socket_t, the kernel removes the tables that it owns.
	 */
	void (*destroy)(nflog_nft_socket_t *this);
};

/**
 * Create a nflog_nft_socket_t instance.
 *
 * @return			socket, NULL with errno set on failure
 */
nflog_nft_socket_t *nflog_nft_socket_create();

#endif /** NFLOG_NFT_SOCKET_H_ @}*/

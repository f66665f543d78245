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

#include "chains.h"
#include "nft_socket.h"
#include "nft_plain.h"
#include "nft_rule.h"
#include "nft_table.h"

#include <errno.h>

#include <linux/netfilter/nf_tables.h>

typedef struct private_nflog_chains_t private_nflog_chains_t;

/**
 * Private data.
 */
struct private_nflog_chains_t {

	/**
	 * Public interface.
	 */
	nflog_chains_t public;

	/**
	 * Socket that owns the table.
	 */
	nflog_nft_socket_t *nft;

	/**
	 * Number of SAs with each need, as it is in the kernel.
	 */
	u_int counts[NFLOG_NEEDS];

	/**
	 * The same after the transaction.
	 */
	u_int next[NFLOG_NEEDS];

	/**
	 * First NFLOG group, and the number of lanes, each with two of them.
	 */
	uint16_t group;
	u_int lanes;

	/**
	 * Local ports of IKE, in host order.
	 */
	uint16_t port, nat_t;
};

/**
 * Add the chains for a need.
 */
static void add_chains(private_nflog_chains_t *this,
					   nflog_need_t need)
{
	switch (need)
	{
		case NEED_WIRE:
			nflog_nft_table_add_wire(this->nft, this->group, this->lanes);
			break;
		case NEED_PLAIN:
			nflog_nft_plain_add(this->nft, this->group, this->lanes);
			break;
		case NEED_TUN:
			nflog_nft_table_add_tun(this->nft, this->group);
			break;
		case NEED_VTI:
			nflog_nft_table_add_vti(this->nft, this->group, this->lanes);
			break;
		case NEED_IKE:
			nflog_nft_table_add_ike(this->nft, this->group, this->port,
									this->nat_t);
			break;
		case NEED_FRAGMENTS:
			nflog_nft_table_add_fragments(this->nft, this->group);
			break;
	}
}

/**
 * Remove the chains for a need.
 */
static void remove_chains(private_nflog_chains_t *this,
						  nflog_need_t need)
{
	switch (need)
	{
		case NEED_WIRE:
			nflog_nft_table_remove_wire(this->nft, this->lanes);
			break;
		case NEED_PLAIN:
			nflog_nft_plain_remove(this->nft, this->lanes);
			break;
		case NEED_TUN:
			nflog_nft_table_remove_tun(this->nft);
			break;
		case NEED_VTI:
			nflog_nft_table_remove_vti(this->nft, this->lanes);
			break;
		case NEED_IKE:
			nflog_nft_table_remove_ike(this->nft);
			break;
		case NEED_FRAGMENTS:
			nflog_nft_table_remove_fragments(this->nft);
			break;
	}
}

METHOD(nflog_chains_t, use, void,
	private_nflog_chains_t *this, u_int needs)
{
	u_int i;

	for (i = 0; i < NFLOG_NEEDS; i++)
	{
		if (needs & (1 << i) && this->next[i]++ == 0)
		{
			add_chains(this, 1 << i);
		}
	}
}

METHOD(nflog_chains_t, release, void,
	private_nflog_chains_t *this, u_int needs)
{
	u_int i;

	for (i = 0; i < NFLOG_NEEDS; i++)
	{
		if (needs & (1 << i) && --this->next[i] == 0)
		{
			remove_chains(this, 1 << i);
		}
	}
}

METHOD(nflog_chains_t, add, void,
	private_nflog_chains_t *this, nflog_element_t *element)
{
	nflog_element_build(this->nft->add(this->nft, NFT_MSG_NEWSETELEM,
						NLM_F_CREATE | NLM_F_EXCL), element);
}

METHOD(nflog_chains_t, remove_, void,
	private_nflog_chains_t *this, nflog_element_t *element)
{
	nflog_element_build(this->nft->add(this->nft, NFT_MSG_DELSETELEM, 0),
						element);
}

METHOD(nflog_chains_t, count, int,
	private_nflog_chains_t *this, nflog_element_t *element)
{
	return this->nft->request(this->nft, NFT_MSG_GETSETELEM,
							  nflog_element_build,
							  nflog_element_parse, element);
}

METHOD(nflog_chains_t, commit, int,
	private_nflog_chains_t *this)
{
	int err;

	err = this->nft->commit(this->nft);
	if (err)
	{
		memcpy(this->next, this->counts, sizeof(this->next));
	}
	else
	{
		memcpy(this->counts, this->next, sizeof(this->counts));
	}
	return err;
}

METHOD(nflog_chains_t, destroy, void,
	private_nflog_chains_t *this)
{
	this->nft->destroy(this->nft);
	free(this);
}

/*
 * Described in header
 */
nflog_chains_t *nflog_chains_create(uint16_t group, u_int lanes,
									uint16_t port, uint16_t nat_t)
{
	private_nflog_chains_t *this;
	nflog_nft_socket_t *nft;
	int err;

	nft = nflog_nft_socket_create();
	if (!nft)
	{
		return NULL;
	}
	/* on its own, so that an error is known not to be one of any SA */
	nflog_nft_table_add(nft);
	err = nft->commit(nft);
	if (err)
	{
		nft->destroy(nft);
		errno = err;
		return NULL;
	}

	INIT(this,
		.public = {
			.use = _use,
			.release = _release,
			.add = _add,
			.remove = _remove_,
			.count = _count,
			.commit = _commit,
			.destroy = _destroy,
		},
		.nft = nft,
		.group = group,
		.lanes = lanes,
		.port = port,
		.nat_t = nat_t,
	);
	return &this->public;
}

/*
 * Described in header
 */
const char *nflog_chains_describe(int err)
{
	switch (err)
	{
		case EPERM:
			return "not permitted, charon needs CAP_NET_ADMIN";
		case EBUSY:
		case EEXIST:
			return "rule or table '" NFLOG_NFT_TABLE_NAME "' exists already, does another "
				   "charon run in this network namespace?";
		case EPROTONOSUPPORT:
		case EOPNOTSUPP:
		case ENOENT:
			return "the kernel needs nf_tables, nft_log, nft_xfrm, nft_hash, and "
				   "nfnetlink_log, Linux 5.12 or newer";
		case ETIMEDOUT:
			return "nf_tables did not answer in time";
		default:
			return strerror(err);
	}
}

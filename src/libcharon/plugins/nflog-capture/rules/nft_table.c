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

#include "nft_table.h"
#include "nft_missed.h"
#include "nft_rule.h"

#include <errno.h>

#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

typedef struct private_nflog_nft_table_t private_nflog_nft_table_t;

/**
 * Private data.
 */
struct private_nflog_nft_table_t {

	/**
	 * Public interface.
	 */
	nflog_nft_table_t public;

	/**
	 * Socket that owns the table.
	 */
	nflog_nft_socket_t *nft;

	/**
	 * Number of users by nflog_need_t, as in the kernel.
	 */
	u_int counts[NFLOG_NEEDS];

	/**
	 * Number of users once the transaction is carried out.
	 */
	u_int next[NFLOG_NEEDS];

	/**
	 * Where to log packets.
	 */
	nflog_layout_t layout;

	/**
	 * Chains and sets for packets that leave without their SA.
	 */
	nflog_nft_missed_t *missed;
};

METHOD(nflog_nft_table_t, use, void,
	private_nflog_nft_table_t *this, u_int needs)
{
	nflog_need_t i;

	for (i = 0; i < NFLOG_NEEDS; i++)
	{
		if (needs & (1 << i) && this->next[i]++ == 0)
		{
			nflog_nft_chains_add(this->nft, i, &this->layout);
		}
	}
}

METHOD(nflog_nft_table_t, release, void,
	private_nflog_nft_table_t *this, u_int needs)
{
	nflog_need_t i;

	for (i = 0; i < NFLOG_NEEDS; i++)
	{
		if (needs & (1 << i) && --this->next[i] == 0)
		{
			nflog_nft_chains_remove(this->nft, i, &this->layout);
		}
	}
}

METHOD(nflog_nft_table_t, add, void,
	private_nflog_nft_table_t *this, nflog_element_t *element)
{
	nflog_nft_set_build(this->nft->add(this->nft, NFT_MSG_NEWSETELEM,
						NLM_F_CREATE | NLM_F_EXCL), element);
}

METHOD(nflog_nft_table_t, remove_, void,
	private_nflog_nft_table_t *this, nflog_element_t *element)
{
	nflog_nft_set_build(this->nft->add(this->nft, NFT_MSG_DELSETELEM, 0),
						element);
}

METHOD(nflog_nft_table_t, watch, void,
	private_nflog_nft_table_t *this, nflog_nets_t *nets)
{
	this->missed->use(this->missed, nets);
}

METHOD(nflog_nft_table_t, unwatch, void,
	private_nflog_nft_table_t *this, nflog_nets_t *nets)
{
	this->missed->release(this->missed, nets);
}

METHOD(nflog_nft_table_t, count, int,
	private_nflog_nft_table_t *this, nflog_element_t *element)
{
	return this->nft->request(this->nft, NFT_MSG_GETSETELEM,
							  nflog_nft_set_build,
							  nflog_nft_set_parse, element);
}

METHOD(nflog_nft_table_t, commit, int,
	private_nflog_nft_table_t *this)
{
	int err;

	this->missed->prepare(this->missed);
	err = this->nft->commit(this->nft);
	this->missed->complete(this->missed, !err);
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

METHOD(nflog_nft_table_t, destroy, void,
	private_nflog_nft_table_t *this)
{
	this->missed->destroy(this->missed);
	this->nft->destroy(this->nft);
	free(this);
}

/**
 * Create the description of our table.
 */
static struct nftnl_table *create_table()
{
	struct nftnl_table *table;

	table = nftnl_table_alloc();
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFLOG_NFT_TABLE_NAME);
	return table;
}

/**
 * Build a request for our table.
 */
static void build_get(struct nlmsghdr *hdr, void *data)
{
	struct nftnl_table *table = create_table();

	nftnl_table_nlmsg_build_payload(hdr, table);
	nftnl_table_free(table);
}

/**
 * Parse the response, data is set to TRUE if the table has no owner.
 */
static int parse_get(const struct nlmsghdr *hdr, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (nftnl_table_nlmsg_parse(hdr, table) == 0)
	{
		*(bool*)data = !nftnl_table_is_set(table, NFTNL_TABLE_OWNER);
	}
	nftnl_table_free(table);
	return MNL_CB_OK;
}

/**
 * Is there a table with our name, but without owner?  Somebody loaded a listing of it.
 */
static bool has_leftover(nflog_nft_socket_t *nft)
{
	bool leftover = FALSE;

	/* if there is no table, that is an error as well */
	return nft->request(nft, NFT_MSG_GETTABLE, build_get, parse_get, &leftover) == 0 &&
		   leftover;
}

/**
 * Create our table in a transaction of its own, so that an error is known not to be
 * that of an SA.
 *
 * @return				0 if successful, an errno otherwise
 */
static int commit_table(nflog_nft_socket_t *nft)
{
	struct nftnl_table *table = create_table();
	bool leftover;
	int err;

	leftover = has_leftover(nft);
	if (leftover)
	{
		nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELTABLE, 0), table);
	}
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWTABLE,
											 NLM_F_CREATE | NLM_F_EXCL), table);
	nftnl_table_free(table);
	err = nft->commit(nft);
	if (!err && leftover)
	{
		DBG1(DBG_KNL, "nflog-capture: replaced nftables table 'inet "
			 NFLOG_NFT_TABLE_NAME "' without owner, remove it from the saved ruleset "
			 "that it was loaded from");
	}
	return err;
}

/*
 * Described in header
 */
nflog_nft_table_t *nflog_nft_table_create(nflog_layout_t *layout)
{
	private_nflog_nft_table_t *this;
	nflog_nft_socket_t *nft;
	int err;

	nft = nflog_nft_socket_create();
	if (!nft)
	{
		return NULL;
	}
	err = commit_table(nft);
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
			.watch = _watch,
			.unwatch = _unwatch,
			.count = _count,
			.commit = _commit,
			.destroy = _destroy,
		},
		.nft = nft,
		.layout = *layout,
	);
	this->missed = nflog_nft_missed_create(nft, &this->layout);
	return &this->public;
}

/*
 * Described in header
 */
const char *nflog_nft_table_describe(int err)
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
				   "nfnetlink_log, Linux 5.12 or newer, for 'missed' also nft_ct and "
				   "nft_fib_inet";
		case ETIMEDOUT:
			return "nf_tables did not answer in time";
		default:
			return strerror(err);
	}
}

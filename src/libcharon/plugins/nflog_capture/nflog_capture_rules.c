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

#include "nflog_capture_rules.h"
#include "nflog_capture_element.h"
#include "nflog_capture_nft.h"
#include "nflog_capture_plain.h"
#include "nflog_capture_rule.h"
#include "nflog_capture_table.h"

#include <errno.h>

#include <linux/netfilter/nf_tables.h>

#include <daemon.h>
#include <networking/tun_device.h>
#include <threading/mutex.h>

/** SAs that are removed in one transaction */
#define MAX_REMOVE 64

typedef struct private_nflog_capture_rules_t private_nflog_capture_rules_t;

/**
 * Private data.
 */
struct private_nflog_capture_rules_t {

	/**
	 * Public interface.
	 */
	nflog_capture_rules_t public;

	/**
	 * Socket that owns the table, NULL if there is none.
	 */
	nflog_capture_nft_t *nft;

	/**
	 * Number of SAs in the table, IKE messages count as one.
	 */
	u_int count;

	/**
	 * Number of SAs that are captured on the wire, in the clear, in the clear on
	 * a TUN device, and in the clear on VTI devices.
	 */
	u_int wire, plain, tun, vti;

	/**
	 * First NFLOG group, and the number of lanes, each with two of them.
	 */
	uint16_t group;
	u_int lanes;

	/**
	 * Protects the socket.
	 */
	mutex_t *mutex;
};

/**
 * Add the wire side of an SA to the transaction.
 */
static void add_wire(private_nflog_capture_rules_t *this,
					 nflog_capture_sa_t *sa, nflog_capture_match_t *match)
{
	nflog_capture_element_t element = nflog_capture_element_wire(sa, match);

	nflog_capture_element_build(this->nft->add(this->nft, NFT_MSG_NEWSETELEM,
								 NLM_F_CREATE | NLM_F_EXCL), &element);
}

/**
 * Add the plain side of an SA to the transaction.
 */
static void add_plain(private_nflog_capture_rules_t *this,
					  nflog_capture_sa_t *sa, nflog_capture_match_t *match)
{
	nflog_capture_element_t element = nflog_capture_element_plain(sa, match);

	nflog_capture_element_build(this->nft->add(this->nft, NFT_MSG_NEWSETELEM,
								 NLM_F_CREATE | NLM_F_EXCL), &element);
}

/**
 * Remove an element.
 */
static void remove_element(private_nflog_capture_rules_t *this,
						   nflog_capture_element_t *element)
{
	nflog_capture_element_build(this->nft->add(this->nft, NFT_MSG_DELSETELEM, 0),
								element);
}

/**
 * Is an SA captured on the wire, or are its packets kept until it is installed?
 */
static bool has_wire(nflog_capture_sa_t *sa)
{
	return sa->wire.count != NULL;
}

/**
 * Read an element's counter, FALSE if that failed.
 */
static bool read_counter(private_nflog_capture_rules_t *this,
						 nflog_capture_element_t *element, nflog_capture_tap_t *tap)
{
	int err;

	err = this->nft->request(this->nft, NFT_MSG_GETSETELEM, nflog_capture_element_build,
							 nflog_capture_element_parse, element);
	if (err)
	{
		DBG1(DBG_KNL, "reading the counter of '%s' failed, its losses are "
			 "unknown: %s", tap->prefix, strerror(err));
	}
	return !err;
}

/**
 * Read an element's counter, and add it to that of a tap.
 */
static void count_element(private_nflog_capture_rules_t *this,
						  nflog_capture_element_t *element, nflog_capture_tap_t *tap)
{
	if (read_counter(this, element, tap))
	{
		tap->count->logged += element->packets;
		tap->count->has_logged = TRUE;
	}
}

/**
 * Remove the wire side of an SA in the transaction, after counting its packets.
 */
static void drop_wire(private_nflog_capture_rules_t *this,
					  nflog_capture_sa_t *sa, nflog_capture_match_t *match)
{
	nflog_capture_element_t element = nflog_capture_element_wire(sa, match);

	count_element(this, &element, &sa->wire);
	remove_element(this, &element);
}

/**
 * Remove the plain side of an SA in the transaction, after counting its packets.
 */
static void drop_plain(private_nflog_capture_rules_t *this,
					   nflog_capture_sa_t *sa, nflog_capture_match_t *match)
{
	nflog_capture_element_t element = nflog_capture_element_plain(sa, match);

	count_element(this, &element, &sa->plain);
	remove_element(this, &element);
}

/**
 * Remove the table and the socket that owns it.
 */
static void remove_table(private_nflog_capture_rules_t *this)
{
	this->nft->destroy(this->nft);
	this->nft = NULL;
}

/**
 * Describe an error of nf_tables, with its remedy.
 */
static const char *describe(int err)
{
	switch (err)
	{
		case EPERM:
			return "not permitted, charon needs CAP_NET_ADMIN";
		case EEXIST:
			return "rule or table '" NFLOG_CAPTURE_TABLE "' exists already, does another "
				   "charon run in this network namespace?";
		case EOPNOTSUPP:
		case ENOENT:
			return "the kernel needs nf_tables, nft_log, nft_xfrm, "
				   "nft_hash, and nfnetlink_log, Linux 5.12 or newer";
		default:
			return strerror(err);
	}
}

/**
 * Open the socket and begin to add the table, if there is none.
 */
static int open_table(private_nflog_capture_rules_t *this)
{
	if (!this->nft)
	{
		this->nft = nflog_capture_nft_create();
		if (!this->nft)
		{
			return errno;
		}
		nflog_capture_table_add(this->nft, this->group);
	}
	return 0;
}

/**
 * Commit what adds rules, without them there's no need for the table.
 */
static int commit_add(private_nflog_capture_rules_t *this)
{
	int err;

	err = this->nft->commit(this->nft);
	if (!err)
	{
		this->count++;
	}
	else if (!this->count)
	{
		remove_table(this);
	}
	return err;
}

/**
 * Commit what removes the given number of SAs.
 */
static void commit_remove(private_nflog_capture_rules_t *this, u_int count)
{
	int err;

	err = this->nft->commit(this->nft);
	if (err)
	{
		DBG1(DBG_KNL, "removing rules failed: %s", describe(err));
	}
	this->count -= count;
	if (!this->count)
	{
		remove_table(this);
	}
}

/**
 * Add the wire side of an SA to the transaction, and the chains if need be.
 */
static void begin_wire(private_nflog_capture_rules_t *this,
					   nflog_capture_sa_t *sa)
{
	if (!this->wire)
	{
		nflog_capture_table_add_wire(this->nft, this->group, this->lanes);
	}
	add_wire(this, sa, &sa->match);
}

/**
 * Add the plain side of an SA to the transaction, and the chains if need be.
 */
static void begin_plain(private_nflog_capture_rules_t *this,
						nflog_capture_sa_t *sa)
{
	tun_device_t *tun;

	if (sa->vti && !this->vti)
	{
		nflog_capture_table_add_vti(this->nft, this->group, this->lanes);
	}
	if (!sa->userland)
	{
		if (!this->plain)
		{
			nflog_capture_plain_add(this->nft, this->group, this->lanes);
		}
		add_plain(this, sa, &sa->match);
	}
	else if (!this->tun)
	{	/* provided by kernel-libipsec */
		tun = lib->get(lib, "kernel-libipsec-tun");
		nflog_capture_table_add_tun(this->nft, this->group, tun->get_name(tun));
	}
}

/**
 * Remove the wire side of an SA in the transaction.
 */
static void end_wire(private_nflog_capture_rules_t *this,
					 nflog_capture_sa_t *sa)
{
	drop_wire(this, sa, &sa->match);
	if (--this->wire == 0)
	{
		nflog_capture_table_remove_wire(this->nft, this->lanes);
	}
}

/**
 * Remove the plain side of an SA in the transaction.
 */
static void end_plain(private_nflog_capture_rules_t *this,
					  nflog_capture_sa_t *sa)
{
	if (sa->vti && --this->vti == 0)
	{
		nflog_capture_table_remove_vti(this->nft, this->lanes);
	}
	if (!sa->userland)
	{
		drop_plain(this, sa, &sa->match);
		if (--this->plain == 0)
		{
			nflog_capture_plain_remove(this->nft, this->lanes);
		}
	}
	else if (--this->tun == 0)
	{
		nflog_capture_table_remove_tun(this->nft);
	}
}

METHOD(nflog_capture_rules_t, add_, bool,
	private_nflog_capture_rules_t *this, nflog_capture_sa_t *sa)
{
	bool wire = has_wire(sa) && !sa->wire.early;
	int err;

	this->mutex->lock(this->mutex);
	err = open_table(this);
	if (!err)
	{
		if (wire)
		{
			begin_wire(this, sa);
		}
		if (sa->plain.trace)
		{
			begin_plain(this, sa);
		}
		err = commit_add(this);
		if (!err)
		{
			this->wire += wire;
			/* the SPI was counted as one before */
			this->count -= sa->wire.early;
			this->plain += sa->plain.trace && !sa->userland;
			this->tun += sa->plain.trace && sa->userland;
			this->vti += sa->plain.trace && sa->vti;
		}
	}
	this->mutex->unlock(this->mutex);

	if (err && !sa->wire.trace && !sa->plain.trace)
	{
		DBG1(DBG_KNL, "not capturing ESP that arrives for SPI %.8x of "
			 "connection '%s' before there is an SA, adding rules failed: %s",
			 ntohl(sa->spi), sa->conn, describe(err));
	}
	else if (err)
	{
		DBG1(DBG_KNL, "not capturing %s SA %.8x of connection '%s', adding "
			 "rules failed: %s", sa->inbound ? "inbound" : "outbound",
			 ntohl(sa->spi), sa->conn, describe(err));
	}
	return !err;
}

METHOD(nflog_capture_rules_t, count_early, void,
	private_nflog_capture_rules_t *this, nflog_capture_sa_t *sa)
{
	nflog_capture_element_t element = nflog_capture_element_wire(sa,
																 &sa->match);

	this->mutex->lock(this->mutex);
	if (read_counter(this, &element, &sa->wire))
	{
		sa->wire.count->early = element.packets;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_rules_t, add_ike, bool,
	private_nflog_capture_rules_t *this, uint16_t port, uint16_t nat_t)
{
	int err;

	this->mutex->lock(this->mutex);
	err = open_table(this);
	if (!err)
	{
		nflog_capture_table_add_ike(this->nft, this->group, port, nat_t);
		err = commit_add(this);
	}
	this->mutex->unlock(this->mutex);

	if (err)
	{
		DBG1(DBG_KNL, "not capturing IKE messages, adding rules failed: %s",
			 describe(err));
		return FALSE;
	}
	return TRUE;
}

METHOD(nflog_capture_rules_t, remove_ike, void,
	private_nflog_capture_rules_t *this)
{
	this->mutex->lock(this->mutex);
	nflog_capture_table_remove_ike(this->nft);
	commit_remove(this, 1);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_rules_t, extend, bool,
	private_nflog_capture_rules_t *this, nflog_capture_sa_t *sa,
	nflog_capture_match_t *next)
{
	int err;

	this->mutex->lock(this->mutex);
	if (sa->wire.trace && !next->dst->ip_equals(next->dst, sa->match.dst))
	{
		add_wire(this, sa, next);
	}
	if (sa->plain.trace && !sa->userland && next->reqid != sa->match.reqid)
	{
		add_plain(this, sa, next);
	}
	err = this->nft->commit(this->nft);
	this->mutex->unlock(this->mutex);

	if (err)
	{
		DBG1(DBG_KNL, "the trace of %s SA %.8x of connection '%s' ends here, "
			 "adding rules for its new addresses failed: %s",
			 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn,
			 describe(err));
		return FALSE;
	}
	return TRUE;
}

METHOD(nflog_capture_rules_t, reduce, void,
	private_nflog_capture_rules_t *this, nflog_capture_sa_t *sa,
	nflog_capture_match_t *keep, nflog_capture_match_t *drop)
{
	int err;

	this->mutex->lock(this->mutex);
	if (sa->wire.trace && !keep->dst->ip_equals(keep->dst, drop->dst))
	{
		drop_wire(this, sa, drop);
	}
	if (sa->plain.trace && !sa->userland && keep->reqid != drop->reqid)
	{
		drop_plain(this, sa, drop);
	}
	err = this->nft->commit(this->nft);
	this->mutex->unlock(this->mutex);

	if (err)
	{
		DBG1(DBG_KNL, "removing rules for former addresses of %s SA %.8x of "
			 "connection '%s' failed: %s", sa->inbound ? "inbound" : "outbound",
			 ntohl(sa->spi), sa->conn, describe(err));
	}
}

/**
 * Remove SAs in one transaction.
 */
static void remove_sas(private_nflog_capture_rules_t *this,
					   nflog_capture_sa_t **sas, u_int count)
{
	u_int i;

	for (i = 0; i < count; i++)
	{
		if (has_wire(sas[i]))
		{
			end_wire(this, sas[i]);
		}
		if (sas[i]->plain.trace)
		{
			end_plain(this, sas[i]);
		}
	}
	commit_remove(this, count);
}

METHOD(nflog_capture_rules_t, remove_, void,
	private_nflog_capture_rules_t *this, linked_list_t *list)
{
	nflog_capture_sa_t *sa, *sas[MAX_REMOVE];
	enumerator_t *enumerator;
	u_int count = 0;

	this->mutex->lock(this->mutex);
	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &sa))
	{
		sas[count++] = sa;
		if (count == MAX_REMOVE)
		{
			remove_sas(this, sas, count);
			count = 0;
		}
	}
	enumerator->destroy(enumerator);
	if (count)
	{
		remove_sas(this, sas, count);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_rules_t, destroy, void,
	private_nflog_capture_rules_t *this)
{
	if (this->nft)
	{
		remove_table(this);
	}
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_rules_t *nflog_capture_rules_create(uint16_t group, u_int lanes)
{
	private_nflog_capture_rules_t *this;

	INIT(this,
		.public = {
			.add = _add_,
			.extend = _extend,
			.reduce = _reduce,
			.remove = _remove_,
			.count_early = _count_early,
			.add_ike = _add_ike,
			.remove_ike = _remove_ike,
			.destroy = _destroy,
		},
		.group = group,
		.lanes = lanes,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

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

#include "recount.h"
#include "xfrm_sa.h"

typedef struct private_nflog_recount_t private_nflog_recount_t;
typedef struct sa_t sa_t;
typedef struct counted_t counted_t;

/**
 * An SA.
 */
struct sa_t {

	/**
	 * Identifies it, with addresses that are owned, NULL if there is none.
	 */
	kernel_ipsec_sa_id_t id;

	/**
	 * Packets that it processed before it was captured, at least.
	 */
	uint64_t before;
};

/**
 * Private data.
 */
struct private_nflog_recount_t {

	/**
	 * Public interface.
	 */
	nflog_recount_t public;

	/**
	 * Outbound and inbound SA.
	 */
	sa_t sas[2];

	/**
	 * Number of traces that have not ended.
	 */
	refcount_t traces;

	/**
	 * Called once these have ended if that is awaited, and its data.
	 */
	nflog_recount_cb_t cb;
	void *data;

	/**
	 * TRUE if it is awaited, changed atomically.
	 */
	bool awaited;

	/**
	 * References: each of these traces, and the creator.
	 */
	refcount_t ref;
};

/**
 * Trace that counts when it ends.
 */
struct counted_t {

	/**
	 * What it counts.
	 */
	private_nflog_recount_t *recount;

	/**
	 * Its capture point of arriving packets.
	 */
	nflog_point_t in;
};

METHOD(nflog_recount_t, add_sa, void,
	private_nflog_recount_t *this, bool inbound, kernel_ipsec_sa_id_t *id,
	uint64_t before)
{
	sa_t *sa = &this->sas[inbound];

	sa->id = *id;
	sa->id.src = id->src->clone(id->src);
	sa->id.dst = id->dst->clone(id->dst);
	sa->before = before;
}

/**
 * Set how many packets an SA may have processed more than when its capture ended.
 */
static void count(sa_t *sa, nflog_counters_t *count)
{
	uint64_t packets;

	if (!count->has_sa || !sa->id.dst)
	{
		return;
	}
	if (!nflog_xfrm_sa_count(&sa->id, 0, &packets))
	{	/* deleted, or moved to another address */
		packets = UINT64_MAX;
	}
	count->slack = packets - min(packets, sa->before + count->sa);
}

METHOD(nflog_recount_t, destroy, void,
	private_nflog_recount_t *this)
{
	int i;

	if (ref_put(&this->ref))
	{
		for (i = 0; i < countof(this->sas); i++)
		{
			DESTROY_IF(this->sas[i].id.src);
			DESTROY_IF(this->sas[i].id.dst);
		}
		free(this);
	}
}

/**
 * Count, as a trace ends.
 */
static void ended(void *data, nflog_trace_t *trace)
{
	counted_t *counted = data;
	private_nflog_recount_t *this = counted->recount;

	count(&this->sas[TRUE], trace->get_count(trace, counted->in));
	count(&this->sas[FALSE], trace->get_count(trace, counted->in + 1));
	free(counted);
	if (ref_put(&this->traces) &&
		__atomic_exchange_n(&this->awaited, FALSE, __ATOMIC_SEQ_CST))
	{
		this->cb(this->data);
	}
	destroy(this);
}

METHOD(nflog_recount_t, add_trace, void,
	private_nflog_recount_t *this, nflog_trace_t *trace, nflog_point_t in)
{
	counted_t *counted;

	INIT(counted,
		.recount = this,
		.in = in,
	);
	ref_get(&this->ref);
	ref_get(&this->traces);
	trace->set_end_cb(trace, ended, counted);
}

METHOD(nflog_recount_t, is_pending, bool,
	private_nflog_recount_t *this)
{
	return ref_cur(&this->traces) > 0;
}

METHOD(nflog_recount_t, await, bool,
	private_nflog_recount_t *this)
{
	/* before checking, so that the last one that ends meanwhile is not missed */
	__atomic_store_n(&this->awaited, TRUE, __ATOMIC_SEQ_CST);
	return is_pending(this);
}

/*
 * Described in header
 */
nflog_recount_t *nflog_recount_create(nflog_recount_cb_t cb, void *data)
{
	private_nflog_recount_t *this;

	INIT(this,
		.public = {
			.add_sa = _add_sa,
			.add_trace = _add_trace,
			.is_pending = _is_pending,
			.await = _await,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
		.ref = 1,
	);
	return &this->public;
}

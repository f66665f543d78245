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
#include "ike_backlog.h"

/** bytes of messages to keep for an IKE_SA */
#define MAX_BACKLOG (64 * 1024)

/**
 * Bounds of all backlogs, which have no timeout.
 */
static const nflog_limits_t limits = {
	.items = 16384,
	.source_items = 8192,
	.bytes = 8 * 1024 * 1024,
	.source_bytes = 4 * 1024 * 1024,
};

typedef struct private_nflog_backlogs_t private_nflog_backlogs_t;

/**
 * Private data.
 */
struct private_nflog_backlogs_t {

	/**
	 * Public interface.
	 */
	nflog_backlogs_t public;

	/**
	 * Bounds backlogs that are not empty.
	 */
	nflog_shares_t *shares;
};

/**
 * A backlog is empty.
 */
static void release(private_nflog_backlogs_t *this,
					nflog_ike_backlog_t *backlog)
{
	backlog->bytes = 0;
	if (backlog->held.source)
	{
		this->shares->remove(this->shares, &backlog->held);
		backlog->held.bytes = 0;
	}
}

METHOD(nflog_backlogs_t, remove_first, nflog_kept_t*,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog)
{
	nflog_kept_t *kept;

	if (backlog->messages->remove_first(backlog->messages,
										(void**)&kept) == SUCCESS)
	{
		return kept;
	}
	release(this, backlog);
	backlog->closed = FALSE;
	return NULL;
}

METHOD(nflog_backlogs_t, empty, void,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog)
{
	nflog_kept_t *kept;

	while (backlog->messages->remove_first(backlog->messages,
										   (void**)&kept) == SUCCESS)
	{
		backlog->dropped[kept->inbound]++;
		nflog_kept_destroy(kept);
	}
	release(this, backlog);
}

/**
 * Empty a backlog, as all are too large.
 */
static void drop_held(void *data, nflog_held_t *held, bool excess)
{
	nflog_ike_backlog_t *backlog = (nflog_ike_backlog_t*)held;

	empty(data, backlog);
	backlog->closed = TRUE;
}

METHOD(nflog_backlogs_t, add, void,
	private_nflog_backlogs_t *this, nflog_ike_backlog_t *backlog,
	chunk_t peer, nflog_kept_t *kept)
{
	if (backlog->closed || backlog->bytes + kept->bytes > MAX_BACKLOG)
	{
		backlog->dropped[kept->inbound]++;
		nflog_kept_destroy(kept);
		return;
	}
	if (!backlog->held.source)
	{
		this->shares->add(this->shares, &backlog->held, peer, 0);
	}
	backlog->messages->insert_last(backlog->messages, kept);
	backlog->bytes += kept->bytes;
	this->shares->grow(this->shares, &backlog->held, kept->bytes);
	this->shares->limit(this->shares, &backlog->held);
}

METHOD(nflog_backlogs_t, destroy, void,
	private_nflog_backlogs_t *this)
{
	this->shares->destroy(this->shares);
	free(this);
}

/*
 * Described in header
 */
nflog_backlogs_t *nflog_backlogs_create()
{
	private_nflog_backlogs_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove_first = _remove_first,
			.empty = _empty,
			.destroy = _destroy,
		},
	);
	this->shares = nflog_shares_create(&limits, drop_held, this);
	return &this->public;
}

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

#include "installing.h"
#include "subject.h"

#include <threading/thread_value.h>

typedef struct private_nflog_installing_t private_nflog_installing_t;

/**
 * Private data.
 */
struct private_nflog_installing_t {

	/**
	 * Public interface.
	 */
	nflog_installing_t public;

	/**
	 * CHILD_SA that the current thread is installing, nflog_installing_child_t.
	 */
	thread_value_t *child;
};

/**
 * Destroy a nflog_installing_child_t.
 */
static void child_destroy(void *data)
{
	nflog_installing_child_t *child = data;

	nflog_candidate_destroy(child->subject);
	free(child);
}

METHOD(nflog_installing_t, get, nflog_installing_child_t*,
	private_nflog_installing_t *this)
{
	return this->child->get(this->child);
}

/**
 * Replace the CHILD_SA of the current thread.
 */
static void replace(private_nflog_installing_t *this, nflog_installing_child_t *child)
{
	nflog_installing_child_t *former = get(this);

	if (former)
	{
		child_destroy(former);
	}
	this->child->set(this->child, child);
}

METHOD(nflog_installing_t, begin, void,
	private_nflog_installing_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	nflog_installing_child_t *child = NULL;
	peer_cfg_t *peer_cfg;

	peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	if (peer_cfg)
	{
		INIT(child,
			.subject = nflog_subject_create(ike_sa, peer_cfg, child_sa),
			.mark = child_sa->get_mark(child_sa, TRUE).value,
		);
	}
	replace(this, child);
}

METHOD(nflog_installing_t, end, void,
	private_nflog_installing_t *this, uint32_t id)
{
	nflog_installing_child_t *child = get(this);

	if (child && child->subject->child_id == id)
	{
		replace(this, NULL);
	}
}

METHOD(nflog_installing_t, destroy, void,
	private_nflog_installing_t *this)
{
	this->child->destroy(this->child);
	free(this);
}

/*
 * Described in header
 */
nflog_installing_t *nflog_installing_create()
{
	private_nflog_installing_t *this;

	INIT(this,
		.public = {
			.begin = _begin,
			.end = _end,
			.get = _get,
			.destroy = _destroy,
		},
		.child = thread_value_create(child_destroy),
	);
	return &this->public;
}

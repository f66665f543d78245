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

#include "listener.h"

typedef struct private_nflog_listener_t private_nflog_listener_t;

/**
 * Private data.
 */
struct private_nflog_listener_t {

	/**
	 * Public interface.
	 */
	nflog_listener_t public;

	/**
	 * Told of events.
	 */
	nflog_manager_t *manager;
};

METHOD(listener_t, child_state_change, bool,
	private_nflog_listener_t *this, ike_sa_t *ike_sa,
	child_sa_t *child_sa, child_sa_state_t state)
{
	switch (state)
	{
		case CHILD_INSTALLING:
			if (ike_sa)
			{	/* there's none for trap policies */
				this->manager->installing(this->manager, ike_sa, child_sa);
			}
			break;
		case CHILD_DESTROYING:
			this->manager->destroying(this->manager, child_sa);
			break;
		default:
			break;
	}
	return TRUE;
}

METHOD(listener_t, child_derived_keys, bool,
	private_nflog_listener_t *this, ike_sa_t *ike_sa,
	child_sa_t *child_sa, bool initiator, chunk_t encr_i, chunk_t encr_r,
	chunk_t integ_i, chunk_t integ_r)
{
	this->manager->keyed(this->manager, child_sa);
	return TRUE;
}

METHOD(nflog_listener_t, destroy, void,
	private_nflog_listener_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_listener_t *nflog_listener_create(
										nflog_manager_t *manager)
{
	private_nflog_listener_t *this;

	INIT(this,
		.public = {
			.listener = {
				.child_state_change = _child_state_change,
				.child_derived_keys = _child_derived_keys,
			},
			.destroy = _destroy,
		},
		.manager = manager,
	);
	return &this->public;
}

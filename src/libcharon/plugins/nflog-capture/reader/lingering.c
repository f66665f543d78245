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

#include "lingering.h"

/**
 * How long an SA lingers at most, in seconds, as packets may be lost.  It usually
 * takes milliseconds.
 */
#define LINGER_TIMEOUT 3

typedef struct private_nflog_lingering_t private_nflog_lingering_t;

/**
 * Private data.
 */
struct private_nflog_lingering_t {

	/**
	 * Public interface.
	 */
	nflog_lingering_t public;

	/**
	 * SAs, nflog_sa_t.
	 */
	linked_list_t *sas;
};

/**
 * Has charon packets of an SA that it encrypted, but did not send yet, or decrypted,
 * but did not pass on?
 */
static bool is_pending(nflog_sa_t *sa)
{
	nflog_tap_t *tap = sa->inbound ? &sa->plain : &sa->esp;

	return tap->trace &&
		   (!tap->count->has_sa || tap->count->sa > tap->count->received);
}

METHOD(nflog_lingering_t, filter, void,
	private_nflog_lingering_t *this, linked_list_t *removing)
{
	timeval_t now, timeout = { .tv_sec = LINGER_TIMEOUT };
	enumerator_t *enumerator;
	nflog_sa_t *sa;

	time_monotonic(&now);
	enumerator = removing->create_enumerator(removing);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (sa->userland)
		{
			sa->ended = TRUE;
			timeradd(&now, &timeout, &sa->deadline);
			removing->remove_at(removing, enumerator);
			this->sas->insert_last(this->sas, sa);
		}
	}
	enumerator->destroy(enumerator);

	enumerator = this->sas->create_enumerator(this->sas);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (!is_pending(sa) || !timercmp(&now, &sa->deadline, <))
		{
			this->sas->remove_at(this->sas, enumerator);
			removing->insert_last(removing, sa);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_lingering_t, get_count, u_int,
	private_nflog_lingering_t *this)
{
	return this->sas->get_count(this->sas);
}

METHOD(nflog_lingering_t, destroy, void,
	private_nflog_lingering_t *this)
{
	this->sas->destroy(this->sas);
	free(this);
}

/*
 * Described in header
 */
nflog_lingering_t *nflog_lingering_create()
{
	private_nflog_lingering_t *this;

	INIT(this,
		.public = {
			.filter = _filter,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.sas = linked_list_create(),
	);
	return &this->public;
}

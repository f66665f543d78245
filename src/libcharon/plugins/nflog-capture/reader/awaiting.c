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

#include "awaiting.h"
#include "options/notes.h"
#include "rules/wanted.h"

#include <daemon.h>

typedef struct private_nflog_awaiting_t private_nflog_awaiting_t;

/**
 * Private data.
 */
struct private_nflog_awaiting_t {

	/**
	 * Public interface.
	 */
	nflog_awaiting_t public;

	/**
	 * Gets packets, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Read packets, locked to change what keeps them, not owned.
	 */
	nflog_lanes_t *lanes;

	/**
	 * Have packets logged, not owned.
	 */
	nflog_rules_t *rules;

	/**
	 * Finds what keeps packets, not owned.
	 */
	nflog_misses_t *misses;

	/**
	 * Thread that has to run, as it closes the lanes, not owned.
	 */
	nflog_ending_t *ending;

	/**
	 * What keeps packets, nflog_sa_t, owned by the rules.
	 */
	linked_list_t *sas;

	/**
	 * Number of these, accessed atomically.
	 */
	u_int count;

	/**
	 * When it was logged that there are too many, 0 if not.
	 */
	time_t logged;
};

/**
 * Set the number of what keeps packets.
 */
static void set_count(private_nflog_awaiting_t *this)
{
	__atomic_store_n(&this->count, this->sas->get_count(this->sas), __ATOMIC_RELAXED);
}

/**
 * Check if any packets are kept.
 */
static bool has_any(private_nflog_awaiting_t *this)
{
	return __atomic_load_n(&this->count, __ATOMIC_RELAXED) > 0;
}

/**
 * Add what keeps packets, unless too many SAs are negotiated, all lanes are locked.
 *
 * @param log			set to TRUE if that is to be logged
 */
static bool add(private_nflog_awaiting_t *this, nflog_sa_t *sa, bool *log)
{
	if (this->sas->get_count(this->sas) >= NFLOG_AWAITING_MAX)
	{
		*log = nflog_log_once(&this->logged, 0);
		return FALSE;
	}
	this->logged = 0;
	this->sas->insert_last(this->sas, sa);
	set_count(this);
	this->misses->add(this->misses, sa);
	return TRUE;
}

/**
 * Remove what keeps packets, all lanes are locked.
 *
 * @param spi			inbound SPI, 0 for any
 * @return				what kept them, NULL if nothing did
 */
static nflog_sa_t *take(private_nflog_awaiting_t *this, uint32_t spi)
{
	nflog_sa_t *sa, *found = NULL;
	enumerator_t *enumerator;

	enumerator = this->sas->create_enumerator(this->sas);
	while (!found && enumerator->enumerate(enumerator, &sa))
	{
		if (!spi || sa->wanted->spi_in == spi)
		{
			this->sas->remove_at(this->sas, enumerator);
			this->misses->remove(this->misses, sa);
			found = sa;
		}
	}
	enumerator->destroy(enumerator);
	set_count(this);
	return found;
}

METHOD(nflog_awaiting_t, await, void,
	private_nflog_awaiting_t *this, char *conn, host_t *dst, uint32_t spi_in,
	linked_list_t *src_ts, linked_list_t *dst_ts)
{
	nflog_sa_t *sa;
	bool added, log = FALSE;

	if (!this->ending->start(this->ending))
	{
		return;
	}
	sa = nflog_sa_create(conn, "", 0, FALSE, dst, spi_in, 0, NULL, NULL);
	sa->wanted = nflog_wanted_create(NULL, "", 0, src_ts, dst_ts, (mark_t){}, 0);
	sa->wanted->spi_in = spi_in;
	this->lanes->lock(this->lanes);
	added = add(this, sa, &log);
	this->lanes->unlock(this->lanes);
	if (log)
	{
		DBG1(DBG_KNL, "nflog-capture: not keeping packets that connection '%s' misses until "
			 "its SA is there, %d SAs are negotiated already", conn, NFLOG_AWAITING_MAX);
	}
	if (!added)
	{
		nflog_sa_destroy(sa);
		return;
	}
	DBG2(DBG_KNL, "nflog-capture: keeping packets that connection '%s' misses until SA "
		 "%.8x is there", conn, ntohl(spi_in));
	this->rules->add(this->rules, sa);
}

METHOD(nflog_awaiting_t, adopt, nflog_sa_t*,
	private_nflog_awaiting_t *this, nflog_sa_t *sa)
{
	nflog_sa_t *early = NULL;

	if (sa->wanted && sa->wanted->spi_in)
	{
		early = take(this, sa->wanted->spi_in);
	}
	if (early)
	{
		this->misses->adopt(this->misses, 0, early, sa);
		this->queue->publish(this->queue, 0);
	}
	return early;
}

/**
 * Drop packets that were kept.
 *
 * @param spi			inbound SPI, 0 for any
 */
static void drop(private_nflog_awaiting_t *this, uint32_t spi)
{
	nflog_sa_t *sa;

	this->lanes->lock(this->lanes);
	sa = take(this, spi);
	this->lanes->unlock(this->lanes);
	if (sa)
	{
		this->rules->remove(this->rules, sa);
	}
}

METHOD(nflog_awaiting_t, abandon, void,
	private_nflog_awaiting_t *this, uint32_t spi_in)
{
	if (spi_in && has_any(this))
	{	/* otherwise there is no need to stop the lanes */
		drop(this, spi_in);
	}
}

METHOD(nflog_awaiting_t, abandon_all, void,
	private_nflog_awaiting_t *this)
{
	while (has_any(this))
	{
		drop(this, 0);
	}
}

METHOD(nflog_awaiting_t, destroy, void,
	private_nflog_awaiting_t *this)
{
	this->sas->destroy(this->sas);
	free(this);
}

/*
 * Described in header
 */
nflog_awaiting_t *nflog_awaiting_create(nflog_queue_t *queue, nflog_lanes_t *lanes,
										nflog_rules_t *rules, nflog_misses_t *misses,
										nflog_ending_t *ending)
{
	private_nflog_awaiting_t *this;

	INIT(this,
		.public = {
			.await = _await,
			.adopt = _adopt,
			.abandon = _abandon,
			.abandon_all = _abandon_all,
			.destroy = _destroy,
		},
		.queue = queue,
		.lanes = lanes,
		.rules = rules,
		.misses = misses,
		.ending = ending,
		.sas = linked_list_create(),
	);
	return &this->public;
}

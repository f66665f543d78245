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
#define _GNU_SOURCE

#include "ike_sa.h"

#include <inttypes.h>
#include <time.h>

/*
 * Described in header
 */
nflog_ike_sa_t *nflog_ike_sa_create(uint32_t id,
											nflog_missed_t *missed)
{
	nflog_ike_sa_t *sa;

	INIT(sa,
		.backlog = {
			.messages = linked_list_create(),
		},
		.id = id,
		.state = NFLOG_IKE_UNDECIDED,
		.begin = time(NULL),
		.missed = *missed,
	);
	return sa;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_first(nflog_ike_key_t *key, uint64_t spi_i,
							host_t *peer)
{
	chunk_t address = peer->get_address(peer);

	memset(key, 0, sizeof(*key));
	key->spi_i = spi_i;
	memcpy(key->peer, address.ptr, min(address.len, sizeof(key->peer)));
}

/**
 * Remove a key, unless another IKE_SA has got it since.
 */
static void remove_key(nflog_ike_sa_t *sa, hashtable_t *keys,
					   nflog_ike_key_t *key)
{
	if (keys->get(keys, key) == sa)
	{
		keys->remove(keys, key);
	}
}

/*
 * Described in header
 */
bool nflog_ike_sa_set_keys(nflog_ike_sa_t *sa, hashtable_t *keys,
						   uint64_t spi_i, uint64_t spi_r, host_t *peer)
{
	nflog_ike_key_t first;
	bool changed = FALSE;

	nflog_ike_sa_set_first(&first, spi_i, peer);
	if (sa->first.spi_i != spi_i ||
		(!spi_r && !nflog_ike_key_equals(&sa->first, &first)))
	{
		remove_key(sa, keys, &sa->first);
		sa->first = first;
		keys->put(keys, &sa->first, sa);
		changed = TRUE;
	}
	if (sa->pair.spi_i != spi_i || sa->pair.spi_r != spi_r)
	{	/* a responder that refused the first try may get another SPI */
		remove_key(sa, keys, &sa->pair);
		sa->pair.spi_i = spi_i;
		sa->pair.spi_r = spi_r;
		if (spi_r)
		{
			keys->put(keys, &sa->pair, sa);
		}
		changed = TRUE;
	}
	return changed;
}

/*
 * Described in header
 */
void nflog_ike_sa_remove_keys(nflog_ike_sa_t *sa,
							  hashtable_t *keys)
{
	remove_key(sa, keys, &sa->first);
	remove_key(sa, keys, &sa->pair);
}

/*
 * Described in header
 */
nflog_ike_sa_t *nflog_ike_sa_find(hashtable_t *keys,
								  nflog_ike_key_t *key)
{
	nflog_ike_key_t pair = {
		.spi_i = key->spi_i,
		.spi_r = key->spi_r,
	}, first = *key;
	nflog_ike_sa_t *sa;

	sa = pair.spi_r ? keys->get(keys, &pair) : NULL;
	if (!sa)
	{
		first.spi_r = 0;
		sa = keys->get(keys, &first);
		if (sa && key->spi_r && sa->pair.spi_r)
		{	/* of another IKE_SA with this initiator SPI */
			return NULL;
		}
	}
	return sa;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_trace(nflog_ike_sa_t *sa,
							nflog_trace_t *trace, char *label,
							u_int points)
{
	sa->trace = trace;
	nflog_tap_init(&sa->taps[FALSE],
				   points & (1 << POINT_IKE_OUT) ? trace : NULL,
				   POINT_IKE_OUT, label);
	nflog_tap_init(&sa->taps[TRUE],
				   points & (1 << POINT_IKE_IN) ? trace : NULL,
				   POINT_IKE_IN, label);
	sa->state = NFLOG_IKE_WAITING;
}

/*
 * Described in header
 */
void nflog_ike_sa_set_name(nflog_ike_sa_t *sa)
{
	char begin[32], name[128];
	struct tm tm;

	gmtime_r(&sa->begin, &tm);
	strftime(begin, sizeof(begin), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, sizeof(name), "ike.%s.%.16" PRIx64 "-%.16" PRIx64, begin,
			 be64toh(sa->first.spi_i), be64toh(sa->pair.spi_r));
	sa->trace->set_name(sa->trace, name);
}

/*
 * Described in header
 */
void nflog_ike_sa_give_up(nflog_ike_sa_t *sa)
{
	int i;

	for (i = 0; i < countof(sa->taps); i++)
	{
		if (sa->taps[i].count)
		{
			sa->taps[i].count->gave_up = TRUE;
		}
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_count(nflog_ike_sa_t *sa,
						nflog_missed_t *missed)
{
	nflog_counters_t *count;
	uint64_t age = (time(NULL) - sa->begin + 1) * 1000ULL;
	int i;

	for (i = 0; i < countof(sa->taps); i++)
	{
		count = sa->taps[i].count;
		if (count)
		{
			/* what was missed before it began may not be known by then */
			count->missed = min(age, missed->time - sa->missed.time);
			count->overrun += sa->backlog.dropped[i];
			count->unidentified += sa->unidentified[i] +
								   missed->lost[i] - sa->missed.lost[i];
		}
	}
	count = sa->taps[TRUE].count;
	if (count)
	{
		count->unidentified += missed->incomplete - sa->missed.incomplete;
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_drop_trace(nflog_ike_sa_t *sa)
{
	int i;

	if (sa->trace)
	{
		for (i = 0; i < countof(sa->taps); i++)
		{
			if (sa->taps[i].trace)
			{
				sa->taps[i].trace->put_ref(sa->taps[i].trace);
			}
		}
		sa->trace->destroy(sa->trace);
	}
}

/*
 * Described in header
 */
void nflog_ike_sa_destroy(nflog_ike_sa_t *sa)
{
	sa->backlog.messages->destroy(sa->backlog.messages);
	free(sa);
}

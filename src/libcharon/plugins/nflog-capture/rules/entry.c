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


#include "entry.h"
#include "wanted.h"

#include <errno.h>

/**
 * Want what a side of an SA needs for an address and reqid.
 */
static void want(nflog_use_t *use, nflog_sa_t *sa, nflog_match_t *match, u_int side)
{
	if (side == NFLOG_SIDE_MISSED)
	{
		use->nets = sa->wanted->nets;
	}
	else if (side == NFLOG_SIDE_ESP)
	{
		use->needs |= 1 << NEED_ESP;
		if (sa->inbound && match->dst->get_family(match->dst) == AF_INET6)
		{
			use->needs |= 1 << NEED_FRAGMENTS;
		}
		nflog_use_add(use, nflog_element_esp(sa, match));
	}
	else
	{
		use->needs |= 1 << (sa->userland ? NEED_TUN : NEED_PLAIN);
		use->needs |= sa->vti ? 1 << NEED_VTI : 0;
		if (!sa->userland)
		{
			nflog_use_add(use, nflog_element_plain(sa, match));
		}
	}
}

/*
 * Described in header
 */
nflog_entry_t *nflog_entry_create(nflog_sa_t *sa)
{
	nflog_entry_t *this;

	INIT(this,
		.sides[NFLOG_SIDE_ESP].entry = this,
		.sides[NFLOG_SIDE_PLAIN].entry = this,
		.sides[NFLOG_SIDE_MISSED].entry = this,
		.refs = 1,
	);
	if (sa)
	{
		nflog_entry_set_sa(this, sa);
	}
	else
	{
		this->sides[NFLOG_SIDE_ESP].want.needs = 1 << NEED_IKE | 1 << NEED_FRAGMENTS;
	}
	return this;
}

/*
 * Described in header
 */
void nflog_entry_put_ref(nflog_entry_t *this)
{
	if (!--this->refs)
	{
		free(this);
	}
}

/*
 * Described in header
 */
void nflog_entry_set_sa(nflog_entry_t *this, nflog_sa_t *sa)
{
	u_int i;

	this->sa = sa;
	sa->entry = this;
	/* an SPI has counters, but no trace */
	this->sides[NFLOG_SIDE_ESP].count = sa->esp.count;
	this->sides[NFLOG_SIDE_PLAIN].count = sa->plain.trace ? sa->plain.count : NULL;
	this->sides[NFLOG_SIDE_MISSED].count = sa->wanted ? sa->wanted->tap.count : NULL;
	/* what the SA misses begins now */
	this->logged = 0;
	for (i = 0; i < NFLOG_SIDES; i++)
	{
		this->sides[i].missing = FALSE;
		this->sides[i].missed = 0;
	}
	nflog_entry_want(this, &sa->match, NULL);
}

/*
 * Described in header
 */
void nflog_entry_want(nflog_entry_t *this, nflog_match_t *match,
					  nflog_match_t *other)
{
	nflog_side_t *side;
	u_int i;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		side = &this->sides[i];
		side->want = (nflog_use_t){};
		side->err = 0;
		if (side->count)
		{
			want(&side->want, this->sa, match, i);
			if (other)
			{
				want(&side->want, this->sa, other, i);
			}
		}
	}
}

/*
 * Described in header
 */
u_int nflog_entry_get_incomplete(nflog_entry_t *this)
{
	u_int i, sides = 0;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		sides |= nflog_use_covers(&this->sides[i].have, &this->sides[i].want) ? 0 : 1 << i;
	}
	return sides;
}

/*
 * Described in header
 */
bool nflog_entry_is_blocked(nflog_entry_t *this)
{
	u_int i, sides = nflog_entry_get_incomplete(this);

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		if (sides & (1 << i) && this->sides[i].err != EEXIST)
		{
			return FALSE;
		}
	}
	return sides != 0;
}

/*
 * Described in header
 */
bool nflog_entry_unblocks(nflog_entry_t *this, nflog_entry_t *other)
{
	nflog_element_t *element;
	u_int i, j;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		for (j = 0; j < this->sides[i].have.count; j++)
		{
			element = &this->sides[i].have.elements[j];
			if (!nflog_use_contains(&this->sides[i].next, element) &&
				nflog_use_contains(&other->sides[i].want, element))
			{
				return TRUE;
			}
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
bool nflog_entry_is_used(nflog_entry_t *this)
{
	u_int i;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		if (nflog_use_is_any(&this->sides[i].have))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
void nflog_entry_begin_missing(nflog_entry_t *this)
{
	nflog_side_t *side;
	u_int i;

	for (i = 0; i < NFLOG_SIDES && !this->removing; i++)
	{
		side = &this->sides[i];
		if (!side->missing && !nflog_use_covers(&side->have, &side->want))
		{
			side->missing = TRUE;
			time_monotonic(&side->since);
		}
	}
}

/**
 * Get for how long a side was not captured, up to now, in ms.
 */
static uint64_t get_missed(nflog_side_t *side)
{
	timeval_t now, diff;

	if (!side->missing)
	{
		return side->missed;
	}
	time_monotonic(&now);
	timersub(&now, &side->since, &diff);
	return side->missed + max(1, diff.tv_sec * 1000ULL + diff.tv_usec / 1000);
}

/*
 * Described in header
 */
uint64_t nflog_entry_get_missed(nflog_entry_t *this)
{
	uint64_t missed = 0;
	u_int i;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		missed = max(missed, get_missed(&this->sides[i]));
	}
	return missed;
}

/*
 * Described in header
 */
bool nflog_entry_end_missing(nflog_entry_t *this)
{
	bool ended = FALSE, missing = FALSE;
	nflog_side_t *side;
	uint64_t missed;
	u_int i;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		side = &this->sides[i];
		if (side->missing && (this->removing || nflog_use_covers(&side->have, &side->want)))
		{
			missed = get_missed(side);
			if (side->count)
			{
				side->count->missed += missed - side->missed;
			}
			side->missed = missed;
			side->missing = FALSE;
			ended = TRUE;
		}
		missing |= side->missing;
	}
	return ended && !missing;
}

/*
 * Described in header
 */
void nflog_entry_lose(nflog_entry_t *this)
{
	nflog_side_t *side;
	u_int i;

	for (i = 0; i < NFLOG_SIDES; i++)
	{
		side = &this->sides[i];
		if (nflog_use_is_any(&side->have) && side->count)
		{
			side->count->uncounted = TRUE;
		}
		side->have = (nflog_use_t){};
	}
}

/*
 * Described in header
 */
void nflog_entry_begin(nflog_entry_t *this)
{
	nflog_side_t *side;
	u_int i;

	this->busy = TRUE;
	this->counting = this->count_early;
	this->count_early = FALSE;
	for (i = 0; i < NFLOG_SIDES; i++)
	{
		side = &this->sides[i];
		side->next = (nflog_use_t){};
		if (!this->removing)
		{
			side->next = side->want;
		}
	}
}

/**
 * Is the counter of the TUN device to be read, as a side does not use it anymore?
 */
static bool counts_tun(nflog_side_t *side)
{
	return side->have.needs & ~side->next.needs & 1 << NEED_TUN;
}

/**
 * Read the counters of elements that are to be removed, or that count early packets.
 *
 * @return				0 if successful, an errno otherwise
 */
static int count_elements(nflog_nft_table_t *table, nflog_side_t *side)
{
	nflog_entry_t *entry = side->entry;
	u_int i;
	int err = 0;

	for (i = 0; i < side->have.count && !err; i++)
	{
		if (entry->counting || !nflog_use_contains(&side->next, &side->have.elements[i]))
		{
			err = table->count(table, &side->have.elements[i]);
		}
	}
	if (!err && counts_tun(side))
	{
		entry->tun = nflog_element_tun(entry->sa->inbound);
		err = table->count(table, &entry->tun);
	}
	return err;
}

/**
 * Change sides from what they have to what is next, in one transaction.
 *
 * @return				0 if successful, an errno otherwise
 */
static int change(nflog_nft_table_t *table, nflog_side_t **sides, u_int count)
{
	u_int i;
	int err;

	for (i = 0; i < count; i++)
	{
		err = count_elements(table, sides[i]);
		if (err)
		{
			return err;
		}
	}
	for (i = 0; i < count; i++)
	{
		nflog_use_remove(&sides[i]->have, &sides[i]->next, table);
	}
	for (i = 0; i < count; i++)
	{
		table->use(table, sides[i]->next.needs & ~sides[i]->have.needs);
		nflog_use_apply(&sides[i]->next, &sides[i]->have, table);
	}
	/* chains stay if another SA needs them now */
	for (i = 0; i < count; i++)
	{
		table->release(table, sides[i]->have.needs & ~sides[i]->next.needs);
	}
	return table->commit(table);
}

/**
 * Is it not known what the kernel carried out?
 */
static bool is_uncertain(int err)
{
	return err == ETIMEDOUT || err == ENOBUFS;
}

/**
 * Remove from what is next all that is not in the table yet.
 */
static void add_nothing(nflog_side_t *side)
{
	nflog_use_t use = {
		.needs = side->next.needs & side->have.needs,
		.nets = side->have.nets,
	};
	u_int i;

	for (i = 0; i < side->next.count; i++)
	{
		if (nflog_use_contains(&side->have, &side->next.elements[i]))
		{
			nflog_use_add(&use, side->next.elements[i]);
		}
	}
	side->next = use;
}

/**
 * Change a side in a transaction of its own.
 *
 * @return				FALSE if it is not known what is in the table
 */
static bool change_side(nflog_nft_table_t *table, nflog_side_t *side)
{
	bool removing = !nflog_use_is_any(&side->next);
	int err;

	err = change(table, &side, 1);
	side->result = err;
	if (err == EEXIST)
	{	/* another SA has the element, and may wait for one that we don't want anymore */
		add_nothing(side);
		err = change(table, &side, 1);
		side->result = err ?: EEXIST;
	}
	if (err)
	{
		side->next = side->have;
	}
	/* what can't be removed is not known either */
	return !is_uncertain(err) && !(err && removing);
}

/*
 * Described in header
 */
bool nflog_entry_change(nflog_nft_table_t *table, nflog_entry_t **entries,
						u_int count)
{
	nflog_side_t *sides[NFLOG_SIDES * count];
	bool known;
	u_int i;
	int err;

	for (i = 0; i < countof(sides); i++)
	{
		sides[i] = &entries[i / NFLOG_SIDES]->sides[i % NFLOG_SIDES];
	}
	err = change(table, sides, countof(sides));
	known = !is_uncertain(err);
	for (i = 0; i < countof(sides); i++)
	{
		sides[i]->result = err;
		if (err && known)
		{
			known = change_side(table, sides[i]);
		}
		else if (err)
		{
			sides[i]->next = sides[i]->have;
		}
	}
	return known;
}

/*
 * Described in header
 */
int nflog_entry_end(nflog_entry_t *this)
{
	nflog_element_t *element;
	nflog_side_t *side;
	u_int i, j;
	int err = 0;

	this->busy = FALSE;
	for (i = 0; i < NFLOG_SIDES; i++)
	{
		side = &this->sides[i];
		for (j = 0; j < side->have.count; j++)
		{
			element = &side->have.elements[j];
			if (!nflog_use_contains(&side->next, element))
			{
				side->count->logged += element->packets;
				side->count->has_logged = TRUE;
			}
			if (this->counting && !side->result && i == NFLOG_SIDE_ESP)
			{
				side->count->early = element->packets;
			}
		}
		if (counts_tun(side))
		{
			this->sa->passed = this->tun.packets;
		}
		side->have = side->next;
		side->err = side->result;
		if (side->err && (!err || err == EEXIST))
		{
			err = side->err;
		}
	}
	this->count_early |= this->counting && this->sides[NFLOG_SIDE_ESP].err;
	return err;
}

/*
 * Described in header
 */
bool nflog_entry_is_spi(nflog_entry_t *this)
{
	return this->sa && !this->sa->esp.trace && !this->sa->plain.trace &&
		   !this->sa->wanted;
}

/*
 * Described in header
 */
char *nflog_entry_name(nflog_entry_t *this, u_int sides, char *buf, size_t len)
{
	static char *names[] = { "ESP packets of ", "plain packets of ", "missed packets of " };
	nflog_sa_t *sa = this->sa;
	char *side = "";
	u_int i, count = 0;

	if (!sa)
	{
		snprintf(buf, len, "IKE messages");
		return buf;
	}
	for (i = 0; i < NFLOG_SIDES; i++)
	{
		count += this->sides[i].count != NULL;
		side = sides == 1 << i ? names[i] : side;
	}
	side = count > 1 ? side : "";
	snprintf(buf, len, "%s%s SA %.8x of connection '%s'", side,
			 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn);
	return buf;
}

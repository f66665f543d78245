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

#include <errno.h>

/**
 * Find an element.
 */
static bool contains(nflog_use_t *use, nflog_element_t *element)
{
	nflog_element_t *other;
	u_int i;

	for (i = 0; i < use->count; i++)
	{
		other = &use->elements[i];
		if (streq(other->set, element->set) && other->len == element->len &&
			memeq(other->key, element->key, element->len))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Is all of what a side wants in the table?
 */
static bool is_complete(nflog_side_t *side)
{
	u_int i;

	for (i = 0; i < side->want.count; i++)
	{
		if (!contains(&side->have, &side->want.elements[i]))
		{
			return FALSE;
		}
	}
	return !(side->want.needs & ~side->have.needs);
}

/**
 * Add an element to what is used, unless it's there.
 */
static void add_element(nflog_use_t *use, nflog_element_t element)
{
	if (!contains(use, &element))
	{
		use->elements[use->count++] = element;
	}
}

/**
 * Want what a side of an SA needs for an address and reqid.
 */
static void want(nflog_use_t *use, nflog_sa_t *sa, nflog_match_t *match, bool plain)
{
	if (!plain)
	{
		use->needs |= 1 << NEED_ESP;
		if (sa->inbound && match->dst->get_family(match->dst) == AF_INET6)
		{
			use->needs |= 1 << NEED_FRAGMENTS;
		}
		add_element(use, nflog_element_esp(sa, match));
	}
	else
	{
		use->needs |= 1 << (sa->userland ? NEED_TUN : NEED_PLAIN);
		use->needs |= sa->vti ? 1 << NEED_VTI : 0;
		if (!sa->userland)
		{
			add_element(use, nflog_element_plain(sa, match));
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
			want(&side->want, this->sa, match, i == NFLOG_SIDE_PLAIN);
			if (other)
			{
				want(&side->want, this->sa, other, i == NFLOG_SIDE_PLAIN);
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
		sides |= is_complete(&this->sides[i]) ? 0 : 1 << i;
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
			if (!contains(&this->sides[i].next, element) &&
				contains(&other->sides[i].want, element))
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
	return this->sides[NFLOG_SIDE_ESP].have.needs ||
		   this->sides[NFLOG_SIDE_PLAIN].have.needs;
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
		if (!side->missing && !is_complete(side))
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
	return max(get_missed(&this->sides[NFLOG_SIDE_ESP]),
			   get_missed(&this->sides[NFLOG_SIDE_PLAIN]));
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
		if (side->missing && (this->removing || is_complete(side)))
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
		if (side->have.needs && side->count)
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
		if (entry->counting || !contains(&side->next, &side->have.elements[i]))
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
 * Add or remove the elements of one list that are not in another one.
 */
static void change_elements(nflog_nft_table_t *table, nflog_use_t *use,
							nflog_use_t *other,
							void (*change)(nflog_nft_table_t *table,
										   nflog_element_t *element))
{
	u_int i;

	for (i = 0; i < use->count; i++)
	{
		if (!contains(other, &use->elements[i]))
		{
			change(table, &use->elements[i]);
		}
	}
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
		change_elements(table, &sides[i]->have, &sides[i]->next, table->remove);
	}
	for (i = 0; i < count; i++)
	{
		table->use(table, sides[i]->next.needs & ~sides[i]->have.needs);
		change_elements(table, &sides[i]->next, &sides[i]->have, table->add);
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
	};
	u_int i;

	for (i = 0; i < side->next.count; i++)
	{
		if (contains(&side->have, &side->next.elements[i]))
		{
			add_element(&use, side->next.elements[i]);
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
	bool removing = !side->next.needs;
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
			if (!contains(&side->next, element))
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
	return this->sa && !this->sa->esp.trace && !this->sa->plain.trace;
}

/*
 * Described in header
 */
char *nflog_entry_name(nflog_entry_t *this, u_int sides, char *buf, size_t len)
{
	nflog_sa_t *sa = this->sa;
	char *side = "";

	if (!sa)
	{
		snprintf(buf, len, "IKE messages");
		return buf;
	}
	if (this->sides[NFLOG_SIDE_ESP].count && this->sides[NFLOG_SIDE_PLAIN].count &&
		sides != NFLOG_ALL_SIDES)
	{
		side = sides == 1 << NFLOG_SIDE_ESP ? "ESP packets of " : "plain packets of ";
	}
	snprintf(buf, len, "%s%s SA %.8x of connection '%s'", side,
			 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn);
	return buf;
}

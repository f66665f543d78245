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
 * Are two elements the same?
 */
static bool equals(nflog_element_t *a, nflog_element_t *b)
{
	return streq(a->set, b->set) && a->len == b->len &&
		   memeq(a->key, b->key, a->len);
}

/**
 * Is an element for packets in the clear?
 */
static bool is_plain(nflog_element_t *element)
{
	return strpfx(element->set, "plain");
}

/**
 * Find an element.
 */
static bool contains(nflog_elements_t *elements, nflog_element_t *element)
{
	u_int i;

	for (i = 0; i < elements->count; i++)
	{
		if (equals(&elements->list[i], element))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Add an element, unless it's there.
 */
static void add_element(nflog_elements_t *elements, nflog_element_t element)
{
	if (!contains(elements, &element))
	{
		elements->list[elements->count++] = element;
	}
}

/**
 * Is an SA captured on the wire, or are its packets kept until it is installed?
 */
static bool has_wire(nflog_sa_t *sa)
{
	return sa->esp.count != NULL;
}

/**
 * Add the elements of an SA under an address and reqid.
 */
static void add_elements(nflog_elements_t *elements, nflog_sa_t *sa,
						 nflog_match_t *match)
{
	if (has_wire(sa))
	{
		add_element(elements, nflog_element_esp(sa, match));
	}
	if (sa->plain.trace && !sa->userland)
	{
		add_element(elements, nflog_element_plain(sa, match));
	}
}

/**
 * Get the chains that an SA needs under an address.
 */
static u_int get_needs(nflog_sa_t *sa, nflog_match_t *match)
{
	u_int needs = 0;

	if (has_wire(sa))
	{
		needs |= NEED_ESP;
		if (sa->inbound && match->dst->get_family(match->dst) == AF_INET6)
		{
			needs |= NEED_FRAGMENTS;
		}
	}
	if (sa->plain.trace)
	{
		needs |= sa->userland ? NEED_TUN : NEED_PLAIN;
		needs |= sa->vti ? NEED_VTI : 0;
	}
	return needs;
}

/*
 * Described in header
 */
nflog_entry_t *nflog_entry_create(nflog_sa_t *sa)
{
	nflog_entry_t *this;

	INIT(this,
		.refs = 1,
	);
	if (sa)
	{
		nflog_entry_set_sa(this, sa);
	}
	else
	{
		this->needs = NEED_IKE | NEED_FRAGMENTS;
	}
	return this;
}

/*
 * Described in header
 */
nflog_entry_t *nflog_entry_get_ref(nflog_entry_t *this)
{
	this->refs++;
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
	this->sa = sa;
	sa->entry = this;
	/* what the SA misses begins now */
	this->missing = FALSE;
	this->missed = 0;
	nflog_entry_want(this, &sa->match, NULL);
}

/*
 * Described in header
 */
void nflog_entry_want(nflog_entry_t *this, nflog_match_t *match,
					  nflog_match_t *other)
{
	this->want.count = 0;
	this->needs = get_needs(this->sa, match);
	add_elements(&this->want, this->sa, match);
	if (other)
	{
		this->needs |= get_needs(this->sa, other);
		add_elements(&this->want, this->sa, other);
	}
}

/*
 * Described in header
 */
bool nflog_entry_is_complete(nflog_entry_t *this)
{
	u_int i;

	for (i = 0; i < this->want.count; i++)
	{
		if (!contains(&this->have, &this->want.list[i]))
		{
			return FALSE;
		}
	}
	return !(this->needs & ~this->used);
}

/**
 * Get the counters of an SA's capture points, there are none for IKE messages.
 *
 * @return				number of capture points
 */
static u_int get_counts(nflog_sa_t *sa, nflog_counters_t *counts[2])
{
	u_int count = 0;

	if (sa && has_wire(sa))
	{
		counts[count++] = sa->esp.count;
	}
	if (sa && sa->plain.trace)
	{
		counts[count++] = sa->plain.count;
	}
	return count;
}

/*
 * Described in header
 */
void nflog_entry_begin_missing(nflog_entry_t *this)
{
	if (!this->missing && !this->removing)
	{
		this->missing = TRUE;
		time_monotonic(&this->since);
	}
}

/*
 * Described in header
 */
uint64_t nflog_entry_get_missed(nflog_entry_t *this)
{
	timeval_t now, diff;

	if (!this->missing)
	{
		return this->missed;
	}
	time_monotonic(&now);
	timersub(&now, &this->since, &diff);
	return this->missed + max(1, diff.tv_sec * 1000ULL + diff.tv_usec / 1000);
}

/*
 * Described in header
 */
void nflog_entry_end_missing(nflog_entry_t *this)
{
	nflog_counters_t *counts[2];
	uint64_t missed;
	u_int i;

	missed = nflog_entry_get_missed(this);
	for (i = get_counts(this->sa, counts); i > 0; i--)
	{
		counts[i - 1]->missed += missed - this->missed;
	}
	this->missed = missed;
	this->missing = FALSE;
}

/*
 * Described in header
 */
void nflog_entry_lose(nflog_entry_t *this)
{
	nflog_counters_t *counts[2];
	u_int i;

	for (i = get_counts(this->sa, counts); i > 0; i--)
	{
		counts[i - 1]->uncounted = TRUE;
	}
	this->have.count = 0;
	this->used = 0;
}

/**
 * Are the packets on the TUN device to be counted, as an SA gives up its rules?
 */
static bool needs_tun_count(nflog_entry_t *this)
{
	return this->used & ~this->next_used & NEED_TUN;
}

/*
 * Described in header
 */
void nflog_entry_changed(nflog_entry_t *this)
{
	nflog_element_t *element;
	nflog_counters_t *count;
	u_int i;

	for (i = 0; i < this->have.count; i++)
	{
		element = &this->have.list[i];
		if (!contains(&this->next, element))
		{
			count = is_plain(element) ? this->sa->plain.count
									  : this->sa->esp.count;
			count->logged += element->packets;
			count->has_logged = TRUE;
		}
		if (this->counting && !is_plain(element))
		{
			this->sa->esp.count->early = element->packets;
		}
	}
	if (needs_tun_count(this))
	{
		this->sa->passed = this->tun.packets;
	}
	this->have = this->next;
	this->used = this->next_used;
}

/**
 * Read the counters of elements that are going to be removed.
 *
 * @return				0 if successful, an errno otherwise
 */
static int count_elements(nflog_nft_table_t *table, nflog_entry_t *sa)
{
	u_int i;
	int err = 0;

	for (i = 0; i < sa->have.count && !err; i++)
	{
		if (sa->counting || !contains(&sa->next, &sa->have.list[i]))
		{
			err = table->count(table, &sa->have.list[i]);
		}
	}
	if (!err && needs_tun_count(sa))
	{
		sa->tun = nflog_element_tun(sa->sa->inbound);
		err = table->count(table, &sa->tun);
	}
	return err;
}

/**
 * Add or remove those elements of a list that are not in another one.
 */
static void change_elements(nflog_nft_table_t *table,
				nflog_elements_t *elements,
				nflog_elements_t *others,
				void (*change)(nflog_nft_table_t *table,
							   nflog_element_t *element))
{
	u_int i;

	for (i = 0; i < elements->count; i++)
	{
		if (!contains(others, &elements->list[i]))
		{
			change(table, &elements->list[i]);
		}
	}
}

/**
 * Change the rules of SAs in one transaction.
 *
 * @return				0 if successful, an errno otherwise
 */
static int change(nflog_nft_table_t *table, nflog_entry_t **sas, u_int count)
{
	u_int i;
	int err;

	for (i = 0; i < count; i++)
	{
		err = count_elements(table, sas[i]);
		if (err)
		{
			return err;
		}
	}
	for (i = 0; i < count; i++)
	{
		change_elements(table, &sas[i]->have, &sas[i]->next, table->remove);
	}
	for (i = 0; i < count; i++)
	{
		table->use(table, sas[i]->next_used & ~sas[i]->used);
		change_elements(table, &sas[i]->next, &sas[i]->have, table->add);
	}
	/* chains stay if another SA needs them now */
	for (i = 0; i < count; i++)
	{
		table->release(table, sas[i]->used & ~sas[i]->next_used);
	}
	return table->commit(table);
}

/*
 * Described in header
 */
void nflog_entry_change(nflog_nft_table_t *table, nflog_entry_t **sas,
						int *errors, u_int count)
{
	u_int i;
	int err;

	err = count ? change(table, sas, count) : 0;
	for (i = 0; i < count; i++)
	{
		if (err && count > 1 && !nflog_entry_is_uncertain(err))
		{
			errors[i] = change(table, &sas[i], 1);
			if (nflog_entry_is_uncertain(errors[i]))
			{
				err = errors[i];
			}
		}
		else
		{
			errors[i] = err;
		}
	}
}

/*
 * Described in header
 */
bool nflog_entry_is_uncertain(int err)
{
	return err == ETIMEDOUT || err == ENOBUFS;
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
char *nflog_entry_name(nflog_entry_t *this, char *buf, size_t len)
{
	nflog_sa_t *sa = this->sa;

	if (sa)
	{
		snprintf(buf, len, "%s SA %.8x of connection '%s'",
				 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn);
	}
	else
	{
		snprintf(buf, len, "IKE messages");
	}
	return buf;
}

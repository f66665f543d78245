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

#include "places.h"
#include "subnet.h"

#include <collections/hashtable.h>

typedef struct private_nflog_places_t private_nflog_places_t;

/**
 * Private data.
 */
struct private_nflog_places_t {

	/**
	 * Public interface.
	 */
	nflog_places_t public;

	/**
	 * Addresses, nflog_pair_t => nflog_place_t.
	 */
	hashtable_t *pairs;

	/**
	 * Subnets of selectors, nflog_subnet_t => nflog_place_t.
	 */
	hashtable_t *subnets;

	/**
	 * Number of remote subnets by their bits.
	 */
	u_int bits[NFLOG_SUBNET_BITS + 128 + 1];

	/**
	 * Passes on packets in the kernel, not owned, NULL if nothing does.
	 */
	nflog_probe_t *probe;
};

/**
 * Destroy a pair of addresses or a subnet.
 */
static void place_destroy(nflog_place_t *place)
{
	array_destroy(place->victims);
	free(place);
}

/**
 * Have the kernel pass on packets.
 */
static bool pass(private_nflog_places_t *this, nflog_place_t *place)
{
	if (!this->probe)
	{
		return TRUE;
	}
	return place->subnet.bits
				? this->probe->set_subnet(this->probe, &place->subnet, TRUE)
				: this->probe->set_pair(this->probe, &place->pair, TRUE);
}

/**
 * Have the kernel pass on no more packets.
 */
static void stop(private_nflog_places_t *this, nflog_place_t *place)
{
	if (this->probe && place->subnet.bits)
	{
		this->probe->set_subnet(this->probe, &place->subnet, FALSE);
	}
	else if (this->probe)
	{
		this->probe->set_pair(this->probe, &place->pair, FALSE);
	}
}

/**
 * Add what was not passed on until now to what a CHILD_SA lacks, or subtract it before the
 * CHILD_SA has these addresses.
 */
static void count(private_nflog_places_t *this, nflog_victim_t *victim, nflog_place_t *place,
				  bool add)
{
	struct nflog_limits_t limits = {};
	uint64_t sign = add ? 1 : -1;

	if (this->probe && place->subnet.bits)
	{
		this->probe->get_subnet_limits(this->probe, &place->subnet, &limits);
	}
	else if (this->probe)
	{
		this->probe->get_pair_limits(this->probe, &place->pair, &limits);
		victim->lapses.nested += sign * this->probe->get_nested(this->probe);
	}
	victim->lapses.beyond += sign * limits.beyond;
	victim->lapses.full += sign * limits.full;
	victim->lapses.overlooked += sign * place->overlooked;
}

/**
 * Add a CHILD_SA to a pair of addresses or a subnet.
 */
static bool join(private_nflog_places_t *this, nflog_victim_t *victim, nflog_place_t *place)
{
	if (place->refused)
	{	/* it is new, or there may be room now */
		place->refused = !pass(this, place);
	}
	count(this, victim, place, FALSE);
	array_insert(place->victims, ARRAY_TAIL, victim);
	return !place->refused;
}

/**
 * Remove a CHILD_SA from a pair of addresses or a subnet, once.
 *
 * @return			TRUE if no CHILD_SA has it anymore
 */
static bool leave(private_nflog_places_t *this, nflog_victim_t *victim, nflog_place_t *place)
{
	nflog_victim_t *other;
	int i;

	count(this, victim, place, TRUE);
	for (i = array_count(place->victims) - 1; i >= 0; i--)
	{
		array_get(place->victims, i, &other);
		if (other == victim)
		{
			array_remove(place->victims, i, NULL);
			break;
		}
	}
	if (array_count(place->victims))
	{
		return FALSE;
	}
	stop(this, place);
	return TRUE;
}

/**
 * Remove a CHILD_SA from its pair of addresses.
 */
static void remove_pair(private_nflog_places_t *this, nflog_victim_t *victim)
{
	nflog_place_t *place;

	if (!victim->paired)
	{
		return;
	}
	victim->paired = FALSE;
	place = this->pairs->get(this->pairs, &victim->pair);
	if (leave(this, victim, place))
	{
		this->pairs->remove(this->pairs, &place->pair);
		place_destroy(place);
	}
}

METHOD(nflog_places_t, set_pair, bool,
	private_nflog_places_t *this, nflog_victim_t *victim, struct nflog_pair_t *pair)
{
	nflog_place_t *place;

	if (victim->paired && nflog_pair_equals(pair, &victim->pair))
	{
		return TRUE;
	}
	remove_pair(this, victim);
	place = this->pairs->get(this->pairs, pair);
	if (!place)
	{
		INIT(place,
			.pair = *pair,
			.victims = array_create(0, 0),
			.refused = TRUE,
		);
		this->pairs->put(this->pairs, &place->pair, place);
	}
	victim->pair = *pair;
	victim->paired = TRUE;
	return join(this, victim, place);
}

/**
 * Add a CHILD_SA to a subnet.
 */
static bool add_subnet(private_nflog_places_t *this, nflog_victim_t *victim,
					   struct nflog_subnet_t *subnet)
{
	nflog_place_t *place = this->subnets->get(this->subnets, subnet);

	if (!place)
	{
		INIT(place,
			.subnet = *subnet,
			.victims = array_create(0, 0),
			.refused = TRUE,
		);
		this->subnets->put(this->subnets, &place->subnet, place);
		this->bits[subnet->bits] += subnet->remote;
	}
	return join(this, victim, place);
}

/**
 * Remove a CHILD_SA from a subnet.
 */
static bool remove_subnet(private_nflog_places_t *this, nflog_victim_t *victim,
						  struct nflog_subnet_t *subnet)
{
	nflog_place_t *place = this->subnets->get(this->subnets, subnet);

	if (leave(this, victim, place))
	{
		this->bits[subnet->bits] -= subnet->remote;
		this->subnets->remove(this->subnets, subnet);
		place_destroy(place);
	}
	return TRUE;
}

/**
 * Add a CHILD_SA to the subnets of selectors, or remove it.
 */
static bool change_selectors(private_nflog_places_t *this, nflog_victim_t *victim,
							 linked_list_t *list, bool remote,
							 bool (*change)(private_nflog_places_t *this,
											nflog_victim_t *victim,
											struct nflog_subnet_t *subnet))
{
	struct nflog_subnet_t subnet;
	enumerator_t *enumerator;
	traffic_selector_t *ts;
	bool changed = TRUE;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &ts))
	{
		if (nflog_subnet_get(ts, remote, &subnet))
		{
			changed &= change(this, victim, &subnet);
		}
	}
	enumerator->destroy(enumerator);
	return changed;
}

METHOD(nflog_places_t, add_selectors, bool,
	private_nflog_places_t *this, nflog_victim_t *victim)
{
	bool local = change_selectors(this, victim, victim->local, FALSE, add_subnet);

	return change_selectors(this, victim, victim->remote, TRUE, add_subnet) && local;
}

METHOD(nflog_places_t, remove_, void,
	private_nflog_places_t *this, nflog_victim_t *victim)
{
	remove_pair(this, victim);
	if (victim->local)
	{
		change_selectors(this, victim, victim->local, FALSE, remove_subnet);
		change_selectors(this, victim, victim->remote, TRUE, remove_subnet);
	}
}

METHOD(nflog_places_t, find_pair, nflog_place_t*,
	private_nflog_places_t *this, struct nflog_pair_t *pair)
{
	return this->pairs->get(this->pairs, pair);
}

METHOD(nflog_places_t, find_subnet, nflog_place_t*,
	private_nflog_places_t *this, uint8_t addr[16], u_int *bits)
{
	struct nflog_subnet_t key = { .remote = TRUE };
	nflog_place_t *place = NULL;

	key.bits = *bits ?: countof(this->bits);
	while (!place && key.bits-- > NFLOG_SUBNET_BITS)
	{
		if (this->bits[key.bits])
		{
			nflog_addr_mask(addr, key.bits - NFLOG_SUBNET_BITS);
			memcpy(key.addr, addr, sizeof(key.addr));
			place = this->subnets->get(this->subnets, &key);
		}
	}
	*bits = key.bits;
	return place;
}

METHOD(nflog_places_t, has_pairs, bool,
	private_nflog_places_t *this)
{
	return this->pairs->get_count(this->pairs) > 0;
}

/**
 * Have the kernel pass on packets of all places in a table.
 */
static bool pass_all(private_nflog_places_t *this, hashtable_t *table)
{
	enumerator_t *enumerator;
	nflog_place_t *place;
	bool passed = TRUE;
	void *key;

	enumerator = table->create_enumerator(table);
	while (enumerator->enumerate(enumerator, &key, &place))
	{
		place->refused = !pass(this, place);
		passed &= !place->refused;
	}
	enumerator->destroy(enumerator);
	return passed;
}

METHOD(nflog_places_t, set_probe, bool,
	private_nflog_places_t *this, nflog_probe_t *probe)
{
	bool pairs;

	this->probe = probe;
	pairs = pass_all(this, this->pairs);
	return pass_all(this, this->subnets) && pairs;
}

METHOD(nflog_places_t, destroy, void,
	private_nflog_places_t *this)
{
	this->pairs->destroy(this->pairs);
	this->subnets->destroy(this->subnets);
	free(this);
}

/*
 * Described in header
 */
nflog_places_t *nflog_places_create()
{
	private_nflog_places_t *this;

	INIT(this,
		.public = {
			.set_pair = _set_pair,
			.add_selectors = _add_selectors,
			.remove = _remove_,
			.find_pair = _find_pair,
			.find_subnet = _find_subnet,
			.has_pairs = _has_pairs,
			.set_probe = _set_probe,
			.destroy = _destroy,
		},
		.pairs = hashtable_create(nflog_pair_hash, nflog_pair_equals, 8),
		.subnets = hashtable_create(nflog_subnet_hash, nflog_subnet_equals, 8),
	);
	return &this->public;
}

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

#include "sa_lookup.h"
#include "passes.h"
#include "rules/nft_chains.h"
#include "traces/packet.h"

#include <libmnl/libmnl.h>

#include <collections/hashtable.h>

typedef struct private_nflog_sa_lookup_t private_nflog_sa_lookup_t;
/**
 * Private data.
 */
struct private_nflog_sa_lookup_t {

	/**
	 * Public interface.
	 */
	nflog_sa_lookup_t public;

	/**
	 * SAs by destination and SPI in ESP, nflog_esp_key_t => nflog_sa_t.
	 */
	hashtable_t *esp;

	/**
	 * Outbound and inbound SAs, by number in the clear, uint32_t => nflog_sa_t.
	 */
	hashtable_t *plain[2];

	/**
	 * Finds SAs by traffic selectors, not owned.
	 */
	nflog_ts_lookup_t *ts_lookup;

	/**
	 * Finds packets that pass twice.
	 */
	nflog_passes_t *passes;

	/**
	 * Number of SAs.
	 */
	u_int count;
};

/**
 * Get the key of a number in the table.
 */
static void *to_key(uint32_t number)
{
	return (void*)(uintptr_t)number;
}

/**
 * Check if an SA is found by a number in the clear.
 */
static bool has_number(nflog_sa_t *sa)
{
	return sa->plain.trace && !sa->userland;
}

/**
 * Add a key of an SA, unless another SA has it.
 */
static bool put_key(private_nflog_sa_lookup_t *this, nflog_sa_t *sa,
					nflog_esp_key_t *key)
{
	nflog_sa_t *other = this->esp->get(this->esp, key);

	if (!other)
	{
		this->esp->put(this->esp, key, sa);
	}
	return !other || other == sa;
}

/**
 * Add a number of an SA, unless another SA has it.
 */
static bool put_number(private_nflog_sa_lookup_t *this, nflog_sa_t *sa,
					   uint32_t number)
{
	hashtable_t *plain = this->plain[sa->inbound];
	nflog_sa_t *other = plain->get(plain, to_key(number));

	if (!other)
	{
		plain->put(plain, to_key(number), sa);
	}
	return !other || other == sa;
}

METHOD(nflog_sa_lookup_t, add, char*,
	private_nflog_sa_lookup_t *this, nflog_sa_t *sa)
{
	char *reason = NULL;

	if (has_number(sa))
	{
		sa->number = nflog_nft_plain_number(sa->match.reqid, sa->spi);
		sa->former_number = sa->number;
		if (!put_number(this, sa, sa->number))
		{
			reason = "its packets would be taken for those of another SA, rekey it";
		}
	}
	if (sa->esp.trace)
	{
		if (!put_key(this, sa, &sa->key))
		{
			reason = "another one with this SPI and destination is captured";
		}
	}
	this->ts_lookup->add(this->ts_lookup, sa);
	this->count++;
	return reason;
}

/**
 * Remove a key of an SA, unless another SA has it now.
 */
static void remove_key(private_nflog_sa_lookup_t *this,
					   nflog_sa_t *sa, nflog_esp_key_t *key)
{
	if (this->esp->get(this->esp, key) == sa)
	{
		this->esp->remove(this->esp, key);
	}
}

/**
 * Remove a number of an SA, unless another SA has it now.
 */
static void remove_number(private_nflog_sa_lookup_t *this,
						  nflog_sa_t *sa, uint32_t number)
{
	hashtable_t *plain = this->plain[sa->inbound];

	if (plain->get(plain, to_key(number)) == sa)
	{
		plain->remove(plain, to_key(number));
	}
}

METHOD(nflog_sa_lookup_t, move, char*,
	private_nflog_sa_lookup_t *this, nflog_sa_t *sa,
	nflog_match_t *match)
{
	char *reason = NULL;

	if (sa->esp.trace)
	{
		remove_key(this, sa, &sa->former);
		remove_key(this, sa, &sa->key);
		sa->former = sa->key;
		nflog_sa_set_key(&sa->key, sa->inbound, match->dst, sa->spi);
		put_key(this, sa, &sa->former);
		if (!put_key(this, sa, &sa->key))
		{
			reason = "another one with this SPI and destination is captured";
		}
	}
	if (has_number(sa))
	{
		remove_number(this, sa, sa->former_number);
		sa->former_number = sa->number;
		sa->number = nflog_nft_plain_number(match->reqid, sa->spi);
		put_number(this, sa, sa->former_number);
		if (!put_number(this, sa, sa->number))
		{
			reason = "its packets would be taken for those of another SA, rekey it";
		}
	}
	return reason;
}

METHOD(nflog_sa_lookup_t, remove_, void,
	private_nflog_sa_lookup_t *this, nflog_sa_t *sa)
{
	remove_key(this, sa, &sa->key);
	remove_key(this, sa, &sa->former);
	this->ts_lookup->remove(this->ts_lookup, sa);
	if (has_number(sa))
	{
		remove_number(this, sa, sa->number);
		remove_number(this, sa, sa->former_number);
	}
	this->count--;
}

/**
 * Find the SA of a packet in the clear by the number that replaces its mark.
 *
 * @param vrf			TRUE if the packet's device is a VRF
 * @return				SA, NULL if the packet does not belong in its trace
 */
static nflog_sa_t *find_number(private_nflog_sa_lookup_t *this,
							   nflog_logged_t *logged,
							   bool inbound, bool vrf)
{
	hashtable_t *plain = this->plain[inbound];
	nflog_sa_t *sa;
	uint32_t number;

	if (!logged->attrs[NFULA_MARK])
	{
		return NULL;
	}
	number = ntohl(mnl_attr_get_u32(logged->attrs[NFULA_MARK]));
	/* it is not the packet's own mark, so the trace must not have it */
	logged->attrs[NFULA_MARK] = NULL;
	sa = plain->get(plain, to_key(number));
	if (!sa || !inbound)
	{
		return sa;
	}
	/* with IPComp, a packet too small to be compressed is decapsulated later, and passes
	 * again (xfrm4_tunnel in tunnel4.c) */
	if ((sa->ipcomp &&
		 nflog_packet_is_tunneled(logged, sa->match.dst)) ||
		this->passes->is_again(this->passes, logged, number, vrf))
	{
		nflog_counters_add(&sa->plain.count->again);
		nflog_counters_add(&sa->plain.count->received);
		return NULL;
	}
	return sa;
}

/**
 * Find the SA of a packet in ESP.
 */
static nflog_tap_t *find_esp(private_nflog_sa_lookup_t *this,
							 nflog_logged_t *logged, bool inbound)
{
	nflog_esp_key_t key;
	nflog_sa_t *sa;

	if (!nflog_packet_parse(logged, inbound, &key))
	{
		return NULL;
	}
	sa = this->esp->get(this->esp, &key);
	if (sa && sa->selectors)
	{
		this->ts_lookup->use(this->ts_lookup, sa);
	}
	return sa ? &sa->esp : NULL;
}

METHOD(nflog_sa_lookup_t, find, nflog_tap_t*,
	private_nflog_sa_lookup_t *this, nflog_logged_t *logged)
{
	nflog_sa_t *sa = NULL;

	switch (logged->prefix)
	{
		case PREFIX_ESP_IN:
		case PREFIX_FRAG_IN:
			return find_esp(this, logged, TRUE);
		case PREFIX_ESP_OUT:
			return find_esp(this, logged, FALSE);
		case PREFIX_TUN_IN:
			sa = this->ts_lookup->find_tun(this->ts_lookup, logged, TRUE);
			break;
		case PREFIX_TUN_OUT:
			sa = this->ts_lookup->find_tun(this->ts_lookup, logged, FALSE);
			break;
		case PREFIX_VTI_IN:
			sa = this->ts_lookup->find_vti(this->ts_lookup, logged);
			break;
		case PREFIX_PLAIN_IN:
			sa = find_number(this, logged, TRUE, FALSE);
			break;
		case PREFIX_VRF_IN:
			sa = find_number(this, logged, TRUE, TRUE);
			break;
		case PREFIX_PLAIN_OUT:
			sa = find_number(this, logged, FALSE, FALSE);
			break;
		case PREFIX_IKE_IN:
		case PREFIX_IKE_OUT:
			break;
	}
	return sa && sa->plain.trace ? &sa->plain : NULL;
}

METHOD(nflog_sa_lookup_t, get_count, u_int,
	private_nflog_sa_lookup_t *this)
{
	return this->count;
}

METHOD(nflog_sa_lookup_t, destroy, void,
	private_nflog_sa_lookup_t *this)
{
	int i;

	this->esp->destroy(this->esp);
	for (i = 0; i < countof(this->plain); i++)
	{
		this->plain[i]->destroy(this->plain[i]);
	}
	this->passes->destroy(this->passes);
	free(this);
}

/*
 * Described in header
 */
nflog_sa_lookup_t *nflog_sa_lookup_create(nflog_ts_lookup_t *ts_lookup)
{
	private_nflog_sa_lookup_t *this;
	int i;

	INIT(this,
		.public = {
			.add = _add,
			.move = _move,
			.remove = _remove_,
			.find = _find,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.ts_lookup = ts_lookup,
		.esp = hashtable_create(nflog_esp_key_hash,
								 nflog_esp_key_equals, 32),
		.passes = nflog_passes_create(),
	);
	for (i = 0; i < countof(this->plain); i++)
	{
		this->plain[i] = hashtable_create(hashtable_hash_ptr,
										  hashtable_equals_ptr, 32);
	}
	return &this->public;
}

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

#include "victims.h"
#include "esp_packet.h"
#include "past.h"
#include "subnet.h"

#include <netinet/in.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** CHILD_SAs with the same addresses or selectors that are looked at for a packet, at most,
 * the newest ones */
#define MAX_LOOK 64

/** where IKE messages and ESP in UDP are received, if charon uses no other ports */
#define IKE_PORT 500
#define NAT_T_PORT 4500

typedef struct private_nflog_victims_t private_nflog_victims_t;

/**
 * Pair of addresses of some CHILD_SAs.
 */
typedef struct {
	/** addresses */
	struct nflog_pair_t pair;
	/** CHILD_SAs, nflog_victim_t, the newest one last */
	array_t *victims;
	/** TRUE if the kernel did not take them */
	bool refused;
} pair_entry_t;

/**
 * Subnet of selectors of some CHILD_SAs.
 */
typedef struct {
	/** subnet */
	struct nflog_subnet_t subnet;
	/** CHILD_SAs, nflog_victim_t, the newest one last, as often as it is in their selectors */
	array_t *victims;
	/** TRUE if the kernel did not take it */
	bool refused;
} subnet_entry_t;

/**
 * Private data.
 */
struct private_nflog_victims_t {

	/**
	 * Public interface.
	 */
	nflog_victims_t public;

	/**
	 * All CHILD_SAs, nflog_victim_t.
	 */
	hashtable_t *victims;

	/**
	 * Keys of SAs, nflog_esp_key_t => nflog_victim_t.
	 */
	hashtable_t *sas;

	/**
	 * Addresses, nflog_pair_t => pair_entry_t.
	 */
	hashtable_t *pairs;

	/**
	 * Subnets of selectors, nflog_subnet_t => subnet_entry_t.
	 */
	hashtable_t *subnets;

	/**
	 * Number of remote subnets by their bits.
	 */
	u_int bits[NFLOG_SUBNET_BITS + 128 + 1];

	/**
	 * SPIs of SAs that are gone.
	 */
	nflog_past_t *past;

	/**
	 * Ports of IKE messages, those without and those with a marker, and of ESP in UDP.  The
	 * peer's are usual ones, a NAT changes only one of both.
	 */
	uint16_t ports[NFLOG_ESP_PACKET_PORTS];

	/**
	 * Pass on packets in the kernel, NULL if nothing does, and their data.
	 */
	bool (*pair_cb)(void *data, struct nflog_pair_t *pair, bool add);
	bool (*subnet_cb)(void *data, struct nflog_subnet_t *subnet, bool add);
	void *data;
};

/**
 * Remove a CHILD_SA from an array, once.
 */
static void remove_victim(array_t *array, nflog_victim_t *victim)
{
	nflog_victim_t *other;
	int i;

	for (i = array_count(array) - 1; i >= 0; i--)
	{
		array_get(array, i, &other);
		if (other == victim)
		{
			array_remove(array, i, NULL);
			return;
		}
	}
}

/**
 * Add a CHILD_SA to a pair of addresses.
 */
static bool add_pair(private_nflog_victims_t *this, nflog_victim_t *victim)
{
	pair_entry_t *entry = this->pairs->get(this->pairs, &victim->pair);

	if (!entry)
	{
		INIT(entry,
			.pair = victim->pair,
			.victims = array_create(0, 0),
			.refused = this->pair_cb != NULL,
		);
		this->pairs->put(this->pairs, &entry->pair, entry);
	}
	if (entry->refused)
	{	/* it is new, or there may be room now */
		entry->refused = !this->pair_cb(this->data, &entry->pair, TRUE);
	}
	array_insert(entry->victims, ARRAY_TAIL, victim);
	victim->paired = TRUE;
	return !entry->refused;
}

/**
 * Remove a CHILD_SA from its pair of addresses.
 */
static void remove_pair(private_nflog_victims_t *this, nflog_victim_t *victim)
{
	pair_entry_t *entry;

	if (!victim->paired)
	{
		return;
	}
	victim->paired = FALSE;
	entry = this->pairs->get(this->pairs, &victim->pair);
	remove_victim(entry->victims, victim);
	if (!array_count(entry->victims))
	{
		if (this->pair_cb)
		{
			this->pair_cb(this->data, &entry->pair, FALSE);
		}
		this->pairs->remove(this->pairs, &entry->pair);
		array_destroy(entry->victims);
		free(entry);
	}
}

/**
 * Add a CHILD_SA to a subnet, or remove it.
 */
static bool change_subnet(private_nflog_victims_t *this, nflog_victim_t *victim,
						  struct nflog_subnet_t *subnet, bool add)
{
	subnet_entry_t *entry = this->subnets->get(this->subnets, subnet);

	if (!entry)
	{
		INIT(entry,
			.subnet = *subnet,
			.victims = array_create(0, 0),
			.refused = this->subnet_cb != NULL,
		);
		this->subnets->put(this->subnets, &entry->subnet, entry);
		this->bits[subnet->bits] += subnet->remote;
	}
	if (add)
	{
		if (entry->refused)
		{
			entry->refused = !this->subnet_cb(this->data, subnet, TRUE);
		}
		array_insert(entry->victims, ARRAY_TAIL, victim);
		return !entry->refused;
	}
	remove_victim(entry->victims, victim);
	if (!array_count(entry->victims))
	{
		if (this->subnet_cb)
		{
			this->subnet_cb(this->data, subnet, FALSE);
		}
		this->bits[subnet->bits] -= subnet->remote;
		this->subnets->remove(this->subnets, subnet);
		array_destroy(entry->victims);
		free(entry);
	}
	return TRUE;
}

/**
 * Add a CHILD_SA to the subnets of selectors, or remove it.
 */
static bool change_selectors(private_nflog_victims_t *this, nflog_victim_t *victim,
							 linked_list_t *list, bool remote, bool add)
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
			changed &= change_subnet(this, victim, &subnet, add);
		}
	}
	enumerator->destroy(enumerator);
	return changed;
}

METHOD(nflog_victims_t, add, void,
	private_nflog_victims_t *this, nflog_victim_t *victim)
{
	this->victims->put(this->victims, victim, victim);
}

METHOD(nflog_victims_t, set_addresses, bool,
	private_nflog_victims_t *this, nflog_victim_t *victim, bool inbound, host_t *src,
	host_t *dst)
{
	nflog_esp_key_t *key = &victim->keys[inbound];
	struct nflog_pair_t pair;
	chunk_t addr = dst->get_address(dst);

	if (key->spi && this->sas->get(this->sas, key) == victim)
	{
		this->sas->remove(this->sas, key);
	}
	memset(key->dst, 0, sizeof(key->dst));
	memcpy(key->dst, addr.ptr, min(addr.len, sizeof(key->dst)));
	if (key->spi)
	{
		this->sas->put(this->sas, key, victim);
	}
	nflog_addr_map(inbound ? pair.local : pair.remote, addr);
	nflog_addr_map(inbound ? pair.remote : pair.local, src->get_address(src));
	if (victim->paired && nflog_pair_equals(&pair, &victim->pair))
	{
		return TRUE;
	}
	remove_pair(this, victim);
	victim->pair = pair;
	return add_pair(this, victim);
}

METHOD(nflog_victims_t, set_sa, bool,
	private_nflog_victims_t *this, nflog_victim_t *victim, bool inbound,
	kernel_ipsec_sa_id_t *id, linked_list_t *src_ts, linked_list_t *dst_ts)
{
	nflog_esp_key_t *key = &victim->keys[inbound];
	linked_list_t *local = inbound ? dst_ts : src_ts, *remote = inbound ? src_ts : dst_ts;
	bool set;

	if (key->spi && this->sas->get(this->sas, key) == victim)
	{
		this->sas->remove(this->sas, key);
	}
	key->spi = id->spi;
	key->inbound = inbound;
	set = set_addresses(this, victim, inbound, id->src, id->dst);
	if (!victim->local && local && remote)
	{
		victim->local = local->clone_offset(local, offsetof(traffic_selector_t, clone));
		victim->remote = remote->clone_offset(remote, offsetof(traffic_selector_t, clone));
		victim->selectors = nflog_selectors_create(local, remote);
		set &= change_selectors(this, victim, victim->local, FALSE, TRUE);
		set &= change_selectors(this, victim, victim->remote, TRUE, TRUE);
	}
	return set;
}

METHOD(nflog_victims_t, remove_, void,
	private_nflog_victims_t *this, nflog_victim_t *victim)
{
	nflog_esp_key_t *key;
	int i;

	this->victims->remove(this->victims, victim);
	for (i = 0; i < countof(victim->keys); i++)
	{
		key = &victim->keys[i];
		if (!key->spi)
		{
			continue;
		}
		if (this->sas->get(this->sas, key) == victim)
		{
			this->sas->remove(this->sas, key);
		}
		if (i)
		{	/* others can't be received */
			this->past->add(this->past, key->spi, victim->label);
		}
	}
	remove_pair(this, victim);
	if (victim->local)
	{
		change_selectors(this, victim, victim->local, FALSE, FALSE);
		change_selectors(this, victim, victim->remote, TRUE, FALSE);
		victim->local->destroy_offset(victim->local,
									  offsetof(traffic_selector_t, destroy));
		victim->remote->destroy_offset(victim->remote,
									   offsetof(traffic_selector_t, destroy));
		victim->selectors->destroy(victim->selectors);
		victim->local = victim->remote = NULL;
		victim->selectors = NULL;
	}
}

/**
 * Add a CHILD_SA, the newest one of its connection.
 */
static void add_newest(nflog_lost_t *lost, nflog_victim_t *victim)
{
	u_int i;

	for (i = 0; i < lost->count; i++)
	{
		if (lost->victims[i] == victim || streq(lost->victims[i]->conn, victim->conn))
		{
			return;
		}
	}
	if (lost->count < NFLOG_VICTIMS_MAX)
	{
		lost->victims[lost->count++] = victim;
	}
}

/**
 * Find the connections between the addresses of a packet.
 */
static void find_pair(private_nflog_victims_t *this, nflog_ip_packet_t *ip, nflog_lost_t *lost)
{
	struct nflog_pair_t pairs[2];
	nflog_victim_t *victim;
	pair_entry_t *entry;
	int i, j;

	nflog_addr_map(pairs[0].local, ip->dst);
	nflog_addr_map(pairs[0].remote, ip->src);
	nflog_addr_map(pairs[1].local, ip->src);
	nflog_addr_map(pairs[1].remote, ip->dst);
	for (i = 0; i < countof(pairs); i++)
	{
		entry = this->pairs->get(this->pairs, &pairs[i]);
		for (j = 0; entry && j < min(array_count(entry->victims), MAX_LOOK); j++)
		{
			array_get(entry->victims, array_count(entry->victims) - 1 - j, &victim);
			add_newest(lost, victim);
		}
	}
}

/**
 * Find the CHILD_SA of an ESP or AH packet.
 */
static void find_sa(private_nflog_victims_t *this, nflog_ip_packet_t *ip,
					struct nflog_event_t *event, nflog_lost_t *lost)
{
	nflog_esp_key_t key = { .spi = htonl(lost->spi) };
	nflog_victim_t *victim;

	memcpy(key.dst, ip->dst.ptr, min(ip->dst.len, sizeof(key.dst)));
	for (key.inbound = 0; key.inbound < 2; key.inbound++)
	{
		victim = this->sas->get(this->sas, &key);
		if (victim)
		{
			lost->victims[lost->count++] = victim;
			lost->sa = TRUE;
			snprintf(lost->known, sizeof(lost->known), "%s SA of %s",
					 key.inbound ? "inbound" : "outbound", victim->label);
			return;
		}
	}
	find_pair(this, ip, lost);
	if (lost->count)
	{
		this->past->describe(this->past, key.spi, lost->known, sizeof(lost->known));
	}
}

/**
 * Find the CHILD_SAs whose selectors match a packet in the clear in one direction.
 *
 * @param remote	the side of the packet that is remote
 */
static void find_direction(private_nflog_victims_t *this, host_t *local, host_t *remote,
						   uint8_t proto, nflog_lost_t *lost)
{
	struct nflog_subnet_t key = { .remote = TRUE };
	nflog_victim_t *victim;
	subnet_entry_t *entry;
	u_int bits, looked = 0;
	int i;

	nflog_addr_map(key.addr, remote->get_address(remote));
	for (bits = countof(this->bits); bits-- > NFLOG_SUBNET_BITS && looked < MAX_LOOK;)
	{
		if (!this->bits[bits])
		{
			continue;
		}
		key.bits = bits;
		nflog_addr_mask(key.addr, bits - NFLOG_SUBNET_BITS);
		entry = this->subnets->get(this->subnets, &key);
		for (i = entry ? array_count(entry->victims) : 0; i-- > 0 && looked < MAX_LOOK;)
		{
			looked++;
			array_get(entry->victims, i, &victim);
			if (victim->selectors->match(victim->selectors, local, remote, proto))
			{
				add_newest(lost, victim);
			}
		}
	}
}

/**
 * Find the CHILD_SAs whose selectors match a packet in the clear.
 */
static void find_selectors(private_nflog_victims_t *this, nflog_ip_packet_t *ip,
						   nflog_lost_t *lost)
{
	host_t *src, *dst;

	nflog_ip_packet_get_hosts(ip, &src, &dst);
	find_direction(this, src, dst, ip->proto, lost);
	find_direction(this, dst, src, ip->proto, lost);
	src->destroy(src);
	dst->destroy(dst);
}

METHOD(nflog_victims_t, find, void,
	private_nflog_victims_t *this, struct nflog_event_t *event, nflog_lost_t *lost)
{
	nflog_ip_packet_t ip;
	bool ike, udp;

	memset(lost, 0, sizeof(*lost));
	nflog_esp_packet_restore(event);
	if (!nflog_ip_packet_parse(&ip, chunk_create(event->data, event->caplen)))
	{
		return;
	}
	udp = ip.proto == IPPROTO_UDP;
	lost->spi = nflog_esp_packet_get_spi(&ip, this->ports, &ike);
	if (event->spi)
	{	/* that of the SA, which may not be in the packet yet */
		lost->spi = ntohl(event->spi);
	}
	if (ip.proto == IPPROTO_ESP || ip.proto == IPPROTO_AH || lost->spi)
	{
		find_sa(this, &ip, event, lost);
	}
	else if (ike)
	{
		find_pair(this, &ip, lost);
	}
	if (!lost->count || (udp && !lost->sa))
	{	/* it may be traffic within an SA, whatever its ports are */
		find_selectors(this, &ip, lost);
	}
}

METHOD(nflog_victims_t, create_enumerator, enumerator_t*,
	private_nflog_victims_t *this)
{
	return this->victims->create_enumerator(this->victims);
}

METHOD(nflog_victims_t, get_count, u_int,
	private_nflog_victims_t *this)
{
	return this->victims->get_count(this->victims);
}

METHOD(nflog_victims_t, set_filter, bool,
	private_nflog_victims_t *this,
	bool (*pair_cb)(void *data, struct nflog_pair_t *pair, bool add),
	bool (*subnet_cb)(void *data, struct nflog_subnet_t *subnet, bool add),
	void *data)
{
	enumerator_t *enumerator;
	subnet_entry_t *subnet;
	pair_entry_t *pair;
	bool set = TRUE;
	void *key;

	this->pair_cb = pair_cb;
	this->subnet_cb = subnet_cb;
	this->data = data;
	enumerator = this->pairs->create_enumerator(this->pairs);
	while (enumerator->enumerate(enumerator, &key, &pair))
	{
		pair->refused = pair_cb && !pair_cb(data, &pair->pair, TRUE);
		set &= !pair->refused;
	}
	enumerator->destroy(enumerator);
	enumerator = this->subnets->create_enumerator(this->subnets);
	while (enumerator->enumerate(enumerator, &key, &subnet))
	{
		subnet->refused = subnet_cb && !subnet_cb(data, &subnet->subnet, TRUE);
		set &= !subnet->refused;
	}
	enumerator->destroy(enumerator);
	return set;
}

METHOD(nflog_victims_t, destroy, void,
	private_nflog_victims_t *this)
{
	this->victims->destroy(this->victims);
	this->sas->destroy(this->sas);
	this->pairs->destroy(this->pairs);
	this->subnets->destroy(this->subnets);
	this->past->destroy(this->past);
	free(this);
}

/*
 * Described in header
 */
nflog_victims_t *nflog_victims_create()
{
	private_nflog_victims_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.set_sa = _set_sa,
			.set_addresses = _set_addresses,
			.remove = _remove_,
			.find = _find,
			.create_enumerator = _create_enumerator,
			.get_count = _get_count,
			.set_filter = _set_filter,
			.destroy = _destroy,
		},
		.victims = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.sas = hashtable_create(nflog_esp_key_hash, nflog_esp_key_equals, 8),
		.pairs = hashtable_create(nflog_pair_hash, nflog_pair_equals, 8),
		.subnets = hashtable_create(nflog_subnet_hash, nflog_subnet_equals, 8),
		.past = nflog_past_create(),
		.ports = {
			IKE_PORT,
			NAT_T_PORT,
			lib->settings->get_int(lib->settings, "%s.port", IKE_PORT, lib->ns),
			lib->settings->get_int(lib->settings, "%s.port_nat_t", NAT_T_PORT, lib->ns),
		},
	);
	return &this->public;
}

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
#include "places.h"
#include "subnet.h"

#include <netinet/in.h>

#include <collections/hashtable.h>

/** CHILD_SAs with the same addresses or selectors that are looked at for a packet, at most,
 * the newest ones */
#define MAX_LOOK 64

/** where IKE messages and ESP in UDP are received, if charon uses no other ports */
#define IKE_PORT 500
#define NAT_T_PORT 4500

typedef struct private_nflog_victims_t private_nflog_victims_t;

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
	 * Addresses and selectors.
	 */
	nflog_places_t *places;

	/**
	 * SPIs of SAs that are gone.
	 */
	nflog_past_t *past;

	/**
	 * Ports of IKE messages, those without and those with a marker, and of ESP in UDP.  The
	 * peer's are usual ones, a NAT changes only one of both.
	 */
	uint16_t ports[NFLOG_ESP_PACKET_PORTS];
};

METHOD(nflog_victims_t, add, void,
	private_nflog_victims_t *this, nflog_victim_t *victim)
{
	this->victims->put(this->victims, victim, victim);
}

/**
 * Remove the key of an SA, unless it is the one of a newer SA now.
 */
static void remove_key(private_nflog_victims_t *this, nflog_victim_t *victim,
					   nflog_esp_key_t *key)
{
	if (key->spi && this->sas->get(this->sas, key) == victim)
	{
		this->sas->remove(this->sas, key);
	}
}

METHOD(nflog_victims_t, set_addresses, bool,
	private_nflog_victims_t *this, nflog_victim_t *victim, bool inbound, host_t *src,
	host_t *dst)
{
	nflog_esp_key_t *key = &victim->keys[inbound];
	struct nflog_pair_t pair;
	chunk_t addr = dst->get_address(dst);

	remove_key(this, victim, key);
	memset(key->dst, 0, sizeof(key->dst));
	memcpy(key->dst, addr.ptr, min(addr.len, sizeof(key->dst)));
	if (key->spi)
	{
		this->sas->put(this->sas, key, victim);
	}
	nflog_addr_map(inbound ? pair.local : pair.remote, addr);
	nflog_addr_map(inbound ? pair.remote : pair.local, src->get_address(src));
	return this->places->set_pair(this->places, victim, &pair);
}

METHOD(nflog_victims_t, set_sa, bool,
	private_nflog_victims_t *this, nflog_victim_t *victim, bool inbound,
	kernel_ipsec_sa_id_t *id, linked_list_t *src_ts, linked_list_t *dst_ts)
{
	nflog_esp_key_t *key = &victim->keys[inbound];
	linked_list_t *local = inbound ? dst_ts : src_ts, *remote = inbound ? src_ts : dst_ts;
	bool set;

	remove_key(this, victim, key);
	key->spi = id->spi;
	key->inbound = inbound;
	set = set_addresses(this, victim, inbound, id->src, id->dst);
	if (!victim->local && local && remote)
	{
		victim->local = local->clone_offset(local, offsetof(traffic_selector_t, clone));
		victim->remote = remote->clone_offset(remote, offsetof(traffic_selector_t, clone));
		victim->selectors = nflog_selectors_create(local, remote);
		set &= this->places->add_selectors(this->places, victim);
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
		remove_key(this, victim, key);
		if (i && key->spi)
		{	/* others can't be received */
			this->past->add(this->past, key->spi, victim->label);
		}
	}
	this->places->remove(this->places, victim);
	if (victim->local)
	{
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
 *
 * @return			FALSE if there are too many
 */
static bool add_newest(nflog_lost_t *lost, nflog_victim_t *victim)
{
	u_int i;

	for (i = 0; i < lost->count; i++)
	{
		if (lost->victims[i] == victim || streq(lost->victims[i]->conn, victim->conn))
		{
			return TRUE;
		}
	}
	if (lost->count == NFLOG_VICTIMS_MAX)
	{
		return FALSE;
	}
	lost->victims[lost->count++] = victim;
	return TRUE;
}

/**
 * Find the connections between the addresses of a packet.
 */
static void find_pair(private_nflog_victims_t *this, nflog_ip_packet_t *ip, nflog_lost_t *lost)
{
	struct nflog_pair_t pairs[2];
	nflog_victim_t *victim;
	nflog_place_t *place;
	u_int looked;
	int i, j;

	nflog_addr_map(pairs[0].local, ip->dst);
	nflog_addr_map(pairs[0].remote, ip->src);
	nflog_addr_map(pairs[1].local, ip->src);
	nflog_addr_map(pairs[1].remote, ip->dst);
	for (i = 0; i < countof(pairs); i++)
	{
		looked = 0;
		place = this->places->find_pair(this->places, &pairs[i]);
		for (j = place ? array_count(place->victims) : 0; j-- > 0;)
		{
			array_get(place->victims, j, &victim);
			if (looked++ == MAX_LOOK || !add_newest(lost, victim))
			{
				place->overlooked++;
				break;
			}
		}
	}
}

/**
 * Find the CHILD_SA with the SPI of a packet.
 */
static void find_spi(private_nflog_victims_t *this, nflog_ip_packet_t *ip, nflog_lost_t *lost)
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
}

/**
 * Find the CHILD_SA of an ESP or AH packet.
 */
static void find_sa(private_nflog_victims_t *this, nflog_ip_packet_t *ip, nflog_lost_t *lost)
{
	find_spi(this, ip, lost);
	if (lost->count)
	{
		return;
	}
	find_pair(this, ip, lost);
	if (lost->count)
	{
		this->past->describe(this->past, htonl(lost->spi), lost->known, sizeof(lost->known));
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
	nflog_victim_t *victim;
	nflog_place_t *place;
	uint8_t addr[16];
	u_int bits = 0, looked = 0;
	int i;

	nflog_addr_map(addr, remote->get_address(remote));
	while ((place = this->places->find_subnet(this->places, addr, &bits)))
	{
		for (i = array_count(place->victims); i-- > 0;)
		{
			array_get(place->victims, i, &victim);
			if (looked == MAX_LOOK ||
				(victim->selectors->match(victim->selectors, local, remote, proto) &&
				 !add_newest(lost, victim)))
			{
				place->overlooked++;
				break;
			}
			looked++;
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

/**
 * Find the CHILD_SAs of a packet that was to leave in an SA, and is without tunnel header now.
 */
static void find_inner(private_nflog_victims_t *this, struct nflog_event_t *event,
					   nflog_lost_t *lost)
{
	nflog_ip_packet_t ip;

	if (!lost->count &&
		nflog_ip_packet_parse(&ip, chunk_create(event->data, event->caplen)))
	{	/* of another SA, but the selectors are those of a captured one */
		find_selectors(this, &ip, lost);
		lost->inner = TRUE;
	}
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
	if (event->inner)
	{
		find_spi(this, &ip, lost);
		if (nflog_esp_packet_unwrap(event))
		{
			find_inner(this, event, lost);
		}
		return;
	}
	if (ip.proto == IPPROTO_ESP || ip.proto == IPPROTO_AH || lost->spi)
	{
		find_sa(this, &ip, lost);
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

METHOD(nflog_victims_t, set_probe, bool,
	private_nflog_victims_t *this, nflog_probe_t *probe)
{
	return this->places->set_probe(this->places, probe);
}

METHOD(nflog_victims_t, is_ready, bool,
	private_nflog_victims_t *this)
{
	return this->places->has_pairs(this->places);
}

METHOD(nflog_victims_t, destroy, void,
	private_nflog_victims_t *this)
{
	this->victims->destroy(this->victims);
	this->sas->destroy(this->sas);
	this->places->destroy(this->places);
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
			.set_probe = _set_probe,
			.is_ready = _is_ready,
			.destroy = _destroy,
		},
		.victims = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.sas = hashtable_create(nflog_esp_key_hash, nflog_esp_key_equals, 8),
		.places = nflog_places_create(),
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

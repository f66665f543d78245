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

#include "ts_lookup.h"
#include "traces/order.h"

#include <libmnl/libmnl.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>

/**
 * Time after which the kernel has passed on all packets of an excluded SA that ended, in ms:
 * it does so with the next tick of its clock.
 */
#define EXCLUDED_TIMEOUT 20

/**
 * The same while other packets arrive without end, in ms.
 */
#define EXCLUDED_LIMIT 3000

typedef struct private_nflog_ts_lookup_t private_nflog_ts_lookup_t;
typedef struct candidate_t candidate_t;

/**
 * SA that a packet in the clear may belong to.
 */
struct candidate_t {

	/**
	 * SA, NULL if none.
	 */
	nflog_sa_t *sa;

	/**
	 * How closely its selectors match.
	 */
	u_int closeness;

	/**
	 * Position in the list, newer SAs come first.
	 */
	u_int position;
};

/**
 * Private data.
 */
struct private_nflog_ts_lookup_t {

	/**
	 * Public interface.
	 */
	nflog_ts_lookup_t public;

	/**
	 * SAs with selectors, the newest one first, nflog_sa_t.
	 */
	linked_list_t *selected;

	/**
	 * Excluded SAs among them, owned, nflog_esp_key_t => nflog_sa_t.
	 */
	hashtable_t *excluded;

	/**
	 * Excluded SAs that ended, owned, in the order in which they did, nflog_sa_t.
	 */
	linked_list_t *ended;

	/**
	 * Keys of VTI devices, not owned.
	 */
	nflog_devices_t *devices;

	/**
	 * Number of packets in ESP of SAs with selectors, may wrap.
	 */
	refcount_t used;

	/**
	 * Packets read from the TUN device since there is the current table, and packets known to
	 * be lost there.  Both for packets that left, and that arrived, changed atomically by
	 * find_tun().
	 */
	uint64_t tun_read[2], tun_lost[2];
};

/**
 * Remove an excluded SA.
 */
static void destroy_excluded(private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	this->selected->remove(this->selected, sa, NULL);
	nflog_sa_destroy(sa);
}

METHOD(nflog_ts_lookup_t, add, void,
	private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	nflog_sa_t *excluded;

	if (sa->selectors)
	{
		excluded = this->excluded->remove(this->excluded, &sa->key);
		if (excluded)
		{	/* captured from now on */
			destroy_excluded(this, excluded);
		}
		this->selected->insert_first(this->selected, sa);
	}
	sa->read = sa->userland ? &this->tun_read[sa->inbound] : NULL;
	sa->lost = this->tun_lost[sa->inbound];
	if (sa->vti)
	{
		sa->unknown = this->devices->get_unknown(this->devices);
		this->devices->refresh(this->devices, FALSE);
	}
}

METHOD(nflog_ts_lookup_t, wait_, void,
	private_nflog_ts_lookup_t *this, nflog_sa_t *sa, timeval_t *deadline)
{
	if (sa->vti)
	{
		this->devices->wait(this->devices, deadline);
	}
}

/**
 * Count packets that may have been of an SA, but were not found: lost on the TUN device, or
 * from unknown VTI devices.
 */
static void count_unidentified(private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	uint64_t *lost = &this->tun_lost[sa->inbound];

	if (!sa->plain.trace)
	{
		return;
	}
	if (sa->read && sa->passed)
	{
		*lost = sa->passed > *sa->read ? sa->passed - *sa->read : 0;
		sa->plain.count->unidentified += *lost > sa->lost ? *lost - sa->lost : 0;
	}
	if (sa->vti)
	{
		sa->plain.count->unidentified += this->devices->get_unknown(this->devices) -
										 sa->unknown;
	}
}

METHOD(nflog_ts_lookup_t, remove_, void,
	private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	if (sa->selectors)
	{
		this->selected->remove(this->selected, sa, NULL);
	}
	count_unidentified(this, sa);
}

METHOD(nflog_ts_lookup_t, expire, bool,
	private_nflog_ts_lookup_t *this, bool idle)
{
	timeval_t now;
	nflog_sa_t *sa;

	time_monotonic(&now);
	if (idle)
	{
		timeval_add_ms(&now, EXCLUDED_LIMIT - EXCLUDED_TIMEOUT);
	}
	while (this->ended->get_first(this->ended, (void**)&sa) == SUCCESS &&
		   !timercmp(&now, &sa->deadline, <))
	{
		this->ended->remove_first(this->ended, (void**)&sa);
		destroy_excluded(this, sa);
	}
	return this->ended->get_count(this->ended) > 0;
}

/**
 * End an excluded SA, packets in the clear may be of it until all must have been read.
 */
static void end_excluded(private_nflog_ts_lookup_t *this,
						 nflog_esp_key_t *key)
{
	nflog_sa_t *sa = this->excluded->remove(this->excluded, key);

	if (sa)
	{
		sa->ended = TRUE;
		time_monotonic(&sa->deadline);
		timeval_add_ms(&sa->deadline, EXCLUDED_LIMIT);
		this->ended->insert_last(this->ended, sa);
	}
}

METHOD(nflog_ts_lookup_t, exclude, void,
	private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	expire(this, FALSE);
	end_excluded(this, &sa->key);
	sa->excluded = TRUE;
	this->excluded->put(this->excluded, &sa->key, sa);
	this->selected->insert_first(this->selected, sa);
}

METHOD(nflog_ts_lookup_t, include, void,
	private_nflog_ts_lookup_t *this, host_t *dst, uint32_t spi)
{
	nflog_esp_key_t key;

	expire(this, FALSE);
	nflog_sa_set_key(&key, TRUE, dst, spi);
	end_excluded(this, &key);
	nflog_sa_set_key(&key, FALSE, dst, spi);
	end_excluded(this, &key);
}

/**
 * Check if an excluded SA has ended, and all of its packets were read.
 */
static bool is_over(nflog_sa_t *sa)
{
	timeval_t now;

	if (!sa->excluded || !sa->ended)
	{
		return FALSE;
	}
	time_monotonic(&now);
	return !timercmp(&now, &sa->deadline, <);
}

/**
 * Check if a candidate is better than another one.
 */
static bool is_better(candidate_t *sa, candidate_t *than, bool inbound)
{
	if (!than->sa || sa->closeness != than->closeness)
	{
		return sa->closeness > than->closeness;
	}
	if (!inbound && sa->sa->ended != than->sa->ended)
	{
		return than->sa->ended;
	}
	return inbound &&
		   nflog_order_cmp(__atomic_load_n(&sa->sa->used, __ATOMIC_RELAXED),
						   __atomic_load_n(&than->sa->used, __ATOMIC_RELAXED)) > 0;
}

/**
 * Choose between a captured and an excluded SA.
 *
 * If the packet may be of the excluded SA, it is not captured, as what is not enabled must
 * not get on the disk.
 */
static nflog_sa_t *choose(candidate_t *captured, candidate_t *other, bool inbound)
{
	if (!other->sa || !captured->sa || captured->closeness > other->closeness)
	{
		return captured->sa;
	}
	if (nflog_esp_key_equals(&captured->sa->key, &other->sa->key))
	{	/* its capture is ending, the packet may have been logged before */
		return captured->sa;
	}
	if (captured->closeness == other->closeness &&
		!inbound && captured->position < other->position)
	{
		return captured->sa;
	}
	if (captured->closeness == other->closeness || other->sa->ended)
	{
		nflog_counters_add(&captured->sa->plain.count->unidentified);
	}
	return NULL;
}

/**
 * Find the SA of a packet in the clear by traffic selectors.
 *
 * Takes the SA whose selectors match most closely.  Among several, a packet that leaves gets
 * the one installed last that still exists, or if none does, the last one that did.  As a
 * packet that arrives may still use an earlier SA, it gets the one last seen in ESP.
 *
 * kernel-libipsec looks up the first matching policy, then the newest SA with its reqid
 * (process_outbound() in libipsec's ipsec_processor.c), in one thread, after the packet was
 * logged.
 *
 * @param vti			key of the VTI device, 0 for a TUN device
 */
static nflog_sa_t *find_selected(private_nflog_ts_lookup_t *this,
								 nflog_logged_t *logged,
								 bool inbound, uint32_t vti)
{
	candidate_t candidate = {}, captured = {}, other = {}, *best;
	enumerator_t *enumerator;
	host_t *src, *dst;
	uint8_t proto;
	nflog_sa_t *sa;

	if (!nflog_packet_parse_plain(logged, &src, &dst, &proto))
	{
		return NULL;
	}
	enumerator = this->selected->create_enumerator(this->selected);
	while (enumerator->enumerate(enumerator, &sa))
	{
		best = sa->plain.trace ? &captured : &other;
		candidate.sa = sa;
		candidate.position++;
		if (sa->inbound == inbound && sa->vti == vti && !is_over(sa))
		{
			candidate.closeness = sa->selectors->match(sa->selectors, src, dst,
													   proto);
			if (candidate.closeness && is_better(&candidate, best, inbound))
			{
				*best = candidate;
			}
		}
	}
	enumerator->destroy(enumerator);
	src->destroy(src);
	dst->destroy(dst);
	return choose(&captured, &other, inbound);
}

METHOD(nflog_ts_lookup_t, use, void,
	private_nflog_ts_lookup_t *this, nflog_sa_t *sa)
{
	__atomic_store_n(&sa->used, ref_get(&this->used), __ATOMIC_RELAXED);
}

METHOD(nflog_ts_lookup_t, find_tun, nflog_sa_t*,
	private_nflog_ts_lookup_t *this, nflog_logged_t *logged, bool inbound)
{
	nflog_counters_add(&this->tun_read[inbound]);
	return find_selected(this, logged, inbound, 0);
}

METHOD(nflog_ts_lookup_t, find_vti, nflog_sa_t*,
	private_nflog_ts_lookup_t *this, nflog_logged_t *logged)
{
	struct nlattr *attr = logged->attrs[NFULA_IFINDEX_INDEV];
	uint32_t key;

	key = attr ? this->devices->get_key(this->devices, ntohl(mnl_attr_get_u32(attr))) : 0;
	return key ? find_selected(this, logged, TRUE, key) : NULL;
}

METHOD(nflog_ts_lookup_t, reset, void,
	private_nflog_ts_lookup_t *this)
{
	memset(this->tun_read, 0, sizeof(this->tun_read));
	memset(this->tun_lost, 0, sizeof(this->tun_lost));
}

METHOD(nflog_ts_lookup_t, destroy, void,
	private_nflog_ts_lookup_t *this)
{
	enumerator_t *enumerator;
	nflog_sa_t *sa;

	enumerator = this->excluded->create_enumerator(this->excluded);
	while (enumerator->enumerate(enumerator, NULL, &sa))
	{
		nflog_sa_destroy(sa);
	}
	enumerator->destroy(enumerator);
	this->excluded->destroy(this->excluded);
	this->ended->destroy_function(this->ended, (void*)nflog_sa_destroy);
	this->selected->destroy(this->selected);
	free(this);
}

/*
 * Described in header
 */
nflog_ts_lookup_t *nflog_ts_lookup_create(nflog_devices_t *devices)
{
	private_nflog_ts_lookup_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.wait = _wait_,
			.remove = _remove_,
			.exclude = _exclude,
			.include = _include,
			.expire = _expire,
			.use = _use,
			.find_tun = _find_tun,
			.find_vti = _find_vti,
			.reset = _reset,
			.destroy = _destroy,
		},
		.selected = linked_list_create(),
		.excluded = hashtable_create(nflog_esp_key_hash,
									 nflog_esp_key_equals, 32),
		.ended = linked_list_create(),
		.devices = devices,
	);
	return &this->public;
}

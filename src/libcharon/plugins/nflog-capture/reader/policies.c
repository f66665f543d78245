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

#include "policies.h"
#include "net_table.h"
#include "rules/sa.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

typedef struct private_nflog_policies_t private_nflog_policies_t;
typedef struct policy_t policy_t;
typedef struct search_t search_t;

/**
 * Private data.
 */
struct private_nflog_policies_t {

	/**
	 * Public interface.
	 */
	nflog_policies_t public;

	/**
	 * All policies, policy_t.
	 */
	hashtable_t *policies;

	/**
	 * Finds them by addresses, and by get_number().
	 */
	nflog_net_table_t *table;

	/**
	 * Guards all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Policy.
 */
struct policy_t {

	/**
	 * What identifies it.
	 */
	traffic_selector_t *src_ts, *dst_ts;
	mark_t mark;
	uint32_t if_id;
	policy_type_t type;

	/**
	 * Selectors, to match packets, and their subnets.
	 */
	nflog_selectors_t *selectors;
	nflog_nets_t *nets;

	/**
	 * How often it was added.
	 */
	u_int count;

	/**
	 * When it was added first.
	 */
	timeval_t since;
};

/**
 * Search for a policy.
 */
struct search_t {

	/**
	 * Packet.
	 */
	nflog_leaving_t *packet;

	/**
	 * Type, mark and interface ID of the policy, mark only if any_mark is FALSE.
	 */
	policy_type_t type;
	mark_t mark;
	uint32_t if_id;
	bool any_mark;

	/**
	 * The one that matches most closely, NULL if none does.
	 */
	policy_t *found;
	u_int closeness;
};

/**
 * Get the number by which policies are found besides their addresses, as many may have the
 * same ones.
 */
static uint32_t get_number(mark_t mark, uint32_t if_id)
{
	return if_id ?: mark.mask == 0xffffffff ? mark.value : 0;
}

/**
 * Hash a policy.
 */
static u_int hash(const void *key)
{
	policy_t *this = (policy_t*)key;
	u_int hash;

	hash = chunk_hash_inc(chunk_from_thing(this->mark), this->if_id);
	hash = this->src_ts->hash(this->src_ts, hash);
	return this->dst_ts->hash(this->dst_ts, hash);
}

/**
 * Compare policies.
 */
static bool equals(const void *a, const void *b)
{
	policy_t *this = (policy_t*)a, *other = (policy_t*)b;

	return this->type == other->type && this->if_id == other->if_id &&
		   this->mark.value == other->mark.value && this->mark.mask == other->mark.mask &&
		   this->src_ts->equals(this->src_ts, other->src_ts) &&
		   this->dst_ts->equals(this->dst_ts, other->dst_ts);
}

/**
 * Get the key of a policy.
 */
static policy_t get_key(kernel_ipsec_policy_id_t *id, policy_type_t type)
{
	return (policy_t){
		.src_ts = id->src_ts,
		.dst_ts = id->dst_ts,
		.mark = id->mark,
		.if_id = id->if_id,
		.type = type,
	};
}

/**
 * Create a policy.
 */
static policy_t *create_policy(policy_t *key)
{
	linked_list_t *src, *dst;
	policy_t *this;

	src = linked_list_create_with_items(key->src_ts, NULL);
	dst = linked_list_create_with_items(key->dst_ts, NULL);
	INIT(this,
		.src_ts = key->src_ts->clone(key->src_ts),
		.dst_ts = key->dst_ts->clone(key->dst_ts),
		.mark = key->mark,
		.if_id = key->if_id,
		.type = key->type,
		.selectors = nflog_selectors_create(src, dst),
		.nets = nflog_nets_create(src, dst),
	);
	gettimeofday(&this->since, NULL);
	src->destroy(src);
	dst->destroy(dst);
	return this;
}

/**
 * Destroy a policy that was removed from the hash table, the mutex is locked.
 */
static void drop(private_nflog_policies_t *this, policy_t *policy)
{
	this->table->remove(this->table, policy->nets,
						get_number(policy->mark, policy->if_id), policy);
	policy->selectors->destroy(policy->selectors);
	policy->src_ts->destroy(policy->src_ts);
	policy->dst_ts->destroy(policy->dst_ts);
	free(policy->nets);
	free(policy);
}

METHOD(nflog_policies_t, add, void,
	private_nflog_policies_t *this, kernel_ipsec_policy_id_t *id, policy_type_t type)
{
	policy_t key = get_key(id, type), *policy;

	if (id->dir != POLICY_OUT)
	{
		return;
	}
	this->mutex->lock(this->mutex);
	policy = this->policies->get(this->policies, &key);
	if (!policy)
	{
		policy = create_policy(&key);
		this->policies->put(this->policies, policy, policy);
		this->table->add(this->table, policy->nets,
						 get_number(policy->mark, policy->if_id), policy);
	}
	policy->count++;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_policies_t, remove_, void,
	private_nflog_policies_t *this, kernel_ipsec_policy_id_t *id, policy_type_t type)
{
	policy_t key = get_key(id, type), *policy;

	if (id->dir != POLICY_OUT)
	{
		return;
	}
	this->mutex->lock(this->mutex);
	policy = this->policies->get(this->policies, &key);
	if (policy && !--policy->count)
	{
		this->policies->remove(this->policies, policy);
		drop(this, policy);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_policies_t, flush, void,
	private_nflog_policies_t *this)
{
	enumerator_t *enumerator;
	policy_t *policy;

	this->mutex->lock(this->mutex);
	enumerator = this->policies->create_enumerator(this->policies);
	while (enumerator->enumerate(enumerator, NULL, &policy))
	{
		this->policies->remove_at(this->policies, enumerator);
		drop(this, policy);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

CALLBACK(match, void,
	search_t *search, policy_t *policy, nflog_net_pair_t *pair)
{
	u_int closeness;

	if (policy->type == search->type && policy->if_id == search->if_id &&
		(search->any_mark
			? (search->packet->mark & policy->mark.mask) == policy->mark.value
			: policy->mark.value == search->mark.value &&
			  policy->mark.mask == search->mark.mask))
	{
		closeness = policy->selectors->match(policy->selectors, search->packet->src,
											 search->packet->dst, search->packet->proto);
		if (closeness > search->closeness)
		{
			search->found = policy;
			search->closeness = closeness;
		}
	}
}

/**
 * Find a policy, the mutex is locked.
 */
static policy_t *find(private_nflog_policies_t *this, search_t *search, uint32_t number)
{
	this->table->find(this->table, search->packet->src, search->packet->dst, number,
					  (nflog_net_table_cb_t)match, search);
	return search->found;
}

/**
 * Find the policy of a packet by the interface ID of its device, or by its mark, the mutex is
 * locked.
 */
static policy_t *find_any_mark(private_nflog_policies_t *this, nflog_leaving_t *packet,
							   policy_type_t type)
{
	search_t search = {
		.packet = packet,
		.type = type,
		.if_id = packet->device->if_id,
		.any_mark = TRUE,
	};

	find(this, &search, search.if_id ?: packet->mark);
	if (!search.if_id && packet->mark)
	{	/* those that match a part of the mark, or any */
		find(this, &search, 0);
	}
	return search.found;
}

METHOD(nflog_policies_t, has_device, bool,
	private_nflog_policies_t *this, nflog_leaving_t *packet)
{
	nflog_leaving_t marked = *packet;
	bool found;

	marked.mark = packet->device->mark ?: packet->mark;
	this->mutex->lock(this->mutex);
	found = find_any_mark(this, &marked, POLICY_IPSEC) != NULL;
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(nflog_policies_t, find_pass, bool,
	private_nflog_policies_t *this, nflog_leaving_t *packet, char *buf, size_t len)
{
	policy_t *policy;

	this->mutex->lock(this->mutex);
	policy = find_any_mark(this, packet, POLICY_PASS);
	if (policy)
	{
		snprintf(buf, len, "%R === %R", policy->src_ts, policy->dst_ts);
	}
	this->mutex->unlock(this->mutex);
	return policy != NULL;
}

METHOD(nflog_policies_t, find_ipsec, bool,
	private_nflog_policies_t *this, nflog_leaving_t *packet, mark_t mark, uint32_t if_id,
	timeval_t *since)
{
	search_t search = {
		.packet = packet,
		.type = POLICY_IPSEC,
		.mark = mark,
		.if_id = if_id,
	};
	policy_t *policy;

	this->mutex->lock(this->mutex);
	policy = find(this, &search, get_number(mark, if_id));
	if (policy)
	{
		*since = policy->since;
	}
	this->mutex->unlock(this->mutex);
	return policy != NULL;
}

METHOD(nflog_policies_t, destroy, void,
	private_nflog_policies_t *this)
{
	flush(this);
	this->policies->destroy(this->policies);
	this->table->destroy(this->table);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_policies_t *nflog_policies_create()
{
	private_nflog_policies_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.flush = _flush,
			.has_device = _has_device,
			.find_pass = _find_pass,
			.find_ipsec = _find_ipsec,
			.destroy = _destroy,
		},
		.policies = hashtable_create(hash, equals, 32),
		.table = nflog_net_table_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

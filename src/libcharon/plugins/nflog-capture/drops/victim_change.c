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

#include "victim_change.h"

#include <selectors/traffic_selector.h>

typedef struct private_nflog_victim_change_t private_nflog_victim_change_t;

/**
 * Private data.
 */
struct private_nflog_victim_change_t {

	/**
	 * Public interface.
	 */
	nflog_victim_change_t public;

	/**
	 * CHILD_SA, not owned.
	 */
	nflog_victim_t *victim;

	/**
	 * TRUE if it is about the inbound SA.
	 */
	bool inbound;

	/**
	 * SA, of which only addresses may be set.
	 */
	kernel_ipsec_sa_id_t id;

	/**
	 * Its selectors, traffic_selector_t, NULL if not known.
	 */
	linked_list_t *src_ts, *dst_ts;
};

METHOD(nflog_victim_change_t, add, bool,
	private_nflog_victim_change_t *this, nflog_victims_t *victims)
{
	victims->add(victims, this->victim);
	return TRUE;
}

METHOD(nflog_victim_change_t, set_sa, bool,
	private_nflog_victim_change_t *this, nflog_victims_t *victims)
{
	return victims->set_sa(victims, this->victim, this->inbound, &this->id, this->src_ts,
						   this->dst_ts);
}

METHOD(nflog_victim_change_t, set_addresses, bool,
	private_nflog_victim_change_t *this, nflog_victims_t *victims)
{
	return victims->set_addresses(victims, this->victim, this->inbound, this->id.src,
								  this->id.dst);
}

METHOD(nflog_victim_change_t, remove_, bool,
	private_nflog_victim_change_t *this, nflog_victims_t *victims)
{
	victims->remove(victims, this->victim);
	return TRUE;
}

METHOD(nflog_victim_change_t, get_victim, nflog_victim_t*,
	private_nflog_victim_change_t *this)
{
	return this->victim;
}

METHOD(nflog_victim_change_t, is_removal, bool,
	private_nflog_victim_change_t *this)
{
	return this->public.apply == (void*)_remove_;
}

/**
 * Clone a list of selectors, NULL if there is none.
 */
static linked_list_t *clone_list(linked_list_t *list)
{
	return list ? list->clone_offset(list, offsetof(traffic_selector_t, clone)) : NULL;
}

METHOD(nflog_victim_change_t, destroy, void,
	private_nflog_victim_change_t *this)
{
	DESTROY_IF(this->id.src);
	DESTROY_IF(this->id.dst);
	DESTROY_OFFSET_IF(this->src_ts, offsetof(traffic_selector_t, destroy));
	DESTROY_OFFSET_IF(this->dst_ts, offsetof(traffic_selector_t, destroy));
	free(this);
}

/**
 * Create a change.
 *
 * @param apply		applies it
 */
static private_nflog_victim_change_t *create(nflog_victim_t *victim,
						bool (*apply)(nflog_victim_change_t *this, nflog_victims_t *victims))
{
	private_nflog_victim_change_t *this;

	INIT(this,
		.public = {
			.apply = apply,
			.get_victim = _get_victim,
			.is_removal = _is_removal,
			.destroy = _destroy,
		},
		.victim = victim,
	);
	return this;
}

/*
 * Described in header
 */
nflog_victim_change_t *nflog_victim_change_create_add(nflog_victim_t *victim)
{
	return &create(victim, _add)->public;
}

/*
 * Described in header
 */
nflog_victim_change_t *nflog_victim_change_create_sa(nflog_victim_t *victim,
								kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	private_nflog_victim_change_t *this = create(victim, _set_sa);

	this->inbound = data->inbound;
	this->id = *id;
	this->id.src = id->src->clone(id->src);
	this->id.dst = id->dst->clone(id->dst);
	this->src_ts = clone_list(data->src_ts);
	this->dst_ts = clone_list(data->dst_ts);
	return &this->public;
}

/*
 * Described in header
 */
nflog_victim_change_t *nflog_victim_change_create_addresses(nflog_victim_t *victim,
								bool inbound, kernel_ipsec_update_sa_t *data)
{
	private_nflog_victim_change_t *this = create(victim, _set_addresses);

	this->inbound = inbound;
	this->id.src = data->new_src->clone(data->new_src);
	this->id.dst = data->new_dst->clone(data->new_dst);
	return &this->public;
}

/*
 * Described in header
 */
nflog_victim_change_t *nflog_victim_change_create_removal(nflog_victim_t *victim)
{
	return &create(victim, _remove_)->public;
}

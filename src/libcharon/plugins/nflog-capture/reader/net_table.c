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

#include "net_table.h"

#include <collections/hashtable.h>

typedef struct private_nflog_net_table_t private_nflog_net_table_t;
typedef struct class_t class_t;
typedef struct values_t values_t;

/**
 * Private data.
 */
struct private_nflog_net_table_t {

	/**
	 * Public interface.
	 */
	nflog_net_table_t public;

	/**
	 * Classes of the pairs, class_t.
	 */
	linked_list_t *classes;

	/**
	 * Values, net_key_t => values_t.
	 */
	hashtable_t *values;
};

/**
 * Class of pairs.
 */
struct class_t {

	/**
	 * Lengths of its prefixes.
	 */
	nflog_net_class_t class;

	/**
	 * Number of keys that have it.
	 */
	u_int count;
};

/**
 * What identifies values, without any padding.
 */
typedef struct {

	/**
	 * Pair of subnets.
	 */
	nflog_net_pair_t pair;

	/**
	 * Number.
	 */
	uint32_t number;

} net_key_t;

/**
 * Values with the same key.
 */
struct values_t {

	/**
	 * Key.
	 */
	net_key_t key;

	/**
	 * Class of its pair.
	 */
	class_t *class;

	/**
	 * The values, the one added last first.
	 */
	linked_list_t *list;

	/**
	 * How often not all of them were looked at.
	 */
	uint64_t cut;
};

/**
 * Hash a net_key_t.
 */
static u_int hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(net_key_t)));
}

/**
 * Compare two net_key_t.
 */
static bool equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(net_key_t));
}

/**
 * Get a class, create it if there is none.
 */
static class_t *get_class(private_nflog_net_table_t *this, nflog_net_class_t *class)
{
	class_t *current, *found = NULL;
	enumerator_t *enumerator;

	enumerator = this->classes->create_enumerator(this->classes);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		found = memeq(&current->class, class, sizeof(*class)) ? current : NULL;
	}
	enumerator->destroy(enumerator);
	if (!found)
	{
		INIT(found,
			.class = *class,
		);
		this->classes->insert_last(this->classes, found);
	}
	return found;
}

/**
 * Get the values of a pair and number, NULL if there are none.
 */
static values_t *get_values(private_nflog_net_table_t *this, nflog_net_pair_t pair,
							uint32_t number)
{
	net_key_t key = {
		.pair = pair,
		.number = number,
	};

	return this->values->get(this->values, &key);
}

METHOD(nflog_net_table_t, add, void,
	private_nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number, void *value)
{
	values_t *values;
	u_int i;

	for (i = 0; i < nets->count; i++)
	{
		values = get_values(this, nets->pairs[i], number);
		if (!values)
		{
			INIT(values,
				.key = { .pair = nets->pairs[i], .number = number },
				.class = get_class(this, &nets->pairs[i].class),
				.list = linked_list_create(),
			);
			values->class->count++;
			this->values->put(this->values, &values->key, values);
		}
		values->list->insert_first(values->list, value);
	}
}

/**
 * Remove values of which none are left.
 */
static void remove_values(private_nflog_net_table_t *this, values_t *values)
{
	this->values->remove(this->values, &values->key);
	if (!--values->class->count)
	{
		this->classes->remove(this->classes, values->class, NULL);
		free(values->class);
	}
	values->list->destroy(values->list);
	free(values);
}

METHOD(nflog_net_table_t, remove_, void,
	private_nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number, void *value)
{
	values_t *values;
	u_int i;

	for (i = 0; i < nets->count; i++)
	{
		values = get_values(this, nets->pairs[i], number);
		if (values)
		{
			values->list->remove(values->list, value, NULL);
			if (!values->list->get_count(values->list))
			{
				remove_values(this, values);
			}
		}
	}
}

/**
 * Pass values to the callback.
 */
static void pass(values_t *values, nflog_net_table_cb_t cb, void *data)
{
	enumerator_t *enumerator;
	void *value;
	u_int i = 0;

	enumerator = values->list->create_enumerator(values->list);
	values->cut += values->list->get_count(values->list) > NFLOG_NET_TABLE_VALUES;
	while (i++ < NFLOG_NET_TABLE_VALUES && enumerator->enumerate(enumerator, &value))
	{
		cb(data, value, &values->key.pair);
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_net_table_t, find, void,
	private_nflog_net_table_t *this, host_t *src, host_t *dst, uint32_t number,
	nflog_net_table_cb_t cb, void *data)
{
	enumerator_t *enumerator;
	values_t *values;
	class_t *class;

	enumerator = this->classes->create_enumerator(this->classes);
	while (enumerator->enumerate(enumerator, &class))
	{
		if (class->class.family == src->get_family(src))
		{
			values = get_values(this, nflog_net_pair(&class->class, src->get_address(src),
													 dst->get_address(dst)), number);
			if (values)
			{
				pass(values, cb, data);
			}
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_net_table_t, get_cut, uint64_t,
	private_nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number)
{
	uint64_t cut = 0;
	u_int i;

	for (i = 0; i < nets->count; i++)
	{
		cut += get_values(this, nets->pairs[i], number)->cut;
	}
	return cut;
}

METHOD(nflog_net_table_t, destroy, void,
	private_nflog_net_table_t *this)
{
	enumerator_t *enumerator;
	values_t *values;

	enumerator = this->values->create_enumerator(this->values);
	while (enumerator->enumerate(enumerator, NULL, &values))
	{
		values->list->destroy(values->list);
		free(values);
	}
	enumerator->destroy(enumerator);
	this->values->destroy(this->values);
	this->classes->destroy_function(this->classes, free);
	free(this);
}

/*
 * Described in header
 */
nflog_net_table_t *nflog_net_table_create()
{
	private_nflog_net_table_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.find = _find,
			.get_cut = _get_cut,
			.destroy = _destroy,
		},
		.classes = linked_list_create(),
		.values = hashtable_create(hash, equals, 32),
	);
	return &this->public;
}

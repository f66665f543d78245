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

#include "nft_missed.h"
#include "nft_missed_rules.h"
#include "nft_set.h"

#include <linux/netfilter/nf_tables.h>

#include <collections/hashtable.h>

/** number of the first set in a transaction, others have lower ones */
#define FIRST_SET 100

typedef struct private_nflog_nft_missed_t private_nflog_nft_missed_t;
typedef struct class_t class_t;
typedef struct element_t element_t;

/**
 * Private data.
 */
struct private_nflog_nft_missed_t {

	/**
	 * Public interface.
	 */
	nflog_nft_missed_t public;

	/**
	 * Socket that owns the table.
	 */
	nflog_nft_socket_t *nft;

	/**
	 * Where to log packets.
	 */
	nflog_layout_t *layout;

	/**
	 * Classes, class_t.
	 */
	linked_list_t *classes;

	/**
	 * Elements of all classes, nflog_net_pair_t => element_t.
	 */
	hashtable_t *elements;

	/**
	 * Elements whose number of users changes, element_t.
	 */
	linked_list_t *changed;

	/**
	 * Number of the last set in the transaction.
	 */
	uint32_t id;

	/**
	 * TRUE if the chains are in the table.
	 */
	bool chains;
};

/**
 * Class of pairs, which has a set.
 */
struct class_t {

	/**
	 * Lengths of its prefixes.
	 */
	nflog_net_class_t class;

	/**
	 * Name of its set.
	 */
	char name[32];

	/**
	 * Number of elements in the table, and after the transaction.
	 */
	u_int count, next;
};

/**
 * Pair of subnets.
 */
struct element_t {

	/**
	 * Pair.
	 */
	nflog_net_pair_t pair;

	/**
	 * Class it is in.
	 */
	class_t *class;

	/**
	 * Number of users, and the one after the transaction.
	 */
	u_int count, next;

	/**
	 * TRUE if it is in the list of changed ones.
	 */
	bool changed;
};

/**
 * Get a class, create it if there is none.
 */
static class_t *get_class(private_nflog_nft_missed_t *this, nflog_net_class_t *class)
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
		snprintf(found->name, sizeof(found->name), "missed-%s-%u-%u%s",
				 class->family == AF_INET ? "ipv4" : "ipv6",
				 class->prefix[NFLOG_NET_SRC], class->prefix[NFLOG_NET_DST],
				 class->any ? "-any" : "");
		this->classes->insert_last(this->classes, found);
	}
	return found;
}

/**
 * Note that the number of users of an element changes.
 */
static void change(private_nflog_nft_missed_t *this, element_t *element, int by)
{
	bool used = element->next > 0;

	element->next += by;
	element->class->next += (element->next > 0) - used;
	if (!element->changed)
	{
		element->changed = TRUE;
		this->changed->insert_last(this->changed, element);
	}
}

METHOD(nflog_nft_missed_t, use, void,
	private_nflog_nft_missed_t *this, nflog_nets_t *nets)
{
	element_t *element;
	u_int i;

	for (i = 0; i < nets->count; i++)
	{
		element = this->elements->get(this->elements, &nets->pairs[i]);
		if (!element)
		{
			INIT(element,
				.pair = nets->pairs[i],
				.class = get_class(this, &nets->pairs[i].class),
			);
			this->elements->put(this->elements, &element->pair, element);
		}
		change(this, element, 1);
	}
}

METHOD(nflog_nft_missed_t, release, void,
	private_nflog_nft_missed_t *this, nflog_nets_t *nets)
{
	u_int i;

	for (i = 0; i < nets->count; i++)
	{
		change(this, this->elements->get(this->elements, &nets->pairs[i]), -1);
	}
}

/**
 * Replace the rules of classes by those of the ones that are used after the transaction.
 */
static void replace_rules(private_nflog_nft_missed_t *this)
{
	enumerator_t *enumerator;
	class_t *class;

	nflog_nft_missed_flush(this->nft);
	enumerator = this->classes->create_enumerator(this->classes);
	while (enumerator->enumerate(enumerator, &class))
	{
		if (class->next)
		{
			nflog_nft_missed_add_class(this->nft, &class->class, class->name);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Add or remove an element.
 */
static void change_element(private_nflog_nft_missed_t *this, element_t *element)
{
	size_t len = nflog_net_len(element->pair.class.family);
	nflog_element_t key = {
		.set = element->class->name,
		.len = 2 * len,
	};
	uint8_t *pos = (uint8_t*)key.key;
	bool add = element->next > 0;

	memcpy(pos, element->pair.addr[NFLOG_NET_SRC], len);
	memcpy(pos + len, element->pair.addr[NFLOG_NET_DST], len);
	nflog_nft_set_build(this->nft->add(this->nft,
									   add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
									   add ? NLM_F_CREATE | NLM_F_EXCL : 0), &key);
}

/**
 * Add the sets of new classes to the transaction, or remove those of classes that end.
 *
 * @return				TRUE if any class begins or ends
 */
static bool change_sets(private_nflog_nft_missed_t *this, bool add)
{
	enumerator_t *enumerator;
	bool changed = FALSE;
	class_t *class;

	enumerator = this->classes->create_enumerator(this->classes);
	while (enumerator->enumerate(enumerator, &class))
	{
		if (add && !class->count && class->next)
		{
			nflog_nft_set_add(this->nft, class->name, this->id++,
							  class->class.family == AF_INET ? SET_NETS_IPV4
															 : SET_NETS_IPV6);
		}
		else if (!add && class->count && !class->next)
		{
			nflog_nft_set_remove(this->nft, class->name);
		}
		changed |= !class->count != !class->next;
	}
	enumerator->destroy(enumerator);
	return changed;
}

/**
 * Is any class used after the transaction?
 */
static bool is_used(private_nflog_nft_missed_t *this)
{
	enumerator_t *enumerator;
	bool used = FALSE;
	class_t *class;

	enumerator = this->classes->create_enumerator(this->classes);
	while (!used && enumerator->enumerate(enumerator, &class))
	{
		used = class->next > 0;
	}
	enumerator->destroy(enumerator);
	return used;
}

METHOD(nflog_nft_missed_t, prepare, void,
	private_nflog_nft_missed_t *this)
{
	enumerator_t *enumerator;
	element_t *element;
	bool used, rules;

	if (!this->changed->get_count(this->changed))
	{
		return;
	}
	used = is_used(this);
	this->id = FIRST_SET;
	rules = change_sets(this, TRUE);
	enumerator = this->changed->create_enumerator(this->changed);
	while (enumerator->enumerate(enumerator, &element))
	{	/* elements of a set that is removed go with it */
		if (!element->count != !element->next && element->class->next)
		{
			change_element(this, element);
		}
	}
	enumerator->destroy(enumerator);
	if (used && !this->chains)
	{
		nflog_nft_missed_add_chains(this->nft, this->layout);
	}
	if (used && rules)
	{
		replace_rules(this);
	}
	if (!used && this->chains)
	{
		nflog_nft_missed_remove_chains(this->nft);
	}
	change_sets(this, FALSE);
}

METHOD(nflog_nft_missed_t, complete, void,
	private_nflog_nft_missed_t *this, bool success)
{
	enumerator_t *enumerator;
	element_t *element;
	class_t *class;

	while (this->changed->remove_first(this->changed, (void**)&element) == SUCCESS)
	{
		element->changed = FALSE;
		if (success)
		{
			element->count = element->next;
		}
		element->next = element->count;
		if (!element->count)
		{
			this->elements->remove(this->elements, &element->pair);
			free(element);
		}
	}
	enumerator = this->classes->create_enumerator(this->classes);
	while (enumerator->enumerate(enumerator, &class))
	{
		if (success)
		{
			class->count = class->next;
		}
		class->next = class->count;
		if (!class->count)
		{
			this->classes->remove_at(this->classes, enumerator);
			free(class);
		}
	}
	enumerator->destroy(enumerator);
	this->chains = this->classes->get_count(this->classes) > 0;
}

METHOD(nflog_nft_missed_t, destroy, void,
	private_nflog_nft_missed_t *this)
{
	enumerator_t *enumerator;
	element_t *element;

	enumerator = this->elements->create_enumerator(this->elements);
	while (enumerator->enumerate(enumerator, NULL, &element))
	{
		free(element);
	}
	enumerator->destroy(enumerator);
	this->elements->destroy(this->elements);
	this->changed->destroy(this->changed);
	this->classes->destroy_function(this->classes, free);
	free(this);
}

/*
 * Described in header
 */
nflog_nft_missed_t *nflog_nft_missed_create(nflog_nft_socket_t *nft,
											nflog_layout_t *layout)
{
	private_nflog_nft_missed_t *this;

	INIT(this,
		.public = {
			.use = _use,
			.release = _release,
			.prepare = _prepare,
			.complete = _complete,
			.destroy = _destroy,
		},
		.nft = nft,
		.layout = layout,
		.classes = linked_list_create(),
		.elements = hashtable_create(nflog_net_pair_hash, nflog_net_pair_equals, 32),
		.changed = linked_list_create(),
	);
	return &this->public;
}

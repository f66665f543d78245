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

#include "sections.h"
#include "tree.h"

#include <stdarg.h>

#include <collections/hashtable.h>

/** names that a path may have, of ours or in a reference */
#define MAX_NAMES 32

/** sections that a look-up may visit one within the other */
#define MAX_DEPTH 64

/** sections that a look-up may visit */
#define MAX_VISITS 1000

/** sections that all look-ups may visit, and settings that they may find: several
 * times what NFLOG_MAX_SETTINGS sections take that don't share others */
#define MAX_WORK 10000000

typedef struct private_nflog_sections_t private_nflog_sections_t;
typedef struct search_t search_t;
typedef struct result_t result_t;

/**
 * Private data.
 */
struct private_nflog_sections_t {

	/**
	 * Public interface.
	 */
	nflog_sections_t public;

	/**
	 * All sections, with their settings and references.
	 */
	nflog_tree_t *tree;

	/**
	 * Section that is being added to.
	 */
	nflog_item_t *current;

	/**
	 * Number of times that items were added, or set.
	 */
	u_int count;

	/**
	 * Sections that were visited, and settings that were found, by look-ups.
	 */
	u_int work;
};

/**
 * Count an item or a reference.
 */
static bool count(private_nflog_sections_t *this)
{
	return this->count++ < NFLOG_MAX_SETTINGS;
}

METHOD(nflog_sections_t, begin, bool,
	private_nflog_sections_t *this, char *name)
{
	this->current = this->tree->add(this->tree, this->current, name,
									ITEM_SECTION);
	return count(this);
}

METHOD(nflog_sections_t, refer, bool,
	private_nflog_sections_t *this, char *path)
{
	this->tree->add(this->tree, this->current, path, ITEM_REFERENCE);
	/* not more than a look-up can visit */
	return count(this) && array_count(this->current->references) <= MAX_VISITS;
}

METHOD(nflog_sections_t, set, bool,
	private_nflog_sections_t *this, char *key, char *value)
{
	nflog_item_t *item;

	item = this->tree->add(this->tree, this->current, key, ITEM_SETTING);
	this->tree->set(this->tree, item, value);
	return count(this);
}

METHOD(nflog_sections_t, end, bool,
	private_nflog_sections_t *this)
{
	if (!this->current->parent)
	{
		return FALSE;
	}
	this->current = this->current->parent;
	return TRUE;
}

/**
 * A look-up.
 */
struct search_t {

	/** names of sections down to what is searched */
	char *names[MAX_NAMES];

	/** number of names */
	u_int count;

	/** sections found, nflog_item_t, NULL if none */
	array_t *found;
};

/**
 * Split the path of a reference into names, in a copy of it.
 */
static bool split(search_t *search, char *path)
{
	char *pos;

	do
	{
		if (search->count == MAX_NAMES)
		{
			return FALSE;
		}
		pos = strchr(path, '.');
		if (pos)
		{
			*pos = '\0';
		}
		search->names[search->count++] = path;
		path = pos ? pos + 1 : NULL;
	}
	while (path);
	return TRUE;
}

/**
 * Count what a look-up does.
 *
 * @return			FALSE if that is more than all look-ups may do
 */
static bool work(private_nflog_sections_t *this, u_int count)
{
	this->work = min(this->work + count, MAX_WORK);
	return this->work < MAX_WORK;
}

/**
 * Add a section to those that a look-up found.
 *
 * @return			FALSE if it was found before
 */
static bool add_found(private_nflog_sections_t *this, search_t *search,
					  nflog_item_t *section)
{
	nflog_item_t *other;
	int i;

	work(this, array_count(search->found));

	for (i = 0; i < array_count(search->found); i++)
	{
		array_get(search->found, i, &other);
		if (other == section)
		{
			return FALSE;
		}
	}
	array_insert_create(&search->found, ARRAY_TAIL, section);
	return TRUE;
}

/* forward declaration */
static bool find(private_nflog_sections_t *this, search_t *search,
				 nflog_item_t *section, u_int pos, bool follow, u_int depth,
				 u_int *visits);

/**
 * Find the sections that a reference leads to.
 */
static bool resolve(private_nflog_sections_t *this, char *reference,
					array_t **found, u_int depth, u_int *visits)
{
	search_t search = {
		.found = *found,
	};
	char *path;
	bool success;

	path = strdup(reference);
	success = split(&search, path) &&
			  find(this, &search, this->tree->top, 0, TRUE, depth, visits);
	free(path);
	*found = search.found;
	return success;
}

/**
 * Find what is below a section, first in itself, then in the sections that it
 * refers to, in the same order as settings_t does.
 *
 * @param pos		index of the name that is looked up in the section
 * @param follow	TRUE to look in sections that this one refers to
 * @param depth		number of sections that may be visited within this one
 * @param visits	number of sections that may be visited in all
 * @return			FALSE if that was exceeded
 */
static bool find(private_nflog_sections_t *this, search_t *search,
				 nflog_item_t *section, u_int pos, bool follow, u_int depth,
				 u_int *visits)
{
	array_t *found = NULL;
	nflog_item_t *item, *reference;
	bool success = TRUE;
	int i, j;

	if (!depth || !*visits || !work(this, 1))
	{
		return FALSE;
	}
	depth--;
	(*visits)--;

	item = this->tree->find(this->tree, section, search->names[pos],
							ITEM_SECTION);
	if (item && pos + 1 < search->count)
	{
		success = find(this, search, item, pos + 1, TRUE, depth, visits);
	}
	else if (item && add_found(this, search, item))
	{
		for (i = 0; success && i < array_count(item->references); i++)
		{
			array_get(item->references, i, &reference);
			success = resolve(this, reference->name, &search->found, depth, visits);
		}
	}
	for (i = 0; success && follow && i < array_count(section->references); i++)
	{
		array_get(section->references, i, &reference);
		success = resolve(this, reference->name, &found, depth, visits);
		for (j = 0; success && j < array_count(found); j++)
		{
			array_get(found, j, &item);
			success = find(this, search, item, pos, FALSE, depth, visits);
		}
		array_destroy(found);
		found = NULL;
	}
	return success;
}

/**
 * Enumerates what a look-up found.
 */
struct result_t {

	/** implements enumerator_t */
	enumerator_t public;

	/** number of items, and of those that were enumerated */
	u_int count, pos;

	/** items */
	nflog_item_t **items;
};

METHOD(enumerator_t, enumerate_sections, bool,
	result_t *this, va_list args)
{
	char **name;

	VA_ARGS_VGET(args, name);

	if (this->pos == this->count)
	{
		return FALSE;
	}
	*name = this->items[this->pos++]->name;
	return TRUE;
}

METHOD(enumerator_t, enumerate_settings, bool,
	result_t *this, va_list args)
{
	char **key, **value;

	VA_ARGS_VGET(args, key, value);

	if (this->pos == this->count)
	{
		return FALSE;
	}
	*key = this->items[this->pos]->name;
	*value = this->items[this->pos++]->value;
	return TRUE;
}

METHOD(enumerator_t, result_destroy, void,
	result_t *this)
{
	free(this->items);
	free(this);
}

/**
 * Add the items of a type that are in a section to those found before.
 *
 * @param seen		items by their names, of those with the same name the first one
 *					that has a value
 */
static void add_items(result_t *this, nflog_item_t *section, nflog_item_type_t type,
					  hashtable_t *seen)
{
	nflog_item_t *item, *former;

	for (item = section->first; item; item = item->next)
	{
		if (item->type != type)
		{
			continue;
		}
		former = seen->get(seen, item->name);
		if (!former)
		{
			this->items[this->count++] = item;
		}
		if (!former || (!former->value && item->value))
		{
			seen->put(seen, item->name, item);
		}
	}
}

/**
 * Remove items without a value that clear another one.
 */
static void remove_cleared(result_t *this, hashtable_t *seen)
{
	nflog_item_t *item;
	u_int i, count = 0;

	for (i = 0; i < this->count; i++)
	{
		item = this->items[i];
		if (!item->cleared && seen->get(seen, item->name) == item)
		{
			this->items[count++] = item;
		}
	}
	this->count = count;
}

/**
 * Enumerate the items in a section, the first of those with the same name.
 */
static enumerator_t *create_enumerator(private_nflog_sections_t *this,
									   char *name, va_list args,
									   nflog_item_type_t type)
{
	search_t search = {};
	hashtable_t *seen;
	result_t *result;
	nflog_item_t *section;
	u_int visits = MAX_VISITS, count = 0;
	int i;

	for (; name && search.count < MAX_NAMES; name = va_arg(args, char*))
	{
		search.names[search.count++] = name;
	}
	if (!search.count)
	{
		add_found(this, &search, this->tree->top);
	}
	else if (!find(this, &search, this->tree->top, 0, TRUE, MAX_DEPTH, &visits))
	{
		array_destroy(search.found);
		return NULL;
	}
	for (i = 0; i < array_count(search.found); i++)
	{
		array_get(search.found, i, &section);
		count += section->count;
	}
	if (!work(this, count))
	{
		array_destroy(search.found);
		return NULL;
	}
	INIT(result,
		.public = {
			.enumerate = enumerator_enumerate_default,
			.venumerate = type == ITEM_SECTION ? _enumerate_sections
											   : _enumerate_settings,
			.destroy = _result_destroy,
		},
		.items = calloc(max(count, 1), sizeof(nflog_item_t*)),
	);
	seen = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	for (i = 0; i < array_count(search.found); i++)
	{
		array_get(search.found, i, &section);
		add_items(result, section, type, seen);
	}
	remove_cleared(result, seen);
	seen->destroy(seen);
	array_destroy(search.found);
	return &result->public;
}

METHOD(nflog_sections_t, create_section_enumerator, enumerator_t*,
	private_nflog_sections_t *this, char *names, ...)
{
	enumerator_t *enumerator;
	va_list args;

	va_start(args, names);
	enumerator = create_enumerator(this, names, args, ITEM_SECTION);
	va_end(args);
	return enumerator;
}

METHOD(nflog_sections_t, create_key_value_enumerator, enumerator_t*,
	private_nflog_sections_t *this, char *names, ...)
{
	enumerator_t *enumerator;
	va_list args;

	va_start(args, names);
	enumerator = create_enumerator(this, names, args, ITEM_SETTING);
	va_end(args);
	return enumerator;
}

METHOD(nflog_sections_t, destroy, void,
	private_nflog_sections_t *this)
{
	this->tree->destroy(this->tree);
	free(this);
}

/*
 * Described in header
 */
nflog_sections_t *nflog_sections_create()
{
	private_nflog_sections_t *this;

	INIT(this,
		.public = {
			.begin = _begin,
			.refer = _refer,
			.set = _set,
			.end = _end,
			.create_section_enumerator = _create_section_enumerator,
			.create_key_value_enumerator = _create_key_value_enumerator,
			.destroy = _destroy,
		},
		.tree = nflog_tree_create(),
	);
	this->current = this->tree->top;
	return &this->public;
}

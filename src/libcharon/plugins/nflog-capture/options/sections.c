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

#include <stdarg.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** names that a path may have, of ours or in a reference */
#define MAX_NAMES 32

/** sections that a look-up may visit one within the other */
#define MAX_DEPTH 64

/** sections that a look-up may visit */
#define MAX_VISITS 1000

typedef struct private_nflog_sections_t private_nflog_sections_t;
typedef struct item_t item_t;
typedef struct search_t search_t;

/**
 * A section, or a setting.
 */
struct item_t {

	/** section that it is in, NULL for the outermost one */
	item_t *parent;

	/** name of a section, or key of a setting */
	char *name;

	/** value of a setting, may be NULL */
	char *value;

	/** TRUE for a section */
	bool section;

	/** items in a section, in their order */
	item_t *first, *last;

	/** next item in the section that it is in */
	item_t *next;

	/** item that was created before */
	item_t *former;

	/** paths of sections that a section refers to, char*, NULL if none */
	array_t *references;
};

/**
 * Private data.
 */
struct private_nflog_sections_t {

	/**
	 * Public interface.
	 */
	nflog_sections_t public;

	/**
	 * Outermost section, without a name.
	 */
	item_t *top;

	/**
	 * Section that is being added to.
	 */
	item_t *current;

	/**
	 * All items, by their name and section.
	 */
	hashtable_t *items;

	/**
	 * Last item that was created.
	 */
	item_t *latest;

	/**
	 * Number of items and references.
	 */
	u_int count;
};

/**
 * Hash an item.
 */
static u_int item_hash(const void *key)
{
	const item_t *item = key;

	return chunk_hash_inc(chunk_from_thing(item->parent),
						  chunk_hash(chunk_from_str(item->name)));
}

/**
 * Is this the same item, of two that differ in their value only?
 */
static bool item_equals(const void *a, const void *b)
{
	const item_t *x = a, *y = b;

	return x->parent == y->parent && x->section == y->section &&
		   streq(x->name, y->name);
}

/**
 * Wipe and free a value.
 */
static void free_value(char *value)
{
	if (value)
	{
		memwipe(value, strlen(value));
		free(value);
	}
}

/**
 * Count an item or a reference.
 */
static bool count(private_nflog_sections_t *this)
{
	return this->count++ < NFLOG_MAX_SETTINGS;
}

/**
 * Look up an item in a section, NULL if there is none.
 */
static item_t *lookup(private_nflog_sections_t *this, item_t *parent,
					  char *name, bool section)
{
	item_t key = {
		.parent = parent,
		.name = name,
		.section = section,
	};

	return this->items->get(this->items, &key);
}

/**
 * Get an item in the current section, which gets created if there is none.
 */
static item_t *ensure(private_nflog_sections_t *this, char *name,
					  bool section)
{
	item_t *item, *parent = this->current;

	item = lookup(this, parent, name, section);
	if (item)
	{
		free(name);
		return item;
	}
	INIT(item,
		.parent = parent,
		.name = name,
		.section = section,
		.former = this->latest,
	);
	this->latest = item;
	if (parent->last)
	{
		parent->last->next = item;
	}
	else
	{
		parent->first = item;
	}
	parent->last = item;
	this->items->put(this->items, item, item);
	return item;
}

METHOD(nflog_sections_t, begin, bool,
	private_nflog_sections_t *this, char *name)
{
	this->current = ensure(this, name, TRUE);
	return count(this);
}

METHOD(nflog_sections_t, refer, bool,
	private_nflog_sections_t *this, char *path)
{
	char *other;
	int i;

	for (i = 0; i < array_count(this->current->references); i++)
	{
		array_get(this->current->references, i, &other);
		if (streq(other, path))
		{
			free(path);
			return TRUE;
		}
	}
	array_insert_create(&this->current->references, ARRAY_TAIL, path);
	/* not more than a look-up can visit */
	return count(this) && i < MAX_VISITS;
}

METHOD(nflog_sections_t, set, bool,
	private_nflog_sections_t *this, char *key, char *value)
{
	item_t *item;

	item = ensure(this, key, FALSE);
	free_value(item->value);
	item->value = value;
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

	/** sections found, item_t, NULL if none */
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
 * Add a section to those that a look-up found.
 *
 * @return			FALSE if it was found before
 */
static bool add_found(search_t *search, item_t *section)
{
	item_t *other;
	int i;

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
				 item_t *section, u_int pos, bool follow, u_int depth,
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
			  find(this, &search, this->top, 0, TRUE, depth, visits);
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
				 item_t *section, u_int pos, bool follow, u_int depth,
				 u_int *visits)
{
	array_t *found = NULL;
	item_t *item;
	char *reference;
	bool success = TRUE;
	int i, j;

	if (!depth || !*visits)
	{
		return FALSE;
	}
	depth--;
	(*visits)--;

	item = lookup(this, section, search->names[pos], TRUE);
	if (item && pos + 1 < search->count)
	{
		success = find(this, search, item, pos + 1, TRUE, depth, visits);
	}
	else if (item && add_found(search, item))
	{
		for (i = 0; success && i < array_count(item->references); i++)
		{
			array_get(item->references, i, &reference);
			success = resolve(this, reference, &search->found, depth, visits);
		}
	}
	for (i = 0; success && follow && i < array_count(section->references); i++)
	{
		array_get(section->references, i, &reference);
		success = resolve(this, reference, &found, depth, visits);
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
 * Enumerate the items in a section, the first of those with the same name.
 */
static enumerator_t *create_enumerator(private_nflog_sections_t *this,
									   char *name, va_list args, bool section)
{
	search_t search = {};
	hashtable_t *seen;
	array_t *items = NULL;
	item_t *found, *item;
	u_int visits = MAX_VISITS;
	int i;

	for (; name && search.count < MAX_NAMES; name = va_arg(args, char*))
	{
		search.names[search.count++] = name;
	}
	if (!search.count)
	{
		add_found(&search, this->top);
	}
	else if (!find(this, &search, this->top, 0, TRUE, MAX_DEPTH, &visits))
	{
		array_destroy(search.found);
		return NULL;
	}
	seen = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	for (i = 0; i < array_count(search.found); i++)
	{
		array_get(search.found, i, &found);
		for (item = found->first; item; item = item->next)
		{
			if (item->section == section && !seen->get(seen, item->name))
			{
				seen->put(seen, item->name, item);
				array_insert_create(&items, ARRAY_TAIL, item);
			}
		}
	}
	seen->destroy(seen);
	array_destroy(search.found);
	return enumerator_create_cleaner(array_create_enumerator(items),
									 (void*)array_destroy, items);
}

CALLBACK(name_filter, bool,
	void *data, enumerator_t *orig, va_list args)
{
	item_t *item;
	char **name;

	VA_ARGS_VGET(args, name);

	if (orig->enumerate(orig, &item))
	{
		*name = item->name;
		return TRUE;
	}
	return FALSE;
}

CALLBACK(value_filter, bool,
	void *data, enumerator_t *orig, va_list args)
{
	item_t *item;
	char **key, **value;

	VA_ARGS_VGET(args, key, value);

	while (orig->enumerate(orig, &item))
	{
		if (item->value)
		{
			*key = item->name;
			*value = item->value;
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(nflog_sections_t, create_section_enumerator, enumerator_t*,
	private_nflog_sections_t *this, char *names, ...)
{
	enumerator_t *enumerator;
	va_list args;

	va_start(args, names);
	enumerator = create_enumerator(this, names, args, TRUE);
	va_end(args);
	return enumerator ? enumerator_create_filter(enumerator, name_filter, NULL,
												 NULL) : NULL;
}

METHOD(nflog_sections_t, create_key_value_enumerator, enumerator_t*,
	private_nflog_sections_t *this, char *names, ...)
{
	enumerator_t *enumerator;
	va_list args;

	va_start(args, names);
	enumerator = create_enumerator(this, names, args, FALSE);
	va_end(args);
	return enumerator ? enumerator_create_filter(enumerator, value_filter, NULL,
												 NULL) : NULL;
}

METHOD(nflog_sections_t, destroy, void,
	private_nflog_sections_t *this)
{
	item_t *item;

	this->items->destroy(this->items);
	while ((item = this->latest))
	{
		this->latest = item->former;
		array_destroy_function(item->references, (void*)free, NULL);
		free_value(item->value);
		free(item->name);
		free(item);
	}
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
		.items = hashtable_create(item_hash, item_equals, 1024),
	);
	INIT(this->top,
		.section = TRUE,
	);
	this->current = this->latest = this->top;
	return &this->public;
}

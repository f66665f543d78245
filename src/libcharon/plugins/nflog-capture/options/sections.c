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

/** limit for the names in a path of ours, or in a reference */
#define MAX_NAMES 32

/** limits for the sections that a look-up visits, nested in each other and in all */
#define MAX_DEPTH 64
#define MAX_VISITS 1000

/** limit for the sections that all look-ups visit, plus the settings they find: several
 * times what NFLOG_MAX_SETTINGS sections need that share none */
#define MAX_WORK 10000000

typedef struct private_nflog_sections_t private_nflog_sections_t;
typedef struct item_t item_t;
typedef struct search_t search_t;

/**
 * A section, a setting, or a reference from one section to another.
 */
struct item_t {

	/** section that it is in, NULL for the top level */
	item_t *parent;

	/** name of a section, key of a setting, or path of a reference */
	char *name;

	/** value of a setting, NULL if empty */
	char *value;

	/** file that has the setting, owned by the sections, NULL if not known */
	char *file;

	/** TRUE if an empty value replaced another one */
	bool cleared;

	/** type of the item */
	enum {
		ITEM_SECTION,
		ITEM_SETTING,
		ITEM_REFERENCE,
	} type;

	/** sections and settings in a section in the order they were added, and their
	 * number */
	item_t *first, *last;
	u_int count;

	/** next item in the same section */
	item_t *next;

	/** references of a section, item_t, NULL if none */
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
	 * Top level.
	 */
	item_t top;

	/**
	 * All items below it, owned, by parent, name and type, item_t => item_t.
	 */
	hashtable_t *items;

	/**
	 * Paths of the files that have settings, char* => itself, and the one of the last
	 * setting.
	 */
	hashtable_t *files;
	char *file;

	/**
	 * Section that items are added to.
	 */
	item_t *current;

	/**
	 * Number of calls that added or changed an item.
	 */
	u_int count;

	/**
	 * Sections that look-ups visited, plus the settings they found.
	 */
	u_int work;
};

/**
 * Hash an item by its name.
 */
static u_int name_hash(const void *key)
{
	const item_t *item = key;

	return chunk_hash(chunk_from_str(item->name));
}

/**
 * Compare items by their names and types.
 */
static bool name_equals(const void *a, const void *b)
{
	const item_t *x = a, *y = b;

	return x->type == y->type && streq(x->name, y->name);
}

/**
 * Hash an item by its name and section.
 */
static u_int item_hash(const void *key)
{
	const item_t *item = key;

	return chunk_hash_inc(chunk_from_thing(item->parent), name_hash(key));
}

/**
 * Compare items by their names, types and sections.
 */
static bool item_equals(const void *a, const void *b)
{
	const item_t *x = a, *y = b;

	return x->parent == y->parent && name_equals(a, b);
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
 * Destroy an item.
 */
static void item_destroy(item_t *item)
{
	array_destroy(item->references);
	free_value(item->value);
	free(item->name);
	free(item);
}

/**
 * Find an item in a section.
 */
static item_t *find_item(private_nflog_sections_t *this, item_t *parent, char *name,
						 int type)
{
	item_t key = {
		.parent = parent,
		.name = name,
		.type = type,
	};

	return this->items->get(this->items, &key);
}

/**
 * Find an item in the current section, or add it.  Adopts the name.
 */
static item_t *add_item(private_nflog_sections_t *this, char *name, int type)
{
	item_t *item, *parent = this->current;

	this->count++;
	item = find_item(this, parent, name, type);
	if (item)
	{
		free(name);
		return item;
	}
	INIT(item,
		.parent = parent,
		.name = name,
		.type = type,
	);
	this->items->put(this->items, item, item);
	if (type == ITEM_REFERENCE)
	{
		array_insert_create(&parent->references, ARRAY_TAIL, item);
		return item;
	}
	if (parent->last)
	{
		parent->last->next = item;
	}
	else
	{
		parent->first = item;
	}
	parent->last = item;
	parent->count++;
	return item;
}

METHOD(nflog_sections_t, begin, bool,
	private_nflog_sections_t *this, char *name)
{
	this->current = add_item(this, name, ITEM_SECTION);
	return this->count <= NFLOG_MAX_SETTINGS;
}

METHOD(nflog_sections_t, refer, bool,
	private_nflog_sections_t *this, char *path)
{
	add_item(this, path, ITEM_REFERENCE);
	/* no more than a look-up can visit */
	return this->count <= NFLOG_MAX_SETTINGS &&
		   array_count(this->current->references) <= MAX_VISITS;
}

/**
 * Get our copy of a path, NULL if it is not known.
 */
static char *get_file(private_nflog_sections_t *this, char *path)
{
	if (path && (!this->file || !streq(this->file, path)))
	{
		this->file = this->files->get(this->files, path);
		if (!this->file)
		{
			this->file = strdup(path);
			this->files->put(this->files, this->file, this->file);
		}
	}
	return path ? this->file : NULL;
}

METHOD(nflog_sections_t, set, bool,
	private_nflog_sections_t *this, char *key, char *value, char *file)
{
	item_t *item;

	item = add_item(this, key, ITEM_SETTING);
	item->file = get_file(this, file);
	item->cleared = !value && (item->value || item->cleared);
	free_value(item->value);
	item->value = value;
	return this->count <= NFLOG_MAX_SETTINGS;
}

METHOD(nflog_sections_t, end, void,
	private_nflog_sections_t *this)
{
	this->current = this->current->parent;
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
 * Split the path of a reference in place.
 *
 * @return			FALSE if it has too many names
 */
static bool split(search_t *search, char *path)
{
	char *name;

	while ((name = strsep(&path, ".")))
	{
		if (search->count == MAX_NAMES)
		{
			return FALSE;
		}
		search->names[search->count++] = name;
	}
	return TRUE;
}

/**
 * Charge the work of a look-up.
 *
 * @return			FALSE if MAX_WORK is exceeded
 */
static bool work(private_nflog_sections_t *this, u_int count)
{
	this->work = min(this->work + count, MAX_WORK);
	return this->work < MAX_WORK;
}

/**
 * Add a section to those found.
 *
 * @return			FALSE if it is among them already
 */
static bool add_found(private_nflog_sections_t *this, search_t *search,
					  item_t *section)
{
	item_t *other;
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
static bool find(private_nflog_sections_t *this, search_t *search, item_t *section,
				 u_int pos, bool follow, u_int depth, u_int *visits);

/**
 * Find the sections that the references of a section lead to.
 */
static bool resolve(private_nflog_sections_t *this, item_t *section, array_t **found,
					u_int depth, u_int *visits)
{
	bool success = TRUE;
	item_t *reference;
	char *path;
	int i;

	for (i = 0; success && i < array_count(section->references); i++)
	{
		search_t search = {
			.found = *found,
		};

		array_get(section->references, i, &reference);
		path = strdup(reference->name);
		success = split(&search, path) &&
				  find(this, &search, &this->top, 0, TRUE, depth, visits);
		free(path);
		*found = search.found;
	}
	return success;
}

/**
 * Find what is below a section, first in itself, then in the sections it refers to, in
 * the order of settings_t.
 *
 * @param pos		index of the name to look up in the section
 * @param follow	TRUE to search the sections it refers to
 * @param depth		number of sections that may be visited within this one
 * @param visits	number of sections that may still be visited
 * @return			FALSE if a limit is exceeded
 */
static bool find(private_nflog_sections_t *this, search_t *search, item_t *section,
				 u_int pos, bool follow, u_int depth, u_int *visits)
{
	array_t *bases = NULL;
	bool success = TRUE;
	item_t *item;
	int i;

	if (!depth || !*visits || !work(this, 1))
	{
		return FALSE;
	}
	depth--;
	(*visits)--;

	item = find_item(this, section, search->names[pos], ITEM_SECTION);
	if (item && pos + 1 < search->count)
	{
		success = find(this, search, item, pos + 1, TRUE, depth, visits);
	}
	else if (item && add_found(this, search, item))
	{
		success = resolve(this, item, &search->found, depth, visits);
	}
	if (success && follow)
	{
		success = resolve(this, section, &bases, depth, visits);
		for (i = 0; success && i < array_count(bases); i++)
		{
			array_get(bases, i, &item);
			success = find(this, search, item, pos, FALSE, depth, visits);
		}
		array_destroy(bases);
	}
	return success;
}

/**
 * Filter the items that a look-up found, see collect().
 */
static bool filter(void *data, enumerator_t *orig, va_list args)
{
	item_t *item, *effective;
	char **name, **value, **file;
	bool *is_section;

	VA_ARGS_VGET(args, name, value, is_section, file);

	while (orig->enumerate(orig, &item, &effective))
	{
		/* an empty value that clears another one is not enumerated */
		if (item == effective && !item->cleared)
		{
			*name = item->name;
			*value = item->value;
			*is_section = item->type == ITEM_SECTION;
			*file = item->file;
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Collect the items of a section: the first one of each name and type, with the first
 * one that has a value, or itself if none has.
 */
static void collect(item_t *section, hashtable_t *items)
{
	item_t *item, *effective;

	for (item = section->first; item; item = item->next)
	{
		effective = items->get(items, item);
		if (!effective)
		{
			items->put(items, item, item);
		}
		else if (!effective->value && item->value)
		{	/* the first one is equal to its effective one */
			items->put(items, effective, item);
		}
	}
}

METHOD(nflog_sections_t, create_enumerator, enumerator_t*,
	private_nflog_sections_t *this, char *names, ...)
{
	enumerator_t *enumerator = NULL;
	u_int visits = MAX_VISITS, count = 0;
	search_t search = {};
	hashtable_t *items;
	item_t *section;
	va_list args;
	char *name;
	int i;

	va_start(args, names);
	for (name = names; name && search.count < MAX_NAMES; name = va_arg(args, char*))
	{
		search.names[search.count++] = name;
	}
	va_end(args);

	if (search.count ? find(this, &search, &this->top, 0, TRUE, MAX_DEPTH, &visits)
					 : add_found(this, &search, &this->top))
	{
		for (i = 0; i < array_count(search.found); i++)
		{
			array_get(search.found, i, &section);
			count += section->count;
		}
		if (work(this, count))
		{
			/* enumerates in the order of insertion */
			items = hashtable_create(name_hash, name_equals, 8);
			for (i = 0; i < array_count(search.found); i++)
			{
				array_get(search.found, i, &section);
				collect(section, items);
			}
			enumerator = enumerator_create_filter(items->create_enumerator(items),
									filter, items, (void*)items->destroy);
		}
	}
	array_destroy(search.found);
	return enumerator;
}

METHOD(nflog_sections_t, destroy, void,
	private_nflog_sections_t *this)
{
	this->items->destroy_function(this->items, (void*)item_destroy);
	this->files->destroy_function(this->files, (void*)free);
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
			.create_enumerator = _create_enumerator,
			.destroy = _destroy,
		},
		.items = hashtable_create(item_hash, item_equals, 1024),
		.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	this->current = &this->top;
	return &this->public;
}

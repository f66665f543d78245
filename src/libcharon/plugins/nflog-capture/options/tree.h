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

/**
 * @defgroup nflog_tree nflog_tree
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TREE_H_
#define NFLOG_TREE_H_

typedef struct nflog_tree_t nflog_tree_t;
typedef struct nflog_item_t nflog_item_t;
typedef enum nflog_item_type_t nflog_item_type_t;

#include <library.h>

#include <collections/array.h>

/**
 * What an item is.
 */
enum nflog_item_type_t {
	ITEM_SECTION,
	ITEM_SETTING,
	ITEM_REFERENCE,
};

/**
 * A section, a setting, or a reference from one section to another, owned by the
 * tree.
 */
struct nflog_item_t {

	/** section that it is in, NULL for the outermost one */
	nflog_item_t *parent;

	/** name of a section, key of a setting, or path of a reference */
	char *name;

	/** value of a setting, NULL if empty */
	char *value;

	/** TRUE if an empty value replaced another one */
	bool cleared;

	/** what it is */
	nflog_item_type_t type;

	/** sections and settings in a section, in their order, and their number */
	nflog_item_t *first, *last;
	u_int count;

	/** next item in the section that it is in */
	nflog_item_t *next;

	/** item that was created before */
	nflog_item_t *former;

	/** references of a section, nflog_item_t, NULL if none */
	array_t *references;
};

/**
 * Tree of sections, with their settings and references.  Finding and adding an item
 * takes a constant time.
 */
struct nflog_tree_t {

	/**
	 * Outermost section, without a name.
	 */
	nflog_item_t *top;

	/**
	 * Find an item in a section.
	 *
	 * @param parent	section
	 * @param name		name of the item
	 * @param type		what it is
	 * @return			item, NULL if there is none
	 */
	nflog_item_t *(*find)(nflog_tree_t *this, nflog_item_t *parent, char *name,
						  nflog_item_type_t type);

	/**
	 * Find an item in a section, which gets added if there is none.
	 *
	 * @param parent	section
	 * @param name		name of the item (gets adopted)
	 * @param type		what it is
	 * @return			item
	 */
	nflog_item_t *(*add)(nflog_tree_t *this, nflog_item_t *parent, char *name,
						 nflog_item_type_t type);

	/**
	 * Set the value of a setting, the former one is wiped.
	 *
	 * @param item		setting
	 * @param value		value (gets adopted), NULL if empty
	 */
	void (*set)(nflog_tree_t *this, nflog_item_t *item, char *value);

	/**
	 * Wipe all values, and destroy a nflog_tree_t.
	 */
	void (*destroy)(nflog_tree_t *this);
};

/**
 * Create a nflog_tree_t instance.
 */
nflog_tree_t *nflog_tree_create();

#endif /** NFLOG_TREE_H_ @}*/

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

#include "pieces.h"

#include <inttypes.h>

#include <collections/linked_list.h>

typedef struct private_nflog_pieces_t private_nflog_pieces_t;
typedef struct piece_t piece_t;

/**
 * Private data.
 */
struct private_nflog_pieces_t {

	/**
	 * Public interface.
	 */
	nflog_pieces_t public;

	/**
	 * Has the files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * Files, the oldest one first, piece_t.
	 */
	linked_list_t *pieces;

	/**
	 * Files and packets that were removed, and time of the last one of these.
	 */
	u_int removed;
	uint64_t packets;
	time_t until;
};

/**
 * Complete file.
 */
struct piece_t {

	/** its name */
	char *name;

	/** packets in it, and the time of the last one */
	uint64_t packets;
	time_t until;
};

/**
 * Destroy a file.
 */
static void piece_destroy(piece_t *piece)
{
	free(piece->name);
	free(piece);
}

/**
 * Count the files that were removed, and forget them.
 *
 * @param all		TRUE to look at all of them, FALSE up to the first one that is there
 */
static void look(private_nflog_pieces_t *this, bool all)
{
	enumerator_t *enumerator;
	bool there = FALSE;
	piece_t *piece;

	enumerator = this->pieces->create_enumerator(this->pieces);
	while ((all || !there) && enumerator->enumerate(enumerator, &piece))
	{
		there = this->store->has_file(this->store, this->dir, piece->name);
		if (!there)
		{
			this->pieces->remove_at(this->pieces, enumerator);
			this->removed++;
			this->packets += piece->packets;
			this->until = max(this->until, piece->until);
			piece_destroy(piece);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_pieces_t, add, void,
	private_nflog_pieces_t *this, char *name, uint64_t packets, time_t until)
{
	piece_t *piece;

	look(this, FALSE);
	if (this->pieces->get_count(this->pieces) >= NFLOG_PIECES_MAX &&
		this->pieces->remove_first(this->pieces, (void**)&piece) == SUCCESS)
	{
		piece_destroy(piece);
	}
	INIT(piece,
		.name = strdup(name),
		.packets = packets,
		.until = until,
	);
	this->pieces->insert_last(this->pieces, piece);
}

METHOD(nflog_pieces_t, forget, void,
	private_nflog_pieces_t *this, char *name)
{
	enumerator_t *enumerator;
	piece_t *piece;

	enumerator = this->pieces->create_enumerator(this->pieces);
	while (enumerator->enumerate(enumerator, &piece))
	{
		if (streq(piece->name, name))
		{
			this->pieces->remove_at(this->pieces, enumerator);
			piece_destroy(piece);
			break;
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_pieces_t, describe, void,
	private_nflog_pieces_t *this, char *buf, size_t len)
{
	*buf = '\0';
	look(this, TRUE);
	if (this->removed)
	{
		snprintf(buf, len, "; %u files with %" PRIu64 " of these packets, up to %T, were "
				 "removed since", this->removed, this->packets, &this->until, TRUE);
	}
}

METHOD(nflog_pieces_t, destroy, void,
	private_nflog_pieces_t *this)
{
	this->pieces->destroy_function(this->pieces, (void*)piece_destroy);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_pieces_t *nflog_pieces_create(nflog_store_t *store, char *dir)
{
	private_nflog_pieces_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.forget = _forget,
			.describe = _describe,
			.destroy = _destroy,
		},
		.store = store,
		.dir = strdup(dir),
		.pieces = linked_list_create(),
	);
	return &this->public;
}

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

#include "roots.h"

#include "cli/text.h"
#include "dir_watch.h"

#include <collections/array.h>
#include <errno.h>
#include <sys/stat.h>

typedef struct private_roots_t private_roots_t;
typedef struct root_t root_t;

/**
 * A directory to follow.
 */
struct root_t {
	/** path */
	char *path;
	/** device and inode, the latter 0 if there is none, or it could not be followed */
	dev_t dev;
	ino_t ino;
};

/**
 * Private data.
 */
struct private_roots_t {

	/**
	 * Public interface.
	 */
	roots_t public;

	/**
	 * Called for directories that were created, with data.
	 */
	roots_found_t found;
	void *data;

	/**
	 * Watches the directories above.
	 */
	dir_watch_t *watch;

	/**
	 * Directories to follow, root_t.
	 */
	array_t *roots;
};

/**
 * Watch all directories above a path that exist.  The topmost first, so the creation of one
 * that is missing is an event of that above it.
 *
 * @return			FALSE if the last one that exists can't be watched, see errno
 */
static bool watch_above(private_roots_t *this, char *path)
{
	char *pos, *dir;
	bool success, last;

	success = this->watch->add(this->watch, *path == '/' ? "/" : ".") ||
			  errno == EEXIST;
	for (pos = path; *pos; pos++)
	{
		if (pos == path || *pos != '/' || pos[-1] == '/')
		{
			continue;
		}
		dir = strndup(path, pos - path);
		last = this->watch->add(this->watch, dir) || errno == EEXIST;
		free(dir);
		if (!last && errno == ENOENT)
		{
			return success;
		}
		success = last;
	}
	return success;
}

/**
 * Look if there is a directory of that path, and another one than before.
 */
static void look(private_roots_t *this, root_t *root, bool again)
{
	struct stat st;

	watch_above(this, root->path);
	if (stat(root->path, &st) != 0 || !S_ISDIR(st.st_mode))
	{
		if (root->ino)
		{
			text_print(stderr, "%s is gone, waiting for another one\n", root->path);
		}
		root->ino = 0;
	}
	else if (again || root->dev != st.st_dev || root->ino != st.st_ino)
	{
		root->dev = st.st_dev;
		root->ino = this->found(this->data, root->path) ? st.st_ino : 0;
	}
}

METHOD(roots_t, add, bool,
	private_roots_t *this, char *path)
{
	enumerator_t *enumerator;
	root_t *root;
	struct stat st;
	bool success, known = FALSE;

	enumerator = array_create_enumerator(this->roots);
	while (!known && enumerator->enumerate(enumerator, &root))
	{
		known = streq(root->path, path);
	}
	enumerator->destroy(enumerator);
	if (known)
	{
		return TRUE;
	}
	INIT(root,
		.path = strdup(path),
	);
	array_insert(this->roots, ARRAY_TAIL, root);
	success = watch_above(this, path);
	if (stat(path, &st) == 0)
	{	/* if it is no directory, who follows it fails */
		root->dev = st.st_dev;
		root->ino = st.st_ino;
		return TRUE;
	}
	return success;
}

METHOD(roots_t, gone, void,
	private_roots_t *this, char *path)
{
	enumerator_t *enumerator;
	root_t *root;

	enumerator = array_create_enumerator(this->roots);
	while (enumerator->enumerate(enumerator, &root))
	{
		if (streq(root->path, path))
		{
			look(this, root, TRUE);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(roots_t, handle, void,
	private_roots_t *this)
{
	enumerator_t *enumerator;
	dir_event_t event;
	root_t *root;
	bool changed = FALSE;

	while (this->watch->next(this->watch, &event))
	{
		changed |= event.type == DIR_CREATED || event.type == DIR_GONE ||
				   event.type == DIR_LOST;
	}
	enumerator = array_create_enumerator(this->roots);
	while (changed && enumerator->enumerate(enumerator, &root))
	{
		look(this, root, FALSE);
	}
	enumerator->destroy(enumerator);
}

METHOD(roots_t, get_fd, int,
	private_roots_t *this)
{
	return this->watch->get_fd(this->watch);
}

METHOD(roots_t, destroy, void,
	private_roots_t *this)
{
	root_t *root;

	while (array_remove(this->roots, ARRAY_HEAD, &root))
	{
		free(root->path);
		free(root);
	}
	array_destroy(this->roots);
	this->watch->destroy(this->watch);
	free(this);
}

/*
 * Described in header
 */
roots_t *roots_create(roots_found_t found, void *data)
{
	private_roots_t *this;
	dir_watch_t *watch;

	watch = dir_watch_create(FALSE);
	if (!watch)
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.add = _add,
			.gone = _gone,
			.handle = _handle,
			.get_fd = _get_fd,
			.destroy = _destroy,
		},
		.found = found,
		.data = data,
		.watch = watch,
		.roots = array_create(0, 0),
	);
	return &this->public;
}

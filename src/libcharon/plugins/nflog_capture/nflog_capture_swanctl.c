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


#define _GNU_SOURCE

#include "nflog_capture_swanctl.h"
#include "nflog_capture_watch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <collections/array.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>

#ifndef SWANCTLDIR
#define SWANCTLDIR "/etc/swanctl"
#endif

typedef struct private_nflog_capture_swanctl_t private_nflog_capture_swanctl_t;
typedef struct child_t child_t;
typedef struct option_t option_t;

/**
 * Private data.
 */
struct private_nflog_capture_swanctl_t {

	/**
	 * Public interface.
	 */
	nflog_capture_swanctl_t public;

	/**
	 * Default path.
	 */
	char *def;

	/**
	 * Lock for all that follows.
	 */
	mutex_t *mutex;

	/**
	 * Path of the file that was read, NULL if none.
	 */
	char *path;

	/**
	 * Children with options, child_t => child_t, NULL if never read.
	 */
	hashtable_t *children;

	/**
	 * Watches that file for changes.
	 */
	nflog_capture_watch_t *watch;
};

/**
 * A child that has our section.
 */
struct child_t {

	/** name of its connection */
	char *conn;

	/** its name */
	char *name;

	/** options, as option_t */
	array_t *options;
};

/**
 * An option, or a section if there is no value.
 */
struct option_t {
	char *key;
	char *value;
};

CALLBACK(option_destroy, void,
	option_t *option, int idx, void *user)
{
	free(option->key);
	free(option->value);
	free(option);
}

/**
 * Destroy a child, as a value of a hashtable.
 */
static void child_destroy(void *value, const void *key)
{
	child_t *child = value;

	array_destroy_function(child->options, option_destroy, NULL);
	free(child->conn);
	free(child->name);
	free(child);
}

/**
 * Hash a child by its names.
 */
static u_int child_hash(const void *key)
{
	const child_t *child = key;

	return chunk_hash_inc(chunk_from_str(child->conn),
						  chunk_hash(chunk_from_str(child->name)));
}

/**
 * Compare children by their names.
 */
static bool child_equals(const void *a, const void *b)
{
	const child_t *x = a, *y = b;

	return streq(x->conn, y->conn) && streq(x->name, y->name);
}

/**
 * Copy the options of a child, if it has our section.
 */
static void copy_child(settings_t *settings, hashtable_t *children,
					   char *conn, char *name)
{
	enumerator_t *enumerator;
	option_t *option;
	child_t *child;
	char *key, *value;

	INIT(child,
		.conn = strdup(conn),
		.name = strdup(name),
	);
	enumerator = settings->create_key_value_enumerator(settings,
							"connections.%s.children.%s.nflog-capture",
							conn, name);
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		INIT(option,
			.key = strdup(key),
			.value = strdup(value),
		);
		array_insert_create(&child->options, ARRAY_TAIL, option);
	}
	enumerator->destroy(enumerator);

	enumerator = settings->create_section_enumerator(settings,
							"connections.%s.children.%s.nflog-capture",
							conn, name);
	while (enumerator->enumerate(enumerator, &key))
	{
		INIT(option,
			.key = strdup(key),
		);
		array_insert_create(&child->options, ARRAY_TAIL, option);
	}
	enumerator->destroy(enumerator);

	if (child->options)
	{
		children->put(children, child, child);
	}
	else
	{
		child_destroy(child, NULL);
	}
}

/**
 * Copy the options of all children.
 */
static hashtable_t *copy_children(settings_t *settings)
{
	enumerator_t *conns, *names;
	hashtable_t *children;
	char *conn, *name;

	children = hashtable_create(child_hash, child_equals, 32);
	conns = settings->create_section_enumerator(settings, "connections");
	while (conns->enumerate(conns, &conn))
	{
		names = settings->create_section_enumerator(settings,
											"connections.%s.children", conn);
		while (names->enumerate(names, &name))
		{
			copy_child(settings, children, conn, name);
		}
		names->destroy(names);
	}
	conns->destroy(conns);
	return children;
}

/**
 * Check if the file is not there.
 */
static bool is_missing(char *path)
{
	return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/**
 * Check if there is nothing for us in the file, as there was before.
 */
static bool is_skipped(private_nflog_capture_swanctl_t *this)
{
	return !this->watch->has_word(this->watch) &&
		   access(this->path, R_OK) == 0 &&
		   (!this->children || !this->children->get_count(this->children));
}

/**
 * Parse the file, a missing one is as good as an empty one.
 */
static hashtable_t *parse(private_nflog_capture_swanctl_t *this)
{
	hashtable_t *children = NULL;
	settings_t *settings;

	settings = settings_create(NULL);
	/* with thousands of connections parsing takes seconds */
	if (is_skipped(this) || is_missing(this->path) ||
		settings->load_files(settings, this->path, FALSE))
	{
		children = copy_children(settings);
	}
	/* there may be secrets in it */
	settings->destroy_clear(settings);
	return children;
}

/**
 * Read the file if it changed.
 */
static void update(private_nflog_capture_swanctl_t *this, char *path)
{
	hashtable_t *children;

	if (!streq(path, this->path))
	{
		if (this->children)
		{
			this->children->destroy_function(this->children, child_destroy);
			this->children = NULL;
		}
		free(this->path);
		this->path = strdup(path);
		this->watch->reset(this->watch);
	}
	/* watch it first, so that what changes while we parse it is not missed */
	if (!this->watch->has_changed(this->watch) ||
		!this->watch->start(this->watch, this->path))
	{
		return;
	}
	children = parse(this);
	if (children)
	{
		if (this->children)
		{
			this->children->destroy_function(this->children, child_destroy);
		}
		this->children = children;
		DBG2(DBG_CFG, "read nflog-capture options of %u children from '%s'",
			 children->get_count(children), this->path);
	}
	else if (this->children)
	{
		DBG1(DBG_CFG, "reading '%s' failed, keeping the nflog-capture options "
			 "as they were", this->path);
	}
	else
	{
		DBG1(DBG_CFG, "reading '%s' failed, there will be no captures until it "
			 "can be read", this->path);
	}
}

METHOD(nflog_capture_swanctl_t, get_path, char*,
	private_nflog_capture_swanctl_t *this)
{
	return lib->settings->get_str(lib->settings,
								  "%s.plugins.nflog-capture.swanctl_conf",
								  this->def, lib->ns);
}

CALLBACK(option_filter, bool,
	mutex_t *mutex, enumerator_t *orig, va_list args)
{
	option_t *option;
	char **key, **value;

	VA_ARGS_VGET(args, key, value);

	if (orig->enumerate(orig, &option))
	{
		*key = option->key;
		*value = option->value;
		return TRUE;
	}
	return FALSE;
}

METHOD(nflog_capture_swanctl_t, create_enumerator, enumerator_t*,
	private_nflog_capture_swanctl_t *this, char *conn, char *name)
{
	child_t *child, lookup = {
		.conn = conn,
		.name = name,
	};
	char *path;

	path = get_path(this);
	this->mutex->lock(this->mutex);
	update(this, path);
	if (!this->children)
	{
		this->mutex->unlock(this->mutex);
		return NULL;
	}
	child = this->children->get(this->children, &lookup);
	return enumerator_create_filter(
							array_create_enumerator(child ? child->options : NULL),
							option_filter, this->mutex,
							(void*)this->mutex->unlock);
}

METHOD(nflog_capture_swanctl_t, get_children, linked_list_t*,
	private_nflog_capture_swanctl_t *this)
{
	enumerator_t *enumerator;
	linked_list_t *names;
	child_t *child;
	char *path;

	names = linked_list_create();
	path = get_path(this);
	this->mutex->lock(this->mutex);
	update(this, path);
	if (this->children)
	{
		enumerator = this->children->create_enumerator(this->children);
		while (enumerator->enumerate(enumerator, NULL, &child))
		{
			names->insert_last(names, strdup(child->conn));
			names->insert_last(names, strdup(child->name));
		}
		enumerator->destroy(enumerator);
	}
	this->mutex->unlock(this->mutex);
	return names;
}

METHOD(nflog_capture_swanctl_t, get_paths, linked_list_t*,
	private_nflog_capture_swanctl_t *this)
{
	linked_list_t *paths;

	this->mutex->lock(this->mutex);
	paths = this->watch->get_paths(this->watch);
	this->mutex->unlock(this->mutex);
	return paths;
}

METHOD(nflog_capture_swanctl_t, reload, void,
	private_nflog_capture_swanctl_t *this)
{
	this->mutex->lock(this->mutex);
	this->watch->reset(this->watch);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_swanctl_t, destroy, void,
	private_nflog_capture_swanctl_t *this)
{
	if (this->children)
	{
		this->children->destroy_function(this->children, child_destroy);
	}
	this->watch->destroy(this->watch);
	this->mutex->destroy(this->mutex);
	free(this->path);
	free(this->def);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_swanctl_t *nflog_capture_swanctl_create()
{
	private_nflog_capture_swanctl_t *this;
	char *dir;

	INIT(this,
		.public = {
			.create_enumerator = _create_enumerator,
			.get_children = _get_children,
			.get_path = _get_path,
			.get_paths = _get_paths,
			.reload = _reload,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.watch = nflog_capture_watch_create("nflog-capture"),
	);

	/* as swanctl does */
	dir = getenv("SWANCTL_DIR");
	if (asprintf(&this->def, "%s/swanctl.conf", dir ?: SWANCTLDIR) < 0)
	{
		this->def = strdup(SWANCTLDIR "/swanctl.conf");
	}
	return &this->public;
}

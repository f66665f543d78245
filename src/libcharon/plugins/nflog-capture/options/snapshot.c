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

#include "snapshot.h"
#include "values.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>

typedef struct private_nflog_snapshot_t private_nflog_snapshot_t;
typedef struct child_t child_t;
typedef struct conn_t conn_t;

/**
 * Private data.
 */
struct private_nflog_snapshot_t {

	/**
	 * Public interface.
	 */
	nflog_snapshot_t public;

	/**
	 * References.
	 */
	refcount_t ref;

	/**
	 * Children that have options of their own, child_t => child_t.
	 */
	hashtable_t *children;

	/**
	 * Their connections, char* => conn_t.
	 */
	hashtable_t *conns;

	/**
	 * What applies to all other children.
	 */
	child_t *others;

	/**
	 * Capture points of all children.
	 */
	u_int points;

	/**
	 * TRUE if any child is to be captured that may be up already.
	 */
	bool running;
};

/**
 * A child that has options of its own.
 */
struct child_t {

	/** name of its connection, NULL for what applies to all others */
	char *conn;

	/** its name */
	char *name;

	/** what is captured, NULL if nothing */
	nflog_cfg_t *cfg;

	/** what is not valid in its options, char*, NULL if nothing */
	linked_list_t *invalid;
};

/**
 * A connection with such children.
 */
struct conn_t {

	/** its name */
	char *name;

	/** capture points of these children */
	u_int points;
};

/**
 * Destroy a child.
 */
static void child_destroy(child_t *this)
{
	if (this->cfg)
	{
		nflog_cfg_destroy(this->cfg);
	}
	DESTROY_FUNCTION_IF(this->invalid, free);
	free(this->conn);
	free(this->name);
	free(this);
}

/**
 * Destroy a child, as a value of a hashtable.
 */
static void destroy_child(void *value, const void *key)
{
	child_destroy(value);
}

/**
 * Destroy a connection, as a value of a hashtable.
 */
static void destroy_conn(void *value, const void *key)
{
	conn_t *conn = value;

	free(conn->name);
	free(conn);
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
 * Apply the options in a section of strongswan.conf.
 */
static bool apply_settings(nflog_values_t *values,
						   nflog_section_t *section, char *format,
						   char *conn, char *child)
{
	enumerator_t *enumerator;
	char *key, *value;
	bool valid = TRUE;

	enumerator = lib->settings->create_key_value_enumerator(lib->settings,
												format, lib->ns, conn, child);
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		valid &= nflog_values_apply(values, section, key, value);
	}
	enumerator->destroy(enumerator);

	enumerator = lib->settings->create_section_enumerator(lib->settings,
												format, lib->ns, conn, child);
	while (enumerator->enumerate(enumerator, &key))
	{
		if (!section->global || !streq(key, "connections"))
		{
			valid &= nflog_values_apply(values, section, key, NULL);
		}
	}
	enumerator->destroy(enumerator);
	return valid;
}

/**
 * Enumerate the options of a child in swanctl.conf.
 */
static enumerator_t *create_enumerator(nflog_sections_t *sections,
									   child_t *child, bool values)
{
	return (values ? sections->create_key_value_enumerator
				   : sections->create_section_enumerator)(sections,
						"connections", child->conn, "children", child->name,
						"nflog-capture", NULL);
}

/**
 * Apply the options in swanctl.conf.
 */
static bool apply_swanctl(nflog_values_t *values,
						  nflog_section_t *section,
						  nflog_sections_t *sections, child_t *child)
{
	enumerator_t *enumerator;
	char *key, *value;
	bool valid = TRUE;

	enumerator = create_enumerator(sections, child, TRUE);
	while (enumerator && enumerator->enumerate(enumerator, &key, &value))
	{
		valid &= nflog_values_apply(values, section, key, value);
	}
	DESTROY_IF(enumerator);

	enumerator = create_enumerator(sections, child, FALSE);
	while (enumerator && enumerator->enumerate(enumerator, &key))
	{
		valid &= nflog_values_apply(values, section, key, NULL);
	}
	DESTROY_IF(enumerator);
	return valid;
}

/**
 * Collect the options of a child, sections that are applied later override
 * those before.
 */
static bool collect(nflog_values_t *values, child_t *child,
					nflog_sections_t *sections, char *path)
{
	char *file = lib->conf ?: "strongswan.conf";
	nflog_section_t global = {
		.file = file,
		.path = "plugins.nflog-capture",
		.global = TRUE,
	}, settings = {
		.file = file,
	}, swanctl = {
		.file = path,
	};
	bool valid;

	valid = apply_settings(values, &global, "%s.plugins.nflog-capture", NULL,
						   NULL);
	if (child->conn)
	{
		snprintf(settings.path, sizeof(settings.path), "plugins.nflog-capture."
				 "connections.%s.children.%s.nflog-capture", child->conn,
				 child->name);
		snprintf(swanctl.path, sizeof(swanctl.path),
				 "connections.%s.children.%s.nflog-capture", child->conn,
				 child->name);
		valid &= apply_settings(values, &settings, "%s.plugins.nflog-capture."
								"connections.%s.children.%s.nflog-capture",
								child->conn, child->name);
		/* otherwise the path of the file might not be valid */
		valid = valid && apply_swanctl(values, &swanctl, sections, child);
	}
	return valid && nflog_values_check(values);
}

/**
 * Create a child.
 *
 * @param conn		name of the connection, NULL for what applies to all others
 */
static child_t *child_create(char *conn, char *name,
							 nflog_sections_t *sections, char *path)
{
	child_t *child;
	nflog_values_t values = {
		.cfg = {
			.points = (1 << POINT_MAX) - 1,
			.esp_keys = TRUE,
			.ike_keys = TRUE,
		},
		.invalid = linked_list_create(),
	};

	INIT(child,
		.conn = conn ? strdup(conn) : NULL,
		.name = conn ? strdup(name) : NULL,
	);
	if (collect(&values, child, sections, path) && values.enable)
	{
		child->cfg = malloc_thing(nflog_cfg_t);
		*child->cfg = values.cfg;
	}
	else
	{
		DESTROY_IF(values.cfg.filter);
	}
	if (values.invalid->get_count(values.invalid))
	{
		child->invalid = values.invalid;
	}
	else
	{
		values.invalid->destroy(values.invalid);
	}
	return child;
}

/**
 * Consider the capture points of a child.
 */
static u_int add_points(private_nflog_snapshot_t *this, child_t *child)
{
	if (!child->cfg)
	{
		return 0;
	}
	this->points |= child->cfg->points;
	this->running |= child->cfg->running;
	return child->cfg->points;
}

/**
 * Add a child that has options of its own.
 */
static void add_child(private_nflog_snapshot_t *this, char *name,
					  char *child_name, nflog_sections_t *sections,
					  char *path)
{
	child_t *child, key = {
		.conn = name,
		.name = child_name,
	};
	conn_t *conn;

	if (this->children->get(this->children, &key))
	{
		return;
	}
	child = child_create(name, child_name, sections, path);
	this->children->put(this->children, child, child);

	conn = this->conns->get(this->conns, name);
	if (!conn)
	{
		INIT(conn,
			.name = strdup(name),
		);
		this->conns->put(this->conns, conn->name, conn);
	}
	conn->points |= add_points(this, child);
}

/**
 * Does a child have options in swanctl.conf?
 *
 * @param complete	set to FALSE if that can't be found out
 */
static bool has_options(nflog_sections_t *sections, char *conn,
						char *name, bool *complete)
{
	child_t child = {
		.conn = conn,
		.name = name,
	};
	enumerator_t *values, *subsections;
	char *key, *value;
	bool found;

	values = create_enumerator(sections, &child, TRUE);
	subsections = create_enumerator(sections, &child, FALSE);
	*complete = values && subsections;
	found = *complete && (values->enumerate(values, &key, &value) ||
						  subsections->enumerate(subsections, &key));
	DESTROY_IF(values);
	DESTROY_IF(subsections);
	return found;
}

/**
 * Add the children of a connection that have options in swanctl.conf.
 *
 * @return			FALSE if they can't be found
 */
static bool add_conn(private_nflog_snapshot_t *this, char *conn,
					 nflog_sections_t *sections, char *path)
{
	enumerator_t *enumerator;
	bool complete;
	char *child;

	enumerator = sections->create_section_enumerator(sections, "connections",
													 conn, "children", NULL);
	complete = enumerator != NULL;
	while (complete && enumerator->enumerate(enumerator, &child))
	{
		if (has_options(sections, conn, child, &complete))
		{
			add_child(this, conn, child, sections, path);
		}
	}
	DESTROY_IF(enumerator);
	return complete;
}

/**
 * Add all children that have options in swanctl.conf.
 *
 * @return			FALSE if they can't be found
 */
static bool add_swanctl(private_nflog_snapshot_t *this,
						nflog_sections_t *sections, char *path,
						bool *stop)
{
	enumerator_t *enumerator;
	bool complete;
	char *conn;

	enumerator = sections->create_section_enumerator(sections, "connections",
													 NULL);
	complete = enumerator != NULL;
	while (complete && !*stop && enumerator->enumerate(enumerator, &conn))
	{
		complete = add_conn(this, conn, sections, path);
	}
	DESTROY_IF(enumerator);
	return complete && !*stop;
}

/**
 * Add all children that have options in strongswan.conf.
 */
static void add_settings(private_nflog_snapshot_t *this,
						 nflog_sections_t *sections, char *path)
{
	enumerator_t *conns, *children;
	linked_list_t *names;
	char *conn, *child;

	/* settings are locked while they are enumerated */
	names = linked_list_create();
	conns = lib->settings->create_section_enumerator(lib->settings,
							"%s.plugins.nflog-capture.connections", lib->ns);
	while (conns->enumerate(conns, &conn))
	{
		children = lib->settings->create_section_enumerator(lib->settings,
							"%s.plugins.nflog-capture.connections.%s.children",
							lib->ns, conn);
		while (children->enumerate(children, &child))
		{
			names->insert_last(names, strdup(conn));
			names->insert_last(names, strdup(child));
		}
		children->destroy(children);
	}
	conns->destroy(conns);

	while (names->remove_first(names, (void**)&conn) == SUCCESS &&
		   names->remove_first(names, (void**)&child) == SUCCESS)
	{
		add_child(this, conn, child, sections, path);
		free(conn);
		free(child);
	}
	names->destroy(names);
}

METHOD(nflog_snapshot_t, get, nflog_cfg_t*,
	private_nflog_snapshot_t *this, char *conn, char *name, bool quiet)
{
	enumerator_t *enumerator;
	char *msg;
	child_t *child, key = {
		.conn = conn,
		.name = name,
	};

	child = this->children->get(this->children, &key) ?: this->others;
	if (child->invalid && !quiet)
	{
		enumerator = child->invalid->create_enumerator(child->invalid);
		while (enumerator->enumerate(enumerator, &msg))
		{
			DBG1(DBG_CFG, "%s", msg);
		}
		enumerator->destroy(enumerator);
	}
	return child->cfg ? nflog_cfg_clone(child->cfg) : NULL;
}

METHOD(nflog_snapshot_t, get_points, u_int,
	private_nflog_snapshot_t *this, char *name)
{
	conn_t *conn;

	if (!name)
	{
		return this->points;
	}
	conn = this->conns->get(this->conns, name);
	return (conn ? conn->points : 0) |
		   (this->others->cfg ? this->others->cfg->points : 0);
}

METHOD(nflog_snapshot_t, has_running, bool,
	private_nflog_snapshot_t *this)
{
	return this->running;
}

METHOD(nflog_snapshot_t, get_ref, nflog_snapshot_t*,
	private_nflog_snapshot_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(nflog_snapshot_t, destroy, void,
	private_nflog_snapshot_t *this)
{
	if (ref_put(&this->ref))
	{
		this->children->destroy_function(this->children, destroy_child);
		this->conns->destroy_function(this->conns, destroy_conn);
		child_destroy(this->others);
		free(this);
	}
}

/*
 * Described in header
 */
nflog_snapshot_t *nflog_snapshot_create(
									nflog_sections_t *sections,
									char *file, bool *stop)
{
	private_nflog_snapshot_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.get_points = _get_points,
			.has_running = _has_running,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.ref = 1,
		.children = hashtable_create(child_hash, child_equals, 32),
		.conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
		.others = child_create(NULL, NULL, sections, file),
	);
	add_points(this, this->others);
	if (!add_swanctl(this, sections, file, stop))
	{
		_destroy(this);
		return NULL;
	}
	add_settings(this, sections, file);
	return &this->public;
}

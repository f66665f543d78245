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

typedef struct private_nflog_snapshot_t private_nflog_snapshot_t;
typedef struct build_t build_t;
typedef struct child_t child_t;

/**
 * Private data.
 */
struct private_nflog_snapshot_t {

	/**
	 * Public interface.
	 */
	nflog_snapshot_t public;

	/**
	 * Number of references.
	 */
	refcount_t ref;

	/**
	 * Children with options of their own, and their connections, child_t => child_t.
	 */
	hashtable_t *children;

	/**
	 * Options of all other children.
	 */
	child_t *others;

	/**
	 * Capture points of all children.
	 */
	u_int points;
};

/**
 * A child with options of its own, a connection of such children, or all others.
 */
struct child_t {

	/** name of the connection, NULL for all others */
	char *conn;

	/** name of the child, NULL for a connection, or for all others */
	char *name;

	/** configuration of a child */
	nflog_cfg_t *cfg;

	/** capture points, none if not captured, of a connection those of all its children */
	u_int points;
};

/**
 * Data used to create a snapshot.
 */
struct build_t {

	/** the snapshot */
	private_nflog_snapshot_t *this;

	/** settings in strongswan.conf, and in swanctl.conf */
	nflog_source_t *settings, *swanctl;

	/** gets a line for each unknown or invalid option */
	nflog_notes_t *notes;

	/** section with the options that apply to all children */
	nflog_section_t section;

	/** values of these, and TRUE if all are valid */
	nflog_values_t global;
	bool valid;

	/** TRUE if there are circular or too many references, or to stop */
	bool failed;

	/** set to TRUE by any thread to fail */
	bool *stop;
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
	free(this->conn);
	free(this->name);
	free(this);
}

/**
 * Hash a child by its names.
 */
static u_int child_hash(const void *key)
{
	const child_t *child = key;

	return chunk_hash_inc(chunk_from_str(child->conn),
						  chunk_hash(chunk_from_str(child->name ?: "")));
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
 * Enumerate the options of a child, or those of all children if it has no name.
 */
static enumerator_t *create_enumerator(nflog_sections_t *sections, child_t *child)
{
	return sections->create_enumerator(sections,
						child->conn ? "connections" : NULL, child->conn,
						"children", child->name, "nflog-capture", NULL);
}

/**
 * Enumerate sections and settings, creating the snapshot fails without enumerator.
 */
static bool next(build_t *build, enumerator_t *enumerator, char **name, char **value,
				 bool *is_section, char **file)
{
	build->failed |= !enumerator || *build->stop;
	return !build->failed &&
		   enumerator->enumerate(enumerator, name, value, is_section, file);
}

/**
 * Apply the options in a section.
 *
 * @return			FALSE if any of them is unknown or invalid, already noted
 */
static bool apply(build_t *build, nflog_values_t *values,
				  nflog_section_t *section, nflog_sections_t *sections,
				  child_t *child)
{
	enumerator_t *enumerator;
	bool valid = TRUE, is_section;
	char *name, *value, *file, *outermost = section->file;

	enumerator = create_enumerator(sections, child);
	while (next(build, enumerator, &name, &value, &is_section, &file))
	{
		section->file = file ?: outermost;
		if (!is_section)
		{
			valid &= nflog_values_apply(values, section, name, value);
		}
		else if (!section->global || !streq(name, "connections"))
		{
			nflog_values_refuse(values, section, name);
			valid = FALSE;
		}
	}
	DESTROY_IF(enumerator);
	return valid;
}

/**
 * Apply the options of a child in a file.
 */
static bool apply_child(build_t *build, nflog_values_t *values,
						nflog_section_t *section, nflog_source_t *source,
						child_t *child)
{
	section->file = source->file;
	snprintf(section->path, sizeof(section->path),
			 "%sconnections.%s.children.%s.nflog-capture",
			 source == build->settings ? "plugins.nflog-capture." : "",
			 child->conn, child->name);
	return apply(build, values, section, source->sections, child);
}

/**
 * Create a child, what swanctl.conf sets overrides strongswan.conf.
 *
 * @param conn		name of the connection, NULL for all other children
 */
static child_t *child_create(build_t *build, char *conn, char *name)
{
	nflog_section_t settings = {}, swanctl = {};
	nflog_values_t values = build->global;
	bool valid = TRUE;
	child_t *child;

	nflog_cfg_own(&values.cfg);
	INIT(child,
		.conn = conn ? strdup(conn) : NULL,
		.name = conn ? strdup(name) : NULL,
	);
	if (conn)
	{
		valid = apply_child(build, &values, &settings, build->settings, child);
		valid &= apply_child(build, &values, &swanctl, build->swanctl, child);
	}
	values.cfg.invalid = !valid || !nflog_values_check(&values) || !build->valid;
	if (values.cfg.enable && !values.cfg.invalid)
	{
		child->points = nflog_cfg_get_points(&values.cfg);
		build->this->points |= child->points;
	}
	child->cfg = nflog_cfg_clone(&values.cfg);
	nflog_cfg_clear(&values.cfg);
	return child;
}

/**
 * Add a child, and its connection, unless it was added before.
 */
static void add_child(build_t *build, char *conn_name, char *name)
{
	hashtable_t *children = build->this->children;
	child_t *child, *conn, key = {
		.conn = conn_name,
		.name = name,
	};

	if (children->get(children, &key))
	{
		return;
	}
	child = child_create(build, conn_name, name);
	children->put(children, child, child);

	key.name = NULL;
	conn = children->get(children, &key);
	if (!conn)
	{
		INIT(conn,
			.conn = strdup(conn_name),
		);
		children->put(children, conn, conn);
	}
	conn->points |= child->points;
}

/**
 * Check if a child has options in a file.
 */
static bool has_options(build_t *build, nflog_sections_t *sections, char *conn,
						char *name)
{
	child_t child = {
		.conn = conn,
		.name = name,
	};
	enumerator_t *enumerator;
	char *option, *value, *file;
	bool found, is_section;

	enumerator = create_enumerator(sections, &child);
	found = next(build, enumerator, &option, &value, &is_section, &file);
	DESTROY_IF(enumerator);
	return found;
}

/**
 * Enumerate the names of sections, but those that look-ups refuse as too long.
 */
static bool next_name(build_t *build, enumerator_t *enumerator, char **name)
{
	char *value, *file;
	bool is_section;

	while (next(build, enumerator, name, &value, &is_section, &file))
	{
		if (is_section && strlen(*name) <= NFLOG_MAX_NAME)
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Add all children that have options in a file.
 */
static void add_children(build_t *build, nflog_sections_t *sections)
{
	enumerator_t *conns, *children;
	char *conn, *child;

	conns = sections->create_enumerator(sections, "connections", NULL);
	while (next_name(build, conns, &conn))
	{
		children = sections->create_enumerator(sections, "connections", conn,
											   "children", NULL);
		while (next_name(build, children, &child))
		{
			if (has_options(build, sections, conn, child))
			{
				add_child(build, conn, child);
			}
		}
		DESTROY_IF(children);
	}
	DESTROY_IF(conns);
}

/**
 * Apply the options of all children.  The directory of traces does not change.
 */
static void add_global(build_t *build, char **dir)
{
	child_t all = {};
	char *used;

	build->global.used_dir = *dir;
	build->valid = apply(build, &build->global, &build->section,
						 build->settings->sections, &all);
	used = build->global.dir ?: "";
	if (!*dir)
	{
		*dir = build->valid ? strdup(used) : NULL;
	}
	else if (!streq(used, *dir))
	{
		build->notes->add(build->notes, "%s: value '%.64s' of option 'dir' in "
				"section %s %s once charon is restarted, traces are stored in %s "
				"until then", build->section.file, used, build->section.path,
				!*used || path_absolute(used) ? "applies"
								: "has to be an absolute path, and applies",
				**dir ? *dir : "the default directory");
	}
}

METHOD(nflog_snapshot_t, get, nflog_cfg_t*,
	private_nflog_snapshot_t *this, char *conn, char *name)
{
	child_t *child, key = {
		.conn = conn,
		.name = name,
	};

	child = this->children->get(this->children, &key) ?: this->others;
	return nflog_cfg_clone(child->cfg);
}

METHOD(nflog_snapshot_t, get_points, u_int,
	private_nflog_snapshot_t *this, char *name)
{
	child_t *conn, key = {
		.conn = name,
	};

	if (!name)
	{
		return this->points;
	}
	conn = this->children->get(this->children, &key);
	return (conn ? conn->points : 0) | this->others->points;
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
		this->children->destroy_function(this->children, (void*)child_destroy);
		child_destroy(this->others);
		free(this);
	}
}

/*
 * Described in header
 */
nflog_snapshot_t *nflog_snapshot_create(nflog_source_t *settings,
										nflog_source_t *swanctl,
										nflog_filters_t *filters, char **dir,
										nflog_notes_t *notes, bool *stop)
{
	private_nflog_snapshot_t *this;
	build_t build = {
		.settings = settings,
		.swanctl = swanctl,
		.notes = notes,
		.section = {
			.file = settings->file,
			.path = "plugins.nflog-capture",
			.global = TRUE,
		},
		.global = {
			.cfg = {
				.points = NFLOG_WAY_POINTS,
				.recorder_after = 10,
				.esp_keys = TRUE,
				.ike_keys = TRUE,
			},
			.filters = filters,
			.notes = notes,
		},
		.stop = stop,
	};

	INIT(this,
		.public = {
			.get = _get,
			.get_points = _get_points,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.ref = 1,
		.children = hashtable_create(child_hash, child_equals, 32),
	);
	build.this = this;
	add_global(&build, dir);
	this->others = child_create(&build, NULL, NULL);
	add_children(&build, swanctl->sections);
	add_children(&build, settings->sections);

	nflog_cfg_clear(&build.global.cfg);
	if (build.failed || *stop)
	{
		_destroy(this);
		return NULL;
	}
	return &this->public;
}

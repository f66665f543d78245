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
 * A snapshot that is being created.
 */
struct build_t {

	/** the snapshot */
	private_nflog_snapshot_t *this;

	/** settings in strongswan.conf, and in swanctl.conf */
	nflog_source_t *settings, *swanctl;

	/** gets a line for each option that is not valid */
	nflog_notes_t *notes;

	/** section with the options that apply to all children */
	nflog_section_t section;

	/** these options, and if they are valid */
	nflog_values_t global;
	bool valid;

	/** TRUE if there are too many or circular references */
	bool failed;

	/** creation fails once this is TRUE */
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
 * Enumerate the options of a child, or those that apply to all children.
 */
static enumerator_t *create_enumerator(nflog_sections_t *sections,
									   child_t *child, bool values)
{
	return (values ? sections->create_key_value_enumerator
				   : sections->create_section_enumerator)(sections,
						child->conn ? "connections" : NULL, child->conn,
						"children", child->name, "nflog-capture", NULL);
}

/**
 * Apply the options in a section.
 *
 * @return			FALSE if any of them is not valid
 */
static bool apply(build_t *build, nflog_values_t *values,
				  nflog_section_t *section, nflog_sections_t *sections,
				  child_t *child)
{
	enumerator_t *options, *subsections;
	char *key, *value;
	bool valid = TRUE;

	options = create_enumerator(sections, child, TRUE);
	subsections = create_enumerator(sections, child, FALSE);
	build->failed |= !options || !subsections;
	while (!build->failed && options->enumerate(options, &key, &value))
	{
		valid &= nflog_values_apply(values, section, key, value);
	}
	while (!build->failed && subsections->enumerate(subsections, &key))
	{
		if (!section->global || !streq(key, "connections"))
		{
			nflog_values_refuse(values, section, key);
			valid = FALSE;
		}
	}
	DESTROY_IF(options);
	DESTROY_IF(subsections);
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
 * Create a child, sections that are applied later override those before.
 *
 * @param conn		name of the connection, NULL for what applies to all others
 */
static child_t *child_create(build_t *build, char *conn, char *name)
{
	nflog_section_t settings = {}, swanctl = {};
	nflog_values_t values = build->global;
	bool valid = TRUE;
	child_t *child;

	if (values.cfg.filter)
	{
		values.cfg.filter->get_ref(values.cfg.filter);
	}
	INIT(child,
		.conn = conn ? strdup(conn) : NULL,
		.name = conn ? strdup(name) : NULL,
	);
	if (conn)
	{
		valid = apply_child(build, &values, &settings, build->settings, child);
		valid &= apply_child(build, &values, &swanctl, build->swanctl, child);
	}
	if (valid && nflog_values_check(&values) && build->valid && values.enable)
	{
		child->cfg = nflog_cfg_clone(&values.cfg);
	}
	DESTROY_IF(values.cfg.filter);
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
static void add_child(build_t *build, char *name, char *child_name)
{
	private_nflog_snapshot_t *this = build->this;
	child_t *child, key = {
		.conn = name,
		.name = child_name,
	};
	conn_t *conn;

	if (this->children->get(this->children, &key))
	{
		return;
	}
	child = child_create(build, name, child_name);
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
 * Does a child have options in a file?
 */
static bool has_options(build_t *build, nflog_sections_t *sections, char *conn,
						char *name)
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
	build->failed |= !values || !subsections;
	found = !build->failed && (values->enumerate(values, &key, &value) ||
							   subsections->enumerate(subsections, &key));
	DESTROY_IF(values);
	DESTROY_IF(subsections);
	return found;
}

/**
 * Enumerate names, as long as they can be found.
 */
static bool next_name(build_t *build, enumerator_t *enumerator, char **name)
{
	build->failed |= !enumerator;
	return !build->failed && !*build->stop &&
		   enumerator->enumerate(enumerator, name);
}

/**
 * Add all children that have options in a file.  Look-ups refuse longer names.
 */
static void add_children(build_t *build, nflog_sections_t *sections)
{
	enumerator_t *conns, *children;
	char *conn, *child;

	conns = sections->create_section_enumerator(sections, "connections", NULL);
	while (next_name(build, conns, &conn))
	{
		if (strlen(conn) > NFLOG_MAX_NAME)
		{
			continue;
		}
		children = sections->create_section_enumerator(sections, "connections",
													   conn, "children", NULL);
		while (next_name(build, children, &child))
		{
			if (strlen(child) <= NFLOG_MAX_NAME &&
				has_options(build, sections, conn, child))
			{
				add_child(build, conn, child);
			}
		}
		DESTROY_IF(children);
	}
	DESTROY_IF(conns);
}

/**
 * Apply the options that concern all children.  The directory of traces stays what
 * it was at first.
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
				.points = (1 << POINT_MAX) - 1,
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
			.has_running = _has_running,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.ref = 1,
		.children = hashtable_create(child_hash, child_equals, 32),
		.conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	);
	build.this = this;
	add_global(&build, dir);
	this->others = child_create(&build, NULL, NULL);
	add_points(this, this->others);
	add_children(&build, swanctl->sections);
	add_children(&build, settings->sections);

	DESTROY_IF(build.global.cfg.filter);
	if (build.failed || *stop)
	{
		_destroy(this);
		return NULL;
	}
	return &this->public;
}

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


#include "nflog_capture_options.h"
#include "nflog_capture_swanctl.h"
#include "nflog_capture_values.h"

typedef struct private_nflog_capture_options_t private_nflog_capture_options_t;

ENUM(nflog_capture_point_names, POINT_ESP_IN, POINT_IKE_OUT,
	"esp-in",
	"esp-out",
	"plain-in",
	"plain-out",
	"ike-in",
	"ike-out",
);

/**
 * Private data.
 */
struct private_nflog_capture_options_t {

	/**
	 * Public interface.
	 */
	nflog_capture_options_t public;

	/**
	 * Options in swanctl.conf.
	 */
	nflog_capture_swanctl_t *swanctl;
};

/**
 * Apply the options in a section of strongswan.conf.
 */
static bool apply_settings(nflog_capture_values_t *values,
						   nflog_capture_section_t *section, char *format,
						   char *conn, char *child)
{
	enumerator_t *enumerator;
	char *key, *value;
	bool valid = TRUE;

	enumerator = lib->settings->create_key_value_enumerator(lib->settings,
												format, lib->ns, conn, child);
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		valid &= nflog_capture_values_apply(values, section, key, value);
	}
	enumerator->destroy(enumerator);

	enumerator = lib->settings->create_section_enumerator(lib->settings,
												format, lib->ns, conn, child);
	while (enumerator->enumerate(enumerator, &key))
	{
		if (!section->global || !streq(key, "connections"))
		{
			valid &= nflog_capture_values_apply(values, section, key, NULL);
		}
	}
	enumerator->destroy(enumerator);
	return valid;
}

/**
 * Apply the options in swanctl.conf.
 */
static bool apply_swanctl(private_nflog_capture_options_t *this,
						  nflog_capture_values_t *values,
						  nflog_capture_section_t *section, char *conn,
						  char *child)
{
	enumerator_t *enumerator;
	char *key, *value;
	bool valid = TRUE;

	enumerator = this->swanctl->create_enumerator(this->swanctl, conn, child);
	if (!enumerator)
	{	/* we don't know what to capture */
		return FALSE;
	}
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		valid &= nflog_capture_values_apply(values, section, key, value);
	}
	enumerator->destroy(enumerator);
	return valid;
}

/**
 * Collect the options of a CHILD_SA, sections that are applied later override
 * those before.
 */
static bool collect(private_nflog_capture_options_t *this,
					nflog_capture_values_t *values, char *conn, char *child)
{
	char *file = lib->conf ?: "strongswan.conf";
	nflog_capture_section_t global = {
		.file = file,
		.path = "plugins.nflog-capture",
		.global = TRUE,
	}, settings = {
		.file = file,
	}, swanctl = {};
	bool valid;

	snprintf(settings.path, sizeof(settings.path), "plugins.nflog-capture."
			 "connections.%s.children.%s.nflog-capture", conn, child);
	snprintf(swanctl.path, sizeof(swanctl.path),
			 "connections.%s.children.%s.nflog-capture", conn, child);

	valid = apply_settings(values, &global, "%s.plugins.nflog-capture", conn,
						   child);
	valid = apply_settings(values, &settings, "%s.plugins.nflog-capture."
						   "connections.%s.children.%s.nflog-capture", conn,
						   child) && valid;
	if (valid)
	{	/* otherwise the path of the file might not be valid */
		swanctl.file = this->swanctl->get_path(this->swanctl);
		valid = apply_swanctl(this, values, &swanctl, conn, child);
	}
	return valid && nflog_capture_values_check(values);
}

METHOD(nflog_capture_options_t, get, nflog_capture_wish_t*,
	private_nflog_capture_options_t *this, char *conn, char *child,
	bool quiet)
{
	nflog_capture_wish_t *wish;
	nflog_capture_values_t values = {
		.level = quiet ? LEVEL_RAW : LEVEL_CTRL,
		.wish = {
			.points = (1 << POINT_MAX) - 1,
			.esp_keys = TRUE,
			.ike_keys = TRUE,
		},
	};

	if (strlen(conn) > NFLOG_CAPTURE_MAX_NAME ||
		strlen(child) > NFLOG_CAPTURE_MAX_NAME)
	{
		dbg(DBG_CFG, values.level, "not capturing CHILD_SA '%s' of connection "
			"'%s', names longer than %d characters are not supported", child,
			conn, NFLOG_CAPTURE_MAX_NAME);
		return NULL;
	}
	if (!collect(this, &values, conn, child) || !values.enable)
	{
		free(values.wish.filter);
		return NULL;
	}
	wish = malloc_thing(nflog_capture_wish_t);
	*wish = values.wish;
	return wish;
}

/**
 * Does a child wish for some capture points, or to be captured if it is running?
 */
static bool child_wishes(private_nflog_capture_options_t *this, char *conn,
						 char *child, u_int points, bool running)
{
	nflog_capture_wish_t *wish;
	bool found = FALSE;

	wish = _get(this, conn, child, TRUE);
	if (wish)
	{
		found = wish->points & points && (wish->running || !running);
		nflog_capture_wish_destroy(wish);
	}
	return found;
}

/**
 * Add the names of children that have options in strongswan.conf, each after
 * that of its connection.
 */
static void add_children(linked_list_t *names)
{
	enumerator_t *conns, *children;
	char *conn, *child;

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
}

/**
 * Does any child wish for that, of a connection if that is not NULL?
 */
static bool any_wishes(private_nflog_capture_options_t *this, char *of,
					   u_int points, bool running)
{
	linked_list_t *names;
	char *conn, *child;
	bool found;

	/* one that has no options of its own */
	found = child_wishes(this, "", "", points, running);
	names = this->swanctl->get_children(this->swanctl);
	add_children(names);
	while (!found && names->remove_first(names, (void**)&conn) == SUCCESS &&
		   names->remove_first(names, (void**)&child) == SUCCESS)
	{
		found = (!of || streq(of, conn)) &&
				child_wishes(this, conn, child, points, running);
		free(conn);
		free(child);
	}
	names->destroy_function(names, free);
	return found;
}

METHOD(nflog_capture_options_t, has_point, bool,
	private_nflog_capture_options_t *this, u_int points)
{
	return any_wishes(this, NULL, points, FALSE);
}

METHOD(nflog_capture_options_t, has_point_conn, bool,
	private_nflog_capture_options_t *this, char *conn, u_int points)
{
	return any_wishes(this, conn, points, FALSE);
}

METHOD(nflog_capture_options_t, has_running, bool,
	private_nflog_capture_options_t *this)
{
	return any_wishes(this, NULL, (1 << POINT_MAX) - 1, TRUE);
}

METHOD(nflog_capture_options_t, get_paths, linked_list_t*,
	private_nflog_capture_options_t *this)
{
	return this->swanctl->get_paths(this->swanctl);
}

METHOD(nflog_capture_options_t, reload, void,
	private_nflog_capture_options_t *this)
{
	this->swanctl->reload(this->swanctl);
}

METHOD(nflog_capture_options_t, destroy, void,
	private_nflog_capture_options_t *this)
{
	this->swanctl->destroy(this->swanctl);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_options_t *nflog_capture_options_create()
{
	private_nflog_capture_options_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.has_point = _has_point,
			.has_point_conn = _has_point_conn,
			.has_running = _has_running,
			.get_paths = _get_paths,
			.reload = _reload,
			.destroy = _destroy,
		},
		.swanctl = nflog_capture_swanctl_create(),
	);
	return &this->public;
}

/*
 * Described in header
 */
void nflog_capture_wish_destroy(nflog_capture_wish_t *wish)
{
	free(wish->filter);
	free(wish);
}

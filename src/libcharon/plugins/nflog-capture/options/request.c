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

#include "request.h"

/**
 * Clone a string, NULL if there is none.
 */
static char *clone_str(char *str)
{
	return str ? strdup(str) : NULL;
}

/*
 * Described in header
 */
nflog_request_t *nflog_request_clone(nflog_request_t *request)
{
	nflog_criteria_t *criteria = &request->criteria;
	nflog_request_t *clone;
	u_int i;

	clone = malloc_thing(nflog_request_t);
	*clone = *request;
	clone->criteria.conn = clone_str(criteria->conn);
	clone->criteria.child = clone_str(criteria->child);
	clone->criteria.identity = clone_str(criteria->identity);
	clone->criteria.virtual_ip = clone_str(criteria->virtual_ip);
	clone->options = calloc(max(request->count, 1), sizeof(*clone->options));
	for (i = 0; i < request->count; i++)
	{
		clone->options[i].name = strdup(request->options[i].name);
		clone->options[i].value = strdup(request->options[i].value);
	}
	return clone;
}

/*
 * Described in header
 */
void nflog_request_destroy(nflog_request_t *request)
{
	u_int i;

	for (i = 0; i < request->count; i++)
	{
		free(request->options[i].name);
		free(request->options[i].value);
	}
	free(request->options);
	free(request->criteria.conn);
	free(request->criteria.child);
	free(request->criteria.identity);
	free(request->criteria.virtual_ip);
	free(request);
}

/**
 * Compare two strings, either of which may be NULL.
 */
static bool same(char *a, char *b)
{
	return a && b ? streq(a, b) : a == b;
}

/*
 * Described in header
 */
bool nflog_request_is_all(nflog_request_t *request)
{
	nflog_criteria_t *criteria = &request->criteria;

	return !criteria->conn && !criteria->child && !criteria->identity &&
		   !criteria->virtual_ip && !criteria->ike_id && !criteria->child_id &&
		   !criteria->spi;
}

/*
 * Described in header
 */
bool nflog_request_replaces(nflog_request_t *request, nflog_request_t *other)
{
	nflog_criteria_t *a = &request->criteria, *b = &other->criteria;

	if (nflog_request_is_all(request) && !request->duration)
	{	/* it decides instead of any earlier one, for good */
		return TRUE;
	}
	return same(a->conn, b->conn) && same(a->child, b->child) &&
		   same(a->identity, b->identity) && same(a->virtual_ip, b->virtual_ip) &&
		   a->ike_id == b->ike_id && a->child_id == b->child_id && a->spi == b->spi;
}

/**
 * Gets what is wrong with an option.
 */
typedef struct {
	/** implements nflog_notes_t.add() only */
	nflog_notes_t notes;
	/** receives the text, empty before */
	char *error;
} errors_t;

METHOD(nflog_notes_t, add, void,
	errors_t *this, const char *fmt, ...)
{
	va_list args;

	if (!*this->error)
	{	/* the first one is the cause */
		va_start(args, fmt);
		vsnprintf(this->error, NFLOG_REQUEST_ERROR, fmt, args);
		va_end(args);
	}
}

/**
 * Check a name of a connection or child.
 */
static bool check_name(char *what, char *name, char *error)
{
	if (name && (!*name || strlen(name) > NFLOG_MAX_NAME))
	{
		snprintf(error, NFLOG_REQUEST_ERROR, "name of %s '%.64s' is invalid, expected 1 "
				 "to %d characters", what, name, NFLOG_MAX_NAME);
		return FALSE;
	}
	return TRUE;
}

/**
 * Check what a request selects.
 */
static bool check_criteria(nflog_criteria_t *criteria, char *error)
{
	if (!check_name("connection", criteria->conn, error) ||
		!check_name("child", criteria->child, error))
	{
		return FALSE;
	}
	if (criteria->identity && (!*criteria->identity ||
							   strlen(criteria->identity) > NFLOG_MAX_PATTERN))
	{
		snprintf(error, NFLOG_REQUEST_ERROR, "identity '%.64s' is invalid, expected 1 to "
				 "%d characters", criteria->identity, NFLOG_MAX_PATTERN);
		return FALSE;
	}
	if (criteria->virtual_ip && !nflog_type_subnet(criteria->virtual_ip, NULL))
	{
		snprintf(error, NFLOG_REQUEST_ERROR, "virtual IP '%.64s' is invalid, expected "
				 "an address or a subnet", criteria->virtual_ip);
		return FALSE;
	}
	return TRUE;
}

/**
 * Parse an option.
 */
static bool parse_option(nflog_values_t *values, nflog_section_t *section,
						 nflog_request_option_t *option, char *error)
{
	if (!nflog_values_is_request(option->name))
	{
		snprintf(error, NFLOG_REQUEST_ERROR, "option '%s' can't be set here, captures of "
				 "what is up start anyway", option->name);
		return FALSE;
	}
	return nflog_values_apply(values, section, option->name, option->value);
}

/*
 * Described in header
 */
bool nflog_request_parse(nflog_request_t *request, nflog_values_t *values,
						 nflog_filters_t *filters, char error[NFLOG_REQUEST_ERROR])
{
	nflog_section_t section = {};
	errors_t errors = {
		.notes = {
			.add = (void*)_add,
		},
		.error = error,
	};
	bool valid;
	u_int i;

	*error = '\0';
	*values = (nflog_values_t){
		.filters = filters,
		.notes = &errors.notes,
	};
	if (request->count > (request->start ? NFLOG_MAX_REQUEST_OPTIONS : 0))
	{
		snprintf(error, NFLOG_REQUEST_ERROR, request->start ? "more than %d options" :
				 "options are for starting a capture only", NFLOG_MAX_REQUEST_OPTIONS);
		return FALSE;
	}
	valid = check_criteria(&request->criteria, error);
	for (i = 0; valid && i < request->count; i++)
	{
		valid = parse_option(values, &section, &request->options[i], error);
	}
	valid = valid && nflog_values_check(values);
	/* these are ours */
	values->files = values->filter = values->local = values->recorder = (nflog_place_t){};
	values->filters = NULL;
	values->notes = NULL;
	return valid;
}

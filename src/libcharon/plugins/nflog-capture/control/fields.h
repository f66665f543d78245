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
 * @defgroup nflog_fields nflog_fields
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FIELDS_H_
#define NFLOG_FIELDS_H_

typedef struct nflog_fields_t nflog_fields_t;

#include "options/criteria.h"

#include <json-c/json.h>

/**
 * Fields of a command.
 *
 * Each is removed once it is read, so that unknown ones are left in the end.  The first
 * error is kept.
 */
struct nflog_fields_t {
	/** object with the fields, values are valid as long as it exists */
	json_object *object;
	/** fields that were removed, to keep their values */
	json_object *taken;
	/** what is wrong, empty if nothing is */
	char error[256];
};

/**
 * Set up the fields of a command.
 *
 * @param fields	receives the fields
 * @param object	object, gets owned
 */
void nflog_fields_init(nflog_fields_t *fields, json_object *object);

/**
 * Get a string.
 *
 * @param name		name of the field
 * @return			value, NULL if there is none, or it is no string of 1 to
 *					NFLOG_MAX_PATTERN bytes without a null byte
 */
char *nflog_fields_string(nflog_fields_t *fields, char *name);

/**
 * Get a number.
 *
 * @param name		name of the field
 * @param max		largest value that is valid
 * @return			value, 0 if there is none, or it is not 1 to max
 */
uint64_t nflog_fields_number(nflog_fields_t *fields, char *name, uint64_t max);

/**
 * Get an object.
 *
 * @param name		name of the field
 * @return			value, not owned, NULL if there is none, or it is no object
 */
json_object *nflog_fields_object(nflog_fields_t *fields, char *name);

/**
 * Get what selects SAs: the fields "connection", "child", "ike_id", "child_id", "spi" (hex
 * digits), "identity", and "virtual_ip".
 *
 * @param criteria	receives them
 */
void nflog_fields_criteria(nflog_fields_t *fields, nflog_criteria_t *criteria);

/**
 * Note that a field is invalid, unless another one is.
 *
 * @param fmt		what is wrong
 */
void nflog_fields_refuse(nflog_fields_t *fields, char *fmt, ...);

/**
 * Check if all fields were known and valid.
 *
 * @return			FALSE if not, with the reason in error
 */
bool nflog_fields_check(nflog_fields_t *fields);

/**
 * Release the fields.
 */
void nflog_fields_clear(nflog_fields_t *fields);

#endif /** NFLOG_FIELDS_H_ @}*/

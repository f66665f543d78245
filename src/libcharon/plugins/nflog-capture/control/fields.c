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

#include "fields.h"

#include <errno.h>
#include <stdarg.h>

#include <networking/host.h>

/*
 * Described in header
 */
void nflog_fields_refuse(nflog_fields_t *fields, char *fmt, ...)
{
	va_list args;

	if (!fields->error[0])
	{
		va_start(args, fmt);
		vsnprintf(fields->error, sizeof(fields->error), fmt, args);
		va_end(args);
	}
}

/*
 * Described in header
 */
void nflog_fields_init(nflog_fields_t *fields, json_object *object)
{
	memset(fields, 0, sizeof(*fields));
	fields->object = object;
	fields->taken = json_object_new_array();
}

/**
 * Take a field of a type.
 *
 * @return			its value, NULL if there is none
 */
static json_object *take(nflog_fields_t *fields, char *name)
{
	json_object *value = NULL;

	if (json_object_object_get_ex(fields->object, name, &value))
	{
		json_object_array_add(fields->taken, json_object_get(value));
		json_object_object_del(fields->object, name);
		if (!value)
		{
			nflog_fields_refuse(fields, "field '%s' is null", name);
		}
	}
	return value;
}

/*
 * Described in header
 */
char *nflog_fields_string(nflog_fields_t *fields, char *name)
{
	json_object *value = take(fields, name);
	const char *str;
	size_t len;

	if (!value)
	{
		return NULL;
	}
	str = json_object_get_string(value);
	len = json_object_get_string_len(value);
	if (!json_object_is_type(value, json_type_string) || !len ||
		len > NFLOG_MAX_PATTERN || strlen(str) != len)
	{
		nflog_fields_refuse(fields, "field '%s' is no string of 1 to %d bytes", name,
				  NFLOG_MAX_PATTERN);
		return NULL;
	}
	return (char*)str;
}

/*
 * Described in header
 */
uint64_t nflog_fields_number(nflog_fields_t *fields, char *name, uint64_t max)
{
	json_object *value = take(fields, name);
	int64_t number;

	if (!value)
	{
		return 0;
	}
	number = json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_int) || number < 1 || number > max)
	{
		nflog_fields_refuse(fields, "field '%s' is no number from 1 to %llu", name,
				  (unsigned long long)max);
		return 0;
	}
	return number;
}

/*
 * Described in header
 */
json_object *nflog_fields_object(nflog_fields_t *fields, char *name)
{
	json_object *value = take(fields, name);

	if (value && !json_object_is_type(value, json_type_object))
	{
		nflog_fields_refuse(fields, "field '%s' is no object", name);
		return NULL;
	}
	return value;
}

/**
 * Parse an SPI.
 */
static uint32_t get_spi(nflog_fields_t *fields)
{
	char *str = nflog_fields_string(fields, "spi");
	uint32_t spi;

	if (!str)
	{
		return 0;
	}
	str += strcasepfx(str, "0x") ? 2 : 0;
	spi = strtoul(str, NULL, 16);
	if (strlen(str) > 8 || strspn(str, "0123456789abcdefABCDEF") != strlen(str) || !spi)
	{
		nflog_fields_refuse(fields, "field 'spi' is no SPI of up to 8 hex digits");
	}
	return htonl(spi);
}

/**
 * Check if a string is an address, or a subnet.
 */
static bool is_subnet(char *str)
{
	char *slash = strchr(str, '/'), *end = "";
	u_long length = 0;
	host_t *host;
	int bits;

	host = host_create_from_subnet(str, &bits);
	if (!host)
	{
		return FALSE;
	}
	if (slash)
	{	/* which is not checked */
		length = strtoul(slash + 1, &end, 10);
	}
	bits = host->get_family(host) == AF_INET ? 32 : 128;
	host->destroy(host);
	return !*end && length <= bits && (!slash || (slash[1] >= '0' && slash[1] <= '9'));
}

/*
 * Described in header
 */
void nflog_fields_criteria(nflog_fields_t *fields, nflog_criteria_t *criteria)
{
	*criteria = (nflog_criteria_t){
		.conn = nflog_fields_string(fields, "connection"),
		.child = nflog_fields_string(fields, "child"),
		.ike_id = nflog_fields_number(fields, "ike_id", UINT32_MAX),
		.child_id = nflog_fields_number(fields, "child_id", UINT32_MAX),
		.spi = get_spi(fields),
		.identity = nflog_fields_string(fields, "identity"),
		.virtual_ip = nflog_fields_string(fields, "virtual_ip"),
	};
	if (criteria->virtual_ip && !is_subnet(criteria->virtual_ip))
	{
		nflog_fields_refuse(fields, "field 'virtual_ip' is no address or subnet");
	}
}

/*
 * Described in header
 */
bool nflog_fields_check(nflog_fields_t *fields)
{
	struct json_object_iterator it, end;

	it = json_object_iter_begin(fields->object);
	end = json_object_iter_end(fields->object);
	if (!json_object_iter_equal(&it, &end))
	{
		nflog_fields_refuse(fields, "field '%.64s' is unknown", json_object_iter_peek_name(&it));
	}
	return !fields->error[0];
}

/*
 * Described in header
 */
void nflog_fields_clear(nflog_fields_t *fields)
{
	json_object_put(fields->object);
	json_object_put(fields->taken);
}

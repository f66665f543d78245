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

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/** Names of connections and children above are not looked up by settings_t */
#define MAX_NAME 127

typedef struct private_nflog_capture_options_t private_nflog_capture_options_t;
typedef struct values_t values_t;
typedef struct option_t option_t;
typedef struct section_t section_t;

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
 * Values of all options.
 */
struct values_t {

	/** what is handed out */
	nflog_capture_wish_t wish;

	/** is the CHILD_SA to be captured? */
	bool enable;

	/** an option that goes without saying, or that others look up */
	union {
		bool flag;
		u_int number;
		uint64_t size;
	} unused;
};

/**
 * Definition of an option.
 */
struct option_t {

	/** name */
	char *name;

	/** parses a value, FALSE if it is not valid */
	bool (*parse)(char *value, void *out);

	/** position of the value in values_t */
	size_t offset;

	/** what is allowed */
	char *allowed;

	/** TRUE if it can't be set for a child */
	bool global;
};

/**
 * A section of a file, for log messages.
 */
struct section_t {

	/** path of the file */
	char *file;

	/** name of the connection, NULL for the global section */
	char *conn;

	/** name of the child */
	char *child;

	/** "nflog-capture", or where it is in strongswan.conf */
	char *prefix;
};

/**
 * Parse a number up to a maximum.
 */
static bool parse_uint64(char *value, uint64_t max, char **end, uint64_t *out)
{
	/* strtoull() takes signs and spaces too */
	if (!isdigit(*value))
	{
		return FALSE;
	}
	errno = 0;
	*out = strtoull(value, end, 10);
	return errno == 0 && *out <= max;
}

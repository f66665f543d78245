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

/*
 * What tests of the options need that use strongswan.conf as well.
 */

#ifndef STRONGSWAN_H_
#define STRONGSWAN_H_

#include "swanctl.h"

/**
 * Load a string as strongswan.conf.
 */
static inline void load(char *content)
{
	char buf[4096];

	snprintf(buf, sizeof(buf), "charon { plugins { nflog-capture {\n"
			 "swanctl_conf = %s/swanctl.conf\n %s } } }", dir, content);
	assert_true(lib->settings->load_string(lib->settings, buf, FALSE));
	options->reload(options);
}

static inline nflog_cfg_t *get(char *conn, char *child)
{
	nflog_candidate_t candidate = { .conn = conn, .child = child };

	update();
	return options->get(options, &candidate, FALSE, FALSE);
}

/**
 * Empty swanctl.conf and strongswan.conf, and forget what was logged.
 */
static inline void reset()
{
	put("swanctl.conf", "");
	load("");
	update();
	lines = 0;
}

static inline int begin(void **state)
{
	put("swanctl.conf", "");
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	reset();
	return 0;
}

static inline int end(void **state)
{
	options->destroy(options);
	options = NULL;
	return 0;
}

#endif /* STRONGSWAN_H_ */

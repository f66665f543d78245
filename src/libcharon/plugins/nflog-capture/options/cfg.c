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

#include "cfg.h"

ENUM(nflog_point_names, POINT_ESP_IN, POINT_MISSED,
	"esp-in",
	"esp-out",
	"plain-in",
	"plain-out",
	"ike-in",
	"ike-out",
	"dropped",
	"missed",
);

/*
 * Described in header
 */
u_int nflog_cfg_get_points(nflog_cfg_t *cfg)
{
	return cfg->points | (cfg->points && cfg->recorder ? NFLOG_RECORDER_POINT : 0);
}

/**
 * Own a filter.
 */
static void own_filter(nflog_filter_t *filter)
{
	if (filter)
	{
		filter->get_ref(filter);
	}
}

/*
 * Described in header
 */
void nflog_cfg_own(nflog_cfg_t *cfg)
{
	own_filter(cfg->filter);
	own_filter(cfg->filter_esp);
	own_filter(cfg->filter_ike);
	cfg->identity = cfg->identity ? strdup(cfg->identity) : NULL;
	cfg->virtual_ip = cfg->virtual_ip ? strdup(cfg->virtual_ip) : NULL;
}

/*
 * Described in header
 */
void nflog_cfg_clear(nflog_cfg_t *cfg)
{
	DESTROY_IF(cfg->filter);
	DESTROY_IF(cfg->filter_esp);
	DESTROY_IF(cfg->filter_ike);
	free(cfg->identity);
	free(cfg->virtual_ip);
}

/*
 * Described in header
 */
nflog_cfg_t *nflog_cfg_clone(nflog_cfg_t *cfg)
{
	nflog_cfg_t *clone;

	clone = malloc_thing(nflog_cfg_t);
	*clone = *cfg;
	nflog_cfg_own(clone);
	return clone;
}

/*
 * Described in header
 */
void nflog_cfg_destroy(nflog_cfg_t *cfg)
{
	nflog_cfg_clear(cfg);
	free(cfg);
}

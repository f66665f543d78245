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
 * The plugin's objects that packets pass, created as the plugin does.
 */

#ifndef OBJECTS_H_
#define OBJECTS_H_

#include "bench.h"

#include "reader/pipeline.h"

/**
 * The plugin's objects.
 */
typedef struct {
	nflog_pipeline_t *pipeline;
	/** sums of the counters of all ended traces */
	nflog_counters_t total;
	/** number of ended traces */
	u_int ended;
	/** bytes that the recorder of all traces holds, 0 for none */
	uint64_t recorder;
} objects_t;

/**
 * Create the objects, once in a process.
 *
 * @param lanes		number of lanes, 0 for the plugin's default
 */
objects_t *objects_create(u_int lanes);

/**
 * Create a trace.
 *
 * @param label		name of the CHILD_SA
 * @param name		name of the file
 * @param point		capture point of arriving packets
 */
nflog_trace_t *objects_trace(char *label, char *name,
							 nflog_point_t point);

/**
 * Create an SA.
 *
 * @param number	number of the SA
 * @param inbound	TRUE for an inbound SA
 * @param dst		destination address
 * @param esp		trace of the ESP side, NULL for none
 * @param plain		trace of the plain side, NULL for none
 */
nflog_sa_t *objects_sa(u_int number, bool inbound, char *dst,
					   nflog_trace_t *esp,
					   nflog_trace_t *plain);

/**
 * End all traces, and destroy the objects, but not the sums.
 */
void objects_destroy();

#endif /* OBJECTS_H_ */

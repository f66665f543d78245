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
 * @defgroup nflog_list nflog_list
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LIST_H_
#define NFLOG_LIST_H_

#include "channel.h"
#include "fields.h"
#include "traces/registry.h"

/**
 * Selects traces, by the fields "connection", "child", "ike_id", "child_id", "spi",
 * "identity", "virtual_ip", and "state", which may be the name of a state.
 */
typedef struct {
	/** what their SAs have to match */
	nflog_criteria_t criteria;
	/** name of the state they have to be in, NULL for any */
	char *state;
	/** TRUE if "running" includes those that are interrupted, initially FALSE */
	bool interrupted;
} nflog_selection_t;

/**
 * Get which traces to select.
 *
 * @param selection	receives that, valid as long as the fields
 * @param fields	fields of a command
 */
void nflog_selection_init(nflog_selection_t *selection, nflog_fields_t *fields);

/**
 * Check if a trace is selected.
 *
 * @param data		what is known of the trace
 * @return			TRUE if so
 */
bool nflog_selection_match(nflog_selection_t *selection, nflog_listing_data_t *data);

/**
 * Describe a trace, as an object of type trace.
 *
 * @param data		what is known of the trace
 * @return			object
 */
json_object *nflog_list_describe(nflog_listing_data_t *data);

/**
 * Send the description of all selected traces.
 *
 * @param channel	connection to the client
 * @param registry	knows the traces
 * @param selection	which traces to select
 * @return			number of traces
 */
u_int nflog_list_send(nflog_channel_t *channel, nflog_registry_t *registry,
					  nflog_selection_t *selection);

#endif /** NFLOG_LIST_H_ @}*/

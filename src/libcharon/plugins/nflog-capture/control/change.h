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
 * @defgroup nflog_change nflog_change
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CHANGE_H_
#define NFLOG_CHANGE_H_

#include "list.h"
#include "options/requests.h"

/**
 * Start or stop captures: add a request, wait until it was applied to what is up, and send
 * the description of the traces that began or ended.
 *
 * Fields besides those that select SAs are "duration" (s), and for a start "packets", and
 * "options", an object with strings.
 *
 * @param channel	connection to the client
 * @param registry	knows the traces
 * @param requests	has the requests
 * @param fields	fields of the command
 * @param start		TRUE to start captures
 * @return			what the request did, NULL if it was refused, which was sent
 */
json_object *nflog_change(nflog_channel_t *channel, nflog_registry_t *registry,
						  nflog_requests_t *requests, nflog_fields_t *fields, bool start);

/**
 * Send the description of all requests that may concern selected SAs, as objects of type
 * request.
 *
 * @param channel	connection to the client
 * @param requests	has the requests
 * @param criteria	selects SAs
 * @return			number of requests
 */
u_int nflog_change_list(nflog_channel_t *channel, nflog_requests_t *requests,
						nflog_criteria_t *criteria);

#endif /** NFLOG_CHANGE_H_ @}*/

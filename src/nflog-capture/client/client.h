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
 * @defgroup nflog_client client
 * @{ @ingroup nflog_capture
 */

#ifndef CLIENT_H_
#define CLIENT_H_

#include "cli/command.h"

#include <json-c/json.h>

#ifndef IPSEC_PIDDIR
#define IPSEC_PIDDIR "/run"
#endif

/** default control socket */
#define CLIENT_SOCKET IPSEC_PIDDIR "/charon.nflog-capture"

/** version of the protocol, that of the plugin */
#define CLIENT_VERSION 1

typedef struct client_t client_t;

/**
 * Gets the objects of an answer, but the last one.
 *
 * @param data		data that was passed to call()
 * @param type		field "type" of the object
 * @param object	object, not owned
 */
typedef void (*client_cb_t)(void *data, const char *type, json_object *object);

/**
 * Connection to the plugin, by its control socket.
 */
struct client_t {

	/**
	 * Have the plugin run a command.
	 *
	 * @param name		name of the command
	 * @param fields	its other fields, not owned, NULL for none
	 * @param cb		gets the objects of the answer, NULL if there is one only
	 * @param data		data to pass to cb
	 * @return			last object of the answer, owned by the caller, NULL if the command
	 *					failed, the reason was printed
	 */
	json_object *(*call)(client_t *this, char *name, json_object *fields,
						 client_cb_t cb, void *data);

	/**
	 * Destroy a client_t.
	 */
	void (*destroy)(client_t *this);
};

/**
 * Connect to the plugin.
 *
 * @param path		path of the control socket, NULL for the default
 * @return			NULL if that failed, the reason was printed
 */
client_t *client_create(char *path);

/**
 * Connect to the plugin, at its default socket, if it is there, and we may use it.
 *
 * @return			NULL if not, nothing was printed
 */
client_t *client_create_if_served();

/**
 * Get a string.
 *
 * @param object	object
 * @param name		name of the field
 * @return			value, "" if there is none
 */
const char *client_get_string(json_object *object, char *name);

/**
 * Get a number.
 *
 * @param object	object
 * @param name		name of the field
 * @return			value, 0 if there is none
 */
uint64_t client_get_number(json_object *object, char *name);

/**
 * Print that the packets of a trace can't be written, or could not to the end, and why.
 *
 * @param trace		trace in an answer
 * @return			FALSE if it is not interrupted
 */
bool client_print_interrupted(json_object *trace);

#endif /** CLIENT_H_ @}*/

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
 * @defgroup nflog_selection selection
 * @{ @ingroup nflog_capture
 */

#ifndef SELECTION_H_
#define SELECTION_H_

#include "client.h"

/** options that select SAs, and the one for the control socket, common to several verbs */
#define SELECTION_OPTIONS \
	{"connection", 'c', "NAME", "SAs of this connection"}, \
	{"child", 'n', "NAME", "CHILD_SAs with this name"}, \
	{"ike-id", 'i', "ID", "SAs of the IKE_SA with this unique id"}, \
	{"child-id", 'u', "ID", "the CHILD_SA with this unique id"}, \
	{"spi", 'p', "SPI", "the CHILD_SA with this SPI, in hex"}, \
	{"identity", 'I', "PATTERN", \
	 "SAs of peers with this identity, may have * and ?"}, \
	{"virtual-ip", 'V', "ADDRESS", \
	 "SAs of peers with this virtual IP, or one in this subnet"}, \
	{"socket", 's', "PATH", "control socket (default: " CLIENT_SOCKET ")"}

/**
 * What was selected with SELECTION_OPTIONS, and the operand.
 */
typedef struct {
	/** fields of the command */
	json_object *fields;
	/** path of the control socket, NULL for the default */
	char *socket;
	/** what is wrong, empty if nothing is */
	char error[256];
} selection_t;

/**
 * Set up a selection of everything.
 */
void selection_init(selection_t *selection);

/**
 * Note an error if a field was added before, as its option was given already.
 *
 * @param name		name of the field
 */
void selection_refuse_twice(selection_t *selection, char *name);

/**
 * Handle an option, if it is one of SELECTION_OPTIONS.
 *
 * @param op		its op
 * @param arg		its argument
 * @return			FALSE if it is none of them
 */
bool selection_handle(selection_t *selection, int op, char *arg);

/**
 * Handle the operand, the name of a connection, and check what was given.
 *
 * @param line		options and operands
 * @return			FALSE if something is wrong, with the reason in error
 */
bool selection_complete(selection_t *selection, command_line_t *line);

/**
 * Check if SAs were selected, by SELECTION_OPTIONS or the operand.
 *
 * @return			FALSE if all are selected
 */
bool selection_has_criteria(selection_t *selection);

/**
 * Check if anything was selected, by whatever option.
 *
 * @return			FALSE if the selection is everything
 */
bool selection_is_set(selection_t *selection);

/**
 * Add a string, as a field of the command.
 *
 * @param name		name of the field
 * @param value		its value
 */
void selection_add_string(selection_t *selection, char *name, char *value);

/**
 * Parse a number, and add it as a field of the command.
 *
 * @param name		name of the field
 * @param option	name of the option, for errors
 * @param value		value of the option
 */
void selection_add_number(selection_t *selection, char *name, char *option, char *value);

/**
 * Have the plugin run a command on what is selected.
 *
 * @param name		name of the command
 * @param cb		gets the objects of the answer, NULL if there is one only
 * @param data		data to pass to cb
 * @return			last object of the answer, owned by the caller, NULL if the command failed,
 *					the reason was printed
 */
json_object *selection_call(selection_t *selection, char *name, client_cb_t cb, void *data);

/**
 * Print that nothing is captured that was selected.
 *
 * @param file		where to print
 */
void selection_print_none(FILE *file);

/**
 * Release what was allocated.
 */
void selection_clear(selection_t *selection);

#endif /** SELECTION_H_ @}*/

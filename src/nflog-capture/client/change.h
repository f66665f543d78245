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
 * @defgroup nflog_change change
 * @{ @ingroup nflog_capture
 */

#ifndef CHANGE_H_
#define CHANGE_H_

#include "selection.h"

/**
 * What start and stop have in common.
 */
typedef struct {
	/** what to start or stop */
	selection_t selection;
	/** TRUE if everything is to be, if nothing is selected */
	bool all;
	/** id of a request to withdraw, as given, or "all", NULL for none */
	char *request;
} change_t;

/** options of start and stop, besides those of a selection */
#define CHANGE_OPTIONS \
	SELECTION_OPTIONS, \
	{"all", 'a', NULL, "all SAs, required if none are selected"}, \
	{"request", 'r', "ID", "withdraw a request instead, as listed by\n" \
	 "'nflog-capture list', or all"}

/**
 * Set up a change.
 */
void change_init(change_t *change);

/**
 * Handle an option, if it is one of CHANGE_OPTIONS.
 *
 * @param op		its op
 * @param arg		its argument
 */
void change_handle(change_t *change, int op, char *arg);

/**
 * Add a time as a field of the command.
 *
 * @param name		name of the field
 * @param option	name of the option, for errors
 * @param value		number of seconds, or with the suffix s, m, h, or d
 */
void change_add_time(change_t *change, char *name, char *option, char *value);

/**
 * Have captures started or stopped.
 *
 * @param line		options and operands
 * @param start		TRUE to start captures
 * @return			exit status
 */
int change_run(change_t *change, command_line_t *line, bool start);

#endif /** CHANGE_H_ @}*/

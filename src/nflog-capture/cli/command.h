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
 * @defgroup nflog_command command
 * @{ @ingroup nflog_capture
 */

#ifndef COMMAND_H_
#define COMMAND_H_

#include <library.h>

/** options of a verb, with the end of the list */
#define COMMAND_MAX_OPTIONS 32

/** first number for options that have no short form, above all characters */
#define COMMAND_LONG 256

/** exit status: all is well, something is wrong with what was processed, and nothing could
 * be done */
#define STATUS_GOOD 0
#define STATUS_BAD 1
#define STATUS_ERROR 2

typedef struct command_t command_t;
typedef struct command_option_t command_option_t;
typedef struct command_line_t command_line_t;

/**
 * Option of a verb.
 */
struct command_option_t {
	/** name, without dashes */
	char *name;
	/** character of the short option, or COMMAND_LONG and up for none */
	int op;
	/** name of its argument, NULL if it has none */
	char *arg;
	/** description, lines are separated by \n */
	char *text;
};

/**
 * Verb of the program, each has a file in the folder commands.
 */
struct command_t {
	/** name */
	char *name;
	/** description of one line, for the list of verbs */
	char *text;
	/** what follows the verb in the usage */
	char *usage;
	/** paragraph that follows the usage, lines are separated by \n */
	char *help;
	/**
	 * Run the verb.
	 *
	 * @param line		options and operands
	 * @return			exit status
	 */
	int (*run)(command_line_t *line);
	/** options, the last one has no name; --help and --version are common to all */
	command_option_t options[COMMAND_MAX_OPTIONS];
};

/**
 * Options and operands that a verb was called with, free of errors.
 */
struct command_line_t {

	/** operands, NULL-terminated */
	char **operands;

	/** number of operands, and of options that were given */
	int count, options;

	/**
	 * Get the next option.
	 *
	 * @param arg		receives its argument, NULL if it has none
	 * @return			its op, 0 if there are no more
	 */
	int (*next)(command_line_t *this, char **arg);

	/**
	 * Print why the program was called in a wrong way, and how to get help.
	 *
	 * @param fmt		format of the reason
	 * @return			STATUS_ERROR
	 */
	int (*refuse)(command_line_t *this, const char *fmt, ...);
};

/**
 * Run the program: the verb that is the first argument, or --help, or --version.
 *
 * @param commands	all verbs, NULL-terminated
 * @return			exit status
 */
int command_dispatch(command_t *commands[], int argc, char *argv[]);

/**
 * Load the plugins of libstrongswan with its algorithms, for verbs that decrypt.
 *
 * @return			FALSE if that failed, which was printed
 */
bool command_load_algorithms();

#endif /** COMMAND_H_ @}*/

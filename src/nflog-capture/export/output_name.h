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
 * @defgroup nflog_output_name output_name
 * @{ @ingroup nflog_capture
 */

#ifndef OUTPUT_NAME_H_
#define OUTPUT_NAME_H_

#include "captures/captures.h"

#include <collections/hashtable.h>

/**
 * Replace .pcapng or .pcap at the end of a path, and slashes, by another suffix.
 *
 * @param path		path
 * @param suffix	suffix to append
 * @return			path, allocated
 */
char *output_name_replace(char *path, char *suffix);

/**
 * Name an output in the current directory after what is exported.
 *
 * @param what		connection, directory or trace
 * @param suffix	suffix to append
 * @return			path, allocated
 */
char *output_name_create(char *what, char *suffix);

/**
 * Name the output of a trace, as traces of several connections may have the same name.
 *
 * @param names		names that were used, char* => char*, gets the name
 * @param capture	trace
 * @return			name, owned by names
 */
char *output_name_choose(hashtable_t *names, capture_t *capture);

/**
 * Destroy a name, for hashtable_t.destroy_function().
 *
 * @param name		name
 * @param key		the same
 */
void output_name_destroy(void *name, const void *key);

#endif /** OUTPUT_NAME_H_ @}*/

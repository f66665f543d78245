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
 * @defgroup nflog_inputs inputs
 * @{ @ingroup nflog_capture
 */

#ifndef INPUTS_H_
#define INPUTS_H_

#include "captures/captures.h"

/**
 * List all files that a command must not replace: traces, the key tables next to them,
 * whether they are read or not, and those that were named.
 *
 * @param captures	traces
 * @param named		other files that are read, char*
 * @return			paths, NULL-terminated, for inputs_destroy()
 */
char **inputs_create(captures_t *captures, array_t *named);

/**
 * Destroy a list of files.
 *
 * @param inputs	paths
 */
void inputs_destroy(char **inputs);

#endif /** INPUTS_H_ @}*/

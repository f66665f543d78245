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
 * @defgroup astray astray
 * @{ @ingroup report
 *
 * Packets that went astray, each has a comment with the reason.
 */

#ifndef ASTRAY_H_
#define ASTRAY_H_

#include <json-c/json.h>

#include "captures/captures.h"

/** different comments that are counted for a trace, all others are counted together */
#define ASTRAY_MAX_REASONS 64

/**
 * Count the comments of traces of packets that went astray.
 *
 * @param captures	enumerator over capture_t*, others are ignored, gets destroyed
 * @param status	set to STATUS_BAD if a file can't be read, which is printed
 * @return			array with an object for each trace that has packets
 */
json_object *astray_describe(enumerator_t *captures, int *status);

/**
 * Print that traces of packets that went astray are left out, if there are any.
 *
 * @param captures	enumerator over capture_t*, gets destroyed
 * @return			STATUS_ERROR if there are no others, STATUS_GOOD otherwise
 */
int astray_leave_out(enumerator_t *captures);

#endif /** ASTRAY_H_ @}*/

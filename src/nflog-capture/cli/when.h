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
 * @defgroup nflog_when when
 * @{ @ingroup nflog_capture
 */

#ifndef WHEN_H_
#define WHEN_H_

#include <sys/time.h>

#include <library.h>

/**
 * Parse a time that a user gave:
 *
 *   2026-11-24 22:35[:27[.5]]	local time, T may replace the space
 *   2026-11-24T22:35:27Z		UTC
 *   22:35[:27]					local time, today
 *   30s, 10m, 2h, 1d			so long ago
 *   @1795723101[.5]			seconds since 1970
 *
 * @param str		time
 * @param when		receives the time
 * @return			FALSE if it is none of these
 */
bool when_parse(char *str, struct timeval *when);

#endif /** WHEN_H_ @}*/

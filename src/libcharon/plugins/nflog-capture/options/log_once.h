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
 * @defgroup nflog_log_once nflog_log_once
 * @{ @ingroup nflog_capture
 *
 * Conditions that last or recur, and are worth a line of the log once, or now and then.
 */

#ifndef NFLOG_LOG_ONCE_H_
#define NFLOG_LOG_ONCE_H_

#include <library.h>

/** seconds after which what recurs may be logged again */
#define NFLOG_LOG_AGAIN 60

/**
 * Check if a condition is to be logged, and note that it is.
 *
 * @param logged	when it was logged last, monotonic, 0 if it never was or is to be
 *					logged again, guarded by the caller
 * @param again		seconds after which it may be logged again, 0 for never
 * @return			TRUE if it is to be logged
 */
bool nflog_log_once(time_t *logged, u_int again);

#endif /** NFLOG_LOG_ONCE_H_ @}*/

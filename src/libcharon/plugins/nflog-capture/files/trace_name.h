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
 * @defgroup nflog_trace_name nflog_trace_name
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TRACE_NAME_H_
#define NFLOG_TRACE_NAME_H_

#include <library.h>

/** bytes of a name that nflog_trace_name_label() returns, with its zero byte */
#define NFLOG_NAME_SIZE 101

/**
 * Make the name of a connection or child fit for a file name, different names
 * yield different ones.
 *
 * Most names are what they were.  In others slashes, control characters, and a
 * leading dot are replaced, and they are cut, so that there is place for a tilde
 * and a hash of the whole name as 16 hex digits at the end.  So is any name that
 * ends this way itself, therefore the result for a result is not the same.
 *
 * @param name		name as configured
 * @param buf		buffer for the name, of NFLOG_NAME_SIZE bytes
 * @return			buf
 */
char *nflog_trace_name_label(char *name, char *buf);

/**
 * Check if a file is a trace by its name, <child>.<start>.<spi>-<spi>.….pcap.
 *
 * @param name		name of the file
 * @return			TRUE if it is
 */
bool nflog_trace_name_is_trace(char *name);

/**
 * Get a temporary name for a file that is to replace another one, different each
 * time, as several processes may do that.
 *
 * @param name		name of the file to replace
 * @param buf		buffer for the temporary name
 * @param len		size of buf
 */
void nflog_trace_name_tmp(char *name, char *buf, size_t len);

/**
 * Check if a file is one that was to replace another one, by its name.
 *
 * @param name		name of the file
 * @return			TRUE if so
 */
bool nflog_trace_name_is_tmp(char *name);

#endif /** NFLOG_TRACE_NAME_H_ @}*/

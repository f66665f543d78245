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
 * @defgroup nflog_names nflog_names
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NAMES_H_
#define NFLOG_NAMES_H_

#include <library.h>

/**
 * Check if a file is a trace by its name, <child>.<start>.<spi>-<spi>.….pcap.
 *
 * @param name		name of the file
 * @return			TRUE if it is
 */
bool nflog_names_is_trace(char *name);

/** temporary name of a file that is to replace another */
#define NFLOG_NAMES_TMP ".%s.tmp"

/**
 * Check if a file is a key table, or preferences, that was to replace another one.
 *
 * @param name		name of the file
 * @return			TRUE if so
 */
bool nflog_names_is_tmp(char *name);

#endif /** NFLOG_NAMES_H_ @}*/

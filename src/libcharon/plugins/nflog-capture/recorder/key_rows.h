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
 * @defgroup nflog_key_rows nflog_key_rows
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KEY_ROWS_H_
#define NFLOG_KEY_ROWS_H_

#include <library.h>
#include <collections/hashtable.h>

/**
 * Select the rows of a key table, of Wireshark's or of our own, that are of some SAs, and
 * comments.
 *
 * @param content	whole table
 * @param spis		SPIs in lower-case hex, of 8 or 16 digits, char* => any
 * @return			rows, to be freed with nflog_secret_clear(), empty if there are none
 */
chunk_t nflog_key_rows_select(chunk_t content, hashtable_t *spis);

/**
 * Put rows before older ones, but for those that are among the older ones already.
 *
 * @param rows		rows
 * @param old		older rows, which stay in any case
 * @return			all rows, to be freed with nflog_secret_clear(), empty if there are none
 */
chunk_t nflog_key_rows_merge(chunk_t rows, chunk_t old);

#endif /** NFLOG_KEY_ROWS_H_ @}*/

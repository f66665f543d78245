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
 * @defgroup nflog_line line
 * @{ @ingroup nflog_capture
 */

#ifndef LINE_H_
#define LINE_H_

#include <stdio.h>

#include <library.h>

/**
 * Read a line, without its end.
 *
 * @param file		file, used by this thread only
 * @param line		buffer, receives the line, of which it is filled by the begin if the line is
 *					longer
 * @return			FALSE if there are no more, or reading failed
 */
bool line_read(FILE *file, chunk_t *line);

#endif /** LINE_H_ @}*/

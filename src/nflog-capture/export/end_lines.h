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
 * @defgroup nflog_end_lines end_lines
 * @{ @ingroup nflog_capture
 */

#ifndef END_LINES_H_
#define END_LINES_H_

#include "captures/captures.h"

typedef struct end_lines_t end_lines_t;
typedef struct end_line_t end_line_t;

/**
 * What a log says about a capture point when its trace ended.
 */
struct end_line_t {
	/** capture point */
	capture_point_t point;
	/** packets that were lost */
	uint64_t lost;
	/** the line, from the trace on */
	char *line;
};

/**
 * Lines of charon's log about traces that ended.
 */
struct end_lines_t {

	/**
	 * Read a log.
	 *
	 * @param path		path of the log, "-" for stdin
	 * @return			FALSE if it can't be read, the reason was printed
	 */
	bool (*read)(end_lines_t *this, char *path);

	/**
	 * Enumerate what the log says about a trace.
	 *
	 * @param name		name of the trace
	 * @return			enumerator over end_line_t*
	 */
	enumerator_t *(*create_enumerator)(end_lines_t *this, char *name);

	/**
	 * Destroy an end_lines_t.
	 */
	void (*destroy)(end_lines_t *this);
};

/**
 * Create an end_lines_t instance.
 */
end_lines_t *end_lines_create();

#endif /** END_LINES_H_ @}*/

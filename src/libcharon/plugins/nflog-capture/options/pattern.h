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
 * @defgroup nflog_pattern nflog_pattern
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PATTERN_H_
#define NFLOG_PATTERN_H_

#include "watch.h"

#include <glob.h>

/** entries of directories that may be compared with patterns */
#define NFLOG_MAX_ENTRIES 1000000

/** directories with a pattern that a path may have, glob(3) recurses for each of them */
#define NFLOG_MAX_PATTERNS 64

/**
 * Check if a path has more than NFLOG_MAX_PATTERNS directories from the first one with
 * a pattern on.
 *
 * @param pattern	path
 * @return			TRUE if it has too many
 */
bool nflog_pattern_is_deep(char *pattern);

/**
 * Find the files that match a pattern, as glob(3) does.
 *
 * @param pattern	pattern
 * @param flags		flags as for glob(3)
 * @param stop		nothing more is found once this is TRUE
 * @param entries	entries of directories that may be looked at, reduced by those
 *					that were, nothing more is found once this is 0
 * @param matches	receives the files, to be freed with globfree()
 * @return			0, or an error of glob(3)
 */
int nflog_pattern_find(char *pattern, int flags, bool *stop, u_int *entries,
					   glob_t *matches);

/**
 * Watch all directories in which a pattern is looked up, for names that match, and
 * the path itself if there is no pattern in it.
 *
 * @param pattern	absolute path, gets changed meanwhile
 * @param watch		gets to know directories
 * @param stop		as above
 * @param entries	as above
 * @param count		directories that may be watched, reduced by those that are
 */
void nflog_pattern_watch(char *pattern, nflog_watch_t *watch, bool *stop,
						 u_int *entries, u_int *count);

#endif /** NFLOG_PATTERN_H_ @}*/

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
 * @defgroup nflog_old_file nflog_old_file
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_OLD_FILE_H_
#define NFLOG_OLD_FILE_H_

typedef struct nflog_old_file_t nflog_old_file_t;

#include <library.h>
#include <collections/array.h>

/**
 * File of a trace, or one that was decrypted from it, which may be removed.
 */
struct nflog_old_file_t {
	/** name of the directory, and of the file in it */
	char *conn;
	char *name;
	/** bytes that the disk has given to it */
	uint64_t given;
	/** time it was last written to, in ns since 1970 */
	uint64_t mtime;
	/** the same, but not later than that of files with later packets of the same trace, as
	 * the clock may have been set back */
	uint64_t time;
	/** length of the trace's name in name, and number of the file */
	size_t stem;
	u_int number;
	/** TRUE if it was decrypted from the trace */
	bool decrypted;
	/** TRUE if it can't be removed */
	bool stays;
	/** TRUE if it has other names, with which its blocks stay on the disk */
	bool linked;
};

/**
 * Destroy a nflog_old_file_t.
 */
void nflog_old_file_destroy(nflog_old_file_t *file);

/**
 * Select the oldest files that can be removed.
 *
 * @param files		files, nflog_old_file_t, get owned
 * @param count		number of files to select at most
 * @return			selected files, the oldest one first, and what was decrypted from one
 *					before it
 */
array_t *nflog_old_file_select(array_t *files, u_int count);

#endif /** NFLOG_OLD_FILE_H_ @}*/

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
 * @defgroup nflog_summary nflog_summary
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SUMMARY_H_
#define NFLOG_SUMMARY_H_

typedef struct nflog_summary_t nflog_summary_t;
typedef struct nflog_summary_file_t nflog_summary_file_t;

#include "cause.h"
#include "log_lines.h"
#include "files/trace_name.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>

/**
 * File in a folder.
 */
struct nflog_summary_file_t {
	/** name, owned */
	char *name;
	/** bytes, and those on the disk that it may get */
	uint64_t bytes, reserved;
	/** packets, and when the oldest and the newest one passed, seconds since 1970, 0 if that
	 * is not known, as an earlier process wrote them */
	uint64_t packets;
	time_t first, last;
};

/**
 * What the summary of a folder says.
 */
struct nflog_summary_t {
	/** cause in the name of the folder */
	nflog_cause_t cause;
	/** TRUE if more follows */
	bool incomplete;
	/** triggers, nflog_trigger_t, the first one is why there is the folder */
	linked_list_t *triggers;
	/** triggers that followed, and are not among them */
	u_int more;
	/** triggers before, since the last folder, and when the first one was, seconds since
	 * 1970 */
	u_int skipped;
	time_t skipped_since;
	/** seconds after the first trigger that are in the folder */
	u_int after;
	/** files, char *name => nflog_summary_file_t */
	hashtable_t *files;
	/** files that did not fit, and why others are not there, an errno, 0 if all are */
	u_int left_out;
	int error;
	/** bytes of lines of the log at most */
	size_t max_log;
};

/**
 * Get the bytes in all files.
 *
 * @return			bytes
 */
uint64_t nflog_summary_get_bytes(nflog_summary_t *summary);

/**
 * Write a summary, in words: what happened, what there is of each SA, and what charon
 * logged meanwhile.
 *
 * @param summary	what to say
 * @param conn		name of the connection
 * @param dir		path of its directory
 * @param lines		lines that charon logged
 * @param out		receives the summary, not open on a file
 */
void nflog_summary_print(nflog_summary_t *summary, char *conn, char *dir,
						 nflog_log_lines_t *lines, FILE *out);

#endif /** NFLOG_SUMMARY_H_ @}*/

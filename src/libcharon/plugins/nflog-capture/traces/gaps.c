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

#include "gaps.h"
#include "pcap.h"
#include "options/notes.h"

#include <errno.h>
#include <inttypes.h>

/**
 * Describe why packets were not written.
 */
static const char *get_reason(nflog_gaps_t *gaps)
{
	switch (gaps->error)
	{
		case NFLOG_OVER_BUDGET:
			return "the disk budget was exhausted";
		case EFBIG:
			return "the file size limit of charon was reached";
		default:
			return strerror(gaps->error);
	}
}

/**
 * Get what lets packets be written again.
 */
static const char *get_remedy(int error)
{
	switch (error)
	{
		case NFLOG_OVER_BUDGET:
			return "remove files, or change max_total and min_free in strongswan.conf";
		case ENOSPC:
		case EDQUOT:
			return "remove files";
		case EFBIG:
			return "raise it, LimitFSIZE= of its systemd unit";
		case EACCES:
			return "let charon write to the directory";
		case EPERM:
			return "let none but charon own and write to the directory, use chown and "
				   "chmod go-w";
		case EROFS:
			return "mount the file system writable";
		default:
			return "charon's log has the file";
	}
}

/*
 * Described in header
 */
void nflog_gaps_begin(nflog_gaps_t *gaps, int error)
{
	if (!gaps->gap)
	{
		gaps->gap = TRUE;
		gaps->before = gaps->missing;
	}
	gaps->error = error;
}

/*
 * Described in header
 */
void nflog_gaps_add(nflog_gaps_t *gaps, u_int count, time_t first, time_t last)
{
	if (!gaps->missing)
	{
		gaps->since = first;
	}
	if (gaps->missing == gaps->before)
	{
		gaps->count++;
	}
	gaps->until = last;
	gaps->missing += count;
}

/*
 * Described in header
 */
void nflog_gaps_end(nflog_gaps_t *gaps, char *file, char *conn)
{
	if (gaps->gap)
	{
		gaps->gap = FALSE;
		/* if the disk is full most of the time, the end line suffices */
		if (nflog_log_once(&gaps->logged, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CHD, "nflog-capture: resumed trace '%s' of connection '%s', %"
				 PRIu64 " packets were not written: %s", file, conn,
				 gaps->missing - gaps->before, get_reason(gaps));
		}
	}
}

/*
 * Described in header
 */
char *nflog_gaps_get_reason(nflog_gaps_t *gaps, char *buf, size_t len)
{
	if (!gaps->gap)
	{
		return NULL;
	}
	snprintf(buf, len, "%s, %s", get_reason(gaps), get_remedy(gaps->error));
	return buf;
}

/*
 * Described in header
 */
void nflog_gaps_describe(nflog_gaps_t *gaps, char *buf, size_t len)
{
	*buf = '\0';
	if (gaps->missing)
	{
		snprintf(buf, len, "; %" PRIu64 " not written in %u gaps from %T to %T: %s",
				 gaps->missing, gaps->count, &gaps->since, TRUE, &gaps->until, TRUE,
				 get_reason(gaps));
	}
}

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

#include "file_end.h"
#include "savefile.h"

/*
 * Described in header
 */
u_int nflog_file_end_get(nflog_file_end_t *end, nflog_packet_t **packets, u_int count)
{
	uint64_t size, used = end->used;
	uint32_t oldest, sec;
	u_int run;

	end->continues = FALSE;
	end->begin = end->in_ring ? end->begin : packets[0]->sec;
	for (run = 0; run < count; run++)
	{
		size = used + nflog_savefile_record(packets[run]);
		sec = packets[run]->sec;
		/* if the clock was set back, the duration begins anew */
		oldest = min(end->begin, sec);
		if ((run || end->in_ring) &&
			((end->file_size && end->before + size > end->file_size) ||
			 (end->duration && sec - oldest >= end->duration)))
		{
			break;
		}
		if ((run || end->any) && size > end->limit)
		{
			end->continues = TRUE;
			break;
		}
		end->begin = oldest;
		used = size;
	}
	return run;
}

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

#include "exclude.h"

/*
 * Described in header
 */
void nflog_exclude_sa(nflog_reader_t *reader, kernel_ipsec_sa_id_t *id,
					  kernel_ipsec_add_sa_t *data)
{
	nflog_sa_t *sa;

	if (nflog_sa_is_userland())
	{
		sa = nflog_sa_create("", "", 0, data->inbound, id->dst, id->spi,
							 data->reqid, NULL, NULL);
		sa->userland = TRUE;
		sa->selectors = nflog_selectors_create(data->src_ts, data->dst_ts);
		reader->exclude(reader, sa);
	}
}

/*
 * Described in header
 */
void nflog_exclude_child(nflog_reader_t *reader, child_sa_t *child_sa, bool inbound,
						 kernel_ipsec_sa_id_t *id)
{
	kernel_ipsec_add_sa_t data = {
		.inbound = inbound,
	};

	if (nflog_sa_is_userland())
	{
		data.reqid = child_sa->get_reqid(child_sa);
		data.src_ts = linked_list_create_from_enumerator(
							child_sa->create_ts_enumerator(child_sa, !inbound));
		data.dst_ts = linked_list_create_from_enumerator(
							child_sa->create_ts_enumerator(child_sa, inbound));
		nflog_exclude_sa(reader, id, &data);
		data.src_ts->destroy(data.src_ts);
		data.dst_ts->destroy(data.dst_ts);
	}
}

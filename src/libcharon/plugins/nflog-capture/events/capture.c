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

#include "capture.h"

#include <time.h>

/*
 * Described in header
 */
nflog_capture_t *nflog_capture_create(uint32_t id)
{
	nflog_capture_t *this;

	INIT(this,
		.id = id,
	);
	return this;
}

/*
 * Described in header
 */
void nflog_capture_start(nflog_capture_t *this, nflog_candidate_t *subject,
						 uint32_t mark, nflog_cfg_t *cfg, nflog_pipeline_t *pipeline)
{
	this->start = max(time(NULL), this->start + 1);
	this->request = subject->request;
	this->child = nflog_child_create(subject, mark, this->start, cfg, pipeline);
}

/*
 * Described in header
 */
void nflog_capture_stop(nflog_capture_t *this)
{
	nflog_captured_clear(&this->sas[FALSE]);
	nflog_captured_clear(&this->sas[TRUE]);
	DESTROY_IF(this->child);
	this->child = NULL;
	this->late = FALSE;
}

/*
 * Described in header
 */
void nflog_capture_set_recount(nflog_capture_t *this, nflog_recount_t *recount)
{
	DESTROY_IF(this->recount);
	this->recount = recount;
}

/*
 * Described in header
 */
nflog_capture_state_t nflog_capture_get_state(nflog_capture_t *this)
{
	if (this->child && (nflog_capture_has_sas(this) || this->late))
	{
		return this->child->is_full(this->child) ? NFLOG_CAPTURE_FULL
												 : NFLOG_CAPTURE_RUNNING;
	}
	return this->recount && this->recount->is_pending(this->recount)
				? NFLOG_CAPTURE_ENDING : NFLOG_CAPTURE_NONE;
}

/*
 * Described in header
 */
void nflog_capture_note_twin(nflog_capture_t *this, kernel_ipsec_sa_id_t *id,
							 bool inbound)
{
	DBG1(DBG_CHD, "nflog-capture: unable to capture %s SA %.8x to %H, another one "
		 "with this SPI and destination is captured",
		 inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst);
	this->child->set_note(this->child, inbound,
						  "another SA with this SPI and destination is captured");
	if (!inbound)
	{
		this->child->set_spi_out(this->child, id->spi);
	}
}

/*
 * Described in header
 */
bool nflog_capture_has_sas(nflog_capture_t *this)
{
	return this->sas[FALSE].id.dst || this->sas[TRUE].id.dst;
}

/*
 * Described in header
 */
void nflog_capture_destroy(nflog_capture_t *this)
{
	nflog_capture_stop(this);
	DESTROY_IF(this->recount);
	free(this);
}

/*
 * Described in header
 */
void nflog_captured_set(nflog_captured_t *sa, kernel_ipsec_sa_id_t *id)
{
	DESTROY_IF(sa->id.src);
	DESTROY_IF(sa->id.dst);
	sa->id = *id;
	sa->id.src = id->src->clone(id->src);
	sa->id.dst = id->dst->clone(id->dst);
}

/*
 * Described in header
 */
nflog_processed_t nflog_captured_count(nflog_captured_t *sa, uint64_t *packets)
{
	nflog_processed_t processed = {
		.gone = !packets,
		.known = packets && !sa->uncounted,
	};

	if (processed.known)
	{
		processed.packets = *packets - min(*packets, sa->most);
		processed.slack = sa->most - sa->least;
	}
	return processed;
}

/*
 * Described in header
 */
void nflog_captured_clear(nflog_captured_t *sa)
{
	DESTROY_IF(sa->id.src);
	DESTROY_IF(sa->id.dst);
	memset(sa, 0, sizeof(*sa));
}

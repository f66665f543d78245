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

#include "child_drops.h"
#include "child_trace.h"

typedef struct private_nflog_child_drops_t private_nflog_child_drops_t;

/**
 * Private data.
 */
struct private_nflog_child_drops_t {

	/**
	 * Public interface.
	 */
	nflog_child_drops_t public;

	/**
	 * Name of the CHILD_SA.
	 */
	char *child;

	/**
	 * Captures dropped packets, and writes traces.
	 */
	nflog_drops_t *drops;
	nflog_writer_t *writer;

	/**
	 * Trace of these, with a reference of ours.
	 */
	nflog_trace_t *trace;

	/**
	 * The CHILD_SA, as long as they are captured.
	 */
	nflog_victim_t *victim;

	/**
	 * TRUE if the trace was started.
	 */
	bool started;
};

METHOD(nflog_child_drops_t, add_sa, void,
	private_nflog_child_drops_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	this->drops->set_sa(this->drops, this->victim, id, data);
}

METHOD(nflog_child_drops_t, update_sa, void,
	private_nflog_child_drops_t *this, bool inbound, kernel_ipsec_update_sa_t *data)
{
	this->drops->update_sa(this->drops, this->victim, inbound, data);
}

METHOD(nflog_child_drops_t, start, void,
	private_nflog_child_drops_t *this, time_t start, uint32_t spi_in, uint32_t spi_out)
{
	nflog_child_trace_start(this->writer, this->trace, this->child, start, spi_in, spi_out,
							NFLOG_NAME_DROPPED);
	this->started = TRUE;
}

METHOD(nflog_child_drops_t, is_full, bool,
	private_nflog_child_drops_t *this)
{
	return this->trace->is_full(this->trace);
}

METHOD(nflog_child_drops_t, get_trace, nflog_trace_t*,
	private_nflog_child_drops_t *this)
{
	return this->trace;
}

METHOD(nflog_child_drops_t, destroy, void,
	private_nflog_child_drops_t *this)
{
	this->drops->remove(this->drops, this->victim, this->started);
	if (this->started)
	{
		this->writer->release(this->writer, this->trace);
	}
	else if (this->trace->put_ref(this->trace))
	{
		this->trace->destroy(this->trace);
	}
	free(this->child);
	free(this);
}

/*
 * Described in header
 */
nflog_child_drops_t *nflog_child_drops_create(nflog_candidate_t *subject, nflog_cfg_t *cfg,
									nflog_pipeline_t *pipeline)
{
	private_nflog_child_drops_t *this;
	nflog_listing_t *listing;
	char label[256];

	if (!(cfg->points & 1 << POINT_DROPPED))
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.add_sa = _add_sa,
			.update_sa = _update_sa,
			.start = _start,
			.is_full = _is_full,
			.get_trace = _get_trace,
			.destroy = _destroy,
		},
		.child = strdup(subject->child),
		.drops = pipeline->drops,
		.writer = pipeline->writer,
	);
	snprintf(label, sizeof(label), "%s{%u}", subject->child, subject->child_id);
	this->trace = nflog_child_trace_create(pipeline, subject, POINT_DROPPED, cfg, &listing);
	this->victim = this->drops->add(this->drops, this->trace, subject->conn, label,
									pipeline->registry, listing);
	return &this->public;
}

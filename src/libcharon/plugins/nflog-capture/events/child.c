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

#include "child.h"
#include "child_drops.h"
#include "child_trace.h"
#include "offload.h"
#include "options/notes.h"
#include "rules/wanted.h"

#include <time.h>

#include <daemon.h>

typedef struct private_nflog_child_t private_nflog_child_t;

/**
 * Private data.
 */
struct private_nflog_child_t {

	/**
	 * Public interface.
	 */
	nflog_child_t public;

	/**
	 * Name of the connection.
	 */
	char *conn;

	/**
	 * Name of the CHILD_SA.
	 */
	char *child;

	/**
	 * Unique id of the CHILD_SA.
	 */
	uint32_t id;

	/**
	 * Mark of packets that arrive, which may be the key of a VTI device, 0 if none.
	 */
	uint32_t mark;

	/**
	 * What to capture.
	 */
	nflog_cfg_t *cfg;

	/**
	 * Key tables.
	 */
	nflog_keys_t *keys;

	/**
	 * Reads packets.
	 */
	nflog_reader_t *reader;

	/**
	 * Writes traces.
	 */
	nflog_writer_t *writer;

	/**
	 * Traces of both sides, and of packets that leave without the SA, NULL if not captured,
	 * with a reference of ours.
	 */
	nflog_trace_t *esp, *plain, *missed;

	/**
	 * Their listings, which they own, and what has them.
	 */
	nflog_listing_t *esp_listing, *plain_listing, *missed_listing;
	nflog_registry_t *registry;

	/**
	 * Captures dropped packets, NULL if they are not captured.
	 */
	nflog_child_drops_t *drops;

	/**
	 * Inbound and outbound SA, NULL if not captured (anymore), owned by the reader.
	 */
	nflog_sa_t *in, *out;

	/**
	 * Identifiers of the written keys of the outbound and inbound SA, 0 if none.
	 */
	uint64_t written[2];

	/**
	 * SPIs, 0 if not known yet.
	 */
	uint32_t spi_in, spi_out;

	/**
	 * TRUE if there is or was an outbound SA, the loser of a rekey collision may have
	 * none.
	 */
	bool outbound;

	/**
	 * When the capture started, part of the names of traces.
	 */
	time_t start;

	/**
	 * TRUE if any SA is or was captured.
	 */
	bool captured;

	/**
	 * TRUE if capturing one SA failed, which is logged, so the other one is not tried.
	 */
	bool failed;

	/**
	 * When it was logged that hw_offload is set, monotonic, 0 if never.
	 */
	time_t offload_logged;

	/**
	 * TRUE if the traces were started.
	 */
	bool started;
};

/**
 * Start a trace.
 */
static void start_trace(private_nflog_child_t *this, nflog_trace_t *trace, char *kind)
{
	nflog_child_trace_start(this->writer, trace, this->child, this->start, this->spi_in,
							this->spi_out, kind);
}

/**
 * Start the traces, once both SPIs are known, which are part of their names.
 */
static void start_traces(private_nflog_child_t *this)
{
	if (!this->started && this->captured)
	{
		start_trace(this, this->esp, NFLOG_NAME_ESP);
		start_trace(this, this->plain, NFLOG_NAME_PLAIN);
		start_trace(this, this->missed, NFLOG_NAME_MISSED);
		if (this->drops)
		{
			this->drops->start(this->drops, this->start, this->spi_in, this->spi_out);
		}
		this->started = TRUE;
	}
}

/**
 * Get a reference to the SA of a direction.
 */
static nflog_sa_t **get_sa(private_nflog_child_t *this, bool inbound)
{
	return inbound ? &this->in : &this->out;
}

/**
 * Get a trace if it has a capture point in the given direction.
 */
static nflog_trace_t *choose(private_nflog_child_t *this,
							 nflog_trace_t *trace, nflog_point_t point)
{
	return this->cfg->points & (1 << point) ? trace : NULL;
}

METHOD(nflog_child_t, set_note, void,
	private_nflog_child_t *this, bool inbound, char *note)
{
	if (choose(this, this->esp, inbound ? POINT_ESP_IN : POINT_ESP_OUT))
	{
		this->registry->set_note(this->registry, this->esp_listing, note);
	}
	if (choose(this, this->plain, inbound ? POINT_PLAIN_IN : POINT_PLAIN_OUT))
	{
		this->registry->set_note(this->registry, this->plain_listing, note);
	}
	if (!inbound && this->missed)
	{
		this->registry->set_note(this->registry, this->missed_listing, note);
	}
}

/**
 * Check if an SA is offloaded, so that netfilter does not see all of its ESP packets.
 *
 * @param id			SA
 * @param data			data of the SA
 * @return				TRUE if its ESP packets can't be captured
 */
static bool check_offload(private_nflog_child_t *this,
						  kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	bool wanted, loaded, encrypts_late, first;
	bool ipv6 = id->dst->get_family(id->dst) == AF_INET6;
	nflog_counters_t *count;

	if (!this->esp)
	{
		return FALSE;
	}
	wanted = data->hw_offload != HW_OFFLOAD_NO;
	loaded = nflog_offload_is_loaded(id->proto, ipv6, &first);
	if (!wanted && !loaded)
	{
		return FALSE;
	}
	/* packets that are encapsulated in UDP are encrypted at once */
	encrypts_late = wanted || !data->encap;
	count = this->esp->get_count(this->esp, data->inbound ? POINT_ESP_IN
															: POINT_ESP_OUT);
	count->offloaded = TRUE;
	this->registry->set_note(this->registry, this->esp_listing, wanted
				? "some ESP packets are offloaded and not captured, set hw_offload = no"
				: "some ESP packets are offloaded and not captured, unload esp4_offload and "
				  "esp6_offload");
	if (wanted)
	{
		first = nflog_log_once(&this->offload_logged, 0);
	}
	charon->bus->log(charon->bus, DBG_CHD, first ? LEVEL_CTRL : LEVEL_DIAG,
		 "nflog-capture: ESP packets of CHILD_SA %s{%u} of connection '%s' are "
		 "offloaded, %sthose that arrive may be missing in its trace, %s before it "
		 "comes up", this->child, this->id, this->conn,
		 encrypts_late ? "those that leave are not captured, " : "",
		 wanted ? "set hw_offload = no" : "unload esp4_offload and esp6_offload");
	return !data->inbound && encrypts_late;
}

/**
 * Capture the packets of an SA, FALSE if that is not enabled or failed.
 */
static bool capture_sa(private_nflog_child_t *this,
					   kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	nflog_trace_t *esp, *plain, *missed;
	nflog_sa_t *sa;

	esp = choose(this, this->esp, data->inbound ? POINT_ESP_IN
												  : POINT_ESP_OUT);
	plain = choose(this, this->plain, data->inbound ? POINT_PLAIN_IN
													: POINT_PLAIN_OUT);
	missed = data->inbound ? NULL : this->missed;
	if (check_offload(this, id, data))
	{
		esp = NULL;
	}
	if (!esp && !plain && !missed)
	{
		return FALSE;
	}
	sa = nflog_sa_create(this->conn, this->child, this->id,
						 data->inbound, id->dst, id->spi, data->reqid,
						 esp, plain);
	sa->ipcomp = data->ipcomp != IPCOMP_NONE;
	sa->userland = nflog_sa_is_userland();
	sa->vti = data->inbound && !sa->userland ? this->mark : 0;
	if (sa->userland || sa->vti)
	{
		sa->selectors = nflog_selectors_create(data->src_ts,
											   data->dst_ts);
	}
	if (missed)
	{
		sa->wanted = nflog_wanted_create(missed, this->child, this->id, data->src_ts,
										 data->dst_ts, id->mark, id->if_id);
		sa->wanted->spi_in = this->spi_in;
	}
	if (!this->reader->add(this->reader, sa))
	{
		/* never the last reference, which is ours */
		if (esp)
		{
			esp->put_ref(esp);
		}
		if (plain)
		{
			plain->put_ref(plain);
		}
		if (missed)
		{
			missed->put_ref(missed);
		}
		nflog_sa_destroy(sa);
		set_note(this, data->inbound, "packets can't be read, charon's log has the reason");
		this->failed = TRUE;
		return FALSE;
	}
	*get_sa(this, data->inbound) = sa;
	this->captured = TRUE;
	DBG2(DBG_CHD, "nflog-capture: capturing %s SA %.8x of CHILD_SA %s{%u}",
		 data->inbound ? "inbound" : "outbound", ntohl(id->spi),
		 this->child, this->id);
	return TRUE;
}

/**
 * Are the keys of an SA known, and to be written?  Also if the SA is offloaded, as its packets
 * may be captured elsewhere.
 */
static bool has_keys(private_nflog_child_t *this, kernel_ipsec_add_sa_t *data)
{
	return this->cfg->esp_keys && (data->enc_key.len || data->int_key.len) &&
		   choose(this, this->esp, data->inbound ? POINT_ESP_IN : POINT_ESP_OUT);
}

METHOD(nflog_child_t, add_sa, bool,
	private_nflog_child_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	bool used;

	if (data->inbound)
	{
		this->spi_in = id->spi;
	}
	else
	{
		this->spi_out = id->spi;
		this->outbound = TRUE;
	}
	if (this->failed)
	{
		return FALSE;
	}
	used = capture_sa(this, id, data);
	if (this->failed)
	{
		return FALSE;
	}
	if (this->drops)
	{
		this->drops->add_sa(this->drops, id, data);
		this->captured = used = TRUE;
	}
	if (has_keys(this, data))
	{
		this->written[data->inbound] = this->keys->add_esp(this->keys, this->conn,
														   id, data);
		this->writer->write_keys(this->writer);
		used = TRUE;
	}
	if (this->spi_in && this->spi_out)
	{
		start_traces(this);
	}
	return used;
}

METHOD(nflog_child_t, update_sa, void,
	private_nflog_child_t *this, bool inbound, kernel_ipsec_update_sa_t *data)
{
	nflog_sa_t *sa = *get_sa(this, inbound);

	if (sa)
	{
		this->reader->update(this->reader, sa, data->new_dst,
							 data->new_reqid ?: sa->match.reqid);
	}
}

METHOD(nflog_child_t, updated_sa, void,
	private_nflog_child_t *this, bool inbound, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data, bool success)
{
	nflog_sa_t *sa = *get_sa(this, inbound);

	if (sa)
	{
		this->reader->updated(this->reader, sa, success);
	}
	if (success && this->drops)
	{
		this->drops->update_sa(this->drops, inbound, data);
	}
	if (success && this->written[inbound])
	{
		this->keys->update_esp(this->keys, this->conn, this->written[inbound],
							   inbound, id, data);
		this->writer->write_keys(this->writer);
	}
}

/**
 * Set the number of packets that an SA processed for a capture point.
 */
static void set_packets(private_nflog_child_t *this, nflog_trace_t *trace,
						nflog_point_t point, nflog_processed_t *processed)
{
	nflog_counters_t *count;

	trace = choose(this, trace, point);
	if (trace)
	{
		count = trace->get_count(trace, point);
		count->gone = processed->gone;
		count->has_sa = processed->known;
		count->sa = processed->packets;
		count->slack = processed->slack;
	}
}

/**
 * Set for a capture point that there was no SA.
 */
static void set_absent(private_nflog_child_t *this, nflog_trace_t *trace,
					   nflog_point_t point)
{
	trace = choose(this, trace, point);
	if (trace)
	{
		trace->get_count(trace, point)->absent = TRUE;
	}
}

METHOD(nflog_child_t, del_sa, void,
	private_nflog_child_t *this, bool inbound, nflog_processed_t *processed)
{
	nflog_sa_t **sa = get_sa(this, inbound);

	if (*sa)
	{
		set_packets(this, this->esp, inbound ? POINT_ESP_IN : POINT_ESP_OUT,
					processed);
		set_packets(this, this->plain, inbound ? POINT_PLAIN_IN
											   : POINT_PLAIN_OUT,
					processed);
		this->reader->remove(this->reader, *sa);
		*sa = NULL;
	}
}

METHOD(nflog_child_t, recount, void,
	private_nflog_child_t *this, nflog_recount_t *recount)
{
	if (this->esp)
	{
		recount->add_trace(recount, this->esp, POINT_ESP_IN);
	}
	if (this->plain)
	{
		recount->add_trace(recount, this->plain, POINT_PLAIN_IN);
	}
}

METHOD(nflog_child_t, is_full, bool,
	private_nflog_child_t *this)
{
	if (!this->esp && !this->plain && !this->missed)
	{	/* otherwise they do not wait for dropped packets, which may be few */
		return this->drops && this->drops->is_full(this->drops);
	}
	return (!this->esp || this->esp->is_full(this->esp)) &&
		   (!this->plain || this->plain->is_full(this->plain)) &&
		   (!this->missed || this->missed->is_full(this->missed));
}

METHOD(nflog_child_t, set_spi_out, bool,
	private_nflog_child_t *this, uint32_t spi)
{
	if (this->spi_out)
	{
		return FALSE;
	}
	this->spi_out = spi;
	start_traces(this);
	return TRUE;
}

METHOD(nflog_child_t, destroy, void,
	private_nflog_child_t *this)
{
	start_traces(this);
	if (!this->outbound)
	{
		set_absent(this, this->esp, POINT_ESP_OUT);
		set_absent(this, this->plain, POINT_PLAIN_OUT);
	}
	if (this->in)
	{
		this->reader->remove(this->reader, this->in);
	}
	if (this->out)
	{
		this->reader->remove(this->reader, this->out);
	}
	nflog_child_trace_release(this->writer, this->esp, this->started);
	nflog_child_trace_release(this->writer, this->plain, this->started);
	nflog_child_trace_release(this->writer, this->missed, this->started);
	DESTROY_IF(this->drops);
	nflog_cfg_destroy(this->cfg);
	free(this->conn);
	free(this->child);
	free(this);
}

/*
 * Described in header
 */
nflog_child_t *nflog_child_create(nflog_candidate_t *subject, uint32_t mark,
								  time_t start, nflog_cfg_t *cfg,
								  nflog_pipeline_t *pipeline)
{
	private_nflog_child_t *this;
	nflog_trace_t *trace;

	INIT(this,
		.public = {
			.add_sa = _add_sa,
			.update_sa = _update_sa,
			.updated_sa = _updated_sa,
			.del_sa = _del_sa,
			.recount = _recount,
			.is_full = _is_full,
			.set_spi_out = _set_spi_out,
			.set_note = _set_note,
			.destroy = _destroy,
		},
		.conn = strdup(subject->conn),
		.child = strdup(subject->child),
		.id = subject->child_id,
		.mark = mark,
		.cfg = cfg,
		.keys = pipeline->keys,
		.reader = pipeline->reader,
		.writer = pipeline->writer,
		.registry = pipeline->registry,
		.start = start,
	);
	if (cfg->points & (1 << POINT_ESP_IN | 1 << POINT_ESP_OUT))
	{
		this->esp = nflog_child_trace_create(pipeline, subject, POINT_ESP_IN, cfg,
											 &this->esp_listing);
	}
	if (cfg->points & (1 << POINT_PLAIN_IN | 1 << POINT_PLAIN_OUT))
	{
		this->plain = nflog_child_trace_create(pipeline, subject, POINT_PLAIN_IN, cfg,
											   &this->plain_listing);
	}
	if (cfg->points & 1 << POINT_MISSED)
	{
		this->missed = nflog_child_trace_create(pipeline, subject, POINT_MISSED, cfg,
												&this->missed_listing);
	}
	this->drops = nflog_child_drops_create(subject, cfg, pipeline);
	trace = this->esp ?: this->plain ?: this->missed;
	if (!trace && this->drops)
	{
		trace = this->drops->get_trace(this->drops);
	}
	if (trace)
	{
		trace->set_drops(trace, pipeline->xfrm_stat);
	}
	return &this->public;
}

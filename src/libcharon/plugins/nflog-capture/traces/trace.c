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

#define _GNU_SOURCE

#include "trace.h"
#include "flowtable.h"
#include "gaps.h"
#include "intake.h"
#include "loss.h"
#include "order.h"
#include "pcap.h"
#include "silence.h"

#include <limits.h>

/** packets written at once */
#define MAX_WRITE 1024

typedef struct private_nflog_trace_t private_nflog_trace_t;

/**
 * Private data.
 */
struct private_nflog_trace_t {

	/**
	 * Public interface.
	 */
	nflog_trace_t public;

	/**
	 * Creates files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Name of the connection, of its directory, and of the CHILD_SA or IKE_SA.
	 */
	char *conn;
	char dir[NFLOG_NAME_SIZE];
	char *label;

	/**
	 * Capture point of arriving packets, the next one is of leaving packets.
	 */
	nflog_point_t point;

	/**
	 * First part of the names of files.
	 */
	char *name;

	/**
	 * Files, NULL until the trace begins, and those that are complete.
	 */
	nflog_pcap_t *pcap;
	nflog_pieces_t *pieces;

	/**
	 * Options.
	 */
	nflog_cfg_t *cfg;

	/**
	 * TRUE once the trace began.
	 */
	bool started;

	/**
	 * Decides which packets to store.
	 */
	nflog_intake_t *intake;

	/**
	 * Gaps in which packets could not be written.
	 */
	nflog_gaps_t gaps;

	/**
	 * Packets that are kept, first and last one of two lists: not stamped, and stamped.
	 */
	nflog_packet_t *kept[2], *last[2];

	/**
	 * TRUE if one of the lists is empty, and the other one in the order of logging and time.
	 */
	bool sorted;

	/**
	 * Counters by capture point, those of packets that went astray are no pairs.
	 */
	nflog_counters_t counts[POINT_MAX + 1];

	/**
	 * Recorder, not owned, and what looks for lost packets of ESP, NULL if there is none.
	 */
	nflog_recorder_t *recorder;
	nflog_loss_t *loss;

	/**
	 * Reads the kernel's drop counters, not owned, NULL if another trace does.
	 */
	nflog_xfrm_stat_t *xfrm_stat;

	/**
	 * Drop counters at the start of the trace, NULL before that, or if another trace logs
	 * them.
	 */
	nflog_dropped_t *dropped;

	/**
	 * Listing of the trace, NULL if there is none or it ended, and what has it.
	 */
	nflog_listing_t *listing;
	nflog_registry_t *registry;

	/**
	 * Packets that were written before the files were rotated.
	 */
	uint64_t former;

	/**
	 * Called when the trace ends, NULL for none, and its data.
	 */
	void (*end_cb)(void *data, nflog_trace_t *trace);
	void *end_data;

	/**
	 * References.
	 */
	refcount_t ref;
};

/**
 * Get what the trace is of, for log messages.
 */
static char *get_kind(private_nflog_trace_t *this)
{
	return this->point == POINT_IKE_IN ? "IKE_SA" : "CHILD_SA";
}

/**
 * Begin the files.
 */
static void begin_files(private_nflog_trace_t *this)
{
	nflog_tape_t *tape;
	char path[PATH_MAX];
	int error;

	tape = this->recorder ? this->recorder->get_tape(this->recorder, this->conn,
								this->cfg->recorder, this->cfg->recorder_after) : NULL;
	this->pcap = nflog_pcap_create(this->store, this->dir, this->name,
								   this->cfg, tape, this->pieces);
	error = this->pcap->start(this->pcap);
	if (error)
	{
		nflog_gaps_begin(&this->gaps, error);
	}
	else
	{
		DBG1(DBG_CHD, "nflog-capture: capturing %s %s of connection '%s' to %s/%s",
			 get_kind(this), this->label, this->conn,
			 this->store->get_path(this->store, this->dir, path, sizeof(path)),
			 this->pcap->get_file(this->pcap));
	}
}

/**
 * Update the listing.
 */
static void update_listing(private_nflog_trace_t *this)
{
	char error[NFLOG_REGISTRY_NOTE];

	if (this->listing)
	{
		this->registry->update(this->registry, this->listing,
							   &this->counts[this->point],
							   this->pcap->get_file(this->pcap),
							   nflog_gaps_get_reason(&this->gaps, error,
													 sizeof(error)));
	}
}

/**
 * Set the start in the name of the files, or a later one, such that their names are later
 * than those of all files before.
 */
static void take_name(private_nflog_trace_t *this, time_t start)
{
	char *name;

	name = this->store->take_name(this->store, this->dir, this->name, start);
	free(this->name);
	this->name = name;
}

METHOD(nflog_trace_t, start, void,
	private_nflog_trace_t *this)
{
	char path[PATH_MAX];

	this->started = TRUE;
	if (this->xfrm_stat)
	{	/* not on creation, as charon's threads read no files */
		this->dropped = this->xfrm_stat->get(this->xfrm_stat);
	}
	if (this->recorder && this->point == POINT_ESP_IN)
	{
		this->loss = nflog_loss_create(this->recorder, this->xfrm_stat, this->conn);
	}
	this->intake->start(this->intake);
	take_name(this, nflog_trace_name_get_start(this->name));
	begin_files(this);
	if (this->listing)
	{
		/* first, as who waits for the trace has to know if there is a file */
		update_listing(this);
		this->store->get_path(this->store, this->dir, path, sizeof(path));
		this->registry->begin(this->registry, this->listing, &this->public, path,
							  this->pcap->get_file(this->pcap));
	}
}

METHOD(nflog_trace_t, rotate, bool,
	private_nflog_trace_t *this, time_t start)
{
	uint64_t packets;

	packets = this->counts[this->point].packets + this->counts[this->point + 1].packets;
	if (packets == this->former)
	{
		return FALSE;
	}
	/* also if the clock was set back */
	take_name(this, max(start, nflog_trace_name_get_start(this->name) + 1));
	this->former = packets;
	/* completes the file */
	this->pcap->destroy(this->pcap);
	begin_files(this);
	update_listing(this);
	return TRUE;
}

METHOD(nflog_trace_t, is_started, bool,
	private_nflog_trace_t *this)
{
	return this->started;
}

METHOD(nflog_trace_t, keep, bool,
	private_nflog_trace_t *this, nflog_packet_t *packet)
{
	bool first = !this->kept[FALSE] && !this->kept[TRUE];
	int i = packet->stamped ? 1 : 0;

	if (!this->started)
	{
		return FALSE;
	}
	packet->next = NULL;
	if (this->kept[i])
	{
		this->last[i]->next = packet;
		/* now, as it has left the processor's caches when all have been kept */
		this->sorted &= nflog_order_is_sorted(this->last[i], packet);
	}
	else
	{
		this->kept[i] = packet;
		this->sorted = first;
	}
	this->last[i] = packet;
	return first;
}

METHOD(nflog_trace_t, collect, bool,
	private_nflog_trace_t *this, nflog_packet_t **stamped,
	nflog_packet_t **others)
{
	*stamped = this->kept[TRUE];
	*others = this->kept[FALSE];
	this->kept[TRUE] = this->kept[FALSE] = NULL;
	return this->sorted;
}

/**
 * Count packets that were not written.
 */
static void refuse(private_nflog_trace_t *this,
				   nflog_packet_t **packets, u_int count)
{
	nflog_counters_t *counter;
	u_int i;

	for (i = 0; i < count; i++)
	{
		counter = &this->counts[packets[i]->point];
		if (this->gaps.error == NFLOG_OVER_BUDGET)
		{
			counter->budget++;
		}
		else
		{
			counter->refused++;
		}
	}
	nflog_gaps_add(&this->gaps, count, packets[0]->sec, packets[count - 1]->sec);
}

/**
 * Write some packets.
 *
 * @return			FALSE if not all were written, so writing more would fail
 */
static bool flush(private_nflog_trace_t *this,
				  nflog_packet_t **packets, u_int count)
{
	nflog_counters_t *counter;
	u_int i, written;
	int error;

	written = this->pcap->write(this->pcap, packets, count, &error);
	for (i = 0; i < written; i++)
	{
		counter = &this->counts[packets[i]->point];
		counter->packets++;
		counter->bytes += packets[i]->original;
		if (packets[i]->payload < packets[i]->original)
		{
			counter->cut++;
		}
	}
	if (written)
	{
		nflog_gaps_end(&this->gaps, this->pcap->get_file(this->pcap), this->conn);
	}
	if (written < count)
	{
		nflog_gaps_begin(&this->gaps, error);
		refuse(this, packets + written, count - written);
		return FALSE;
	}
	return TRUE;
}

METHOD(nflog_trace_t, is_full, bool,
	private_nflog_trace_t *this)
{
	return this->intake->is_full(this->intake);
}

METHOD(nflog_trace_t, write_, void,
	private_nflog_trace_t *this, nflog_packet_t **packets,
	u_int count)
{
	nflog_packet_t *packet, *run[MAX_WRITE];
	bool writable = TRUE;
	u_int i, pending = 0;

	if (this->loss)
	{
		this->loss->look(this->loss, packets, count);
	}
	for (i = 0; i < count; i++)
	{
		packet = packets[i];
		nflog_counters_large(&this->counts[packet->point], packet->original);
		if (!this->intake->take(this->intake, packet, &this->counts[packet->point]))
		{
			continue;
		}
		if (!writable)
		{	/* tried again with the next packets */
			refuse(this, &packet, 1);
			continue;
		}
		if (this->cfg->snaplen)
		{
			nflog_packet_cut(packet, this->cfg->link, this->cfg->snaplen);
		}
		run[pending++] = packet;
		if (pending == MAX_WRITE)
		{
			writable = flush(this, run, pending);
			pending = 0;
		}
	}
	if (pending)
	{
		flush(this, run, pending);
	}
	update_listing(this);
}

METHOD(nflog_trace_t, set_end_cb, void,
	private_nflog_trace_t *this, void (*cb)(void *data, nflog_trace_t *trace),
	void *data)
{
	this->end_cb = cb;
	this->end_data = data;
}

/**
 * Call the callback for the end of the trace, once.
 */
static void call_end_cb(private_nflog_trace_t *this)
{
	if (this->end_cb)
	{
		this->end_cb(this->end_data, &this->public);
		this->end_cb = NULL;
	}
}

METHOD(nflog_trace_t, end, void,
	private_nflog_trace_t *this)
{
	char arrived[2048], left[768] = "", missing[256], removed[128], path[PATH_MAX];
	nflog_point_t in, out;

	/* complete the file */
	DESTROY_IF(this->pcap);
	this->pcap = NULL;

	call_end_cb(this);
	in = this->point;
	out = this->point + 1;
	if (in == POINT_PLAIN_IN &&
		nflog_counters_is_short(&this->counts[in]))
	{
		this->counts[in].flowtable = nflog_flowtable_exists();
	}
	nflog_silence_describe(&this->counts[in], in, this->cfg, arrived, sizeof(arrived));
	if (NFLOG_WAY_POINTS & 1 << in)
	{
		nflog_silence_describe(&this->counts[out], out, this->cfg, left, sizeof(left));
	}
	nflog_gaps_describe(&this->gaps, missing, sizeof(missing));
	this->pieces->describe(this->pieces, removed, sizeof(removed));
	DBG1(DBG_CHD, "nflog-capture: trace %s/%s of %s %s ended: %s%s%s%s%s",
		 this->store->get_path(this->store, this->dir, path, sizeof(path)),
		 this->name, get_kind(this), this->label, arrived, *left ? "; " : "",
		 left, missing, removed);
	if (this->dropped)
	{
		this->xfrm_stat->report(this->xfrm_stat, this->dropped, this->label);
	}
	if (this->listing)
	{
		this->registry->end(this->registry, this->listing, &this->counts[in]);
		this->listing = NULL;
	}
}

METHOD(nflog_trace_t, get_link, nflog_link_t,
	private_nflog_trace_t *this)
{
	return this->cfg->link;
}

METHOD(nflog_trace_t, get_count, nflog_counters_t*,
	private_nflog_trace_t *this, nflog_point_t point)
{
	return &this->counts[point];
}

METHOD(nflog_trace_t, set_name, void,
	private_nflog_trace_t *this, char *name)
{
	free(this->name);
	this->name = strdup(name);
}

METHOD(nflog_trace_t, set_drops, void,
	private_nflog_trace_t *this, nflog_xfrm_stat_t *xfrm_stat)
{
	this->xfrm_stat = xfrm_stat;
}

METHOD(nflog_trace_t, set_addresses, void,
	private_nflog_trace_t *this, nflog_addresses_t *addresses)
{
	this->intake->set_addresses(this->intake, addresses);
}

METHOD(nflog_trace_t, set_recorder, void,
	private_nflog_trace_t *this, nflog_recorder_t *recorder)
{
	this->recorder = this->cfg->recorder ? recorder : NULL;
}

METHOD(nflog_trace_t, set_listing, void,
	private_nflog_trace_t *this, nflog_registry_t *registry, nflog_listing_t *listing)
{
	this->registry = registry;
	this->listing = listing;
}

METHOD(nflog_trace_t, get_ref, nflog_trace_t*,
	private_nflog_trace_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(nflog_trace_t, put_ref, bool,
	private_nflog_trace_t *this)
{
	return ref_put(&this->ref);
}

METHOD(nflog_trace_t, destroy, void,
	private_nflog_trace_t *this)
{
	call_end_cb(this);
	DESTROY_IF(this->pcap);
	this->pieces->destroy(this->pieces);
	if (this->listing)
	{	/* it never began */
		this->registry->drop(this->registry, this->listing);
	}
	DESTROY_IF(this->loss);
	this->intake->destroy(this->intake);
	DESTROY_IF(this->counts[this->point].tally);
	nflog_cfg_destroy(this->cfg);
	if (this->dropped)
	{
		this->xfrm_stat->put(this->xfrm_stat, this->dropped);
	}
	free(this->conn);
	free(this->label);
	free(this->name);
	free(this);
}

/*
 * Described in header
 */
nflog_trace_t *nflog_trace_create(nflog_store_t *store,
						char *conn, char *label, nflog_point_t point,
						nflog_cfg_t *cfg)
{
	private_nflog_trace_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.is_started = _is_started,
			.keep = _keep,
			.collect = _collect,
			.write = _write_,
			.is_full = _is_full,
			.end = _end,
			.rotate = _rotate,
			.get_link = _get_link,
			.get_count = _get_count,
			.set_name = _set_name,
			.set_drops = _set_drops,
			.set_addresses = _set_addresses,
			.set_recorder = _set_recorder,
			.set_listing = _set_listing,
			.set_end_cb = _set_end_cb,
			.get_ref = _get_ref,
			.put_ref = _put_ref,
			.destroy = _destroy,
		},
		.store = store,
		.conn = strdup(conn),
		.label = strdup(label),
		.point = point,
		.name = strdup(label),
		.cfg = nflog_cfg_clone(cfg),
		.ref = 1,
	);
	if (!(NFLOG_WAY_POINTS & 1 << point))
	{
		this->cfg->link = LINK_PCAPNG;
		this->counts[point].tally = nflog_tally_create();
	}
	this->intake = nflog_intake_create(point, this->cfg);
	nflog_trace_name_label(conn, this->dir);
	this->pieces = nflog_pieces_create(store, this->dir);
	return &this->public;
}

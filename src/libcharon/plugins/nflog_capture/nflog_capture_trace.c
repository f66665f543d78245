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

#include "nflog_capture_trace.h"
#include "nflog_capture_filter.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <sys/uio.h>
#include <unistd.h>

#include <daemon.h>

/** as tcpdump's, no packet that NFLOG copies is longer */
#define FILE_SNAPLEN 262144

/** packets written with one system call */
#define MAX_WRITE 512

typedef struct private_nflog_capture_trace_t private_nflog_capture_trace_t;

/**
 * Private data.
 */
struct private_nflog_capture_trace_t {

	/**
	 * Public interface.
	 */
	nflog_capture_trace_t public;

	/**
	 * Where files are created.
	 */
	nflog_capture_store_t *store;

	/**
	 * Name of the connection, and of its directory.
	 */
	char *conn;
	char dir[NFLOG_CAPTURE_NAME_SIZE];

	/**
	 * Name of the CHILD_SA or IKE_SA.
	 */
	char *label;

	/**
	 * Capture point for one direction, that for the other one is the next.
	 */
	nflog_capture_point_t point;

	/**
	 * First part of the name of all files.
	 */
	char *name;

	/**
	 * Name of the file that is written, NULL if there is none.
	 */
	char *file;

	/**
	 * Options: link type, bytes kept of a packet, and the ring.
	 */
	nflog_capture_link_t link;
	uint32_t snaplen;
	uint64_t file_size;
	u_int files;
	u_int duration;

	/**
	 * Compiled filter.
	 */
	struct bpf_program program;

	/**
	 * TRUE if there is a filter.
	 */
	bool filtered;

	/**
	 * Number of the file that is written, if the trace is a ring.
	 */
	u_int number;

	/**
	 * Bytes in the file that is written.
	 */
	uint64_t size;

	/**
	 * Time of the first packet in the file, in seconds.
	 */
	uint32_t begin;

	/**
	 * TRUE once the trace began.
	 */
	bool started;

	/**
	 * TRUE if nothing can be written, which has been told.
	 */
	bool failed;

	/**
	 * TRUE if it has been told that packets were refused.
	 */
	bool refused;

	/**
	 * Packets that are kept, and the last one of them: those that the kernel
	 * did not stamp, and those that it did.
	 */
	nflog_capture_packet_t *kept[2], *last[2];

	/**
	 * Counters of each capture point.
	 */
	nflog_capture_count_t counts[POINT_MAX];

	/**
	 * Tells what the kernel dropped meanwhile, NULL if another trace does that.
	 */
	nflog_capture_drops_t *drops;

	/**
	 * What it dropped before.
	 */
	nflog_capture_dropped_t *dropped;

	/**
	 * References.
	 */
	refcount_t ref;
};

/**
 * Is this trace a ring of files?
 */
static bool is_ring(private_nflog_capture_trace_t *this)
{
	return this->file_size || this->duration;
}

/**
 * Get the name of one of our files, allocated.
 */
static char *file_name(private_nflog_capture_trace_t *this, u_int number)
{
	char *name, ring[16] = "";

	if (is_ring(this))
	{
		snprintf(ring, sizeof(ring), ".%u", number);
	}
	if (asprintf(&name, "%s%s.pcap", this->name, ring) < 0)
	{
		return NULL;
	}
	return name;
}

/**
 * Write the header of a pcap file.
 */
static bool write_header(private_nflog_capture_trace_t *this, int fd)
{
	pcap_dumper_t *dumper = NULL;
	pcap_t *pcap;
	FILE *stream;
	bool success = FALSE;

	stream = fdopen(fd, "a");
	if (!stream)
	{
		close(fd);
		return FALSE;
	}
	pcap = pcap_open_dead(this->link == LINK_RAW ? DLT_RAW : DLT_NFLOG,
						  FILE_SNAPLEN);
	if (pcap)
	{
		dumper = pcap_dump_fopen(pcap, stream);
		pcap_close(pcap);
	}
	if (dumper)
	{
		success = pcap_dump_flush(dumper) == 0;
		pcap_dump_close(dumper);
	}
	else
	{
		fclose(stream);
	}
	return success;
}

/**
 * Complete the file that is written.
 */
static void end_file(private_nflog_capture_trace_t *this)
{
	if (this->file)
	{
		this->store->set_used(this->store, this->dir, this->file, FALSE);
		free(this->file);
		this->file = NULL;
	}
}

/**
 * Begin a file.
 */
static bool begin_file(private_nflog_capture_trace_t *this)
{
	int fd;

	this->file = file_name(this, this->number);
	if (!this->file || !this->store->reserve(this->store,
											 sizeof(struct pcap_file_header)))
	{
		free(this->file);
		this->file = NULL;
		return FALSE;
	}
	this->store->set_used(this->store, this->dir, this->file, TRUE);
	fd = this->store->create_file(this->store, this->dir, this->file);
	if (fd < 0 || !write_header(this, fd))
	{
		end_file(this);
		return FALSE;
	}
	this->size = sizeof(struct pcap_file_header);
	this->begin = 0;
	return TRUE;
}

/**
 * Go on with the next file of the ring, and remove the one that is too much.
 */
static bool next_file(private_nflog_capture_trace_t *this)
{
	char *name;

	end_file(this);
	this->number++;
	if (this->files && this->number >= this->files)
	{
		name = file_name(this, this->number - this->files);
		if (name)
		{
			this->store->remove_file(this->store, this->dir, name);
			free(name);
		}
	}
	return begin_file(this);
}

METHOD(nflog_capture_trace_t, start, void,
	private_nflog_capture_trace_t *this)
{
	this->started = TRUE;
	if (this->failed || !begin_file(this))
	{
		DBG1(DBG_CHD, "nothing is captured of %s of connection '%s', creating "
			 "trace '%s' failed", this->label, this->conn, this->name);
		this->failed = TRUE;
	}
}

METHOD(nflog_capture_trace_t, is_started, bool,
	private_nflog_capture_trace_t *this)
{
	return this->started;
}

METHOD(nflog_capture_trace_t, keep, bool,
	private_nflog_capture_trace_t *this, nflog_capture_packet_t *packet)
{
	bool first = !this->kept[FALSE] && !this->kept[TRUE];
	int i = packet->stamped ? 1 : 0;

	packet->next = NULL;
	if (this->kept[i])
	{
		this->last[i]->next = packet;
	}
	else
	{
		this->kept[i] = packet;
	}
	this->last[i] = packet;
	return first;
}

METHOD(nflog_capture_trace_t, collect, void,
	private_nflog_capture_trace_t *this, nflog_capture_packet_t **stamped,
	nflog_capture_packet_t **others)
{
	*stamped = this->kept[TRUE];
	*others = this->kept[FALSE];
	this->kept[TRUE] = this->kept[FALSE] = NULL;
}

/**
 * Does a packet match the filter?
 */
static bool match(private_nflog_capture_trace_t *this,
				  nflog_capture_packet_t *packet)
{
	struct pcap_pkthdr hdr = {
		.caplen = packet->payload,
		.len = packet->original,
	};

	return !this->filtered ||
		   pcap_offline_filter(&this->program, &hdr,
							   packet->data + packet->offset);
}

/**
 * Count packets that were not written, and tell the first time.
 */
static void refuse(private_nflog_capture_trace_t *this,
				   nflog_capture_packet_t **packets, u_int count,
				   bool budget, const char *reason)
{
	nflog_capture_count_t *counter;
	u_int i;

	for (i = 0; i < count; i++)
	{
		counter = &this->counts[packets[i]->point];
		counter->budget += budget;
		counter->refused += !budget;
	}
	if (count && !this->refused && !this->failed)
	{
		DBG1(DBG_CHD, "trace '%s' of connection '%s' is not complete: %s",
			 this->file ?: this->name, this->conn, reason);
		this->refused = TRUE;
	}
}

/**
 * Write some packets to the current file.
 */
static void append(private_nflog_capture_trace_t *this,
				   nflog_capture_packet_t **packets, u_int count, size_t total)
{
	struct iovec iov[MAX_WRITE];
	ssize_t len, done = 0;
	u_int i, pos = 0;
	const char *reason;
	int fd;

	if (!this->store->reserve(this->store, total))
	{
		refuse(this, packets, count, TRUE, "the disk budget is exhausted, set "
			   "max_total, or remove old traces");
		return;
	}
	fd = this->store->open_file(this->store, this->dir, this->file);
	if (fd < 0)
	{
		refuse(this, packets, count, FALSE, "opening the file failed");
		return;
	}
	for (i = 0; i < count; i++)
	{
		iov[i].iov_base = &packets[i]->pcap;
		iov[i].iov_len = sizeof(packets[i]->pcap) + packets[i]->pcap.caplen;
	}
	do
	{
		len = writev(fd, iov, count);
	}
	while (len < 0 && errno == EINTR);
	reason = len < 0 ? strerror(errno) : strerror(ENOSPC);

	for (pos = 0; pos < count && done + (ssize_t)iov[pos].iov_len <= len; pos++)
	{
		done += iov[pos].iov_len;
		this->counts[packets[pos]->point].packets++;
		this->counts[packets[pos]->point].bytes += packets[pos]->original;
	}
	if (done < len && ftruncate(fd, this->size + done) != 0)
	{	/* a torn record makes all that follow it unreadable */
		DBG1(DBG_CHD, "truncating trace '%s' of connection '%s' failed: %s",
			 this->file, this->conn, strerror(errno));
		this->failed = TRUE;
	}
	this->size += done;
	close(fd);
	refuse(this, packets + pos, count - pos, FALSE, reason);
}

METHOD(nflog_capture_trace_t, write_, void,
	private_nflog_capture_trace_t *this, nflog_capture_packet_t **packets,
	u_int count)
{
	nflog_capture_packet_t *packet, *run[MAX_WRITE];
	size_t size, total = 0;
	u_int i, pending = 0;
	bool full;

	for (i = 0; i < count; i++)
	{
		packet = packets[i];
		if (packet->original > ETH_DATA_LEN)
		{
			this->counts[packet->point].large++;
		}
		if (!match(this, packet))
		{
			this->counts[packet->point].filtered++;
			continue;
		}
		if (this->snaplen)
		{
			nflog_capture_packet_cut(packet, this->snaplen);
		}
		size = sizeof(packet->pcap) + packet->pcap.caplen;
		full = (this->file_size &&
				this->size + total + size > this->file_size &&
				(pending || this->begin)) ||
			   (this->duration && this->begin &&
				packet->pcap.sec >= this->begin + this->duration);
		if (pending && (full || pending == MAX_WRITE))
		{
			append(this, run, pending, total);
			pending = total = 0;
		}
		if (this->failed || (full && !next_file(this)) || !this->file)
		{
			refuse(this, &packet, 1, FALSE, "the next file can't be created");
			continue;
		}
		if (!this->begin)
		{
			this->begin = packet->pcap.sec;
		}
		run[pending++] = packet;
		total += size;
	}
	if (pending)
	{
		append(this, run, pending, total);
	}
}

METHOD(nflog_capture_trace_t, end, void,
	private_nflog_capture_trace_t *this)
{
	char buf[POINT_MAX][256] = {}, path[PATH_MAX];
	nflog_capture_point_t in, out;

	end_file(this);

	in = this->point;
	out = this->point + 1;
	nflog_capture_count_describe(&this->counts[in], in, buf[in],
								 sizeof(buf[in]));
	nflog_capture_count_describe(&this->counts[out], out, buf[out],
								 sizeof(buf[out]));
	DBG1(DBG_CHD, "trace %s/%s of %s %s ended: %s; %s",
		 this->store->get_path(this->store, this->dir, path, sizeof(path)),
		 this->name, in == POINT_IKE_IN ? "IKE_SA" : "CHILD_SA", this->label,
		 buf[in], buf[out]);
	if (this->drops)
	{
		this->drops->report(this->drops, this->dropped, this->label);
	}
}

METHOD(nflog_capture_trace_t, get_link, nflog_capture_link_t,
	private_nflog_capture_trace_t *this)
{
	return this->link;
}

METHOD(nflog_capture_trace_t, get_count, nflog_capture_count_t*,
	private_nflog_capture_trace_t *this, nflog_capture_point_t point)
{
	return &this->counts[point];
}

METHOD(nflog_capture_trace_t, set_name, void,
	private_nflog_capture_trace_t *this, char *name)
{
	free(this->name);
	this->name = strdup(name);
}

METHOD(nflog_capture_trace_t, set_drops, void,
	private_nflog_capture_trace_t *this, nflog_capture_drops_t *drops)
{
	this->drops = drops;
	this->dropped = drops->get(drops);
}

METHOD(nflog_capture_trace_t, get_ref, nflog_capture_trace_t*,
	private_nflog_capture_trace_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(nflog_capture_trace_t, put_ref, bool,
	private_nflog_capture_trace_t *this)
{
	return ref_put(&this->ref);
}

METHOD(nflog_capture_trace_t, destroy, void,
	private_nflog_capture_trace_t *this)
{
	end_file(this);
	if (this->filtered)
	{
		pcap_freecode(&this->program);
	}
	if (this->drops)
	{
		this->drops->put(this->drops, this->dropped);
	}
	free(this->conn);
	free(this->label);
	free(this->name);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_trace_t *nflog_capture_trace_create(nflog_capture_store_t *store,
						char *conn, char *label, nflog_capture_point_t point,
						nflog_capture_wish_t *wish)
{
	private_nflog_capture_trace_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.is_started = _is_started,
			.keep = _keep,
			.collect = _collect,
			.write = _write_,
			.end = _end,
			.get_link = _get_link,
			.get_count = _get_count,
			.set_name = _set_name,
			.set_drops = _set_drops,
			.get_ref = _get_ref,
			.put_ref = _put_ref,
			.destroy = _destroy,
		},
		.store = store,
		.conn = strdup(conn),
		.label = strdup(label),
		.point = point,
		.name = strdup(label),
		.link = wish->link,
		.snaplen = wish->snaplen,
		.file_size = wish->file_size,
		.files = wish->files,
		.duration = wish->duration,
		.ref = 1,
	);
	nflog_capture_store_name(conn, this->dir);
	if (wish->filter)
	{	/* which was found to be valid with the other options */
		this->filtered = nflog_capture_filter_compile(wish->filter,
													  &this->program);
		this->failed = !this->filtered;
	}
	return &this->public;
}

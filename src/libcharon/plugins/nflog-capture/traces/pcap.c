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

#include "pcap.h"
#include "options/notes.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <pcap.h>

#include <collections/array.h>

/** snaplen in the header of files, as tcpdump's, more than NFLOG copies */
#define FILE_SNAPLEN 262144

/** magic number of a file with time stamps in microseconds, pcap-savefile(5) */
#define FILE_MAGIC 0xa1b2c3d4

/** link types in files, which are not libpcap's DLT_ values,
 *  https://www.tcpdump.org/linktypes.html */
#define LINKTYPE_RAW 101
#define LINKTYPE_NFLOG 239

/** names to try if other processes use them, before trying again later */
#define MAX_TAKEN 64

/** packets written with one system call, at most IOV_MAX */
#define MAX_WRITE 1024

typedef struct private_nflog_pcap_t private_nflog_pcap_t;

/**
 * Private data.
 */
struct private_nflog_pcap_t {

	/**
	 * Public interface.
	 */
	nflog_pcap_t public;

	/**
	 * Creates files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * First part of the names of files.
	 */
	char *name;

	/**
	 * Options: link type, and the ring.
	 */
	nflog_link_t link;
	uint64_t file_size;
	u_int files;
	u_int duration;

	/**
	 * Name of the current file, which may not exist yet.
	 */
	char *file;

	/**
	 * Number of the current file.
	 */
	u_int number;

	/**
	 * Numbers of the files of a ring that exist, as u_int, the oldest one first.
	 */
	array_t *ring;

	/**
	 * Bytes in the current file, header and whole records, 0 if it does not exist.
	 */
	uint64_t size;

	/**
	 * TRUE if a part of a record follows these.
	 */
	bool torn;

	/**
	 * Device and inode of the file when it was created, to notice if it was replaced.
	 */
	dev_t dev;
	ino_t ino;

	/**
	 * Time of the oldest packet in the file, in seconds, if it has any.
	 */
	uint32_t begin;

	/**
	 * When it was logged that the file was replaced, monotonic.
	 */
	time_t logged;
};

/**
 * Check if this is a ring of files.
 */
static bool is_ring(private_nflog_pcap_t *this)
{
	return this->file_size || this->duration;
}

/**
 * Check if the file has packets.
 */
static bool has_packets(private_nflog_pcap_t *this)
{
	return this->size > sizeof(struct pcap_file_header);
}

/**
 * Get the name of a file, allocated.
 */
static char *file_name(private_nflog_pcap_t *this, u_int number)
{
	return nflog_trace_name_file(this->name, number, is_ring(this));
}

/**
 * Open the file if it is still the one that was created.
 *
 * @param size		receives its size in bytes
 * @return			file descriptor, -1 with errno set on failure, ESTALE if another
 *					process replaced or cut it
 */
static int open_same(private_nflog_pcap_t *this, uint64_t *size)
{
	struct stat st;
	int fd;

	fd = this->store->open_file(this->store, this->dir, this->file, &st);
	if (fd >= 0)
	{
		if (st.st_dev != this->dev || st.st_ino != this->ino ||
			st.st_size < this->size)
		{
			close(fd);
			errno = ESTALE;
			return -1;
		}
		*size = st.st_size;
	}
	return fd;
}

/**
 * Remove the part of a record that a failed write left, as it would make all that follows
 * unreadable.
 */
static bool cut_torn(private_nflog_pcap_t *this, int fd, uint64_t size)
{
	this->torn = size != this->size && ftruncate(fd, this->size) != 0;
	return !this->torn;
}

/**
 * Complete the current file.
 */
static void end_file(private_nflog_pcap_t *this)
{
	uint64_t size;
	int fd;

	if (this->torn)
	{	/* cutting failed before */
		fd = open_same(this, &size);
		if (fd >= 0)
		{
			if (!cut_torn(this, fd, size))
			{
				this->store->report(this->store, this->dir, this->file, FALSE);
			}
			close(fd);
		}
	}
	this->store->set_used(this->store, this->dir, this->file, TRACE_COMPLETE);
	this->size = 0;
	this->torn = FALSE;
}

/**
 * Continue with the next file, which is created as soon as there are packets.
 */
static void next_file(private_nflog_pcap_t *this)
{
	u_int oldest;
	char *name;
	bool removed = TRUE;

	end_file(this);
	free(this->file);
	this->file = file_name(this, ++this->number);
	while (removed && this->files && array_count(this->ring) >= this->files)
	{	/* if this fails, it is tried again with the next file */
		array_get(this->ring, ARRAY_HEAD, &oldest);
		name = file_name(this, oldest);
		removed = this->store->remove_file(this->store, this->dir, name);
		if (removed)
		{
			array_remove(this->ring, ARRAY_HEAD, NULL);
		}
		free(name);
	}
}

/**
 * Create the file, and keep it open.
 *
 * @return			file descriptor, -1 with errno set on failure
 */
static int create_file(private_nflog_pcap_t *this)
{
	struct pcap_file_header header = {
		.magic = FILE_MAGIC,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = FILE_SNAPLEN,
		.linktype = this->link == LINK_RAW ? LINKTYPE_RAW : LINKTYPE_NFLOG,
	};
	char path[PATH_MAX];
	struct stat st;
	int fd, error, i;

	/* before the file exists, so no other process removes it */
	this->store->set_used(this->store, this->dir, this->file, TRACE_USED);
	fd = this->store->create_file(this->store, this->dir, this->file,
								  chunk_from_thing(header));
	for (i = 0; fd < 0 && errno == EEXIST && i < MAX_TAKEN; i++)
	{	/* another process uses this name, or used it */
		next_file(this);
		this->store->set_used(this->store, this->dir, this->file, TRACE_USED);
		fd = this->store->create_file(this->store, this->dir, this->file,
									  chunk_from_thing(header));
	}
	if (fd < 0)
	{	/* keys have to be there before packets */
		error = errno;
		if (error == EEXIST)
		{
			this->store->report(this->store, this->dir, this->file, FALSE);
		}
		this->store->set_used(this->store, this->dir, this->file, TRACE_WANTED);
		errno = error;
		return -1;
	}
	if (fstat(fd, &st) == 0)
	{
		this->dev = st.st_dev;
		this->ino = st.st_ino;
	}
	if (this->files)
	{
		array_insert(this->ring, ARRAY_TAIL, &this->number);
	}
	this->size = sizeof(header);
	DBG2(DBG_CHD, "nflog-capture: created '%s/%s'",
		 this->store->get_path(this->store, this->dir, path, sizeof(path)),
		 this->file);
	return fd;
}

/**
 * Log that another process replaced or cut the file, so its packets are lost.
 */
static void log_replaced(private_nflog_pcap_t *this)
{
	char path[PATH_MAX];

	if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CHD, "trace '%s/%s' was replaced or cut by another process, "
			 "continuing in a new file",
			 this->store->get_path(this->store, this->dir, path, sizeof(path)),
			 this->file);
	}
}

/**
 * Open the current file, or create another one if it was replaced.
 *
 * @return			file descriptor, -1 with errno set on failure
 */
static int open_file(private_nflog_pcap_t *this)
{
	uint64_t size;
	int fd;

	if (!this->size)
	{
		return create_file(this);
	}
	fd = open_same(this, &size);
	if (fd >= 0)
	{
		if (cut_torn(this, fd, size))
		{
			return fd;
		}
		this->store->report(this->store, this->dir, this->file, FALSE);
		close(fd);
		return -1;
	}
	switch (errno)
	{
		case ENOENT:
			/* removed by another process, so the name is free again */
			end_file(this);
			return create_file(this);
		case ESTALE:
			log_replaced(this);
			/* fall */
		case ELOOP:
			next_file(this);
			return create_file(this);
		default:
			return -1;
	}
}

METHOD(nflog_pcap_t, start, int,
	private_nflog_pcap_t *this)
{
	size_t size = sizeof(struct pcap_file_header);
	int fd, error;

	if (!this->store->reserve(this->store, size))
	{
		this->store->set_used(this->store, this->dir, this->file, TRACE_WANTED);
		return NFLOG_OVER_BUDGET;
	}
	fd = create_file(this);
	if (fd < 0)
	{
		error = errno;
		this->store->unreserve(this->store, size);
		return error;
	}
	close(fd);
	return 0;
}

/**
 * Get the bytes of a packet in a file.
 */
static size_t record_size(nflog_packet_t *packet)
{
	return sizeof(*packet->record) + packet->caplen;
}

/**
 * Set up the vector to write, adjacent records become one element.
 *
 * @return			number of elements
 */
static u_int get_vector(nflog_packet_t **packets, u_int count, struct iovec *iov)
{
	u_int i, elements = 0;
	void *end = NULL;

	for (i = 0; i < count; i++)
	{
		if (packets[i]->record != end)
		{
			iov[elements++] = (struct iovec){
				.iov_base = packets[i]->record,
			};
		}
		iov[elements - 1].iov_len += record_size(packets[i]);
		end = (uint8_t*)packets[i]->record + record_size(packets[i]);
	}
	return elements;
}

/**
 * Append packets to the open file, as many as possible.
 *
 * @param total		bytes of all records
 * @param error		receives an errno if not all were written
 * @return			number of packets written, as whole records
 */
static u_int append(private_nflog_pcap_t *this, int fd,
					nflog_packet_t **packets, u_int count, size_t total,
					int *error)
{
	struct iovec iov[MAX_WRITE];
	uint64_t before = this->size;
	size_t written;
	u_int done = 0;

	written = this->store->write(this->store, fd, iov,
								get_vector(packets, count, iov));
	*error = errno;
	while (done < count &&
		   this->size + record_size(packets[done]) <= before + written)
	{
		this->size += record_size(packets[done++]);
	}
	/* if this fails, it is tried again before anything is appended */
	cut_torn(this, fd, before + written);
	if (close(fd) != 0 && errno != EINTR)
	{	/* network file systems may refuse as late as on close() */
		*error = errno;
		this->size = before;
		this->torn = TRUE;
		done = 0;
	}
	return done;
}

/**
 * Write packets that belong to the same file.
 *
 * @param total		bytes of all records
 * @param error		receives an errno, or NFLOG_OVER_BUDGET, if not all were written
 * @return			number of packets written
 */
static u_int write_run(private_nflog_pcap_t *this,
					   nflog_packet_t **packets, u_int count, size_t total,
					   int *error)
{
	size_t header = this->size ? 0 : sizeof(struct pcap_file_header);
	uint64_t before;
	u_int done;
	int fd;

	if (!this->store->reserve(this->store, header + total))
	{
		*error = NFLOG_OVER_BUDGET;
		return 0;
	}
	fd = open_file(this);
	if (fd < 0)
	{
		*error = errno;
		this->store->unreserve(this->store, header + total);
		return 0;
	}
	before = this->size;
	done = append(this, fd, packets, count, total, error);
	this->store->unreserve(this->store, total - (this->size - before));
	errno = *error;
	this->store->report(this->store, this->dir, this->file, done == count);
	return done;
}

/**
 * Get the packets to write to the current file next, with one system call.
 *
 * @param begin		receives the time of the oldest packet in the file after that
 * @param total		receives the bytes of their records
 * @return			number of packets, 0 if the file is complete
 */
static u_int get_run(private_nflog_pcap_t *this,
					 nflog_packet_t **packets, u_int count, uint32_t *begin,
					 size_t *total)
{
	uint64_t used = this->size ?: sizeof(struct pcap_file_header);
	uint32_t oldest, sec;
	size_t size;
	u_int run;

	*total = 0;
	*begin = has_packets(this) ? this->begin : packets[0]->sec;
	for (run = 0; run < min(MAX_WRITE, count); run++)
	{
		size = record_size(packets[run]);
		sec = packets[run]->sec;
		/* if the clock was set back, the duration begins anew */
		oldest = min(*begin, sec);
		if ((run || has_packets(this)) &&
			((this->file_size && used + *total + size > this->file_size) ||
			 (this->duration && sec - oldest >= this->duration)))
		{
			break;
		}
		*begin = oldest;
		*total += size;
	}
	return run;
}

METHOD(nflog_pcap_t, write_, u_int,
	private_nflog_pcap_t *this, nflog_packet_t **packets,
	u_int count, int *error)
{
	u_int run, written = 0, done;
	uint32_t begin;
	size_t total;

	while (written < count)
	{
		run = get_run(this, packets + written, count - written, &begin, &total);
		if (!run)
		{
			next_file(this);
			continue;
		}
		done = write_run(this, packets + written, run, total, error);
		written += done;
		if (done)
		{
			this->begin = begin;
		}
		if (done < run)
		{
			if (*error != EFBIG || !has_packets(this))
			{
				break;
			}
			/* this file has reached a limit on its size, another one may have space */
			next_file(this);
		}
	}
	return written;
}

METHOD(nflog_pcap_t, get_file, char*,
	private_nflog_pcap_t *this)
{
	return this->file;
}

METHOD(nflog_pcap_t, destroy, void,
	private_nflog_pcap_t *this)
{
	end_file(this);
	array_destroy(this->ring);
	free(this->file);
	free(this->name);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_pcap_t *nflog_pcap_create(nflog_store_t *store,
								char *dir, char *name,
								nflog_cfg_t *cfg)
{
	private_nflog_pcap_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.write = _write_,
			.get_file = _get_file,
			.destroy = _destroy,
		},
		.store = store,
		.ring = array_create(sizeof(u_int), 0),
		.dir = strdup(dir),
		.name = strdup(name),
		.link = cfg->link,
		.file_size = cfg->file_size,
		.files = cfg->files,
		.duration = cfg->duration,
	);
	this->file = file_name(this, 0);
	return &this->public;
}

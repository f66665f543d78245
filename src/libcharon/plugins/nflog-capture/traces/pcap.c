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

#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <pcap.h>

/** as tcpdump's, no packet that NFLOG copies is longer */
#define FILE_SNAPLEN 262144

/** magic number of a file with time stamps in microseconds, pcap-savefile(5) */
#define FILE_MAGIC 0xa1b2c3d4

/** link types as they are in files, which is not what libpcap calls them,
 *  https://www.tcpdump.org/linktypes.html */
#define LINKTYPE_RAW 101
#define LINKTYPE_NFLOG 239

/** packets written with one system call */
#define MAX_WRITE 512

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
	 * Where files are created.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * First part of the name of all files.
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
	 * Name of the file that is written, or is to be created.
	 */
	char *file;

	/**
	 * Its number, and that of the oldest one of a ring that is there.
	 */
	u_int number, oldest;

	/**
	 * Bytes in it, header and whole records, 0 if it is not there.
	 */
	uint64_t size;

	/**
	 * TRUE if there is a part of a record behind these.
	 */
	bool torn;

	/**
	 * What it was when it was created, to notice if it was replaced.
	 */
	dev_t dev;
	ino_t ino;

	/**
	 * Time of the first packet in it, in seconds, 0 if there is none.
	 */
	uint32_t begin;
};

/**
 * Is this a ring of files?
 */
static bool is_ring(private_nflog_pcap_t *this)
{
	return this->file_size || this->duration;
}

/**
 * Get the name of one of our files, allocated.
 */
static char *file_name(private_nflog_pcap_t *this, u_int number)
{
	char *name, ring[16] = "";

	if (number || is_ring(this))
	{
		snprintf(ring, sizeof(ring), ".%u", number);
	}
	return asprintf(&name, "%s%s.pcap", this->name, ring) < 0 ? NULL : name;
}

/**
 * Open the file if it is still the one that was created.
 *
 * @param size		receives the bytes in it
 * @return			file descriptor, -1 with errno set on failure, ESTALE if it is
 *					another one, or was cut by someone else
 */
static int open_same(private_nflog_pcap_t *this, uint64_t *size)
{
	struct stat st;
	int fd;

	fd = this->store->open_file(this->store, this->dir, this->file);
	if (fd >= 0)
	{
		if (fstat(fd, &st) != 0 || st.st_dev != this->dev ||
			st.st_ino != this->ino || st.st_size < this->size)
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
 * Remove what a write that failed left behind the last whole record, as it would
 * make all that follows unreadable.
 */
static bool cut_torn(private_nflog_pcap_t *this, int fd, uint64_t size)
{
	this->torn = size != this->size && ftruncate(fd, this->size) != 0;
	return !this->torn;
}

/**
 * Complete the file that is written.
 */
static void end_file(private_nflog_pcap_t *this)
{
	uint64_t size;
	int fd;

	if (this->torn)
	{	/* it could not be cut when that happened */
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
	this->size = this->begin = this->torn = 0;
}

/**
 * Go on with another file, which is created when it's needed.
 */
static void next_file(private_nflog_pcap_t *this)
{
	char *name;

	end_file(this);
	free(this->file);
	this->file = file_name(this, ++this->number);
	while (this->files && this->number - this->oldest >= this->files)
	{	/* if that fails it's due again with the next file */
		name = file_name(this, this->oldest);
		if (!this->store->remove_file(this->store, this->dir, name))
		{
			free(name);
			break;
		}
		free(name);
		this->oldest++;
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
	struct stat st;
	int fd, error;

	/* before it is there, so that no other process removes it */
	this->store->set_used(this->store, this->dir, this->file, TRACE_USED);
	fd = this->store->create_file(this->store, this->dir, this->file,
								  chunk_from_thing(header));
	if (fd < 0 && errno == EEXIST)
	{
		if (this->oldest == this->number)
		{	/* it is not of this ring */
			this->oldest++;
		}
		next_file(this);
		this->store->set_used(this->store, this->dir, this->file, TRACE_USED);
		fd = this->store->create_file(this->store, this->dir, this->file,
									  chunk_from_thing(header));
	}
	if (fd < 0)
	{	/* its keys have to be there when it gets created */
		error = errno;
		this->store->set_used(this->store, this->dir, this->file, TRACE_WANTED);
		errno = error;
		return -1;
	}
	if (fstat(fd, &st) == 0)
	{
		this->dev = st.st_dev;
		this->ino = st.st_ino;
	}
	this->size = sizeof(header);
	this->begin = 0;
	return fd;
}

/**
 * Open the file, or create another one if it isn't what it was.
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
			/* removed by someone else, its name can be used again */
			end_file(this);
			return create_file(this);
		case ELOOP:
		case ESTALE:
			next_file(this);
			return create_file(this);
		default:
			return -1;
	}
}

METHOD(nflog_pcap_t, start, int,
	private_nflog_pcap_t *this)
{
	int fd;

	if (!this->store->reserve(this->store, sizeof(struct pcap_file_header)))
	{
		this->store->set_used(this->store, this->dir, this->file, TRACE_WANTED);
		return NFLOG_OVER_BUDGET;
	}
	fd = create_file(this);
	if (fd < 0)
	{
		return errno;
	}
	close(fd);
	return 0;
}

/**
 * Get the size of a packet in a file.
 */
static size_t record_size(nflog_packet_t *packet)
{
	return sizeof(packet->pcap) + packet->pcap.caplen;
}

/**
 * Write some packets to the current file.
 */
static u_int append(private_nflog_pcap_t *this,
					nflog_packet_t **packets, u_int count, size_t total,
					int *error)
{
	struct iovec iov[MAX_WRITE];
	ssize_t len, done = 0;
	u_int i, pos = 0;
	int fd;

	if (!this->size)
	{
		total += sizeof(struct pcap_file_header);
	}
	if (!this->store->reserve(this->store, total))
	{
		*error = NFLOG_OVER_BUDGET;
		return 0;
	}
	fd = open_file(this);
	if (fd < 0)
	{
		*error = errno;
		return 0;
	}
	for (i = 0; i < count; i++)
	{
		iov[i].iov_base = &packets[i]->pcap;
		iov[i].iov_len = record_size(packets[i]);
	}
	do
	{
		len = writev(fd, iov, count);
	}
	while (len < 0 && errno == EINTR);
	/* a short write on a file means that there is no space for the rest */
	*error = len < 0 ? errno : ENOSPC;

	while (pos < count && done + (ssize_t)iov[pos].iov_len <= len)
	{
		done += iov[pos++].iov_len;
	}
	this->size += done;
	if (pos && !this->begin)
	{
		this->begin = packets[0]->pcap.sec;
	}
	if (pos < count)
	{	/* if this fails it's tried again before anything is appended */
		cut_torn(this, fd, this->size - done + max(len, 0));
		errno = *error;
		this->store->report(this->store, this->dir, this->file, FALSE);
	}
	else
	{
		this->store->report(this->store, this->dir, this->file, TRUE);
	}
	close(fd);
	return pos;
}

METHOD(nflog_pcap_t, write_, u_int,
	private_nflog_pcap_t *this, nflog_packet_t **packets,
	u_int count, int *error)
{
	uint64_t used, total;
	u_int run, written = 0, done;
	uint32_t begin;
	size_t size;

	while (written < count)
	{
		begin = this->begin ?: packets[written]->pcap.sec;
		used = this->size ?: sizeof(struct pcap_file_header);
		total = 0;
		for (run = 0; run < MAX_WRITE && written + run < count; run++)
		{
			size = record_size(packets[written + run]);
			if ((run || this->begin) &&
				((this->file_size &&
				  used + total + size > this->file_size) ||
				 (this->duration &&
				  packets[written + run]->pcap.sec >= begin + this->duration)))
			{
				break;
			}
			total += size;
		}
		if (!run)
		{
			next_file(this);
			continue;
		}
		done = append(this, packets + written, run, total, error);
		written += done;
		if (done < run)
		{
			break;
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

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

#include "savefile.h"
#include "pcapng.h"

#include "files/open_files.h"
#include "files/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <pcap.h>

/** snaplen in the header of files, as tcpdump's, more than NFLOG copies */
#define FILE_SNAPLEN 262144

/** magic number of a file with time stamps in microseconds, pcap-savefile(5) */
#define FILE_MAGIC 0xa1b2c3d4

/** link types in files, which are not libpcap's DLT_ values,
 *  https://www.tcpdump.org/linktypes.html */
#define LINKTYPE_RAW 101
#define LINKTYPE_NFLOG 239

/** bytes of a file from which on it is written to the disk at once when it is complete */
#define WRITE_BACK (1 << 20)

typedef struct private_nflog_savefile_t private_nflog_savefile_t;

/**
 * Private data.
 */
struct private_nflog_savefile_t {

	/**
	 * Public interface.
	 */
	nflog_savefile_t public;

	/**
	 * Creates and opens the file, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * Name of the file.
	 */
	char *name;

	/**
	 * Link type.
	 */
	nflog_link_t link;

	/**
	 * Interfaces of a pcapng file, NULL for a pcap file.
	 */
	nflog_pcapng_t *pcapng;

	/**
	 * Bytes in the file, header and whole records, 0 if it does not exist.
	 */
	uint64_t size;

	/**
	 * Bytes that the disk has given to it.
	 */
	uint64_t given;

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
	 * TRUE if its file system reports a failed write at once.
	 */
	bool local;

	/**
	 * File descriptor, -1 if the file is not open.
	 */
	int fd;

	/**
	 * TRUE if it stays open, which the store may end between writes.
	 */
	bool kept;
};

/*
 * Described in header
 */
size_t nflog_savefile_header(nflog_link_t link)
{
	return link == LINK_PCAPNG ? NFLOG_PCAPNG_HEADER : sizeof(struct pcap_file_header);
}

/*
 * Described in header
 */
size_t nflog_savefile_records(nflog_packet_t **packets, u_int count)
{
	size_t total = 0;
	u_int i;

	for (i = 0; i < count; i++)
	{
		total += nflog_savefile_record(packets[i]);
	}
	return total;
}

/**
 * Build the header of the file.
 *
 * @param buf		receives it
 * @return			header
 */
static chunk_t build_header(private_nflog_savefile_t *this,
							uint8_t buf[NFLOG_PCAPNG_HEADER])
{
	struct pcap_file_header header = {
		.magic = FILE_MAGIC,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = FILE_SNAPLEN,
		.linktype = this->link == LINK_RAW ? LINKTYPE_RAW : LINKTYPE_NFLOG,
	};

	if (this->pcapng)
	{
		nflog_pcapng_header(buf);
	}
	else
	{
		memcpy(buf, &header, sizeof(header));
	}
	return chunk_create(buf, nflog_savefile_header(this->link));
}

METHOD(nflog_savefile_t, create_, int,
	private_nflog_savefile_t *this)
{
	uint8_t buf[NFLOG_PCAPNG_HEADER];
	chunk_t header = build_header(this, buf);
	char path[PATH_MAX];
	struct stat st;
	int error;

	/* before the file exists, so no other process removes it */
	this->store->set_used(this->store, this->dir, this->name, TRACE_USED);
	this->fd = this->store->create_file(this->store, this->dir, this->name,
										header);
	if (this->fd < 0)
	{	/* keys have to be there before packets */
		error = errno;
		this->store->set_used(this->store, this->dir, this->name, TRACE_WANTED);
		return error;
	}
	this->kept = FALSE;
	if (fstat(this->fd, &st) == 0)
	{
		this->dev = st.st_dev;
		this->ino = st.st_ino;
		this->given = nflog_usage_given(&st);
	}
	this->local = nflog_open_files_is_local(this->fd);
	this->size = header.len;
	DBG2(DBG_CHD, "nflog-capture: created '%s/%s'",
		 this->store->get_path(this->store, this->dir, path, sizeof(path)), this->name);
	return 0;
}

METHOD(nflog_savefile_t, close_, void,
	private_nflog_savefile_t *this)
{
	this->store->close_file(this->store, &this->fd);
}

/**
 * Check the file that was kept open, and close it if it is to be opened by its name, which
 * finds out what happened to it.
 *
 * @param st		receives its status
 * @return			TRUE if it is open
 */
static bool check_kept(private_nflog_savefile_t *this, struct stat *st)
{
	if (this->fd >= 0 && (fstat(this->fd, st) != 0 || !st->st_nlink ||
						  st->st_size < this->size))
	{
		close_(this);
	}
	return this->fd >= 0;
}

/**
 * Open the file if it is still the one that was created.
 *
 * @param st		receives its status
 * @return			0, or an errno, ESTALE if another process replaced or cut it
 */
static int open_same(private_nflog_savefile_t *this, struct stat *st)
{
	this->kept = FALSE;
	this->fd = this->store->open_file(this->store, this->dir, this->name, st);
	if (this->fd < 0)
	{
		return errno;
	}
	if (st->st_dev != this->dev || st->st_ino != this->ino ||
		st->st_size < this->size)
	{
		close_(this);
		return ESTALE;
	}
	return 0;
}

/**
 * Remove the part of a record that a failed write left, as it would make all that follows
 * unreadable.
 *
 * @param size		bytes in the file
 */
static bool cut_torn(private_nflog_savefile_t *this, uint64_t size)
{
	this->torn = size != this->size && ftruncate(this->fd, this->size) != 0;
	return !this->torn;
}

METHOD(nflog_savefile_t, open_, int,
	private_nflog_savefile_t *this)
{
	struct stat st;
	int error;

	if (!check_kept(this, &st))
	{
		error = open_same(this, &st);
		if (error)
		{
			return error;
		}
	}
	if (!cut_torn(this, st.st_size))
	{
		error = errno;
		this->store->report(this->store, this->dir, this->name, FALSE);
		close_(this);
		return error;
	}
	return 0;
}

/**
 * Set up the vector to write, adjacent records of a pcap file become one element.
 *
 * @param sizes		receives the bytes of each packet
 * @return			number of elements
 */
static u_int get_vector(private_nflog_savefile_t *this, nflog_packet_t **packets,
						u_int count, struct iovec *iov, size_t *sizes)
{
	u_int i, elements = 0;
	void *end = NULL;

	if (this->pcapng)
	{
		this->pcapng->get_vector(this->pcapng, packets, count, iov);
		for (i = 0; i < count; i++)
		{
			sizes[i] = iov[i].iov_len;
		}
		return count;
	}
	for (i = 0; i < count; i++)
	{
		sizes[i] = nflog_savefile_record(packets[i]);
		if (packets[i]->record != end)
		{
			iov[elements++] = (struct iovec){
				.iov_base = packets[i]->record,
			};
		}
		iov[elements - 1].iov_len += nflog_savefile_record(packets[i]);
		end = (uint8_t*)packets[i]->record + nflog_savefile_record(packets[i]);
	}
	return elements;
}

/**
 * Keep the file open.
 *
 * @return			FALSE to close it
 */
static bool keep(private_nflog_savefile_t *this)
{
	if (!this->kept)
	{
		this->kept = this->local && this->store->keep_file(this->store, &this->fd);
	}
	return this->kept;
}

METHOD(nflog_savefile_t, append, u_int,
	private_nflog_savefile_t *this, nflog_packet_t **packets, u_int count,
	int *error)
{
	size_t sizes[NFLOG_SAVEFILE_MAX], written;
	struct iovec iov[NFLOG_SAVEFILE_MAX];
	uint64_t before = this->size;
	struct stat st;
	u_int done = 0;

	written = this->store->write(this->store, this->fd, iov,
								 get_vector(this, packets, count, iov, sizes));
	*error = errno;
	while (done < count && this->size + sizes[done] <= before + written)
	{
		this->size += sizes[done++];
	}
	/* if this fails, it is tried again before anything is appended */
	cut_torn(this, before + written);
	if (fstat(this->fd, &st) == 0)
	{
		this->given = nflog_usage_given(&st);
	}
	/* after a failure, the next attempt finds the file by its name */
	if ((done < count || !keep(this)) &&
		!this->store->close_file(this->store, &this->fd) && errno != EINTR)
	{	/* network file systems may refuse as late as on close() */
		*error = errno;
		this->size = before;
		this->torn = TRUE;
		done = 0;
	}
	if (this->pcapng)
	{
		this->pcapng->written(this->pcapng, done);
	}
	return done;
}

METHOD(nflog_savefile_t, get_size, uint64_t,
	private_nflog_savefile_t *this)
{
	return this->size;
}

METHOD(nflog_savefile_t, get_given, uint64_t,
	private_nflog_savefile_t *this)
{
	return this->given;
}

METHOD(nflog_savefile_t, get_name, char*,
	private_nflog_savefile_t *this)
{
	return this->name;
}

/**
 * Have the kernel write a large file to the disk now, which is complete, without waiting for
 * that.  It does so with others after half a minute (vm.dirty_expire_centisecs).
 */
static void write_back(private_nflog_savefile_t *this)
{
	if (this->size >= WRITE_BACK && open_(this) == 0)
	{
		sync_file_range(this->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
}

METHOD(nflog_savefile_t, destroy, void,
	private_nflog_savefile_t *this)
{
	if (this->torn)
	{	/* cutting failed before */
		open_(this);
	}
	write_back(this);
	close_(this);
	this->store->set_used(this->store, this->dir, this->name, TRACE_COMPLETE);
	DESTROY_IF(this->pcapng);
	free(this->name);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_savefile_t *nflog_savefile_create(nflog_store_t *store, char *dir, char *name,
										nflog_link_t link)
{
	private_nflog_savefile_t *this;

	INIT(this,
		.public = {
			.create = _create_,
			.open = _open_,
			.append = _append,
			.close = _close_,
			.get_size = _get_size,
			.get_given = _get_given,
			.get_name = _get_name,
			.destroy = _destroy,
		},
		.store = store,
		.dir = strdup(dir),
		.name = name,
		.link = link,
		.pcapng = link == LINK_PCAPNG ? nflog_pcapng_create() : NULL,
		.fd = -1,
	);
	return &this->public;
}

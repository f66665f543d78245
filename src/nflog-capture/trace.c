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

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

/** link types, as they are in files */
#define LINKTYPE_RAW 101
#define LINKTYPE_NFLOG 239

/** bytes of the header of a pcap file, and of a packet in there */
#define FILE_LEN 24
#define RECORD_LEN 16

/** bytes that are read at once */
#define BUFFER_LEN (256 * 1024)

/** bytes before the attributes of a packet with link type NFLOG */
#define NFLOG_LEN 4

typedef struct private_trace_t private_trace_t;

/**
 * Private data.
 */
struct private_trace_t {

	/**
	 * Public interface.
	 */
	trace_t public;

	/**
	 * Path of the file.
	 */
	char *path;

	/**
	 * File descriptor of stdin, or of the copy of a pipe, -1 for other files.
	 */
	int fd;

	/**
	 * Status of the file when the trace was created.
	 */
	struct stat st;

	/**
	 * The open file, NULL while it is closed.
	 */
	pcap_t *pcap;

	/**
	 * Bytes that were read, or fewer in a pcapng file.
	 */
	off_t read;

	/**
	 * Link type.
	 */
	uint16_t type;

	/**
	 * Error that ended reading, empty for none.
	 */
	char error[PCAP_ERRBUF_SIZE];
};

/**
 * Find the payload in the attributes, whose headers are in host order.
 */
static chunk_t get_payload(chunk_t data)
{
	uint16_t len, type;
	chunk_t payload = chunk_empty;

	data = chunk_skip(data, NFLOG_LEN);
	while (data.len >= 4)
	{
		memcpy(&len, data.ptr, sizeof(len));
		memcpy(&type, data.ptr + 2, sizeof(type));
		if (len < 4 || len > data.len)
		{
			break;
		}
		if (type == NFULA_PAYLOAD)
		{
			payload = chunk_create(data.ptr + 4, len - 4);
			break;
		}
		data = chunk_skip(data, min(data.len, (len + 3) & ~3));
	}
	return payload;
}

METHOD(trace_t, close_, void,
	private_trace_t *this)
{
	if (this->pcap)
	{
		pcap_close(this->pcap);
		this->pcap = NULL;
	}
}

METHOD(trace_t, read_, bool,
	private_trace_t *this, trace_packet_t *packet)
{
	struct pcap_pkthdr *header;
	const u_char *data;

	/* a file that grows while it is read might have no end */
	if (!this->pcap || this->read >= this->st.st_size)
	{
		close_(this);
		return FALSE;
	}
	switch (pcap_next_ex(this->pcap, &header, &data))
	{
		case 1:
			break;
		case PCAP_ERROR_BREAK:
			close_(this);
			return FALSE;
		default:
			snprintf(this->error, sizeof(this->error), "%s",
					 pcap_geterr(this->pcap));
			close_(this);
			return FALSE;
	}
	this->read += RECORD_LEN + header->caplen;
	packet->time = header->ts;
	packet->data = chunk_create((u_char*)data, header->caplen);
	packet->len = header->len;
	packet->ip = this->type == LINKTYPE_RAW ? packet->data
											: get_payload(packet->data);
	return TRUE;
}

/**
 * Print why the file can't be read.
 */
static bool refuse(private_trace_t *this, const char *reason)
{
	fprintf(stderr, "unable to open %s: %s\n",
			streq(this->path, "-") ? "stdin" : this->path, reason);
	return FALSE;
}

/**
 * Open the file once more.
 */
static int open_file(private_trace_t *this)
{
	if (this->fd >= 0)
	{
		return lseek(this->fd, 0, SEEK_SET) == 0 ? dup(this->fd) : -1;
	}
	return open(this->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
}

METHOD(trace_t, rewind_, bool,
	private_trace_t *this)
{
	char errors[PCAP_ERRBUF_SIZE];
	struct stat st;
	FILE *file;
	int fd;

	close_(this);
	this->error[0] = '\0';
	this->read = FILE_LEN;
	fd = open_file(this);
	if (fd < 0 || fstat(fd, &st) != 0 || !(file = fdopen(fd, "r")))
	{
		refuse(this, strerror(errno));
		if (fd >= 0)
		{
			close(fd);
		}
		return FALSE;
	}
	if (st.st_dev != this->st.st_dev || st.st_ino != this->st.st_ino)
	{
		fclose(file);
		return refuse(this, "it was replaced while it was read");
	}
	setvbuf(file, NULL, _IOFBF, BUFFER_LEN);
	this->pcap = pcap_fopen_offline(file, errors);
	if (!this->pcap)
	{
		fclose(file);
		return refuse(this, errors);
	}
	return TRUE;
}

METHOD(trace_t, get_link_type, uint16_t,
	private_trace_t *this)
{
	return this->type;
}

METHOD(trace_t, is_torn, bool,
	private_trace_t *this)
{
	if (*this->error)
	{
		fprintf(stderr, "unable to read %s: %s\n",
				streq(this->path, "-") ? "stdin" : this->path, this->error);
	}
	return *this->error;
}

METHOD(trace_t, destroy, void,
	private_trace_t *this)
{
	close_(this);
	if (this->fd >= 0)
	{
		close(this->fd);
	}
	free(this);
}

/**
 * Copy a pipe to a file without a name.
 *
 * @return			file descriptor, -1 on errors, see errno
 */
static int copy_pipe(int from)
{
	char buf[65536];
	FILE *file;
	ssize_t len;
	int fd = -1;

	file = tmpfile();
	if (!file)
	{
		return -1;
	}
	while ((len = read(from, buf, sizeof(buf))) > 0 &&
		   fwrite(buf, len, 1, file) == 1)
	{
		/* go on */
	}
	if (len == 0 && fflush(file) == 0)
	{
		fd = dup(fileno(file));
	}
	fclose(file);
	return fd;
}

/**
 * Check the file, and keep a descriptor if it can't be opened by its path again.
 */
static bool open_first(private_trace_t *this)
{
	bool is_stdin = streq(this->path, "-");
	const char *reason = NULL;
	char buf[128];
	int fd;

	fd = is_stdin ? dup(STDIN_FILENO) : open_file(this);
	if (fd < 0 || fstat(fd, &this->st) != 0)
	{
		reason = strerror(errno);
	}
	else if (S_ISFIFO(this->st.st_mode) || S_ISSOCK(this->st.st_mode))
	{
		this->fd = copy_pipe(fd);
		if (this->fd < 0 || fstat(this->fd, &this->st) != 0)
		{
			snprintf(buf, sizeof(buf), "copying it to a temporary file failed: %s",
					 strerror(errno));
			reason = buf;
		}
	}
	else if (S_ISDIR(this->st.st_mode))
	{
		reason = "it is a directory, use the name of a trace";
	}
	else if (!S_ISREG(this->st.st_mode))
	{
		reason = "it is neither a regular file nor a pipe";
	}
	else if (is_stdin)
	{
		this->fd = dup(fd);
	}
	if (!reason && !this->st.st_size)
	{
		reason = "it is empty, there is not even a header";
	}
	if (fd >= 0)
	{
		close(fd);
	}
	return !reason || refuse(this, reason);
}

/*
 * Described in header
 */
trace_t *trace_create(char *path)
{
	private_trace_t *this;
	int type;

	INIT(this,
		.public = {
			.read = _read_,
			.rewind = _rewind_,
			.close = _close_,
			.get_link_type = _get_link_type,
			.is_torn = _is_torn,
			.destroy = _destroy,
		},
		.path = path,
		.fd = -1,
	);
	if (!open_first(this) || !rewind_(this))
	{
		destroy(this);
		return NULL;
	}
	type = pcap_datalink(this->pcap);
	switch (type)
	{
		case DLT_RAW:
			this->type = LINKTYPE_RAW;
			break;
		case DLT_NFLOG:
			this->type = LINKTYPE_NFLOG;
			break;
		default:
			fprintf(stderr, "%s has link type %s, neither NFLOG nor raw\n",
					path, pcap_datalink_val_to_name(type) ?: "?");
			destroy(this);
			return NULL;
	}
	return &this->public;
}

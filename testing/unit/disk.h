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

/*
 * What tests of traces on a disk that fails need: a small file system, packets to
 * write, and what has to be in the files then.
 */

#ifndef DISK_H_
#define DISK_H_

#include "tables.h"
#include "traces/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <pcap.h>

/** name of the trace */
#define NAME "net.20261123T202345Z.00000001-00000002.esp"

/** seconds by which the clock is set ahead */
static int clock_ahead;

/** bytes of a packet, and of the file system */
#define PACKET_LEN 1000
#define DISK "4m"

/** directory of the captures, a file system of its own */
static char captures[64];

/** what is tested */
static nflog_trace_t *trace;

/** number of the next packet, and of those that should be in the files */
static uint32_t next_packet;
static bool expected[32768];

/** errno that close() fails with, 0 if it does not */
static int close_error;

/** errno that writing to traces fails with, 0 if it does not, and the bytes that can still
 * be written before that */
static int write_error;
static size_t write_left;

/** TRUE while the store keeps directories, as for the writer */
static bool keeping;

/**
 * Fail as a broken disk does.
 */
ssize_t writev(int fd, const struct iovec *iov, int count)
{
	ssize_t written = 0, len;
	int i;

	if (!write_error)
	{
		return syscall(SYS_writev, fd, iov, count);
	}
	for (i = 0; i < count && write_left; i++)
	{
		len = syscall(SYS_write, fd, iov[i].iov_base, min(iov[i].iov_len, write_left));
		if (len < 0)
		{
			return -1;
		}
		written += len;
		write_left -= len;
	}
	if (!written)
	{
		errno = write_error;
		return -1;
	}
	return written;
}

/**
 * Fail as file systems of other hosts do, which report late that there is no space.
 */
int close(int fd)
{
	int res = syscall(SYS_close, fd);

	if (close_error)
	{
		errno = close_error;
		return -1;
	}
	return res;
}

/**
 * Mount a small file system, which nobody else sees.
 */
static inline int setup_disk(void **state)
{
	if (setup(state) != 0)
	{
		return -1;
	}
	snprintf(captures, sizeof(captures), "%s/captures", dir);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   captures);
	return unshare(CLONE_NEWNS) == 0 &&
		   mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : -1;
}

/**
 * Set an option of the store, which it reads with each pass of the writer.
 */
static inline void set_limit(char *key, char *value)
{
	lib->settings->set_str(lib->settings, key, value);
	if (keeping)
	{
		store->keep_dir(store, FALSE);
		store->keep_dir(store, TRUE);
	}
}

static inline void set_max_total(char *value)
{
	set_limit("charon.plugins.nflog-capture.max_total", value);
}

/**
 * Set what is to stay free, all of it for a disk that is full, whatever is removed.
 */
static inline void set_min_free(char *value)
{
	set_limit("charon.plugins.nflog-capture.min_free", value);
}

static inline int begin_disk(void **state)
{
	if (mkdir(captures, 0700) != 0 ||
		mount("none", captures, "tmpfs", 0, "size=" DISK ",mode=0700") != 0)
	{
		return -1;
	}
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", NULL);
	set_min_free("0");
	memset(expected, 0, sizeof(expected));
	next_packet = 0;
	clock_ahead = 0;
	trace = NULL;
	return begin(state);
}

static inline int end_disk(void **state)
{
	if (trace)
	{
		trace->destroy(trace);
	}
	keys->destroy(keys);
	store->destroy(store);
	return umount(captures) == 0 && rmdir(captures) == 0 ? 0 : -1;
}

/**
 * Set the limit of file descriptors.
 */
static inline void limit_files(rlim_t count)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	limit.rlim_max = max(limit.rlim_max, count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/**
 * Get the number of open files with descriptors from one on.
 */
static inline u_int count_open(int first)
{
	struct dirent *entry;
	u_int count = 0;
	DIR *d;

	d = opendir("/proc/self/fd");
	assert_non_null(d);
	while ((entry = readdir(d)))
	{
		count += entry->d_name[0] != '.' && atoi(entry->d_name) >= first;
	}
	closedir(d);
	return count;
}

/**
 * The same as begin_disk() and end_disk(), for the writer's thread, which keeps files open.
 */
static inline int begin_kept(void **state)
{
	limit_files(2048);
	if (begin_disk(state) != 0)
	{
		return -1;
	}
	store->keep_dir(store, TRUE);
	keeping = TRUE;
	return 0;
}

static inline int end_kept(void **state)
{
	store->keep_dir(store, FALSE);
	keeping = FALSE;
	if (trace)
	{
		trace->destroy(trace);
		trace = NULL;
	}
	return count_open(FD_SETSIZE) == 0 ? end_disk(state) : -1;
}

/**
 * Get the path of a file in the directory of the connection.
 */
static inline char *path(char *name)
{
	static char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/gw/%s", captures, name);
	return buf;
}

/**
 * Begin a trace.
 */
static inline void start(nflog_cfg_t cfg)
{
	cfg.link = LINK_RAW;
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN,
							   &cfg);
	trace->set_name(trace, NAME);
	trace->start(trace);
}

/**
 * Write packets, whose first bytes are their numbers.
 *
 * @return			number of packets that were written, as counted
 */
static inline u_int write_packets(u_int count)
{
	nflog_packet_t *packets[count];
	nflog_record_t *record;
	nflog_counters_t *counter;
	uint64_t before;
	u_int i, written;

	counter = trace->get_count(trace, POINT_ESP_IN);
	before = counter->packets;
	for (i = 0; i < count; i++)
	{
		packets[i] = calloc(1, sizeof(nflog_packet_t) + sizeof(*record) + PACKET_LEN);
		record = packets[i]->record = (nflog_record_t*)(packets[i] + 1);
		packets[i]->point = POINT_ESP_IN;
		packets[i]->payload = packets[i]->original = PACKET_LEN;
		packets[i]->sec = record->sec = 1700000000 + clock_ahead + next_packet + i;
		packets[i]->caplen = record->caplen = record->len = PACKET_LEN;
		*(uint32_t*)record->data = next_packet + i;
	}
	trace->write(trace, packets, count);
	written = counter->packets - before;
	for (i = 0; i < count; i++)
	{
		/* nothing is left out but at the end */
		expected[next_packet + i] = i < written;
		free(packets[i]);
	}
	next_packet += count;
	return written;
}

/**
 * Expect that all files are whole, and have the packets that were counted.
 *
 * @param count		number of files
 */
static inline void check_files(u_int count)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	bool found[countof(expected)] = {};
	struct pcap_pkthdr *hdr;
	struct dirent *entry;
	const u_char *data;
	u_int files = 0, i;
	pcap_t *pcap;
	int res;
	DIR *d;

	d = opendir(path(""));
	while (d && (entry = readdir(d)))
	{
		if (strstr(entry->d_name, ".pcap"))
		{
			files++;
			pcap = pcap_open_offline(path(entry->d_name), errbuf);
			assert_non_null(pcap);
			assert_int_equal(pcap_datalink(pcap), DLT_RAW);
			while ((res = pcap_next_ex(pcap, &hdr, &data)) == 1)
			{
				assert_int_equal(hdr->caplen, PACKET_LEN);
				assert_in_range(*(uint32_t*)data, 0, countof(found) - 1);
				assert_false(found[*(uint32_t*)data]);
				found[*(uint32_t*)data] = TRUE;
			}
			/* the end of the file, and no torn record */
			assert_int_equal(res, PCAP_ERROR_BREAK);
			pcap_close(pcap);
		}
	}
	if (d)
	{
		closedir(d);
	}
	assert_int_equal(files, count);
	for (i = 0; i < countof(found); i++)
	{
		assert_int_equal(found[i], expected[i]);
	}
}

/**
 * Forget packets that were written, as their file is gone.
 */
static inline void forget_packets()
{
	memset(expected, 0, sizeof(expected));
}

/**
 * Fill the disk, but for some bytes.
 */
static inline void fill(off_t left)
{
	char full[PATH_MAX], buf[4096] = {};
	off_t size;
	int fd;

	snprintf(full, sizeof(full), "%s/fill", captures);
	fd = open(full, O_CREAT | O_WRONLY | O_APPEND, 0600);
	assert_true(fd >= 0);
	while (write(fd, buf, sizeof(buf)) > 0);
	size = lseek(fd, 0, SEEK_END);
	assert_int_equal(ftruncate(fd, size - min(size, left)), 0);
	close(fd);
}

/**
 * Make space again.
 */
static inline void empty()
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/fill", captures);
	assert_int_equal(unlink(full), 0);
}

/**
 * Expect some lines in the log since the last time, the last with a text.
 */
static inline void logged(int count, char *text)
{
	assert_int_equal(lines, count);
	if (count)
	{
		assert_non_null(strstr(line, text));
	}
	lines = 0;
}

/**
 * End the trace, with that in the last line.
 */
static inline void finish(char *text)
{
	lines = 0;
	trace->end(trace);
	logged(1, text);
}

#endif /* DISK_H_ */

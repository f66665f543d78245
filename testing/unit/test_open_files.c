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
 * Files of traces that are kept open between the times they are written to: how many, for
 * how long, and what is done with those that somebody else removed, replaced or cut, or
 * that can't be written to, meanwhile.
 */

#define _GNU_SOURCE

#include "disk.h"
#include "files/open_files.h"
#include "traces/writer.h"

#include <sys/statfs.h>
#include <time.h>

#include <linux/magic.h>

/** seconds by which the monotonic clock is set ahead, and TRUE to add half a minute each
 *  time somebody asks for it */
static time_t ahead;
static bool flies;

/**
 * In place of libstrongswan's.
 */
time_t time_monotonic(timeval_t *tv)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (tv)
	{	/* to wait for something */
		tv->tv_sec = now.tv_sec;
		tv->tv_usec = now.tv_nsec / 1000;
		return tv->tv_sec;
	}
	if (flies)
	{
		ahead += NFLOG_OPEN_FILES_TIME;
	}
	/* seconds do not go on by themselves, as tests may take any time */
	return 1000 + ahead;
}

/** magic number of the file system, 0 for the right one */
static uint32_t magic;

/**
 * Pretend that this is another file system.
 */
int fstatfs(int fd, struct statfs *st)
{
	int res = syscall(SYS_fstatfs, fd, st);

	if (magic)
	{
		st->f_type = magic;
	}
	return res;
}

/**
 * Pass the time, and begin to write again.
 */
static void pass(time_t seconds)
{
	ahead += seconds;
	store->keep_dir(store, FALSE);
	store->keep_dir(store, TRUE);
}

/**
 * Get the number of files that are kept.
 */
static u_int kept()
{
	return count_open(FD_SETSIZE);
}

/**
 * Get the path of the only file that is kept.
 */
static char *kept_path()
{
	static char buf[PATH_MAX];
	char name[64];
	ssize_t len;

	assert_int_equal(kept(), 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", FD_SETSIZE);
	len = readlink(name, buf, sizeof(buf) - 1);
	assert_true(len > 0);
	buf[len] = '\0';
	return buf;
}

static int begin_time(void **state)
{
	ahead = magic = close_error = 0;
	flies = FALSE;
	return begin_kept(state);
}

/**
 * Begin another trace, and return the former one.
 */
static nflog_trace_t *start_other(char *name)
{
	nflog_trace_t *former = trace;

	trace = nflog_trace_create(store, "gw", "net{2}", POINT_ESP_IN,
							   &(nflog_cfg_t){ .link = LINK_RAW });
	trace->set_name(trace, name);
	trace->start(trace);
	return former;
}

static void test_limit(void **state)
{
	nflog_trace_t *first, *second;

	/* half of five */
	limit_files(FD_SETSIZE + 5);
	pass(0);
	start((nflog_cfg_t){});
	/* not before there are packets */
	assert_int_equal(kept(), 0);
	assert_int_equal(store->get_delay(store), 0);
	assert_int_equal(write_packets(10), 10);
	assert_string_equal(kept_path(), path(NAME ".pcap"));
	assert_int_equal(fcntl(FD_SETSIZE, F_GETFD), FD_CLOEXEC);
	first = start_other("net.20261123T202345Z.00000003-00000004.esp");
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 2);
	second = start_other("net.20261123T202345Z.00000005-00000006.esp");
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 2);
	/* the end of one makes space for another one */
	first->end(first);
	first->destroy(first);
	assert_int_equal(kept(), 1);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 2);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 2);
	check_files(3);
	second->destroy(second);
	assert_int_equal(kept(), 1);
}

static void test_low(void **state)
{
	/* none for which there is a number that select() can't use, and one of two */
	limit_files(FD_SETSIZE);
	pass(0);
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 0);
	limit_files(FD_SETSIZE + 1);
	pass(0);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 0);
	limit_files(FD_SETSIZE + 2);
	pass(0);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 1);
	/* lowered later */
	limit_files(FD_SETSIZE);
	pass(0);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 1);
	pass(NFLOG_OPEN_FILES_TIME);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 0);
	/* none is left above the limit that was read */
	limit_files(FD_SETSIZE + 2);
	pass(0);
	limit_files(FD_SETSIZE);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 0);
	logged(0, NULL);
	check_files(1);
}

static void test_busy(void **state)
{
	nflog_open_files_t *files;
	struct rlimit limit;
	int fd, i;

	/* few files are opened each time */
	limit_files(FD_SETSIZE);
	files = nflog_open_files_create();
	fd = open(captures, O_RDONLY);
	assert_true(fd >= 0);
	for (i = 1; i < NFLOG_OPEN_FILES_BUSY; i++)
	{
		files->begin(files);
		assert_false(files->keep(files, &fd));
	}
	/* not as many in half a minute */
	ahead += NFLOG_OPEN_FILES_TIME;
	files->begin(files);
	assert_false(files->keep(files, &fd));
	files->begin(files);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, FD_SETSIZE);
	/* that many */
	for (i = 1; i < NFLOG_OPEN_FILES_BUSY; i++)
	{
		assert_false(files->keep(files, &fd));
	}
	files->begin(files);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, min(limit.rlim_max, NFLOG_OPEN_FILES_LIMIT));
	logged(1, "raised the limit of open files from 1024 to ");
	assert_true(files->keep(files, &fd));
	assert_int_equal(fd, FD_SETSIZE);
	/* whoever lowers it is right */
	limit_files(FD_SETSIZE);
	files->begin(files);
	for (i = 0; i < NFLOG_OPEN_FILES_BUSY; i++)
	{
		assert_false(files->keep(files, &(int){ -1 }));
	}
	files->begin(files);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, FD_SETSIZE);
	assert_true(files->close(files, &fd));
	files->destroy(files);
}

static void test_time(void **state)
{
	nflog_trace_t *first;

	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(store->get_delay(store), 30000);
	pass(NFLOG_OPEN_FILES_TIME - 1);
	assert_int_equal(store->get_delay(store), 1000);
	assert_int_equal(kept(), 1);
	assert_int_equal(write_packets(10), 10);
	first = start_other("net.20261123T202345Z.00000003-00000004.esp");
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 2);
	/* all of them, whether they are written to or not */
	ahead++;
	assert_int_equal(store->get_delay(store), 1);
	pass(0);
	assert_int_equal(kept(), 0);
	assert_int_equal(store->get_delay(store), 0);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 1);
	assert_int_equal(store->get_delay(store), 30000);
	/* if nobody closes them for long */
	ahead += 10 * NFLOG_OPEN_FILES_TIME;
	assert_int_equal(store->get_delay(store), 1);
	check_files(2);
	first->destroy(first);
}

static void test_removed(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	logged(1, "it was removed by someone else");
	assert_string_equal(kept_path(), path(NAME ".pcap"));
	/* with the directory, of which someone else took the place */
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(rmdir(path("")), 0);
	assert_int_equal(mkdir(path(""), 0777), 0);
	assert_int_equal(chmod(path(""), 0777), 0);
	forget_packets();
	pass(0);
	assert_int_equal(write_packets(10), 0);
	check_files(0);
	assert_int_equal(kept(), 0);
	assert_int_equal(chmod(path(""), 0700), 0);
	pass(0);
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	/* its space is free after a while even if there are no packets */
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	pass(NFLOG_OPEN_FILES_TIME);
	assert_int_equal(kept(), 0);
	finish("; 10 not written in 1 gaps from");
}

static void test_renamed(void **state)
{
	char other[PATH_MAX];

	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	/* packets follow their file for a while, none is lost */
	snprintf(other, sizeof(other), "%s", path("other.pcap"));
	assert_int_equal(rename(path(NAME ".pcap"), other), 0);
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	assert_string_equal(kept_path(), other);
	pass(NFLOG_OPEN_FILES_TIME);
	assert_int_equal(write_packets(10), 10);
	logged(1, "it was removed by someone else");
	check_files(2);
	assert_string_equal(kept_path(), path(NAME ".pcap"));
	/* its directory */
	snprintf(other, sizeof(other), "%s/other", captures);
	assert_int_equal(rename(path(""), other), 0);
	pass(0);
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(access(path(""), F_OK), -1);
	pass(NFLOG_OPEN_FILES_TIME);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	finish("esp-in 50 packets");
	assert_null(strstr(line, "not written in"));
}

static void create_mine(char *name)
{
	int fd;

	fd = open(path(name), O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
}

static void test_replaced(void **state)
{
	char full[PATH_MAX];
	struct stat st;

	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	/* at once, if the file is gone */
	create_mine("mine");
	snprintf(full, sizeof(full), "%s", path("mine"));
	assert_int_equal(rename(full, path(NAME ".pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	logged(1, "was replaced or cut by another process");
	assert_string_equal(kept_path(), path(NAME ".1.pcap"));
	/* after a while, if it has another name */
	snprintf(full, sizeof(full), "%s", path("renamed.pcap"));
	assert_int_equal(rename(path(NAME ".1.pcap"), full), 0);
	create_mine(NAME ".1.pcap");
	assert_int_equal(write_packets(10), 10);
	pass(NFLOG_OPEN_FILES_TIME);
	assert_int_equal(write_packets(10), 10);
	assert_string_equal(kept_path(), path(NAME ".2.pcap"));
	assert_int_equal(stat(path(NAME ".pcap"), &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(stat(path(NAME ".1.pcap"), &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(unlink(path(NAME ".1.pcap")), 0);
	check_files(2);
	finish("esp-in 40 packets");
	assert_null(strstr(line, "not written in"));
}

static void test_cut(void **state)
{
	int fd;

	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	/* somebody appended to it: what isn't ours would hide what follows */
	fd = open(path(NAME ".pcap"), O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	assert_int_equal(kept(), 1);
	/* emptied, to make space */
	assert_int_equal(truncate(path(NAME ".pcap"), 0), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	logged(1, "was replaced or cut by another process");
	assert_string_equal(kept_path(), path(NAME ".1.pcap"));
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	check_files(1);
	finish("esp-in 30 packets");
}

static void test_full(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 1);
	write_error = EIO;
	assert_int_equal(write_packets(50), 0);
	logged(1, "check the file system");
	/* the next attempt finds it by its name */
	assert_int_equal(kept(), 0);
	check_files(1);
	assert_int_equal(write_packets(10), 0);
	assert_int_equal(kept(), 0);
	write_error = 0;
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(kept(), 1);
	check_files(1);
}

static void test_ring(void **state)
{
	int i;

	start((nflog_cfg_t){ .file_size = 5000, .files = 2 });
	for (i = 0; i < 10; i++)
	{
		assert_int_equal(write_packets(3), 3);
		/* not one that the ring has removed */
		assert_int_equal(access(kept_path(), F_OK), 0);
	}
	assert_int_equal(write_packets(30), 30);
	assert_int_equal(kept(), 1);
	finish("esp-in 60 packets");
	assert_int_equal(kept(), 0);
}

static void test_remote(void **state)
{
	uint32_t others[] = {
		NFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, SMB2_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
	};
	nflog_trace_t *first = NULL;
	char name[64];
	int i;

	for (i = 0; i < countof(others); i++)
	{
		magic = others[i];
		snprintf(name, sizeof(name), "net.20261123T202345Z.00000003-0000000%d.esp", i);
		first = start_other(name);
		DESTROY_IF(first);
		assert_int_equal(write_packets(10), 10);
		assert_int_equal(kept(), 0);
	}
	/* it reports late that writing failed */
	close_error = EIO;
	assert_int_equal(write_packets(10), 0);
	close_error = 0;
	logged(1, "check the file system");
	assert_int_equal(write_packets(10), 10);
	check_files(countof(others));
	finish("; 10 not written in 1 gaps from");
}

/**
 * Wait until a file has more than a header.
 */
static void await_packets(char *name)
{
	struct stat st = {};

	while (stat(path(name), &st) != 0 || st.st_size <= 24)
	{
		usleep(1000);
	}
}

/**
 * The thread that writes closes files although nobody sends packets anymore.
 */
static void test_idle(void **state)
{
	nflog_recorder_t *recorder;
	nflog_registry_t *registry;
	nflog_packet_t *packet;
	nflog_writer_t *writer;
	nflog_queue_t *queue;

	store->keep_dir(store, FALSE);
	queue = nflog_queue_create(1, 1024 * 1024);
	registry = nflog_registry_create();
	recorder = nflog_recorder_create(store);
	writer = nflog_writer_create(queue, keys, store, registry, recorder);
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN,
							   &(nflog_cfg_t){ .link = LINK_RAW });
	trace->set_name(trace, NAME);
	writer->start(writer, trace);
	packet = queue->add(queue, 0, sizeof(*packet->record) + PACKET_LEN);
	packet->trace = trace;
	packet->point = POINT_ESP_IN;
	packet->stamped = TRUE;
	packet->payload = packet->original = PACKET_LEN;
	packet->sec = packet->record->sec = 1700000000;
	packet->caplen = packet->record->caplen = packet->record->len = PACKET_LEN;
	flies = TRUE;
	queue->publish(queue, 0);
	await_packets(NAME ".pcap");
	while (kept())
	{
		usleep(1000);
	}
	writer->release(writer, trace);
	trace = NULL;
	writer->destroy(writer);
	recorder->destroy(recorder);
	registry->destroy(registry);
	queue->destroy(queue);
	store->keep_dir(store, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_limit, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_low, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_busy, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_time, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_removed, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_renamed, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_replaced, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_cut, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_full, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_ring, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_remote, begin_time, end_kept),
		cmocka_unit_test_setup_teardown(test_idle, begin_time, end_kept),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}

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
 * What charon finds when it was killed before, or power was lost: torn records, empty files,
 * temporary files, whatever their content.
 */

#define _GNU_SOURCE

#include "files.h"
#include "files/repair.h"
#include "files/whole.h"

#include "traces/trace.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/** name of traces, without number and extension */
#define NAME "net.20261123T202345Z.00000001-00000002.esp"
#define DROPPED "net.20261123T202345Z.00000001-00000002.dropped"

/** names of directories that were put in order */
static char done[256];

/** signaled for each of them */
static sem_t sem;

static void done_cb(void *data, char *conn)
{
	assert_ptr_equal(data, done);
	strncat(done, conn, sizeof(done) - strlen(done) - 1);
	strncat(done, " ", sizeof(done) - strlen(done) - 1);
	sem_post(&sem);
}

/**
 * Put directories in order.
 *
 * @param count		number of directories
 */
static void repair(int count)
{
	nflog_repair_t *repair;

	done[0] = '\0';
	assert_int_equal(sem_init(&sem, 0, 0), 0);
	repair = nflog_repair_create(store, done_cb, done);
	assert_true(repair->start(repair));
	while (count--)
	{
		assert_int_equal(sem_wait(&sem), 0);
	}
	repair->destroy(repair);
	assert_int_equal(sem_destroy(&sem), 0);
}

/** TRUE if only the begin of a file can be read */
static bool unreadable;

/** TRUE once reading may go on, number of parts of files that were read, and signaled for the
 * first one, if it is to wait */
static bool go_on = TRUE;
static u_int parts;
static sem_t reading;

/**
 * In place of the C library's.
 */
ssize_t pread(int fd, void *buf, size_t len, off_t pos)
{
	if (unreadable && pos)
	{
		errno = EIO;
		return -1;
	}
	if (!parts++ && !__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
	{
		sem_post(&reading);
		while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		{
			sched_yield();
		}
	}
	return syscall(SYS_pread64, fd, buf, len, pos);
}

/**
 * Write a file.
 */
static void put(char *conn, char *name, chunk_t content)
{
	int fd;

	fd = store->create_file(store, conn, name, content);
	assert_true(fd >= 0);
	close(fd);
}

/**
 * Get the content of a pcap file.
 *
 * @param count		number of packets, of 10 bytes and more
 */
static chunk_t get_pcap(u_int count)
{
	struct pcap_file_header header = {
		.magic = 0xa1b2c3d4,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = 262144,
		.linktype = DLT_RAW,
	};
	chunk_t content = chunk_clone(chunk_from_thing(header)), packet;
	uint32_t record[4] = { 1700000000, 0, 0, 0 };
	u_int i;

	packet = chunk_alloca(10 + count);
	memset(packet.ptr, 0x45, packet.len);
	for (i = 0; i < count; i++)
	{
		packet.len = record[2] = record[3] = 10 + i;
		content = chunk_cat("mcc", content, chunk_from_thing(record), packet);
	}
	return content;
}

/**
 * Get the content of a pcapng file.
 *
 * @param count		number of packets of 12 bytes
 */
static chunk_t get_pcapng(u_int count)
{
	uint32_t section[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, -1, -1, 28 };
	uint32_t interface[] = { 1, 20, DLT_RAW, 0, 20 };
	uint32_t packet[] = { 6, 44, 0, 0, 0, 12, 12, 0x45, 0, 0, 44 };
	chunk_t content = chunk_cat("cc", chunk_from_thing(section),
								chunk_from_thing(interface));

	while (count--)
	{
		content = chunk_cat("mc", content, chunk_from_thing(packet));
	}
	return content;
}

/**
 * Get the size of a file, -1 if there is none.
 */
static off_t get_size(char *name)
{
	struct stat st;

	return lstat(path(name), &st) == 0 ? st.st_size : -1;
}

/**
 * Find the end of content with something behind it.
 */
static off_t get_whole(chunk_t content, size_t len, chunk_t rest)
{
	FILE *file = tmpfile();
	off_t end;

	assert_non_null(file);
	assert_int_equal(fwrite(content.ptr, 1, len, file), len);
	if (rest.len)
	{
		assert_int_equal(fwrite(rest.ptr, 1, rest.len, file), rest.len);
	}
	assert_int_equal(fflush(file), 0);
	end = nflog_whole_get(fileno(file), len + rest.len, &(refcount_t){ 0 });
	fclose(file);
	return end;
}

/**
 * Cut at each byte.
 */
static void test_whole(void **state)
{
	chunk_t pcap = get_pcap(20), pcapng = get_pcapng(10), zeros = chunk_alloca(100000);
	size_t i, end = 0;
	u_int next = 0;

	memset(zeros.ptr, 0, zeros.len);
	for (i = 0; i <= pcap.len; i++)
	{
		if (i == 24)
		{
			end = 24;
		}
		else if (end && i == end + 16 + 10 + next)
		{
			end = i;
			next++;
		}
		assert_int_equal(get_whole(pcap, i, chunk_empty), end);
	}
	assert_int_equal(end, pcap.len);
	end = 0;
	for (i = 0; i <= pcapng.len; i++)
	{
		if (i == 28 || i == 48 || (i > 48 && (i - 48) % 44 == 0))
		{
			end = i;
		}
		/* a file without an interface has no packets */
		assert_int_equal(get_whole(pcapng, i, chunk_empty), i < 24 ? 0 : end);
	}
	assert_int_equal(get_whole(pcap, pcap.len, zeros), pcap.len);
	assert_int_equal(get_whole(pcapng, pcapng.len, zeros), pcapng.len);
	assert_int_equal(get_whole(pcap, 0, zeros), 0);
	/* what comes behind the damage may be good, and is left alone */
	zeros.ptr[zeros.len - 1] = 1;
	assert_int_equal(get_whole(pcap, pcap.len, zeros), -1);
	assert_int_equal(get_whole(pcapng, pcapng.len, zeros), -1);
	/* no record is that long, and lengths may not wrap */
	memset(zeros.ptr, 0xff, zeros.len);
	assert_int_equal(get_whole(pcap, pcap.len, zeros), -1);
	assert_int_equal(get_whole(pcapng, pcapng.len, zeros), -1);
	/* of others */
	assert_int_equal(get_whole(pcap, 0, zeros), -1);
	chunk_free(&pcap);
	chunk_free(&pcapng);
}

static void test_unreadable(void **state)
{
	chunk_t pcap = get_pcap(1000);

	/* a disk that has a bad sector, it is not the end of the trace */
	put("gw", NAME ".pcap", pcap);
	unreadable = TRUE;
	repair(1);
	unreadable = FALSE;
	assert_int_equal(get_size("gw/" NAME ".pcap"), pcap.len);
	chunk_free(&pcap);
}

/** parts of a large file, of 64 KiB each, see BUFFER in files/whole.c */
#define PARTS 16384

/**
 * A large file does not delay the end.
 */
static void test_stop(void **state)
{
	chunk_t pcap = get_pcap(1);
	nflog_repair_t *repair;

	put("gw", NAME ".pcap", pcap);
	assert_int_equal(truncate(path("gw/" NAME ".pcap"), (off_t)PARTS << 16), 0);
	assert_int_equal(sem_init(&sem, 0, 0), 0);
	assert_int_equal(sem_init(&reading, 0, 0), 0);
	parts = 0;
	go_on = FALSE;
	done[0] = '\0';
	repair = nflog_repair_create(store, done_cb, done);
	assert_true(repair->start(repair));
	assert_int_equal(sem_wait(&reading), 0);
	__atomic_store_n(&go_on, TRUE, __ATOMIC_RELEASE);
	repair->destroy(repair);
	assert_true(parts < PARTS);
	assert_int_equal(get_size("gw/" NAME ".pcap"), (off_t)PARTS << 16);
	chunk_free(&pcap);
}

static void test_files(void **state)
{
	chunk_t pcap = get_pcap(20), pcapng = get_pcapng(10), cut;
	nflog_store_t *other;
	struct timeval tv[2] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000 } };
	struct stat st;

	put("gw", NAME ".pcap", pcap);
	put("gw", NAME ".9.pcap", pcap);
	cut = chunk_create(pcap.ptr, pcap.len - 1);
	/* the last one of ten */
	put("gw", NAME ".10.pcap", cut);
	assert_int_equal(utimes(path("gw/" NAME ".10.pcap"), tv), 0);
	put("gw", DROPPED ".pcapng", chunk_create(pcapng.ptr, pcapng.len - 43));
	put("gw", ".esp_sa.0123abcd.tmp", chunk_empty);
	put("gw", ".notes.0123abcd.tmp", chunk_empty);
	assert_int_equal(symlink("mine", path("gw/.keys.0123abcd.tmp")), 0);
	put("empty", "ike.20261123T202345Z.0123456789abcdef-0123456789abcdef.pcap", chunk_empty);
	put("empty", "mine.pcap", chunk_empty);
	put("fine", NAME ".pcap", pcap);
	put("fine", "mine.pcap", cut);
	put("fine", "net.20261123T202345Z.00000003-00000004.esp.pcap", chunk_from_str(
		"this is none of ours, but of somebody else"));
	/* another process writes to it */
	other = nflog_store_create();
	other->set_used(other, "used", NAME ".pcap", TRACE_USED);
	put("used", NAME ".pcap", cut);
	lines = 0;

	repair(4);
	assert_int_equal(strlen(done), strlen("gw empty fine used "));
	/* and a line for that there are two processes */
	assert_int_equal(lines, 3);
	assert_int_equal(get_size("gw/" NAME ".pcap"), pcap.len);
	assert_int_equal(get_size("gw/" NAME ".9.pcap"), pcap.len);
	assert_int_equal(get_size("gw/" NAME ".10.pcap"), pcap.len - 16 - 29);
	/* it did not get any newer */
	assert_int_equal(lstat(path("gw/" NAME ".10.pcap"), &st), 0);
	assert_int_equal(st.st_mtime, 1700000000);
	assert_int_equal(get_size("gw/" DROPPED ".pcapng"), pcapng.len - 44);
	assert_int_equal(count_files("gw"), 5);
	assert_int_equal(lstat(path("gw/.keys.0123abcd.tmp"), &st), 0);
	assert_int_equal(count_files("empty"), 1);
	assert_int_equal(get_size("fine/" NAME ".pcap"), pcap.len);
	assert_int_equal(get_size("fine/mine.pcap"), cut.len);
	assert_int_equal(count_files("fine"), 3);
	assert_int_equal(get_size("used/" NAME ".pcap"), cut.len);

	/* it died, and nothing else is left to do */
	other->destroy(other);
	lines = 0;
	repair(4);
	logged(1, "cut parts of records of 44 bytes from 1 traces, removed 0 empty traces and 0 "
		   "temporary files");
	assert_int_equal(get_size("used/" NAME ".pcap"), pcap.len - 16 - 29);
	repair(4);
	logged(0, NULL);
	chunk_free(&pcap);
	chunk_free(&pcapng);
}

/** packets that are written at once, and their bytes */
#define BATCH 100
#define PACKET_LEN 60000

/**
 * Write packets until this process is killed.
 *
 * @param name		name of the trace
 * @param fd		written to once the trace has packets
 */
static void write_forever(char *name, int fd)
{
	nflog_packet_t packets[BATCH], *all[BATCH];
	nflog_record_t *record;
	nflog_store_t *store;
	nflog_trace_t *trace;
	u_int i;

	store = nflog_store_create();
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN,
							   &(nflog_cfg_t){ .link = LINK_RAW });
	trace->set_name(trace, name);
	trace->start(trace);
	record = calloc(1, sizeof(*record) + PACKET_LEN);
	record->caplen = record->len = PACKET_LEN;
	for (i = 0; i < BATCH; i++)
	{
		packets[i] = (nflog_packet_t){
			.record = record,
			.point = POINT_ESP_IN,
			.caplen = PACKET_LEN,
			.payload = PACKET_LEN,
			.original = PACKET_LEN,
		};
		all[i] = &packets[i];
	}
	trace->write(trace, all, BATCH);
	assert_int_equal(write(fd, "", 1), 1);
	while (TRUE)
	{
		trace->write(trace, all, BATCH);
	}
}

/**
 * Read all files to their end.
 *
 * @return			number of packets
 */
static u_int read_all()
{
	char errbuf[PCAP_ERRBUF_SIZE], name[PATH_MAX];
	struct pcap_pkthdr *hdr;
	struct dirent *entry;
	const u_char *data;
	u_int packets = 0;
	pcap_t *pcap;
	int res;
	DIR *d;

	d = opendir(path("gw"));
	assert_non_null(d);
	while ((entry = readdir(d)))
	{
		if (entry->d_type == DT_REG)
		{
			snprintf(name, sizeof(name), "%s/%s", path("gw"), entry->d_name);
			pcap = pcap_open_offline(name, errbuf);
			assert_non_null(pcap);
			while ((res = pcap_next_ex(pcap, &hdr, &data)) == 1)
			{
				assert_int_equal(hdr->caplen, PACKET_LEN);
				packets++;
			}
			assert_int_equal(res, PCAP_ERROR_BREAK);
			pcap_close(pcap);
		}
	}
	closedir(d);
	return packets;
}

/**
 * A process is killed while it writes, whose oldest files go meanwhile.
 */
static void test_killed(void **state)
{
	char name[NAME_MAX], byte;
	u_int i, torn = 0;
	int fds[2];
	pid_t pid;

	set_max_total("20m");
	assert_int_equal(pipe(fds), 0);
	for (i = 0; i < 30; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T2023%.2uZ.%.8x-00000002.esp", i, i + 1);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
		{
			write_forever(name, fds[1]);
		}
		/* not earlier than it writes, and then at any time */
		assert_int_equal(read(fds[0], &byte, 1), 1);
		usleep(1 + random() % 20000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		lines = 0;
		repair(1);
		torn += lines;
		read_all();
	}
	close(fds[0]);
	close(fds[1]);
	assert_true(read_all() > 0);
	/* or the test did not show anything */
	assert_true(torn > 0);
}

static void test_nothing(void **state)
{
	/* nothing is created */
	repair(0);
	logged(0, NULL);
	assert_int_equal(access(captures, F_OK), -1);
	/* links are not followed */
	put("gw", "x", chunk_empty);
	assert_int_equal(symlink("/", path("link")), 0);
	assert_int_equal(symlink("/etc/passwd", path("gw/" NAME ".pcap")), 0);
	repair(1);
	assert_string_equal(done, "gw ");
	logged(0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, begin, end),
		cmocka_unit_test_setup_teardown(test_unreadable, begin, end),
		cmocka_unit_test_setup_teardown(test_stop, begin, end),
		cmocka_unit_test_setup_teardown(test_files, begin, end),
		cmocka_unit_test_setup_teardown(test_killed, begin, end),
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

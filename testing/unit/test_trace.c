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
 * Traces and key tables on a disk that fails: they go on as soon as it works again,
 * consist of whole records at any time, and tell what is missing.
 */

#define _GNU_SOURCE

#include "tables.h"
#include "traces/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <pcap.h>

/** name of the trace */
#define NAME "net.20261123T202345Z.00000001-00000002.esp"

/** bytes of a packet, and of the file system */
#define PACKET_LEN 1000
#define DISK "256k"

/** directory of the captures, a file system of its own */
static char captures[64];

/** what is tested */
static nflog_trace_t *trace;

/** number of the next packet, and of those that should be in the files */
static uint32_t next_packet;
static bool expected[4096];

/**
 * Mount a small file system, which nobody else sees.
 */
static int setup_disk(void **state)
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

static int begin_disk(void **state)
{
	if (mkdir(captures, 0700) != 0 ||
		mount("none", captures, "tmpfs", 0, "size=" DISK ",mode=0700") != 0)
	{
		return -1;
	}
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", NULL);
	memset(expected, 0, sizeof(expected));
	next_packet = 0;
	trace = NULL;
	return begin(state);
}

static int end_disk(void **state)
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
 * Get the path of a file in the directory of the connection.
 */
static char *path(char *name)
{
	static char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/gw/%s", captures, name);
	return buf;
}

/**
 * Begin a trace.
 */
static void start(nflog_cfg_t cfg)
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
static u_int write_packets(u_int count)
{
	nflog_packet_t *packets[count];
	nflog_counters_t *counter;
	uint64_t before;
	u_int i, written;

	counter = trace->get_count(trace, POINT_ESP_IN);
	before = counter->packets;
	for (i = 0; i < count; i++)
	{
		packets[i] = calloc(1, sizeof(nflog_packet_t) + PACKET_LEN);
		packets[i]->point = POINT_ESP_IN;
		packets[i]->payload = packets[i]->original = PACKET_LEN;
		packets[i]->pcap.sec = 1700000000 + next_packet + i;
		packets[i]->pcap.caplen = packets[i]->pcap.len = PACKET_LEN;
		*(uint32_t*)packets[i]->data = next_packet + i;
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
static void check_files(u_int count)
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
static void forget_packets()
{
	memset(expected, 0, sizeof(expected));
}

/**
 * Fill the disk, but for some bytes.
 */
static void fill(off_t left)
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
static void empty()
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/fill", captures);
	assert_int_equal(unlink(full), 0);
}

/**
 * Expect some lines in the log since the last time, the last with a text.
 */
static void logged(int count, char *text)
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
static void finish(char *text)
{
	lines = 0;
	trace->end(trace);
	logged(1, text);
}

/**
 * Let a write fail, first time.
 */
static void test_full(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	fill(8192);
	/* some still fit, none is torn */
	assert_in_range(write_packets(50), 1, 20);
	logged(1, "free some space");
	assert_non_null(strstr(line, NAME));
	check_files(1);
	assert_int_equal(write_packets(30), 0);
	logged(0, NULL);
	empty();
	assert_int_equal(write_packets(20), 20);
	logged(1, "goes on");
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	check_files(1);

	/* the second time nothing is logged but at the end */
	fill(0);
	write_packets(50);
	write_packets(50);
	empty();
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	finish("not written in 2 gaps from Nov 14 22:13:");
	assert_non_null(strstr(line, "No space left on device"));
	check_files(1);
}

static void test_full_at_start(void **state)
{
	fill(0);
	start((nflog_cfg_t){});
	logged(1, "free some space");
	assert_int_equal(write_packets(10), 0);
	logged(0, NULL);
	/* nothing is left behind */
	check_files(0);
	empty();
	assert_int_equal(write_packets(10), 10);
	logged(1, "10 packets were not written");
	check_files(1);
	finish("; 10 not written in 1 gaps from");
}

static void test_full_always(void **state)
{
	fill(0);
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 0);
	finish("; 10 not written in 1 gaps from");
	check_files(0);
}

static void test_ring_full(void **state)
{
	start((nflog_cfg_t){ .file_size = 10000, .files = 3 });
	assert_int_equal(write_packets(18), 18);
	check_files(2);
	fill(4096);
	write_packets(30);
	logged(1, "free some space");
	write_packets(30);
	logged(0, NULL);
	empty();
	forget_packets();
	/* all in new files, but for those of the last one that was there */
	assert_int_equal(write_packets(90), 90);
	logged(1, "goes on");
	finish("No space left on device");
}

static void test_descriptors(void **state)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	add_spi("gw", 1);
	lines = 0;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(write_packets(10), 0);
	keys->flush(keys);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* once for all */
	logged(1, "limit of open files");
	assert_true(keys->pending(keys));
	assert_in_range(keys->get_delay(keys), 1, 1000);

	assert_int_equal(write_packets(10), 10);
	logged(1, "goes on");
	keys->retry(keys);
	keys->flush(keys);
	assert_false(keys->pending(keys));
	assert_int_equal(keys->get_delay(keys), 0);
	logged(1, "before, 0 are lost");
	expect("gw", "esp_sa", ROW("00000001"));
	check_files(1);
	finish("; 10 not written in 1 gaps from");

	/* and from the beginning, also of what counts bytes for the budget */
	trace->destroy(trace);
	store->destroy(store);
	store = nflog_store_create();
	forget_packets();
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", "30k");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	trace = nflog_trace_create(store, "other", "net{2}", POINT_ESP_IN,
							   &(nflog_cfg_t){});
	trace->set_name(trace, NAME);
	trace->start(trace);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_read_only(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(mount(NULL, captures, NULL, MS_REMOUNT | MS_RDONLY, NULL),
					 0);
	assert_int_equal(write_packets(10), 0);
	logged(1, "mount it writable");
	assert_int_equal(mount(NULL, captures, NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(write_packets(10), 10);
	logged(1, "Read-only file system");
	check_files(1);
	finish("Read-only file system");
}

static void test_removed(void **state)
{
	char other[PATH_MAX];

	start((nflog_cfg_t){});
	/* the file */
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	/* the directory */
	snprintf(other, sizeof(other), "%s/other", captures);
	assert_int_equal(rename(path(""), other), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	/* one of someone else took its place */
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(rmdir(path("")), 0);
	assert_int_equal(mkdir(path(""), 0777), 0);
	assert_int_equal(chmod(path(""), 0777), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 0);
	check_files(0);
	assert_int_equal(chmod(path(""), 0700), 0);
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	finish("; 10 not written in 1 gaps from");
	assert_non_null(strstr(line, "Operation not permitted"));
}

static void test_replaced(void **state)
{
	char copy[PATH_MAX];
	struct stat st;
	int fd;

	start((nflog_cfg_t){});
	/* another file has the name */
	assert_int_equal(write_packets(10), 10);
	snprintf(copy, sizeof(copy), "%s", path("copy"));
	assert_int_equal(rename(path(NAME ".pcap"), copy), 0);
	fd = open(path(NAME ".pcap"), O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(stat(path(NAME ".pcap"), &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(unlink(copy), 0);
	check_files(1);
	assert_int_equal(access(path(NAME ".1.pcap"), F_OK), 0);

	/* emptied, to make space */
	assert_int_equal(truncate(path(NAME ".1.pcap"), 0), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".1.pcap")), 0);
	check_files(1);

	/* somebody appended to it: what isn't ours would hide what follows */
	fd = open(path(NAME ".2.pcap"), O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	assert_int_equal(write_packets(10), 10);
	check_files(1);

	/* what can't be opened at all */
	assert_int_equal(unlink(path(NAME ".2.pcap")), 0);
	assert_int_equal(symlink("/nowhere", path(NAME ".2.pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".2.pcap")), 0);
	check_files(1);
	finish("esp-in 50 packets");
	assert_null(strstr(line, "not written in"));
}

static void test_taken(void **state)
{
	create_trace("gw", "00000001-00000002.esp");
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	check_files(1);
}

static void set_max_total(char *value)
{
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", value);
}

static void test_budget(void **state)
{
	int fd;

	set_max_total("20k");
	/* not ours, so it isn't removed */
	fd = store->create_file(store, "gw", "mine", chunk_empty);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 20 * 1024), 0);
	close(fd);
	start((nflog_cfg_t){});
	logged(1, "raise max_total = 20480");
	assert_int_equal(write_packets(10), 0);
	check_files(0);
	logged(0, NULL);
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->budget, 10);
	set_max_total("100k");
	assert_int_equal(write_packets(10), 10);
	logged(1, "10 packets were not written: the disk budget was exhausted");
	check_files(1);
	finish("the disk budget was exhausted");
}

static void test_keys_of_wanted(void **state)
{
	/* as long as a trace could not be created its keys stay */
	add_spi("gw", 1);
	add_spi("gw", 3);
	keys->flush(keys);
	set_max_total("1");
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 0);
	restart();
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000001"));
	trace->end(trace);
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "esp_sa", "");
}

static void test_keys_full(void **state)
{
	fill(0);
	add_spi("gw", 1);
	keys->flush(keys);
	logged(1, "free some space");
	assert_true(keys->pending(keys));
	/* not before some time */
	keys->flush(keys);
	assert_true(keys->get_delay(keys) > 0);
	/* but with the next SA */
	add_spi("gw", 2);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	logged(0, NULL);
	assert_int_equal(access(path("esp_sa"), F_OK), -1);
	empty();
	keys->retry(keys);
	keys->flush(keys);
	logged(1, "before, 0 are lost");
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000002") ROW("00000001"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	assert_int_equal(access(path("preferences"), F_OK), 0);

	/* after a while too */
	fill(0);
	add_spi("gw", 3);
	keys->flush(keys);
	assert_true(keys->pending(keys));
	empty();
	while (keys->pending(keys))
	{
		usleep(1000 * keys->get_delay(keys));
		keys->flush(keys);
	}
	expect("gw", "esp_sa", ROW("00000003") ROW("00000002") ROW("00000001"));

	/* rows that can't be removed with their trace */
	create_trace("gw", "00000001-00000002.esp");
	restart();
	lines = 0;
	fill(0);
	keys->prune(keys, "gw");
	keys->flush(keys);
	assert_true(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000003") ROW("00000002") ROW("00000001"));
	empty();
	keys->retry(keys);
	keys->flush(keys);
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000002") ROW("00000001"));
}

static void test_keys_many(void **state)
{
	int i;

	fill(0);
	for (i = 1; i <= 70000 / 2; i++)
	{
		add_spi("gw", i);
	}
	/* the oldest ones go, which is logged once */
	logged(1, "dropping the oldest ones");
	keys->flush(keys);
	assert_true(keys->pending(keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_full_at_start, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_full_always, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_ring_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_descriptors, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_read_only, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_removed, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_replaced, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_taken, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_budget, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_of_wanted, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_many, begin_disk, end_disk),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}

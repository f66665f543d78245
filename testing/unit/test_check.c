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
 * "nflog-capture check": each kind of finding, its repair, and files that charon writes.
 */

#define _GNU_SOURCE

#include "program.h"
#include "files/trace_name.h"

#include <fcntl.h>
#include <sys/resource.h>

#define TRACE "net.20261124T223527Z.00000001-00000002.esp.pcap"
#define PLAIN "net.20261124T223527Z.00000001-00000002.plain.pcap"

/**
 * Run a command in the directory of the connection.
 */
static void in_dir(char *fmt, ...)
{
	char cmd[PATH_MAX];
	va_list list;

	va_start(list, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, list);
	va_end(list);
	assert_int_equal(run_command("cd %s/captures/gw && %s", dir, cmd), 0);
}

/**
 * Create the directories of all connections and of one, with traces of an SA.
 */
static int begin_dir(void **state)
{
	struct pcap_pkthdr hdr = {};
	pcap_dumper_t *dumper;
	char path[PATH_MAX];
	chunk_t packet;
	pcap_t *pcap;
	int i;

	umask(077);
	assert_int_equal(begin(state), 0);
	assert_int_equal(run_command("mkdir -p %s/captures/gw", dir), 0);
	packet = add_ip(src, dst, IPPROTO_ESP, create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner,
													  IPPROTO_IPIP));
	keys->flush(keys);
	assert_int_equal(run_command("cp %s/gw/keys %s/gw/esp_sa %s/captures/gw", dir, dir,
								 dir), 0);
	snprintf(path, sizeof(path), "%s/captures/gw/" TRACE, dir);
	pcap = pcap_open_dead(DLT_RAW, 65535);
	dumper = pcap_dump_open(pcap, path);
	assert_non_null(dumper);
	for (i = 0; i < 3; i++)
	{
		hdr.caplen = hdr.len = packet.len;
		pcap_dump((u_char*)dumper, &hdr, packet.ptr);
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
	free(packet.ptr);
	return 0;
}

static int end_dir(void **state)
{
	return end(state) | run_command("rm -rf %s/captures", dir);
}

/**
 * Expect a single finding, and nothing once it was repaired, if that is possible.
 */
static void expect(char *finding, bool repaired)
{
	int i;

	/* twice: looking changes nothing */
	for (i = 0; i < 2; i++)
	{
		assert_int_equal(run("check %s/captures", dir), 1);
		expect_line("stdout", finding);
		assert_int_equal(run_command("test $(wc -l <%s/stdout) = 1", dir), 0);
	}
	assert_int_equal(run("check --repair %s/captures", dir), !repaired);
	expect_line("stdout", repaired ? ": repaired$" : finding);
	assert_int_equal(run("check %s/captures", dir), !repaired);
}

/**
 * Compare the size of the trace.
 */
static void expect_size(off_t size)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/captures/gw/" TRACE, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, size);
}

static void test_whole(void **state)
{
	assert_int_equal(run("check %s/captures", dir), 0);
	assert_int_equal(run("check %s/captures/gw/", dir), 0);
	assert_int_equal(run("check --json %s/captures/gw", dir), 0);
	expect_line("stdout", "^\\[\\]$");
	assert_int_equal(run("check %s/none", dir), 2);
	expect_line("stderr", "unable to open .*/none: No such file or directory");
	assert_int_equal(run("check %s/captures/gw/keys", dir), 2);
	assert_int_equal(run("check --mend %s/captures", dir), 2);
	/* traces may be read by a group */
	in_dir("chmod 750 .. . && chmod 640 " TRACE);
	assert_int_equal(run("check %s/captures", dir), 0);
}

static void test_permissions(void **state)
{
	in_dir("chmod 644 " TRACE);
	expect("gw/" TRACE " has mode 0644, so others may use it; chmod g-w,o-rwx$", TRUE);
	in_dir("test $(stat -c %%a " TRACE ") = 640");
	in_dir("chmod 660 " TRACE);
	expect(TRACE " has mode 0660", TRUE);
	in_dir("chmod 640 keys");
	expect("gw/keys has mode 0640, so others may use it; chmod go-rwx$", TRUE);
	in_dir("test $(stat -c %%a keys) = 600");
	in_dir("chmod 755 .");
	expect("captures/gw has mode 0755", TRUE);
	in_dir("chmod 711 ..");
	expect("captures has mode 0711", TRUE);
	/* what was decrypted */
	in_dir("touch x.decrypted.pcapng && chmod 640 x.decrypted.pcapng");
	expect("x.decrypted.pcapng has mode 0640", TRUE);
	if (geteuid() == 0)
	{
		in_dir("chown 12345 " TRACE);
		expect(TRACE " belongs to user 12345; chown root$", FALSE);
	}
}

static void test_torn(void **state)
{
	off_t size;
	char path[PATH_MAX];
	struct stat st;
	int cuts[] = { 1, 20, 16, 5 }, i;

	snprintf(path, sizeof(path), "%s/captures/gw/" TRACE, dir);
	assert_int_equal(stat(path, &st), 0);
	size = (st.st_size - 24) / 3;
	for (i = 0; i < countof(cuts); i++)
	{
		in_dir("cp -p " TRACE " saved");
		assert_int_equal(truncate(path, st.st_size - (i % 2 ? size - cuts[i] : cuts[i])), 0);
		expect(TRACE " can.t be read to its end: truncated within .*, at byte .*; "
			   "--repair cuts it behind the last whole packet$", TRUE);
		expect_size(24 + 2 * size);
		in_dir("mv saved " TRACE);
	}
	/* in the header, and an empty file */
	in_dir("cp -p " TRACE " saved");
	assert_int_equal(truncate(path, 10), 0);
	in_dir("rm keys esp_sa");
	expect(TRACE " can.t be read to its end: it ends within the header, at byte 0 of 10; it has no packets, "
		   "--repair removes it$", TRUE);
	assert_int_equal(access(path, F_OK), -1);
}

/**
 * Files that may be those of somebody else, by hard and symbolic links, are left alone.
 */
static void test_links(void **state)
{
	in_dir("printf x >>" TRACE " && chmod 666 " TRACE " && cp -p " TRACE " ../../victim && "
		   "ln ../../victim other-" TRACE " && chmod 640 keys esp_sa");
	assert_int_equal(run("check --repair %s/captures", dir), 1);
	expect_line("stdout", "/other-" TRACE " has mode 0666, so others may use it; chmod");
	expect_line("stdout", "/other-" TRACE " can.t be read to its end: .*; it has hard links");
	expect_line("stdout", "/" TRACE " has mode 0666, .*: repaired$");
	in_dir("test $(stat -c %%a ../../victim) = 666 && "
		   "test $(($(stat -c %%s " TRACE ") + 1)) = $(stat -c %%s ../../victim)");
	in_dir("rm keys other-" TRACE " && mkdir -m 700 keys && ln -s ../../victim link-" TRACE);
	assert_int_equal(run("check --repair %s/captures", dir), 1);
	expect_line("stdout", "gw/keys is no regular file");
	assert_int_equal(run_command("test $(wc -l <%s/stdout) = 2", dir), 0);
	in_dir("test $(stat -c %%a ../../victim) = 666");
}

static void test_damaged(void **state)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	/* the length of the second packet: what follows can't be found, but may be there */
	snprintf(path, sizeof(path), "%s/captures/gw/" TRACE, dir);
	assert_int_equal(stat(path, &st), 0);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, 24 + (st.st_size - 24) / 3 + 8), 4);
	close(fd);
	expect(TRACE " can.t be read to its end: a packet has an impossible length, .*; what "
		   "is before can be read, nothing was cut$", FALSE);
	expect_size(st.st_size);
}

static void test_others(void **state)
{
	in_dir("touch .keys.01234567.tmp");
	expect("gw/.keys.01234567.tmp is a temporary file of a charon that was killed", TRUE);
	in_dir("ln -s /etc/passwd link");
	expect("gw/link is no regular file", FALSE);
	in_dir("rm link && ln -s gw ../link");
	expect("captures/link is no directory that can be opened", FALSE);
	in_dir("rm ../link && echo rubbish >>keys");
	expect("gw/keys has 1 lines that can.t be used, the first one is line", FALSE);
	in_dir("sed -i /rubbish/d keys && echo '\"IPv4\",x' >>esp_sa");
	expect("gw/esp_sa has 1 lines that can.t be used, the first one is line", FALSE);
	in_dir("sed -i /x$/d esp_sa");
	assert_int_equal(run("check %s/captures", dir), 0);
	/* names that nobody thought of */
	in_dir("touch -- -x 'a b' \"$(printf 'a\\nb')\"");
	assert_int_equal(run("check %s/captures", dir), 0);
	in_dir("chmod 666 \"$(printf 'a\\nb')\"");
	expect("gw/a\\\\nb has mode 0666", TRUE);
}

static void test_keys(void **state)
{
	in_dir("cp keys saved && sed -i s/00000001/00000009/ keys");
	assert_int_equal(run("check --json %s/captures", dir), 1);
	expect_line("stdout", "\"kind\":\"no-keys\"");
	expect_line("stdout", "\"finding\":\"has no keys for SPI 00000001\"");
	expect_line("stdout", "\"kind\":\"no-trace\"");
	expect_line("stdout", "\"finding\":\"has keys for 1 SPIs without a trace, the first one "
				"is 00000009\"");
	/* without a key file, keys are not wanted; a trace of packets in the clear needs none,
	 * but keys belong to it */
	in_dir("rm keys");
	assert_int_equal(run("check %s/captures", dir), 0);
	in_dir("mv saved keys && mv " TRACE " " PLAIN);
	assert_int_equal(run("check %s/captures", dir), 0);
	in_dir("mv " PLAIN " " TRACE);
	in_dir("rm " TRACE);
	expect("gw/keys has keys for 1 SPIs without a trace", FALSE);
}

/**
 * A key table with a line that never seems to end takes no more memory than others.
 */
static void test_line(void **state)
{
	struct rusage before, after;

	assert_int_equal(run("check %s/captures", dir), 0);
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &before), 0);
	in_dir("truncate -s 128M keys");
	assert_int_equal(run("check %s/captures", dir), 1);
	expect_line("stdout", "gw/keys has 1 lines that can");
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &after), 0);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 64 * 1024);
}

/**
 * Lock a byte of the file with the locks, as charon does.
 */
static int lock_byte(int fd, off_t byte)
{
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static void test_live(void **state)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/captures/.lock", dir);
	fd = open(path, O_RDONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(lock_byte(fd, 0), 0);
	assert_int_equal(lock_byte(fd, 1 + nflog_trace_name_hash("gw/" TRACE) % 4096), 0);
	assert_int_equal(lock_byte(fd, 1 + nflog_trace_name_hash("gw/.keys.00000001.tmp") %
							   4096), 0);
	snprintf(path, sizeof(path), "%s/captures/gw/" TRACE, dir);
	assert_int_equal(stat(path, &st), 0);
	/* it ends within a packet, has no keys, and keys have no trace */
	assert_int_equal(truncate(path, st.st_size - 7), 0);
	in_dir("touch .keys.00000001.tmp && sed -i s/00000001/00000009/ keys");
	assert_int_equal(run("check --repair %s/captures", dir), 0);
	assert_int_equal(run("check --repair %s/captures/gw", dir), 0);
	expect_size(st.st_size - 7);
	in_dir("test -e .keys.00000001.tmp");
	/* what can't be known is said */
	in_dir("mv ../.lock ../saved && ln -s saved ../.lock");
	assert_int_equal(run("check %s/captures", dir), 1);
	expect_line("stdout", "captures/.lock can.t be opened: .*; run this as root");
	in_dir("mv ../saved ../.lock");
	/* once charon has ended */
	close(fd);
	assert_int_equal(run("check --repair %s/captures", dir), 1);
	in_dir("test ! -e .keys.00000001.tmp");
	expect_size(24 + (st.st_size - 24) / 3 * 2);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_permissions, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_torn, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_damaged, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_links, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_others, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_keys, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_line, begin_dir, end_dir),
		cmocka_unit_test_setup_teardown(test_live, begin_dir, end_dir),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}

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
 * nflog-capture follow, and the same for Wireshark as an extcap program: traces that are
 * written while they are read.
 */

#define _GNU_SOURCE

#include "program.h"
#include "tunnel.h"

#include "traces/pcapng_block.h"
#include "captures/tail.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>

/** runs a program as another user */
#define OTHER "setpriv --reuid 65534 --regid 65534 --clear-groups "

/** the program that runs, and what it writes */
static pid_t pid;
static int out = -1;

/** names of the interfaces that were described, at most 16 */
static char *interfaces[16];
static u_int interface_count;

/** comment of the packet that was read last */
static char comment[1024];

/** its sequence number in ESP */
static u_int seq;

/**
 * Read some bytes.
 *
 * @return			FALSE at the end
 */
static bool read_bytes(void *buf, size_t len)
{
	size_t done = 0;
	ssize_t got;

	while (done < len)
	{
		got = read(out, (char*)buf + done, len - done);
		if (got <= 0)
		{
			assert_int_equal(got, 0);
			assert_int_equal(done, 0);
			return FALSE;
		}
		done += got;
	}
	return TRUE;
}

/**
 * Read a block, wait for it.
 *
 * @param body		receives its body, allocated
 * @return			type, 0 at the end
 */
static uint32_t read_block(chunk_t *body)
{
	uint32_t header[2], trailer;

	if (!read_bytes(header, sizeof(header)))
	{
		return 0;
	}
	assert_true(header[1] >= 12 && header[1] % 4 == 0 && header[1] < 1000000);
	*body = chunk_alloc(header[1] - 12);
	assert_true(read_bytes(body->ptr, body->len));
	assert_true(read_bytes(&trailer, sizeof(trailer)));
	assert_int_equal(trailer, header[1]);
	return header[0];
}

/**
 * Find an option, empty if it is missing.
 */
static chunk_t get_option(chunk_t body, size_t pos, uint16_t code)
{
	uint16_t header[2];

	for (; pos + 4 <= body.len; pos += 4 + ((header[1] + 3) & ~3))
	{
		memcpy(header, body.ptr + pos, sizeof(header));
		if (header[0] == code)
		{
			return chunk_create(body.ptr + pos + 4, header[1]);
		}
	}
	return chunk_empty;
}

/**
 * Read blocks up to the next one of a type.
 *
 * @return			its body, allocated, empty at the end
 */
static chunk_t read_until(uint32_t type)
{
	chunk_t body = chunk_empty, name;
	uint32_t current;

	while ((current = read_block(&body)) && current != type)
	{
		assert_int_equal(current, PCAPNG_INTERFACE_DESCRIPTION);
		name = get_option(body, 8, PCAPNG_IF_NAME);
		assert_true(interface_count < countof(interfaces));
		interfaces[interface_count++] = strndup((char*)name.ptr, name.len);
		chunk_free(&body);
	}
	return body;
}

/**
 * Wait for the next packet.
 *
 * @param interface	name of the interface that is expected
 * @param len		length of the packet, or of the IP packet in it
 */
static void expect_packet(char *interface, size_t len)
{
	chunk_t body = read_until(PCAPNG_ENHANCED_PACKET), text;
	uint32_t fields[5];

	assert_true(body.len >= sizeof(fields));
	memcpy(fields, body.ptr, sizeof(fields));
	assert_true(fields[0] < interface_count);
	assert_string_equal(interfaces[fields[0]], interface);
	assert_true(fields[3] >= len && fields[3] < len + 64);
	text = get_option(body, sizeof(fields) + ((fields[3] + 3) & ~3), PCAPNG_COMMENT);
	snprintf(comment, sizeof(comment), "%.*s", (int)text.len, (char*)text.ptr);
	chunk_free(&body);
}

/**
 * Run the program.
 *
 * @param prefix	command that runs it, with a blank
 * @param args		arguments
 */
static void start_list(char *prefix, char *fmt, va_list list)
{
	char args[PATH_MAX], cmd[3 * PATH_MAX];
	chunk_t body;
	int fds[2];

	vsnprintf(args, sizeof(args), fmt, list);
	snprintf(cmd, sizeof(cmd), "exec %s" PROGRAM " %s 2>%s/stderr", prefix, args, dir);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
	{
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	close(fds[1]);
	out = fds[0];
	/* it watches directories from now on */
	body = read_until(PCAPNG_SECTION_HEADER);
	assert_true(body.len);
	chunk_free(&body);
}

/**
 * Run the program.
 */
static void start(char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	start_list("", fmt, list);
	va_end(list);
}

/**
 * Run the program with a prefix.
 */
static void start_as(char *prefix, char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	start_list(prefix, fmt, list);
	va_end(list);
}

/**
 * Wait for the end of the program, return its exit status.
 */
static int wait_end()
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	if (out >= 0)
	{
		close(out);
		out = -1;
	}
	while (interface_count)
	{
		free(interfaces[--interface_count]);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/**
 * End the program by a signal, and expect statistics of all interfaces.
 *
 * @param expected	number of interfaces with packets as they were captured
 */
static void stop_follow(int signal, u_int expected)
{
	uint32_t type = 0;
	chunk_t body;
	u_int count = 0;

	assert_int_equal(kill(pid, signal), 0);
	while ((type = read_block(&body)))
	{
		assert_int_equal(type, PCAPNG_INTERFACE_STATISTICS);
		chunk_free(&body);
		count++;
	}
	assert_int_equal(count, expected);
	assert_int_equal(wait_end(), 0);
}

/**
 * Create an ESP packet with an inner packet, and write the key of its SA.
 */
static chunk_t create_next(uint32_t spi, uint16_t port)
{
	chunk_t data = create_inner(port), esp;

	esp = create_packet(spi, ++seq, data);
	free(data.ptr);
	keys->flush(keys);
	return esp;
}

static int begin_follow(void **state)
{
	seq = 0;
	return begin(state);
}

static int end_follow(void **state)
{
	if (pid)
	{	/* after a failure */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	return end(state);
}

/**
 * Traces that grow, traces and files of rings that join.
 */
static void test_grow(void **state)
{
	trace_file_t *esp, *plain;

	esp = trace_file_create("gw", NAME ".esp.0.pcap", DLT_NFLOG);
	trace_file_add(esp, 1000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_flush(esp);
	start("follow --dir %s gw", dir);
	/* not that which was there */
	trace_file_add(esp, 1001, "net{1} esp-out", create_next(SPI_OUT, 2));
	trace_file_flush(esp);
	expect_packet("net esp-out", 96);
	assert_string_equal(comment, "net{1}: ESP c0000002 seq 2 in AES_GCM_16: ICV good");
	/* another trace */
	plain = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(plain, 1002, "net{1} plain-out", create_inner(3));
	trace_file_flush(plain);
	expect_packet("net plain-out", 41);
	/* the next file of a ring */
	trace_file_close(esp);
	esp = trace_file_create("gw", NAME ".esp.1.pcap", DLT_NFLOG);
	trace_file_add(esp, 1003, "net{1} esp-in", create_next(SPI_IN, 4));
	trace_file_flush(esp);
	expect_packet("net esp-in", 96);
	/* an SA that replaces it */
	trace_file_close(plain);
	plain = trace_file_create("gw", "net.20261124T233527Z.c0000003-c0000004.plain.pcap",
							  DLT_NFLOG);
	trace_file_add(plain, 1004, "net{2} plain-out", create_inner(5));
	trace_file_close(plain);
	expect_packet("net plain-out", 41);
	assert_string_equal(comment, "net{2}");
	trace_file_close(esp);
	stop_follow(SIGINT, 3);
	expect_line("stderr", "^followed: 4 packets, from ");

	/* all that is there, in the order of time */
	start("follow --dir %s gw --begin", dir);
	expect_packet("net esp-in", 96);
	expect_packet("net esp-out", 96);
	expect_packet("net plain-out", 41);
	expect_packet("net esp-in", 96);
	expect_packet("net plain-out", 41);
	stop_follow(SIGTERM, 3);
}

/**
 * A record that is written in parts, and files that are removed or truncated.
 */
static void test_torn(void **state)
{
	char path[PATH_MAX];
	chunk_t *map, content;
	trace_file_t *file;
	int fd;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	snprintf(path, sizeof(path), "%s/gw/" NAME ".plain.pcap", dir);
	map = chunk_map(path, FALSE);
	content = chunk_clone(*map);
	chunk_unmap(map);
	assert_int_equal(truncate(path, 3), 0);
	start("follow %s/gw", dir);
	fd = open(path, O_WRONLY | O_APPEND);
	/* within the header of the file, that of the record, and its data; the signals that
	 * the program gets meanwhile don't make it read more than there is */
	assert_int_equal(write(fd, content.ptr + 3, 27), 27);
	assert_int_equal(write(fd, content.ptr + 30, 30), 30);
	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 2000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_flush(file);
	expect_packet("net esp-in", 96);
	assert_int_equal(write(fd, content.ptr + 60, content.len - 60), content.len - 60);
	expect_packet("net plain-in", 41);
	/* by somebody else, the plugin continues in another file then */
	assert_int_equal(ftruncate(fd, 30), 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
	chunk_free(&content);
	trace_file_close(file);
	file = trace_file_create("gw", NAME ".plain.1.pcap", DLT_NFLOG);
	trace_file_add(file, 3000, "net{1} plain-out", create_inner(2));
	trace_file_close(file);
	expect_packet("net plain-out", 41);
	/* no trace at all */
	assert_int_equal(run_command("echo nonsense >%s/gw/" NAME ".esp.1.pcap && "
								 "echo nonsense >%s/gw/other.pcap", dir, dir), 0);
	file = trace_file_create("gw", NAME ".plain.2.pcap", DLT_NFLOG);
	trace_file_add(file, 4000, "net{1} plain-out", create_inner(2));
	trace_file_close(file);
	expect_packet("net plain-out", 41);
	stop_follow(SIGHUP, 3);
}

/**
 * Packets that are decrypted with keys that are added.
 */
static void test_decrypt(void **state)
{
	trace_file_t *file;

	start("follow --dir %s gw --decrypt", dir);
	expect_line("stderr", "^gw has no traces in .* yet, waiting for them$");
	/* creates the directory, by writing keys */
	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_flush(file);
	expect_packet("net esp-in", 96);
	expect_packet("net esp-in decrypted", 41);
	assert_string_equal(comment, "ESP c0000001 seq 1 in AES_GCM_16: ICV good");
	/* with another key */
	trace_file_add(file, 1001, "net{1} esp-out", create_next(SPI_OUT, 2));
	trace_file_flush(file);
	expect_packet("net esp-out", 96);
	expect_packet("net esp-out decrypted", 41);
	stop_follow(SIGINT, 2);

	/* the decrypted ones only */
	start("follow --dir %s gw --decrypt --plain", dir);
	trace_file_add(file, 1002, "net{1} esp-out", create_next(SPI_OUT, 2));
	trace_file_flush(file);
	expect_packet("net esp-out decrypted", 41);
	stop_follow(SIGINT, 1);

	/* those that match, in the clear as well */
	start("follow --dir %s --filter 'port 7'", dir);
	trace_file_add(file, 1003, "net{1} esp-out", create_next(SPI_OUT, 2));
	trace_file_add(file, 1004, "net{1} esp-in", create_next(SPI_IN, 7));
	trace_file_close(file);
	expect_packet("net esp-in", 96);
	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1005, "net{1} plain-out", create_inner(2));
	trace_file_add(file, 1006, "net{1} plain-in", create_inner(7));
	trace_file_close(file);
	expect_packet("net plain-in", 41);
	stop_follow(SIGINT, 4);
}

/**
 * Directories that come and go.
 */
static void test_dirs(void **state)
{
	trace_file_t *file;

	start("follow --dir %s --plain", dir);
	file = trace_file_create("a", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-in", 41);
	assert_int_equal(run_command("rm -r %s/a", dir), 0);
	file = trace_file_create("b", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1001, "net{1} plain-out", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-out", 41);
	/* another one of this name */
	file = trace_file_create("a", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1002, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-in", 41);
	stop_follow(SIGINT, 2);
	assert_int_equal(run_command("touch %s/file", dir), 0);
	assert_int_equal(run("follow --dir %s/file", dir), 2);
	expect_line("stderr", "^unable to watch .*/file: Not a directory$");
	assert_int_equal(run("follow --dir %s/file/none gw", dir), 2);
	expect_line("stderr", "^unable to watch .*/file/none: Not a directory$");
	assert_int_equal(run("follow %s/none", dir), 2);
	expect_line("stderr", "^unable to open .*/none: No such file or directory$");
	assert_int_equal(run("follow --filter 'portt 1'", dir), 2);
	expect_line("stderr", "^invalid filter ");
	assert_int_equal(run("follow --format text", dir), 2);
}

/**
 * Create a trace with a packet, and expect that.
 */
static void expect_trace(char *folder, char *point, int time)
{
	char label[32], interface[32];
	trace_file_t *file;

	snprintf(label, sizeof(label), "net{1} %s", point);
	snprintf(interface, sizeof(interface), "net %s", point);
	file = trace_file_create(folder, NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, time, label, create_inner(1));
	trace_file_close(file);
	expect_packet(interface, 41);
}

/**
 * Packets that went astray are not followed, which is printed once.
 */
static void test_astray(void **state)
{
	assert_int_equal(run_command("mkdir -p %s/gw", dir), 0);
	start("follow --dir %s gw --plain", dir);
	assert_int_equal(run_command("touch %s/gw/" NAME ".missed.pcapng "
								 "%s/gw/" NAME ".dropped.pcapng", dir, dir), 0);
	expect_trace("gw", "plain-in", 1000);
	stop_follow(SIGINT, 1);
	assert_int_equal(run_command("test $(grep -c '^not following packets that went astray, such "
								 "as those of net.*.missed: ' %s/stderr) = 1", dir), 0);
}

/**
 * A directory of connections, and one that was named, that are created later, and again.
 */
static void test_waiting(void **state)
{
	int i;

	start("follow --dir %s/x/y/base gw", dir);
	expect_line("stderr", "^gw has no traces in .*/x/y/base yet, waiting for them$");
	assert_int_equal(run_command("mkdir -p %s/x/y/base/other", dir), 0);
	for (i = 0; i < 3; i++)
	{	/* all of it, while the trace is open */
		assert_int_equal(run_command("mkdir -p %s/x/y/base/gw", dir), 0);
		expect_trace("x/y/base/gw", i ? "plain-out" : "plain-in", 1000 + i);
		assert_int_equal(run_command("rm -r %s/%s", dir, i ? "x" : "x/y/base"), 0);
	}
	stop_follow(SIGINT, 2);
	assert_int_equal(run_command("mkdir -p %s/x/y", dir), 0);
	start("follow --dir %s/x/y/", dir);
	expect_trace("x/y/gw", "plain-in", 1003);
	stop_follow(SIGINT, 1);
	start("follow --dir %s/none", dir);
	expect_line("stderr", "/none does not exist yet, waiting for it$");
	assert_int_equal(run_command("mkdir -p %s/none/gw", dir), 0);
	expect_trace("none/gw", "plain-in", 1004);
	stop_follow(SIGINT, 1);
	/* directories that are named */
	start("follow %s/none/gw %s/x/y/gw", dir, dir);
	for (i = 0; i < 2; i++)
	{
		assert_int_equal(run_command("rm -r %s/none && mkdir -p %s/none/gw", dir, dir), 0);
		expect_trace("none/gw", "plain-out", 1005 + i);
	}
	expect_trace("x/y/gw", "plain-out", 1007);
	stop_follow(SIGINT, 2);
}

/**
 * A reader that goes away, with and without packets.
 */
static void test_reader(void **state)
{
	trace_file_t *file;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_flush(file);
	start("follow --dir %s gw", dir);
	close(out);
	out = -1;
	assert_int_equal(wait_end(), 0);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_flush(file);
	/* tshark ends after two packets */
	assert_int_equal(run_command("tshark --version >/dev/null 2>&1 || exit 0; "
		PROGRAM " follow --dir %s gw --begin 2>%s/stderr | "
		"tshark -r - -c 1 -T fields -e ip.src 2>/dev/null >%s/stdout", dir, dir, dir), 0);
	trace_file_close(file);
	/* for tcpdump */
	assert_int_equal(run_command("tcpdump --version >/dev/null 2>&1 || exit 0; "
		PROGRAM " follow --dir %s gw --begin --format pcap 2>%s/stderr | "
		"tcpdump -c 1 -n -r - 2>/dev/null | grep -q '10.1.0.10.1 > 10.1.0.10.1: UDP'",
		dir, dir), 0);
}

/**
 * Run the program as Wireshark does, with a FIFO.
 *
 * @param filter	capture filter
 */
static void start_extcap(char *filter)
{
	char path[PATH_MAX];
	chunk_t body;

	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	pid = fork();
	if (!pid)
	{
		snprintf(path, sizeof(path), "%s/stderr", dir);
		dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
		snprintf(path, sizeof(path), "%s/fifo", dir);
		execl(PROGRAM, PROGRAM, "--capture", "--extcap-interface", "nflog-capture:gw",
			  "--fifo", path, "--extcap-capture-filter", filter, "--dir", dir, NULL);
		_exit(127);
	}
	/* returns when the program has opened it */
	out = open(path, O_RDONLY);
	assert_int_equal(unlink(path), 0);
	body = read_until(PCAPNG_SECTION_HEADER);
	assert_true(body.len);
	chunk_free(&body);
}

/**
 * Expect that the program ends without an error, which Wireshark would show.
 */
static void expect_quiet_end()
{
	close(out);
	out = -1;
	assert_int_equal(wait_end(), 0);
	assert_int_equal(run_command("test ! -s %s/stderr", dir), 0);
}

/**
 * Ways to stop a capture in Wireshark: it closes the FIFO, and sends SIGTERM, in any order.
 */
static void test_extcap_stop(void **state)
{
	trace_file_t *file;
	int i, size;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_flush(file);
	/* while there are no packets */
	start_extcap("");
	expect_quiet_end();
	/* as soon as there is one */
	start_extcap("");
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_flush(file);
	expect_packet("net plain-in", 41);
	expect_quiet_end();
	/* while it waits to write more than the FIFO holds */
	start_extcap("");
	for (i = 0; i < 5000; i++)
	{
		trace_file_add(file, 2000 + i, "net{1} plain-in", create_inner(1));
	}
	trace_file_flush(file);
	while (ioctl(out, FIONREAD, &size) == 0 &&
		   size <= fcntl(out, F_GETPIPE_SZ) - PIPE_BUF)
	{
		usleep(1000);
	}
	assert_int_equal(kill(pid, SIGTERM), 0);
	expect_quiet_end();
	trace_file_close(file);
}

/**
 * Somebody who may read traces, but no keys, as with the option group_read.
 */
static void test_group_read(void **state)
{
	trace_file_t *file;

	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_close(file);
	assert_int_equal(run("--extcap-interface nflog-capture:gw --extcap-config --dir %s",
						 dir), 0);
	expect_line("stdout", "{call=--decrypt}.*{default=true}$");
	assert_int_equal(run_command("chmod 755 %s %s/gw && chmod 644 %s/gw/*.pcap && "
								 "chmod 600 %s/gw/keys", dir, dir, dir, dir), 0);
	assert_int_equal(run_command(OTHER PROGRAM " --extcap-interface nflog-capture "
			"--extcap-config --dir %s >%s/stdout", dir, dir), 0);
	expect_line("stdout", "{call=--decrypt}.*{default=false}$");
	assert_int_equal(run_command(OTHER PROGRAM " --extcap-interface nflog-capture:gw "
			"--extcap-config --dir %s >%s/stdout", dir, dir), 0);
	expect_line("stdout", "{call=--decrypt}.*{default=false}$");
	/* a key of another connection is no reason */
	assert_int_equal(run_command(OTHER PROGRAM " --extcap-interface nflog-capture:g "
			"--extcap-config --dir %s >%s/stdout", dir, dir), 0);
	expect_line("stdout", "{call=--decrypt}.*{default=true}$");
	/* without keys, but without a word about it, which Wireshark would show */
	start_as(OTHER, "follow --dir %s gw --begin", dir);
	expect_packet("net esp-in", 96);
	assert_string_equal(comment, "net{1}: ESP c0000001 seq 1");
	stop_follow(SIGINT, 1);
	assert_int_equal(run_command("test $(wc -l <%s/stderr) = 1", dir), 0);
	assert_int_equal(run_command(OTHER PROGRAM " report --dir %s gw >%s/stdout", dir, dir), 0);
	/* unless they are needed */
	start_as(OTHER, "follow --dir %s gw --begin --decrypt", dir);
	expect_packet("net esp-in", 96);
	stop_follow(SIGINT, 1);
	expect_line("stderr", "^unable to open .*/keys: Permission denied$");
}

/**
 * What Wireshark asks for.
 */
static void test_extcap(void **state)
{
	trace_file_t *file;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_flush(file);
	assert_int_equal(run("--extcap-interfaces --extcap-version=4.0 --dir %s", dir), 0);
	expect_line("stdout", "^extcap {version=[0-9.]*}{display=nflog-capture}$");
	expect_line("stdout", "^interface {value=nflog-capture}{display=IPsec, all connections}"
				"$");
	expect_line("stdout", "^interface {value=nflog-capture:gw}{display=IPsec connection gw}"
				"$");
	assert_int_equal(run("--extcap-interface nflog-capture:gw --extcap-dlts"), 0);
	expect_line("stdout", "^dlt {number=239}{name=NFLOG}{display=[^}]*}$");
	assert_int_equal(run("--extcap-interface nflog-capture --extcap-config"), 0);
	expect_line("stdout", "^arg {number=0}{call=--decrypt}.*{type=boolflag}{default=true}$");
	assert_int_equal(run("--extcap-interface nflog-capture:gw --extcap-capture-filter "
						 "'port 1'"), 0);
	assert_int_equal(run_command("test ! -s %s/stdout", dir), 0);
	assert_int_equal(run("--extcap-interface nflog-capture:gw --extcap-capture-filter "
						 "'portt 1'"), 2);
	expect_line("stdout", "^invalid filter$");
	assert_int_equal(run("--extcap-interface eth0 --extcap-dlts"), 2);
	assert_int_equal(run("--capture --extcap-interface nflog-capture:gw"), 2);
	assert_int_equal(run("--extcap-interface nflog-capture:gw"), 2);
	start_extcap("port 7");
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(6));
	trace_file_add(file, 1001, "net{1} plain-out", create_inner(7));
	trace_file_close(file);
	expect_packet("net plain-out", 41);
	stop_follow(SIGTERM, 2);
	/* Wireshark shows any message as an error */
	assert_int_equal(run_command("test ! -s %s/stderr", dir), 0);
}

/**
 * Traces opened with tshark.
 */
static void test_open(void **state)
{
	trace_file_t *file;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_close(file);
	/* a program that prints what it is run with */
	assert_int_equal(run_command("mkdir %s/bin && printf '#!/bin/sh\\necho "
			"$WIRESHARK_CONFIG_DIR: $0 $*\\n' >%s/bin/tshark && chmod +x %s/bin/tshark && "
			"cp %s/bin/tshark %s/bin/wireshark", dir, dir, dir, dir, dir), 0);
	assert_int_equal(run_command("PATH=%s/bin:$PATH " PROGRAM " open --dir %s gw -- -n -x "
								 ">%s/stdout 2>/dev/null", dir, dir, dir), 0);
	expect_line("stdout", "/gw: .*/bin/wireshark -r .*/gw/" NAME ".esp.pcap -n -x$");
	assert_int_equal(run_command("PATH=%s/bin:$PATH " PROGRAM " open -t %s/gw/" NAME
								 ".plain.pcap >%s/stdout 2>/dev/null", dir, dir, dir), 0);
	expect_line("stdout", "/gw: .*/bin/tshark -r .*/gw/" NAME ".plain.pcap$");
	/* what was exported with keys */
	assert_int_equal(run("export --dir %s gw --keys -o %s/x.pcapng", dir, dir), 0);
	assert_int_equal(run_command("PATH=%s/bin:$PATH " PROGRAM " open %s/x.pcapng "
								 ">%s/stdout 2>/dev/null", dir, dir, dir), 0);
	expect_line("stdout", "/x.wireshark: .*/bin/wireshark -r .*/x.pcapng$");
	assert_int_equal(run("open --dir %s none", dir), 2);
	assert_int_equal(run("open"), 2);
	assert_int_equal(run_command("PATH=/none " PROGRAM " open %s/x.pcapng 2>%s/stderr", dir,
								 dir), 2);
	expect_line("stderr", "^unable to run wireshark: No such file or directory");
}

/**
 * A key file that blocks whoever opens it, and keys that can be read only once.
 */
static void test_key_pipes(void **state)
{
	trace_file_t *file;

	assert_int_equal(run_command("mkdir %s/kx && mkfifo %s/kx/keys", dir, dir), 0);
	file = trace_file_create("kx", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	start("follow %s/kx", dir);
	trace_file_add(file, 1001, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-in", 41);
	expect_packet("net plain-in", 41);
	stop_follow(SIGTERM, 1);
	expect_line("stderr", "^unable to open .*/kx/keys: it is no regular file, use --key-file");

	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_flush(file);
	start("follow %s/gw --begin --decrypt -k - <%s/gw/keys", dir, dir);
	expect_packet("net esp-in", 96);
	expect_packet("net esp-in decrypted", 41);
	/* keys change */
	assert_int_equal(run_command("echo >>%s/gw/keys", dir), 0);
	trace_file_add(file, 1001, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_flush(file);
	expect_packet("net esp-in", 96);
	expect_packet("net esp-in decrypted", 41);
	stop_follow(SIGINT, 1);
	assert_int_equal(run_command("mkfifo %s/pipe && cp %s/gw/keys %s/copy", dir, dir, dir),
					 0);
	assert_int_equal(run_command("cat %s/copy >%s/pipe &", dir, dir), 0);
	start("follow %s/gw --decrypt -k %s/pipe", dir, dir);
	assert_int_equal(run_command("echo >>%s/gw/keys", dir), 0);
	trace_file_add(file, 1002, "net{1} esp-in", create_next(SPI_IN, 1));
	trace_file_close(file);
	expect_packet("net esp-in", 96);
	expect_packet("net esp-in decrypted", 41);
	stop_follow(SIGINT, 1);
}

/**
 * A part of a record that is replaced.
 */
static void test_replaced(void **state)
{
	chunk_t *map, first, second;
	char path[PATH_MAX];
	trace_file_t *file;
	tail_packet_t packet;
	size_t begin;
	tail_t *tail;
	int fd;

	file = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	snprintf(path, sizeof(path), "%s/gw/" NAME ".plain.pcap", dir);
	map = chunk_map(path, FALSE);
	first = chunk_clone(*map);
	chunk_unmap(map);
	second = chunk_clone(first);
	begin = second.len - 20;
	memset(second.ptr + begin, 0xee, 20);
	assert_int_equal(truncate(path, begin + 10), 0);
	tail = tail_create(path, 4096);
	assert_int_equal(tail->read(tail, &packet), TAIL_WAIT);
	assert_true(tail->is_torn(tail));
	fd = open(path, O_WRONLY);
	assert_int_equal(ftruncate(fd, 24), 0);
	assert_int_equal(pwrite(fd, second.ptr + 24, second.len - 24, 24), second.len - 24);
	close(fd);
	assert_int_equal(tail->read(tail, &packet), TAIL_PACKET);
	assert_int_equal(packet.data.len, second.len - 40);
	assert_memory_equal(packet.data.ptr, second.ptr + 40, packet.data.len);
	assert_int_equal(tail->read(tail, &packet), TAIL_WAIT);
	assert_false(tail->is_torn(tail));
	tail->destroy(tail);
	chunk_free(&first);
	chunk_free(&second);
}

/**
 * Directories that are renamed, or given twice.
 */
static void test_renamed(void **state)
{
	trace_file_t *file;

	file = trace_file_create("r1", NAME ".plain.pcap", DLT_NFLOG);
	start("follow --dir %s --plain", dir);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-in", 41);
	assert_int_equal(run_command("mv %s/r1 %s/r2", dir, dir), 0);
	/* its packets are not written again */
	file = trace_file_create("r3", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1001, "net{1} plain-out", create_inner(1));
	trace_file_close(file);
	expect_packet("net plain-out", 41);
	stop_follow(SIGINT, 2);
	expect_line("stderr", "/r1 was renamed, and is not followed anymore");

	file = trace_file_create("r4", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", create_inner(1));
	trace_file_add(file, 1001, "net{1} plain-out", create_inner(1));
	trace_file_close(file);
	start("follow %s/r4 %s/r4/../r4 --begin", dir, dir);
	expect_packet("net plain-in", 41);
	expect_packet("net plain-out", 41);
	stop_follow(SIGINT, 2);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_grow, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_torn, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_decrypt, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_dirs, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_astray, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_waiting, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_reader, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_extcap, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_extcap_stop, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_group_read, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_open, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_key_pipes, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_replaced, begin_follow, end_follow),
		cmocka_unit_test_setup_teardown(test_renamed, begin_follow, end_follow),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}

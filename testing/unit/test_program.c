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
 * nflog-capture(1) as a whole: its options, traces of all kinds, and what
 * tshark makes of the file that it writes.
 */

#define _GNU_SOURCE

#include "program.h"
#include "read/trace.h"

/**
 * Create a trace with some packets, return the bytes of the file.
 */
static chunk_t create_trace(char *path, int link)
{
	struct pcap_pkthdr hdr = {};
	pcap_dumper_t *dumper;
	pcap_t *pcap;
	chunk_t packet, record, *map, content;
	uint16_t tlv[2];
	int i;

	pcap = pcap_open_dead(link, 65535);
	dumper = pcap_dump_open(pcap, path);
	assert_non_null(dumper);
	for (i = 0; i < countof(tests); i++)
	{
		packet = add_ip(src, dst, IPPROTO_ESP,
						create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
								   IPPROTO_IPIP));
		record = packet;
		if (link == DLT_NFLOG)
		{
			tlv[0] = 4 + packet.len;
			tlv[1] = 9;
			/* with another attribute before, of odd length, and padding */
			record = chunk_cat("cccm", chunk_from_chars(2, 0, 0, 0),
							   chunk_from_chars(5, 0, 10, 0, 'x', 0, 0, 0),
							   chunk_from_thing(tlv), packet);
		}
		hdr.ts.tv_sec = 1000000000 + i;
		hdr.ts.tv_usec = 123456;
		hdr.caplen = hdr.len = record.len;
		pcap_dump((u_char*)dumper, &hdr, record.ptr);
		free(record.ptr);
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
	keys->flush(keys);
	map = chunk_map(path, FALSE);
	content = chunk_clone(*map);
	chunk_unmap(map);
	return content;
}

/**
 * Check a pcapng file with tshark.
 */
static void check_pcapng(char *path)
{
	char cmd[2 * PATH_MAX], buf[1024], hex[2048];
	FILE *tshark;
	int i, j, len;

	tshark = open_tshark(path, "-e frame.interface_id -e frame.interface_name "
						 "-e frame.time_epoch -e frame.comment -e data.data");
	for (i = 0; tshark && i < countof(tests); i++)
	{
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		snprintf(cmd, sizeof(cmd), "0\ttrace\t%d.123456000\tESP %.8x seq 1 in ",
				 1000000000 + i, i + 1);
		assert_memory_equal(buf, cmd, strlen(cmd));
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		snprintf(cmd, sizeof(cmd), "1\tdecrypted\t%d.123456000\tESP %.8x seq 1 in "
				 "%N", 1000000000 + i, i + 1, encryption_algorithm_names,
				 tests[i].encr);
		assert_memory_equal(buf, cmd, strlen(cmd));
		for (j = 0, len = 0; j < strlen(PAYLOAD); j++)
		{
			len += snprintf(hex + len, sizeof(hex) - len, "%.2x", PAYLOAD[j]);
		}
		snprintf(cmd, sizeof(cmd), "%s\t%s\n", tests[i].result == GOOD ?
				 ": ICV good" : ": no ICV", hex);
		assert_string_equal(buf + strlen(buf) - strlen(cmd), cmd);
	}
	if (tshark)
	{
		assert_null(fgets(buf, sizeof(buf), tshark));
		pclose(tshark);
	}
}

/**
 * The program's options, and errors in how it is called.
 */
static void test_usage(void **state)
{
	assert_int_equal(run(""), 2);
	expect_line("stderr", "^usage: nflog-capture COMMAND");
	assert_int_equal(run("encrypt"), 2);
	expect_line("stderr", "^unknown command .encrypt., .nflog-capture --help");
	assert_int_equal(run("--verbose"), 2);
	expect_line("stderr", "^unknown option .--verbose., .nflog-capture --help");
	assert_int_equal(run("--help"), 0);
	expect_line("stdout", "^  decrypt  *[a-z]");
	assert_int_equal(run("-h"), 0);
	assert_int_equal(run("--version"), 0);
	expect_line("stdout", "^nflog-capture [0-9.]* (strongSwan " VERSION ")$");
	assert_int_equal(run("--vers"), 0);
	expect_line("stdout", "^nflog-capture [0-9.]* ");
	assert_int_equal(run("--hel"), 0);
	assert_int_equal(run("--"), 2);
	assert_int_equal(run("decrypt --version"), 0);
	assert_int_equal(run("decrypt"), 2);
	expect_line("stderr", "^a trace, directory or connection is missing$");
	assert_int_equal(run("decrypt -x"), 2);
	expect_line("stderr", "^unknown option .-x.$");
	expect_line("stderr", "^.nflog-capture decrypt --help. describes the usage$");
	assert_int_equal(run("decrypt x.pcap --key-file"), 2);
	expect_line("stderr", "^option .--key-file. requires an argument$");
	assert_int_equal(run("decrypt x.pcap -k"), 2);
	expect_line("stderr", "^option .-k. requires an argument$");
	assert_int_equal(run("decrypt --list x.pcap -xo"), 2);
	expect_line("stderr", "^unknown option .--list.$");
	assert_int_equal(run("check --json -xy"), 2);
	expect_line("stderr", "^unknown option .-x.$");
	assert_int_equal(run("check --json=yes"), 2);
	expect_line("stderr", "^option .--json=yes. takes no argument$");
	assert_int_equal(run("list --s x"), 2);
	expect_line("stderr", "^option .--s. is ambiguous$");
	assert_int_equal(run("list \"$(printf '\033[31m')\" \"$(printf '\n')\" x"), 2);
	assert_int_equal(run("decrypt -x --help"), 2);
	assert_int_equal(run("decrypt -h"), 0);
	expect_line("stdout", "^usage: nflog-capture decrypt");
	assert_int_equal(run("decrypt -ko x.pcap --help"), 0);
	expect_line("stdout", "^  -k, --key-file KEYS");
	/* what can't be printed is no success */
	assert_int_equal(run_command(PROGRAM " --help >/dev/full 2>%s/stderr", dir), 1);
	expect_line("stderr", "^unable to write to stdout: No space left");
}

/**
 * Check that bash completes words to others.
 *
 * @param words		words, the last one is completed
 * @param expected	what it may become, in brackets
 */
static void expect_completion(char *words, char *expected)
{
	assert_int_equal(run_command("cd %s && PATH=$(dirname " PROGRAM "):$PATH "
			"bash -c 'source " COMPLETION " && COMP_WORDS=(nflog-capture %s) && "
			"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _nflog_capture && "
			"printf \"<%%s>\" \"${COMPREPLY[@]}\"' >%s/stdout", dir, words, dir), 0);
	expect_line("stdout", expected);
}

static void test_completion(void **state)
{
	expect_completion("dec", "^<decrypt>$");
	expect_completion("--v", "^<--version>$");
	expect_completion("decrypt --k", "^<--key-file>$");
	expect_completion("decrypt -", "<--key-file><--output><--raw><--dir><--help><--version>$");
	expect_completion("decrypt suppr", "^<suppressions>$");
}

/**
 * Check with tshark that each of two traces has an interface with its link type.
 */
static void check_links(char *path)
{
	static char *names[] = { "trace\t7\n", "decrypted\t7\n", "trace 2\t141\n" };
	char buf[1024];
	FILE *tshark;
	int i;

	tshark = open_tshark(path, "-e frame.interface_name -e frame.encap_type");
	for (i = 0; tshark && i < 4 * countof(tests); i++)
	{
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		assert_string_equal(buf, i % 2 ? names[1] : names[i < 2 * countof(tests)
														   ? 0 : 2]);
	}
	if (tshark)
	{
		assert_null(fgets(buf, sizeof(buf), tshark));
		pclose(tshark);
	}
}

static void test_program(void **state)
{
	char path[2 * PATH_MAX];
	struct stat st;
	chunk_t content;

	assert_int_equal(run("decrypt %s/none/x.pcap", dir), 2);
	expect_line("stderr", "unable to open .*/none/x.pcap: No such file");

	snprintf(path, sizeof(path), "%s/gw/raw.pcap", dir);
	store->remove_file(store, "gw", "raw.pcap");
	free(create_esp(&tests[0], 99, 1, MODE_TUNNEL, inner, IPPROTO_IPIP).ptr);
	keys->flush(keys);
	content = create_trace(path, DLT_RAW);
	assert_int_equal(run("decrypt %s/gw/raw.pcap", dir), 0);
	expect_line("stdout", "^ESP: 36 packets, 36 decrypted, 35 ICV good, "
				"1 no ICV$");
	snprintf(path, sizeof(path), "%s/gw/raw.decrypted.pcapng", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	check_pcapng(path);

	/* a file that ends within a packet, what there is gets written */
	content.len -= 10;
	snprintf(path, sizeof(path), "%s/torn", dir);
	assert_true(chunk_write(content, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 1);
	expect_line("stdout", "^ESP: 35 packets, 35 decrypted, 34 ICV good, "
				"1 no ICV$");
	expect_line("stderr", "unable to read .*/torn: truncated");
	/* no packets, no trace at all, or another link type */
	content.len = 24;
	assert_true(chunk_write(content, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 0);
	expect_line("stdout", "^no packets$");
	content.len = 3;
	assert_true(chunk_write(content, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 2);
	chunk_free(&content);
	content = create_trace(path, DLT_USB);
	chunk_free(&content);
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 1);
	expect_line("stderr", "has packets of link type 186, in which IP packets");
	expect_line("stderr", "^nothing to decrypt in .*/torn");

	/* link type NFLOG, and stdout */
	snprintf(path, sizeof(path), "%s/gw/nflog.pcap", dir);
	content = create_trace(path, DLT_NFLOG);
	chunk_free(&content);
	assert_int_equal(run("decrypt %s/gw/nflog.pcap -o -", dir), 0);
	expect_line("stderr", "^ESP: 36 packets, 36 decrypted, 35 ICV good, "
				"1 no ICV$");
	snprintf(path, sizeof(path), "%s/stdout", dir);
	check_pcapng(path);
	/* several link types in one file */
	assert_int_equal(run("decrypt %s/gw/raw.pcap %s/gw/nflog.pcap -o %s/out", dir,
						 dir, dir), 0);
	expect_line("stdout", "^ESP: 72 packets, 72 decrypted, 70 ICV good, 2 no ICV$");
	snprintf(path, sizeof(path), "%s/out", dir);
	check_links(path);
	assert_int_equal(run("decrypt %s/gw/raw.pcap -o %s/none/out", dir, dir), 2);
	/* two traces as one, some keys are missing */
	snprintf(path, sizeof(path), "grep -v ' 0000000[12] \\|esp 0000000[12]' "
			 "%s/gw/keys >%s/few && echo rubbish >>%s/few", dir, dir, dir);
	assert_int_equal(system(path), 0);
	assert_int_equal(run("decrypt -k %s/few %s/gw/raw.pcap %s/gw/raw.pcap "
						 "-o %s/out", dir, dir, dir, dir), 1);
	expect_line("stdout", "^ESP: 72 packets, 68 decrypted, 66 ICV good, "
				"2 no ICV, 4 no key$");
	expect_line("stderr", "unable to parse this line of the key file$");
}

/**
 * Run the program with a FIFO as trace, open that to write to it.
 *
 * @param args		arguments, but for the trace
 */
static FILE *open_program(char *args, char *fifo, pid_t *pid)
{
	char cmd[4 * PATH_MAX];
	FILE *file;

	snprintf(cmd, sizeof(cmd), "exec " PROGRAM " %s %s >/dev/null 2>&1", args,
			 fifo);
	*pid = fork();
	if (!*pid)
	{
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	/* returns when the program has opened it */
	file = fopen(fifo, "w");
	assert_non_null(file);
	return file;
}

/**
 * Traces that are no regular files, or are written to meanwhile.
 */
static void test_traces(void **state)
{
	char path[PATH_MAX], args[2 * PATH_MAX], out[PATH_MAX];
	chunk_t content, *map;
	struct stat st;
	FILE *file;
	pid_t pid;
	trace_packet_t packet;
	trace_t *trace;
	int status, i, count, fds[2];

	snprintf(path, sizeof(path), "%s/gw/raw.pcap", dir);
	free(create_esp(&tests[0], 99, 1, MODE_TUNNEL, inner, IPPROTO_IPIP).ptr);
	keys->flush(keys);
	content = create_trace(path, DLT_RAW);

	/* as stdin, from a file and from a pipe, needs names for the others */
	assert_int_equal(run("decrypt - <%s", path), 2);
	expect_line("stderr", "^- is no regular file, give the key file with -k");
	assert_int_equal(run("decrypt -k %s/gw/keys -o %s/out - <%s", dir, dir, path),
					 0);
	snprintf(out, sizeof(out), "%s/out", dir);
	check_pcapng(out);
	assert_int_equal(unlink(out), 0);
	assert_int_equal(run_command("cat %s | " PROGRAM " decrypt -k %s/gw/keys "
								 "-o %s - >/dev/null", path, dir, out), 0);
	check_pcapng(out);
	assert_int_equal(unlink(out), 0);

	/* keys from stdin, which can't have the trace as well */
	assert_int_equal(run("decrypt -k - -o %s %s <%s/gw/keys", out, path, dir), 0);
	check_pcapng(out);
	assert_int_equal(unlink(out), 0);
	assert_int_equal(run("decrypt -k - -o %s - <%s", out, path), 2);
	expect_line("stderr", "^stdin has either keys or a trace");

	/* a FIFO; nothing is left if the program is killed before the end */
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(args, sizeof(args), "decrypt -k %s/gw/keys -o %s", dir, out);
	for (i = 0; i < 3; i++)
	{
		file = open_program(args, path, &pid);
		assert_int_equal(fwrite(content.ptr, content.len, 1, file), 1);
		fflush(file);
		if (i)
		{
			assert_int_equal(kill(pid, i == 1 ? SIGTERM : SIGKILL), 0);
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_true(WIFSIGNALED(status));
			assert_int_equal(stat(out, &st), -1);
			fclose(file);
			continue;
		}
		fclose(file);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		check_pcapng(out);
		assert_int_equal(unlink(out), 0);
	}
	assert_int_equal(unlink(path), 0);

	assert_true(chunk_write(content, out, 0600, TRUE));
	/* nothing in it, no trace at all, and none that ends */
	assert_true(chunk_write(chunk_empty, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s", dir, path), 2);
	expect_line("stderr", "fifo: it is empty");
	assert_int_equal(run("decrypt -k %s/gw/keys %s/gw", dir, dir), 2);
	expect_line("stderr", "gw has no traces$");
	assert_int_equal(run("decrypt -k %s/gw/keys -o - /dev/zero", dir), 2);
	expect_line("stderr", "/dev/zero: it is neither a regular file nor");

	/* packets that are added while it is read are not read */
	trace = trace_create(out);
	assert_non_null(trace);
	for (i = 0; i < 3; i++)
	{
		for (count = 0; trace->read(trace, &packet); count++)
		{
			if (!i && !count)
			{
				file = fopen(out, "a");
				assert_int_equal(fwrite(content.ptr + 24, content.len - 24, 1,
										file), 1);
				fclose(file);
			}
		}
		assert_int_equal(count, countof(tests));
		assert_true(trace->rewind(trace));
	}
	assert_false(trace->is_torn(trace));
	trace->destroy(trace);
	assert_int_equal(unlink(out), 0);

	/* what reads and writes the same file neither destroys it nor goes on for
	 * ever, by whatever name */
	snprintf(path, sizeof(path), "%s/gw/raw.pcap", dir);
	assert_int_equal(run("decrypt %s -o %s", path, path), 2);
	expect_line("stderr", "it is the same file as .*/raw.pcap, which is read");
	assert_int_equal(run_command(PROGRAM " decrypt %s -o - >>%s 2>%s/stderr", path,
								 path, dir), 2);
	expect_line("stderr", "write to stdout: it is the same file as .*/raw.pcap");
	assert_int_equal(run("decrypt -k %s/gw/keys - -o %s <%s", dir, path, path), 2);
	expect_line("stderr", "it is the same file as -, which is read");
	assert_int_equal(run("decrypt %s -o %s/gw/keys", path, dir), 2);
	expect_line("stderr", "it is the same file as .*/keys, which is read");
	snprintf(args, sizeof(args), "%s/gw/raw.decrypted.pcapng", dir);
	assert_int_equal(link(path, args), 0);
	assert_int_equal(run("decrypt %s %s", path, args), 2);
	assert_int_equal(run("decrypt %s", path), 2);
	expect_line("stderr", "it is the same file as .*/raw.pcap, which is read");
	map = chunk_map(path, FALSE);
	assert_true(chunk_equals(*map, content));
	chunk_unmap(map);

	/* what takes no more; a link, so that a device is never at risk */
	snprintf(args, sizeof(args), "%s/full", dir);
	assert_int_equal(symlink("/dev/full", args), 0);
	assert_int_equal(run("decrypt %s -o %s", path, args), 2);
	expect_line("stderr", "^unable to write to .*/full: No space left on device$");
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(run_command(PROGRAM " decrypt %s -o - 2>%s/stderr >&%d",
								 path, dir, fds[1]), 2);
	close(fds[1]);
	expect_line("stderr", "^unable to write to stdout: Broken pipe$");
	/* the file is written, though nobody sees the sum */
	assert_int_equal(run_command(PROGRAM " decrypt %s -o %s >/dev/full 2>/dev/null",
								 path, out), 1);
	check_pcapng(out);
	chunk_free(&content);
}

/**
 * A tunnel in a tunnel, with keys in two files.
 */
static void test_layers(void **state)
{
	static char *lines[] = {
		"0\ttrace\tESP 00000002 seq 1 in AES_GCM_8: ICV good\t\n",
		"1\tdecrypted\tESP 00000002 seq 1 in AES_GCM_8: ICV good, carries "
			"ESP 00000001 seq 1 in AES_CBC/HMAC_SHA2_256_128: ICV good\t\n",
		"2\tdecrypted 2\tESP 00000001 seq 1 in AES_CBC/HMAC_SHA2_256_128: "
			"ICV good\t6e666c6f672d63617074757265\n",
	};
	struct pcap_pkthdr hdr = {};
	char path[PATH_MAX], buf[1024];
	pcap_dumper_t *dumper;
	pcap_t *pcap;
	chunk_t packet, outer;
	FILE *tshark;
	int i;

	packet = add_ip(other, dst, IPPROTO_ESP,
					create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP));
	outer = add_ip(src, dst, IPPROTO_ESP,
				   create_esp(&tests[15], 2, 1, MODE_TUNNEL, packet, IPPROTO_IPIP));
	keys->flush(keys);
	assert_int_equal(run_command("cd %s/gw; grep 00000001 keys >../one; "
								 "grep 00000002 keys >../two", dir), 0);
	snprintf(path, sizeof(path), "%s/gw/raw.pcap", dir);
	pcap = pcap_open_dead(DLT_RAW, 65535);
	dumper = pcap_dump_open(pcap, path);
	assert_non_null(dumper);
	hdr.caplen = hdr.len = outer.len;
	pcap_dump((u_char*)dumper, &hdr, outer.ptr);
	pcap_dump_close(dumper);
	pcap_close(pcap);
	free(packet.ptr);
	free(outer.ptr);

	/* traffic inside that nobody has keys for is as good as any other */
	assert_int_equal(run("decrypt -k %s/two %s", dir, path), 0);
	expect_line("stdout", "^ESP: 1 packets, 1 decrypted, 1 ICV good$");
	expect_line("stdout", "^ESP in layer 2: 1 packets, 0 decrypted, 1 no key$");
	assert_int_equal(run("decrypt -k %s/one %s", dir, path), 1);
	assert_int_equal(run("decrypt -k %s/two -k %s/none %s", dir, dir, path), 2);
	assert_int_equal(run("decrypt -k %s/two -k %s/one %s -o %s/one", dir, dir, path,
						 dir), 2);
	assert_int_equal(run("decrypt -k %s/two -k %s/one %s", dir, dir, path), 0);
	expect_line("stdout", "^ESP: 1 packets, 1 decrypted, 1 ICV good$");
	expect_line("stdout", "^ESP in layer 2: 1 packets, 1 decrypted, 1 ICV good$");

	snprintf(path, sizeof(path), "%s/gw/raw.decrypted.pcapng", dir);
	tshark = open_tshark(path, "-e frame.interface_id -e frame.interface_name "
						 "-e frame.comment -e data.data");
	for (i = 0; tshark && i < countof(lines); i++)
	{
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		assert_string_equal(buf, lines[i]);
	}
	if (tshark)
	{
		assert_null(fgets(buf, sizeof(buf), tshark));
		pclose(tshark);
	}
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_completion),
		cmocka_unit_test_setup_teardown(test_program, begin, end),
		cmocka_unit_test_setup_teardown(test_traces, begin, end),
		cmocka_unit_test_setup_teardown(test_layers, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}

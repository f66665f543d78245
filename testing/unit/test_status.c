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
 * The exit status of nflog-capture(1), as its manual page has it.
 */

#define _GNU_SOURCE

#include "program.h"
#include "answers.h"
#include "traces.h"

#define NAME "net.20261124T223527Z.00000001-00000002"

/** commands that had another status than expected */
static int wrong;

/**
 * Run a command in the directory of the test, in which gw has traces with keys.
 */
static void expect_status(int status, char *args)
{
	int got;

	got = run_command("cd %s && " PROGRAM " %s >%s/stdout 2>%s/stderr </dev/null", dir, args,
					  dir, dir);
	if (got != status)
	{
		assert_int_equal(run_command("cat %s/stdout %s/stderr >&2", dir, dir), 0);
		print_error("'%s' has the status %d, not %d\n", args, got, status);
		wrong++;
	}
	if (status == 2)
	{	/* the reason is printed */
		assert_int_equal(run_command("test -s %s/stderr", dir), 0);
	}
}

/**
 * Write a trace with a packet in ESP, and the same in the clear.
 */
static int begin_status(void **state)
{
	trace_file_t *file;

	assert_int_equal(begin(state), 0);
	umask(077);
	file = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	trace_file_add(file, 1000000000, "net{1} esp-in",
				   add_ip(src, dst, IPPROTO_ESP, create_esp(&tests[0], 1, 1, MODE_TUNNEL,
															inner, IPPROTO_IPIP)));
	trace_file_close(file);
	file = trace_file_create("clear", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000000000, "net{1} plain-in", chunk_clone(inner));
	trace_file_close(file);
	keys->flush(keys);
	assert_int_equal(run_command("cd %s && cp -r gw torn && printf x >>torn/" NAME
			".esp.pcap && cp -r gw nokeys && rm nokeys/* && cp gw/*.pcap nokeys && "
			"cp -r gw changed && printf x | dd of=changed/" NAME ".esp.pcap conv=notrunc "
			"bs=1 seek=$(($(stat -c %%s changed/*.esp.pcap) - 2)) 2>/dev/null && "
			"touch empty && cp gw/keys lines && echo nonsense >>lines && "
			"mkdir bin && printf '#!/bin/sh\\necho \"$2\" >opened; exit 7\\n' >bin/wireshark && "
			"chmod 755 bin/wireshark", dir), 0);
	return 0;
}

static int end_status(void **state)
{
	return end(state) | run_command("find %s -mindepth 1 ! -name suppressions -delete", dir);
}

static void test_usage(void **state)
{
	static char *verbs[] = {
		"list", "start", "stop", "rotate", "save", "decrypt", "export", "follow", "open",
		"extcap", "check", "report",
	};
	char args[64];
	int i;

	expect_status(2, "");
	expect_status(2, "none");
	expect_status(0, "--help");
	for (i = 0; i < countof(verbs); i++)
	{
		snprintf(args, sizeof(args), "%s --none", verbs[i]);
		expect_status(2, args);
		snprintf(args, sizeof(args), "%s --help", verbs[i]);
		expect_status(0, args);
		snprintf(args, sizeof(args), "%s --version", verbs[i]);
		expect_status(0, args);
	}
	for (i = 5; i < 9; i++)
	{	/* they need an operand, or no terminal */
		snprintf(args, sizeof(args), "%s%s", verbs[i], i == 7 ? " ./none/none" : "");
		expect_status(2, args);
	}
	expect_status(2, "report");
	expect_status(2, "start");
	expect_status(2, "stop");
	expect_status(2, "save");
	assert_int_equal(wrong, 0);
}

static void test_files(void **state)
{
	expect_status(0, "decrypt gw/" NAME ".esp.pcap");
	expect_status(0, "decrypt gw");
	expect_status(0, "decrypt --dir . gw");
	expect_status(0, "decrypt -k gw/keys -o x nokeys");
	expect_status(0, "decrypt -k gw/keys clear");
	expect_line("stdout", "^nothing to decrypt$");
	expect_status(1, "decrypt -k gw/keys clear/" NAME ".plain.pcap");
	expect_status(1, "decrypt -k empty -o x gw");
	expect_status(1, "decrypt changed");
	expect_status(1, "decrypt torn");
	expect_status(1, "decrypt -k lines gw");
	expect_status(2, "decrypt none");
	expect_line("stderr", "^.none. is neither a file, nor a directory, nor a connection");
	expect_status(2, "decrypt --dir none gw2");
	expect_status(2, "decrypt nokeys");
	expect_status(2, "decrypt -k none gw");
	expect_status(2, "decrypt -o none/x gw");
	expect_status(2, "decrypt -o gw/keys gw");

	expect_status(0, "export -o x gw");
	expect_status(0, "export --dir . -o x gw");
	expect_status(0, "export --one-per-trace -o each gw clear");
	expect_status(0, "export --keys -o y.pcapng gw");
	expect_status(1, "export -o x torn");
	expect_status(1, "export --keys -o z.pcapng nokeys");
	expect_status(1, "export --filter udp -o x nokeys");
	expect_status(2, "export -o x none");
	expect_status(2, "export -k none -o x gw");
	expect_status(2, "export --log none -o x gw");
	expect_status(2, "export -o none/x gw");
	expect_status(2, "export --since yesterday -o x gw");

	expect_status(0, "report gw");
	expect_status(0, "report --json --dir . gw");
	expect_status(0, "report --peer clear gw");
	expect_status(1, "report torn");
	expect_status(2, "report none");
	expect_status(2, "report -k none gw");

	/* what was decrypted above has no keys of its own */
	expect_status(0, "check nokeys");
	expect_status(1, "check torn");
	expect_status(0, "check --repair torn");
	expect_status(0, "check --dir . nokeys");
	expect_status(2, "check none");

	expect_status(2, "open none");
	expect_status(2, "open --dir none gw2");
	assert_int_equal(run_command("cd %s && PATH=bin " PROGRAM " open gw 2>/dev/null", dir), 7);
	expect_line("opened", "^gw/" NAME ".esp.pcap$");
	/* a newer one has no packets, and another one no ESP */
	assert_int_equal(run_command("cd %s && head -c 24 gw/" NAME ".esp.pcap >gw/net."
			"20261124T233527Z.00000003-00000004.esp.pcap && cp clear/*.pcap gw && "
			"PATH=bin " PROGRAM " open gw 2>/dev/null", dir), 7);
	expect_line("opened", "^gw/" NAME ".esp.pcap$");
	assert_int_equal(run_command("cd %s && rm gw/" NAME ".esp.pcap && PATH=bin " PROGRAM
								 " open gw 2>/dev/null", dir), 7);
	expect_line("opened", "^gw/" NAME ".plain.pcap$");
	assert_int_equal(run_command("cd %s && rm gw/" NAME ".plain.pcap && PATH=bin " PROGRAM
								 " open gw 2>/dev/null", dir), 7);
	expect_line("opened", "^gw/net.20261124T233527Z");
	assert_int_equal(run_command("cd %s && PATH=none " PROGRAM " open gw 2>%s/stderr", dir,
								 dir), 2);

	expect_status(0, "--extcap-interfaces --dir .");
	expect_status(0, "--extcap-dlts --extcap-interface nflog-capture");
	expect_status(0, "--extcap-interface nflog-capture --extcap-capture-filter udp");
	expect_status(2, "--extcap-interface nflog-capture --extcap-capture-filter nonsense");
	expect_status(2, "extcap");
	assert_int_equal(wrong, 0);
}

/**
 * Commands that talk to the plugin.
 */
static void test_plugin(void **state)
{
	static struct {
		char *answer;
		struct {
			char *args;
			int status;
		} runs[10];
	} cases[] = {
		{ "{\"type\":\"end\",\"applied\":true}\n", {
			{ "list", 0 }, { "list gw", 1 }, { "rotate", 1 }, { "save x", 1 },
			{ "start --all", 0 }, { "stop gw", 0 }, { "start --request 1", 0 },
			{ "stop --request all", 0 },
		} },
		{ "{\"type\":\"trace\",\"state\":\"running\",\"points\":[]}\n"
		  "{\"type\":\"end\",\"applied\":true,\"traces\":1,\"started\":1}\n", {
			{ "list gw", 0 }, { "list --json", 0 }, { "rotate", 0 }, { "start gw", 0 },
		} },
		{ "{\"type\":\"trace\",\"state\":\"failed\",\"directory\":\"/x\","
		  "\"file\":\"y\",\"interrupted\":true}\n"
		  "{\"type\":\"end\",\"applied\":true,\"traces\":1,\"failed\":1}\n", {
			{ "rotate", 1 }, { "start gw", 1 }, { "stop gw", 1 }, { "save x", 2 },
		} },
		{ "{\"type\":\"end\",\"traces\":1,\"busy\":1}\n", {
			{ "rotate", 1 }, { "start gw", 1 }, { "stop gw", 1 },
		} },
		{ "{\"type\":\"error\",\"message\":\"no\"}\n", {
			{ "list", 2 }, { "list --json", 2 }, { "rotate", 2 }, { "save x", 2 },
			{ "start --all", 2 }, { "stop --all", 2 }, { "stop --request 1", 2 },
		} },
		{ "nonsense\n", {
			{ "list", 2 }, { "rotate", 2 }, { "save x", 2 }, { "start --all", 2 },
		} },
		{ "", {
			{ "list", 2 }, { "rotate", 2 }, { "save x", 2 }, { "start --all", 2 },
		} },
	};
	char args[64];
	pid_t pid;
	int i, j;

	expect_status(2, "list --socket none");
	expect_status(2, "start --all --socket none");
	for (i = 0; i < countof(cases); i++)
	{
		pid = serve(cases[i].answer);
		for (j = 0; cases[i].runs[j].args; j++)
		{
			snprintf(args, sizeof(args), "%s --socket socket", cases[i].runs[j].args);
			expect_status(cases[i].runs[j].status, args);
		}
		serve_end(pid);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_usage, begin_status, end_status),
		cmocka_unit_test_setup_teardown(test_files, begin_status, end_status),
		cmocka_unit_test_setup_teardown(test_plugin, begin_status, end_status),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}

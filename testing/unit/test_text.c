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
 * What nflog-capture(1) prints of names, paths and messages that others chose: nothing that
 * a terminal obeys, whichever command prints it.
 */

#define _GNU_SOURCE

#include "program.h"
#include "answers.h"
#include "cli/text.h"
#include "traces.h"

#include <json-c/json.h>

/** a name that sets colors, goes to the next line, and more: BEL, CSI of C1, what is not in
 * UTF-8, and a character that turns the direction of text, for the shell's printf */
#define HOSTILE "\\033[31mred\\007\\n\\302\\233\\377\\342\\200\\256"

/** the same in JSON */
#define HOSTILE_JSON "\\u001b[31mred\\u0007\\n\302\233\377\342\200\256"

/** as it is printed, for grep */
#define ESCAPED "\\\\x1b\\[31mred\\\\x07\\\\n\\\\xc2\\\\x9b\\\\xff\\\\xe2\\\\x80\\\\xae"

#define NAME ".20261124T223527Z.00000001-00000002.esp.pcap"

/**
 * Check what is printed.
 */
static void expect_text(char *expected, char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	size_t len;
	FILE *out;

	out = open_memstream(&text, &len);
	assert_non_null(out);
	va_start(args, fmt);
	text_vprint(out, fmt, args);
	va_end(args);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void test_print(void **state)
{
	time_t now = 1000000000;

	expect_text("", "");
	expect_text("a\tb\n", "a\tb\n");
	expect_text("100 %", "100 %%");
	expect_text("[ab] [  ab] [ab  ] [a]", "[%s] [%4s] [%-4s] [%.1s]", "ab", "ab", "ab",
				"ab");
	expect_text("[  ab] [ab  ] [ab]", "[%*s] [%*s] [%.*s]", 4, "ab", -4, "ab", 2, "abc");
	expect_text("(null)", "%s", (char*)NULL);
	expect_text("-1 4294967295 00ff FF x", "%d %u %.4x %X %c", -1, -1, 255, 255, 'x');
	expect_text("   7 7    +7 0007", "%4d %-4d %+d %04d", 7, 7, 7, 7);
	expect_text("-9223372036854775808 18446744073709551615", "%" PRId64 " %" PRIu64,
				INT64_MIN, UINT64_MAX);
	expect_text("5 -6 7", "%zu %ld %jd", (size_t)5, -6L, (intmax_t)7);
	expect_text("1.25  2.0", "%.2f %4.1f", 1.25, 2.0);
	expect_text("Sep 09 01:46:40 UTC 2001", "%T", &now, TRUE);

	/* controls, and what is not in UTF-8: a lone byte, one that is cut off, an overlong
	 * one, a surrogate, and too large a number */
	expect_text("\\x1b[0m\\n\\t\\x7f\\x08", "%s", "\033[0m\n\t\177\b");
	expect_text("\\xc2\\x85 \\xe2\\x80\\xa8 \\xef\\xbb\\xbf", "%s",
				"\302\205 \342\200\250 \357\273\277");
	expect_text("\\xff \\xe2\\x80", "%s", "\377 \342\200");
	expect_text("\\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xf8", "%s",
				"\300\257 \355\240\200 \364\220\200\200 \370");
	expect_text("\\x1b\\n", "%c%c", '\033', '\n');
	/* the others are printed, and take one column */
	expect_text("\303\274\342\202\254\360\235\204\236", "%s",
				"\303\274\342\202\254\360\235\204\236");
	expect_text("[\303\274 ] [\\x01 ]", "[%-2s] [%-5s]", "\303\274", "\001");
	assert_true(text_is_plain("a \303\274"));
	assert_false(text_is_plain("a\n"));
	assert_false(text_is_plain("\377"));
}

static void test_json(void **state)
{
	char *text = NULL;
	json_object *value;
	size_t len;
	FILE *out;

	out = open_memstream(&text, &len);
	assert_non_null(out);
	text_print_json(out, "{\"a\\n\":\n\"\177\302\233\342\200\256\363\240\201\201\377"
					"\303\274\"}");
	fclose(out);
	assert_string_equal(text, "{\"a\\n\":\n\"\\u007f\\u009b\\u202e\\udb40\\udc41\\ufffd"
						"\303\274\"}");
	value = json_tokener_parse(text);
	assert_non_null(value);
	json_object_put(value);
	free(text);
}

/**
 * Check that a file has nothing that a terminal obeys, but ends of lines.
 */
static void check_file(char *name)
{
	char path[PATH_MAX], line[64 * 1024];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
	{
		assert_int_equal(line[strlen(line) - 1], '\n');
		line[strlen(line) - 1] = '\0';
		if (!text_is_plain(line))
		{
			print_error("%s has: ", name);
			text_print(stderr, "%s\n", line);
			fail();
		}
	}
	fclose(in);
}

/**
 * Run a command whose arguments may use $h for the hostile name, and $d for the directory.
 *
 * @param status	its exit status
 * @param pattern	pattern of a line that is printed, NULL for any
 */
static void run_hostile(char *args, int status, char *pattern)
{
	char cmd[PATH_MAX];
	int result;

	/* the end keeps line feeds at the end of the name */
	result = run_command("h=$(printf '" HOSTILE "'); d=%s/c; cd %s; " PROGRAM " %s "
						 ">%s/stdout 2>%s/stderr </dev/null", dir, dir, args, dir, dir);
	print_message("%s\n", args);
	check_file("stdout");
	check_file("stderr");
	snprintf(cmd, sizeof(cmd), "%s/stdout", dir);
	assert_int_equal(result, status);
	if (pattern)
	{
		assert_int_equal(run_command("cat %s/stdout %s/stderr >%s/both", dir, dir, dir), 0);
		expect_line("both", pattern);
	}
}

/**
 * Files and directories with names that a terminal would obey, and such content.
 */
static void test_files(void **state)
{
	trace_file_t *trace;
	chunk_t packet;

	packet = add_ip(src, dst, IPPROTO_ESP, create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner,
													  IPPROTO_IPIP));
	keys->flush(keys);
	trace = trace_file_create("gw", "net" NAME, DLT_NFLOG);
	trace_file_add(trace, 1000000000, "\033[31mred\n\377{1} esp-in", packet);
	trace_file_close(trace);
	assert_int_equal(run_command("umask 077; h=$(printf '" HOSTILE "'); mkdir -p %s/c/\"$h\""
			" && cp %s/gw/keys %s && cp %s/gw/keys %s/gw/esp_sa %s/c/\"$h\" && "
			"cp %s/gw/net" NAME " %s/c/\"$h/$h" NAME "\" && cd %s/c/\"$h\" && "
			"printf x >>\"$h" NAME "\" && printf '%%s\n' \"$h\" >>keys && "
			"mkfifo \"$h.fifo\" && "
			"echo \"trace /c/$h/$h" NAME " of CHILD_SA $h{1} ended: "
			"esp-in 1 packets 1 bytes 0 lost\" >%s/log", dir, dir, dir, dir, dir, dir, dir,
			dir, dir, dir), 0);

	run_hostile("\"$h\"", 2, "^unknown command ." ESCAPED ".");
	run_hostile("\"--$h\"", 2, "^unknown option .--" ESCAPED ".");
	run_hostile("check \"--$h\"", 2, "^unknown option .--" ESCAPED ".");
	run_hostile("check \"-$h\"", 2, "^unknown option .-\\\\x1b.");
	run_hostile("check \"./$h\"", 2, "unable to open .*" ESCAPED);
	run_hostile("check $d", 1, "^.*/" ESCAPED "/keys");
	run_hostile("check $d", 1, "/" ESCAPED "/" ESCAPED "\\.20261124T.*torn\\|cut");
	run_hostile("check --json $d", 1, "\\\\u001b\\[31mred");
	run_hostile("decrypt -k log \"$h\"", 2, ESCAPED);
	run_hostile("decrypt -k \"$h\" $d/\"$h/$h" NAME "\"", 2, ESCAPED);
	run_hostile("decrypt $d/\"$h/$h" NAME "\"", 1, ESCAPED);
	run_hostile("decrypt -o $d/none/\"$h\" $d/\"$h/$h" NAME "\"", 2,
				"^unable to write to .*" ESCAPED);
	run_hostile("decrypt -k keys -o out $d/\"$h\"", 1, ESCAPED);
	run_hostile("export \"$h\"", 2, ESCAPED);
	run_hostile("export -o x.pcapng --log log $d/\"$h\"", 1, ESCAPED);
	run_hostile("export -o \"$h.pcapng\" --log log --keys $d/\"$h\"", 1, ESCAPED);
	run_hostile("export -o x.pcapng --since \"$h\" $d/\"$h\"", 2, ESCAPED);
	run_hostile("export -o x.pcapng --log \"$h\" $d/\"$h\"", 2, ESCAPED);
	run_hostile("export -o x.pcapng --filter \"$h\" $d/\"$h\"", 2, ESCAPED);
	run_hostile("report \"$h\"", 2, ESCAPED);
	run_hostile("report $d/\"$h\"", 1, ESCAPED);
	run_hostile("report --json $d/\"$h\"", 1, NULL);
	run_hostile("follow --filter \"$h\" $d/\"$h\"", 2, ESCAPED);
	run_hostile("follow \"$h/none\"", 2, ESCAPED);
	run_hostile("open -t \"$h\"", 2, ESCAPED);
	run_hostile("list --socket \"$h\"", 2, ESCAPED);
	run_hostile("list --ike-id \"$h\"", 2, ESCAPED);
	run_hostile("start --duration \"$h\" --all", 2, ESCAPED);
	run_hostile("start --option \"$h\" --all", 2, ESCAPED);
	/* Wireshark could not give it back */
	run_hostile("--extcap-interfaces --dir $d", 0, "^interface {value=nflog-capture}");
	assert_int_equal(run_command("! grep -q red %s/stdout", dir), 0);
}

/**
 * Comments, names and descriptions in a file that was exported.
 */
static void test_comments(void **state)
{
	char path[PATH_MAX], buf[4096];
	FILE *tshark;

	snprintf(path, sizeof(path), "%s/x.pcapng", dir);
	tshark = open_tshark(path, "-e frame.comment -e frame.interface_name "
						 "-e frame.interface_description");
	if (tshark)
	{
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		assert_non_null(strstr(buf, "\\x1b[31mred\\n\\xff{1}"));
		assert_null(fgets(buf, sizeof(buf), tshark));
		pclose(tshark);
	}
}

/**
 * What the plugin sends has names from swanctl.conf, identities of peers, and paths.
 */
static void test_answers(void **state)
{
	static char *fields[] = {
		"connection", "child", "directory", "file", "first_file", "identity", "note",
	}, *states[] = {
		"running", "ended", "failed", HOSTILE_JSON,
	}, *verbs[] = {
		"list", "list --json", "rotate", "start --all", "stop --all", "save saved",
	};
	char *answer, cmd[256];
	size_t len;
	FILE *out;
	pid_t pid;
	int i, j;

	for (i = 0; i < 2 * countof(states); i++)
	{
		out = open_memstream(&answer, &len);
		fprintf(out, "{\"type\":\"trace\",\"state\":\"%s\",\"former\":\"%s\","
				"\"interrupted\":%d,\"virtual_ips\":[\"%s\"],\"points\":[{\"point\":\"%s\"}]",
				states[i / 2], i == 1 ? "" : HOSTILE_JSON, i % 2, HOSTILE_JSON, HOSTILE_JSON);
		for (j = 0; j < countof(fields); j++)
		{
			fprintf(out, ",\"%s\":\"%s\"", fields[j], HOSTILE_JSON);
		}
		fprintf(out, "}\n{\"type\":\"request\",\"id\":\"%s\",\"action\":\"%s\",\"child\":\"%s\","
				"\"options\":{\"%s\":\"%s\"}}\n{\"type\":\"end\",\"traces\":1,\"started\":1,"
				"\"applied\":1}\n", HOSTILE_JSON, HOSTILE_JSON, HOSTILE_JSON, HOSTILE_JSON,
				HOSTILE_JSON);
		fclose(out);
		pid = serve(answer);
		for (j = 0; j < countof(verbs); j++)
		{
			snprintf(cmd, sizeof(cmd), "%s --socket socket", verbs[j]);
			/* nothing can be copied from a directory with such a name */
			run_hostile(cmd, strpfx(cmd, "save") ? 2 :
						strpfx(cmd, "list") ? 0 : i % 2, j == 1 ? NULL : ESCAPED);
		}
		serve_end(pid);
		free(answer);
	}

	pid = serve("{\"type\":\"trace\",\"spi_in\":\"c0000001\",\"spi_out\":\"c0000002\","
				"\"points\":[]}\n{\"type\":\"trace\",\"spi_initiator\":\"1122334455667788\","
				"\"points\":[]}\n{\"type\":\"trace\",\"points\":[]}\n{\"type\":\"end\"}\n");
	run_hostile("list --socket socket", 0, "^  SPI c0000001 in, c0000002 out$");
	run_hostile("list --socket socket", 0, "^  SPI 1122334455667788 of the initiator$");
	serve_end(pid);
	pid = serve("{\"type\":\"error\",\"message\":\"" HOSTILE_JSON "\"}\n");
	run_hostile("list --socket socket", 2, ESCAPED);
	serve_end(pid);
	answer = malloc(1024 * 1024);
	memset(answer, '[', 1024 * 1024);
	answer[1024 * 1024 - 1] = '\0';
	pid = serve(answer);
	run_hostile("list --socket socket", 2, "is not that of the nflog-capture plugin");
	serve_end(pid);
	free(answer);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_json),
		cmocka_unit_test_setup_teardown(test_files, begin, end),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}

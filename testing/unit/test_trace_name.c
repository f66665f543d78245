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
 * Names of traces: what is built is recognized and taken apart again, nothing else is,
 * and names of connections and children become those of files.
 */

#include "common.h"
#include "files/starts.h"
#include "files/trace_name.h"

#include <arpa/inet.h>
#include <endian.h>
#include <time.h>

#include <collections/hashtable.h>

/** names that need no change */
static char *fit[] = {
	"gw", "Zürich & co", "a_b", "x..", "-", "~", "a b", "%n%s", "net~net",
	"a_b~0123456789abcde", "a_b~0123456789ABCDEF", "a_b~0123456789abcdef0",
	"\xff\xfe",
};

/** names that do, and how the new ones begin */
static struct {
	char *name;
	char *prefix;
} unfit[] = {
	{ "", "~" },
	{ ".", "_~" },
	{ "..", "_.~" },
	{ ".hidden", "_hidden~" },
	{ "../../etc", "_._.._etc~" },
	{ "a/b", "a_b~" },
	{ "saved", "saved~" },
	{ "a\nb\x7f\x01", "a_b__~" },
	{ "a\rb\x7f\x01", "a_b__~" },
	{ "a_b~0123456789abcdef", "a_b~0123456789abcdef~" },
	{ "~0123456789abcdef", "~0123456789abcdef~" },
};

/**
 * Check that a name is one of a file, and differs from all before.
 */
static void check_name(char *name, hashtable_t *names)
{
	char buf[NFLOG_NAME_SIZE], again[NFLOG_NAME_SIZE], *former;
	size_t i, len;

	nflog_trace_name_label(name, buf);
	len = strlen(buf);
	assert_in_range(len, 1, NFLOG_NAME_SIZE - 1);
	assert_int_not_equal(buf[0], '.');
	for (i = 0; i < len; i++)
	{
		assert_false((u_char)buf[i] < ' ' || buf[i] == 0x7f || buf[i] == '/');
	}
	/* and with the next start */
	assert_string_equal(nflog_trace_name_label(name, again), buf);
	former = names->get(names, buf);
	if (former)
	{
		assert_string_equal(former, name);
	}
	else
	{
		names->put(names, strdup(buf), strdup(name));
	}
}

static void test_names(void **state)
{
	char buf[NFLOG_NAME_SIZE], again[NFLOG_NAME_SIZE];
	char long_name[500], other[500];
	u_int i;

	for (i = 0; i < countof(fit); i++)
	{
		assert_string_equal(nflog_trace_name_label(fit[i], buf), fit[i]);
	}
	for (i = 0; i < countof(unfit); i++)
	{
		nflog_trace_name_label(unfit[i].name, buf);
		assert_true(strpfx(buf, unfit[i].prefix));
		assert_int_equal(strlen(buf), strlen(unfit[i].prefix) + 16);
		/* who configures that name gets another directory */
		assert_string_not_equal(nflog_trace_name_label(buf, again), buf);
	}
	/* is part of the interface, tables are looked for there after an update */
	assert_string_equal(nflog_trace_name_label("a/b", buf),
						"a_b~367daf60c489d65e");

	memset(long_name, 'x', sizeof(long_name));
	memset(other, 'x', sizeof(other));
	long_name[100] = '\0';
	assert_string_equal(nflog_trace_name_label(long_name, buf), long_name);
	long_name[100] = 'x';
	long_name[499] = other[499] = '\0';
	assert_int_equal(strlen(nflog_trace_name_label(long_name, buf)), 100);
	other[498] = 'y';
	assert_string_not_equal(nflog_trace_name_label(other, again), buf);
	/* a character across the limit */
	memcpy(long_name + 82, "ü", 2);
	assert_int_equal(strlen(nflog_trace_name_label(long_name, buf)), 99);
	assert_int_equal(buf[82], '~');
}

static void test_names_differ(void **state)
{
	static char alphabet[] = "ab./_~\n\x7f" "0f\xc3\xbc%";
	enumerator_t *enumerator;
	hashtable_t *names;
	char name[256], *key, *value;
	uint32_t seed = 1;
	u_int i, j, len;

	names = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	for (i = 0; i < 100000; i++)
	{	/* very short ones, so that many differ in a single character, and those
		 * around the limits; all with what the former ones became */
		seed = seed * 1664525 + 1013904223;
		len = i % 3 ? (seed >> 8) % 6 : 80 + (seed >> 8) % 40;
		for (j = 0; j < len; j++)
		{
			seed = seed * 1664525 + 1013904223;
			name[j] = i % 3 && j < 6 ? alphabet[(seed >> 16) %
												(countof(alphabet) - 1)] : 'x';
			if (i % 3 == 0 && j > len - 3)
			{
				name[j] = alphabet[(seed >> 16) % (countof(alphabet) - 1)];
			}
		}
		name[len] = '\0';
		check_name(name, names);
		if (i % 8 == 0)
		{
			char safe[NFLOG_NAME_SIZE];

			check_name(nflog_trace_name_label(name, safe), names);
		}
	}
	enumerator = names->create_enumerator(names);
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		free(key);
		free(value);
	}
	enumerator->destroy(enumerator);
	names->destroy(names);
}

/** 2026-11-23 20:23:45 UTC */
#define START 1795465425

/**
 * Check that a file of a trace has this name, and these SPIs in there.
 */
static void check_trace(char *name, u_int number, bool ring, char *file, char *first,
						char *second)
{
	char spis[2][NFLOG_IKE_DIGITS + 1], *built;
	u_int found;

	built = nflog_trace_name_file(name, number, ring);
	assert_string_equal(built, file);
	assert_true(nflog_trace_name_parse(file, spis));
	assert_true(nflog_trace_name_parse(file, NULL));
	assert_int_equal(nflog_trace_name_stem(file, &found), strlen(name));
	assert_int_equal(found, number);
	assert_string_equal(spis[0], first);
	assert_string_equal(spis[1], second);
	free(built);
}

static void test_traces(void **state)
{
	char *name;

	name = nflog_trace_name_child("net", START, htonl(0x01234567),
								  htonl(0x89abcdef), NFLOG_NAME_ESP);
	check_trace(name, 0, FALSE, "net.20261123T202345Z.01234567-89abcdef.esp.pcap",
				"01234567", "89abcdef");
	check_trace(name, 0, TRUE, "net.20261123T202345Z.01234567-89abcdef.esp.0.pcap",
				"01234567", "89abcdef");
	check_trace(name, 123, FALSE,
				"net.20261123T202345Z.01234567-89abcdef.esp.123.pcap", "01234567",
				"89abcdef");
	free(name);
	/* a child that is called as a trace is */
	name = nflog_trace_name_child("ike.20261123T202345Z.11111111-22222222.esp.pcap",
								  START, htonl(1), htonl(2), NFLOG_NAME_PLAIN);
	check_trace(name, 0, FALSE, "ike.20261123T202345Z.11111111-22222222.esp.pcap."
				"20261123T202345Z.00000001-00000002.plain.pcap", "00000001",
				"00000002");
	free(name);
	name = nflog_trace_name_child("net", START, htonl(1), htonl(2), NFLOG_NAME_DROPPED);
	check_trace(name, 12, TRUE, "net.20261123T202345Z.00000001-00000002.dropped.12.pcapng",
				"00000001", "00000002");
	free(name);
	name = nflog_trace_name_child("5", START, htonl(1), htonl(2), NFLOG_NAME_MISSED);
	check_trace(name, 0, FALSE, "5.20261123T202345Z.00000001-00000002.missed.pcapng",
				"00000001", "00000002");
	free(name);
	name = nflog_trace_name_child("a/b", START, 0, 0, NFLOG_NAME_PLAIN);
	check_trace(name, 0, FALSE, "a_b~367daf60c489d65e.20261123T202345Z."
				"00000000-00000000.plain.pcap", "00000000", "00000000");
	free(name);
	name = nflog_trace_name_ike(START, htobe64(0x0123456789abcdefULL),
								htobe64(0xfedcba9876543210ULL));
	check_trace(name, 7, TRUE,
				"ike.20261123T202345Z.0123456789abcdef-fedcba9876543210.7.pcap",
				"0123456789abcdef", "fedcba9876543210");
	free(name);
}

static void test_others(void **state)
{
	static char *others[] = {
		"", ".pcap", "mine.pcap", "esp_sa", "preferences",
		"net.20261123T202345Z.01234567-89abcdef.esp",
		"net.20261123T202345Z.01234567-89abcdef.esp.pcap.gz",
		"net.20261123T202345Z.01234567-89abcdef.esp.old.pcap",
		"net.20261123T202345Z.01234567-89abcdef.esp.1.2.pcap",
		"net.20261123T202345Z.01234567-89abcdef.esp..pcap",
		"net.20261123T202345Z.01234567-89abcdef.other.pcap",
		"net.20261123T202345Z.01234567-89abcdef.pcap",
		"net.20261123T202345Z.01234567-89abcdef.esp.decrypted.pcapng",
		"net.20261123T202345Z.01234567-89abcdef.esp.pcapng",
		"net.20261123T202345Z.01234567-89abcdef.dropped.pcap",
		"net.20261123T202345Z.01234567-89abcdef.5ropped.pcapng",
		"net.20261123T202345Z.01234567-89abcdef.missed",
		"net.20261123T202345Z.01234567-89ABCDEF.esp.pcap",
		"net.20261123T202345Z.01234567-89abcde.esp.pcap",
		"net.20261123.01234567-89abcdef.esp.pcap",
		"ike.20261123T202345Z.0123456789abcdef-0123456789abcdef.esp.pcap",
		"like.20261123T202345Z.0123456789abcdef-0123456789abcdef.pcap",
		"ikes.20261123T202345Z.0123456789abcdef-0123456789abcdef.pcap",
		".20261123T202345Z.0123456789abcdef-0123456789abcdef.pcap",
	};
	char tmp[64];
	int i;

	for (i = 0; i < countof(others); i++)
	{
		assert_false(nflog_trace_name_parse(others[i], NULL));
		assert_false(nflog_trace_name_is_tmp(others[i]));
	}
	assert_false(nflog_trace_name_is_tmp(".notes.01234567.tmp"));
	assert_false(nflog_trace_name_is_tmp(".keys.0123456.tmp"));
	assert_false(nflog_trace_name_is_tmp(".keys.01234567.tmp~"));
	for (i = 0; i < 100; i++)
	{
		nflog_trace_name_tmp("esp_sa", tmp, sizeof(tmp));
		assert_true(nflog_trace_name_is_tmp(tmp));
		assert_false(nflog_trace_name_parse(tmp, NULL));
	}
}

/**
 * Take a name, and get its start.
 */
static time_t take(nflog_starts_t *starts, char *dir, char *name, time_t start)
{
	char *taken = starts->take(starts, dir, name, start), *same;

	same = nflog_trace_name_restart(taken, 0);
	assert_string_equal(same, name);
	start = nflog_trace_name_get_start(taken);
	free(same);
	free(taken);
	return start;
}

/**
 * Names of the traces of an SA are later than those before, however many there are, and
 * whatever the clock does.
 */
static void test_starts(void **state)
{
	nflog_starts_t *starts = nflog_starts_create();
	char *name = nflog_trace_name_child("a.20261123T202345Z.b", 0, 1, 2, "plain");
	char *other = nflog_trace_name_child("a.20261123T202345Z.b", 0, 1, 3, "plain");
	time_t now = time(NULL), i;

	for (i = 0; i < 20; i++)
	{
		assert_int_equal(take(starts, "gw", name, now), now + i);
	}
	assert_int_equal(take(starts, "gw", name, now - 1), now + 20);
	assert_int_equal(take(starts, "gw", name, now + 30), now + 30);
	/* others have their own */
	assert_int_equal(take(starts, "gw", other, now), now);
	assert_int_equal(take(starts, "other", name, now), now);
	/* and what is long past does not matter */
	assert_int_equal(take(starts, "past", name, START), START);
	assert_int_equal(take(starts, "past", name, START), START);
	assert_int_equal(take(starts, "past", name, now), now);
	assert_int_equal(nflog_trace_name_get_start("net{1}"), 0);
	free(name);
	free(other);
	starts->destroy(starts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_differ),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_starts),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

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
 * Secrets in memory: it is locked and not in core dumps, and no copy of a key or of a
 * password stays once it is not needed anymore.
 */

#define _GNU_SOURCE

#include "tables.h"
#include "own_memory.h"
#include "options/includes.h"
#include "options/parser.h"
#include "process/secret.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/** bytes of a key, and of the half of it that is looked for */
#define KEY_LEN 32
#define HALF (KEY_LEN / 2)

/** number of keys that a test uses, those of an ESP SA and of an IKE_SA */
#define KEYS 6

/** keys, masked */
static uint8_t masked[KEYS][KEY_LEN];

/**
 * Create a key that is nowhere else in memory.
 */
static chunk_t create_key(u_int i)
{
	chunk_t key = chunk_alloc(KEY_LEN);
	u_int j;

	for (j = 0; j < KEY_LEN; j++)
	{
		key.ptr[j] = random();
	}
	memory_mask(masked[i], key.ptr, key.len);
	return key;
}

/**
 * Count halves of a key in memory, as bytes and as hex digits.
 */
static u_int count_key(u_int i)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hex[KEY_LEN * 2], byte;
	u_int j;

	for (j = 0; j < KEY_LEN; j++)
	{
		byte = masked[i][j] ^ MEMORY_MASK;
		hex[2 * j] = digits[byte >> 4] ^ MEMORY_MASK;
		hex[2 * j + 1] = digits[byte & 0x0f] ^ MEMORY_MASK;
	}
	return memory_count(masked[i], HALF) + memory_count(masked[i] + HALF, HALF) +
		   memory_count(hex, KEY_LEN) + memory_count(hex + KEY_LEN, KEY_LEN);
}

/**
 * Expect that no key is in memory.
 */
static void expect_no_keys()
{
	u_int i, count;

	for (i = 0; i < KEYS; i++)
	{
		count = count_key(i);
		if (count)
		{
			fail_msg("%u halves of key %u are in memory, one at %" PRIx64 " in %s", count,
					 i, memory_place, memory_mapping);
		}
	}
}

static void test_keys(void **state)
{
	chunk_t key[KEYS];
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string("192.0.2.1", 4500),
		.dst = host_create_from_string("192.0.2.2", 4500),
		.spi = htonl(0xc0000001),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.mode = MODE_TUNNEL,
		.enc_alg = ENCR_AES_CBC,
		.int_alg = AUTH_HMAC_SHA2_256_128,
		.encap = TRUE,
		.inbound = TRUE,
	};
	kernel_ipsec_update_sa_t moved = {
		.new_src = host_create_from_string("192.0.2.9", 4500),
		.new_dst = id.dst,
		.new_encap = TRUE,
	};
	proposal_t *proposal;
	ike_sa_id_t *ike;
	uint64_t sa;
	int i;

	create_trace("gw", "cccccccc_i.c0000001_o");
	for (i = 0; i < KEYS; i++)
	{
		key[i] = create_key(i);
	}
	/* what is there is found */
	assert_int_equal(count_key(0), 2);

	data.enc_key = key[0];
	data.int_key = key[1];
	sa = keys->add_esp(keys, "gw", &id, &data);
	ike = ike_sa_id_create(IKEV2, htobe64(1), htobe64(2), TRUE);
	proposal = proposal_create(PROTO_IKE, 1);
	proposal->add_algorithm(proposal, ENCRYPTION_ALGORITHM, ENCR_AES_CBC, 256);
	proposal->add_algorithm(proposal, INTEGRITY_ALGORITHM, AUTH_HMAC_SHA2_256_128, 0);
	keys->add_ike(keys, "gw", IKEV2, ike, proposal, key[2], key[3], key[4], key[5]);
	for (i = 0; i < KEYS; i++)
	{
		chunk_clear(&key[i]);
	}
	assert_true(count_key(0) >= 4);
	keys->flush(keys);
	expect_no_keys();

	/* in tables that grow, and that are read again, all rows are copied */
	for (i = 0; i < 64; i++)
	{
		add_spi("gw", i);
	}
	keys->flush(keys);
	expect_no_keys();
	keys->update_esp(keys, "gw", sa, TRUE, &id, &moved);
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect_no_keys();
	keys->end_ike(keys, ike);
	restart();
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect_no_keys();
	assert_int_equal(nflog_secret_get_size(NULL), 0);
	/* no SA of theirs has a trace */
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "removed 135 rows of keys without traces from the tables"));

	proposal->destroy(proposal);
	ike->destroy(ike);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
	moved.new_src->destroy(moved.new_src);
}

/**
 * Parse swanctl.conf.
 *
 * @return			what was parsed, NULL if it is invalid
 */
static nflog_sections_t *parse(char *path)
{
	nflog_sections_t *sections = nflog_sections_create();
	nflog_notes_t *notes = nflog_notes_create();
	nflog_includes_t *includes;
	nflog_watch_t *watch;
	bool stop = FALSE;

	watch = nflog_watch_create(notes, &stop);
	includes = nflog_includes_create(watch, notes, FALSE, &stop);
	if (!includes->include(includes, path) || !nflog_parse(includes, sections, &stop))
	{
		sections->destroy(sections);
		sections = NULL;
	}
	includes->destroy(includes);
	watch->destroy(watch);
	notes->destroy(notes);
	return sections;
}

/**
 * Write a file without leaving a copy of it in a buffer of stdio.
 */
static void write_conf(char *path, char *before, char *after)
{
	uint8_t digit;
	int fd, i;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, before, strlen(before)), strlen(before));
	for (i = 0; i < KEY_LEN; i++)
	{	/* letters */
		digit = masked[0][i] ^ MEMORY_MASK;
		assert_int_equal(write(fd, &digit, 1), 1);
	}
	assert_int_equal(write(fd, after, strlen(after)), strlen(after));
	close(fd);
}

static void test_passwords(void **state)
{
	struct {
		char *before, *after;
		bool valid;
	} confs[] = {
		{ "secrets { private { secret = ", "\n} }\n", TRUE },
		{ "secrets { ike-a { secret = \"", " \\\n and more\"\n} }\n", TRUE },
		{ "secrets { ike-a { secret = 0s", "== # a comment\n} }\n", TRUE },
		{ "connections { gw { local { auth = psk } } }\nsecrets { ike { id = a\n"
		  "secret = \"a ", " b\" } }", TRUE },
		/* what is invalid */
		{ "secrets { ike { secret = \"", "\n} }\n", FALSE },
		{ "secrets { ike { ", "", FALSE },
		{ "secrets { ike { ", " ] } }", FALSE },
		{ "secrets { ike { secret : ", " x = y } }", FALSE },
		{ "secrets { ike { secret = a\n x ", " = b } }", FALSE },
		{ "secrets { ike { secret = ", "\n", FALSE },
	};
	nflog_sections_t *sections;
	char path[PATH_MAX];
	u_int i, j, count;

	snprintf(path, sizeof(path), "%s/swanctl.conf", dir);
	for (j = 0; j < KEY_LEN; j++)
	{
		masked[0][j] = ('a' + random() % 26) ^ MEMORY_MASK;
	}
	for (i = 0; i < countof(confs); i++)
	{
		write_conf(path, confs[i].before, confs[i].after);
		sections = parse(path);
		if (!sections == confs[i].valid)
		{
			fail_msg("%s...%s: valid %d", confs[i].before, confs[i].after, !!sections);
		}
		count = memory_count(masked[0], HALF) + memory_count(masked[0] + HALF, HALF);
		if (count)
		{
			fail_msg("%s...%s: %u halves of a password are in memory, one at %" PRIx64
					 " in %s", confs[i].before, confs[i].after, count, memory_place,
					 memory_mapping);
		}
		DESTROY_IF(sections);
	}
	unlink(path);
	assert_int_equal(nflog_secret_get_size(NULL), 0);
}

/**
 * Check for a flag of a mapping, as in proc(5).
 */
static bool has_flag(void *addr, char *flag)
{

	uint64_t begin, end;
	bool inside = FALSE, found = FALSE;
	char text[512], *pos;
	FILE *smaps;

	smaps = fopen("/proc/self/smaps", "r");
	assert_non_null(smaps);
	while (!found && fgets(text, sizeof(text), smaps))
	{
		if (sscanf(text, "%" SCNx64 "-%" SCNx64 " ", &begin, &end) == 2)
		{
			inside = (uintptr_t)addr >= begin && (uintptr_t)addr < end;
		}
		pos = strstr(text, flag);
		found = inside && strpfx(text, "VmFlags:") && pos && pos[-1] == ' ' &&
				pos[2] == ' ';
	}
	fclose(smaps);
	return found;
}

/**
 * Expect that memory is locked, or that it is not.
 */
static void expect_locked(void *addr, bool locked)
{
#ifndef __SANITIZE_ADDRESS__
	/* AddressSanitizer locks none */
	assert_int_equal(has_flag(addr, "lo"), locked);
#endif
}

static void test_protected(void **state)
{
	size_t sizes[] = { 0, 1, 47, 48, 49, 1000, 4096, 8176, 8177, 100000 }, locked, i, j;
	char *secrets[countof(sizes)][3];
	int k;

	for (i = 0; i < countof(sizes); i++)
	{
		for (k = 0; k < 3; k++)
		{
			secrets[i][k] = nflog_secret_alloc(sizes[i]);
			assert_non_null(secrets[i][k]);
			assert_int_equal((uintptr_t)secrets[i][k] % 16, 0);
			for (j = 0; j < sizes[i]; j++)
			{
				assert_int_equal(secrets[i][k][j], 0);
			}
			memset(secrets[i][k], i + k + 1, sizes[i]);
		}
		assert_true(has_flag(secrets[i][0], "dd"));
		expect_locked(secrets[i][0], TRUE);
	}
	for (i = 0; i < countof(sizes); i++)
	{
		for (k = 0; k < 3; k++)
		{
			for (j = 0; j < sizes[i]; j++)
			{
				assert_int_equal(secrets[i][k][j], i + k + 1);
			}
			nflog_secret_free(secrets[i][k]);
		}
	}
	assert_int_equal(nflog_secret_get_size(&locked), 0);
	/* some pages are kept for the next ones */
	assert_in_range(locked, 0, 16 * 65536);
	assert_int_equal(lines, 0);
}

static void test_many(void **state)
{
	char *secrets[20000];
	size_t locked, i, j;

	for (j = 0; j < 2; j++)
	{
		for (i = 0; i < countof(secrets); i++)
		{
			secrets[i] = nflog_secret_alloc(500);
			assert_non_null(secrets[i]);
			memset(secrets[i], i, 500);
		}
		nflog_secret_get_size(&locked);
		assert_in_range(locked, NFLOG_SECRET_MAX_LOCKED - 65536, NFLOG_SECRET_MAX_LOCKED);
		/* is not in core dumps, even if it is not locked, which is logged once */
		assert_true(has_flag(secrets[countof(secrets) - 1], "dd"));
		expect_locked(secrets[countof(secrets) - 1], FALSE);
		assert_int_equal(lines, 1);
		assert_true(strstr(line, "more than 8 MB of keys") != NULL);
		for (i = 0; i < countof(secrets); i++)
		{
			assert_int_equal((uint8_t)secrets[i * 7919 % countof(secrets)][499],
							 (uint8_t)(i * 7919 % countof(secrets)));
			nflog_secret_free(secrets[i * 7919 % countof(secrets)]);
			assert_true(i % 1000 || nflog_secret_get_size(NULL) ==
									500 * (countof(secrets) - 1 - i));
		}
	}
	assert_int_equal(nflog_secret_get_size(&locked), 0);
	assert_in_range(locked, 0, 16 * 65536);
}

/**
 * Give up the capability to lock more memory than RLIMIT_MEMLOCK allows.
 */
static bool drop_ipc_lock()
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capset, &header, data) == 0;
}

static void test_not_locked(void **state)
{
	struct rlimit limit = {};
	int status;
	pid_t pid;

#ifdef __SANITIZE_ADDRESS__
	/* AddressSanitizer locks no memory */
	skip();
#endif
	/* what is logged once was not logged in this process */
	fflush(stdout);
	pid = fork();
	if (!pid)
	{
		if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !drop_ipc_lock())
		{
			_exit(1);
		}
		nflog_secret_alloc(100000);
		nflog_secret_alloc(100000);
		_exit(lines == 1 && strstr(line, "raise RLIMIT_MEMLOCK") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_texts(void **state)
{
	nflog_secret_text_t text = {};
	uint8_t key[300];
	char *str;
	int i;

	assert_null(nflog_secret_take(&text));
	for (i = 0; i < sizeof(key); i++)
	{
		key[i] = i;
	}
	nflog_secret_printf(&text, "%s=", "a");
	nflog_secret_append_hex(&text, chunk_create(key, 17));
	nflog_secret_append(&text, chunk_from_str(" b%s"));
	nflog_secret_printf(&text, "%d", -1);
	str = nflog_secret_take(&text);
	assert_string_equal(str, "a=000102030405060708090a0b0c0d0e0f10 b%s-1");
	nflog_secret_free(str);

	/* grows */
	for (i = 0; i < 100; i++)
	{
		nflog_secret_append_hex(&text, chunk_from_thing(key));
	}
	str = nflog_secret_take(&text);
	assert_int_equal(strlen(str), 100 * 600);
	assert_int_equal(strspn(str, "0123456789abcdef"), 100 * 600);
	nflog_secret_free(str);
	nflog_secret_append(&text, chunk_empty);
	assert_null(nflog_secret_take(&text));
	assert_int_equal(nflog_secret_get_size(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_passwords, begin, end),
		cmocka_unit_test_setup_teardown(test_protected, begin, end),
		cmocka_unit_test_setup_teardown(test_not_locked, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
		cmocka_unit_test_setup_teardown(test_texts, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

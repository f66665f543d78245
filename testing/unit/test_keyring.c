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
 * The key file, as nflog-capture(1) reads it: lines and files that are damaged.
 */

#define _GNU_SOURCE

#include "decrypt.h"
#include "process/secret.h"

/**
 * Write a file.
 */
static char *write_file(char *name, chunk_t content)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_true(chunk_write(content, path, 0600, TRUE));
	return path;
}

/**
 * What complaints are about is not to be seen.
 */
static int close_stderr()
{
	int saved = dup(2);

	fflush(stderr);
	assert_non_null(freopen("/dev/null", "w", stderr));
	return saved;
}

static void restore_stderr(int saved)
{
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
}

#define ESP(spi) "esp " spi " 192.0.2.1 192.0.2.2 enc=NULL"

/**
 * Count the SAs in a key file.
 */
static int count_sas(keyring_t *keyring)
{
	enumerator_t *enumerator;
	nflog_key_sa_t *sa;
	uint32_t spi;
	int count = 0;

	for (spi = 0; spi < 10; spi++)
	{
		enumerator = keyring->create_sa_enumerator(keyring, spi);
		while (enumerator->enumerate(enumerator, &sa))
		{
			count++;
		}
		enumerator->destroy(enumerator);
	}
	return count;
}

static void test_damaged_keys(void **state)
{
	static char *wrong[] = {
		"esp", "esp ", "esp 00000001", "esp 00000001 192.0.2.1 192.0.2.2",
		"esp 0000001 192.0.2.1 192.0.2.2 enc=NULL enc_key=",
		"esp 0000000g 192.0.2.1 192.0.2.2 enc=NULL enc_key=",
		"esp 00000001 192.0.2 192.0.2.2 enc=NULL enc_key=",
		"esp 00000001 192.0.2.1[4500 192.0.2.2 enc=NULL enc_key=",
		"esp 00000001 192.0.2.1[70000] 192.0.2.2 enc=NULL enc_key=",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=ROT13 enc_key=",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL enc_key=0",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL enc_key=0x",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL esn",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL esn=maybe",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL mode=trans",
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL enc_key=00 enc_key=00",
		"ah 00000001 192.0.2.1 192.0.2.2 enc=NULL enc_key=",
		"ike 0123456789abcdef", "tls 00000001 192.0.2.1 192.0.2.2",
		"ike 0123456789abcdef 0123456789abcdef version=2",
		"ike 0123456789abcdef 0123456789abcdef enc=NULL",
		"ike 0123456789abcdef 0123456789abcdef version=3 enc=NULL",
		"ike 0123456789abcdef 123456789abcdef version=2 enc=NULL",
	};
	static char binary[] = ESP("00000001") "\n\0\n" ESP("00000002") "\r\n"
		ESP("00000009") "\0\n" "esp \0 x\n" ESP("00000003") "\n#\0\n\r\n\n#\r";
	char line[512];
	chunk_t content, copy;
	int i, saved = close_stderr();

	for (i = 0; i < countof(wrong); i++)
	{
		snprintf(line, sizeof(line), "# a comment\n\n%s\nesp 00000001 192.0.2.1 "
				 "192.0.2.2 later=yes enc=NULL", wrong[i]);
		file = keyring_create(write_file("keys", chunk_from_str(line)));
		assert_non_null(file);
		if (file->get_errors(file) != 1)
		{
			restore_stderr(saved);
			fail_msg("accepted: %s", wrong[i]);
		}
		file->destroy(file);
	}
	file = NULL;
	assert_null(keyring_create("/nonexistent/keys"));
	assert_null(keyring_create(dir));
	assert_null(keyring_create("/dev/zero"));
	/* a line with bytes that are no text is one line, others have other line ends */
	content = chunk_from_thing(binary);
	content.len--;
	file = keyring_create(write_file("keys", content));
	assert_non_null(file);
	assert_int_equal(file->get_errors(file), 4);
	assert_int_equal(count_sas(file), 3);
	file->destroy(file);
	/* a line that is too long, and two that fit, the last one without an end */
	content = chunk_alloc(1000000);
	memset(content.ptr, 'x', content.len);
	content.ptr[content.len - 3] = '\n';
	content.ptr[content.len - 2] = '#';
	file = keyring_create(write_file("keys", content));
	assert_non_null(file);
	assert_int_equal(file->get_errors(file), 1);
	file->destroy(file);
	free(content.ptr);

	srand(1);
	for (i = 0; i < countof(tests); i++)
	{
		free(create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
						IPPROTO_IPIP).ptr);
	}
	assert_true(store->replace_file(store, "gw", "keys", chunk_from_str(
		"ike 0123456789abcdef fedcba9876543210 version=2 enc=AES_GCM_16 "
		"sk_ei=00 sk_er=11 sk_ai= sk_ar=\n")));
	keys->flush(keys);
	assert_true(store->read_file(store, "gw", "keys", &content));
	for (i = 0; i < 2000; i++)
	{
		copy = chunk_clone(content);
		damage(copy);
		copy.len = i % 2 ? copy.len : rand() % copy.len;
		file = keyring_create(write_file("keys", copy));
		assert_non_null(file);
		decrypter = decrypter_create(file);
		decrypter->destroy(decrypter);
		file->destroy(file);
		free(copy.ptr);
	}
	file = NULL;
	decrypter = NULL;
	nflog_secret_clear(&content);
	restore_stderr(saved);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_damaged_keys, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}

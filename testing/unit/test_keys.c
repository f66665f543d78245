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
 * Key tables: rows and their order.
 */

#define _GNU_SOURCE

#include "tables.h"

#include <sys/stat.h>

static void test_nothing(void **state)
{
	assert_false(keys->pending(keys));
	keys->flush(keys);
	assert_int_equal(access("gw", F_OK), -1);
	keys->prune(keys, "gw");
	keys->flush(keys);
	assert_int_equal(access("gw", F_OK), -1);
	assert_int_equal(lines, 0);
}

static void test_esp(void **state)
{
	struct stat st;
	char path[PATH_MAX];

	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x012345fe, ENCR_AES_CBC,
			AUTH_HMAC_SHA2_256_128, 16, 32, FALSE);
	add_esp("gw", "2001:db8::1", "2001:db8::2", 0x02, ENCR_AES_GCM_ICV16,
			AUTH_UNDEFINED, 20, 0, FALSE);
	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x03, ENCR_AES_CCM_ICV12,
			AUTH_UNDEFINED, 19, 0, FALSE);
	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x04, ENCR_3DES, AUTH_AES_XCBC_96,
			24, 16, FALSE);
	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x05, ENCR_AES_CTR,
			AUTH_HMAC_SHA1_96, 20, 20, TRUE);
	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x06, ENCR_CHACHA20_POLY1305,
			AUTH_UNDEFINED, 36, 0, FALSE);
	/* no columns that don't help */
	add_esp("gw", "192.0.2.1", "192.0.2.2", 0x07, ENCR_AES_CCM_ICV8,
			AUTH_UNDEFINED, 19, 0, TRUE);
	assert_true(keys->pending(keys));
	keys->flush(keys);
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa",
		/* the newest one is first */
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000007\",\"AES-CTR [RFC3686]\","
		"\"0xee00000000000000000000000000000003000007\","
		"\"ANY 64 bit authentication [no checking]\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000006\","
		"\"ChaCha20 with Poly1305 [RFC7634]\",\"0xee00000000000000"
		"00000000000000000000000000000000000000000000000000000006\","
		"\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000005\",\"AES-CTR [RFC3686]\","
		"\"0xee00000000000000000000000000000000000005\","
		"\"HMAC-SHA-1-96 [RFC2404]\","
		"\"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"64-bit\",\"0\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000004\","
		"\"TripleDES-CBC [RFC2451]\","
		"\"0xee0000000000000000000000000000000000000000000004\","
		"\"ANY 96 bit authentication [no checking]\","
		"\"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
		/* flags before the salt */
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000003\",\"AES-CTR [RFC3686]\","
		"\"0xee00000000000000000000000000000003000003\","
		"\"ANY 96 bit authentication [no checking]\",\"0x\"\n"
		"\"IPv6\",\"2001:db8::1\",\"2001:db8::2\",\"0x00000002\","
		"\"AES-GCM with 16 octet ICV [RFC4106]\","
		"\"0xee00000000000000000000000000000000000002\",\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x012345fe\",\"AES-CBC [RFC3602]\","
		"\"0xee0000000000000000000000000000fe\",\"HMAC-SHA-256-128 [RFC4868]\","
		"\"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n");

	snprintf(path, sizeof(path), "%s/gw/esp_sa", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	snprintf(path, sizeof(path), "%s/gw/keys", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* CCM-12, XCBC, ESN, ChaCha20, CCM-8 with ESN */
	assert_int_equal(lines, 5);
}

/**
 * Where keys are is logged when the first ones of a connection are written.
 */
static void test_logged(void **state)
{
	char expected[PATH_MAX];

	add_spi("gw", 1);
	assert_int_equal(key_lines, 0);
	keys->flush(keys);
	assert_int_equal(key_lines, 1);
	snprintf(expected, sizeof(expected), "nflog-capture: KEYS of connection 'gw' are "
			 "stored in %s/gw, which decrypt all traffic of its captured SAs, only root "
			 "can read them", dir);
	assert_string_equal(stored_line, expected);
	add_spi("gw", 2);
	keys->flush(keys);
	assert_int_equal(key_lines, 1);
	add_spi("other", 3);
	add_ike("other", IKEV2, 4, ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, 16, 32);
	keys->flush(keys);
	assert_int_equal(key_lines, 2);
	assert_int_equal(lines, 0);
}

static void test_esp_none(void **state)
{
	static struct {
		encryption_algorithm_t encr;
		integrity_algorithm_t integ;
		char *text;
	} none[] = {
		{ ENCR_CAMELLIA_CBC, AUTH_HMAC_SHA1_96, "CAMELLIA_CBC" },
		{ ENCR_NULL_AUTH_AES_GMAC, AUTH_UNDEFINED, "NULL_AES_GMAC" },
		{ ENCR_AES_CBC, AUTH_HMAC_SHA1_160, "HMAC_SHA1_160" },
	};
	u_int i;

	for (i = 0; i < countof(none); i++)
	{
		lines = 0;
		add_esp("gw", "192.0.2.1", "192.0.2.2", i, none[i].encr, none[i].integ,
				16, 20, FALSE);
		assert_int_equal(lines, 1);
		assert_non_null(strstr(line, none[i].text));
		assert_non_null(strstr(line, "gw"));
		/* not a digit of a key */
		assert_null(strstr(line, "ee"));
		assert_null(strstr(line, "aa"));
		/* and only once */
		add_esp("gw", "192.0.2.1", "192.0.2.2", 100 + i, none[i].encr,
				none[i].integ, 16, 20, FALSE);
		assert_int_equal(lines, 1);
	}
	keys->flush(keys);
	expect("gw", "esp_sa", "");
}

static void test_ah(void **state)
{
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string("192.0.2.1", 0),
		.dst = host_create_from_string("192.0.2.2", 0),
		.proto = IPPROTO_AH,
	};
	kernel_ipsec_add_sa_t data = {
		.enc_alg = ENCR_UNDEFINED,
		.int_alg = AUTH_HMAC_SHA1_96,
		.int_key = chunk_from_str("abcd"),
		.mode = MODE_TRANSPORT,
	};
	kernel_ipsec_update_sa_t moved = {
		.new_src = id.dst,
		.new_dst = id.src,
	};
	uint64_t sa;

	sa = keys->add_esp(keys, "gw", &id, &data);
	keys->update_esp(keys, "gw", sa, FALSE, &id, &moved);
	keys->flush(keys);
	expect("gw", "esp_sa", "");
	expect("gw", "keys", HEADER
		"ah 00000000 192.0.2.1 192.0.2.2 udp=no dir=out mode=TRANSPORT "
		"esn=no integ=HMAC_SHA1_96 integ_key=61626364\n"
		"ah 00000000 192.0.2.2 192.0.2.1 udp=no dir=out mode=TRANSPORT "
		"esn=no integ=HMAC_SHA1_96 integ_key=61626364\n");
	assert_int_equal(lines, 0);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
}

static void test_ike(void **state)
{
	add_ike("gw", IKEV2, 0x0123456789abcdef, ENCR_AES_CBC, 128,
			AUTH_HMAC_SHA2_256_128, 2, 3);
	add_ike("gw", IKEV2, 2, ENCR_AES_GCM_ICV16, 256, AUTH_UNDEFINED, 2, 0);
	/* keys of what isn't checked are refused by Wireshark */
	add_ike("gw", IKEV2, 3, ENCR_3DES, 0, AUTH_AES_XCBC_96, 2, 3);
	add_ike("gw", IKEV1, 4, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	/* the same once more, as after IKE_INTERMEDIATE, the last one wins */
	add_ike("gw", IKEV2, 2, ENCR_AES_CBC, 192, AUTH_HMAC_SHA1_96, 2, 3);
	keys->flush(keys);
	expect("gw", "ikev2_decryption_table",
		"0123456789abcdef,fedcba9876543210,1111,2222,\"AES-CBC-128 [RFC3602]\","
		"333333,444444,\"HMAC_SHA2_256_128 [RFC4868]\"\n"
		"0000000000000003,fedcba9876543210,1111,2222,\"3DES [RFC2451]\",,,"
		"\"ANY 96-bits of Authentication [No Checking]\"\n"
		"0000000000000002,fedcba9876543210,1111,2222,\"AES-CBC-192 [RFC3602]\","
		"333333,444444,\"HMAC_SHA1_96 [RFC2404]\"\n");
	expect("gw", "ikev1_decryption_table",
		"0000000000000004,1111\n0000000000000005,1111\n");
	expect("gw", "keys", HEADER
		"ike 0123456789abcdef fedcba9876543210 version=2 enc=AES_CBC "
		"integ=HMAC_SHA2_256_128 sk_ei=1111 sk_er=2222 sk_ai=333333 "
		"sk_ar=444444\n"
		"ike 0000000000000002 fedcba9876543210 version=2 enc=AES_GCM_16 "
		"sk_ei=1111 sk_er=2222 sk_ai= sk_ar=\n"
		"ike 0000000000000003 fedcba9876543210 version=2 enc=3DES_CBC "
		"integ=AES_XCBC_96 sk_ei=1111 sk_er=2222 sk_ai=333333 sk_ar=444444\n"
		"ike 0000000000000004 fedcba9876543210 version=1 enc=AES_CBC "
		"integ=HMAC_SHA1_96 sk_ei=1111 sk_er=2222 sk_ai= sk_ar=\n"
		"ike 0000000000000005 fedcba9876543210 version=1 enc=AES_CBC "
		"integ=HMAC_SHA1_96 sk_ei=1111 sk_er=2222 sk_ai= sk_ar=\n"
		/* all sets of keys */
		"ike 0000000000000002 fedcba9876543210 version=2 enc=AES_CBC "
		"integ=HMAC_SHA1_96 sk_ei=1111 sk_er=2222 sk_ai=333333 sk_ar=444444\n");
	/* XCBC is not checked */
	assert_int_equal(lines, 1);

	add_ike("gw", IKEV2, 6, ENCR_CHACHA20_POLY1305, 256, AUTH_UNDEFINED, 2, 0);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line, "CHACHA20_POLY1305"));
	add_ike("gw", IKEV1, 7, ENCR_CAMELLIA_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	assert_int_equal(lines, 3);
	keys->flush(keys);
	expect("gw", "ikev1_decryption_table",
		"0000000000000004,1111\n0000000000000005,1111\n");
}

static void test_preferences(void **state)
{
	chunk_t content;

	add_spi("gw", 1);
	keys->flush(keys);
	assert_true(store->read_file(store, "gw", "preferences", &content));
	assert_non_null(memmem(content.ptr, content.len,
						   "esp.enable_encryption_decode: TRUE\n", 35));
	nflog_secret_clear(&content);

	/* what the user changed stays */
	assert_true(store->replace_file(store, "gw", "preferences",
									chunk_from_str("mine\n")));
	add_spi("gw", 2);
	keys->flush(keys);
	expect("gw", "preferences", "mine\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_logged, begin, end),
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_esp, begin, end),
		cmocka_unit_test_setup_teardown(test_esp_none, begin, end),
		cmocka_unit_test_setup_teardown(test_ah, begin, end),
		cmocka_unit_test_setup_teardown(test_ike, begin, end),
		cmocka_unit_test_setup_teardown(test_preferences, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

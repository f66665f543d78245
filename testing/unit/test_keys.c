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
 * Key tables: rows, their order, how changes are applied to tables that exist,
 * and which rows go with their traces.
 */

#define _GNU_SOURCE

#include "common.h"
#include "nflog_capture_keys.h"

#include <sys/stat.h>
#include <time.h>

#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>

/** what is tested */
static nflog_capture_store_t *store;
static nflog_capture_keys_t *keys;

static int setup(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	return 0;
}

static int begin(void **state)
{
	lines = 0;
	store = nflog_capture_store_create();
	keys = nflog_capture_keys_create(store);
	return 0;
}

static int end(void **state)
{
	keys->destroy(keys);
	store->destroy(store);
	return common_remove("*/");
}

/**
 * Begin to use the tables as after a restart.
 */
static void restart()
{
	keys->destroy(keys);
	keys = nflog_capture_keys_create(store);
}

/** ports of SAs, and whether they are encapsulated */
static uint16_t port = 500, peer_port = 4500;
static bool encap;

/**
 * Add an ESP SA, with a key that ends with its SPI.
 */
static void add_esp(char *conn, char *src, char *dst, uint32_t spi,
					encryption_algorithm_t encr, integrity_algorithm_t integ,
					size_t encr_len, size_t integ_len, bool esn)
{
	uint8_t encr_key[64] = {}, integ_key[64];
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string(src, peer_port),
		.dst = host_create_from_string(dst, port),
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.mode = MODE_TUNNEL,
		.enc_alg = encr,
		.enc_key = chunk_create(encr_key, encr_len),
		.int_alg = integ,
		.int_key = chunk_create(integ_key, integ_len),
		.esn = esn,
		.inbound = TRUE,
	};

	if (encr_len)
	{
		encr_key[0] = 0xee;
		encr_key[encr_len - 1] = spi;
	}
	memset(integ_key, 0xaa, sizeof(integ_key));
	data.encap = encap;
	keys->add_esp(keys, conn, &id, &data);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
}

/**
 * Add an ESP SA of which only the SPI matters.
 */
static void add_spi(char *conn, uint32_t spi)
{
	add_esp(conn, "192.0.2.1", "192.0.2.2", spi, ENCR_NULL, AUTH_UNDEFINED,
			0, 0, FALSE);
}

/**
 * The row that add_spi() adds.
 */
#define ROW(spi) "\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x" spi "\",\"NULL\"," \
				 "\"0x\",\"NULL\",\"0x\"\n"

/**
 * First line of our own key file.
 */
#define HEADER "# nflog-capture keys 1, see nflog-capture(1)\n"

/**
 * Line in our own key file that add_spi() adds.
 */
#define LINE(spi) "esp " spi " 192.0.2.1[4500] 192.0.2.2[500] udp=no dir=in " \
				  "mode=TUNNEL esn=no enc=NULL enc_key=\n"

/**
 * Expect the content of a table.
 */
static void expect(char *conn, char *name, char *expected)
{
	chunk_t content;
	char *str;

	assert_true(store->read_file(store, conn, name, &content));
	str = strndup(content.len ? (char*)content.ptr : "", content.len);
	assert_string_equal(str, expected);
	free(str);
	chunk_free(&content);
}

/**
 * Create a trace.
 */
static void create_trace(char *conn, char *spis)
{
	char name[128];
	FILE *file;

	snprintf(name, sizeof(name), "net.20261123T202345Z.%s.pcap", spis);
	file = store->create_file(store, conn, name);
	assert_non_null(file);
	fclose(file);
}

static void test_nothing(void **state)
{
	assert_false(keys->pending(keys));
	keys->flush(keys);
	assert_int_equal(access("gw", F_OK), -1);
	keys->prune(keys, "gw");
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

	keys->add_esp(keys, "gw", &id, &data);
	keys->update_esp(keys, "gw", &id, &moved);
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

static void test_replaced(void **state)
{
	add_spi("gw", 1);
	add_spi("gw", 2);
	keys->flush(keys);
	add_spi("gw", 3);
	add_spi("gw", 1);
	add_spi("gw", 3);
	keys->flush(keys);
	/* those that are written again are new ones */
	expect("gw", "esp_sa", ROW("00000003") ROW("00000001") ROW("00000002"));

	add_spi("other", 1);
	keys->flush(keys);
	expect("other", "esp_sa", ROW("00000001"));
	expect("gw", "esp_sa", ROW("00000003") ROW("00000001") ROW("00000002"));
	assert_int_equal(lines, 0);
}

static void update(uint32_t spi, char *src, char *dst, char *new_src,
				   char *new_dst, bool new_encap)
{
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string(src, 4500),
		.dst = host_create_from_string(dst, 500),
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_update_sa_t data = {
		.new_src = host_create_from_string(new_src, 4500),
		.new_dst = host_create_from_string(new_dst, 4500),
		.new_encap = new_encap,
	};

	keys->update_esp(keys, "gw", &id, &data);
	data.new_src->destroy(data.new_src);
	data.new_dst->destroy(data.new_dst);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
}

static void test_update(void **state)
{
	add_spi("gw", 1);
	add_spi("gw", 2);
	/* at once, and later */
	update(1, "192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa",
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000002") ROW("00000001"));
	update(1, "192.0.2.9", "192.0.2.2", "2001:db8::9", "2001:db8::2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa",
		"\"IPv6\",\"2001:db8::9\",\"2001:db8::2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000002") ROW("00000001"));
	/* of ports only, and of an SA without a row */
	update(2, "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", FALSE);
	update(3, "192.0.2.1", "192.0.2.2", "192.0.2.7", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000002")
		"\"IPv6\",\"2001:db8::9\",\"2001:db8::2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000001"));
	expect("gw", "keys", HEADER LINE("00000001") LINE("00000002")
		"esp 00000001 192.0.2.9[4500] 192.0.2.2[4500] udp=no dir=in mode=TUNNEL "
		"esn=no enc=NULL enc_key=\n"
		"esp 00000002 192.0.2.1[4500] 192.0.2.2[4500] udp=no dir=in mode=TUNNEL "
		"esn=no enc=NULL enc_key=\n");
}

#define NAT_ROW(spi) "\"IPv4\",\"*\",\"*\",\"0x" spi "\",\"NULL\",\"0x\"," \
					 "\"NULL\",\"0x\"\n"

static void test_nat(void **state)
{
	chunk_t content;

	encap = TRUE;
	add_spi("gw", 1);
	encap = FALSE;
	add_spi("gw", 2);
	/* gets behind a NAT later */
	update(2, "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", TRUE);
	add_spi("gw", 3);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000003") ROW("00000002") ROW("00000001")
		   NAT_ROW("00000002") NAT_ROW("00000001"));
	/* the order stays when it's read again */
	add_spi("gw", 4);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000004") ROW("00000003") ROW("00000002")
		   ROW("00000001") NAT_ROW("00000002") NAT_ROW("00000001"));

	/* ports that Wireshark doesn't know, once each */
	encap = TRUE;
	port = 5500;
	add_esp("gw", "192.0.2.1", "192.0.2.2", 5, ENCR_NULL, AUTH_UNDEFINED, 0, 0,
			FALSE);
	keys->flush(keys);
	assert_true(store->read_file(store, "gw", "preferences", &content));
	assert_non_null(memmem(content.ptr, content.len,
						   "\nudpencap.udp.port: 4500,4501\n", 30));
	chunk_free(&content);
	peer_port = 1024;
	add_spi("gw", 6);
	add_spi("gw", 7);
	port = 550;
	add_spi("gw", 8);
	keys->flush(keys);
	encap = FALSE;
	port = 500;
	peer_port = 4500;
	assert_true(store->read_file(store, "gw", "preferences", &content));
	assert_non_null(memmem(content.ptr, content.len,
						   "\nudpencap.udp.port: 4500,4501,5500,550\n", 39));
	chunk_free(&content);
	assert_int_equal(lines, 0);
}

static void test_reused(void **state)
{
	add_spi("gw", 1);
	add_esp("gw", "192.0.2.1", "192.0.2.2", 1, ENCR_AES_CBC, AUTH_UNDEFINED, 1,
			0, FALSE);
	add_spi("gw", 2);
	add_spi("gw", 2);
	keys->flush(keys);
	/* the newest one wins in Wireshark, our own key file has them all */
	expect("gw", "esp_sa", ROW("00000002")
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000001\","
		"\"AES-CBC [RFC3602]\",\"0x01\",\"NULL\",\"0x\"\n");
	expect("gw", "keys", HEADER LINE("00000001")
		"esp 00000001 192.0.2.1[4500] 192.0.2.2[500] udp=no dir=in mode=TUNNEL "
		"esn=no enc=AES_CBC enc_key=01\n" LINE("00000002"));
}

/**
 * Add an IKE_SA, whose keys begin with the index of the key.
 */
static void add_ike(char *conn, ike_version_t version, uint64_t spi_i,
					encryption_algorithm_t encr, uint16_t size,
					integrity_algorithm_t integ, size_t encr_len,
					size_t integ_len)
{
	chunk_t sk_ei = chunk_alloca(encr_len), sk_er = chunk_alloca(encr_len);
	chunk_t sk_ai = chunk_alloca(integ_len), sk_ar = chunk_alloca(integ_len);
	proposal_t *proposal;
	ike_sa_id_t *id;

	memset(sk_ei.ptr, 0x11, sk_ei.len);
	memset(sk_er.ptr, 0x22, sk_er.len);
	memset(sk_ai.ptr, 0x33, sk_ai.len);
	memset(sk_ar.ptr, 0x44, sk_ar.len);
	id = ike_sa_id_create(version, htobe64(spi_i), htobe64(0xfedcba9876543210),
						  TRUE);
	proposal = proposal_create(PROTO_IKE, 1);
	proposal->add_algorithm(proposal, ENCRYPTION_ALGORITHM, encr, size);
	if (integ != AUTH_UNDEFINED)
	{
		proposal->add_algorithm(proposal, INTEGRITY_ALGORITHM, integ, 0);
	}
	keys->add_ike(keys, conn, version, id, proposal, sk_ei, sk_er, sk_ai,
				  sk_ar);
	proposal->destroy(proposal);
	id->destroy(id);
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
	chunk_free(&content);

	/* what the user changed stays */
	assert_true(store->replace_file(store, "gw", "preferences",
									chunk_from_str("mine\n")));
	add_spi("gw", 2);
	keys->flush(keys);
	expect("gw", "preferences", "mine\n");
}

static void test_torn(void **state)
{
	/* written by something else that was interrupted, or edited */
	assert_true(store->replace_file(store, "gw", "esp_sa", chunk_from_str(
		ROW("00000002")
		"# a comment, of \"mine\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0\n"
		"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\"\n"
		"\"IPv4\",\"*\",\"*\",\"*\",\"NULL\",\"\",\"NULL\",\"\"\n"
		ROW("00000001")
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000009\",\"NULL\",\"0x\"")));
	assert_true(store->replace_file(store, "gw", "ikev1_decryption_table",
									chunk_from_str("1234,11\n1234\n5678,2")));
	create_trace("gw", "00000001-00000002.esp");
	add_spi("gw", 3);
	add_ike("gw", IKEV1, 4, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	/* what matches any address comes last */
	expect("gw", "esp_sa", ROW("00000003") ROW("00000002")
		   "# a comment, of \"mine\n" ROW("00000001")
		   "\"IPv4\",\"*\",\"*\",\"*\",\"NULL\",\"\",\"NULL\",\"\"\n");
	expect("gw", "ikev1_decryption_table", "1234,11\n0000000000000004,1111\n");
}

#define IKE_TRACE "0000000000000005-fedcba9876543210"

static void end_ike(uint64_t spi_i)
{
	ike_sa_id_t *id;

	id = ike_sa_id_create(IKEV1, htobe64(spi_i), htobe64(0xfedcba9876543210),
						  TRUE);
	keys->end_ike(keys, id);
	id->destroy(id);
	keys->flush(keys);
}

static void test_prune(void **state)
{
	add_spi("gw", 1);
	add_spi("gw", 2);
	add_spi("gw", 0x89abcdef);
	add_spi("gw", 4);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	/* none has a trace, but soon could */
	keys->prune(keys, "gw");
	expect("gw", "esp_sa", ROW("00000004") ROW("89abcdef") ROW("00000002")
		   ROW("00000001"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");

	create_trace("gw", "00000001-89abcdef.esp.7");
	create_trace("gw", "00000001-00000004.plain");
	create_trace("gw", IKE_TRACE);
	restart();
	keys->prune(keys, "gw");
	expect("gw", "esp_sa", ROW("00000004") ROW("89abcdef") ROW("00000001"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	expect("gw", "keys", HEADER LINE("00000001") LINE("89abcdef")
		   LINE("00000004")
		   "ike 0000000000000005 fedcba9876543210 version=1 enc=AES_CBC "
		   "integ=HMAC_SHA1_96 sk_ei=1111 sk_er=2222 sk_ai= sk_ar=\n");

	/* removed by the user, which is noticed with the next row */
	store->remove_file(store, "gw",
					   "net.20261123T202345Z.00000001-00000004.plain.pcap");
	add_spi("gw", 6);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000006") ROW("89abcdef") ROW("00000001"));

	store->remove_file(store, "gw",
					   "net.20261123T202345Z.00000001-89abcdef.esp.7.pcap");
	restart();
	keys->prune(keys, "gw");
	expect("gw", "esp_sa", "");
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	store->remove_file(store, "gw",
					   "net.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	expect("gw", "ikev1_decryption_table", "");
	expect("gw", "keys", HEADER);
	assert_int_equal(lines, 0);
}

static void test_prune_at_once(void **state)
{
	add_spi("gw", 1);
	add_spi("gw", 2);
	add_spi("gw", 3);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	create_trace("gw", "00000001-00000002.esp");
	create_trace("gw", IKE_TRACE);
	keys->flush(keys);
	/* as they had a trace, rows go with it */
	store->remove_file(store, "gw",
					   "net.20261123T202345Z.00000001-00000002.esp.pcap");
	keys->prune(keys, "gw");
	expect("gw", "esp_sa", ROW("00000003"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	store->remove_file(store, "gw",
					   "net.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	expect("gw", "ikev1_decryption_table", "");
	expect("gw", "keys", HEADER LINE("00000003"));

	/* the end of an IKE_SA is not yet that of its trace */
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	end_ike(5);
	end_ike(6);
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	create_trace("gw", IKE_TRACE);
	keys->prune(keys, "gw");
	store->remove_file(store, "gw",
					   "net.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	expect("gw", "ikev1_decryption_table", "");
}

static void test_unreadable(void **state)
{
	char path[PATH_MAX];

	/* what can't be read must not be lost */
	create_trace("gw", "00000001-00000002.esp");
	snprintf(path, sizeof(path), "%s/gw/esp_sa", dir);
	assert_int_equal(symlink("/nowhere", path), 0);
	add_spi("gw", 1);
	keys->flush(keys);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, path));
	assert_int_equal(unlink(path), 0);
	add_spi("gw", 2);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000002"));
}

static void test_many(void **state)
{
	struct timespec start, stop;
	chunk_t content;
	double ms;
	int i;

	for (i = 1; i <= 20000; i++)
	{
		add_spi("gw", i);
	}
	keys->flush(keys);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < 1000; i++)
	{
		add_spi("gw", 2 * i + 19002);
	}
	keys->flush(keys);
	clock_gettime(CLOCK_MONOTONIC, &stop);
	ms = (stop.tv_sec - start.tv_sec) * 1e3 +
		 (stop.tv_nsec - start.tv_nsec) / 1e6;
	print_message("1000 rows into a table of 20000 in %.1f ms\n", ms);
	assert_true(ms < 20000);
	assert_true(store->read_file(store, "gw", "esp_sa", &content));
	assert_int_equal(content.len, 20500 * strlen(ROW("00000000")));
	chunk_free(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_esp, begin, end),
		cmocka_unit_test_setup_teardown(test_esp_none, begin, end),
		cmocka_unit_test_setup_teardown(test_ah, begin, end),
		cmocka_unit_test_setup_teardown(test_replaced, begin, end),
		cmocka_unit_test_setup_teardown(test_update, begin, end),
		cmocka_unit_test_setup_teardown(test_nat, begin, end),
		cmocka_unit_test_setup_teardown(test_reused, begin, end),
		cmocka_unit_test_setup_teardown(test_ike, begin, end),
		cmocka_unit_test_setup_teardown(test_preferences, begin, end),
		cmocka_unit_test_setup_teardown(test_torn, begin, end),
		cmocka_unit_test_setup_teardown(test_prune, begin, end),
		cmocka_unit_test_setup_teardown(test_prune_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_unreadable, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

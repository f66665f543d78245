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
 * What nflog-capture(1) does: packets that are encrypted here with each of the
 * algorithms, and keys written by the plugin, have to lead to the packets in the
 * clear, and what is wrong has to be noticed.
 */

#define _GNU_SOURCE

#include "common.h"
#include "encrypt.h"
#include "nflog_capture_keys.h"

#include <pcap/pcap.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <crypto/hashers/hasher.h>

#include "../../src/nflog-capture/decrypter.h"
#include "../../src/nflog-capture/pcapng.h"
#include "../../src/nflog-capture/trace.h"

#define PLUGINS "aes sha1 sha2 md5 hmac xcbc cmac ctr ccm gcm chapoly openssl " \
				"random"

#define PAYLOAD "nflog-capture"

/** what writes the keys */
static nflog_capture_store_t *store;
static nflog_capture_keys_t *keys;

/** what is tested, and the keys it has */
static key_file_t *file;
static decrypter_t *decrypter;

/** an inner packet, and addresses of SAs */
static chunk_t inner;
static host_t *src, *dst, *other;

static int setup(void **state)
{
	if (common_setup(state) != 0 || !lib->plugins->load(lib->plugins, PLUGINS))
	{
		return -1;
	}
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	src = host_create_from_string("192.0.2.1", 4500);
	dst = host_create_from_string("192.0.2.2", 4500);
	other = host_create_from_string("10.1.0.10", 0);
	inner = add_ip(other, other, IPPROTO_UDP,
				   add_udp(40000, 40001, chunk_clone(chunk_from_str(PAYLOAD))));
	return 0;
}

static int teardown(void **state)
{
	free(inner.ptr);
	src->destroy(src);
	dst->destroy(dst);
	other->destroy(other);
	return common_teardown(state);
}

static int begin(void **state)
{
	high_bits = 0;
	store = nflog_capture_store_create();
	keys = nflog_capture_keys_create(store);
	return 0;
}

static int end(void **state)
{
	DESTROY_IF(decrypter);
	DESTROY_IF(file);
	decrypter = NULL;
	file = NULL;
	keys->destroy(keys);
	store->destroy(store);
	return common_remove("*/");
}

/**
 * What libcrypto keeps is no leak of ours, called by LeakSanitizer.
 */
const char *__lsan_default_suppressions();
const char *__lsan_default_suppressions()
{
	return "leak:libcrypto";
}

/**
 * Read the keys that were written.
 */
static void read_keys()
{
	char path[PATH_MAX];

	keys->flush(keys);
	snprintf(path, sizeof(path), "%s/gw/keys", dir);
	file = key_file_create(path);
	assert_non_null(file);
	assert_int_equal(file->get_errors(file), 0);
	decrypter = decrypter_create(file);
}

/**
 * Decrypt a packet, which gets freed, and compare the result.
 *
 * @param expected	packet that is expected, gets freed
 * @param verdict	end of the comment that is expected
 */
static void check(chunk_t packet, chunk_t expected, char *verdict)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t plain;
	size_t len;

	decrypter->decrypt(decrypter, packet, &plain, comment);
	len = strlen(comment);
	if (len < strlen(verdict) ||
		!streq(comment + len - strlen(verdict), verdict) ||
		plain.len != expected.len ||
		(plain.len && !memeq(plain.ptr, expected.ptr, plain.len)))
	{
		fail_msg("'%s' instead of '%s', %zu bytes instead of %zu", comment,
				 verdict, plain.len, expected.len);
	}
	chunk_free(&plain);
	chunk_free(&packet);
	chunk_free(&expected);
}

/**
 * Add an SA, and return an ESP packet.
 */
static chunk_t create_esp(test_t *test, uint32_t spi, uint32_t seq,
						  ipsec_mode_t mode, chunk_t data, uint8_t next)
{
	uint8_t header[8];
	chunk_t esp;
	kernel_ipsec_sa_id_t id = {
		.src = src,
		.dst = dst,
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t sa = {
		.enc_alg = test->encr,
		.int_alg = test->integ,
		.esn = test->esn,
		.mode = mode,
		.inbound = TRUE,
	};

	htoun32(header, spi);
	htoun32(header + 4, seq);
	esp = seal(test, chunk_from_thing(header), data, chunk_from_thing(next),
			   NULL, &sa.enc_key, &sa.int_key);
	keys->add_esp(keys, "gw", &id, &sa);
	chunk_clear(&sa.enc_key);
	chunk_clear(&sa.int_key);
	return esp;
}

static test_t tests[] = {
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
	{ ENCR_AES_CBC, 192, AUTH_HMAC_SHA2_384_192, GOOD, FALSE },
	{ ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_160, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_96, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_128, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_96, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_256, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_AES_XCBC_96, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_AES_CMAC_96, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_UNDEFINED, UNCHECKED, FALSE },
	{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
	{ ENCR_AES_CTR, 192, AUTH_AES_XCBC_96, GOOD, FALSE },
	{ ENCR_AES_CTR, 256, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
	{ ENCR_AES_GCM_ICV8, 128, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_AES_GCM_ICV12, 192, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_AES_GCM_ICV16, 256, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_AES_CCM_ICV8, 128, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_AES_CCM_ICV12, 192, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_AES_CCM_ICV16, 256, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_CHACHA20_POLY1305, 256, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_NULL_AUTH_AES_GMAC, 128, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_NULL_AUTH_AES_GMAC, 256, AUTH_UNDEFINED, GOOD, FALSE },
	{ ENCR_CAMELLIA_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
	{ ENCR_CAMELLIA_CBC, 192, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
	{ ENCR_CAMELLIA_CBC, 256, AUTH_AES_XCBC_96, GOOD, FALSE },
	{ ENCR_3DES, 0, AUTH_HMAC_SHA1_96, GOOD, FALSE },
	{ ENCR_NULL, 0, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD, TRUE },
	{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA2_256_96, GOOD, TRUE },
	{ ENCR_AES_GCM_ICV16, 128, AUTH_UNDEFINED, GOOD, TRUE },
	{ ENCR_AES_CCM_ICV8, 128, AUTH_UNDEFINED, GOOD, TRUE },
	{ ENCR_CHACHA20_POLY1305, 256, AUTH_UNDEFINED, GOOD, TRUE },
	{ ENCR_NULL_AUTH_AES_GMAC, 192, AUTH_UNDEFINED, GOOD, TRUE },
	{ ENCR_CAMELLIA_CBC, 128, AUTH_AES_CMAC_96, GOOD, TRUE },
};

static void test_esp(void **state)
{
	chunk_t packets[countof(tests)], bad;
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		high_bits = tests[i].esn ? i % 3 * 5 : 0;
		packets[i] = create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
								IPPROTO_IPIP);
	}
	read_keys();
	for (i = 0; i < countof(tests); i++)
	{
		print_message("%N-%u/%N%s\n", encryption_algorithm_names, tests[i].encr,
					  tests[i].bits, integrity_algorithm_names, tests[i].integ,
					  tests[i].esn ? "/ESN" : "");
		/* first a bad one, which must not confuse what follows */
		bad = chunk_clone(packets[i]);
		bad.ptr[bad.len - 1] ^= 1;
		bad = add_ip(src, dst, IPPROTO_ESP, bad);
		if (tests[i].result == GOOD &&
			!encryption_algorithm_is_aead(tests[i].encr))
		{
			check(bad, chunk_clone(inner), ": ICV bad");
		}
		else if (tests[i].encr == ENCR_NULL_AUTH_AES_GMAC)
		{
			check(bad, chunk_clone(inner), ": ICV bad");
		}
		else
		{	/* AEADs don't tell, and without ICV it's the padding */
			check(bad, chunk_empty, ": ICV bad");
		}
		check(add_ip(src, dst, IPPROTO_ESP, packets[i]), chunk_clone(inner),
			  tests[i].result == GOOD ? ": ICV good" : ": no ICV");
	}
	assert_false(decrypter->is_good(decrypter));
}

/**
 * Set the checksum of an IPv4 header.
 */
static chunk_t add_sum(chunk_t packet)
{
	uint16_t sum;

	sum = chunk_internet_checksum(chunk_create(packet.ptr, 20));
	memcpy(packet.ptr + 10, &sum, sizeof(sum));
	return packet;
}

static void test_modes(void **state)
{
	host_t *a = host_create_from_string("2001:db8::1", 0);
	host_t *b = host_create_from_string("2001:db8::2", 0);
	chunk_t esp[5], data = chunk_from_str("twelve bytes"), padded;

	padded = chunk_cata("cc", inner, data);
	esp[0] = create_esp(&tests[0], 1, 1, MODE_TRANSPORT, data, IPPROTO_TCP);
	esp[1] = create_esp(&tests[15], 2, 1, MODE_TRANSPORT, data, IPPROTO_TCP);
	esp[2] = create_esp(&tests[0], 3, 1, MODE_TUNNEL, padded, IPPROTO_IPIP);
	esp[3] = create_esp(&tests[0], 4, 1, MODE_TUNNEL, data, IPPROTO_NONE);
	esp[4] = create_esp(&tests[0], 5, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	read_keys();
	/* transport mode, also in UDP, and over IPv6 */
	check(add_ip(src, dst, IPPROTO_UDP, add_udp(4500, 4500, esp[0])),
		  add_sum(add_ip(src, dst, IPPROTO_TCP, chunk_clone(data))),
		  ": ICV good");
	check(add_ip(a, b, IPPROTO_ESP, esp[1]),
		  add_ip(a, b, IPPROTO_TCP, chunk_clone(data)), ": ICV good");
	/* padding for traffic flow confidentiality, and a dummy packet */
	check(add_ip(src, dst, IPPROTO_ESP, esp[2]), chunk_clone(inner),
		  ": ICV good");
	check(add_ip(src, dst, IPPROTO_ESP, esp[3]), chunk_empty, ": ICV good");
	/* captured elsewhere, with a NAT between, and any ports */
	check(add_ip(other, dst, IPPROTO_UDP, add_udp(53, 1194, esp[4])),
		  chunk_clone(inner), ": ICV good");
	assert_true(decrypter->is_good(decrypter));
	/* something else in UDP, a keepalive, and what there is no key for */
	check(add_ip(src, dst, IPPROTO_UDP, add_udp(53, 1194, chunk_clone(data))),
		  chunk_empty, "");
	check(add_ip(src, dst, IPPROTO_UDP,
				 add_udp(4500, 4500, chunk_clone(chunk_from_chars(0xff)))),
		  chunk_empty, "");
	assert_true(decrypter->is_good(decrypter));
	check(add_ip(src, dst, IPPROTO_UDP, add_udp(1024, 4500, chunk_clone(data))),
		  chunk_empty, "ESP 7477656c seq 1986338914: no key");
	assert_false(decrypter->is_good(decrypter));
	a->destroy(a);
	b->destroy(b);
}

static void test_reused_spi(void **state)
{
	chunk_t esp[4];

	esp[0] = create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	esp[1] = create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	esp[2] = create_esp(&tests[15], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	/* without an ICV the padding tells */
	esp[3] = create_esp(&tests[11], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	read_keys();
	check(add_ip(src, dst, IPPROTO_ESP, esp[0]), chunk_clone(inner), "_128: ICV good");
	check(add_ip(src, dst, IPPROTO_ESP, esp[1]), chunk_clone(inner), "_128: ICV good");
	check(add_ip(src, dst, IPPROTO_ESP, esp[2]), chunk_clone(inner),
		  "AES_GCM_8: ICV good");
	check(add_ip(src, dst, IPPROTO_ESP, esp[3]), chunk_clone(inner), ": no ICV");
}

/**
 * Create packets of one SA with extended sequence numbers.
 */
static chunk_t create_next(test_t *test, kernel_ipsec_add_sa_t *sa, uint64_t seq)
{
	uint8_t header[8];
	chunk_t encr_key, integ_key, esp;

	high_bits = seq >> 32;
	htoun32(header, 9);
	htoun32(header + 4, seq);
	next_encr_key = sa->enc_key;
	next_integ_key = sa->int_key;
	esp = seal(test, chunk_from_thing(header), inner,
			   chunk_from_chars(IPPROTO_IPIP), NULL, &encr_key, &integ_key);
	sa->enc_key = encr_key;
	sa->int_key = integ_key;
	return esp;
}

static void test_esn(void **state)
{
	static uint64_t seqs[] = {
		/* begins late, wraps, late ones from before that, and a gap */
		0x2fffffff0, 0x2ffffffff, 0x300000001, 0x2fffffff5, 0x300000002,
		0x380000000, 0x3fffffff0, 0x400000000, 0x4000000f0, 0x3fffffffe,
		0x4000000f1, 0x480000000, 0x4f0000000, 0x500000005,
	};
	kernel_ipsec_sa_id_t id = {
		.src = src,
		.dst = dst,
		.spi = htonl(9),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t sa = {
		.esn = TRUE,
		.mode = MODE_TUNNEL,
	};
	chunk_t packets[countof(seqs)];
	int t, i;

	for (t = 29; t < 36; t += 2)
	{
		sa.enc_alg = tests[t].encr;
		sa.int_alg = tests[t].integ;
		for (i = 0; i < countof(seqs); i++)
		{
			packets[i] = create_next(&tests[t], &sa, seqs[i]);
		}
		keys->add_esp(keys, "gw", &id, &sa);
		chunk_clear(&sa.enc_key);
		chunk_clear(&sa.int_key);
		read_keys();
		for (i = 0; i < countof(seqs); i++)
		{
			check(add_ip(src, dst, IPPROTO_ESP, packets[i]), chunk_clone(inner),
				  "ESN: ICV good");
		}
		decrypter->destroy(decrypter);
		decrypter = NULL;
		file->destroy(file);
		file = NULL;
	}
}

/**
 * Create a packet with AH, of the SA with that SPI.
 */
static chunk_t create_ah(integrity_algorithm_t integ, uint32_t spi, bool esn,
						 ipsec_mode_t mode, host_t *from, host_t *to)
{
	kernel_ipsec_sa_id_t id = {
		.src = from,
		.dst = to,
		.spi = htonl(spi),
		.proto = IPPROTO_AH,
	};
	kernel_ipsec_add_sa_t sa = {
		.enc_alg = ENCR_UNDEFINED,
		.int_alg = integ,
		.esn = esn,
		.mode = mode,
	};
	chunk_t ah, packet, icv, high = chunk_from_chars(0, 0, 0, 0);
	signer_t *signer;
	size_t len;

	signer = lib->crypto->create_signer(lib->crypto, integ);
	assert_non_null(signer);
	sa.int_key = create_key(signer->get_key_size(signer));
	assert_true(signer->set_key(signer, sa.int_key));
	len = signer->get_block_size(signer);
	ah = chunk_alloca(round_up(12 + len, 8));
	memset(ah.ptr, 0, ah.len);
	ah.ptr[0] = IPPROTO_IPIP;
	ah.ptr[1] = ah.len / 4 - 2;
	htoun32(ah.ptr + 4, spi);
	htoun32(ah.ptr + 8, 1);
	packet = add_ip(from, to, IPPROTO_AH, chunk_cat("cc", ah, inner));
	/* add_ip() leaves nothing to clear, but this */
	packet.ptr[from->get_family(from) == AF_INET ? 8 : 7] = 0;
	high.len = esn ? 4 : 0;
	assert_true(signer->allocate_signature(signer,
									chunk_cata("cc", packet, high), &icv));
	memcpy(packet.ptr + packet.len - inner.len - ah.len + 12, icv.ptr, icv.len);
	free(icv.ptr);
	signer->destroy(signer);
	keys->add_esp(keys, "gw", &id, &sa);
	chunk_clear(&sa.int_key);
	/* what changes on the way */
	if (from->get_family(from) == AF_INET)
	{
		packet.ptr[1] = 0xb8;
		packet.ptr[6] = 0x40;
		packet.ptr[8] = 63;
		return add_sum(packet);
	}
	packet.ptr[1] = 0x12;
	packet.ptr[3] = 0x34;
	packet.ptr[7] = 63;
	return packet;
}

static void test_ah(void **state)
{
	static integrity_algorithm_t algs[] = {
		AUTH_HMAC_MD5_96, AUTH_HMAC_SHA1_96, AUTH_HMAC_SHA1_160,
		AUTH_HMAC_SHA2_256_128, AUTH_HMAC_SHA2_384_192, AUTH_HMAC_SHA2_512_256,
		AUTH_AES_XCBC_96, AUTH_AES_CMAC_96,
	};
	host_t *a = host_create_from_string("2001:db8::1", 0);
	host_t *b = host_create_from_string("2001:db8::2", 0);
	chunk_t packets[countof(algs)], six, bad, transport, expected;
	int i;

	for (i = 0; i < countof(algs); i++)
	{
		packets[i] = create_ah(algs[i], i + 1, i % 2, MODE_TUNNEL, src, dst);
	}
	six = create_ah(AUTH_HMAC_SHA1_96, 100, FALSE, MODE_TUNNEL, a, b);
	transport = create_ah(AUTH_HMAC_SHA1_96, 101, FALSE, MODE_TRANSPORT, src,
						  dst);
	read_keys();
	for (i = 0; i < countof(algs); i++)
	{
		bad = chunk_clone(packets[i]);
		bad.ptr[bad.len - 1] ^= 1;
		check(packets[i], chunk_clone(inner), ": ICV good");
		bad.ptr[bad.len - 1] ^= 1;
		bad.ptr[13] ^= 1;
		check(bad, chunk_clone(inner), ": ICV bad");
	}
	check(six, chunk_clone(inner), ": ICV good");
	expected = add_ip(src, dst, IPPROTO_IPIP, chunk_clone(inner));
	expected.ptr[1] = 0xb8;
	expected.ptr[6] = 0x40;
	expected.ptr[8] = 63;
	check(transport, add_sum(expected), ": ICV good");
	a->destroy(a);
	b->destroy(b);
}

/**
 * Add a set of keys of an IKE_SA.
 */
static void add_ike(ike_version_t version, test_t *test, chunk_t encr_key,
					chunk_t integ_key)
{
	proposal_t *proposal;
	ike_sa_id_t *id;

	id = ike_sa_id_create(version, htobe64(0x0123456789abcdef),
						  htobe64(0xfedcba9876543210), TRUE);
	proposal = proposal_create(PROTO_IKE, 1);
	proposal->add_algorithm(proposal, ENCRYPTION_ALGORITHM, test->encr,
							test->bits);
	if (test->integ != AUTH_UNDEFINED)
	{
		proposal->add_algorithm(proposal, INTEGRITY_ALGORITHM, test->integ, 0);
	}
	keys->add_ike(keys, "gw", version, id, proposal, encr_key, encr_key,
				  integ_key, integ_key);
	proposal->destroy(proposal);
	id->destroy(id);
}

/**
 * Write an IKE header.
 */
static void put_ike(uint8_t *header, uint8_t next, uint8_t version,
					uint8_t flags, uint32_t mid, uint32_t len)
{
	htoun64(header, 0x0123456789abcdef);
	htoun64(header + 8, 0xfedcba9876543210);
	header[16] = next;
	header[17] = version;
	header[18] = 37;
	header[19] = flags;
	htoun32(header + 20, mid);
	htoun32(header + 24, len);
}

/**
 * Create a message with payloads in an encrypted one, or in a fragment of it.
 */
static chunk_t create_ike(test_t *test, uint32_t mid, chunk_t payloads,
						  uint16_t number, uint16_t total)
{
	uint8_t header[36] = {};
	size_t lens[] = { 24, 30 };
	chunk_t message, encr_key, integ_key;

	put_ike(header, total ? 53 : 46, 0x20, 0x08, mid, 0);
	header[28] = number < 2 ? 42 : 0;
	htoun16(header + 32, number);
	htoun16(header + 34, total);
	message = seal(test, chunk_create(header, total ? 36 : 32), payloads,
				   chunk_empty, lens, &encr_key, &integ_key);
	add_ike(IKEV2, test, encr_key, integ_key);
	chunk_clear(&encr_key);
	chunk_clear(&integ_key);
	return message;
}

/**
 * Put a message into a packet, with or without a non-ESP marker.
 */
static chunk_t wrap(chunk_t message, bool marker)
{
	chunk_t udp, packet;
	uint8_t pseudo[12] = {};
	uint16_t sum;

	udp = add_udp(marker ? 4500 : 500, marker ? 4500 : 500,
				  chunk_cat("cm", marker ? chunk_from_chars(0, 0, 0, 0)
										 : chunk_empty, message));
	memcpy(pseudo, src->get_address(src).ptr, 4);
	memcpy(pseudo + 4, dst->get_address(dst).ptr, 4);
	pseudo[9] = IPPROTO_UDP;
	htoun16(pseudo + 10, udp.len);
	sum = chunk_internet_checksum_inc(udp,
							chunk_internet_checksum(chunk_from_thing(pseudo)));
	memcpy(udp.ptr + 6, &sum, sizeof(sum));
	packet = add_ip(src, dst, IPPROTO_UDP, udp);
	return add_sum(packet);
}

/**
 * Create the packet that is expected for a decrypted message.
 */
static chunk_t expect_ike(uint32_t mid, uint8_t next, uint8_t version,
						  chunk_t payloads, bool marker)
{
	uint8_t header[28];

	put_ike(header, next, version, version == 0x10 ? 0 : 0x08, mid,
			sizeof(header) + payloads.len);
	return wrap(chunk_cat("cc", chunk_from_thing(header), payloads), marker);
}

/** a delete payload, and a longer one, to be sent in fragments */
static chunk_t payloads = chunk_from_chars(0, 0, 0, 8, 1, 0, 0, 0);

static void test_ikev2(void **state)
{
	static integrity_algorithm_t not_ike[] = { AUTH_UNDEFINED };
	chunk_t messages[countof(tests)], bad;
	int i;

	for (i = 0; i < countof(tests); i++)
	{
		messages[i] = chunk_empty;
		if (!tests[i].esn && tests[i].encr != ENCR_NULL_AUTH_AES_GMAC &&
			(tests[i].integ != not_ike[0] ||
			 encryption_algorithm_is_aead(tests[i].encr)))
		{	/* all have the same SPIs: sets of keys of one IKE_SA */
			messages[i] = create_ike(&tests[i], i, payloads, 0, 0);
		}
	}
	read_keys();
	for (i = 0; i < countof(tests); i++)
	{
		if (messages[i].len)
		{
			bad = chunk_clone(messages[i]);
			bad.ptr[21] ^= 1;
			check(wrap(messages[i], i % 2),
				  expect_ike(i, 42, 0x20, payloads, i % 2), ": ICV good");
			decrypter->decrypt(decrypter, (bad = wrap(bad, FALSE)),
							   &messages[i], line);
			assert_non_null(strstr(line, ": ICV bad"));
			free(messages[i].ptr);
			free(bad.ptr);
		}
	}
}

static void test_fragments(void **state)
{
	chunk_t parts[3], all = chunk_empty, messages[3];
	int i;

	for (i = 0; i < countof(parts); i++)
	{
		parts[i] = create_key(100 + i);
		messages[i] = create_ike(&tests[i], 7, parts[i], i + 1, countof(parts));
	}
	all = chunk_cat("mmm", parts[0], parts[1], parts[2]);
	read_keys();
	/* in any order, and twice */
	check(wrap(chunk_clone(messages[2]), FALSE), chunk_empty, ": ICV good");
	check(wrap(messages[2], FALSE), chunk_empty, ": ICV good");
	check(wrap(messages[0], FALSE), chunk_empty, ": ICV good");
	check(wrap(messages[1], FALSE), expect_ike(7, 42, 0x20, all, FALSE),
		  ": ICV good");
	free(all.ptr);
	assert_true(decrypter->is_good(decrypter));
}

/**
 * Create messages of IKEv1, with IVs as in RFC 2409, appendix B.
 */
static chunk_t create_ikev1(crypter_t *crypter, uint32_t mid, chunk_t iv,
							chunk_t body)
{
	uint8_t header[28];
	chunk_t plain, encrypted;

	plain = chunk_alloca(round_up(body.len, 16));
	memset(plain.ptr, 0, plain.len);
	memcpy(plain.ptr, body.ptr, body.len);
	assert_true(crypter->encrypt(crypter, plain, iv, &encrypted));
	memcpy(iv.ptr, encrypted.ptr + encrypted.len - 16, 16);
	put_ike(header, 12, 0x10, 0x01, mid, sizeof(header) + encrypted.len);
	return chunk_cat("cm", chunk_from_thing(header), encrypted);
}

static void test_ikev1(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t g_xi = chunk_from_str("the initiator's public value....");
	chunk_t g_xr = chunk_from_str("the responder's public value....");
	chunk_t ke = chunk_from_chars(0, 0, 0, 36), key, iv, iv2, qm, mid;
	uint8_t header[28];
	crypter_t *crypter;
	hasher_t *hasher;

	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA1);
	key = create_key(16);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);
	read_keys();

	/* not yet possible */
	iv = chunk_alloc(16);
	check(wrap(create_ikev1(crypter, 0, iv, payloads), FALSE), chunk_empty,
		  ": no key");
	free(iv.ptr);
	/* main mode's public values, one of them sent twice */
	put_ike(header, 4, 0x10, 0, 0, 28 + 36);
	check(wrap(chunk_cat("ccc", chunk_from_thing(header), ke, g_xi), FALSE),
		  chunk_empty, "");
	check(wrap(chunk_cat("ccc", chunk_from_thing(header), ke, g_xi), FALSE),
		  chunk_empty, "");
	check(wrap(chunk_cat("ccc", chunk_from_thing(header), ke, g_xr), FALSE),
		  chunk_empty, "");
	assert_true(hasher->allocate_hash(hasher, chunk_cata("cc", g_xi, g_xr), &iv));
	qm = create_ikev1(crypter, 0, iv, payloads);
	check(wrap(chunk_clone(qm), FALSE),
		  expect_ike(0, 12, 0x10, payloads, FALSE), ": no ICV");
	check(wrap(qm, FALSE), expect_ike(0, 12, 0x10, payloads, FALSE), ": no ICV");
	check(wrap(create_ikev1(crypter, 0, iv, payloads), TRUE),
		  expect_ike(0, 12, 0x10, payloads, TRUE), ": no ICV");
	/* quick mode and another exchange at the same time */
	mid = chunk_from_chars(0x12, 0x34, 0x56, 0x78);
	assert_true(hasher->allocate_hash(hasher,
				chunk_cata("cc", chunk_create(iv.ptr, 16), mid), &iv2));
	check(wrap(create_ikev1(crypter, 0x12345678, iv2, payloads), TRUE),
		  expect_ike(0x12345678, 12, 0x10, payloads, TRUE), ": no ICV");
	mid = chunk_from_chars(0, 0, 0, 5);
	assert_true(hasher->allocate_hash(hasher,
				chunk_cata("cc", chunk_create(iv.ptr, 16), mid), &qm));
	check(wrap(create_ikev1(crypter, 5, qm, payloads), TRUE),
		  expect_ike(5, 12, 0x10, payloads, TRUE), ": no ICV");
	check(wrap(create_ikev1(crypter, 0x12345678, iv2, payloads), TRUE),
		  expect_ike(0x12345678, 12, 0x10, payloads, TRUE), ": no ICV");
	/* the chain is broken when one is missing, and goes on then */
	free(create_ikev1(crypter, 5, qm, payloads).ptr);
	check(wrap(create_ikev1(crypter, 5, qm, payloads), TRUE), chunk_empty,
		  ": ICV bad");
	check(wrap(create_ikev1(crypter, 5, qm, payloads), TRUE),
		  expect_ike(5, 12, 0x10, payloads, TRUE), ": no ICV");
	chunk_free(&qm);
	chunk_free(&iv2);
	chunk_free(&iv);
	chunk_clear(&key);
	crypter->destroy(crypter);
	hasher->destroy(hasher);
}

/**
 * Change some bytes of something.
 */
static void damage(chunk_t data)
{
	int i, count = rand() % 4;

	for (i = 0; data.len && i < count; i++)
	{
		data.ptr[rand() % data.len] = rand();
	}
}

static void test_damaged_packets(void **state)
{
	chunk_t samples[countof(tests) * 2 + 2], packet, plain;
	char comment[DECRYPTER_COMMENT_LEN];
	host_t *a = host_create_from_string("2001:db8::1", 0);
	int i, count = 0;

	srand(1);
	for (i = 0; i < countof(tests); i++)
	{
		samples[count++] = add_ip(i % 2 ? src : a, i % 2 ? dst : a, IPPROTO_ESP,
					create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
							   IPPROTO_IPIP));
		if (encryption_algorithm_is_aead(tests[i].encr) &&
			tests[i].encr != ENCR_NULL_AUTH_AES_GMAC)
		{
			samples[count++] = wrap(create_ike(&tests[i], 1, payloads, i % 3,
											   i % 3), i % 2);
		}
	}
	samples[count++] = create_ah(AUTH_HMAC_SHA1_96, 77, TRUE, MODE_TUNNEL, src,
								 dst);
	samples[count++] = create_ah(AUTH_HMAC_SHA1_96, 78, FALSE, MODE_TRANSPORT, a,
								 a);
	read_keys();
	for (i = 0; i < 200000; i++)
	{	/* in memory of its size, so that it's noticed if that's exceeded */
		packet = samples[rand() % count];
		packet = chunk_clone(chunk_create(packet.ptr, rand() % 3 ? packet.len
												: rand() % packet.len));
		damage(packet);
		decrypter->decrypt(decrypter, packet, &plain, comment);
		chunk_free(&plain);
		chunk_free(&packet);
	}
	assert_false(decrypter->is_good(decrypter));
	while (count--)
	{
		free(samples[count].ptr);
	}
	a->destroy(a);
}

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
	char line[512];
	chunk_t content, copy;
	int i, saved = close_stderr();

	for (i = 0; i < countof(wrong); i++)
	{
		snprintf(line, sizeof(line), "# a comment\n\n%s\nesp 00000001 192.0.2.1 "
				 "192.0.2.2 later=yes enc=NULL", wrong[i]);
		file = key_file_create(write_file("keys", chunk_from_str(line)));
		assert_non_null(file);
		if (file->get_errors(file) != 1)
		{
			restore_stderr(saved);
			fail_msg("accepted: %s", wrong[i]);
		}
		file->destroy(file);
	}
	file = NULL;
	assert_null(key_file_create("/nonexistent/keys"));
	assert_null(key_file_create(dir));

	srand(1);
	for (i = 0; i < countof(tests); i++)
	{
		free(create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
						IPPROTO_IPIP).ptr);
	}
	free(create_ike(&tests[0], 1, payloads, 0, 0).ptr);
	keys->flush(keys);
	assert_true(store->read_file(store, "gw", "keys", &content));
	for (i = 0; i < 2000; i++)
	{
		copy = chunk_clone(content);
		damage(copy);
		copy.len = i % 2 ? copy.len : rand() % copy.len;
		file = key_file_create(write_file("keys", copy));
		assert_non_null(file);
		decrypter = decrypter_create(file);
		decrypter->destroy(decrypter);
		file->destroy(file);
		free(copy.ptr);
	}
	file = NULL;
	decrypter = NULL;
	chunk_clear(&content);
	restore_stderr(saved);
}

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
 * Run the program, return its exit status.
 */
static int run(char *fmt, ...)
{
	char args[2 * PATH_MAX], cmd[3 * PATH_MAX];
	va_list list;
	int status;

	va_start(list, fmt);
	vsnprintf(args, sizeof(args), fmt, list);
	va_end(list);
	/* see above */
	snprintf(cmd, sizeof(cmd), "echo leak:libcrypto >%s/suppressions;"
			 "LSAN_OPTIONS=print_suppressions=0:suppressions=%s/suppressions "
			 PROGRAM " %s >%s/stdout 2>%s/stderr", dir, dir, args, dir, dir);
	status = system(cmd);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status))
	{	/* to be seen if that's not expected */
		snprintf(cmd, sizeof(cmd), "sed 's/^/    /' %s/stdout %s/stderr", dir,
				 dir);
		assert_int_equal(system(cmd), 0);
	}
	return WEXITSTATUS(status);
}

/**
 * Check if a file has a line.
 */
static void expect_line(char *name, char *pattern)
{
	char cmd[PATH_MAX];

	snprintf(cmd, sizeof(cmd), "grep -qe '%s' %s/%s", pattern, dir, name);
	if (system(cmd) != 0)
	{
		snprintf(cmd, sizeof(cmd), "cat %s/%s >&2", dir, name);
		assert_int_equal(system(cmd), 0);
		fail_msg("no line '%s'", pattern);
	}
}

/**
 * Check a pcapng file with tshark.
 */
static void check_pcapng(char *path)
{
	char cmd[2 * PATH_MAX], buf[1024], hex[2048];
	FILE *tshark;
	int i, j, len;

	if (system("tshark --version >/dev/null 2>&1") != 0)
	{
		print_message("no tshark\n");
		return;
	}
	snprintf(cmd, sizeof(cmd), "WIRESHARK_CONFIG_DIR=%s/none tshark -n -r %s "
			 "-T fields -e frame.interface_id -e frame.interface_name "
			 "-e frame.time_epoch -e frame.comment -e data.data 2>/dev/null", dir,
			 path);
	tshark = popen(cmd, "r");
	assert_non_null(tshark);
	for (i = 0; i < countof(tests); i++)
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
	assert_null(fgets(buf, sizeof(buf), tshark));
	pclose(tshark);
}

static void test_program(void **state)
{
	char path[2 * PATH_MAX];
	struct stat st;
	chunk_t content;

	assert_int_equal(run(""), 2);
	assert_int_equal(run("encrypt"), 2);
	assert_int_equal(run("decrypt"), 2);
	assert_int_equal(run("decrypt -x"), 2);
	assert_int_equal(run("--help"), 0);
	assert_int_equal(run("decrypt -h"), 0);
	expect_line("stdout", "^usage: nflog-capture decrypt");
	assert_int_equal(run("decrypt %s/none/x.pcap", dir), 2);
	expect_line("stderr", "opening .*/none/keys failed: No such file");

	snprintf(path, sizeof(path), "%s/gw/raw.pcap", dir);
	store->remove_file(store, "gw", "raw.pcap");
	free(create_esp(&tests[0], 99, 1, MODE_TUNNEL, inner, IPPROTO_IPIP).ptr);
	keys->flush(keys);
	content = create_trace(path, DLT_RAW);
	assert_int_equal(run("decrypt %s/gw/raw.pcap", dir), 0);
	expect_line("stdout", "^ESP: 36 packets, 36 decrypted, 35 ICV good, 1 no ICV$");
	snprintf(path, sizeof(path), "%s/gw/raw.decrypted.pcapng", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	check_pcapng(path);

	/* a file that ends within a packet, what there is gets written */
	content.len -= 10;
	snprintf(path, sizeof(path), "%s/torn", dir);
	assert_true(chunk_write(content, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 1);
	expect_line("stdout", "^ESP: 35 packets, 35 decrypted, 34 ICV good, 1 no ICV$");
	expect_line("stderr", "reading .*/torn failed: truncated");
	/* no trace at all, or another link type */
	content.len = 3;
	assert_true(chunk_write(content, path, 0600, TRUE));
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 2);
	chunk_free(&content);
	content = create_trace(path, DLT_EN10MB);
	chunk_free(&content);
	assert_int_equal(run("decrypt -k %s/gw/keys %s/torn", dir, dir), 2);
	expect_line("stderr", "has link type EN10MB, neither NFLOG nor raw");

	/* link type NFLOG, and stdout */
	snprintf(path, sizeof(path), "%s/gw/nflog.pcap", dir);
	content = create_trace(path, DLT_NFLOG);
	chunk_free(&content);
	assert_int_equal(run("decrypt %s/gw/nflog.pcap -o -", dir), 0);
	expect_line("stderr", "^ESP: 36 packets, 36 decrypted, 35 ICV good, 1 no ICV$");
	snprintf(path, sizeof(path), "%s/stdout", dir);
	check_pcapng(path);
	assert_int_equal(run("decrypt %s/gw/raw.pcap %s/gw/nflog.pcap -o %s/out", dir,
						 dir, dir), 2);
	assert_int_equal(run("decrypt %s/gw/raw.pcap -o %s/none/out", dir, dir), 2);
	/* two traces as one, some keys are missing */
	snprintf(path, sizeof(path), "grep -v ' 0000000[12] \\|esp 0000000[12]' "
			 "%s/gw/keys >%s/few && echo rubbish >>%s/few", dir, dir, dir);
	assert_int_equal(system(path), 0);
	assert_int_equal(run("decrypt -k %s/few %s/gw/raw.pcap %s/gw/raw.pcap "
						 "-o %s/out", dir, dir, dir, dir), 1);
	expect_line("stdout", "^ESP: 72 packets, 68 decrypted, 66 ICV good, 2 no ICV, 4 no key$");
	expect_line("stderr", "this is no line of a key file$");
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_esp, begin, end),
		cmocka_unit_test_setup_teardown(test_modes, begin, end),
		cmocka_unit_test_setup_teardown(test_reused_spi, begin, end),
		cmocka_unit_test_setup_teardown(test_esn, begin, end),
		cmocka_unit_test_setup_teardown(test_ah, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev2, begin, end),
		cmocka_unit_test_setup_teardown(test_fragments, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev1, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged_packets, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_program, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}

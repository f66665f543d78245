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
 * ESP and AH, as nflog-capture(1) decrypts and checks them: packets that are
 * encrypted here with each of the algorithms have to lead to those in the clear,
 * and what is wrong has to be noticed.
 */

#define _GNU_SOURCE

#include "decrypt.h"

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
		{	/* an AEAD fails, without an ICV the padding is wrong */
			check(bad, chunk_empty, ": ICV bad");
		}
		check(add_ip(src, dst, IPPROTO_ESP, packets[i]), chunk_clone(inner),
			  tests[i].result == GOOD ? ": ICV good" : ": no ICV");
	}
	assert_false(decrypter->is_good(decrypter));
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
	/* without an ICV only the padding shows it */
	esp[3] = create_esp(&tests[11], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	read_keys();
	check(add_ip(src, dst, IPPROTO_ESP, esp[0]), chunk_clone(inner),
		  "_128: ICV good");
	check(add_ip(src, dst, IPPROTO_ESP, esp[1]), chunk_clone(inner),
		  "_128: ICV good");
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
 * Create a packet with AH around something, of the SA with that SPI.
 */
static chunk_t protect(integrity_algorithm_t integ, uint32_t spi, bool esn,
					   ipsec_mode_t mode, host_t *from, host_t *to, chunk_t data,
					   uint8_t next)
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
	ah.ptr[0] = next;
	ah.ptr[1] = ah.len / 4 - 2;
	htoun32(ah.ptr + 4, spi);
	htoun32(ah.ptr + 8, 1);
	packet = add_ip(from, to, IPPROTO_AH, chunk_cat("cc", ah, data));
	/* add_ip() leaves nothing to clear, but this */
	packet.ptr[from->get_family(from) == AF_INET ? 8 : 7] = 0;
	high.len = esn ? 4 : 0;
	assert_true(signer->allocate_signature(signer,
									chunk_cata("cc", packet, high), &icv));
	memcpy(packet.ptr + packet.len - data.len - ah.len + 12, icv.ptr, icv.len);
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

/**
 * Create a packet with AH around the inner packet.
 */
static chunk_t create_ah(integrity_algorithm_t integ, uint32_t spi, bool esn,
						 ipsec_mode_t mode, host_t *from, host_t *to)
{
	return protect(integ, spi, esn, mode, from, to, inner, IPPROTO_IPIP);
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
 * Put a packet, which gets freed, into a tunnel with ESP.
 *
 * @param packet	packet of IPv4
 */
static chunk_t put_esp(test_t *test, uint32_t spi, chunk_t packet)
{
	chunk_t esp;

	esp = create_esp(test, spi, 1, MODE_TUNNEL, packet, IPPROTO_IPIP);
	free(packet.ptr);
	return add_ip(src, dst, IPPROTO_ESP, esp);
}

/**
 * Put a packet, which gets freed, into a tunnel with AH.
 */
static chunk_t put_ah(uint32_t spi, chunk_t packet)
{
	chunk_t ah;

	ah = protect(AUTH_HMAC_SHA1_96, spi, FALSE, MODE_TUNNEL, src, dst, packet,
				 IPPROTO_IPIP);
	free(packet.ptr);
	return ah;
}

static void test_layers(void **state)
{
	host_t *a = host_create_from_string("2001:db8::1", 0);
	host_t *b = host_create_from_string("2001:db8::2", 0);
	chunk_t esp_esp, ah_esp, esp_ah, esp_udp, transport, bundle, six, packet;
	chunk_t data = chunk_from_str("twelve bytes");
	test_t *cbc = &tests[0], *gcm = &tests[15], *none = &tests[11];

	esp_esp = put_esp(gcm, 2, put_esp(cbc, 1, chunk_clone(inner)));
	ah_esp = put_ah(4, put_esp(cbc, 3, chunk_clone(inner)));
	esp_ah = put_esp(none, 6, put_ah(5, chunk_clone(inner)));
	packet = create_esp(cbc, 7, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	packet = add_ip(src, dst, IPPROTO_UDP, add_udp(4500, 4500, packet));
	esp_udp = put_esp(gcm, 8, packet);
	/* host-to-host in net-to-net */
	packet = create_esp(cbc, 9, 1, MODE_TRANSPORT, data, IPPROTO_TCP);
	transport = put_esp(gcm, 10, add_ip(other, other, IPPROTO_ESP, packet));
	/* both for the same packet */
	packet = create_esp(cbc, 11, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	bundle = protect(AUTH_HMAC_SHA1_96, 12, FALSE, MODE_TRANSPORT, src, dst, packet,
					 IPPROTO_ESP);
	free(packet.ptr);
	/* IPv4 in IPv6 in IPv4 */
	packet = add_ip(a, b, IPPROTO_ESP, create_esp(cbc, 13, 1, MODE_TUNNEL, inner,
												  IPPROTO_IPIP));
	six = create_esp(gcm, 14, 1, MODE_TUNNEL, packet, IPPROTO_IPV6);
	six = add_ip(src, dst, IPPROTO_ESP, six);
	free(packet.ptr);

	read_keys();
	check_layers(esp_esp, 2, chunk_clone(inner), "HMAC_SHA2_256_128: ICV good");
	check_layers(esp_udp, 2, chunk_clone(inner), "HMAC_SHA2_256_128: ICV good");
	check_layers(six, 2, chunk_clone(inner), "HMAC_SHA2_256_128: ICV good");
	check_layers(esp_ah, 2, chunk_clone(inner), "HMAC_SHA1_96: ICV good");
	check_layers(transport, 2,
				 add_sum(add_ip(other, other, IPPROTO_TCP, chunk_clone(data))),
				 "HMAC_SHA2_256_128: ICV good");
	check_report("ESP: 5 packets, 5 decrypted, 4 ICV good, 1 no ICV\n"
				 "ESP in layer 2: 4 packets, 4 decrypted, 4 ICV good\n"
				 "AH in layer 2: 1 packets, 1 decrypted, 1 ICV good\n", TRUE);
	check_layers(bundle, 2, chunk_clone(inner), "HMAC_SHA2_256_128: ICV good");
	/* what AH protects is there, though something changed on its way */
	ah_esp.ptr[15] ^= 1;
	check_layers(ah_esp, 2, chunk_clone(inner), "HMAC_SHA2_256_128: ICV good");
	check_report("AH: 2 packets, 1 decrypted, 1 ICV good, 1 ICV bad\n"
				 "ESP in layer 2: 2 packets, 2 decrypted, 2 ICV good\n", FALSE);
	a->destroy(a);
	b->destroy(b);
}

/**
 * What can't be decrypted inside, and what needs not.
 */
static void test_inside(void **state)
{
	test_t *cbc = &tests[0], *gcm = &tests[15];
	chunk_t bad, foreign, plain, fragments[2], expected, packet;
	int i;

	packet = put_esp(cbc, 1, chunk_clone(inner));
	packet.ptr[packet.len - 1] ^= 1;
	bad = put_esp(gcm, 2, packet);
	foreign = add_ip(other, other, IPPROTO_ESP, create_key(100));
	packet = chunk_clone(foreign);
	foreign = put_esp(gcm, 3, foreign);
	plain = put_esp(gcm, 4, chunk_clone(inner));
	/* fragments of ESP, and of something else */
	for (i = 0; i < countof(fragments); i++)
	{
		expected = chunk_clone(i ? inner : packet);
		expected.ptr[6] = 0x20;
		fragments[i] = put_esp(gcm, 5 + i, expected);
	}
	read_keys();
	check_layers(foreign, 1, chunk_clone(packet), ": no key");
	check_layers(plain, 1, chunk_clone(inner), ": ICV good");
	packet.ptr[6] = 0x20;
	check_layers(fragments[0], 1, packet, "a fragment");
	expected = chunk_clone(inner);
	expected.ptr[6] = 0x20;
	check_layers(fragments[1], 1, expected, ": ICV good");
	check_report("ESP: 4 packets, 4 decrypted, 4 ICV good\n"
				 "ESP in layer 2: 1 packets, 0 decrypted, 1 no key\n"
				 "IP fragments in layer 2: 1 packets\n", TRUE);
	check_layers(bad, 2, chunk_clone(inner), ": ICV bad");
	check_report("ESP: 1 packets, 1 decrypted, 1 ICV good\n"
				 "ESP in layer 2: 1 packets, 0 decrypted, 1 ICV bad\n", FALSE);
}

static void test_depth(void **state)
{
	chunk_t packet = chunk_clone(inner), six, innermost = chunk_empty;
	int i;

	for (i = 0; i < DECRYPTER_MAX_LAYERS; i++)
	{
		packet = put_esp(&tests[i % 3], i, packet);
		if (!i)
		{
			innermost = chunk_clone(packet);
		}
	}
	six = chunk_clone(packet);
	packet = put_esp(&tests[0], i, packet);
	read_keys();
	check_layers(six, DECRYPTER_MAX_LAYERS, chunk_clone(inner),
				 "ESP 00000000 seq 1 in AES_CBC/HMAC_SHA2_256_128: ICV good");
	assert_true(decrypter->is_good(decrypter));
	check_layers(packet, DECRYPTER_MAX_LAYERS, innermost,
				 "a packet in 6 others, which is not decrypted");
	assert_false(decrypter->is_good(decrypter));
}

static void test_damaged(void **state)
{
	chunk_t samples[countof(tests) + 4];
	host_t *a = host_create_from_string("2001:db8::1", 0);
	int i;

	for (i = 0; i < countof(tests); i++)
	{
		samples[i] = add_ip(i % 2 ? src : a, i % 2 ? dst : a, IPPROTO_ESP,
					create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
							   IPPROTO_IPIP));
	}
	samples[i++] = create_ah(AUTH_HMAC_SHA1_96, 77, TRUE, MODE_TUNNEL, src, dst);
	samples[i++] = create_ah(AUTH_HMAC_SHA1_96, 78, FALSE, MODE_TRANSPORT, a, a);
	/* without an ICV damage gets through to the next layer */
	samples[i++] = put_esp(&tests[11], 79, put_esp(&tests[0], 80,
												   chunk_clone(inner)));
	samples[i++] = put_esp(&tests[11], 81, put_ah(82, chunk_clone(inner)));
	read_keys();
	decrypt_damaged(samples, i);
	a->destroy(a);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_esp, begin, end),
		cmocka_unit_test_setup_teardown(test_modes, begin, end),
		cmocka_unit_test_setup_teardown(test_reused_spi, begin, end),
		cmocka_unit_test_setup_teardown(test_esn, begin, end),
		cmocka_unit_test_setup_teardown(test_ah, begin, end),
		cmocka_unit_test_setup_teardown(test_layers, begin, end),
		cmocka_unit_test_setup_teardown(test_inside, begin, end),
		cmocka_unit_test_setup_teardown(test_depth, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}

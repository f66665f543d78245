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
		{	/* AEADs don't tell, and without ICV it's the padding */
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
	/* without an ICV the padding tells */
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

static void test_damaged(void **state)
{
	chunk_t samples[countof(tests) + 2];
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
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}

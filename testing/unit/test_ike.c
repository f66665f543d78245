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
 * IKE messages, as nflog-capture(1) decrypts and checks them.
 */

#define _GNU_SOURCE

#include "decrypt.h"

#include <pthread.h>

#include <crypto/hashers/hasher.h>

/**
 * Add a set of keys of an IKE_SA.
 */
static void add_ike(ike_version_t version, test_t *test, chunk_t encr_key,
					chunk_t integ_key)
{
	add_ike_sa(keys, test, version, 0x0123456789abcdef, 0xfedcba9876543210,
			   encr_key, integ_key);
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
			decrypt(0, (bad = wrap(bad, FALSE)), &messages[i], line);
			assert_non_null(strstr(line, ": ICV bad"));
			free(messages[i].ptr);
			free(bad.ptr);
		}
	}
}

static void test_fragments(void **state)
{
	chunk_t parts[3], all = chunk_empty, messages[3], forged, again;
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
	/* what is not complete is not good */
	assert_false(decrypter->is_good(decrypter));
	/* a forged one does not take the place of the real one */
	forged = chunk_clone(messages[1]);
	forged.ptr[60] ^= 1;
	check(wrap(forged, FALSE), chunk_empty, ": ICV bad");
	again = wrap(chunk_clone(messages[1]), FALSE);
	check(wrap(messages[1], FALSE), expect_ike(7, 42, 0x20, all, FALSE),
		  ": ICV good");
	/* a single one that is sent again does not make it incomplete */
	check(chunk_clone(again), chunk_empty, ": ICV good");
	free(all.ptr);
	check_report("IKE: 6 packets, 5 decrypted, 5 ICV good, 1 ICV bad\n", FALSE);
	check(again, chunk_empty, ": ICV good");
	check_report("IKE: 1 packets, 1 decrypted, 1 ICV good\n"
				 "IKE with missing fragments: 1 messages\n", FALSE);
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

/**
 * Cut a packet with a message of IKEv1 into packets with fragments of it.
 */
static void cut_ikev1(chunk_t packet, chunk_t *parts, int count)
{
	uint8_t header[28 + 8];
	chunk_t message = chunk_skip(packet, 28), part;
	size_t len = message.len / count;
	int i;

	for (i = 0; i < count; i++)
	{
		part = chunk_create(message.ptr + i * len,
							i == count - 1 ? message.len - i * len : len);
		put_ike(header, 132, 0x10, 0, 0, sizeof(header) + part.len);
		memset(header + 28, 0, 8);
		htoun16(header + 30, 8 + part.len);
		header[33] = 1;
		header[34] = i + 1;
		header[35] = i == count - 1;
		parts[i] = wrap(chunk_cat("cc", chunk_from_thing(header), part), FALSE);
	}
}

/** public values of the key exchange, and the header of their payload */
static chunk_t g_xi = {
	(u_char*)"the initiator's public value....", 32
};
static chunk_t g_xr = {
	(u_char*)"the responder's public value....", 32
};
static chunk_t ke = chunk_from_chars(0, 0, 0, 36);

/**
 * Create a message of IKEv1 in the clear with a public value.
 */
static chunk_t create_value(chunk_t value)
{
	uint8_t header[28];

	put_ike(header, 4, 0x10, 0, 0, sizeof(header) + ke.len + value.len);
	return wrap(chunk_cat("ccc", chunk_from_thing(header), ke, value), FALSE);
}

/**
 * Get the first IV of an exchange in phase 2, from the last one of phase 1.
 */
static chunk_t create_iv(hasher_t *hasher, chunk_t last, uint32_t mid)
{
	chunk_t iv;

	mid = htonl(mid);
	assert_true(hasher->allocate_hash(hasher,
					chunk_cata("cc", chunk_create(last.ptr, 16),
							   chunk_from_thing(mid)), &iv));
	return iv;
}

/**
 * Phase 1 in the clear to its end, or an exchange that begins before anything of it
 * is encrypted.
 */
static void test_ikev1_clear(void **state)
{
	/* the hash is longer than an IV */
	static test_t algs = {
		ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD, FALSE
	};
	uint32_t mids[] = { 0x12345678, 0x12345678, 5, 6, 0, 7 };
	chunk_t key, initial, iv, packets[countof(mids)], value;
	crypter_t *crypter;
	hasher_t *hasher;
	uint8_t header[28];
	int i;

	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA256);
	key = create_key(16);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);
	/* another IKE_SA, whose initiator has chosen the same SPI */
	value = create_key(16);
	add_ike_sa(keys, &algs, IKEV1, 0x0123456789abcdef, 1, value, chunk_empty);
	chunk_clear(&value);
	read_keys();

	assert_true(hasher->allocate_hash(hasher, chunk_cata("cc", g_xi, g_xr),
									  &initial));
	/* two messages of an exchange, others with one each */
	iv = create_iv(hasher, initial, mids[0]);
	for (i = 0; i < 4; i++)
	{
		if (i > 1)
		{
			chunk_free(&iv);
			iv = create_iv(hasher, initial, mids[i]);
		}
		packets[i] = wrap(create_ikev1(crypter, mids[i], iv, payloads), TRUE);
	}
	chunk_free(&iv);
	for (i = 0; i < 4; i++)
	{
		decrypter->learn(decrypter, packets[i]);
	}
	/* one public value is not enough */
	value = create_value(g_xi);
	decrypter->learn(decrypter, value);
	check(value, chunk_empty, "");
	check(chunk_clone(packets[0]), chunk_empty, ": no key");
	value = create_value(g_xr);
	decrypter->learn(decrypter, value);
	check(value, chunk_empty, "");
	for (i = 0; i < 4; i++)
	{
		check(packets[i], expect_ike(mids[i], 12, 0x10, payloads, TRUE),
			  ": no ICV");
	}
	/* phase 1 ends with an encrypted message after all, or with one that is not
	 * in the trace: that's not the initial IV */
	packets[4] = wrap(create_ikev1(crypter, 0, initial, payloads), FALSE);
	iv = create_iv(hasher, initial, mids[5]);
	packets[5] = wrap(create_ikev1(crypter, mids[5], iv, payloads), TRUE);
	chunk_free(&iv);
	check(chunk_clone(packets[5]), chunk_empty, ": no key");
	decrypter->learn(decrypter, packets[4]);
	for (i = 5; i >= 4; i--)
	{
		check(packets[i], expect_ike(mids[i], 12, 0x10, payloads, i == 5),
			  ": no ICV");
	}
	/* a message of an IKE_SA that is not known has none of these keys */
	put_ike(header, 12, 0x10, 0x01, 5, sizeof(header) + 16);
	header[8] = 0;
	value = create_key(16);
	check(wrap(chunk_cat("cm", chunk_from_thing(header), value), FALSE),
		  chunk_empty, ": no key");
	chunk_free(&initial);
	chunk_clear(&key);
	crypter->destroy(crypter);
	hasher->destroy(hasher);
}

static void test_ikev1(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t key, iv, iv2, iv3, value, packets[9], parts[3];
	uint32_t mids[] = { 0, 0, 0, 0x12345678, 5, 0x12345678, 5, 0x12345678, 5 };
	crypter_t *crypter;
	hasher_t *hasher;
	int i, count = 0;

	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA1);
	key = create_key(16);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);
	read_keys();

	/* phase 1 */
	assert_true(hasher->allocate_hash(hasher, chunk_cata("cc", g_xi, g_xr),
									  &iv));
	for (; count < 3; count++)
	{
		packets[count] = wrap(create_ikev1(crypter, 0, iv, payloads), FALSE);
	}
	/* quick mode and another exchange at the same time */
	iv2 = create_iv(hasher, iv, 0x12345678);
	iv3 = create_iv(hasher, iv, 5);
	while (count < countof(packets))
	{
		packets[count++] = wrap(create_ikev1(crypter, 0x12345678, iv2, payloads),
								TRUE);
		packets[count++] = wrap(create_ikev1(crypter, 5, iv3, payloads), TRUE);
	}

	/* nothing is known yet */
	for (i = 0; i < count; i++)
	{
		check(chunk_clone(packets[i]), chunk_empty, ": no key");
	}
	/* public values in any order, one sent twice, and all messages but one */
	for (i = 0; i < 3; i++)
	{
		value = create_value(i ? g_xi : g_xr);
		decrypter->learn(decrypter, value);
		check(value, chunk_empty, "");
	}
	/* one of them in fragments, in any order, too */
	cut_ikev1(packets[2], parts, countof(parts));
	for (i = 0; i < countof(parts); i++)
	{
		decrypter->learn(decrypter, parts[(i + 2) % countof(parts)]);
	}
	for (i = count - 1; i >= 0; i--)
	{
		if (i != 6 && i != 2)
		{
			decrypter->learn(decrypter, packets[i]);
		}
	}
	check(parts[2], chunk_empty, "");
	check(parts[0], chunk_empty, "");
	check(parts[1], expect_ike(0, 12, 0x10, payloads, FALSE), ": no ICV");
	for (i = count - 1; i >= 0; i--)
	{
		if (i == 8)
		{	/* the end of the one before is missing */
			check(packets[i], chunk_empty, ": ICV bad");
		}
		else
		{
			check(packets[i], expect_ike(mids[i], 12, 0x10, payloads, i > 2),
				  ": no ICV");
		}
	}
	chunk_free(&iv);
	chunk_free(&iv2);
	chunk_free(&iv3);
	chunk_clear(&key);
	crypter->destroy(crypter);
	hasher->destroy(hasher);
}

/**
 * Pass fragments of a message of IKEv1, and expect that it is complete.
 *
 * @param first		first fragment, and last one
 */
static void pass(chunk_t *parts, int first, int last, bool complete)
{
	chunk_t plain;
	int i;

	for (i = first; i <= last; i++)
	{
		decrypt(0, parts[i], &plain, line);
		assert_int_equal(plain.len > 0, complete && i == last);
		chunk_free(&plain);
	}
}

static void test_ikev1_incomplete(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t key = create_key(16), iv, packets[6], parts[6][3];
	chunk_t longer = create_key(104);
	crypter_t *crypter;
	hasher_t *hasher;
	int i, j;

	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA1);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);
	read_keys();
	assert_true(hasher->allocate_hash(hasher, chunk_cata("cc", g_xi, g_xr), &iv));
	packets[0] = create_value(g_xi);
	packets[1] = create_value(g_xr);
	memcpy(longer.ptr, ((uint8_t[]){ 0, 0, 0, 104 }), 4);
	for (i = 2; i < countof(packets); i++)
	{
		packets[i] = wrap(create_ikev1(crypter, 0, iv, i < 4 ? payloads : longer),
						  FALSE);
	}
	for (i = 0; i < countof(packets); i++)
	{
		cut_ikev1(packets[i], parts[i], 3);
	}
#define LEARN() for (i = 0; i < countof(packets); i++) \
				{ decrypter->learn(decrypter, packets[i]); }
	LEARN();
	/* all have the same ID, and some are sent again; as they are short all begin with
	 * the same fragment */
	pass(parts[2], 0, 2, TRUE);
	pass(parts[2], 1, 1, FALSE);
	pass(parts[3], 0, 2, TRUE);
	pass(parts[3], 0, 2, TRUE);
	check_report("IKE: 3 packets, 3 decrypted, 3 no ICV\n"
				 "IKE in the clear: 7 packets\n", TRUE);
	LEARN();
	pass(parts[4], 0, 1, FALSE);
	check_report("IKE in the clear: 2 packets\n"
				 "IKE with missing fragments: 1 messages\n", FALSE);
	LEARN();
	/* one is incomplete, the next one is not, whatever the first one had */
	pass(parts[4], 0, 1, FALSE);
	pass(parts[5], 0, 2, TRUE);
	check_report("IKE: 1 packets, 1 decrypted, 1 no ICV\n"
				 "IKE in the clear: 4 packets\n"
				 "IKE with missing fragments: 1 messages\n", FALSE);
	/* many that anybody may send, each is counted */
	for (j = 0; j < 1000; j++)
	{
		htoun64(parts[0][0].ptr + 28, j);
		pass(parts[0], 0, 0, FALSE);
	}
	check_report("IKE in the clear: 1000 packets\n"
				 "IKE with missing fragments: 1000 messages\n", FALSE);
	for (i = 0; i < countof(packets); i++)
	{
		chunk_free(&packets[i]);
		for (j = 0; j < 3; j++)
		{
			chunk_free(&parts[i][j]);
		}
	}
	chunk_free(&longer);
	chunk_free(&iv);
	chunk_clear(&key);
	crypter->destroy(crypter);
	hasher->destroy(hasher);
}

/**
 * Learn from messages with public values as long as can be, and decrypt others.
 */
static void *decrypt_long(void *value)
{
	chunk_t packet, body = *(chunk_t*)value;
	uint8_t header[28];
	int i;

	for (i = 0; i < 8; i++)
	{
		body.ptr[4] = i;
		packet = create_value(body);
		/* the length of the payload goes before the value */
		htoun16(packet.ptr + 28 + 28 + 2, body.len + 4);
		decrypter->learn(decrypter, packet);
		chunk_free(&packet);
	}
	for (i = 0; i < 64; i++)
	{
		put_ike(header, 12, 0x10, 0x01, i, sizeof(header) + body.len);
		body.ptr[body.len - 1] = i;
		packet = wrap(chunk_cat("cc", chunk_from_thing(header), body), FALSE);
		decrypter->learn(decrypter, packet);
		check(packet, chunk_empty, i ? ": ICV bad" : "");
	}
	return NULL;
}

static void test_ikev1_long(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t key = create_key(16), value = create_key(65000 / 16 * 16);
	pthread_attr_t attr;
	pthread_t thread;

	add_ike(IKEV1, &algs, key, chunk_empty);
	read_keys();
	/* without regard to the size of the stack */
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 512 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &attr, decrypt_long, &value), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	chunk_clear(&key);
	chunk_free(&value);
}

/**
 * Messages inside of ESP, those of IKEv1 can't be decrypted one by one.
 */
static void test_inside(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	static test_t esn = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, TRUE };
	chunk_t key, iv, iv2, inside[5], packets[countof(inside)], expected;
	chunk_t encr_key = create_key(16), integ_key = create_key(20);
	crypter_t *crypter;
	hasher_t *hasher;
	int i;

	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA1);
	key = create_key(16);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);

	assert_true(hasher->allocate_hash(hasher, chunk_cata("cc", g_xi, g_xr), &iv));
	inside[0] = create_value(g_xi);
	inside[1] = create_value(g_xr);
	inside[2] = wrap(create_ikev1(crypter, 0, iv, payloads), FALSE);
	iv2 = create_iv(hasher, iv, 5);
	inside[3] = wrap(create_ikev1(crypter, 5, iv2, payloads), TRUE);
	inside[4] = wrap(create_ike(&tests[0], 1, payloads, 0, 0), TRUE);
	for (i = 0; i < countof(inside); i++)
	{
		/* those of IKEv1 are in one SA, whose extended sequence numbers begin with
		 * 0 when it is learned from these, and once more when they are decrypted */
		high_bits = i;
		next_encr_key = chunk_clone(encr_key);
		next_integ_key = chunk_clone(integ_key);
		packets[i] = create_esp(i == 4 ? &algs : &esn, i == 4 ? 2 : 1, 1,
								MODE_TUNNEL, inside[i], IPPROTO_IPIP);
		packets[i] = add_ip(src, dst, IPPROTO_ESP, packets[i]);
	}
	read_keys();
	for (i = 0; i < countof(inside); i++)
	{
		decrypter->learn(decrypter, packets[i]);
	}
	for (i = 0; i < countof(inside); i++)
	{
		if (i < 2)
		{
			check_layers(packets[i], 1, inside[i], ": ICV good");
			continue;
		}
		free(inside[i].ptr);
		expected = i == 4 ? expect_ike(1, 42, 0x20, payloads, TRUE)
						  : expect_ike(i == 3 ? 5 : 0, 12, 0x10, payloads, i > 2);
		check_layers(packets[i], 2, expected, i == 4 ? ": ICV good" : ": no ICV");
	}
	check_report("ESP: 5 packets, 5 decrypted, 5 ICV good\n"
				 "IKE in layer 2: 3 packets, 3 decrypted, 1 ICV good, 2 no ICV\n"
				 "IKE in the clear in layer 2: 2 packets\n", TRUE);
	chunk_clear(&encr_key);
	chunk_clear(&integ_key);
	chunk_free(&iv);
	chunk_free(&iv2);
	chunk_clear(&key);
	crypter->destroy(crypter);
	hasher->destroy(hasher);
}

static void test_damaged(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t samples[countof(tests) + 6], key, iv;
	uint8_t header[28];
	crypter_t *crypter;
	int i, count = 0;

	for (i = 0; i < countof(tests); i++)
	{
		if (encryption_algorithm_is_aead(tests[i].encr) &&
			tests[i].encr != ENCR_NULL_AUTH_AES_GMAC)
		{
			samples[count++] = wrap(create_ike(&tests[i], 1, payloads, i % 3,
											   i % 3), i % 2);
		}
	}
	/* IKEv1 messages, encrypted and in the clear */
	crypter = lib->crypto->create_crypter(lib->crypto, ENCR_AES_CBC, 16);
	key = create_key(16);
	iv = create_key(16);
	assert_true(crypter->set_key(crypter, key));
	add_ike(IKEV1, &algs, key, chunk_empty);
	samples[count++] = wrap(create_ikev1(crypter, 0, iv, payloads), FALSE);
	samples[count++] = wrap(create_ikev1(crypter, 1, iv, payloads), TRUE);
	put_ike(header, 4, 0x10, 0, 0, 28 + 8);
	samples[count++] = wrap(chunk_cat("cc", chunk_from_thing(header),
						chunk_from_chars(0, 0, 0, 8, 1, 2, 3, 4)), FALSE);
	samples[count++] = wrap(chunk_cat("cc", chunk_from_thing(header),
						chunk_from_chars(0, 0, 0, 8, 5, 6, 7, 8)), FALSE);
	cut_ikev1(samples[count - 3], samples + count, 2);
	count += 2;
	crypter->destroy(crypter);
	chunk_clear(&key);
	chunk_free(&iv);
	read_keys();
	decrypt_damaged(samples, count);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_ikev2, begin, end),
		cmocka_unit_test_setup_teardown(test_fragments, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev1, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev1_clear, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev1_incomplete, begin, end),
		cmocka_unit_test_setup_teardown(test_ikev1_long, begin, end),
		cmocka_unit_test_setup_teardown(test_inside, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}

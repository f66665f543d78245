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
 * What the tests of nflog-capture(1) share: packets that are encrypted with each
 * of the algorithms, keys that the plugin writes, and what they are decrypted to.
 */

#ifndef DECRYPT_H_
#define DECRYPT_H_

#include "common.h"
#include "encrypt.h"
#include "keys/keys.h"

#include "decrypt/decrypter.h"

#define PLUGINS "aes sha1 sha2 md5 hmac xcbc cmac ctr ccm gcm chapoly openssl " \
				"random"

#define PAYLOAD "nflog-capture"

/** what writes the keys */
static nflog_store_t *store;
static nflog_keys_t *keys;

/** what is tested, and the keys it has */
static keyring_t *file;
static decrypter_t *decrypter;

/** an inner packet, and addresses of SAs */
static chunk_t inner;
static host_t *src, *dst, *other;

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	free(inner.ptr);
	src->destroy(src);
	dst->destroy(dst);
	other->destroy(other);
	return common_teardown(state);
}

static inline int begin(void **state)
{
	high_bits = 0;
	store = nflog_store_create();
	keys = nflog_keys_create(store);
	return 0;
}

static inline int end(void **state)
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
static inline void read_keys()
{
	char path[PATH_MAX];

	keys->flush(keys);
	snprintf(path, sizeof(path), "%s/gw/keys", dir);
	file = keyring_create(path);
	assert_non_null(file);
	assert_int_equal(file->get_errors(file), 0);
	decrypter = decrypter_create(file);
}

/**
 * Decrypt a packet by one layer, see decrypter_t.decrypt().
 */
static inline bool decrypt(u_int depth, chunk_t data, chunk_t *plain, char *comment)
{
	wire_packet_t packet;

	wire_packet_parse(&packet, data);
	return decrypter->decrypt(decrypter, depth, &packet, plain, comment);
}

/**
 * Decrypt a packet, which gets freed, and compare the result.
 *
 * @param expected	packet that is expected, gets freed
 * @param verdict	end of the comment that is expected
 */
static inline void check(chunk_t packet, chunk_t expected, char *verdict)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t plain;
	size_t len;

	decrypt(0, packet, &plain, comment);
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
 * Decrypt a packet layer by layer, and free it.
 *
 * @param layers	number of layers that are expected to be removed
 * @param expected	packet that is left, gets freed
 * @param end		end of the last comment that is expected
 */
static inline void check_layers(chunk_t packet, u_int layers, chunk_t expected,
								char *end)
{
	char comment[DECRYPTER_COMMENT_LEN], last[DECRYPTER_COMMENT_LEN] = "";
	chunk_t plain, data = packet;
	bool more = TRUE;
	u_int depth;
	size_t len;

	for (depth = 0; more; depth++)
	{
		more = decrypt(depth, data, &plain, comment);
		if (*comment)
		{
			strcpy(last, comment);
		}
		if (plain.len)
		{
			free(data.ptr);
			data = plain;
			layers--;
		}
	}
	len = strlen(last);
	if (layers || len < strlen(end) || !streq(last + len - strlen(end), end) ||
		!chunk_equals(data, expected))
	{
		fail_msg("'%s' instead of '%s', %zu bytes instead of %zu, %d layers less",
				 last, end, data.len, expected.len, (int)layers);
	}
	free(data.ptr);
	free(expected.ptr);
}

/**
 * Expect a report, and begin with none of the packets counted.
 */
static inline void check_report(char *expected, bool good)
{
	FILE *report;
	char *text;
	size_t len;

	report = open_memstream(&text, &len);
	decrypter->print(decrypter, report);
	fclose(report);
	assert_string_equal(text, expected);
	free(text);
	assert_int_equal(decrypter->is_good(decrypter), good);
	decrypter->destroy(decrypter);
	decrypter = decrypter_create(file);
}

/**
 * Add an SA, and return an ESP packet.
 */
static inline chunk_t create_esp(test_t *test, uint32_t spi, uint32_t seq,
						  ipsec_mode_t mode, chunk_t data, uint8_t next)
{
	kernel_ipsec_sa_id_t id = {
		.src = src,
		.dst = dst,
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t sa = {
		.mode = mode,
		.inbound = TRUE,
	};

	return add_esp_sa(keys, test, &id, &sa, seq, data, next);
}

/** algorithms, which not all tests use */
static test_t tests[] __attribute__((unused)) = {
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

/**
 * Set the checksum of an IPv4 header.
 */
static inline chunk_t add_sum(chunk_t packet)
{
	uint16_t sum;

	sum = chunk_internet_checksum(chunk_create(packet.ptr, 20));
	memcpy(packet.ptr + 10, &sum, sizeof(sum));
	return packet;
}

/**
 * Change some bytes of something.
 */
static inline void damage(chunk_t data)
{
	int i, count = rand() % 4;

	for (i = 0; data.len && i < count; i++)
	{
		data.ptr[rand() % data.len] = rand();
	}
}

/**
 * Decrypt packets that are damaged, and free them.
 */
static inline void decrypt_damaged(chunk_t *samples, int count)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t packet, plain;
	u_int depth;
	bool more;
	int i;

	srand(1);
	for (i = 0; i < 100000; i++)
	{	/* in memory of its size, so that it's noticed if that's exceeded */
		packet = samples[rand() % count];
		packet = chunk_clone(chunk_create(packet.ptr, rand() % 3 ? packet.len
												: rand() % packet.len));
		damage(packet);
		decrypter->learn(decrypter, packet);
		for (depth = 0, more = TRUE; more; depth++)
		{
			more = decrypt(depth, packet, &plain, comment);
			chunk_free(&packet);
			packet = plain;
		}
		chunk_free(&packet);
	}
	assert_false(decrypter->is_good(decrypter));
	while (count--)
	{
		free(samples[count].ptr);
	}
}

#endif /* DECRYPT_H_ */

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
 * Key tables as Wireshark reads them: packets and messages that are encrypted
 * here with each of the algorithms have to be decrypted, and authenticated, by
 * tshark.
 */

#define _GNU_SOURCE

#include "common.h"
#include "encrypt.h"
#include "keys/keys.h"

#include <pcap/pcap.h>

/** algorithms of strongSwan's that are needed, of whatever plugin */
#define PLUGINS "aes sha1 sha2 md5 hmac xcbc cmac ctr ccm gcm chapoly openssl " \
				"random"

/** what is inside of the packets */
#define PAYLOAD "nflog-capture"

/** sequence number of ESP packets, high bits are 0 */
#define SEQ 1

/** exchange and payload types of IKEv2 */
#define IKEV2_INFORMATIONAL 37
#define IKEV2_DELETE 42
#define IKEV2_ENCRYPTED 46

/** what is tested */
static nflog_store_t *store;
static nflog_keys_t *keys;

/** where packets are written to */
static pcap_dumper_t *dumper;

/** release of tshark, 400 for 4.0 */
static int release;

static int setup(void **state)
{
	int major = 0, minor = 0;
	FILE *tshark;

	if (common_setup(state) != 0 || !lib->plugins->load(lib->plugins, PLUGINS))
	{
		return -1;
	}
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	tshark = popen("tshark --version 2>/dev/null", "r");
	if (tshark)
	{
		if (fscanf(tshark, "TShark (Wireshark) %d.%d", &major, &minor) == 2)
		{
			release = major * 100 + minor;
		}
		while (fgetc(tshark) != EOF)
		{
			/* it should not see a broken pipe */
		}
		pclose(tshark);
	}
	return 0;
}

static int begin(void **state)
{
	char path[PATH_MAX];
	pcap_t *pcap;

	store = nflog_store_create();
	keys = nflog_keys_create(store);
	snprintf(path, sizeof(path), "%s/test.pcap", dir);
	pcap = pcap_open_dead(DLT_RAW, 65535);
	dumper = pcap_dump_open(pcap, path);
	pcap_close(pcap);
	return dumper ? 0 : -1;
}

static int end(void **state)
{
	pcap_dump_close(dumper);
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
 * Write a packet.
 */
static void dump(chunk_t packet)
{
	struct pcap_pkthdr hdr = {
		.caplen = packet.len,
		.len = packet.len,
	};

	pcap_dump((u_char*)dumper, &hdr, packet.ptr);
	chunk_free(&packet);
}

/**
 * Add an ESP SA, and write a packet of it.
 *
 * @param moved		address the peer has by then, NULL if it stays
 */
static void add_esp(test_t *test, uint32_t spi, char *from, char *to,
					char *moved)
{
	host_t *src = host_create_from_string(from, 0);
	host_t *dst = host_create_from_string(to, 0), *now;
	chunk_t inner, esp;
	kernel_ipsec_sa_id_t id = {
		.src = src,
		.dst = dst,
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {};
	kernel_ipsec_update_sa_t update = {};

	now = host_create_from_string("10.1.0.10", 0);
	inner = add_ip(now, now, IPPROTO_UDP,
				   add_udp(40000, 40001, chunk_clone(chunk_from_str(PAYLOAD))));
	now->destroy(now);

	esp = add_esp_sa(keys, test, &id, &data, SEQ, inner, IPPROTO_IPIP);
	free(inner.ptr);

	now = src->clone(src);
	if (moved)
	{
		now->destroy(now);
		now = host_create_from_string(moved, 0);
		update.new_src = now;
		update.new_dst = dst;
		keys->update_esp(keys, "gw", last_sa, TRUE, &id, &update);
	}
	dump(add_ip(now, dst, IPPROTO_ESP, esp));
	now->destroy(now);
	src->destroy(src);
	dst->destroy(dst);
}

/**
 * Add an IKE_SA, and write a message of its initiator.
 */
static void add_ike(test_t *test, uint64_t spi)
{
	uint8_t header[32] = {}, delete[8] = {};
	size_t lens[] = { 24, 30 };
	chunk_t message, encr_key, integ_key;
	host_t *host;

	htoun64(header, spi);
	htoun64(header + 8, ~spi);
	header[16] = IKEV2_ENCRYPTED;
	header[17] = 0x20;
	header[18] = IKEV2_INFORMATIONAL;
	header[19] = 0x08;
	htoun32(header + 20, 2);
	header[28] = IKEV2_DELETE;
	delete[3] = sizeof(delete);
	delete[4] = PROTO_IKE;
	message = seal(test, chunk_from_thing(header), chunk_from_thing(delete),
				   chunk_empty, lens, &encr_key, &integ_key);

	add_ike_sa(keys, test, IKEV2, spi, ~spi, encr_key, integ_key);
	chunk_clear(&encr_key);
	chunk_clear(&integ_key);

	host = host_create_from_string("192.0.2.1", 0);
	dump(add_ip(host, host, IPPROTO_UDP, add_udp(500, 500, message)));
	host->destroy(host);
}

/**
 * Have tshark read the packets.
 *
 * @param fields	options with the fields to print
 */
static FILE *open_tshark(char *fields)
{
	char cmd[3 * PATH_MAX];
	FILE *errors;

	if (!release)
	{
		print_message("no tshark\n");
		skip();
	}
	keys->flush(keys);
	pcap_dump_flush(dumper);

	snprintf(cmd, sizeof(cmd), "WIRESHARK_CONFIG_DIR=%s/gw tshark -n "
			 "-r %s/test.pcap -T fields %s 2>%s/errors >%s/lines", dir, dir,
			 fields, dir, dir);
	assert_int_equal(system(cmd), 0);
	/* rows or preferences that aren't understood, and what they lead to */
	snprintf(cmd, sizeof(cmd), "grep -v -e 'could be dangerous' "
			 "-e 'More fields than required' %s %s/errors",
			 release < 406 ? "-e 'invalid value: ChaCha20 with'" : "", dir);
	errors = popen(cmd, "r");
	assert_non_null(errors);
	assert_null(fgets(cmd, sizeof(cmd), errors));
	pclose(errors);

	snprintf(cmd, sizeof(cmd), "%s/lines", dir);
	return fopen(cmd, "r");
}

/**
 * Read the fields of the next packet.
 */
static void read_fields(FILE *tshark, char **field, u_int count)
{
	static char buf[512];
	char *pos = buf;
	u_int i;

	assert_non_null(fgets(buf, sizeof(buf), tshark));
	for (i = 0; i < count; i++)
	{
		field[i] = strsep(&pos, "\t\n");
		assert_non_null(field[i]);
	}
}

/**
 * Check what tshark says about the next ESP packet.
 */
static void check_esp(FILE *tshark, test_t *test, uint32_t spi)
{
	static char *verdicts[] = { "good", "unchecked", "bad" };
	char *field[4], payload[64] = "";
	result_t result = test->result;
	bool good, bad;
	u_int i;

	read_fields(tshark, field, countof(field));
	for (i = 0; i < strlen(PAYLOAD); i++)
	{
		snprintf(payload + 2 * i, 3, "%.2x", PAYLOAD[i]);
	}
	good = streq(field[1], "1") || streq(field[1], "True");
	bad = streq(field[2], "1") || streq(field[2], "True");
	if ((result == GOOD_SINCE_4_4 && release >= 404) ||
		(result == GOOD_SINCE_4_6 && release >= 406))
	{
		result = GOOD;
	}
	if (result == GOOD_SINCE_4_6)
	{
		payload[0] = '\0';
	}
	print_message("%N-%u/%N%s: %s, %s\n", encryption_algorithm_names,
				  test->encr, test->bits, integrity_algorithm_names,
				  test->integ, test->esn ? "/ESN" : "",
				  !*field[3] ? "not decrypted" :
				  streq(field[3], payload) ? "decrypted" : "WRONG",
				  good ? verdicts[0] : bad ? verdicts[2] : verdicts[1]);
	assert_int_equal(strtoul(field[0], NULL, 0), spi);
	assert_string_equal(field[3], payload);
	assert_int_equal(good, result == GOOD);
	assert_int_equal(bad, result == GOOD_SINCE_4_4);
}

static void test_esp(void **state)
{
	static test_t tests[] = {
		{ ENCR_CHACHA20_POLY1305, 256, AUTH_UNDEFINED, GOOD_SINCE_4_6, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
		{ ENCR_AES_CBC, 192, AUTH_HMAC_SHA2_384_192, GOOD, FALSE },
		{ ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_128, UNCHECKED, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_AES_XCBC_96, UNCHECKED, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_AES_CMAC_96, UNCHECKED, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_UNDEFINED, UNCHECKED, FALSE },
		{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_AES_CTR, 192, AUTH_AES_XCBC_96, UNCHECKED, FALSE },
		{ ENCR_AES_CTR, 256, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
		{ ENCR_AES_GCM_ICV8, 128, AUTH_UNDEFINED, GOOD, FALSE },
		{ ENCR_AES_GCM_ICV12, 192, AUTH_UNDEFINED, GOOD, FALSE },
		{ ENCR_AES_GCM_ICV16, 128, AUTH_UNDEFINED, GOOD, FALSE },
		{ ENCR_AES_GCM_ICV16, 192, AUTH_UNDEFINED, GOOD, FALSE },
		{ ENCR_AES_GCM_ICV16, 256, AUTH_UNDEFINED, GOOD, FALSE },
		{ ENCR_AES_CCM_ICV8, 128, AUTH_UNDEFINED, UNCHECKED, FALSE },
		{ ENCR_AES_CCM_ICV12, 192, AUTH_UNDEFINED, UNCHECKED, FALSE },
		{ ENCR_AES_CCM_ICV16, 256, AUTH_UNDEFINED, UNCHECKED, FALSE },
		{ ENCR_3DES, 0, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_NULL, 0, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD_SINCE_4_4, TRUE },
		{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA1_96, GOOD_SINCE_4_4, TRUE },
	};
	FILE *tshark;
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		if (i % 2)
		{
			add_esp(&tests[i], 0xc0000000 + i, "192.0.2.1", "192.0.2.2",
					i % 3 ? NULL : "198.51.100.7");
		}
		else
		{
			add_esp(&tests[i], 0xc0000000 + i, "2001:db8::1", "2001:db8::2",
					i % 3 ? NULL : "2001:db8:0:1::ff");
		}
	}
	tshark = open_tshark("-e esp.spi -e esp.icv_good -e esp.icv_bad "
						 "-e data.data");
	for (i = 0; i < countof(tests); i++)
	{
		check_esp(tshark, &tests[i], 0xc0000000 + i);
	}
	fclose(tshark);
}

/**
 * Write a packet in UDP of an SA behind a NAT, captured beyond that.
 *
 * @param ports		ports of the SA, source and destination
 * @param seen		ports of the packet
 */
static void add_nat(test_t *test, uint32_t spi, uint16_t ports[2],
					uint16_t seen[2])
{
	host_t *src = host_create_from_string("192.0.2.1", ports[0]);
	host_t *dst = host_create_from_string("192.0.2.2", ports[1]);
	host_t *now = host_create_from_string("198.51.100.7", 0);
	chunk_t inner, esp;
	kernel_ipsec_sa_id_t id = {
		.src = src,
		.dst = dst,
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.encap = TRUE,
		.inbound = TRUE,
	};

	inner = add_ip(now, now, IPPROTO_UDP,
				   add_udp(40000, 40001, chunk_clone(chunk_from_str(PAYLOAD))));
	esp = add_esp_sa(keys, test, &id, &data, SEQ, inner, IPPROTO_IPIP);
	free(inner.ptr);
	dump(add_ip(now, dst, IPPROTO_UDP, add_udp(seen[0], seen[1], esp)));
	now->destroy(now);
	src->destroy(src);
	dst->destroy(dst);
}

static void test_nat(void **state)
{
	static test_t test = {
		ENCR_AES_GCM_ICV16, 128, AUTH_UNDEFINED, GOOD, FALSE,
	};
	static uint16_t ports[][2][2] = {
		{ { 4500, 4500 }, { 1024, 4500 } },
		/* that of a NAT may be a well-known one */
		{ { 4500, 4500 }, { 53, 4500 } },
		{ { 500, 4500 }, { 500, 4500 } },
		/* ours is another one */
		{ { 1194, 5500 }, { 1194, 5500 } },
		{ { 1024, 550 }, { 53, 550 } },
	};
	FILE *tshark;
	u_int i;

	for (i = 0; i < countof(ports); i++)
	{
		add_nat(&test, 0xc0000000 + i, ports[i][0], ports[i][1]);
	}
	tshark = open_tshark("-e esp.spi -e esp.icv_good -e esp.icv_bad "
						 "-e data.data");
	for (i = 0; i < countof(ports); i++)
	{
		check_esp(tshark, &test, 0xc0000000 + i);
	}
	fclose(tshark);
}

/**
 * Check what tshark says about the next IKE message.
 */
static void check_ike(FILE *tshark, test_t *test)
{
	char *field[2];

	read_fields(tshark, field, countof(field));
	print_message("%N-%u/%N: payloads %s%s\n", encryption_algorithm_names,
				  test->encr, test->bits, integrity_algorithm_names,
				  test->integ, field[0], *field[1] ? ", BAD" : "");
	assert_string_equal(field[0], "46,42");
	assert_string_equal(field[1], "");
}

static void test_ike(void **state)
{
	static test_t tests[] = {
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, GOOD, FALSE },
		{ ENCR_AES_CBC, 192, AUTH_HMAC_SHA2_384_192, GOOD, FALSE },
		{ ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_160, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_MD5_128, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_AES_XCBC_96, GOOD, FALSE },
		{ ENCR_AES_CBC, 128, AUTH_AES_CMAC_96, GOOD, FALSE },
		{ ENCR_AES_CTR, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_AES_CTR, 192, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_AES_CTR, 256, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_3DES, 0, AUTH_HMAC_SHA1_96, GOOD, FALSE },
		{ ENCR_NULL, 0, AUTH_HMAC_SHA1_96, GOOD, FALSE },
	};
	static encryption_algorithm_t aeads[] = {
		ENCR_AES_GCM_ICV8, ENCR_AES_GCM_ICV12, ENCR_AES_GCM_ICV16,
		ENCR_AES_CCM_ICV8, ENCR_AES_CCM_ICV12, ENCR_AES_CCM_ICV16,
	};
	test_t aead[countof(aeads) * 3];
	FILE *tshark;
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		add_ike(&tests[i], 0x0123456789abcd00 + i);
	}
	for (i = 0; i < countof(aead); i++)
	{
		aead[i] = (test_t){ aeads[i / 3], 128 + 64 * (i % 3), AUTH_UNDEFINED,
							GOOD, FALSE };
		add_ike(&aead[i], 0xfedcba9876543200 + i);
	}
	tshark = open_tshark("-e isakmp.typepayload "
						 "-e isakmp.ikev2.integrity_checksum");
	for (i = 0; i < countof(tests); i++)
	{
		check_ike(tshark, &tests[i]);
	}
	for (i = 0; i < countof(aead); i++)
	{
		check_ike(tshark, &aead[i]);
	}
	fclose(tshark);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_esp, begin, end),
		cmocka_unit_test_setup_teardown(test_nat, begin, end),
		cmocka_unit_test_setup_teardown(test_ike, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

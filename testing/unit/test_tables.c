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
 * Key tables: how changes are applied to those that exist, and which rows go with
 * their traces.
 */

#define _GNU_SOURCE

#include "tables.h"
#include "clock.h"
#include "keys/retention.h"

#include <time.h>

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

/**
 * Change the addresses of an SA.
 */
static void update(uint64_t sa, uint32_t spi, char *src, char *dst, bool encap)
{
	kernel_ipsec_sa_id_t id = {
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_update_sa_t data = {
		.new_src = host_create_from_string(src, 4500),
		.new_dst = host_create_from_string(dst, 4500),
		.new_encap = encap,
	};

	keys->update_esp(keys, "gw", sa, TRUE, &id, &data);
	data.new_src->destroy(data.new_src);
	data.new_dst->destroy(data.new_dst);
}

static void test_update(void **state)
{
	uint64_t one, two;

	one = add_spi("gw", 1);
	two = add_spi("gw", 2);
	/* at once, and later */
	update(one, 1, "192.0.2.9", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa",
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000002") ROW("00000001"));
	update(one, 1, "2001:db8::9", "2001:db8::2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa",
		"\"IPv6\",\"2001:db8::9\",\"2001:db8::2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000002") ROW("00000001"));
	/* of ports only, and of an SA without a row */
	update(two, 2, "192.0.2.1", "192.0.2.2", FALSE);
	update(1, 3, "192.0.2.7", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000002")
		"\"IPv6\",\"2001:db8::9\",\"2001:db8::2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n"
		"\"IPv4\",\"192.0.2.9\",\"192.0.2.2\",\"0x00000001\",\"NULL\",\"0x\","
		"\"NULL\",\"0x\"\n" ROW("00000001"));
	expect("gw", "keys", HEADER LINE("00000001") LINE("00000002")
		"esp 00000001 192.0.2.9[4500] 192.0.2.2[4500] udp=no dir=in mode=TUNNEL "
		"esn=no enc=NULL enc_key=\n"
		"esp 00000001 2001:db8::9[4500] 2001:db8::2[4500] udp=no dir=in "
		"mode=TUNNEL esn=no enc=NULL enc_key=\n"
		"esp 00000002 192.0.2.1[4500] 192.0.2.2[4500] udp=no dir=in mode=TUNNEL "
		"esn=no enc=NULL enc_key=\n");
}

/**
 * Row of the SA that add_spi() adds, with other addresses.
 */
#define MOVED(src, spi) "\"IPv4\",\"" src "\",\"192.0.2.2\",\"0x" spi "\"," \
						"\"NULL\",\"0x\",\"NULL\",\"0x\"\n"

#define NAT_ROW(spi) "\"IPv4\",\"*\",\"*\",\"0x" spi "\",\"NULL\",\"0x\"," \
					 "\"NULL\",\"0x\"\n"

static void test_nat(void **state)
{
	chunk_t content;
	uint64_t sa;

	encap = TRUE;
	add_spi("gw", 1);
	encap = FALSE;
	sa = add_spi("gw", 2);
	/* gets behind a NAT later */
	update(sa, 2, "192.0.2.1", "192.0.2.2", TRUE);
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
	nflog_secret_clear(&content);
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
	nflog_secret_clear(&content);
	assert_int_equal(lines, 0);
}

/**
 * Count the lines of a table that contain some text.
 */
static int count_lines(char *name, char *text)
{
	chunk_t content;
	char *str, *rest, *row;
	int count = 0;

	assert_true(store->read_file(store, "gw", name, &content));
	str = strndup(content.len ? (char*)content.ptr : "", content.len);
	rest = str;
	while ((row = strsep(&rest, "\n")))
	{
		count += strstr(row, text) != NULL;
	}
	free(str);
	nflog_secret_clear(&content);
	return count;
}

static void test_moved_often(void **state)
{
	uint64_t sa;
	char src[32];
	int i;

	add_spi("gw", 2);
	sa = add_spi("gw", 1);
	for (i = 0; i < 5000; i++)
	{
		snprintf(src, sizeof(src), "198.51.%d.%d", i / 250, i % 250);
		update(sa, 1, src, "192.0.2.2", FALSE);
		if (i % 100 == 99)
		{
			keys->flush(keys);
		}
	}
	/* the last ones have their row, what was before matches that for any address */
	assert_int_equal(count_lines("esp_sa", "0x00000001"), 4 + 1);
	assert_int_equal(count_lines("esp_sa", "\"*\",\"*\",\"0x00000001\""), 1);
	assert_int_equal(count_lines("esp_sa", src), 1);
	assert_int_equal(count_lines("esp_sa", "0x00000002"), 1);
	assert_int_equal(count_lines("keys", "esp 00000001"), 4);
	assert_int_equal(count_lines("keys", src), 1);
	restart();
	/* both families, and what was read again counts too */
	sa = add_spi("gw", 1);
	for (i = 0; i < 20; i++)
	{
		snprintf(src, sizeof(src), "2001:db8::%d", i);
		update(sa, 1, src, "2001:db8::2", FALSE);
		keys->flush(keys);
	}
	assert_int_equal(count_lines("esp_sa", "0x00000001"), 4 + 2);
	assert_int_equal(count_lines("esp_sa", "\"IPv4\",\"*\",\"*\""), 1);
	assert_int_equal(count_lines("esp_sa", "\"IPv6\",\"*\",\"*\""), 1);
	assert_int_equal(count_lines("keys", "esp 00000001"), 4);
	assert_int_equal(lines, 0);
}

static void test_moved_at_once(void **state)
{
	uint64_t sa = add_spi("gw", 1);

	keys->flush(keys);
	/* packets had the first of these addresses too, and those of another family */
	update(sa, 1, "192.0.2.7", "192.0.2.2", FALSE);
	update(sa, 1, "192.0.2.8", "192.0.2.2", FALSE);
	update(sa, 1, "2001:db8::9", "2001:db8::2", FALSE);
	update(sa, 1, "192.0.2.9", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa", MOVED("192.0.2.9", "00000001") ROW("00000001")
		"\"IPv6\",\"*\",\"*\",\"0x00000001\",\"NULL\",\"0x\",\"NULL\",\"0x\"\n"
		NAT_ROW("00000001"));
}

static void test_moved_to_other(void **state)
{
	uint64_t mine, other;

	/* peers that chose the same SPI, one moves to the address of the other one */
	mine = add_esp("gw", "192.0.2.1", "192.0.2.2", 1, ENCR_AES_CBC,
				   AUTH_UNDEFINED, 1, 0, FALSE);
	other = add_esp("gw", "192.0.2.7", "192.0.2.2", 1, ENCR_NULL,
					AUTH_UNDEFINED, 0, 0, FALSE);
	keys->flush(keys);
#define MINE(src) "\"IPv4\",\"" src "\",\"192.0.2.2\",\"0x00000001\"," \
				  "\"AES-CBC [RFC3602]\",\"0x01\",\"NULL\",\"0x\"\n"
	update(mine, 1, "192.0.2.7", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa", MOVED("192.0.2.7", "00000001") MINE("192.0.2.1"));
	assert_int_equal(count_lines("keys", "192.0.2.7[4500] 192.0.2.2[4500] udp=no "
								 "dir=in mode=TUNNEL esn=no enc=AES_CBC"), 1);
	assert_int_equal(count_lines("keys", "192.0.2.7[4500] 192.0.2.2[500] udp=no "
								 "dir=in mode=TUNNEL esn=no enc=NULL"), 1);
	/* and on, each with its own keys */
	update(mine, 1, "192.0.2.8", "192.0.2.2", FALSE);
	keys->flush(keys);
	update(other, 1, "192.0.2.9", "192.0.2.2", FALSE);
	keys->flush(keys);
	expect("gw", "esp_sa", MOVED("192.0.2.9", "00000001") MINE("192.0.2.8")
		   MOVED("192.0.2.7", "00000001") MINE("192.0.2.1"));
	assert_int_equal(count_lines("keys", "enc=AES_CBC"), 3);
	assert_int_equal(count_lines("keys", "enc=NULL"), 2);
}

static void test_merged(void **state)
{
	uint64_t sa = add_spi("gw", 1);
	char src[32];
	u_int delay;
	int i;

	/* a peer's moves don't displace the rows of others that wait to be written */
	for (i = 0; i < 100000; i++)
	{
		snprintf(src, sizeof(src), "10.%d.%d.%d", i >> 16, i >> 8 & 0xff, i & 0xff);
		update(sa, 1, src, "192.0.2.2", FALSE);
		keys->prune(keys, "gw");
	}
	assert_true(keys->is_due(keys));
	keys->flush(keys);
	assert_int_equal(lines, 0);
	expect("gw", "esp_sa", MOVED("10.1.134.159", "00000001") ROW("00000001")
		   NAT_ROW("00000001"));
	assert_int_equal(keys->get_delay(keys), 0);
	assert_false(keys->is_due(keys));
	/* the next ones wait in relation to the time that it took, unless they must not */
	update(sa, 1, "192.0.2.3", "192.0.2.2", FALSE);
	delay = keys->get_delay(keys);
	assert_in_range(delay, 1, 4500);
	keys->retry(keys);
	assert_true(keys->is_due(keys));
	keys->flush(keys);
	assert_false(keys->pending(keys));
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

static void test_same_initiator(void **state)
{
	/* a peer that chose the SPI of another one does not take its place */
	add_ike("gw", IKEV1, 4, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	add_ike("gw", IKEV1, 4, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 3, 0);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	expect("gw", "ikev1_decryption_table",
		   "0000000000000004,1111\n0000000000000005,1111\n");
	assert_int_equal(count_lines("keys", "ike 0000000000000004"), 2);
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
	/* of each table it is logged how many lines are gone */
	assert_int_equal(lines, 2);
}

static void test_binary(void **state)
{
	static char esp[] = ROW("00000001") "\"IPv4\",\"192.0.2.1\",\"192.0.2.2\","
		"\"0x00000002\",\"NULL\",\"0x\",\"NULL\",\"\0\"\n" ROW("00000003") "\0\0\n"
		ROW("00000004") "#\0\n";
	static char ours[] = HEADER LINE("00000001") "esp 00000002 192.0.2.1[4500] "
		"192.0.2.2[500] udp=no dir=in mode=TUNNEL esn=no enc=NULL enc_key=\0\n"
		LINE("00000003") "esp \0\n" "ike 00\n";
	chunk_t content;
	char *end;

	content = chunk_cat("cc", chunk_create((u_char*)ours, sizeof(ours) - 1),
						chunk_from_str(LINE("00000004")));
	/* also with the line ends of another system */
	end = (char*)content.ptr + content.len - 1;
	assert_true(store->replace_file(store, "gw", "esp_sa",
							chunk_create((u_char*)esp, sizeof(esp) - 1)));
	*end = '\r';
	content.len = (u_char*)end - content.ptr + 1;
	content = chunk_cat("mc", content, chunk_from_str("\n"));
	assert_true(store->replace_file(store, "gw", "keys", content));
	chunk_free(&content);
	create_trace("gw", "00000001-00000003.esp");
	create_trace("gw", "00000002-00000004.esp");
	add_spi("gw", 5);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000005") ROW("00000001") ROW("00000003")
		   ROW("00000004"));
	expect("gw", "keys", HEADER LINE("00000001") LINE("00000003") LINE("00000004")
		   LINE("00000005"));
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line, "removed 3 lines from 'keys'"));
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
/**
 * Rows of SAs that get no trace go by themselves.
 */
static void test_expire(void **state)
{
	nflog_retention_t *retention = nflog_retention_create(store);
	linked_list_t *conns = linked_list_create();
	char *conn;

	retention->add(retention, "gw", "00000001");
	retention->add(retention, "other", "0000000000000005");
	/* five minutes, and until its end */
	assert_in_range(retention->expire(retention, conns), 299, 301);
	retention->end(retention, "0000000000000005");
	assert_in_range(retention->expire(retention, conns), 9, 11);
	assert_int_equal(conns->get_count(conns), 0);
	/* none is left to decide on once there is a trace */
	create_trace("gw", "00000001-00000002.esp");
	retention->look(retention, "gw");
	ahead += 12;
	assert_int_equal(retention->expire(retention, conns), 0);
	assert_int_equal(conns->get_count(conns), 1);
	assert_int_equal(conns->remove_first(conns, (void**)&conn), SUCCESS);
	assert_string_equal(conn, "other");
	free(conn);
	ahead += 300;
	assert_int_equal(retention->expire(retention, conns), 0);
	assert_int_equal(conns->get_count(conns), 0);
	conns->destroy(conns);
	retention->destroy(retention);

	/* the rows go with that */
	add_spi("gw", 7);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000007"));
	ahead += 298;
	assert_in_range(keys->expire(keys), 1, 3);
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000007"));
	ahead += 5;
	assert_int_equal(keys->expire(keys), 0);
	keys->flush(keys);
	expect("gw", "esp_sa", "");
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
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000004") ROW("89abcdef") ROW("00000002")
		   ROW("00000001"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");

	create_trace("gw", "00000001-89abcdef.esp.7");
	create_trace("gw", "00000001-00000004.plain");
	create_trace("gw", IKE_TRACE);
	restart();
	keys->prune(keys, "gw");
	keys->flush(keys);
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
	keys->flush(keys);
	expect("gw", "esp_sa", "");
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	store->remove_file(store, "gw",
					   "ike.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "ikev1_decryption_table", "");
	expect("gw", "keys", HEADER);
	/* each time another process would have left them */
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line, " rows of keys without traces from the tables in"));
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
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000003"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	store->remove_file(store, "gw",
					   "ike.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "ikev1_decryption_table", "");
	expect("gw", "keys", HEADER LINE("00000003"));

	/* the end of an IKE_SA is not yet that of its trace */
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	end_ike(5);
	end_ike(6);
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	create_trace("gw", IKE_TRACE);
	keys->prune(keys, "gw");
	keys->flush(keys);
	store->remove_file(store, "gw",
					   "ike.20261123T202345Z." IKE_TRACE ".pcap");
	keys->prune(keys, "gw");
	keys->flush(keys);
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
	/* both are there, as the first one was kept */
	expect("gw", "esp_sa", ROW("00000002") ROW("00000001"));
	expect("gw", "keys", HEADER LINE("00000001") LINE("00000002"));
	assert_false(keys->pending(keys));
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
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (i = 0; i < 1000; i++)
	{
		add_spi("gw", 2 * i + 19002);
	}
	keys->flush(keys);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &stop);
	ms = (stop.tv_sec - start.tv_sec) * 1e3 +
		 (stop.tv_nsec - start.tv_nsec) / 1e6;
	print_message("1000 rows into a table of 20000 in %.1f ms\n", ms);
	assert_true(store->read_file(store, "gw", "esp_sa", &content));
	assert_int_equal(content.len, 20500 * strlen(ROW("00000000")));
	nflog_secret_clear(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replaced, begin, end),
		cmocka_unit_test_setup_teardown(test_update, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_often, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_to_other, begin, end),
		cmocka_unit_test_setup_teardown(test_merged, begin, end),
		cmocka_unit_test_setup_teardown(test_nat, begin, end),
		cmocka_unit_test_setup_teardown(test_reused, begin, end),
		cmocka_unit_test_setup_teardown(test_same_initiator, begin, end),
		cmocka_unit_test_setup_teardown(test_torn, begin, end),
		cmocka_unit_test_setup_teardown(test_binary, begin, end),
		cmocka_unit_test_setup_teardown(test_expire, begin, end),
		cmocka_unit_test_setup_teardown(test_prune, begin, end),
		cmocka_unit_test_setup_teardown(test_prune_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_unreadable, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

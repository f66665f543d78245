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
 * Packets that leave without their SA: on the kernel of the machine, in a network namespace
 * of its own with a device that others would be behind, and as the kernel would report them.
 */
#define _GNU_SOURCE

#include "reader.h"

#include "reader/misses.h"
#include "reader/net_table.h"
#include "rules/nft_table.h"
#include "rules/wanted.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>

#include <selectors/traffic_selector.h>

#define MISSED "net.20261123T202345Z.00000001-00000002.missed"

/** the trace, and what is in its file at the end */
static nflog_trace_t *trace;
static char file[1 << 16];
static size_t file_len;

/** address that charon has */
static host_t *local;

/**
 * Run a command that has to succeed.
 */
static void run(char *cmd)
{
	assert_int_equal(system(cmd), 0);
}

/**
 * Get the rules of the namespace.
 */
static char *list_rules(char *buf, size_t len)
{
	FILE *pipe = popen("nft list ruleset", "r");
	size_t got;

	got = fread(buf, 1, len - 1, pipe);
	buf[got] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return buf;
}

/**
 * Create traffic selectors, the names of subnets are separated by spaces.
 */
static linked_list_t *create_ts(char *subnets, uint8_t proto, uint16_t port)
{
	linked_list_t *list = linked_list_create();
	enumerator_t *enumerator;
	traffic_selector_t *ts;
	char *subnet;

	enumerator = enumerator_create_token(subnets, " ", "");
	while (enumerator->enumerate(enumerator, &subnet))
	{
		ts = traffic_selector_create_from_cidr(subnet, proto, port, port ?: 65535);
		assert_non_null(ts);
		list->insert_last(list, ts);
	}
	enumerator->destroy(enumerator);
	return list;
}

/**
 * Create an outbound SA that wants packets.
 */
static nflog_sa_t *create_wanting(uint32_t spi, char *src, char *dst, uint8_t proto,
								  uint16_t port, mark_t mark, uint32_t if_id)
{
	linked_list_t *src_ts = create_ts(src, proto, 0), *dst_ts = create_ts(dst, proto, port);
	nflog_sa_t *sa = create_sa(NULL, FALSE, "192.168.0.2", spi);

	sa->wanted = nflog_wanted_create(trace, "net", 1, src_ts, dst_ts, mark, if_id);
	src_ts->destroy_offset(src_ts, offsetof(traffic_selector_t, destroy));
	dst_ts->destroy_offset(dst_ts, offsetof(traffic_selector_t, destroy));
	return sa;
}

/**
 * Begin the trace.
 */
static void begin_missed()
{
	nflog_cfg_t cfg = { .points = 1 << POINT_MISSED };

	trace = nflog_trace_create(store, "conn", "net{1}", POINT_MISSED, &cfg);
	trace->set_name(trace, MISSED);
	trace_end = trace->end;
	trace->end = keep_counts;
}

/**
 * End the trace, and read its file.
 */
static void end_missed()
{
	char path[256];
	FILE *stream;

	writer->release(writer, trace);
	finish();
	snprintf(path, sizeof(path), "%s/conn/" MISSED ".pcapng", dir);
	stream = fopen(path, "r");
	assert_non_null(stream);
	file_len = fread(file, 1, sizeof(file), stream);
	fclose(stream);
}

/**
 * Count how often a text is in the file.
 */
static u_int count_text(char *text)
{
	char *pos = file;
	u_int count = 0;

	while ((pos = memmem(pos, file + file_len - pos, text, strlen(text))))
	{
		pos++;
		count++;
	}
	return count;
}

/**
 * Send UDP packets.
 */
static void send_udp(char *src, char *dst, uint16_t port, u_int count)
{
	host_t *from = host_create_from_string(src, 4242);
	host_t *to = host_create_from_string(dst, port);
	int fd;

	fd = socket(to->get_family(to), SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, from->get_sockaddr(from), *from->get_sockaddr_len(from)), 0);
	while (count--)
	{
		assert_int_equal(sendto(fd, "missed", 6, 0, to->get_sockaddr(to),
								*to->get_sockaddr_len(to)), 6);
	}
	close(fd);
	from->destroy(from);
	to->destroy(to);
}

/**
 * Send a packet of another protocol.
 */
static void send_raw(char *src, char *dst, int proto)
{
	host_t *from = host_create_from_string(src, 0), *to = host_create_from_string(dst, 0);
	int fd;

	fd = socket(AF_INET, SOCK_RAW, proto);
	assert_int_equal(bind(fd, from->get_sockaddr(from), *from->get_sockaddr_len(from)), 0);
	assert_int_equal(sendto(fd, "missed to the end", 17, 0, to->get_sockaddr(to),
							*to->get_sockaddr_len(to)), 17);
	close(fd);
	from->destroy(from);
	to->destroy(to);
}

/**
 * Send a UDP packet from a port, or a packet of another protocol without one, from an address
 * that no device has.
 */
static void send_from(char *src, uint16_t port, char *dst, int proto)
{
	host_t *from = host_create_from_string(src, port);
	host_t *to = host_create_from_string(dst, port);
	int fd;

	fd = socket(AF_INET, port ? SOCK_DGRAM : SOCK_RAW, proto);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(bind(fd, from->get_sockaddr(from), *from->get_sockaddr_len(from)), 0);
	assert_int_equal(sendto(fd, "missed", 6, 0, to->get_sockaddr(to),
							*to->get_sockaddr_len(to)), 6);
	close(fd);
	from->destroy(from);
	to->destroy(to);
}

/**
 * Wait until rules for a set of subnets are there or not.
 */
static void wait_rules(char *text, bool there)
{
	char buf[1 << 16];

	while ((strstr(list_rules(buf, sizeof(buf)), text) != NULL) != there)
	{
		usleep(1000);
	}
}

/**
 * Pretend that charon has an address.
 */
static bool get_interface(kernel_interface_t *this, host_t *host, char **name)
{
	return host->ip_equals(host, local);
}

/**
 * Pretend that charon uses the common ports.
 */
static uint16_t get_port(socket_manager_t *this, bool nat_t)
{
	return nat_t ? 4500 : 500;
}

static void test_rules(void **state)
{
	char buf[1 << 16];
	nflog_sa_t *sa[3], *any;
	FILE *pipe;
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	list_rules(buf, sizeof(buf));
	assert_null(strstr(buf, "missed"));

	/* the second one has the same selectors, the third one is within them */
	sa[0] = create_wanting(SPI, "10.1.0.0/16 fd00:1::/64", "10.2.0.0/17 fd00:2::/64", 0, 0,
						   (mark_t){}, 0);
	sa[1] = create_wanting(SPI + 1, "10.1.0.0/16 fd00:1::/64", "10.2.0.0/17 fd00:2::/64", 0,
						   0, (mark_t){}, 0);
	sa[2] = create_wanting(SPI + 2, "10.1.0.0/16", "10.2.3.4/32", 17, 53, (mark_t){}, 0);
	for (i = 0; i < countof(sa); i++)
	{
		assert_true(reader->add(reader, sa[i]));
	}
	/* prefixes are rounded down */
	wait_rules("missed-ipv4-16-32", TRUE);
	list_rules(buf, sizeof(buf));
	assert_non_null(strstr(buf, "set missed-ipv4-16-16"));
	assert_non_null(strstr(buf, "set missed-ipv6-64-64"));
	assert_non_null(strstr(buf, "rt ipsec exists"));

	/* nft understands its own listing, which has no owner */
	pipe = popen("sed '/flags owner/d' | unshare -n nft -c -f -", "w");
	assert_int_equal(fwrite(buf, 1, strlen(buf), pipe), strlen(buf));
	assert_int_equal(pclose(pipe), 0);

	/* for all addresses, only what leaves by devices that require a policy matters */
	assert_null(strstr(buf, "oifkind \"xfrm\" ip saddr"));
	any = create_wanting(SPI + 3, "0.0.0.0/0", "0.0.0.0/0", 0, 0, (mark_t){}, 42);
	assert_true(reader->add(reader, any));
	wait_rules("missed-ipv4-0-0-any", TRUE);
	list_rules(buf, sizeof(buf));
	assert_non_null(strstr(buf, "meta oifkind \"xfrm\" ip saddr & 0.0.0.0"));
	assert_non_null(strstr(buf, "meta oifkind \"vti\" ip saddr & 0.0.0.0"));
	assert_null(strstr(buf, "\t\tip saddr & 0.0.0.0"));
	assert_null(strstr(buf, "ct original ip saddr & 0.0.0.0"));
	reader->remove(reader, any);

	reader->remove(reader, sa[2]);
	wait_rules("missed-ipv4-16-32", FALSE);
	reader->remove(reader, sa[0]);
	list_rules(buf, sizeof(buf));
	assert_non_null(strstr(buf, "set missed-ipv4-16-16"));
	reader->remove(reader, sa[1]);
	wait_rules("missed", FALSE);
	end_missed();
}

/**
 * Whatever selectors an SA has, packets that match them have a pair.
 */
static void test_nets(void **state)
{
	char subnet[64], *prefixes[] = { "10.%u.%u.0/%u", "fd00:%x:%x::/%u" };
	nflog_net_pair_t pair;
	linked_list_t *ts[2];
	traffic_selector_t *from, *to;
	nflog_nets_t *nets;
	host_t *src, *dst;
	u_int i, j, k, count;
	bool found;

	srand(1);
	for (i = 0; i < 300; i++)
	{
		for (j = 0; j < 2; j++)
		{
			ts[j] = linked_list_create();
			count = 1 + rand() % (i % 3 ? 4 : 40);
			for (k = 0; k < count; k++)
			{
				snprintf(subnet, sizeof(subnet), prefixes[i % 2], rand() % 200, rand() % 200,
						 rand() % (i % 2 ? 129 : 33));
				ts[j]->insert_last(ts[j], traffic_selector_create_from_cidr(subnet, 0, 0,
																			65535));
			}
		}
		nets = nflog_nets_create(ts[0], ts[1]);
		assert_in_range(nets->count, 1, NFLOG_NETS_MAX);
		for (j = 0; j < 50; j++)
		{
			ts[0]->remove_first(ts[0], (void**)&from);
			ts[1]->remove_first(ts[1], (void**)&to);
			src = host_create_from_chunk(i % 2 ? AF_INET6 : AF_INET,
										 from->get_from_address(from), 0);
			dst = host_create_from_chunk(i % 2 ? AF_INET6 : AF_INET,
										 to->get_to_address(to), 0);
			for (k = 0, found = FALSE; k < nets->count; k++)
			{
				pair = nflog_net_pair(&nets->pairs[k].class, src->get_address(src),
									  dst->get_address(dst));
				found |= nflog_net_pair_equals(&pair, &nets->pairs[k]);
			}
			assert_true(found);
			src->destroy(src);
			dst->destroy(dst);
			/* others next */
			ts[0]->insert_last(ts[0], from);
			ts[1]->insert_last(ts[1], to);
		}
		free(nets);
		for (j = 0; j < 2; j++)
		{
			ts[j]->destroy_offset(ts[j], offsetof(traffic_selector_t, destroy));
		}
	}
}

/**
 * Create the pairs of an SA, of 16 classes of each family.  SAs have all classes together.
 */
static nflog_nets_t *create_classes(u_int sa)
{
	u_int prefixes[][18] = {
		{ 0, 1, 4, 8, 12, 16, 20, 24, 28, 32 },
		{ 0, 1, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128 },
	}, number[] = { 10, 18 }, groups[] = { 3, 5 }, i, j, k, group;
	char subnet[64], *formats[] = { "10.%u.1.1/%u", "fd00:%x::1/%u" };
	linked_list_t *ts[2];
	nflog_nets_t *nets;

	for (i = 0; i < 2; i++)
	{
		ts[i] = linked_list_create();
		for (j = 0; j < 2; j++)
		{
			group = (i ? sa / groups[j] : sa) % groups[j];
			for (k = 4 * group; k < min(4 * group + 4, number[j]); k++)
			{
				snprintf(subnet, sizeof(subnet), formats[j], sa, prefixes[j][k]);
				ts[i]->insert_last(ts[i], traffic_selector_create_from_cidr(subnet, 0, 0,
																			65535));
			}
		}
	}
	nets = nflog_nets_create(ts[0], ts[1]);
	for (i = 0; i < 2; i++)
	{
		ts[i]->destroy_offset(ts[i], offsetof(traffic_selector_t, destroy));
	}
	return nets;
}

/**
 * A transaction has space for the most that SAs may need at once.
 */
static void test_largest(void **state)
{
	nflog_layout_t layout = { .group = 4500, .lanes = 1, .missed = 4502, .port = 500,
							  .nat_t = 4500 };
	nflog_nft_table_t *table = nflog_nft_table_create(&layout);
	nflog_nets_t *nets[64];
	u_int i;

	assert_non_null(table);
	for (i = 0; i < countof(nets); i++)
	{
		nets[i] = create_classes(i);
		table->watch(table, nets[i]);
	}
	assert_int_equal(table->commit(table), 0);
	for (i = 0; i < countof(nets); i++)
	{
		table->unwatch(table, nets[i]);
	}
	assert_int_equal(table->commit(table), 0);
	table->destroy(table);
	for (i = 0; i < countof(nets); i++)
	{
		free(nets[i]);
	}
}

static void test_left(void **state)
{
	nflog_sa_t *sa;

	begin_missed();
	writer->start(writer, trace);
	/* port 53 to a range within two subnets of the same rule */
	sa = create_wanting(SPI, "10.1.0.0/16", "10.2.0.0/17 10.3.0.0/30", 17, 53, (mark_t){}, 0);
	assert_true(reader->add(reader, sa));
	wait_rules("missed-ipv4-16-28", TRUE);

	send_udp("10.1.0.1", "10.2.0.5", 53, 3);
	send_udp("10.1.0.1", "10.3.0.2", 53, 1);
	/* another port, beyond the range, and beyond the selectors */
	send_udp("10.1.0.1", "10.2.0.5", 54, 2);
	send_udp("10.1.0.1", "10.2.128.5", 53, 2);
	send_udp("10.1.0.1", "10.3.0.5", 53, 2);
	send_udp("10.1.0.1", "10.4.0.5", 53, 2);

	reader->remove(reader, sa);
	end_missed();
	assert_int_equal(counts[POINT_MISSED].packets, 4);
	assert_int_equal(counts[POINT_MISSED].received, 4);
	assert_int_equal(counts[POINT_MISSED].unidentified, 0);
	assert_int_equal(count_text("its policy is not installed"), 4);
	assert_int_equal(count_text("behind"), 1);
}

static void test_left_ipv6(void **state)
{
	nflog_sa_t *sa;

	begin_missed();
	writer->start(writer, trace);
	sa = create_wanting(SPI, "fd00:1::/64", "fd00:2::/64", 0, 0, (mark_t){}, 0);
	assert_true(reader->add(reader, sa));
	wait_rules("missed-ipv6-64-64", TRUE);
	send_udp("fd00:1::1", "fd00:2::5", 53, 3);
	send_udp("fd00:1::1", "fd00:3::5", 53, 3);
	reader->remove(reader, sa);
	end_missed();
	assert_int_equal(counts[POINT_MISSED].packets, 3);
}

/**
 * Packets that leave while their SA is negotiated get into its trace, if they match what it
 * gets, and are dropped if there is none.
 */
static void test_awaited(void **state)
{
	nflog_awaiting_t *awaiting = reader->get_awaiting(reader);
	linked_list_t *src = create_ts("10.1.0.0/16", 0, 0);
	linked_list_t *dst = create_ts("10.2.0.0/16 10.3.0.0/16", 0, 0);
	host_t *host = host_create_from_string("192.168.0.1", 0);
	nflog_sa_t *sa, *other;

	begin_missed();
	writer->start(writer, trace);
	awaiting->await(awaiting, "conn", host, htonl(SPI), src, dst);
	awaiting->await(awaiting, "conn", host, htonl(SPI + 1), src, dst);
	wait_rules("missed-ipv4-16-16", TRUE);
	send_udp("10.1.0.1", "10.2.0.5", 53, 100);

	/* of another exchange */
	awaiting->abandon(awaiting, htonl(SPI + 1));
	awaiting->abandon(awaiting, htonl(SPI + 2));
	send_udp("10.1.0.1", "10.2.0.5", 53, 100);
	/* an SA that is up gets what others negotiate for */
	other = create_wanting(SPI + 8, "10.1.0.0/16", "10.3.0.0/16", 0, 0, (mark_t){}, 0);
	assert_true(reader->add(reader, other));
	wait_rules("missed", TRUE);
	send_udp("10.1.0.1", "10.3.0.5", 53, 7);

	/* the child gets narrower selectors */
	sa = create_wanting(SPI + 9, "10.1.0.0/16", "10.2.0.0/24", 0, 0, (mark_t){}, 0);
	sa->wanted->spi_in = htonl(SPI);
	/* so all packets before these were read */
	while (nflog_counters_get(&trace->get_count(trace, POINT_MISSED)->received) < 7)
	{
		usleep(1000);
	}
	assert_true(reader->add(reader, sa));
	wait_rules("missed-ipv4-16-24", TRUE);
	send_udp("10.1.0.1", "10.2.0.5", 53, 3);
	reader->remove(reader, sa);
	reader->remove(reader, other);
	awaiting->await(awaiting, "conn", host, htonl(SPI + 3), src, dst);
	end_missed();
	src->destroy_offset(src, offsetof(traffic_selector_t, destroy));
	dst->destroy_offset(dst, offsetof(traffic_selector_t, destroy));
	host->destroy(host);

	/* the exchange that began first got all of them */
	assert_int_equal(counts[POINT_MISSED].packets, NFLOG_WANTED_PACKETS + 7 + 3);
	assert_int_equal(counts[POINT_MISSED].overrun, 200 - NFLOG_WANTED_PACKETS);
	assert_int_equal(count_text("left before its SA was there"), NFLOG_WANTED_PACKETS);
}

/** lines that packets of an SA are not kept */
static u_int refused;

/**
 * In place of the bus' method.
 */
static void count_refused(bus_t *bus, debug_t group, level_t level, char *format, ...)
{
	refused += strstr(format, "SAs are negotiated already") != NULL;
}

/**
 * More SAs are negotiated than packets are kept for.
 */
static void test_refused(void **state)
{
	nflog_awaiting_t *awaiting = reader->get_awaiting(reader);
	linked_list_t *src = create_ts("10.1.0.0/16", 0, 0);
	linked_list_t *dst = create_ts("10.2.0.0/16", 0, 0);
	host_t *host = host_create_from_string("192.168.0.1", 0);
	void (*log)(bus_t*, debug_t, level_t, char*, ...) = charon->bus->log;
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	charon->bus->log = count_refused;
	for (i = 0; i < NFLOG_AWAITING_MAX; i++)
	{
		awaiting->await(awaiting, "conn", host, htonl(SPI + i), src, dst);
	}
	assert_int_equal(refused, 0);
	awaiting->await(awaiting, "conn", host, htonl(SPI + i++), src, dst);
	awaiting->await(awaiting, "conn", host, htonl(SPI + i++), src, dst);
	assert_int_equal(refused, 1);
	/* again once there was space */
	awaiting->abandon(awaiting, htonl(SPI));
	awaiting->await(awaiting, "conn", host, htonl(SPI + i++), src, dst);
	assert_int_equal(refused, 1);
	awaiting->await(awaiting, "conn", host, htonl(SPI + i++), src, dst);
	assert_int_equal(refused, 2);
	awaiting->abandon_all(awaiting);
	charon->bus->log = log;
	end_missed();
	src->destroy_offset(src, offsetof(traffic_selector_t, destroy));
	dst->destroy_offset(dst, offsetof(traffic_selector_t, destroy));
	host->destroy(host);
}

/**
 * What never counts as missed: IKE and ESP of the gateway, the loopback device, and with all
 * destinations multicasts.
 */
static void test_own(void **state)
{
	nflog_sa_t *sa;

	begin_missed();
	writer->start(writer, trace);
	sa = create_wanting(SPI, "10.1.0.0/16", "0.0.0.0/0", 0, 0, (mark_t){}, 0);
	assert_true(reader->add(reader, sa));
	wait_rules("missed-ipv4-16-0", TRUE);
	send_raw("10.1.0.1", "10.2.0.5", IPPROTO_ESP);
	send_raw("10.1.0.1", "10.2.0.5", IPPROTO_AH);
	send_udp("10.1.0.1", "224.0.0.251", 5353, 2);
	send_udp("10.1.0.1", "10.1.0.1", 53, 2);
	send_udp("10.1.0.1", "10.2.0.5", 53, 1);
	send_raw("10.1.0.1", "10.2.0.5", IPPROTO_ICMP);
	reader->remove(reader, sa);
	end_missed();
	assert_int_equal(counts[POINT_MISSED].packets, 2);
}

/**
 * IKE and ESP of the gateway, translated to other addresses and ports, and of a VRF.
 */
static void test_own_nat(void **state)
{
	char buf[1 << 16];
	nflog_sa_t *sa;

	local = host_create_from_string("10.7.7.7", 0);
	charon->socket->get_port = get_port;
	charon->kernel->get_interface = get_interface;
	/* 10.7.7.7 is an address of charon, which rules can't find, as of another device in a VRF */
	run("nft add table ip tn && "
		"nft 'add chain ip tn post { type nat hook postrouting priority 100; }' && "
		"nft add rule ip tn post ip saddr 10.1.0.1 udp sport 500 snat to 10.1.0.1:20001 && "
		"nft add rule ip tn post udp sport 501 snat to 10.1.0.77:20001");
	begin_missed();
	writer->start(writer, trace);
	sa = create_wanting(SPI, "10.0.0.0/8", "10.2.0.0/24", 0, 0, (mark_t){}, 0);
	assert_true(reader->add(reader, sa));
	wait_rules("missed-ipv4-8-24", TRUE);
	list_rules(buf, sizeof(buf));
	assert_non_null(strstr(buf, "fib saddr . oif type local accept"));
	send_from("10.7.7.7", 0, "10.2.0.6", IPPROTO_ESP);
	send_from("10.7.7.7", 500, "10.2.0.5", 0);
	send_from("10.1.0.1", 500, "10.2.0.5", 0);
	/* others that go the same ways */
	send_from("10.7.7.7", 501, "10.2.0.5", 0);
	send_from("10.7.7.8", 500, "10.2.0.5", 0);
	send_from("10.7.7.8", 0, "10.2.0.6", IPPROTO_ESP);
	reader->remove(reader, sa);
	end_missed();
	run("nft delete table ip tn");
	assert_int_equal(counts[POINT_MISSED].packets, 3);
	local->destroy(local);
}

/**
 * Selectors of about all addresses, and more than there may be pairs.
 */
static void test_wide(void **state)
{
	static char *ts[][2] = {
		{ "fd00::/8", "fd00::/8" },
		{ "0.0.0.0/2", "8.0.0.0/5" },
		{ "0.0.0.0/1 128.0.0.0/1", "0.0.0.0/1 128.0.0.0/1" },
		{ "10.1.0.0/16 192.168.1.0/24",
		  "10.2.0.0/24 10.2.1.0/24 10.2.2.0/24 10.2.3.0/24 10.2.4.0/24 10.2.5.0/24 "
		  "10.2.6.0/24 10.2.7.0/24 10.2.8.0/24 10.2.9.0/24 10.2.10.0/24 10.2.11.0/24 "
		  "10.2.12.0/24 10.2.13.0/24 10.2.14.0/24 10.2.15.0/24 192.168.2.0/24" },
	};
	nflog_sa_t *sa;
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	for (i = 0; i < countof(ts); i++)
	{
		sa = create_wanting(SPI + i, ts[i][0], ts[i][1], 0, 0, (mark_t){}, 0);
		assert_true(reader->add(reader, sa));
		wait_rules("missed-ipv", TRUE);
		if (i)
		{
			send_udp("10.1.0.1", "10.2.0.5", 53, 3);
			send_udp("10.1.0.1", "224.0.0.251", 53, 1);
		}
		else
		{
			send_udp("fd00:1::1", "fd00:2::5", 53, 3);
		}
		reader->remove(reader, sa);
		wait_rules("missed", FALSE);
	}
	end_missed();
	/* multicasts are within the selectors of the third one */
	assert_int_equal(counts[POINT_MISSED].packets, 3 * countof(ts) + 1);
	assert_true(counts[POINT_MISSED].watched);
	assert_false(counts[POINT_MISSED].any);
}

/**
 * Ports of other protocols than TCP and UDP, and types and codes of ICMP.
 */
static void test_types(void **state)
{
	static struct {
		uint8_t proto;
		uint16_t port;
		char *dst, *to;
	} cases[] = {
		/* what is sent begins with "miss" */
		{ IPPROTO_ICMP, 'm' << 8, "10.2.1.0/24", "10.2.1.1" },
		{ IPPROTO_ICMP, 'm' << 8 | 'i', "10.2.2.0/24", "10.2.2.1" },
		{ IPPROTO_SCTP, 's' << 8 | 's', "10.2.3.0/24", "10.2.3.1" },
		{ IPPROTO_UDPLITE, 's' << 8 | 's', "10.2.4.0/24", "10.2.4.1" },
		/* these don't match */
		{ IPPROTO_ICMP, 'n' << 8, "10.2.5.0/24", "10.2.5.1" },
		{ IPPROTO_ICMP, 'm' << 8 | 'j', "10.2.6.0/24", "10.2.6.1" },
		{ IPPROTO_SCTP, 's' << 8 | 't', "10.2.7.0/24", "10.2.7.1" },
	};
	nflog_sa_t *sa[countof(cases)];
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	for (i = 0; i < countof(cases); i++)
	{
		sa[i] = create_wanting(SPI + i, "10.1.0.0/16", cases[i].dst, cases[i].proto,
							   cases[i].port, (mark_t){}, 0);
		assert_true(reader->add(reader, sa[i]));
	}
	wait_rules("10.2.7.0", TRUE);
	for (i = 0; i < countof(cases); i++)
	{
		send_raw("10.1.0.1", cases[i].to, cases[i].proto);
	}
	for (i = 0; i < countof(cases); i++)
	{
		reader->remove(reader, sa[i]);
	}
	end_missed();
	assert_int_equal(counts[POINT_MISSED].packets, 4);
}

/**
 * Add an address to a message.
 */
static void put_address(struct nlmsghdr *hdr, uint16_t type, char *address)
{
	host_t *host = host_create_from_string(address, 0);
	chunk_t addr = host->get_address(host);

	mnl_attr_put(hdr, type, addr.len, addr.ptr);
	host->destroy(host);
}

/** source port before NAT */
static uint16_t port_before = 4242;

/**
 * Pass a UDP packet to an object, as the kernel would report it.
 *
 * @param src_before	source before NAT, NULL if the packet has no connection
 * @param info			relation to the connection
 */
static void handle_nat(nflog_misses_t *misses, char *src, char *dst, uint32_t mark,
					   char *src_before, char *dst_before, enum ip_conntrack_info info)
{
	uint8_t packet[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, IPPROTO_UDP };
	char buf[1024] __attribute__((aligned(8))) = {};
	struct nfulnl_msg_packet_hdr packet_hdr = {};
	struct nlattr *ct, *tuple, *nest;
	nflog_logged_t logged = {};
	struct nlmsghdr *hdr;
	uint16_t ports[] = { htons(4242), htons(53) };

	inet_pton(AF_INET, src, packet + 12);
	inet_pton(AF_INET, dst, packet + 16);
	memcpy(packet + 20, ports, sizeof(ports));

	hdr = mnl_nlmsg_put_header(buf);
	hdr->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	mnl_nlmsg_put_extra_header(hdr, sizeof(struct nfgenmsg));
	mnl_attr_put(hdr, NFULA_PACKET_HDR, sizeof(packet_hdr), &packet_hdr);
	mnl_attr_put_strz(hdr, NFULA_PREFIX, "missed");
	mnl_attr_put_u32(hdr, NFULA_IFINDEX_OUTDEV, htonl(if_nametoindex("behind")));
	if (mark)
	{
		mnl_attr_put_u32(hdr, NFULA_MARK, htonl(mark));
	}
	if (src_before)
	{
		ct = mnl_attr_nest_start(hdr, NFULA_CT);
		tuple = mnl_attr_nest_start(hdr, info >= IP_CT_IS_REPLY
											? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
		nest = mnl_attr_nest_start(hdr, CTA_TUPLE_IP);
		put_address(hdr, CTA_IP_V4_SRC, src_before);
		put_address(hdr, CTA_IP_V4_DST, dst_before);
		mnl_attr_nest_end(hdr, nest);
		nest = mnl_attr_nest_start(hdr, CTA_TUPLE_PROTO);
		mnl_attr_put_u8(hdr, CTA_PROTO_NUM, IPPROTO_UDP);
		mnl_attr_put_u16(hdr, CTA_PROTO_SRC_PORT, htons(port_before));
		mnl_attr_put_u16(hdr, CTA_PROTO_DST_PORT, htons(53));
		mnl_attr_nest_end(hdr, nest);
		mnl_attr_nest_end(hdr, tuple);
		mnl_attr_nest_end(hdr, ct);
		mnl_attr_put_u32(hdr, NFULA_CT_INFO, htonl(info));
	}
	mnl_attr_put(hdr, NFULA_PAYLOAD, sizeof(packet), packet);
	assert_true(nflog_logged_parse(hdr, &logged));
	assert_int_equal(logged.prefix, PREFIX_MISSED);
	gettimeofday(&logged.time, NULL);
	logged.time.tv_sec += 3600;
	misses->handle(misses, 0, &logged);
}

/**
 * The same for a packet without NAT.
 */
static void handle(nflog_misses_t *misses, char *dst, uint32_t mark)
{
	handle_nat(misses, "10.1.0.10", dst, mark, NULL, NULL, IP_CT_NEW);
}

/**
 * Change the policies.
 */
static void change_policy(nflog_policies_t *policies, bool add, char *src, char *dst,
						  policy_type_t type, mark_t mark, uint32_t if_id)
{
	kernel_ipsec_policy_id_t id = {
		.dir = POLICY_OUT,
		.src_ts = traffic_selector_create_from_cidr(src, 0, 0, 65535),
		.dst_ts = traffic_selector_create_from_cidr(dst, 0, 0, 65535),
		.mark = mark,
		.if_id = if_id,
	};

	if (add)
	{
		policies->add(policies, &id, type);
	}
	else
	{
		policies->remove(policies, &id, type);
	}
	id.src_ts->destroy(id.src_ts);
	id.dst_ts->destroy(id.dst_ts);
}

static void test_reasons(void **state)
{
	static mark_t none, marked = { .value = 42, .mask = 0xffffffff };
	nflog_devices_t *devices = nflog_devices_create();
	nflog_policies_t *policies = nflog_policies_create();
	nflog_misses_t *misses;
	nflog_sa_t *plain, *mark, *iface, *closer;
	timeval_t deadline;

	begin_missed();
	writer->start(writer, trace);
	misses = nflog_misses_create(queue, policies, devices);
	plain = create_wanting(SPI, "10.1.0.0/16", "10.2.0.0/16", 0, 0, none, 0);
	mark = create_wanting(SPI + 1, "10.1.0.0/16", "10.4.0.0/16", 0, 0, marked, 0);
	iface = create_wanting(SPI + 2, "10.1.0.0/16", "10.5.0.0/16", 0, 0, none, 7);
	closer = create_wanting(SPI + 3, "10.1.0.0/16", "10.2.9.0/24", 0, 0, marked, 0);
	misses->add(misses, plain);
	misses->add(misses, mark);
	misses->add(misses, iface);
	misses->add(misses, closer);
	change_policy(policies, TRUE, "10.1.0.0/16", "10.2.0.0/16", POLICY_IPSEC, none, 0);
	change_policy(policies, TRUE, "10.1.0.0/16", "10.4.0.0/16", POLICY_IPSEC, marked, 0);
	change_policy(policies, TRUE, "10.1.0.0/16", "10.5.0.0/16", POLICY_IPSEC, none, 7);
	local = host_create_from_string("10.1.0.12", 0);
	charon->socket->get_port = get_port;
	charon->kernel->get_interface = get_interface;
	time_monotonic(&deadline);
	deadline.tv_sec += 60;
	devices->wait(devices, &deadline);

	/* NAT in either direction */
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.1.0.10",
			   "10.2.0.10", IP_CT_NEW);
	handle_nat(misses, "10.1.0.10", "10.9.0.10", 0, "10.1.0.10",
			   "10.2.0.10", IP_CT_ESTABLISHED);
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.1.0.11",
			   "10.2.0.10", IP_CT_ESTABLISHED_REPLY);
	/* IKE of the gateway, and of others */
	port_before = 4500;
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.1.0.12",
			   "10.2.0.10", IP_CT_NEW);
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.1.0.13",
			   "10.2.0.10", IP_CT_NEW);
	port_before = 4242;
	/* an ICMP error about another packet, and one of a connection beyond */
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.1.0.10",
			   "10.2.0.10", IP_CT_RELATED);
	handle_nat(misses, "192.168.0.1", "10.2.0.10", 0, "10.7.0.10",
			   "10.2.0.10", IP_CT_NEW);
	/* mark, and device */
	handle(misses, "10.4.0.10", 0x15);
	handle(misses, "10.5.0.10", 0);
	/* it has the mark, so it got that too late */
	handle(misses, "10.4.0.10", 42);
	/* no reason that charon knows of */
	handle(misses, "10.2.0.10", 0);
	/* a passthrough policy, while it is there */
	change_policy(policies, TRUE, "10.1.0.0/24", "10.2.0.0/24", POLICY_PASS, none, 0);
	change_policy(policies, TRUE, "10.1.0.0/24", "10.2.0.0/24", POLICY_PASS, none, 0);
	change_policy(policies, FALSE, "10.1.0.0/24", "10.2.0.0/24", POLICY_PASS, none, 0);
	handle(misses, "10.2.0.10", 0);
	change_policy(policies, FALSE, "10.1.0.0/24", "10.2.0.0/24", POLICY_PASS, none, 0);
	handle(misses, "10.2.0.10", 0);
	/* the closer selectors miss it */
	handle(misses, "10.2.9.10", 0);
	/* no policy anymore */
	policies->flush(policies);
	handle(misses, "10.2.0.10", 0);

	queue->publish(queue, 0);
	misses->remove(misses, plain);
	misses->remove(misses, mark);
	misses->remove(misses, iface);
	misses->remove(misses, closer);
	handle(misses, "10.2.0.10", 0);
	writer->release(writer, plain->wanted->tap.trace);
	writer->release(writer, mark->wanted->tap.trace);
	writer->release(writer, iface->wanted->tap.trace);
	writer->release(writer, closer->wanted->tap.trace);
	end_missed();
	nflog_sa_destroy(plain);
	nflog_sa_destroy(mark);
	nflog_sa_destroy(iface);
	nflog_sa_destroy(closer);
	misses->destroy(misses);
	policies->destroy(policies);
	devices->destroy(devices);

	local->destroy(local);
	assert_int_equal(counts[POINT_MISSED].packets, 12);
	assert_int_equal(count_text("was 10.1.0.13"), 1);
	assert_int_equal(count_text("has the mark of its policy, which was probably set after"), 1);
	assert_int_equal(count_text("source became 192.168.0.1, was 10.1.0.10: nat POSTROUTING"),
					 1);
	assert_int_equal(count_text("destination became 10.9.0.10, was 10.2.0.10: nat PREROUTING"),
					 1);
	assert_int_equal(count_text("source became 192.168.0.1, was 10.1.0.11: reply"), 1);
	assert_int_equal(count_text("mark 0x15, its policy has mark 0x2a/0xffffffff"), 1);
	assert_int_equal(count_text("mark 0x0, its policy has mark 0x2a/0xffffffff"), 1);
	assert_int_equal(count_text("left by behind, not by an XFRM interface with if_id 7"), 1);
	assert_int_equal(count_text("passthrough policy 10.1.0.0/24 === 10.2.0.0/24"), 1);
	assert_int_equal(count_text("for a reason that is not known"), 2);
	assert_int_equal(count_text("its policy is not installed"), 2);
}

/** device that packets leave by, TRUE if it is known, number of requests, and of the last one
 *  completed */
static nflog_device_t device = { .name = "ipsec8", .secure = TRUE };
static bool device_known = TRUE;
static u_int requests, done;

static bool get_device(nflog_devices_t *this, uint32_t index, nflog_device_t *out)
{
	if (device_known)
	{
		*out = device;
	}
	return device_known;
}

static u_int refresh(nflog_devices_t *this, bool settle)
{
	return ++requests;
}

static bool is_done(nflog_devices_t *this, u_int request)
{
	return done >= request;
}

/**
 * More SAs with the same pair of subnets than are looked at.
 */
static void test_many(void **state)
{
	nflog_policies_t *policies = nflog_policies_create();
	nflog_devices_t devices = {
		.get = get_device,
		.refresh = refresh,
		.is_done = is_done,
	};
	nflog_misses_t *misses;
	nflog_sa_t *sa[NFLOG_NET_TABLE_VALUES + 1];
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	misses = nflog_misses_create(queue, policies, &devices);
	device.secure = FALSE;
	for (i = 0; i < countof(sa); i++)
	{	/* the oldest but one gets it */
		sa[i] = create_wanting(SPI + i, "10.1.0.0/16", "10.2.0.0/16", 17, 52 + i,
							   (mark_t){}, 0);
		misses->add(misses, sa[i]);
		if (i >= countof(sa) - 2)
		{
			handle(misses, "10.2.0.1", 0);
		}
	}
	device.secure = TRUE;
	queue->publish(queue, 0);
	for (i = 0; i < countof(sa); i++)
	{
		misses->remove(misses, sa[i]);
		writer->release(writer, sa[i]->wanted->tap.trace);
	}
	end_missed();
	for (i = 0; i < countof(sa); i++)
	{
		nflog_sa_destroy(sa[i]);
	}
	misses->destroy(misses);
	policies->destroy(policies);
	assert_int_equal(counts[POINT_MISSED].packets, 2);
	/* said by all of them, which have one trace here */
	assert_int_equal(counts[POINT_MISSED].crowded, countof(sa));
}

/**
 * What leaves by devices that drop packets without policy, of which charon need not know.
 */
static void test_secure(void **state)
{
	static mark_t none;
	nflog_policies_t *policies = nflog_policies_create();
	nflog_devices_t devices = {
		.get = get_device,
		.refresh = refresh,
		.is_done = is_done,
	};
	nflog_misses_t *misses;
	nflog_sa_t *sa;
	u_int i;

	begin_missed();
	writer->start(writer, trace);
	misses = nflog_misses_create(queue, policies, &devices);
	sa = create_wanting(SPI, "10.1.0.0/16", "10.2.0.0/16", 0, 0, none, 7);
	misses->add(misses, sa);

	/* external: kept until it is known that it was dropped, the second one not yet */
	done = requests;
	handle(misses, "10.2.0.1", 0);
	handle(misses, "10.2.0.2", 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 2);
	misses->judge(misses, 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 2);
	device.if_id = 8;
	done = requests;
	misses->judge(misses, 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 1);
	/* others install a policy */
	device.used = TRUE;
	done = requests;
	misses->judge(misses, 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 0);
	handle(misses, "10.2.0.4", 0);
	assert_int_equal(requests, done);
	/* there is no need to ask if charon has the policy */
	device.used = FALSE;
	change_policy(policies, TRUE, "10.1.0.0/16", "10.2.0.0/16", POLICY_IPSEC, none, 8);
	handle(misses, "10.2.0.4", 0);
	change_policy(policies, FALSE, "10.1.0.0/16", "10.2.0.0/16", POLICY_IPSEC, none, 8);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 0);
	assert_int_equal(requests, done);

	/* a device that is not known yet sends it in the clear, another one is gone by then */
	device_known = device.secure = FALSE;
	handle(misses, "10.2.0.5", 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 1);
	device_known = TRUE;
	done = requests;
	misses->judge(misses, 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 0);
	device_known = FALSE;
	handle(misses, "10.2.0.6", 0);
	done = requests;
	misses->judge(misses, 0);
	assert_int_equal(sa->wanted->kept->get_count(sa->wanted->kept), 0);
	device_known = device.secure = TRUE;
	misses->remove(misses, sa);
	misses->judge(misses, 0);

	/* more than can be kept, and the kernel is not asked in time */
	misses->add(misses, sa);
	for (i = 0; i < NFLOG_WANTED_PACKETS + 5; i++)
	{
		handle(misses, "10.2.0.1", 0);
	}
	misses->remove(misses, sa);
	queue->publish(queue, 0);
	writer->release(writer, sa->wanted->tap.trace);
	end_missed();
	nflog_sa_destroy(sa);
	misses->destroy(misses);
	policies->destroy(policies);

	assert_int_equal(counts[POINT_MISSED].packets, 2);
	assert_int_equal(counts[POINT_MISSED].overrun, 5);
	assert_int_equal(counts[POINT_MISSED].unidentified, NFLOG_WANTED_PACKETS + 1);
	assert_int_equal(count_text("left by XFRM interface ipsec8 without policy"), 1);
	assert_int_equal(count_text("left by ipsec8, not by an XFRM interface with if_id 7"), 1);
}

/**
 * Add the device that others would be behind.
 */
static int setup_device(void **state)
{
	run("ip tuntap add dev behind mode tun && ip link set behind up && "
		"ip addr add 10.1.0.1/24 dev behind && "
		"ip -6 addr add fd00:1::1/64 dev behind nodad && "
		"ip route add default dev behind && ip -6 route add default dev behind");
	return setup(state);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules, setup_device, teardown),
		cmocka_unit_test(test_nets),
		cmocka_unit_test(test_largest),
		cmocka_unit_test_setup_teardown(test_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_nat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wide, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_awaited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reasons, setup, teardown),
	};

	return reader_run(tests);
}

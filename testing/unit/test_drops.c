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
 * Packets that the kernel dropped: words for the reason, and which CHILD_SA they are of.
 */

#define _GNU_SOURCE

#include "common.h"
#include "drops/past.h"
#include "drops/reasons.h"
#include "drops/victims.h"

#include <arpa/inet.h>

#include <selectors/traffic_selector.h>

/** numbers as a kernel has them */
#define NOT_SPECIFIED 2
#define POLICY 13
#define NO_SOCKET 14
#define NO_STATES 3
#define TMPL_MISMATCH 10
#define ACQUIRE 20
#define OUT_NO_STATES 21

static nflog_victims_t *victims;
static nflog_reasons_t *reasons;

/** subnets and pairs that are passed on */
static int passed;

/** what the kernel counted for pairs and subnets */
static struct nflog_limits_t pair_limits, subnet_limits;

static int begin_drops(void **state)
{
	victims = nflog_victims_create();
	reasons = nflog_reasons_create();
	reasons->set_reason(reasons, NOT_SPECIFIED, "SKB_DROP_REASON_NOT_SPECIFIED");
	reasons->set_reason(reasons, POLICY, "SKB_DROP_REASON_XFRM_POLICY");
	reasons->set_reason(reasons, NO_SOCKET, "SKB_DROP_REASON_NO_SOCKET");
	reasons->set_reason(reasons, 99, "SKB_DROP_REASON_BRAND_NEW");
	reasons->set_reason(reasons, 100, "NO_REASON");
	reasons->set_counter(reasons, NO_STATES, "LINUX_MIB_XFRMINNOSTATES");
	reasons->set_counter(reasons, TMPL_MISMATCH, "LINUX_MIB_XFRMINTMPLMISMATCH");
	reasons->set_counter(reasons, ACQUIRE, "LINUX_MIB_XFRMACQUIREERROR");
	reasons->set_counter(reasons, OUT_NO_STATES, "LINUX_MIB_XFRMOUTNOSTATES");
	reasons->set_counter(reasons, 30, "LINUX_MIB_XFRMOUTNOQSPACE");
	reasons->set_counter(reasons, 31, "LINUX_MIB_XFRMSOMETHINGNEW");
	reasons->set_counter(reasons, 64, "LINUX_MIB_XFRMINERROR");
	return 0;
}

static int end_drops(void **state)
{
	victims->destroy(victims);
	reasons->destroy(reasons);
	return 0;
}

/**
 * Check the comment of a packet.
 */
static void check_comment(struct nflog_event_t event, uint32_t spi, char *comment)
{
	nflog_described_t described;

	strcpy(event.place, "xfrm_input+0x1df/0x1070");
	reasons->describe(reasons, &event, spi, &described);
	assert_string_equal(described.comment, comment);
	assert_string_equal(described.place, "xfrm_input");
}

/**
 * Check the comment of a packet with a reason at a place, if none is given while a counter of
 * inbound packets changed.
 */
static void check_place(uint32_t reason, char *place, char *comment)
{
	struct nflog_event_t event = {
		.reason = reason,
		.counters = reason == NOT_SPECIFIED ? 1 << TMPL_MISMATCH : 0,
	};
	nflog_described_t described;

	snprintf(event.place, sizeof(event.place), "%s+0x92/0x100", place);
	reasons->describe(reasons, &event, 0, &described);
	assert_string_equal(described.comment, comment);
	assert_string_equal(described.place, place);
}

static void test_comments(void **state)
{
	assert_int_equal(reasons->get_counters(reasons), 31);
	assert_int_equal(reasons->get_value(reasons, "SKB_DROP_REASON_XFRM_POLICY"), POLICY);
	assert_int_equal(reasons->get_value(reasons, "SKB_DROP_REASON_NONE"), UINT32_MAX);
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .audit = NFLOG_AUDIT_REPLAY, .counters = 1 << NO_STATES,
		.seq = htonl(1204), .top = 1205, .window = 33,
	}, 1, "replayed: sequence number 1204, window 1173 to 1205 (XfrmInStateSeqError) at "
	   "xfrm_input+0x1df");
	/* the window begins with the first packet */
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .audit = NFLOG_AUDIT_REPLAY, .seq = htonl(2), .top = 5,
		.window = 32,
	}, 1, "replayed: sequence number 2, window 1 to 5 (XfrmInStateSeqError) at "
	   "xfrm_input+0x1df");
	/* extended numbers, before the lower half wrapped, and after that */
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .audit = NFLOG_AUDIT_REPLAY, .seq = htonl(0xffffffff),
		.top = 4, .top_hi = 1, .window = 32,
	}, 1, "replayed: sequence number 4294967295, window 4294967269 to 4294967300 "
	   "(XfrmInStateSeqError) at xfrm_input+0x1df");
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .audit = NFLOG_AUDIT_NOTFOUND, .spi = htonl(0xcafecafe),
		.seq = htonl(12),
	}, 0xcafecafe, "unknown SPI cafecafe, sequence number 12 (XfrmInNoStates) at "
	   "xfrm_input+0x1df");
	check_comment((struct nflog_event_t){
		.reason = POLICY, .counters = 1ULL << OUT_NO_STATES,
	}, 0, "no SA, or it is still being negotiated (XfrmOutNoStates, XFRM_POLICY) at "
	   "xfrm_input+0x1df");
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .counters = 1 << ACQUIRE,
	}, 0xabcd0000, "SA is still being negotiated, SPI abcd0000 (XfrmAcquireError) at "
	   "xfrm_input+0x1df");
	/* several counters changed */
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .counters = 1ULL << NO_STATES | 1 << TMPL_MISMATCH,
	}, 1, "unknown SPI, SPI 00000001 (XfrmInNoStates, or another that was counted since the "
	   "last drop) at xfrm_input+0x1df");
	/* those of which one can't be this packet's */
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .counters = 1ULL << OUT_NO_STATES | 1 << TMPL_MISMATCH,
	}, 1, "arrived in the clear, or in another SA than the policy requires, SPI 00000001 "
	   "(XfrmInTmplMismatch) at xfrm_input+0x1df");
	check_comment((struct nflog_event_t){
		.reason = NOT_SPECIFIED, .counters = 1ULL << OUT_NO_STATES,
	}, 0, "no reason given (NOT_SPECIFIED) at xfrm_input+0x1df");
	check_place(NOT_SPECIFIED, "ip_error", "no route, or a blackhole, unreachable or prohibit "
				"route (NOT_SPECIFIED) at ip_error+0x92");
	check_place(NOT_SPECIFIED, "vmxnet3_tq_tx_complete", "no reason given (NOT_SPECIFIED) at "
				"vmxnet3_tq_tx_complete+0x92");
	check_place(NOT_SPECIFIED, "ip6_forward.part.0", "arrived in the clear, or in another SA "
				"than the policy requires (XfrmInTmplMismatch) at ip6_forward.part.0+0x92");
	/* an answer to a ping with a raw socket, which got it */
	check_place(NO_SOCKET, "icmp_rcv", "no socket of a ping waits for it, maybe a raw one does "
				"(NO_SOCKET) at icmp_rcv+0x92");
	check_place(NO_SOCKET, "__udp4_lib_rcv", "no program receives on this port (NO_SOCKET) at "
				"__udp4_lib_rcv+0x92");
	/* what this knows nothing of */
	check_comment((struct nflog_event_t){ .reason = 99 }, 0,
				  "dropped (BRAND_NEW) at xfrm_input+0x1df");
	check_comment((struct nflog_event_t){ .reason = 12345, .counters = UINT64_MAX << 31 }, 0,
				  "dropped (reason 12345) at xfrm_input+0x1df");
	check_comment((struct nflog_event_t){ .reason = NOT_SPECIFIED }, 0,
				  "no reason given (NOT_SPECIFIED) at xfrm_input+0x1df");
}

/**
 * Count what is passed on.
 */
static bool count(nflog_probe_t *this, void *what, bool add)
{
	passed += add ? 1 : -1;
	return TRUE;
}

static void get_pair_limits(nflog_probe_t *this, struct nflog_pair_t *pair,
							struct nflog_limits_t *limits)
{
	*limits = pair_limits;
}

static void get_subnet_limits(nflog_probe_t *this, struct nflog_subnet_t *subnet,
							  struct nflog_limits_t *limits)
{
	if (subnet->remote)
	{
		*limits = subnet_limits;
	}
}

static uint64_t get_nested(nflog_probe_t *this)
{
	return subnet_limits.full;
}

/** a kernel that only counts */
static nflog_probe_t probe = {
	.set_pair = (void*)count,
	.set_subnet = (void*)count,
	.get_pair_limits = get_pair_limits,
	.get_subnet_limits = get_subnet_limits,
	.get_nested = get_nested,
};

/**
 * Add a selector to a list.
 */
static linked_list_t *create_list(char *subnet, uint8_t proto, uint16_t port)
{
	linked_list_t *list = linked_list_create();

	list->insert_last(list, traffic_selector_create_from_cidr(subnet, proto, port,
														port ? port : 65535));
	return list;
}

/**
 * Add a CHILD_SA between 192.168.0.1 and 192.168.0.2.
 */
static nflog_victim_t *add_victim(char *conn, char *label, uint32_t spi, char *local,
								  char *remote, uint8_t proto, uint16_t port)
{
	linked_list_t *ts[] = {
		create_list(local, 0, 0),
		create_list(remote, proto, port),
	};
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string("192.168.0.2", 0),
		.dst = host_create_from_string("192.168.0.1", 0),
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	nflog_victim_t *victim;
	host_t *src = id.src;

	INIT(victim,
		.conn = conn,
		.label = label,
	);
	victims->add(victims, victim);
	assert_true(victims->set_sa(victims, victim, TRUE, &id, ts[1], ts[0]));
	id.src = id.dst;
	id.dst = src;
	id.spi = htonl(spi + 0x100);
	assert_true(victims->set_sa(victims, victim, FALSE, &id, ts[0], ts[1]));
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
	ts[0]->destroy_offset(ts[0], offsetof(traffic_selector_t, destroy));
	ts[1]->destroy_offset(ts[1], offsetof(traffic_selector_t, destroy));
	return victim;
}

static void remove_victim(nflog_victim_t *victim)
{
	victims->remove(victims, victim);
	free(victim);
}

/**
 * Build an IPv4 packet with four bytes of what follows the headers.
 */
static void build(struct nflog_event_t *event, char *src, char *dst, uint8_t proto,
				  uint16_t ports[2], uint32_t payload)
{
	size_t len = 20;

	memset(event, 0, sizeof(*event));
	event->data[0] = 0x45;
	event->data[9] = proto;
	assert_int_equal(inet_pton(AF_INET, src, event->data + 12), 1);
	assert_int_equal(inet_pton(AF_INET, dst, event->data + 16), 1);
	if (ports)
	{
		htoun16(event->data + 20, ports[0]);
		htoun16(event->data + 22, ports[1]);
		htoun16(event->data + 24, 16);
		len += 8;
	}
	htoun32(event->data + len, payload);
	len += 8;
	htoun16(event->data + 2, len);
	event->len = event->caplen = len;
}

/**
 * Check which CHILD_SAs a packet is of.
 */
static void check(struct nflog_event_t *event, uint32_t spi, char *known,
				  nflog_victim_t *first, nflog_victim_t *second)
{
	nflog_lost_t lost;

	victims->find(victims, event, &lost);
	assert_int_equal(lost.count, (first != NULL) + (second != NULL));
	assert_true(!first || lost.victims[0] == first);
	assert_true(!second || lost.victims[1] == second);
	assert_int_equal(lost.spi, spi);
	assert_true(strpfx(lost.known, known));
	assert_true(*known || !lost.known[0]);
}

/**
 * Put a packet into a tunnel, as XFRM does before it encrypts it.
 */
static void wrap(struct nflog_event_t *event, char *src, char *dst, uint32_t spi)
{
	struct nflog_event_t inner;

	build(&inner, src, dst, IPPROTO_TCP, NULL, 7);
	build(event, "192.168.0.1", "192.168.0.2", IPPROTO_IPIP, NULL, 0xdeadbeef);
	memset(event->data + 20, 0xff, 16);
	event->inner = 36;
	memcpy(event->data + event->inner, inner.data, inner.caplen);
	event->len = event->caplen = event->inner + inner.caplen;
	event->spi = htonl(spi);
}

/**
 * Check of which CHILD_SA such a packet is, and that it is without a tunnel then.
 */
static void check_inner(struct nflog_event_t *event, uint32_t spi, nflog_victim_t *victim,
						bool sa)
{
	nflog_lost_t lost;

	victims->find(victims, event, &lost);
	assert_int_equal(lost.count, victim != NULL);
	assert_true(!victim || lost.victims[0] == victim);
	assert_int_equal(lost.spi, spi);
	assert_int_equal(lost.sa, sa);
	assert_int_equal(lost.inner, !sa);
	assert_int_equal(event->caplen, 28);
	assert_int_equal(event->len, 28);
	assert_int_equal(event->data[9], IPPROTO_TCP);
}

static void test_victims(void **state)
{
	nflog_victim_t *a, *b, *c;
	struct nflog_event_t event;
	nflog_lost_t lost;

	assert_false(victims->is_ready(victims));
	a = add_victim("gw", "a{1}", 0x1001, "10.1.0.0/16", "10.2.0.0/16", 0, 0);
	assert_true(victims->is_ready(victims));
	assert_true(victims->set_probe(victims, &probe));
	assert_int_equal(passed, 3);
	b = add_victim("gw", "b{2}", 0x1002, "10.1.0.0/16", "10.2.3.0/24", 17, 53);
	assert_int_equal(passed, 4);
	c = add_victim("other", "c{3}", 0x1003, "0.0.0.0/0", "10.9.0.1/32", 0, 0);
	assert_int_equal(passed, 6);
	assert_int_equal(victims->get_count(victims), 3);

	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_ESP, NULL, 0x1001);
	check(&event, 0x1001, "inbound SA of a{1}", a, NULL);
	build(&event, "192.168.0.1", "192.168.0.2", IPPROTO_ESP, NULL, 0x1102);
	check(&event, 0x1102, "outbound SA of b{2}", b, NULL);
	/* an unknown SPI: once for each connection, the newest CHILD_SA */
	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_ESP, NULL, 0xcafecafe);
	check(&event, 0xcafecafe, "", c, b);
	build(&event, "192.168.0.3", "192.168.0.1", IPPROTO_ESP, NULL, 0xcafecafe);
	check(&event, 0xcafecafe, "", NULL, NULL);
	/* in UDP, from which the kernel removed the header, but not in memory */
	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_UDP, (uint16_t[]){ 1, 4500 },
		  0x1003);
	htoun16(event.data + 2, untoh16(event.data + 2) - 8);
	check(&event, 0x1003, "inbound SA of c{3}", c, NULL);
	assert_int_equal(untoh16(event.data + 2), 36);
	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_UDP, (uint16_t[]){ 500, 1 }, 7);
	check(&event, 0, "", c, b);
	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_UDP, (uint16_t[]){ 53, 1 }, 7);
	check(&event, 0, "", NULL, NULL);
	/* selectors, in both directions */
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_UDP, (uint16_t[]){ 1, 53 }, 7);
	check(&event, 0, "", a, NULL);
	build(&event, "10.2.3.10", "10.1.0.10", IPPROTO_UDP, (uint16_t[]){ 53, 1 }, 7);
	check(&event, 0, "", b, NULL);
	build(&event, "10.2.3.10", "10.1.0.10", IPPROTO_UDP, (uint16_t[]){ 54, 1 }, 7);
	check(&event, 0, "", a, NULL);
	build(&event, "10.2.3.10", "10.3.0.10", IPPROTO_UDP, (uint16_t[]){ 54, 1 }, 7);
	check(&event, 0, "", NULL, NULL);
	build(&event, "10.9.0.1", "8.8.8.8", IPPROTO_ICMP, NULL, 7);
	check(&event, 0, "", c, NULL);
	build(&event, "10.9.0.2", "8.8.8.8", IPPROTO_ICMP, NULL, 7);
	check(&event, 0, "", NULL, NULL);
	/* the SPI of an audited packet, which is not in there yet */
	build(&event, "192.168.0.1", "192.168.0.2", IPPROTO_ESP, NULL, 0);
	event.spi = htonl(0x1101);
	check(&event, 0x1101, "outbound SA of a{1}", a, NULL);

	/* packets that were not encrypted yet, in an SA that is captured, and in others */
	wrap(&event, "10.1.0.10", "10.2.0.10", 0x1102);
	check_inner(&event, 0x1102, b, TRUE);
	wrap(&event, "10.1.0.10", "10.2.0.10", 0);
	check_inner(&event, 0, a, FALSE);
	wrap(&event, "10.1.0.10", "10.2.0.10", 0xcafecafe);
	check_inner(&event, 0xcafecafe, a, FALSE);
	wrap(&event, "10.7.0.10", "10.8.0.10", 0xcafecafe);
	check_inner(&event, 0xcafecafe, NULL, FALSE);
	wrap(&event, "10.1.0.10", "10.2.0.10", 0);
	event.inner = event.caplen + 1;
	victims->find(victims, &event, &lost);
	assert_int_equal(lost.count, 0);

	remove_victim(a);
	build(&event, "192.168.0.2", "192.168.0.1", IPPROTO_ESP, NULL, 0x1001);
	check(&event, 0x1001, "the SPI was that of a{1}, deleted ", c, b);
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_TCP, NULL, 7);
	check(&event, 0, "", NULL, NULL);
	remove_victim(b);
	remove_victim(c);
	assert_int_equal(passed, 0);
	check(&event, 0, "", NULL, NULL);
}

/**
 * What a trace may lack.
 */
static void test_lapses(void **state)
{
	nflog_victim_t *a, *b, *many[66];
	struct nflog_event_t event;
	u_int i;

	assert_true(victims->set_probe(victims, &probe));
	pair_limits = subnet_limits = (struct nflog_limits_t){ .beyond = 7, .full = 7 };
	a = add_victim("gw", "a{1}", 0x1001, "10.1.0.0/16", "10.2.0.0/16", 0, 0);
	pair_limits.beyond += 1000;
	b = add_victim("gw", "b{2}", 0x1002, "10.1.0.0/16", "10.3.0.0/16", 0, 0);
	pair_limits.full += 100;
	subnet_limits.beyond += 10;
	subnet_limits.full += 3;
	victims->remove(victims, a);
	victims->remove(victims, b);
	assert_int_equal(a->lapses.beyond, 1010);
	assert_int_equal(a->lapses.full, 103);
	assert_int_equal(a->lapses.nested, 3);
	assert_int_equal(a->lapses.overlooked, 0);
	assert_int_equal(b->lapses.beyond, 10);
	assert_int_equal(b->lapses.full, 103);
	free(a);
	free(b);

	/* more than are looked at */
	for (i = 0; i < countof(many); i++)
	{
		many[i] = add_victim("gw", "x{1}", 0x1001 + i, "10.1.0.0/16", "10.2.0.0/16", 0, 0);
	}
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_TCP, NULL, 7);
	check(&event, 0, "", many[65], NULL);
	for (i = 0; i < countof(many); i++)
	{
		victims->remove(victims, many[i]);
		assert_int_equal(many[i]->lapses.overlooked, 1);
		free(many[i]);
	}
	assert_int_equal(passed, 0);
}

/**
 * Selectors with ports, and what other protocols have in place of these.
 */
static void test_ports(void **state)
{
	nflog_victim_t *icmp, *sctp;
	struct nflog_event_t event;

	icmp = add_victim("gw", "icmp{1}", 0x1001, "10.1.0.0/16", "10.2.0.0/16", IPPROTO_ICMP,
					  8 << 8);
	sctp = add_victim("gw", "sctp{2}", 0x1002, "10.1.0.0/16", "10.2.0.0/16", IPPROTO_SCTP, 9);
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_ICMP, NULL, 0x08000000);
	check(&event, 0, "", icmp, NULL);
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_ICMP, NULL, 0x0b000000);
	check(&event, 0, "", NULL, NULL);
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_SCTP, (uint16_t[]){ 1, 9 }, 7);
	check(&event, 0, "", sctp, NULL);
	build(&event, "10.2.0.10", "10.1.0.10", IPPROTO_SCTP, (uint16_t[]){ 9, 1 }, 7);
	check(&event, 0, "", sctp, NULL);
	build(&event, "10.1.0.10", "10.2.0.10", IPPROTO_SCTP, (uint16_t[]){ 1, 10 }, 7);
	check(&event, 0, "", NULL, NULL);
	remove_victim(icmp);
	remove_victim(sctp);
}

/**
 * Packets of any content and length, which are cut anywhere.
 */
static void test_hostile(void **state)
{
	nflog_victim_t *a = add_victim("gw", "a{1}", 0x1001, "0.0.0.0/0", "::/0", 0, 0);
	struct nflog_event_t *event = malloc(sizeof(*event));
	nflog_lost_t lost;
	u_int seed = 1, i, j;

	for (i = 0; i < 200000; i++)
	{
		build(event, "192.168.0.2", "192.168.0.1", i % 256, NULL, 7);
		for (j = 0; j < i % 7; j++)
		{
			seed = seed * 1664525 + 1013904223;
			event->data[(seed >> 8) % 64] = seed >> 24;
		}
		event->caplen = (seed >> 4) % 80;
		victims->find(victims, event, &lost);
	}
	/* many SPIs that are gone */
	for (i = 0; i < 3 * NFLOG_PAST_MAX; i++)
	{
		remove_victim(add_victim("gw", "x{2}", 0x2000 + i, "10.1.0.0/16", "10.2.0.0/16",
								 0, 0));
	}
	build(event, "192.168.0.2", "192.168.0.1", IPPROTO_ESP, NULL, 0x2000);
	check(event, 0x2000, "", a, NULL);
	build(event, "192.168.0.2", "192.168.0.1", IPPROTO_ESP, NULL, 0x2000 + i - 1);
	check(event, 0x2000 + i - 1, "the SPI was that of x{2}", a, NULL);
	remove_victim(a);
	free(event);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comments, begin_drops, end_drops),
		cmocka_unit_test_setup_teardown(test_victims, begin_drops, end_drops),
		cmocka_unit_test_setup_teardown(test_lapses, begin_drops, end_drops),
		cmocka_unit_test_setup_teardown(test_ports, begin_drops, end_drops),
		cmocka_unit_test_setup_teardown(test_hostile, begin_drops, end_drops),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

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

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "traces/queue.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <library.h>

/** six blocks, all that one lane may have */
#define SIZE (6 * 1024 * 1024)

/* any pointer will do, the queue does not use it */
#define TRACE ((nflog_trace_t*)&trace)

static int trace;

/** packets added */
static uint32_t added;

static nflog_packet_t *add_to(nflog_queue_t *queue, u_int lane,
							  size_t len)
{
	nflog_packet_t *packet;

	packet = queue->add(queue, lane, sizeof(*packet->record) + len);
	if (packet)
	{
		packet->trace = TRACE;
		packet->order = added++;
		memset(packet->record->data, packet->order, len);
		packet->caplen = len;
	}
	return packet;
}

static nflog_packet_t *add(nflog_queue_t *queue, size_t len)
{
	return add_to(queue, 0, len);
}

static void test_order(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, SIZE);
	nflog_packet_t **packets;
	uint32_t order = 0;
	u_int count, i, round;
	size_t len, j;
	u_int used;

	/* many times around the memory, with sizes that don't divide it */
	for (round = 0; round < 1000; round++)
	{
		for (len = 1; len < 1500; len += 97 + round % 13)
		{
			assert_non_null(add(queue, len));
		}
		queue->publish(queue, 0);
		count = queue->peek(queue, &packets, &used);
		assert_true(count > 0);
		for (i = 0; i < count; i++)
		{
			assert_int_equal(packets[i]->order, order);
			for (j = 0; j < packets[i]->caplen; j++)
			{
				assert_int_equal(packets[i]->record->data[j], (uint8_t)order);
			}
			order++;
			packets[i]->trace = NULL;
		}
		queue->release(queue);
		assert_int_equal(queue->peek(queue, &packets, &used), 0);
	}
	queue->destroy(queue);
}

static void test_bounded(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, SIZE);
	nflog_packet_t **packets;
	u_int count = 0, released = 1, used;

	while (add(queue, 1000))
	{
		count++;
		assert_true(count * 1000 <= SIZE);
	}
	assert_true(count > 3600);
	queue->publish(queue, 0);
	assert_int_equal(queue->peek(queue, &packets, &used), count);
	assert_int_equal(used, 100);

	/* what is in front keeps the memory of what follows */
	packets[count - 1]->trace = NULL;
	packets[1]->trace = NULL;
	queue->release(queue);
	assert_null(add(queue, 1000));
	assert_int_equal(queue->peek(queue, &packets, &used), count - 2);
	packets[0]->trace = NULL;
	queue->release(queue);
	assert_int_equal(queue->peek(queue, &packets, &used), count - 3);

	/* until there is enough of it */
	while (!add(queue, 1000))
	{
		packets[0]->trace = NULL;
		queue->release(queue);
		assert_int_equal(queue->peek(queue, &packets, &used),
						 count - 3 - released++);
	}
	assert_in_range(released, count / 7, count / 4);
	queue->publish(queue, 0);
	assert_int_equal(queue->peek(queue, &packets, &used), count - 2 - released + 1);
	queue->destroy(queue);
}

static void test_unpublished(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, SIZE);
	nflog_packet_t **packets;
	u_int used;

	assert_non_null(add(queue, 100));
	assert_int_equal(queue->peek(queue, &packets, &used), 0);
	queue->publish(queue, 0);
	assert_int_equal(queue->peek(queue, &packets, &used), 1);
	assert_int_equal(used, 16);
	queue->destroy(queue);
}

static void test_lanes(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(2, SIZE);
	nflog_packet_t **packets, *first, *second;
	u_int used, count = 0, i;

	assert_int_equal(queue->get_lanes(queue), 2);
	first = add_to(queue, 1, 1000);
	/* what one lane leaves, the other one may take, but not what it began */
	while (add_to(queue, 0, 1000))
	{
		count++;
	}
	assert_true(count > 700);
	second = add_to(queue, 1, 1000);
	assert_non_null(second);

	queue->publish(queue, 1);
	count = queue->peek(queue, &packets, &used);
	assert_true(count > 2);
	assert_ptr_equal(packets[count - 2], first);
	assert_ptr_equal(packets[count - 1], second);
	queue->publish(queue, 0);
	assert_true(queue->peek(queue, &packets, &used) > count);
	count = queue->peek(queue, &packets, &used);
	assert_int_equal(used, 100);

	/* none keeps the memory of the other one */
	for (i = 0; i < count - 2; i++)
	{
		packets[i]->trace = NULL;
	}
	queue->release(queue);
	assert_int_equal(queue->peek(queue, &packets, &used), 2);
	assert_ptr_equal(packets[0], first);
	assert_int_equal(used, 25);
	assert_non_null(add_to(queue, 0, 1000));
	queue->destroy(queue);
}

static void test_large(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, 1);

	/* the largest that is logged, and what would never fit */
	assert_non_null(add(queue, 66000));
	assert_null(add(queue, SIZE));
	assert_non_null(add(queue, 1000));
	queue->destroy(queue);
}

/** IP packet that is logged, 45 bytes */
static uint8_t ip[] = {
	0x45, 0x00, 0x00, 0x2d, 0x00, 0x00, 0x00, 0x00, 0x40, 0x32, 0x00, 0x00,
	0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0x02,
	0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x55,
};

/**
 * Put a message as the kernel's, with its attributes in its order.
 */
static uint8_t *put_message(uint8_t *pos, uint32_t order)
{
	struct nfulnl_msg_packet_hdr header = {};
	uint8_t payload[ip[3]];
	struct nlmsghdr *hdr;

	hdr = mnl_nlmsg_put_header(pos);
	hdr->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	mnl_nlmsg_put_extra_header(hdr, sizeof(struct nfgenmsg));
	memset(payload, order, sizeof(payload));
	memcpy(payload, ip, sizeof(ip));
	mnl_attr_put(hdr, NFULA_PACKET_HDR, sizeof(header), &header);
	mnl_attr_put_strz(hdr, NFULA_PREFIX, "esp-in");
	mnl_attr_put_u32(hdr, NFULA_IFINDEX_INDEV, htonl(order));
	mnl_attr_put_u32(hdr, NFULA_SEQ, htonl(order));
	mnl_attr_put_u32(hdr, NFULA_SEQ_GLOBAL, htonl(order));
	mnl_attr_put(hdr, NFULA_PAYLOAD, sizeof(payload), payload);
	return pos + NLMSG_ALIGN(hdr->nlmsg_len);
}

/**
 * Expect the record of a message.
 */
static void check_record(nflog_packet_t *packet, nflog_tap_t *tap, uint32_t order)
{
	uint8_t *payload = packet->record->data + packet->offset;
	uint8_t *end = packet->record->data + packet->caplen;
	struct nlattr *attr, *attrs[NFULA_MAX + 1] = {};
	uint8_t *pos = packet->record->data + sizeof(struct nfgenmsg);

	assert_ptr_equal(packet->trace, TRACE);
	assert_int_equal(packet->order, order);
	assert_int_equal(packet->payload, ip[3]);
	assert_memory_equal(payload, ip, sizeof(ip));
	assert_int_equal(payload[ip[3] - 1], order);
	assert_int_equal(packet->record->caplen, packet->caplen);
	if (tap->link == LINK_RAW)
	{
		assert_int_equal(packet->offset, 0);
		assert_int_equal(packet->caplen, ip[3]);
		return;
	}
	for (; pos < end; pos += NLA_ALIGN(attr->nla_len))
	{
		attr = (struct nlattr*)pos;
		assert_in_range(attr->nla_len, NLA_HDRLEN, end - pos);
		attrs[attr->nla_type] = attr;
	}
	assert_ptr_equal(pos, end);
	assert_string_equal((char*)attrs[NFULA_PREFIX] + NLA_HDRLEN, tap->prefix);
	assert_int_equal(ntohl(mnl_attr_get_u32(attrs[NFULA_IFINDEX_INDEV])), order);
	assert_ptr_equal((uint8_t*)attrs[NFULA_PAYLOAD] + NLA_HDRLEN, payload);
	assert_null(attrs[NFULA_SEQ]);
	assert_null(attrs[NFULA_SEQ_GLOBAL]);
}

/**
 * Receive messages, of which every third is none of the SA's, and check the records.
 *
 * @param in_place		TRUE if packets have to stay where they were received
 */
static void receive(nflog_queue_t *queue, nflog_tap_t *tap, bool in_place)
{
	const u_int messages = 60;
	uint8_t *space, *ends[messages + 1];
	nflog_packet_t **packets;
	u_int count, i, used;

	space = queue->get_space(queue, 0);
	assert_non_null(space);
	ends[0] = space;
	for (i = 0; i < messages; i++)
	{
		ends[i + 1] = put_message(ends[i], i);
	}
	for (i = 0; i < messages; i++)
	{
		nflog_logged_t logged = {
			.order = i,
		};

		assert_true(nflog_logged_parse((struct nlmsghdr*)ends[i], &logged));
		if (i % 3 < 2)
		{
			queue->add_logged(queue, 0, tap, &logged);
		}
	}
	queue->publish(queue, 0);
	count = queue->peek(queue, &packets, &used);
	assert_int_equal(count, messages / 3 * 2);
	for (i = 0; i < count; i++)
	{
		check_record(packets[i], tap, i / 2 * 3 + i % 2);
		assert_int_equal((uint8_t*)packets[i]->record >= space &&
						 (uint8_t*)packets[i]->record < ends[messages], in_place);
		if (i % 2 && in_place && tap->link == LINK_NFLOG)
		{	/* two in a row are written as one */
			assert_ptr_equal(packets[i]->record,
							 packets[i - 1]->record->data + packets[i - 1]->caplen);
		}
		packets[i]->trace = NULL;
	}
	queue->release(queue);
	/* the same memory is used again */
	assert_ptr_equal(queue->get_space(queue, 0), space);
}

static void test_in_place(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, SIZE);
	nflog_counters_t counters = {};
	nflog_tap_t tap = {
		.trace = TRACE,
		.count = &counters,
	};

	snprintf(tap.prefix, sizeof(tap.prefix), "net{1} esp-in");
	tap.link = LINK_NFLOG;
	receive(queue, &tap, TRUE);
	tap.link = LINK_RAW;
	receive(queue, &tap, TRUE);
	/* longer than what the kernel has in front of the packet */
	snprintf(tap.prefix, sizeof(tap.prefix), "%0*d{1} esp-in", 100, 0);
	tap.link = LINK_NFLOG;
	receive(queue, &tap, FALSE);
	assert_int_equal(counters.received, 120);
	assert_int_equal(counters.overrun, 0);
	queue->destroy(queue);
}

static void test_haste(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, 16 * 1024 * 1024);

	/* with little in each record, more memory is used than is to be written */
	while (add(queue, 1))
	{
		/* until it is full */
	}
	queue->publish(queue, 0);
	assert_true(queue->wait(queue, 3600000, SIZE_MAX, 0));
	/* nothing was released, so it is full still */
	assert_null(add(queue, 1));
	assert_true(queue->wait(queue, 3600000, SIZE_MAX, 0));
	queue->destroy(queue);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_unpublished),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_haste),
	};
	int ret;

	library_init(NULL, "test");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	library_deinit();
	return ret;
}

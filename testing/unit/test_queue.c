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

#include <library.h>

#define SIZE (1024 * 1024)

/* any pointer will do, the queue does not use it */
#define TRACE ((nflog_trace_t*)&trace)

static int trace;

/** packets added */
static uint32_t added;

static nflog_packet_t *add_to(nflog_queue_t *queue, u_int lane,
							  size_t len)
{
	nflog_packet_t *packet;

	packet = queue->add(queue, lane, len);
	if (packet)
	{
		packet->trace = TRACE;
		packet->order = added++;
		memset(packet->data, packet->order, len);
		packet->pcap.caplen = len;
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
			for (j = 0; j < packets[i]->pcap.caplen; j++)
			{
				assert_int_equal(packets[i]->data[j], (uint8_t)order);
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
	assert_true(count > 900);
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
	assert_in_range(released, count / 5, count / 3);
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
	assert_int_equal(used, 25);
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
	assert_int_equal(used, 50);
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

static nflog_progress_t get_progress(void *data)
{
	return *(nflog_progress_t*)data;
}

static void test_progress(void **state)
{
	nflog_queue_t *queue = nflog_queue_create(1, SIZE);
	nflog_progress_t progress = { .order = 7, .is_known = TRUE };

	/* without any reader there is nothing to read */
	assert_true(queue->get_progress(queue).idle);
	queue->set_progress_cb(queue, get_progress, &progress);
	assert_int_equal(queue->get_progress(queue).order, 7);
	assert_true(queue->get_progress(queue).is_known);
	assert_false(queue->get_progress(queue).idle);
	queue->set_progress_cb(queue, NULL, NULL);
	assert_false(queue->get_progress(queue).is_known);
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
		cmocka_unit_test(test_progress),
	};
	int ret;

	library_init(NULL, "test");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	library_deinit();
	return ret;
}

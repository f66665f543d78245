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
 * ESP that arrives before its SA is installed.
 */
#define _GNU_SOURCE

#include "reader.h"

/**
 * Expect packets of an SPI, or settle it.
 */
static void call_spi(uint32_t spi, bool expect)
{
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string("127.0.0.1", 0);
	if (expect)
	{
		reader->expect(reader, "conn", host, htonl(spi));
		sa = nflog_sa_create("conn", "net", 1, TRUE, host, htonl(spi), 0,
							 NULL, NULL);
		rules_wait(sa);
		nflog_sa_destroy(sa);
	}
	else
	{
		reader->settle(reader, host, htonl(spi));
	}
	host->destroy(host);
}

static void test_early(void **state)
{
	nflog_cfg_t cfg = { .points = 1, .link = LINK_NFLOG };
	nflog_trace_t *trace = create_trace(&cfg);
	nflog_sa_t *in;
	u_int i;

	call_spi(SPI, TRUE);
	call_spi(SPI + 1, TRUE);
	call_spi(SPI + 2, TRUE);
	for (i = 0; i < 100; i += 10)
	{	/* some are read by then, some are not */
		next_processor();
		send_esp(SPI, i + 1, 10, 100);
		send_esp(SPI + 1, i + 1, 10, 100);
	}
	in = create_sa(trace, TRUE, "127.0.0.1", SPI);
	assert_true(reader->add(reader, in));
	for (; i < 150; i += 10)
	{	/* while it is installed */
		next_processor();
		send_esp(SPI, i + 1, 10, 100);
	}
	call_spi(SPI, FALSE);
	/* of this one an SA came, but it is not captured */
	call_spi(SPI + 1, FALSE);
	for (; i < 200; i += 10)
	{
		next_processor();
		send_esp(SPI, i + 1, 10, 100);
		send_esp(SPI + 1, i + 1, 10, 100);
	}
	writer->start(writer, trace);
	reader->remove(reader, in);
	writer->release(writer, trace);
	/* what became of the third one is not known */
	finish();

	/* on a busy machine they are counted later */
	assert_in_range(counts[POINT_ESP_IN].early, 150, 200);
	assert_int_equal(counts[POINT_ESP_IN].logged, 200);
	assert_int_equal(counts[POINT_ESP_IN].received, 200);
	assert_int_equal(counts[POINT_ESP_IN].packets, 200);
	check_trace("net.esp.pcap", 200, 0, 20 + 100, FALSE);
}

static void test_early_again(void **state)
{
	nflog_cfg_t cfg = { .points = 1, .link = LINK_NFLOG };
	nflog_trace_t *trace;
	nflog_sa_t *sa;
	char name[32];
	int i;

	/* rules and threads go with the last SPI, and SAs get those that were not
	 * collected yet, or that are gone */
	for (i = 0; i < 20; i++)
	{
		call_spi(SPI + i, TRUE);
		send_esp(SPI + i, 1, 3, 60);
		if (i % 2)
		{
			call_spi(SPI + i, FALSE);
			continue;
		}
		trace = create_trace(&cfg);
		snprintf(name, sizeof(name), "again%d", i);
		trace->set_name(trace, name);
		sa = create_sa(trace, TRUE, "127.0.0.1", SPI + i);
		assert_true(reader->add(reader, sa));
		call_spi(SPI + i, FALSE);
		writer->start(writer, trace);
		reader->remove(reader, sa);
		writer->release(writer, trace);
	}
	finish();
	assert_int_equal(counts[POINT_ESP_IN].early, 3);
	assert_int_equal(counts[POINT_ESP_IN].packets, 3);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_early, setup_lanes, teardown),
		cmocka_unit_test_setup_teardown(test_early_again, setup_lanes, teardown),
	};

	return reader_run(tests);
}

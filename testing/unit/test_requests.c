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
 * Requests to start and stop captures: which one decides, what it says, and for how long.
 */

#include "clock.h"
#include "common.h"
#include "options/requests.h"

/** what is tested */
static nflog_requests_t *requests;

/** how often requests were to be applied */
static u_int changes;

static void changed(void *data)
{
	assert_ptr_equal(data, &changes);
	changes++;
}

static int begin(void **state)
{
	changes = ahead = 0;
	requests = nflog_requests_create(changed, &changes);
	return 0;
}

static int end(void **state)
{
	requests->destroy(requests);
	return 0;
}

/** CHILD_SAs that requests are looked up for */
static nflog_candidate_t child = {
	.conn = "gw", .child = "net", .ike_id = 1, .child_id = 2, .reqid = 3,
	.spi_in = 4, .spi_out = 5,
};

/**
 * Add a request that is valid.
 */
static uint32_t add(nflog_request_t request)
{
	char error[NFLOG_REQUEST_ERROR] = "unchanged";
	u_int before = changes;
	uint32_t id;

	id = requests->add(requests, &request, error);
	if (!id)
	{
		fail_msg("%s", error);
	}
	assert_int_equal(changes, before + 1);
	return id;
}

/**
 * Try to add a request that is not valid.
 */
static void refuse(nflog_request_t request, char *expected)
{
	char error[NFLOG_REQUEST_ERROR];
	u_int before = changes;

	if (requests->add(requests, &request, error) != 0)
	{
		fail_msg("not refused: %s", expected);
	}
	assert_string_equal(error, expected);
	assert_int_equal(changes, before);
}

/**
 * Look up what is decided, and check it.
 *
 * @param id			request that decides
 * @param start			TRUE if it starts, or options do without any
 */
static void expect(nflog_candidate_t *candidate, uint32_t id, bool start)
{
	nflog_cfg_t cfg = {};

	assert_int_equal(requests->decide(requests, candidate, &cfg), id);
	assert_int_equal(cfg.enable, start);
	if (id)
	{	/* otherwise, it depends on stops that were removed */
		assert_int_equal(cfg.running, start);
	}
	DESTROY_IF(cfg.filter);
}

static void test_last(void **state)
{
	nflog_candidate_t other = child;
	uint32_t stop, start;

	other.child = "other";
	expect(&child, 0, FALSE);
	start = add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw" } });
	expect(&child, start, TRUE);
	expect(&other, start, TRUE);
	stop = add((nflog_request_t){ .criteria = { .child = "net" } });
	assert_true(stop > start);
	expect(&child, stop, FALSE);
	expect(&other, start, TRUE);
	/* with the same criteria, in place of it and after the stop */
	assert_int_equal(add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw" } }),
					 stop + 1);
	assert_false(requests->remove(requests, start));
	expect(&child, stop + 1, TRUE);
	assert_true(requests->remove(requests, stop + 1));
	expect(&child, stop, FALSE);
	expect(&other, 0, FALSE);
	assert_true(requests->remove(requests, stop));
	assert_false(requests->remove(requests, stop));
}

/**
 * A start without IKE messages does not end the capture of an IKE_SA.
 */
static void test_ike(void **state)
{
	nflog_candidate_t ike = { .conn = "gw", .child = "net", .ike_id = 1 };
	nflog_request_option_t plain = { "points", "plain" }, all = { "points", "ike" };
	nflog_cfg_t cfg = { .points = 1 << POINT_ESP_IN };
	uint32_t first, last;

	last = add((nflog_request_t){ .start = TRUE, .criteria = { .ike_id = 1 },
								  .options = &plain, .count = 1 });
	/* the only one, so options don't */
	expect(&ike, last, TRUE);
	first = add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw" },
								   .options = &all, .count = 1 });
	last = add((nflog_request_t){ .start = TRUE, .criteria = { .child = "net" },
								  .options = &plain, .count = 1 });
	expect(&ike, first, TRUE);
	expect(&child, last, TRUE);
	/* with the points of the options */
	add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw", .child = "net" } });
	last = add((nflog_request_t){ .start = TRUE, .criteria = { .ike_id = 1 } });
	assert_int_equal(requests->decide(requests, &ike, &cfg), first);
	assert_true(cfg.points & NFLOG_IKE_POINTS);
	cfg.points = NFLOG_IKE_POINTS;
	assert_int_equal(requests->decide(requests, &ike, &cfg), last);
	/* a stop does end it */
	last = add((nflog_request_t){ .criteria = { .ike_id = 1 } });
	expect(&ike, last, FALSE);
}

/**
 * What a stop ended starts again if it is enabled, once.
 */
static void test_lifted(void **state)
{
	nflog_cfg_t cfg = { .enable = TRUE };
	uint32_t id, begun;

	id = add((nflog_request_t){ .criteria = { .conn = "gw" } });
	begun = requests->begin(requests);
	requests->done(requests, begun, TRUE);
	assert_true(requests->remove(requests, id));
	/* begun before it was removed */
	requests->done(requests, begun, TRUE);
	assert_int_equal(requests->decide(requests, &child, &cfg), 0);
	assert_true(cfg.enable);
	assert_true(cfg.running);
	begun = requests->begin(requests);
	requests->done(requests, begun, FALSE);
	cfg.running = FALSE;
	requests->decide(requests, &child, &cfg);
	assert_true(cfg.running);
	requests->done(requests, begun, TRUE);
	cfg.running = FALSE;
	requests->decide(requests, &child, &cfg);
	assert_false(cfg.running);
	/* any number of them */
	for (id = 0; id < 3 * NFLOG_MAX_REQUESTS; id++)
	{
		assert_true(requests->remove(requests, add((nflog_request_t){
										.criteria = { .ike_id = id + 1 } })));
	}
}

static void test_options(void **state)
{
	nflog_request_option_t options[] = {
		{ "snaplen", "100" }, { "points", "plain" }, { "filter", "icmp" },
		{ "link_type", "raw" }, { "file_size", "1m" }, { "files", "3" },
		{ "duration", "2m" }, { "esp_keys", "no" }, { "ike_keys", "no" },
	};
	nflog_filters_t *filters = nflog_filters_create();
	nflog_cfg_t cfg = {
		.points = NFLOG_IKE_POINTS,
		.esp_keys = TRUE,
		.ike_keys = TRUE,
		.filter = filters->get(filters, "tcp"),
	}, other;
	nflog_filter_t *filter = cfg.filter;
	uint32_t id;

	/* what is not set stays */
	other = cfg;
	id = add((nflog_request_t){ .start = TRUE, .options = options, .count = 1 });
	assert_int_equal(requests->decide(requests, &child, &other), id);
	assert_int_equal(other.snaplen, 100);
	assert_int_equal(other.points, NFLOG_IKE_POINTS);
	assert_true(other.esp_keys && other.ike_keys && other.enable && other.running);
	assert_ptr_equal(other.filter, filter);
	assert_true(requests->has_point(requests, NULL, 1 << POINT_ESP_IN));
	assert_true(requests->has_point(requests, "gw", NFLOG_IKE_POINTS));

	id = add((nflog_request_t){ .start = TRUE, .options = options,
								.count = countof(options) });
	assert_int_equal(requests->decide(requests, &child, &cfg), id);
	assert_int_equal(cfg.snaplen, 100);
	assert_int_equal(cfg.points, 1 << POINT_PLAIN_IN | 1 << POINT_PLAIN_OUT);
	assert_int_equal(cfg.link, LINK_RAW);
	assert_int_equal(cfg.file_size, 1 << 20);
	assert_int_equal(cfg.files, 3);
	assert_int_equal(cfg.duration, 120);
	assert_false(cfg.esp_keys || cfg.ike_keys);
	assert_ptr_not_equal(cfg.filter, filter);
	assert_true(requests->has_point(requests, "any", 1 << POINT_PLAIN_IN));
	assert_false(requests->has_point(requests, "any", NFLOG_IKE_POINTS));
	/* it outlives the request */
	assert_true(requests->remove(requests, id));
	assert_false(cfg.filter->match(cfg.filter, chunk_from_chars(0x45, 0), 20));
	cfg.filter->destroy(cfg.filter);
	filters->destroy(filters);
}

/**
 * Get the number of requests.
 */
static u_int count()
{
	nflog_request_t *request;
	enumerator_t *enumerator;
	u_int count = 0;

	enumerator = requests->create_enumerator(requests);
	while (enumerator->enumerate(enumerator, &request))
	{
		count++;
	}
	enumerator->destroy(enumerator);
	return count;
}

static void test_invalid(void **state)
{
	const struct {
		char *name, *value, *error;
	} tests[] = {
		{ "snaplen", "3", "value '3' of option 'snaplen' is invalid, expected 0, or 64 to "
		  "65535" },
		{ "filter", "port 99999", "value 'port 99999' of option 'filter' is invalid, "
		  "expected a filter as in pcap-filter(7), of 2048 characters at most, with "
		  "addresses, not names, of hosts" },
		{ "files", "3", "value '3' of option 'files' is invalid, it requires file_size or "
		  "duration" },
		{ "dir", "/tmp", "option 'dir' is global, set it in plugins.nflog-capture of "
		  "strongswan.conf" },
		{ "enable", "yes", "option 'enable' can't be set here, captures of what is up start "
		  "anyway" },
	};
	char *subnets[] = {
		"", "/", "10.3.0.0/", "10.3.0.0/-1", "10.3.0.0/8x", "10.3.0", "10.3.0.0.1",
		"localhost", "dead", "::1/129", "10.3.0.1-10.3.0.9", "%any", "10.3.0.*",
	};
	nflog_request_option_t option, many[NFLOG_MAX_REQUEST_OPTIONS + 1];
	char error[NFLOG_REQUEST_ERROR], name[NFLOG_MAX_PATTERN + 2];
	nflog_request_t request = { .start = TRUE, .options = &option, .count = 1 };
	uint32_t id;
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		option = (nflog_request_option_t){ tests[i].name, tests[i].value };
		refuse(request, tests[i].error);
	}
	option = (nflog_request_option_t){ "snap", "100" };
	assert_int_equal(requests->add(requests, &request, error), 0);
	assert_true(strpfx(error, "option 'snap' is unknown, allowed are points, "));
	assert_null(strstr(error, "running"));
	assert_null(strstr(error, "max_total"));
	many[0] = (nflog_request_option_t){ "points", "esp, ike" };
	many[1] = (nflog_request_option_t){ "filter", "icmp" };
	refuse((nflog_request_t){ .start = TRUE, .options = many, .count = 2 }, "option 'filter' "
		   "is invalid, it applies to packets in the clear, which points lacks, set "
		   "filter_esp or filter_ike");
	request.start = FALSE;
	refuse(request, "options are for starting a capture only");
	for (i = 0; i < countof(many); i++)
	{
		many[i] = (nflog_request_option_t){ "snaplen", "100" };
	}
	refuse((nflog_request_t){ .start = TRUE, .options = many, .count = countof(many) },
		   "more than 32 options");

	memset(name, 'x', sizeof(name));
	name[NFLOG_MAX_PATTERN + 1] = '\0';
	refuse((nflog_request_t){ .criteria = { .conn = "" } }, "name of connection '' is "
		   "invalid, expected 1 to 127 characters");
	assert_int_equal(requests->add(requests, &(nflog_request_t){
								.criteria = { .child = name } }, error), 0);
	assert_int_equal(requests->add(requests, &(nflog_request_t){
								.criteria = { .identity = name } }, error), 0);
	refuse((nflog_request_t){ .criteria = { .virtual_ip = "10.3.0.0/33" } }, "virtual IP "
		   "'10.3.0.0/33' is invalid, expected an address or a subnet");
	for (i = 0; i < countof(subnets); i++)
	{
		if (requests->add(requests, &(nflog_request_t){
							.criteria = { .virtual_ip = subnets[i] } }, error))
		{
			fail_msg("not refused: %s", subnets[i]);
		}
	}
	add((nflog_request_t){ .criteria = { .virtual_ip = "10.3.0.0/16" } });
	add((nflog_request_t){ .criteria = { .virtual_ip = "fec0::1" } });

	for (i = 2; i < NFLOG_MAX_REQUESTS; i++)
	{
		add((nflog_request_t){ .criteria = { .ike_id = i } });
	}
	refuse((nflog_request_t){ .criteria = { .ike_id = i } },
		   "there are 256 requests already, withdraw some with --request ID, or all with "
		   "--request all");
	/* but in place of another one */
	add((nflog_request_t){ .criteria = { .ike_id = 2 } });
	/* all captures can be stopped, for a while, or in place of all others */
	add((nflog_request_t){ .duration = 60 });
	assert_int_equal(count(), NFLOG_MAX_REQUESTS + 1);
	id = add((nflog_request_t){});
	assert_int_equal(count(), 1);
	expect(&child, id, FALSE);
	add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw" } });
	i = changes;
	assert_int_equal(requests->remove_all(requests), 2);
	assert_int_equal(changes, i + 1);
	assert_int_equal(requests->remove_all(requests), 0);
	assert_int_equal(changes, i + 1);
	expect(&child, 0, FALSE);
}

/**
 * Requests that name an IKE_SA, or a CHILD_SA, leave with that IKE_SA.
 */
static void test_gone(void **state)
{
	const nflog_criteria_t criterias[] = {
		{ .child_id = 2 }, { .spi = 4 }, { .ike_id = 1 }, { .ike_id = 1, .child = "net" },
	};
	uint32_t id;
	u_int i;

	for (i = 0; i < countof(criterias); i++)
	{
		id = add((nflog_request_t){ .start = i % 2, .criteria = criterias[i] });
		expect(&child, id, i % 2);
		requests->ike_gone(requests, 7);
		requests->ike_rekeyed(requests, 1, 12);
		requests->ike_gone(requests, 1);
		assert_int_equal(count(), 1);
		requests->ike_gone(requests, 12);
		assert_int_equal(count(), 0);
	}
	/* others stay, as does what was not seen yet */
	add((nflog_request_t){ .criteria = { .conn = "gw" } });
	add((nflog_request_t){ .criteria = { .child_id = 99 } });
	requests->ike_gone(requests, 1);
	requests->ike_gone(requests, 0);
	assert_int_equal(count(), 2);
}

/**
 * Requests that name a CHILD_SA apply to what it is rekeyed to, but to no other one.
 */
static void test_rekeyed(void **state)
{
	const nflog_criteria_t criterias[] = {
		{ .child_id = 2 }, { .spi = 4 }, { .spi = 5 }, { .ike_id = 1, .child_id = 2 },
	};
	nflog_candidate_t new = child, same = child, ike = { .conn = "gw", .ike_id = 1 };
	uint32_t id;
	u_int i;

	/* not installed yet */
	new.child_id = 6;
	new.spi_in = new.spi_out = 0;
	/* of another peer, with the same configuration */
	same.child_id = 8;
	same.ike_id = 9;
	same.spi_in = 10;
	same.spi_out = 11;
	for (i = 0; i < countof(criterias); i++)
	{
		new.ike_id = 1;
		ike.child = "net";
		id = add((nflog_request_t){ .start = TRUE, .criteria = criterias[i] });
		/* not known before it was seen */
		expect(&new, 0, FALSE);
		expect(&ike, 0, FALSE);
		expect(&child, id, TRUE);
		expect(&new, id, TRUE);
		expect(&ike, id, TRUE);
		expect(&same, 0, FALSE);
		ike.child = "other";
		expect(&ike, 0, FALSE);
		/* the IKE_SA is rekeyed, then the CHILD_SA */
		new.ike_id = 12;
		expect(&new, 0, FALSE);
		requests->ike_rekeyed(requests, 1, 12);
		expect(&new, id, TRUE);
		expect(&child, id, TRUE);
		assert_true(requests->remove(requests, id));
	}
	/* to stop one of several does not stop their IKE_SA */
	ike.child = "net";
	id = add((nflog_request_t){ .criteria = { .child_id = 2 } });
	expect(&child, id, FALSE);
	expect(&ike, 0, FALSE);
	assert_true(requests->remove(requests, id));

	id = add((nflog_request_t){ .start = TRUE, .criteria = { .ike_id = 1 } });
	expect(&child, id, TRUE);
	expect(&ike, id, TRUE);
	expect(&new, 0, FALSE);
	requests->ike_rekeyed(requests, 1, 12);
	expect(&new, id, TRUE);
	expect(&child, id, TRUE);
	requests->ike_rekeyed(requests, 12, 13);
	expect(&child, 0, FALSE);
	expect(&new, id, TRUE);
}

static void test_duration(void **state)
{
	uint32_t forever, id;

	forever = add((nflog_request_t){ .criteria = { .child = "net" } });
	id = add((nflog_request_t){ .start = TRUE, .duration = 60 });
	expect(&child, id, TRUE);
	ahead = 59;
	expect(&child, id, TRUE);
	ahead = 61;
	expect(&child, forever, FALSE);
}

/**
 * Requests that others replace leave no jobs behind.
 */
static void test_jobs(void **state)
{
	u_int jobs, i;

	jobs = lib->scheduler->get_job_load(lib->scheduler);
	for (i = 0; i < 100; i++)
	{
		ahead = i;
		add((nflog_request_t){ .start = TRUE, .duration = 3600 });
	}
	assert_int_equal(lib->scheduler->get_job_load(lib->scheduler), jobs + 1);
	add((nflog_request_t){ .start = TRUE, .criteria = { .conn = "gw" }, .duration = 60 });
	assert_int_equal(lib->scheduler->get_job_load(lib->scheduler), jobs + 2);
	ahead = 0;
}

/**
 * Get a request as it is listed.
 */
static nflog_request_t get(uint32_t id)
{
	nflog_request_t *request, found = {};
	enumerator_t *enumerator;

	enumerator = requests->create_enumerator(requests);
	while (enumerator->enumerate(enumerator, &request))
	{
		if (request->id == id)
		{
			found = *request;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Apply a request: a capture runs already, and another one starts, or follows a former one.
 */
static void apply(uint32_t id, nflog_request_event_t event)
{
	uint32_t begun = requests->begin(requests);

	requests->count(requests, id, NFLOG_REQUEST_RUNNING);
	requests->count(requests, id, event);
	requests->done(requests, begun, event != NFLOG_REQUEST_FOLLOWS);
}

/**
 * A capture has to wait for longer than its duration.
 */
static void test_follows(void **state)
{
	uint32_t id;

	id = add((nflog_request_t){ .start = TRUE, .duration = 2 });
	apply(id, NFLOG_REQUEST_FOLLOWS);
	assert_false(requests->wait(requests, id, 1));
	assert_int_equal(get(id).follows, 1);
	ahead = 3;
	expect(&child, id, TRUE);
	apply(id, NFLOG_REQUEST_FOLLOWS);
	assert_false(requests->wait(requests, id, 1));
	assert_int_equal(get(id).follows, 1);
	apply(id, NFLOG_REQUEST_STARTED);
	assert_true(requests->wait(requests, id, 1));
	assert_int_equal(get(id).follows, 0);
	assert_int_equal(get(id).failed, 0);
	assert_int_equal(get(id).started, 1);
	assert_int_equal(get(id).running, 1);
	ahead = 4;
	expect(&child, id, TRUE);
	ahead = 6;
	expect(&child, 0, FALSE);
}

static void test_counts(void **state)
{
	nflog_request_option_t option = { "snaplen", "100" };
	nflog_request_t request = {
		.start = TRUE,
		.options = &option,
		.count = 1,
		.criteria = { .conn = "gw", .identity = "*", .virtual_ip = "10.0.0.1" },
		/* is not read */
		.applied = TRUE,
		.started = 8,
	};
	uint32_t id, late, begun;

	id = add(request);
	assert_false(requests->wait(requests, id, 1));
	begun = requests->begin(requests);
	late = add((nflog_request_t){ .criteria = { .conn = "late" } });
	requests->count(requests, id, NFLOG_REQUEST_STARTED);
	requests->count(requests, id, NFLOG_REQUEST_STARTED_WITHOUT_KEYS);
	requests->count(requests, id, NFLOG_REQUEST_RUNNING);
	requests->count(requests, id, NFLOG_REQUEST_FAILED);
	requests->count(requests, id, NFLOG_REQUEST_FAILED);
	requests->count(requests, 0, NFLOG_REQUEST_STARTED);
	requests->count(requests, 99, NFLOG_REQUEST_STARTED);
	requests->done(requests, begun, FALSE);
	assert_true(requests->wait(requests, id, 1));
	assert_false(requests->wait(requests, late, 1));
	/* what failed is tried again, what started is running then */
	begun = requests->begin(requests);
	requests->count(requests, id, NFLOG_REQUEST_RUNNING);
	requests->count(requests, id, NFLOG_REQUEST_STARTED);
	requests->count(requests, id, NFLOG_REQUEST_FAILED);
	requests->count(requests, late, NFLOG_REQUEST_ENDED);
	requests->done(requests, begun, TRUE);
	/* later ones are not due to the request */
	begun = requests->begin(requests);
	requests->count(requests, id, NFLOG_REQUEST_STARTED);
	requests->done(requests, begun, TRUE);

	request = get(id);
	assert_true(request.applied);
	assert_int_equal(request.started, 3);
	assert_int_equal(request.without_keys, 1);
	assert_int_equal(request.running, 1);
	assert_int_equal(request.failed, 1);
	assert_int_equal(request.ended, 0);
	assert_true(request.added <= time(NULL) && request.added > time(NULL) - 600);
	assert_int_equal(get(late).ended, 1);
	assert_true(requests->wait(requests, late, 1));
	assert_true(requests->remove(requests, late));
	assert_true(requests->wait(requests, late, 1000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_last, begin, end),
		cmocka_unit_test_setup_teardown(test_ike, begin, end),
		cmocka_unit_test_setup_teardown(test_lifted, begin, end),
		cmocka_unit_test_setup_teardown(test_options, begin, end),
		cmocka_unit_test_setup_teardown(test_invalid, begin, end),
		cmocka_unit_test_setup_teardown(test_rekeyed, begin, end),
		cmocka_unit_test_setup_teardown(test_duration, begin, end),
		cmocka_unit_test_setup_teardown(test_follows, begin, end),
		cmocka_unit_test_setup_teardown(test_jobs, begin, end),
		cmocka_unit_test_setup_teardown(test_gone, begin, end),
		cmocka_unit_test_setup_teardown(test_counts, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

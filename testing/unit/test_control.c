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
 * The control socket: what clients may do, and that nothing they do holds up others.
 */

#define _GNU_SOURCE

#include "common.h"
#include "control/control.h"
#include "control/change.h"
#include "control/list.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/** number of traces that are many */
#define MANY 10000

/** number of commands that are tried at random */
#define RANDOM 20000

/** ms after which a test fails that waits for an answer, however busy the machine is */
#define TIMEOUT 60000

/** part of the pipeline that the commands use */
static nflog_pipeline_t pipeline;
static nflog_requests_t *requests;
static nflog_control_t *control;
static char path[PATH_MAX];

/** trace that requests start and stop, NULL if it is not captured */
static nflog_listing_t *captured;

/** why packets of traces can't be written, NULL if they can */
static char *disk_error;

/**
 * Apply requests at once: the last one starts or stops a capture.
 */
static void changed(void *data)
{
	nflog_candidate_t subject = { .conn = "gw-gw", .child = "net", .child_id = 1 };
	nflog_counters_t counts[2] = {};
	enumerator_t *enumerator;
	nflog_request_t *request;
	uint32_t begun, id = 0;
	bool start = FALSE;
	nflog_listing_t *listing = __atomic_load_n(&captured, __ATOMIC_RELAXED);

	begun = requests->begin(requests);
	enumerator = requests->create_enumerator(requests);
	while (enumerator->enumerate(enumerator, &request))
	{
		id = request->id;
		start = request->start;
	}
	enumerator->destroy(enumerator);
	if (start && !listing)
	{
		subject.request = id;
		listing = pipeline.registry->add(pipeline.registry, &subject, POINT_ESP_IN);
		__atomic_store_n(&captured, listing, __ATOMIC_RELAXED);
		pipeline.registry->update(pipeline.registry, listing, counts,
								  "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap",
								  disk_error);
		pipeline.registry->begin(pipeline.registry, listing, NULL, "/captures/gw-gw",
								 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap");
		requests->count(requests, id, NFLOG_REQUEST_STARTED);
	}
	else if (!start && listing)
	{
		pipeline.registry->end(pipeline.registry, listing, counts);
		__atomic_store_n(&captured, NULL, __ATOMIC_RELAXED);
		requests->count(requests, id, NFLOG_REQUEST_ENDED);
	}
	else
	{
		requests->count(requests, id, NFLOG_REQUEST_RUNNING);
	}
	requests->done(requests, begun, TRUE);
}

/** number of rotations of a trace, and listing that its trace updates */
static u_int rotations;
static nflog_listing_t *rotated;

/**
 * Rotates a trace that has packets, instead of the trace itself.
 */
static bool rotate_trace(nflog_trace_t *this, time_t start)
{
	nflog_counters_t counts[2] = {};

	if (rotations)
	{
		return FALSE;
	}
	rotations++;
	pipeline.registry->update(pipeline.registry, rotated, counts,
							  "net.20261124T223528Z.c91b9dfe-c24e50ed.esp.pcap", NULL);
	return TRUE;
}

static nflog_trace_t trace = {
	.rotate = rotate_trace,
};

/**
 * Handles traces at once, instead of the thread that writes.
 */
static void handle(nflog_writer_t *this)
{
	timeval_t now;

	time_monotonic(&now);
	pipeline.registry->handle(pipeline.registry, &now);
}

static nflog_writer_t writer = {
	.handle = handle,
};

static int begin(void **state)
{
	char uri[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/control", dir);
	snprintf(uri, sizeof(uri), "unix://%s", path);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.socket", uri);
	pipeline.registry = nflog_registry_create();
	pipeline.writer = &writer;
	requests = nflog_requests_create(changed, NULL);
	control = nflog_control_create(nflog_commands_create(&pipeline, requests));
	return control ? 0 : -1;
}

static int end(void **state)
{
	DESTROY_IF(control);
	control = NULL;
	requests->destroy(requests);
	pipeline.registry->destroy(pipeline.registry);
	return 0;
}

/**
 * Set up all tests.
 */
static int setup(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	lib->processor->set_threads(lib->processor, 4);
	return 0;
}

static int teardown(void **state)
{
	lib->processor->cancel(lib->processor);
	return common_teardown(state);
}

/**
 * Connect to the control socket.
 */
static FILE *connect_client()
{
	struct timeval timeout = { .tv_sec = TIMEOUT / 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
								sizeof(timeout)), 0);
	assert_int_equal(connect(fd, (struct sockaddr*)&addr, sizeof(addr)), 0);
	return fdopen(fd, "r");
}

/**
 * Send bytes.
 */
static void put(FILE *client, const char *bytes, size_t len)
{
	assert_int_equal(send(fileno(client), bytes, len, MSG_NOSIGNAL), len);
}

/**
 * Send a string.
 */
static void say(FILE *client, const char *str)
{
	put(client, str, strlen(str));
}

/**
 * Get the next object of an answer, NULL if the connection is closed.
 */
static json_object *get(FILE *client)
{
	json_object *object;
	char *text = NULL;
	size_t size = 0;

	if (getline(&text, &size, client) < 0)
	{	/* and not that there was no answer in time */
		assert_true(feof(client) || errno == ECONNRESET);
		free(text);
		return NULL;
	}
	object = json_tokener_parse(text);
	assert_true(json_object_is_type(object, json_type_object));
	free(text);
	return object;
}

/**
 * Get a string of an object.
 */
static const char *string_of(json_object *object, char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

/**
 * Expect an error, and nothing else.
 */
static void expect_error(FILE *client, char *code, char *message)
{
	json_object *object = get(client);

	assert_non_null(object);
	assert_string_equal(string_of(object, "type"), "error");
	assert_string_equal(string_of(object, "code"), code);
	assert_non_null(strstr(string_of(object, "message"), message));
	json_object_put(object);
}

/**
 * List traces.
 *
 * @param fields		other fields of the command
 * @return				number of traces
 */
static u_int list(FILE *client, char *fields)
{
	json_object *object;
	char cmd[512];
	u_int count = 0;

	snprintf(cmd, sizeof(cmd), "{\"version\":1,\"command\":\"list\"%s}\n", fields);
	say(client, cmd);
	while ((object = get(client)) && streq(string_of(object, "type"), "trace"))
	{
		json_object_put(object);
		count++;
	}
	assert_non_null(object);
	assert_string_equal(string_of(object, "type"), "end");
	assert_int_equal(json_object_get_int(json_object_object_get(object, "traces")),
					 count);
	json_object_put(object);
	return count;
}

/**
 * Skip the traces of an answer, however many there are.
 */
static void expect_end(FILE *client)
{
	json_object *object = NULL;

	do
	{
		json_object_put(object);
		object = get(client);
		assert_non_null(object);
	}
	while (streq(string_of(object, "type"), "trace"));
	assert_string_equal(string_of(object, "type"), "end");
	json_object_put(object);
}

/**
 * Add a trace.
 */
static nflog_listing_t *add(char *conn, char *child, uint32_t id, char *identity,
							char *vip)
{
	nflog_candidate_t subject = {
		.conn = conn,
		.child = child,
		.ike_id = 7,
		.child_id = id,
		.identity = identity ? identification_create_from_string(identity) : NULL,
	};
	nflog_listing_t *listing;

	if (vip)
	{
		subject.vips = linked_list_create_with_items(host_create_from_string(vip, 0),
													 NULL);
	}
	listing = pipeline.registry->add(pipeline.registry, &subject, POINT_ESP_IN);
	DESTROY_IF(subject.identity);
	DESTROY_OFFSET_IF(subject.vips, offsetof(host_t, destroy));
	return listing;
}

/**
 * A command that is no command gets one error, and the next one is answered.
 */
static void test_invalid(void **state)
{
	static struct {
		/** what is sent, and its length if it has null bytes */
		char *line;
		size_t len;
		/** expected code, NULL for any, and message */
		char *code, *message;
	} bad[] = {
		{ "", 0, "syntax", "no JSON object" },
		{ "list", 0, "syntax", "no JSON object" },
		{ "{", 0, "syntax", "no JSON object" },
		{ "{}", 0, "invalid", "required" },
		{ "[]", 0, "syntax", "no JSON object" },
		{ "null", 0, "syntax", "no JSON object" },
		{ "1", 0, "syntax", "no JSON object" },
		{ "\"list\"", 0, "syntax", "no JSON object" },
		{ "{} {}", 0, "syntax", "no JSON object" },
		{ "{\"version\":1,\"command\":\"list\"}x", 0, "syntax", "no JSON object" },
		{ "{\"version\":1,\"command\":\"list\"}\0x", 32, "syntax", "no JSON object" },
		{ "{\"version\":1}", 0, "invalid", "required" },
		{ "{\"command\":\"list\"}", 0, "invalid", "required" },
		{ "{\"version\":0,\"command\":\"list\"}", 0, "invalid", "version" },
		{ "{\"version\":-1,\"command\":\"list\"}", 0, "invalid", "version" },
		{ "{\"version\":\"1\",\"command\":\"list\"}", 0, "invalid", "version" },
		{ "{\"version\":1.5,\"command\":\"list\"}", 0, "invalid", "version" },
		{ "{\"version\":1e99,\"command\":\"list\"}", 0, "invalid", "version" },
		/* that is invalid, or no JSON if json-c is strict about it */
		{ "{\"version\":99999999999999999999,\"command\":\"list\"}", 0, NULL, "" },
		{ "{\"version\":null,\"command\":\"list\"}", 0, "invalid", "null" },
		{ "{\"version\":2,\"command\":\"list\"}", 0, "version", "version 2" },
		{ "{\"version\":2,\"command\":\"new\",\"more\":1}", 0, "version", "version 2" },
		{ "{\"version\":1,\"command\":\"lost\"}", 0, "unknown-command", "'lost'" },
		{ "{\"version\":1,\"command\":\"\"}", 0, "invalid", "command" },
		{ "{\"version\":1,\"command\":[\"list\"]}", 0, "invalid", "command" },
		{ "{\"version\":1,\"command\":\"li\\u0000st\"}", 0, "invalid", "command" },
		{ "{\"version\":1,\"command\":\"list\",\"x\":1}", 0, "invalid", "'x'" },
		{ "{\"version\":1,\"command\":\"list\",\"connection\":1}", 0, "invalid",
		  "connection" },
		{ "{\"version\":1,\"command\":\"list\",\"connection\":\"\"}", 0, "invalid",
		  "connection" },
		{ "{\"version\":1,\"command\":\"list\",\"ike_id\":0}", 0, "invalid", "ike_id" },
		{ "{\"version\":1,\"command\":\"list\",\"ike_id\":4294967296}", 0, "invalid",
		  "ike_id" },
		{ "{\"version\":1,\"command\":\"list\",\"child_id\":true}", 0, "invalid",
		  "child_id" },
		{ "{\"version\":1,\"command\":\"list\",\"spi\":\"123456789\"}", 0, "invalid",
		  "spi" },
		{ "{\"version\":1,\"command\":\"list\",\"spi\":\"xyz\"}", 0, "invalid", "spi" },
		{ "{\"version\":1,\"command\":\"list\",\"spi\":\"0\"}", 0, "invalid", "spi" },
		{ "{\"version\":1,\"command\":\"list\",\"spi\":\"-1\"}", 0, "invalid", "spi" },
		{ "{\"version\":1,\"command\":\"list\",\"virtual_ip\":\"moon\"}", 0, "invalid",
		  "virtual_ip" },
		{ "{\"version\":1,\"command\":\"list\",\"virtual_ip\":\"10.0.0.1/99\"}", 0,
		  "invalid", "virtual_ip" },
		{ "{\"version\":1,\"command\":\"list\",\"state\":\"up\"}", 0, "invalid",
		  "state" },
		{ "{\"version\":1,\"command\":\"list\",\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", 0,
		  "syntax", "no JSON object" },
		{ "{\"version\":1,\"command\":\"list\",\"\xff\xfe\":1}", 0, "invalid",
		  "unknown" },
	};
	FILE *client = connect_client();
	json_object *object;
	char name[1024];
	int i;

	for (i = 0; i < countof(bad); i++)
	{
		put(client, bad[i].line, bad[i].len ?: strlen(bad[i].line));
		say(client, "\n");
		object = get(client);
		if (bad[i].code)
		{
			assert_string_equal(string_of(object, "code"), bad[i].code);
		}
		else
		{
			assert_non_null(string_of(object, "code"));
		}
		assert_non_null(strstr(string_of(object, "message"), bad[i].message));
		assert_null(strstr(string_of(object, "message"), "success"));
		json_object_put(object);
	}
	/* longer than any name */
	memset(name, 'x', sizeof(name));
	say(client, "{\"version\":1,\"command\":\"list\",\"connection\":\"");
	put(client, name, sizeof(name));
	say(client, "\"}\n");
	expect_error(client, "invalid", "connection");
	assert_int_equal(list(client, ""), 0);
	fclose(client);
}

/**
 * A line that is too long gets an error, and ends the connection.
 */
static void test_long(void **state)
{
	char bytes[NFLOG_CHANNEL_LINE + 1];
	FILE *client = connect_client();
	json_object *object;

	/* the longest one is read, in many pieces, followed by another one */
	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, "{\"version\":1,\"command\":\"list\"}", 30);
	bytes[NFLOG_CHANNEL_LINE] = '\n';
	put(client, bytes, 10);
	put(client, bytes + 10, 1);
	put(client, bytes + 11, sizeof(bytes) - 11);
	object = get(client);
	assert_string_equal(string_of(object, "type"), "end");
	json_object_put(object);
	assert_int_equal(list(client, ""), 0);

	bytes[NFLOG_CHANNEL_LINE] = ' ';
	put(client, bytes, sizeof(bytes));
	expect_error(client, "too-long", "65535");
	assert_null(get(client));
	fclose(client);
}

/**
 * What a client selects, and names of all kinds.
 */
static void test_select(void **state)
{
	nflog_listing_t *listings[5];
	nflog_counters_t counts[2] = {
		{ .packets = 3, .bytes = 300, .filtered = 1, .beyond = 4, .received = 8,
		  .logged = 10, .has_logged = TRUE, .has_sa = TRUE, .sa = 6, .slack = 2 },
		{ .packets = 1, .bytes = 100, .received = 1 },
	};
	FILE *client = connect_client();
	json_object *object, *points;
	int i;

	listings[0] = add("gw-gw", "net", 1, "moon.strongswan.org", "10.3.0.1");
	listings[1] = add("gw-gw", "other", 2, "carol@strongswan.org", NULL);
	listings[2] = add("rw", "net", 3, "C=CH, O=x, CN=dave", "fec0::1");
	listings[3] = add("\"\\ \xff\xc3\xa4\n", "\xf0\x28", 4, NULL, NULL);
	listings[4] = add("gone", "net", 5, NULL, NULL);
	pipeline.registry->begin(pipeline.registry, listings[4], NULL, "/captures/gone",
							 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap");
	pipeline.registry->end(pipeline.registry, listings[4], counts);

	assert_int_equal(list(client, ""), 5);
	assert_int_equal(list(client, ",\"connection\":\"gw-gw\""), 2);
	assert_int_equal(list(client, ",\"connection\":\"gw-gw\",\"child\":\"net\""), 1);
	assert_int_equal(list(client, ",\"child\":\"net\""), 3);
	assert_int_equal(list(client, ",\"ike_id\":7"), 5);
	assert_int_equal(list(client, ",\"ike_id\":8"), 0);
	assert_int_equal(list(client, ",\"child_id\":3"), 1);
	assert_int_equal(list(client, ",\"spi\":\"c24e50ed\""), 1);
	assert_int_equal(list(client, ",\"spi\":\"0XC91B9DFE\""), 1);
	assert_int_equal(list(client, ",\"identity\":\"*@strongswan.org\""), 1);
	assert_int_equal(list(client, ",\"identity\":\"moon.strongswan.or?\""), 1);
	assert_int_equal(list(client, ",\"identity\":\"C=CH, O=*, CN=*\""), 1);
	assert_int_equal(list(client, ",\"identity\":\"moon\""), 0);
	assert_int_equal(list(client, ",\"virtual_ip\":\"10.3.0.0/16\""), 1);
	assert_int_equal(list(client, ",\"virtual_ip\":\"10.3.0.2\""), 0);
	assert_int_equal(list(client, ",\"virtual_ip\":\"fec0::/16\""), 1);
	assert_int_equal(list(client, ",\"state\":\"waiting\""), 4);
	assert_int_equal(list(client, ",\"state\":\"ended\""), 1);
	assert_int_equal(list(client, ",\"connection\":\"\\\"\\\\ \xff\xc3\xa4\\n\""), 1);

	say(client, "{\"version\":1,\"command\":\"list\",\"child_id\":4}\n");
	object = get(client);
	assert_string_equal(string_of(object, "connection"), "\"\\ \xef\xbf\xbd\xc3\xa4\n");
	assert_string_equal(string_of(object, "child"), "\xef\xbf\xbd(");
	json_object_put(object);
	json_object_put(get(client));

	say(client, "{\"version\":1,\"command\":\"list\",\"child_id\":5}\n");
	object = get(client);
	assert_string_equal(string_of(object, "spi_in"), "c91b9dfe");
	assert_string_equal(string_of(object, "directory"), "/captures/gone");
	points = json_object_object_get(object, "points");
	assert_int_equal(json_object_array_length(points), 2);
	points = json_object_array_get_idx(points, 0);
	assert_string_equal(string_of(points, "point"), "esp-in");
	assert_string_equal(string_of(points, "packets"), "3");
	assert_string_equal(string_of(points, "bytes"), "300");
	assert_string_equal(string_of(points, "lost"), "2");
	assert_string_equal(string_of(points, "missing"), "0");
	assert_string_equal(string_of(points, "filtered"), "1");
	assert_string_equal(string_of(points, "beyond_limit"), "4");
	assert_string_equal(string_of(points, "segments"), "0");
	assert_string_equal(string_of(points, "surplus"), "2");
	assert_string_equal(string_of(points, "before_installed"), "0");
	assert_string_equal(string_of(points, "begin_or_end"), "2");
	/* 3 + 1 + 4 + 2 = 6 + 2 + 2 */
	assert_string_equal(string_of(points, "by_sa"), "6");
	json_object_put(object);
	json_object_put(get(client));

	for (i = 0; i < 4; i++)
	{
		pipeline.registry->drop(pipeline.registry, listings[i]);
	}
	assert_int_equal(list(client, ""), 1);
	fclose(client);
}

/**
 * The last traces that ended are remembered, and failed ones.
 */
static void test_history(void **state)
{
	nflog_candidate_t subject = { .conn = "gw-gw", .child = "net" };
	FILE *client = connect_client();
	u_int i;

	for (i = 0; i < 2 * NFLOG_REGISTRY_HISTORY; i++)
	{
		subject.child_id = i + 1;
		pipeline.registry->refuse(pipeline.registry, &subject, POINT_ESP_IN, "no rules");
	}
	assert_int_equal(list(client, ",\"state\":\"failed\""), NFLOG_REGISTRY_HISTORY);
	assert_int_equal(list(client, ",\"child_id\":1000"), 0);
	assert_int_equal(list(client, ",\"child_id\":1001"), 1);
	assert_int_equal(list(client, ",\"child_id\":2000"), 1);
	fclose(client);
}

/**
 * Many traces are listed, clients that don't read, vanish, or say nothing disturb nobody.
 */
static void test_many(void **state)
{
	static nflog_listing_t *listings[MANY];
	FILE *client, *silent, *deaf, *gone, *half;
	json_object *object;
	char name[32];
	u_int i;

	for (i = 0; i < MANY; i++)
	{
		snprintf(name, sizeof(name), "conn-%u", i % 10);
		listings[i] = add(name, "net", i + 1, "moon.strongswan.org", "10.3.0.1");
	}
	silent = connect_client();
	half = connect_client();
	say(half, "{\"version\":1");
	deaf = connect_client();
	say(deaf, "{\"version\":1,\"command\":\"list\"}\n");
	gone = connect_client();
	say(gone, "{\"version\":1,\"command\":\"list\"}\n");
	json_object_put(get(gone));
	fclose(gone);
	client = connect_client();
	assert_int_equal(list(client, ""), MANY);
	assert_int_equal(list(client, ",\"connection\":\"conn-3\""), MANY / 10);
	/* traces end while they are listed */
	say(client, "{\"version\":1,\"command\":\"list\"}\n");
	for (i = 0; i < MANY; i++)
	{
		pipeline.registry->drop(pipeline.registry, listings[i]);
	}
	expect_end(client);
	assert_int_equal(list(client, ""), 0);
	fclose(client);
	/* what the others have sent is still answered, while the service ends */
	control->destroy(control);
	control = NULL;
	assert_null(get(silent));
	object = get(half);
	if (object)
	{	/* on a busy machine, its line took too long */
		assert_string_equal(string_of(object, "code"), "timeout");
		assert_non_null(strstr(string_of(object, "message"), "the line is incomplete"));
		json_object_put(object);
		assert_null(get(half));
	}
	fclose(silent);
	fclose(half);
	fclose(deaf);
}

/**
 * Too many clients are refused, as long as they are too many.
 */
static void test_clients(void **state)
{
	FILE *clients[NFLOG_CONTROL_CLIENTS], *client;
	json_object *object = NULL;
	int i;

	for (i = 0; i < countof(clients); i++)
	{
		clients[i] = connect_client();
		assert_int_equal(list(clients[i], ""), 0);
	}
	for (i = 0; i < 500; i++)
	{
		client = connect_client();
		expect_error(client, "busy", "16 clients");
		assert_null(get(client));
		fclose(client);
	}
	for (i = 0; i < countof(clients); i++)
	{
		assert_int_equal(list(clients[i], ""), 0);
		fclose(clients[i]);
	}
	/* thousands, one after the other */
	for (i = 0; i < 2000; i++)
	{
		fclose(connect_client());
	}
	do
	{	/* until the plugin has noticed that they are gone */
		json_object_put(object);
		client = connect_client();
		send(fileno(client), "{\"version\":1,\"command\":\"list\"}\n", 31, MSG_NOSIGNAL);
		object = get(client);
		fclose(client);
	}
	while (!object || !streq(string_of(object, "type"), "end"));
	json_object_put(object);
}

/**
 * Clients that are too slow get an error, and are disconnected.
 */
static void test_times(void **state)
{
	nflog_channel_times_t times = {
		.idle = 50, .line = 50, .send = 50, .answer = 50,
	};
	nflog_channel_t *channel;
	json_object *object;
	int fds[2], i;
	FILE *client;
	char *got;
	size_t len;

	for (i = 0; i < 3; i++)
	{
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		channel = nflog_channel_create(fds[0], &times);
		client = fdopen(fds[1], "r");
		if (i == 2)
		{	/* that nobody reads */
			do
			{
				object = json_object_new_string("x");
			}
			while (channel->send(channel, object));
			assert_false(channel->receive(channel, &got, &len));
		}
		else
		{
			put(client, "{}\n{", i ? 4 : 3);
			assert_true(channel->receive(channel, &got, &len));
			assert_string_equal(got, "{}");
			assert_int_equal(len, 2);
			assert_false(channel->receive(channel, &got, &len));
			expect_error(client, "timeout", i ? "incomplete" : "no command");
		}
		channel->destroy(channel);
		fclose(client);
	}
}

/**
 * Only the owner of the socket and its group may use it.
 */
static void test_mode(void **state)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07, 0);
	assert_int_equal(st.st_uid, geteuid());
}

/**
 * Whatever is sent, each line is answered, and the answers are JSON.
 */
static void test_random(void **state)
{
	static char *words[] = {
		"{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud800", "1", "-", "1e9",
		"\"version\":1", "\"command\":\"list\"", "\"connection\":\"gw-gw\"",
		"\"identity\":\"*\"", "\"virtual_ip\":\"::/0\"", "\"spi\":\"1\"", "null", "true",
		"\xff", "\xc3", " ", "\t", "\r", "{\"version\":1,\"command\":\"list\"", "}}",
	};
	nflog_listing_t *listing;
	FILE *client = connect_client();
	json_object *object;
	const char *type;
	unsigned int seed = 17;
	char cmd[2048];
	int i, count;

	listing = add("gw-gw", "net", 1, "moon.strongswan.org", "10.3.0.1");
	for (i = 0; i < RANDOM; i++)
	{
		cmd[0] = '\0';
		if (i % 2)
		{	/* almost valid */
			strcat(cmd, "{\"version\":1,\"command\":\"list\",");
		}
		for (count = rand_r(&seed) % 12; count; count--)
		{
			strcat(cmd, words[rand_r(&seed) % countof(words)]);
		}
		strcat(cmd, i % 4 == 1 ? "}\n" : "\n");
		say(client, cmd);
		do
		{
			object = get(client);
			assert_non_null(object);
			type = string_of(object, "type");
			assert_true(streq(type, "trace") || streq(type, "end") ||
						streq(type, "error"));
			count = streq(type, "trace");
			json_object_put(object);
		}
		while (count);
	}
	pipeline.registry->drop(pipeline.registry, listing);
	fclose(client);
}

/**
 * Run the program, and get what it prints, on both channels.
 *
 * @return				exit status
 */
static int run(char *args, char *out, size_t len)
{
	char cmd[2 * PATH_MAX];
	size_t got, done = 0;
	FILE *pipe;

	snprintf(cmd, sizeof(cmd), PROGRAM " %s -s %s 2>&1", args, path);
	pipe = popen(cmd, "r");
	assert_non_null(pipe);
	while ((got = fread(out + done, 1, len - 1 - done, pipe)) > 0)
	{
		done += got;
	}
	out[done] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

/**
 * What people see, and programs.
 */
static void test_program(void **state)
{
	nflog_candidate_t subject = { .conn = "gw-gw", .child = "lost", .child_id = 2 };
	nflog_listing_t *listing;
	json_object *object;
	char out[8192];

	assert_int_equal(run("list", out, sizeof(out)), 0);
	assert_string_equal(out, "nothing like this is captured\n");
	assert_int_equal(run("list --json", out, sizeof(out)), 0);
	object = json_tokener_parse(out);
	assert_int_equal(json_object_array_length(
						json_object_object_get(object, "traces")), 0);
	assert_int_equal(json_object_array_length(
						json_object_object_get(object, "requests")), 0);
	json_object_put(object);

	listing = add("gw-gw", "net\033[2J", 1, "moon.strongswan.org", "10.3.0.1");
	pipeline.registry->begin(pipeline.registry, listing, NULL, "/captures/gw-gw",
							 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap");
	pipeline.registry->refuse(pipeline.registry, &subject, POINT_ESP_IN, "no rules");
	assert_int_equal(run("list gw-gw", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "net\\x1b[2J{1} [7]"));
	assert_non_null(strstr(out, "moon.strongswan.org 10.3.0.1\n"));
	assert_non_null(strstr(out, "  /captures/gw-gw/net.20261124T223527Z.c91b9dfe-"
						   "c24e50ed.esp.pcap\n"));
	assert_non_null(strstr(out, "  failed: no rules\n"));
	assert_int_equal(run("list --json", out, sizeof(out)), 0);
	object = json_tokener_parse(out);
	assert_int_equal(json_object_array_length(
						json_object_object_get(object, "traces")), 2);
	json_object_put(object);

	assert_int_equal(run("list rw", out, sizeof(out)), 1);
	assert_int_equal(run("list --state up", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "none of waiting, running"));
	assert_int_equal(run("list -i 0", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "--ike-id requires a number above 0"));
	assert_int_equal(run("list gw-gw -c gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("list gw-gw rw", out, sizeof(out)), 2);
	/* not the last one */
	assert_int_equal(run("list -c rw -c gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("list -i 7 --ike-id 1", out, sizeof(out)), 2);
	pipeline.registry->drop(pipeline.registry, listing);

	/* nobody listens anymore, and there is no socket */
	control->destroy(control);
	control = NULL;
	assert_int_equal(run("list", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "charon is"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run("list", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "charon is"));
}

/**
 * Read from a program until some text appears.
 */
static void expect_text(FILE *pipe, char *text)
{
	char buf[1024];

	do
	{
		assert_non_null(fgets(buf, sizeof(buf), pipe));
	}
	while (!strstr(buf, text));
}

/**
 * A list is printed again when something changed, until charon ends.
 */
static void test_watch(void **state)
{
	nflog_listing_t *listing;
	char cmd[2 * PATH_MAX];
	FILE *pipe;

	snprintf(cmd, sizeof(cmd), PROGRAM " list --watch -s %s 2>&1", path);
	pipe = popen(cmd, "r");
	assert_non_null(pipe);
	expect_text(pipe, "nothing like this");
	listing = add("gw-gw", "net", 1, NULL, NULL);
	expect_text(pipe, "waiting");
	pipeline.registry->begin(pipeline.registry, listing, &trace, "/captures/gw-gw",
							 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap");
	expect_text(pipe, "running");
	pipeline.registry->drop(pipeline.registry, listing);
	expect_text(pipe, "nothing like this");
	control->destroy(control);
	control = NULL;
	expect_text(pipe, "charon closed the connection");
	assert_int_equal(WEXITSTATUS(pclose(pipe)), 2);
}

/**
 * Send a command that fails.
 */
static void expect_refused(FILE *client, char *fields, char *code, char *message)
{
	char cmd[8192];

	snprintf(cmd, sizeof(cmd), "{\"version\":1,\"command\":%s}\n", fields);
	say(client, cmd);
	expect_error(client, code, message);
}

/**
 * Start and stop captures.
 */
static void test_change(void **state)
{
	char cmd[4096] = "\"start\",\"options\":{\"a\":\"1\"", option[32], out[8192];
	FILE *client = connect_client();
	json_object *object;
	int i;

	for (i = 0; i < NFLOG_MAX_REQUEST_OPTIONS; i++)
	{
		snprintf(option, sizeof(option), ",\"x%d\":\"\"", i);
		strcat(cmd, option);
	}
	strcat(cmd, "}");
	expect_refused(client, cmd, "invalid", "more than 32 options");
	expect_refused(client, "\"start\",\"options\":[]", "invalid", "no object");
	expect_refused(client, "\"start\",\"options\":{\"files\":1}", "invalid",
				   "no string");
	expect_refused(client, "\"start\",\"options\":{\"files\":\"1\\u0000\"}",
				   "invalid", "no string");
	expect_refused(client, "\"start\",\"options\":{\"points\":\"x\"}", "refused",
				   "points");
	expect_refused(client, "\"start\",\"options\":{\"dir\":\"/tmp\"}", "refused",
				   "dir");
	expect_refused(client, "\"start\",\"options\":{\"filter\":\"host x\"}",
				   "refused", "filter");
	expect_refused(client, "\"start\",\"duration\":-1", "invalid", "duration");
	expect_refused(client, "\"start\",\"packets\":1.5", "invalid", "packets");
	expect_refused(client, "\"stop\",\"packets\":1", "invalid", "packets");
	expect_refused(client, "\"stop\",\"options\":{}", "invalid", "options");
	expect_refused(client, "\"withdraw\"", "unknown-request", "request 0");
	expect_refused(client, "\"withdraw\",\"request\":99", "unknown-request", "99");
	assert_null(__atomic_load_n(&captured, __ATOMIC_RELAXED));

	assert_int_equal(run("start --points esp -d 15m --packets 10 -o files=3 "
						 "--file-size 8k gw-gw", out, sizeof(out)), 0);
	assert_string_equal(out, "capturing to /captures/gw-gw/net.20261124T223527Z.c91b9dfe-"
						"c24e50ed.esp.pcap\nrequest 1: 1 SAs captured from now on, 0 "
						"captured already\n");
	assert_int_equal(run("start gw-gw", out, sizeof(out)), 0);
	assert_string_equal(out, "request 2: 0 SAs captured from now on, 1 captured already\n");
	assert_int_equal(run("start --spi c24e50ed -o files=3 -o file_size=8k", out,
						 sizeof(out)), 0);
	assert_string_equal(out, "request 3: 0 SAs captured from now on, 1 captured already\n"
						"what is captured already keeps its options, stop it first to "
						"change them\n");
	say(client, "{\"version\":1,\"command\":\"list\",\"connection\":\"gw-gw\"}\n");
	object = get(client);
	assert_string_equal(string_of(object, "state"), "running");
	assert_string_equal(string_of(object, "request"), "1");
	json_object_put(object);
	object = get(client);
	assert_string_equal(string_of(object, "type"), "request");
	assert_string_equal(string_of(object, "action"), "start");
	assert_string_equal(string_of(object, "connection"), "gw-gw");
	json_object_put(object);
	object = get(client);
	assert_string_equal(string_of(object, "spi"), "c24e50ed");
	assert_string_equal(json_object_get_string(json_object_object_get(
				json_object_object_get(object, "options"), "file_size")), "8k");
	json_object_put(object);
	json_object_put(get(client));
	assert_int_equal(run("list", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "spi=c24e50ed files=3 file_size=8k\n"));

	assert_int_equal(run("stop gw-gw", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "complete: /captures/gw-gw/net."));
	assert_non_null(strstr(out, ": 1 SAs captured no longer\n"));
	assert_null(__atomic_load_n(&captured, __ATOMIC_RELAXED));
	assert_int_equal(run("start --request 3", out, sizeof(out)), 0);
	assert_int_equal(run("stop --request 3", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "no request 3"));

	assert_int_equal(run("start gw-gw", out, sizeof(out)), 0);
	assert_int_equal(run("stop -r all", out, sizeof(out)), 0);
	assert_int_equal(run("list", out, sizeof(out)), 0);
	assert_null(strstr(out, "REQUEST"));
	expect_refused(client, "\"withdraw-all\",\"request\":1", "invalid", "request");
	assert_int_equal(run("start", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "--all"));
	assert_int_equal(run("stop --all gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("stop --request 1 gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("list -s ''", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "--socket requires a path"));
	assert_int_equal(run("start --duration 0 gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start -d 5 -d 1h gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start --duration 1w gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start --duration 9999999999d gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start --packets x gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start -o files gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start -o files=1 --files 2 gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("start --points x gw-gw", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "points"));
	fclose(client);
}

/**
 * Captures whose packets can't be written are not said to be complete.
 */
static void test_interrupted(void **state)
{
	char out[8192], args[PATH_MAX];
	nflog_listing_t *listing;

	disk_error = "the disk is full, remove files";
	assert_int_equal(run("start --all", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "interrupted: /captures/gw-gw/net.20261124T223527Z."
						   "c91b9dfe-c24e50ed.esp.pcap: the disk is full, remove files\n"));
	assert_null(strstr(out, "capturing to"));
	assert_int_equal(run("rotate", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "interrupted: /captures/"));
	assert_null(strstr(out, "no packets"));
	snprintf(args, sizeof(args), "save %s/saved", dir);
	assert_int_equal(run(args, out, sizeof(out)), 2);
	assert_non_null(strstr(out, "interrupted: /captures/"));
	assert_int_equal(run("list --state running", out, sizeof(out)), 1);
	assert_int_equal(run("stop --all", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "interrupted: /captures/"));
	assert_null(strstr(out, "complete"));
	/* these can be written again */
	assert_int_equal(run("start --all", out, sizeof(out)), 1);
	listing = __atomic_load_n(&captured, __ATOMIC_RELAXED);
	pipeline.registry->update(pipeline.registry, listing, (nflog_counters_t[2]){},
							  "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap", NULL);
	disk_error = NULL;
	assert_int_equal(run("stop --all", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "complete: /captures/gw-gw/"));
}

/** time that the registry was waited for, in ms, and its method */
static u_int waited;
static bool (*registry_wait)(nflog_registry_t *this, nflog_listing_t *listing,
							 nflog_listing_wait_t what, u_int timeout);

static bool count_wait(nflog_registry_t *this, nflog_listing_t *listing,
					   nflog_listing_wait_t what, u_int timeout)
{
	waited += timeout;
	return registry_wait(this, listing, what, 0);
}

static bool channel_send(nflog_channel_t *this, json_object *object)
{
	json_object_put(object);
	return FALSE;
}

static bool channel_is_open(nflog_channel_t *this)
{
	return FALSE;
}

/**
 * Traces are not waited for if the client is gone.
 */
static void test_gone(void **state)
{
	nflog_channel_t channel = {
		.send = channel_send,
		.is_open = channel_is_open,
	};
	nflog_listing_t *listings[4];
	nflog_fields_t fields;
	json_object *end;
	char out[8192];
	int i;

	assert_int_equal(run("start --all", out, sizeof(out)), 0);
	for (i = 0; i < countof(listings); i++)
	{
		listings[i] = add("gw-gw", "net", i + 2, NULL, NULL);
	}
	registry_wait = pipeline.registry->wait;
	pipeline.registry->wait = count_wait;
	waited = 0;
	nflog_fields_init(&fields, json_object_new_object());
	end = nflog_change(&channel, pipeline.registry, requests, &fields, FALSE);
	assert_non_null(end);
	json_object_put(end);
	nflog_fields_clear(&fields);
	/* the first one was waited for until it was known */
	assert_in_range(waited, 1, 1000);
	pipeline.registry->wait = registry_wait;
	for (i = 0; i < countof(listings); i++)
	{
		pipeline.registry->drop(pipeline.registry, listings[i]);
	}
}

/**
 * Rotate the files of traces.
 */
static void test_rotate(void **state)
{
	nflog_counters_t counts[2] = {};
	nflog_listing_t *waiting;
	char out[8192];

	rotations = 0;
	rotated = add("gw-gw", "net", 1, NULL, NULL);
	waiting = add("gw-gw", "net", 2, NULL, NULL);
	pipeline.registry->begin(pipeline.registry, rotated, &trace, "/captures/gw-gw",
							 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap");
	assert_int_equal(run("rotate rw", out, sizeof(out)), 1);
	assert_int_equal(rotations, 0);
	assert_int_equal(run("rotate gw-gw", out, sizeof(out)), 0);
	assert_int_equal(rotations, 1);
	assert_string_equal(out, "/captures/gw-gw/net.20261124T223527Z.c91b9dfe-c24e50ed.esp."
						"pcap is complete, continued in net.20261124T223528Z.c91b9dfe-"
						"c24e50ed.esp.pcap\n");
	assert_int_equal(run("rotate", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "has no packets yet\n"));
	pipeline.registry->end(pipeline.registry, rotated, counts);
	pipeline.registry->drop(pipeline.registry, waiting);
	assert_int_equal(run("rotate", out, sizeof(out)), 1);
}

/**
 * Write a file of a trace, with some packets, and some bytes that are none.
 */
static void write_trace(char *name, u_int packets, char *rest, size_t len)
{
	uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 239 };
	uint32_t record[4] = { 1, 2, 5, 5 };
	char file[PATH_MAX];
	FILE *out;

	snprintf(file, sizeof(file), "%s/captures/gw-gw/%s", dir, name);
	out = fopen(file, "w");
	assert_non_null(out);
	fwrite(header, sizeof(header), 1, out);
	while (packets--)
	{
		fwrite(record, sizeof(record), 1, out);
		fwrite("12345", 5, 1, out);
	}
	fwrite(rest, len, 1, out);
	fclose(out);
}

/**
 * Get the size of a copy.
 */
static off_t copy_size(char *name)
{
	char file[PATH_MAX];
	struct stat st;

	snprintf(file, sizeof(file), "%s/saved/gw-gw/%s", dir, name);
	if (stat(file, &st) != 0)
	{
		return -1;
	}
	assert_int_equal(st.st_mode & 0777, 0600);
	return st.st_size;
}

/**
 * Copy the files of traces, whatever they have.
 */
static void test_save(void **state)
{
	char captures[PATH_MAX], args[2 * PATH_MAX], out[8192];
	uint32_t huge[4] = { 1, 2, UINT32_MAX, UINT32_MAX };
	nflog_counters_t counts[2] = {};
	nflog_listing_t *listing;

	snprintf(args, sizeof(args), "mkdir -p %s/captures/gw-gw && echo KEYS > "
			 "%s/captures/gw-gw/keys", dir, dir);
	assert_int_equal(system(args), 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.0.pcap", 2, "", 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.1.pcap", 3, "torn record", 11);
	write_trace("net.20261124T223000Z.c91b9dfe-c24e50ed.esp.pcap", 0, "", 0);
	/* of others */
	write_trace("net.20261124T222959Z.c91b9dfe-c24e50ed.esp.pcap", 1, "", 0);
	write_trace("net.20261124T223528Z.c91b9dfe-c24e50ed.esp.pcap", 1, "", 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ed.plain.pcap", 1, "", 0);
	write_trace("net2.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcap", 1, "", 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ee.esp.pcap", 1, "", 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.pcapng", 1, "", 0);
	listing = add("gw-gw", "net", 1, NULL, NULL);
	snprintf(captures, sizeof(captures), "%s/captures/gw-gw", dir);
	/* whose first file had another number */
	pipeline.registry->begin(pipeline.registry, listing, &trace, captures,
							 "net.20261124T223000Z.c91b9dfe-c24e50ed.esp.3.pcap");
	pipeline.registry->update(pipeline.registry, listing, counts,
							  "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.1.pcap", NULL);

	assert_int_equal(run("save", out, sizeof(out)), 2);
	snprintf(args, sizeof(args), "save %s/saved rw", dir);
	assert_int_equal(run(args, out, sizeof(out)), 1);
	snprintf(args, sizeof(args), "save %s/captures/gw-gw/../saved gw-gw", dir);
	assert_int_equal(run(args, out, sizeof(out)), 2);
	assert_non_null(strstr(out, "choose another one"));
	snprintf(args, sizeof(args), "save %s/saved gw-gw", dir);
	assert_int_equal(run(args, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "copied 3 files with 177 bytes to "));
	assert_int_equal(copy_size("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.0.pcap"), 66);
	assert_int_equal(copy_size("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.1.pcap"), 87);
	assert_int_equal(copy_size("net.20261124T223000Z.c91b9dfe-c24e50ed.esp.pcap"), 24);
	assert_int_equal(copy_size("net.20261124T223527Z.c91b9dfe-c24e50ed.plain.pcap"), -1);
	assert_int_equal(copy_size("keys"), -1);
	/* nothing is replaced */
	assert_int_equal(run(args, out, sizeof(out)), 2);
	assert_non_null(strstr(out, "File exists"));

	assert_int_equal(common_remove("saved"), 0);
	write_trace("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.2.pcap", 1, (char*)huge,
				sizeof(huge));
	snprintf(args, sizeof(args), "save --keys %s/saved", dir);
	assert_int_equal(run(args, out, sizeof(out)), 1);
	assert_non_null(strstr(out, "esp.2.pcap is damaged"));
	assert_int_equal(copy_size("net.20261124T223527Z.c91b9dfe-c24e50ed.esp.2.pcap"), 45);
	assert_int_equal(copy_size("keys"), 5);

	/* nor one in place of the directory */
	assert_int_equal(common_remove("saved"), 0);
	snprintf(args, sizeof(args), "mkdir -p %s/saved %s/other && ln -s ../other "
			 "%s/saved/gw-gw", dir, dir, dir);
	assert_int_equal(system(args), 0);
	snprintf(args, sizeof(args), "save --keys %s/saved", dir);
	assert_int_equal(run(args, out, sizeof(out)), 2);
	assert_non_null(strstr(out, "Not a directory"));
	snprintf(args, sizeof(args), "rmdir %s/other", dir);
	assert_int_equal(system(args), 0);

	/* what can't be copied whole is removed */
	assert_int_equal(common_remove("saved"), 0);
	snprintf(args, sizeof(args), "trap '' XFSZ; ulimit -f 0; " PROGRAM " save %s/saved "
			 "-s %s 2>&1 | grep -q 'copied 0 files with 0 bytes' && "
			 "test -z \"$(find %s/saved -type f)\"", dir, path, dir);
	assert_int_equal(system(args), 0);

	/* a link is not followed, wherever it leads */
	assert_int_equal(common_remove("saved"), 0);
	snprintf(args, sizeof(args), "cd %s/captures/gw-gw && ln -sf keys "
			 "net.20261124T223527Z.c91b9dfe-c24e50ed.esp.2.pcap", dir);
	assert_int_equal(system(args), 0);
	snprintf(args, sizeof(args), "save %s/saved", dir);
	assert_int_equal(run(args, out, sizeof(out)), 2);
	pipeline.registry->end(pipeline.registry, listing, counts);
}

/** what was requested of the recorder */
static char requested[256];

static uint64_t request_record(nflog_recorder_t *this, char *conn, char *detail)
{
	snprintf(requested, sizeof(requested), "%s %s", conn ?: "all", detail ?: "none");
	return conn && streq(conn, "unknown") ? 1 : 2;
}

static bool wait_record(nflog_recorder_t *this, uint64_t number, u_int timeout, char **paths)
{
	static bool waited;

	waited = !waited;
	if (!waited)
	{
		*paths = strdup(number == 1 ? "" : "/saved/a\n/saved/b");
	}
	return !waited;
}

static void test_record(void **state)
{
	nflog_recorder_t recorder = {
		.request = request_record,
		.wait = wait_record,
	};
	char out[4096];

	pipeline.recorder = &recorder;
	assert_int_equal(run("save --recorder", out, sizeof(out)), 0);
	assert_string_equal(out, "saved to /saved/a\nsaved to /saved/b\n");
	assert_string_equal(requested, "all none");
	assert_int_equal(run("save --recorder --reason 'it is slow' gw-gw", out, sizeof(out)), 0);
	assert_string_equal(requested, "gw-gw it is slow");
	assert_int_equal(run("save -r -c unknown", out, sizeof(out)), 1);
	assert_non_null(strstr(out, "no recorder"));
	/* what does not go together */
	requested[0] = '\0';
	assert_int_equal(run("save -r a b", out, sizeof(out)), 2);
	assert_int_equal(run("save -r --keys a", out, sizeof(out)), 2);
	assert_int_equal(run("save -r --ended", out, sizeof(out)), 2);
	assert_int_equal(run("save --reason why /tmp/x gw-gw", out, sizeof(out)), 2);
	assert_int_equal(run("save -r --child net", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "child"));
	assert_int_equal(run("save -r --reason ''", out, sizeof(out)), 2);
	assert_string_equal(requested, "");
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_invalid, begin, end),
		cmocka_unit_test_setup_teardown(test_long, begin, end),
		cmocka_unit_test_setup_teardown(test_select, begin, end),
		cmocka_unit_test_setup_teardown(test_history, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
		cmocka_unit_test_setup_teardown(test_clients, begin, end),
		cmocka_unit_test(test_times),
		cmocka_unit_test_setup_teardown(test_mode, begin, end),
		cmocka_unit_test_setup_teardown(test_random, begin, end),
		cmocka_unit_test_setup_teardown(test_program, begin, end),
		cmocka_unit_test_setup_teardown(test_watch, begin, end),
		cmocka_unit_test_setup_teardown(test_change, begin, end),
		cmocka_unit_test_setup_teardown(test_interrupted, begin, end),
		cmocka_unit_test_setup_teardown(test_gone, begin, end),
		cmocka_unit_test_setup_teardown(test_rotate, begin, end),
		cmocka_unit_test_setup_teardown(test_save, begin, end),
		cmocka_unit_test_setup_teardown(test_record, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

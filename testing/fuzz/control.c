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
 * What clients of the control socket send.
 */

#include "lib/fuzz.h"

#include "control/commands.h"

#include <sys/socket.h>
#include <unistd.h>

/** space for answers, so that nobody waits for them, in bytes */
#define BUFFER (16 << 20)

static nflog_commands_t *commands;
static nflog_requests_t *requests;

/**
 * Handles traces at once, instead of the thread that writes: there are none.
 */
static void handle(nflog_writer_t *this)
{
}

static nflog_writer_t writer = {
	.handle = handle,
};

static nflog_pipeline_t pipeline = {
	.writer = &writer,
};

/**
 * Apply requests at once: nothing is up.
 */
static void changed(void *data)
{
	requests->done(requests, requests->begin(requests), TRUE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	pipeline.registry = nflog_registry_create();
	requests = nflog_requests_create(changed, NULL);
	commands = nflog_commands_create(&pipeline, requests);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nflog_channel_times_t times = { 1000, 1000, 1, 1 };
	nflog_channel_t *channel;
	int fds[2], buffer = BUFFER;
	char *line;
	size_t len;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
		send(fds[1], data, size, 0) != size || shutdown(fds[1], SHUT_WR) != 0)
	{
		abort();
	}
	channel = nflog_channel_create(fds[0], &times);
	while (channel->receive(channel, &line, &len))
	{
		commands->run(commands, channel, line, len);
	}
	channel->destroy(channel);
	close(fds[1]);
	requests->remove_all(requests);
	return 0;
}

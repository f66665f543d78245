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

#include "control.h"
#include "options/notes.h"
#include "options/values.h"

#include <daemon.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/** connections that wait to be accepted */
#define BACKLOG 8

/** no limit on jobs that accept connections, as each takes microseconds only, and
 * stream_service_t does not notice connections anymore if a job ends before the callback that
 * reached the limit returns */
#define ACCEPT_JOBS 0

typedef struct private_nflog_control_t private_nflog_control_t;
typedef struct client_t client_t;

/**
 * Private data.
 */
struct private_nflog_control_t {

	/**
	 * Public interface.
	 */
	nflog_control_t public;

	/**
	 * Runs the commands.
	 */
	nflog_commands_t *commands;

	/**
	 * Accepts connections.
	 */
	stream_service_t *service;

	/**
	 * Clients, client_t.
	 */
	linked_list_t *clients;

	/**
	 * When it was logged that a client can't be served, monotonic, 0 if never.
	 */
	time_t failed;

	/**
	 * Guards the list of clients.
	 */
	mutex_t *mutex;
};

/**
 * Client that is connected, or was.
 */
struct client_t {

	/**
	 * What it belongs to.
	 */
	private_nflog_control_t *control;

	/**
	 * Connection to it.
	 */
	nflog_channel_t *channel;

	/**
	 * Thread that serves it.
	 */
	thread_t *thread;

	/**
	 * TRUE once the thread is about to end, guarded by the lock.
	 */
	bool done;
};

/**
 * Destroy a client whose thread has ended, or is about to.
 */
static void client_destroy(client_t *client)
{
	if (client->thread)
	{
		client->thread->join(client->thread);
	}
	client->channel->destroy(client->channel);
	free(client);
}

/**
 * Serve a client until it is gone.
 */
static void *serve(client_t *client)
{
	private_nflog_control_t *this = client->control;
	char *line;
	size_t len;

	while (client->channel->receive(client->channel, &line, &len))
	{
		this->commands->run(this->commands, client->channel, line, len);
	}
	client->channel->stop(client->channel);
	this->mutex->lock(this->mutex);
	client->done = TRUE;
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Remove clients that are gone from the list, the mutex is locked.
 */
static linked_list_t *remove_done(private_nflog_control_t *this)
{
	linked_list_t *done = linked_list_create();
	enumerator_t *enumerator;
	client_t *client;

	enumerator = this->clients->create_enumerator(this->clients);
	while (enumerator->enumerate(enumerator, &client))
	{
		if (client->done)
		{
			this->clients->remove_at(this->clients, enumerator);
			done->insert_last(done, client);
		}
	}
	enumerator->destroy(enumerator);
	return done;
}

/**
 * Get the socket of a stream, which only has it in a FILE, and will be destroyed.
 */
static int get_socket(stream_t *stream)
{
	FILE *file = stream->get_file(stream);
	int fd = -1;

	if (file)
	{
		fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
		fclose(file);
	}
	return fd;
}

/**
 * Start the thread of a client, the mutex is locked.
 *
 * @return			FALSE if there are too many, or there is no thread
 */
static bool start_client(private_nflog_control_t *this, client_t *client)
{
	if (this->clients->get_count(this->clients) >= NFLOG_CONTROL_CLIENTS)
	{
		return FALSE;
	}
	client->thread = thread_create((thread_main_t)serve, client);
	if (!client->thread)
	{
		return FALSE;
	}
	this->clients->insert_last(this->clients, client);
	return TRUE;
}

/**
 * Accept a client.
 */
CALLBACK(accept_client, bool,
	private_nflog_control_t *this, stream_t *stream)
{
	linked_list_t *done;
	client_t *client;
	bool started;
	int fd;

	fd = get_socket(stream);
	if (fd < 0)
	{
		if (nflog_log_once(&this->failed, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CFG, "nflog-capture: unable to serve a client of the control "
				 "socket: %s", strerror(errno));
		}
		return FALSE;
	}
	INIT(client,
		.control = this,
		.channel = nflog_channel_create(fd, NULL),
	);
	this->mutex->lock(this->mutex);
	done = remove_done(this);
	started = start_client(this, client);
	this->mutex->unlock(this->mutex);
	/* these threads do nothing but return anymore */
	done->destroy_function(done, (void*)client_destroy);
	if (!started)
	{	/* a new socket has space for this, so it does not block */
		client->channel->send_error(client->channel, "busy",
						"there are %d clients already, try again", NFLOG_CONTROL_CLIENTS);
		client->channel->flush(client->channel);
		client_destroy(client);
	}
	return FALSE;
}

METHOD(nflog_control_t, destroy, void,
	private_nflog_control_t *this)
{
	enumerator_t *enumerator;
	client_t *client;

	DESTROY_IF(this->service);
	this->mutex->lock(this->mutex);
	enumerator = this->clients->create_enumerator(this->clients);
	while (enumerator->enumerate(enumerator, &client))
	{
		client->channel->stop(client->channel);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	this->clients->destroy_function(this->clients, (void*)client_destroy);
	this->commands->destroy(this->commands);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_control_t *nflog_control_create(nflog_commands_t *commands)
{
	private_nflog_control_t *this;
	char *uri = nflog_values_socket();

	INIT(this,
		.public = {
			.destroy = _destroy,
		},
		.commands = commands,
		.service = lib->streams->create_service(lib->streams, uri, BACKLOG),
		.clients = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	if (!this->service)
	{
		DBG1(DBG_CFG, "nflog-capture: unable to open the control socket '%s', captures "
			 "can't be listed, started, or stopped with nflog-capture(1)", uri);
		destroy(this);
		return NULL;
	}
	this->service->on_accept(this->service, accept_client, this, JOB_PRIO_CRITICAL,
							 ACCEPT_JOBS);
	return &this->public;
}

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

#define _GNU_SOURCE

#include "client.h"
#include "cli/text.h"
#include "read/line.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** socket of the plugin vici */
#define VICI_SOCKET IPSEC_PIDDIR "/charon.vici"

/** time to wait for charon, in s, commands wait for IKE_SAs for less */
#define TIMEOUT 90

/** bytes of an object of an answer, those of the plugin have some thousand */
#define MAX_LINE (256 * 1024)

typedef struct private_client_t private_client_t;

/**
 * Private data.
 */
struct private_client_t {

	/**
	 * Public interface.
	 */
	client_t public;

	/**
	 * Path of the socket.
	 */
	char *path;

	/**
	 * Connected socket, to read from.
	 */
	FILE *file;

	/**
	 * Buffer for a line.
	 */
	char line[MAX_LINE];
};

/*
 * Described in header
 */
const char *client_get_string(json_object *object, char *name)
{
	json_object *value;

	return json_object_object_get_ex(object, name, &value) && value
				? json_object_get_string(value) : "";
}

/*
 * Described in header
 */
uint64_t client_get_number(json_object *object, char *name)
{
	json_object *value;

	return json_object_object_get_ex(object, name, &value)
				? json_object_get_uint64(value) : 0;
}

/*
 * Described in header
 */
bool client_print_interrupted(json_object *trace)
{
	if (!client_get_number(trace, "interrupted"))
	{
		return FALSE;
	}
	text_print(stderr, "interrupted: %s/%s: %s\n", client_get_string(trace, "directory"),
			   client_get_string(trace, "file"), client_get_string(trace, "note"));
	return TRUE;
}

/**
 * Connect to a socket.
 *
 * @return			file descriptor, -1 with errno set on failure
 */
static int connect_to(char *path)
{
	struct timeval timeout = { .tv_sec = TIMEOUT };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(addr.sun_path))
	{
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
	{
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
		connect(fd, (struct sockaddr*)&addr, sizeof(addr)) != 0)
	{
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/**
 * Print why there is no connection, and what to do.
 */
static void print_failure(char *path, int error)
{
	int fd;

	switch (error)
	{
		case ENOENT:
		case ECONNREFUSED:
			fd = connect_to(VICI_SOCKET);
			if (fd >= 0)
			{
				close(fd);
			}
			if (fd >= 0 || errno == EACCES)
			{
				text_print(stderr, "nobody serves %s, though charon is running: 'swanctl "
						   "--stats' has to list the plugin\nnflog-capture, and "
						   "plugins.nflog-capture.socket in strongswan.conf this "
						   "socket\n", path);
			}
			else
			{
				text_print(stderr, "nobody serves %s, charon is not running: start it, "
						   "for instance with\n'systemctl start strongswan'\n", path);
			}
			break;
		case EACCES:
		case EPERM:
			text_print(stderr, "no permission to use %s, run this as root, or as a "
					   "member of the group\nthat is set as charon.group in "
					   "strongswan.conf\n", path);
			break;
		case EAGAIN:
			text_print(stderr, "charon does not answer on %s, try again\n", path);
			break;
		default:
			text_print(stderr, "unable to connect to %s: %s\n", path, strerror(error));
			break;
	}
}

/**
 * Send a command.
 */
static bool send_command(private_client_t *this, char *name, json_object *fields)
{
	json_object *object = json_object_new_object();
	const char *str;
	char *line;
	ssize_t len;
	int sent = 0, total;

	json_object_object_add(object, "version", json_object_new_int(CLIENT_VERSION));
	json_object_object_add(object, "command", json_object_new_string(name));
	if (fields)
	{
		json_object_object_foreach(fields, key, value)
		{
			json_object_object_add(object, key, json_object_get(value));
		}
	}
	str = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	total = asprintf(&line, "%s\n", str);
	json_object_put(object);
	while (sent < total)
	{
		len = send(fileno(this->file), line + sent, total - sent, MSG_NOSIGNAL);
		if (len < 0 && errno != EINTR)
		{
			break;
		}
		sent += max(0, len);
	}
	free(line);
	return sent == total;
}

/**
 * Receive an object.
 *
 * @return			NULL if that failed, the reason was printed
 */
static json_object *receive(private_client_t *this)
{
	chunk_t line = chunk_create((u_char*)this->line, sizeof(this->line) - 1);
	json_object *object;

	if (!line_read(this->file, &line))
	{
		if (ferror(this->file) && (errno == EAGAIN || errno == EWOULDBLOCK))
		{
			text_print(stderr, "charon did not answer on %s within %d s\n", this->path,
					   TIMEOUT);
		}
		else
		{
			text_print(stderr, "charon closed the connection to %s, it was stopped, or "
					   "the answer was not read in time\n", this->path);
		}
		return NULL;
	}
	this->line[line.len] = '\0';
	object = json_tokener_parse(this->line);
	if (!json_object_is_type(object, json_type_object))
	{
		text_print(stderr, "the answer on %s is not that of the nflog-capture plugin\n",
				   this->path);
		json_object_put(object);
		return NULL;
	}
	return object;
}

METHOD(client_t, call, json_object*,
	private_client_t *this, char *name, json_object *fields, client_cb_t cb, void *data)
{
	json_object *object;
	const char *type;

	/* it may fail as the plugin refuses this client, which it says first */
	send_command(this, name, fields);
	while ((object = receive(this)))
	{
		type = client_get_string(object, "type");
		if (streq(type, "end"))
		{
			return object;
		}
		if (streq(type, "error"))
		{
			text_print(stderr, "%s\n", client_get_string(object, "message"));
			json_object_put(object);
			return NULL;
		}
		if (cb)
		{
			cb(data, type, object);
		}
		json_object_put(object);
	}
	return NULL;
}

METHOD(client_t, destroy, void,
	private_client_t *this)
{
	fclose(this->file);
	free(this);
}

/**
 * Create a client for a connected socket.
 */
static client_t *create(char *path, int fd)
{
	private_client_t *this;

	INIT(this,
		.public = {
			.call = _call,
			.destroy = _destroy,
		},
		.path = path,
		.file = fdopen(fd, "r"),
	);
	return &this->public;
}

/*
 * Described in header
 */
client_t *client_create(char *path)
{
	int fd;

	path = path ?: CLIENT_SOCKET;
	fd = connect_to(path);
	if (fd < 0)
	{
		print_failure(path, errno);
		return NULL;
	}
	return create(path, fd);
}

/*
 * Described in header
 */
client_t *client_create_if_served()
{
	int fd = connect_to(CLIENT_SOCKET);

	return fd < 0 ? NULL : create(CLIENT_SOCKET, fd);
}

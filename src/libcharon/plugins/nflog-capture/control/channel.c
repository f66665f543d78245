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

#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

/** how long to wait for a client by default, in ms */
#define IDLE_TIMEOUT 60000
#define LINE_TIMEOUT 10000
#define SEND_TIMEOUT 10000
#define ANSWER_TIMEOUT 120000

/** bytes to send at once */
#define SEND_SIZE 16384

/** how JSON is written: in one line */
#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/** U+FFFD in UTF-8, which replaces what is no character */
#define REPLACEMENT "\xef\xbf\xbd"

typedef struct private_nflog_channel_t private_nflog_channel_t;

/**
 * Private data.
 */
struct private_nflog_channel_t {

	/**
	 * Public interface.
	 */
	nflog_channel_t public;

	/**
	 * Connected socket.
	 */
	int fd;

	/**
	 * How long to wait.
	 */
	nflog_channel_times_t times;

	/**
	 * Bytes received, and how many of them are those of the line that was returned.
	 */
	char in[NFLOG_CHANNEL_LINE + 1];
	size_t received, used;

	/**
	 * Bytes to send.
	 */
	char out[SEND_SIZE];
	size_t pending;

	/**
	 * When the answer has to be received, monotonic, not set if nothing was sent.
	 */
	timeval_t deadline;

	/**
	 * TRUE if sending failed.
	 */
	bool failed;

	/**
	 * TRUE if stop() was called, accessed atomically.
	 */
	bool stopped;
};

/**
 * Get a time in the future.
 */
static void set_deadline(timeval_t *deadline, u_int ms)
{
	time_monotonic(deadline);
	timeval_add_ms(deadline, ms);
}

/**
 * Get the time left, in ms, 0 if there is none.
 */
static int get_left(timeval_t *deadline)
{
	timeval_t now, left;

	time_monotonic(&now);
	if (!timercmp(&now, deadline, <))
	{
		return 0;
	}
	timersub(deadline, &now, &left);
	return left.tv_sec * 1000 + left.tv_usec / 1000 + 1;
}

/**
 * Wait for the client.
 *
 * @return			FALSE if there is no event in time
 */
static bool wait_for(private_nflog_channel_t *this, short events, timeval_t *deadline)
{
	struct pollfd pfd = { .fd = this->fd, .events = events };
	int left, ready;

	do
	{
		left = get_left(deadline);
		ready = left ? poll(&pfd, 1, left) : 0;
	}
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

METHOD(nflog_channel_t, flush, bool,
	private_nflog_channel_t *this)
{
	timeval_t deadline;
	size_t sent = 0;
	ssize_t len;

	while (!this->failed && sent < this->pending)
	{
		len = send(this->fd, this->out + sent, this->pending - sent,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len >= 0)
		{
			sent += len;
			continue;
		}
		if (errno == EINTR)
		{
			continue;
		}
		set_deadline(&deadline, min(this->times.send, get_left(&this->deadline)));
		this->failed = (errno != EAGAIN && errno != EWOULDBLOCK) ||
					   !wait_for(this, POLLOUT, &deadline);
	}
	this->pending = 0;
	return !this->failed;
}

METHOD(nflog_channel_t, send_, bool,
	private_nflog_channel_t *this, json_object *object)
{
	const char *str;
	size_t len, part;

	if (!timerisset(&this->deadline))
	{
		set_deadline(&this->deadline, this->times.answer);
	}
	str = json_object_to_json_string_length(object, JSON_FLAGS, &len);
	this->failed |= !str;
	/* with the null byte, which becomes the end of the line */
	for (len++; !this->failed && len; len -= part)
	{
		part = min(len, sizeof(this->out) - this->pending);
		memcpy(this->out + this->pending, str, part);
		this->pending += part;
		str += part;
		if (part == len)
		{
			this->out[this->pending - 1] = '\n';
		}
		if (this->pending == sizeof(this->out))
		{
			flush(this);
		}
	}
	json_object_put(object);
	return !this->failed;
}

METHOD(nflog_channel_t, send_error, bool,
	private_nflog_channel_t *this, char *code, char *fmt, ...)
{
	json_object *object = json_object_new_object();
	char buf[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	json_object_object_add(object, "type", json_object_new_string("error"));
	json_object_object_add(object, "version",
						   json_object_new_int(NFLOG_CHANNEL_VERSION));
	json_object_object_add(object, "code", json_object_new_string(code));
	json_object_object_add(object, "message", nflog_channel_string(buf));
	return send_(this, object);
}

/**
 * Send the reason why the client is disconnected.
 */
static bool refuse(private_nflog_channel_t *this, char *code, char *reason)
{
	send_error(this, code, "%s", reason);
	flush(this);
	return FALSE;
}

METHOD(nflog_channel_t, receive, bool,
	private_nflog_channel_t *this, char **line, size_t *len)
{
	timeval_t deadline;
	size_t searched = 0;
	char *end;
	ssize_t got;

	if (!flush(this))
	{
		return FALSE;
	}
	timerclear(&this->deadline);
	this->received -= this->used;
	memmove(this->in, this->in + this->used, this->received);
	this->used = 0;
	set_deadline(&deadline, this->received ? this->times.line : this->times.idle);
	while (TRUE)
	{
		end = memchr(this->in + searched, '\n', this->received - searched);
		if (end)
		{
			*end = '\0';
			*line = this->in;
			*len = end - this->in;
			this->used = *len + 1;
			return TRUE;
		}
		searched = this->received;
		if (this->received == sizeof(this->in))
		{
			return refuse(this, "too-long", "the line is longer than 65535 bytes");
		}
		got = recv(this->fd, this->in + this->received,
				   sizeof(this->in) - this->received, MSG_DONTWAIT);
		if (got > 0)
		{
			if (!this->received)
			{
				set_deadline(&deadline, this->times.line);
			}
			this->received += got;
		}
		else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		{
			return FALSE;
		}
		else if (errno != EINTR && !wait_for(this, POLLIN, &deadline))
		{
			return refuse(this, "timeout", this->received ? "the line is incomplete"
														  : "no command was sent");
		}
	}
}

METHOD(nflog_channel_t, is_open, bool,
	private_nflog_channel_t *this)
{
	struct pollfd pfd = { .fd = this->fd };

	return !__atomic_load_n(&this->stopped, __ATOMIC_RELAXED) && poll(&pfd, 1, 0) == 0;
}

METHOD(nflog_channel_t, stop, void,
	private_nflog_channel_t *this)
{
	__atomic_store_n(&this->stopped, TRUE, __ATOMIC_RELAXED);
	shutdown(this->fd, SHUT_RDWR);
}

METHOD(nflog_channel_t, destroy, void,
	private_nflog_channel_t *this)
{
	close(this->fd);
	free(this);
}

/*
 * Described in header
 */
nflog_channel_t *nflog_channel_create(int fd, nflog_channel_times_t *times)
{
	private_nflog_channel_t *this;

	INIT(this,
		.public = {
			.receive = _receive,
			.send = _send_,
			.send_error = _send_error,
			.flush = _flush,
			.is_open = _is_open,
			.stop = _stop,
			.destroy = _destroy,
		},
		.fd = fd,
		.times = {
			.idle = IDLE_TIMEOUT,
			.line = LINE_TIMEOUT,
			.send = SEND_TIMEOUT,
			.answer = ANSWER_TIMEOUT,
		},
	);
	if (times)
	{
		this->times = *times;
	}
	return &this->public;
}

/**
 * Get the length of the character of UTF-8 that a string begins with (RFC 3629, section 4).
 *
 * @return			bytes, 0 if it is none
 */
static size_t get_length(const u_char *str)
{
	size_t len, i;

	if (str[0] < 0x80)
	{
		return 1;
	}
	len = str[0] >= 0xf0 ? 4 : str[0] >= 0xe0 ? 3 : 2;
	if (str[0] < 0xc2 || str[0] > 0xf4 ||
		(str[0] == 0xe0 && str[1] < 0xa0) || (str[0] == 0xed && str[1] > 0x9f) ||
		(str[0] == 0xf0 && str[1] < 0x90) || (str[0] == 0xf4 && str[1] > 0x8f))
	{
		return 0;
	}
	for (i = 1; i < len; i++)
	{
		if ((str[i] & 0xc0) != 0x80)
		{
			return 0;
		}
	}
	return len;
}

/*
 * Described in header
 */
json_object *nflog_channel_string(const char *str)
{
	json_object *object;
	size_t len, done = 0;
	char *buf;

	buf = malloc(strlen(str) * strlen(REPLACEMENT) + 1);
	while (*str)
	{
		len = get_length((const u_char*)str);
		memcpy(buf + done, len ? str : REPLACEMENT, len ?: strlen(REPLACEMENT));
		done += len ?: strlen(REPLACEMENT);
		str += len ?: 1;
	}
	object = json_object_new_string_len(buf, done);
	free(buf);
	return object;
}

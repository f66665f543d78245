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

/**
 * @defgroup nflog_channel nflog_channel
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CHANNEL_H_
#define NFLOG_CHANNEL_H_

typedef struct nflog_channel_t nflog_channel_t;

#include <library.h>

#include <json-c/json.h>

/** longest line that a client may send, in bytes, without its end */
#define NFLOG_CHANNEL_LINE 65535

/** version of what is sent and received */
#define NFLOG_CHANNEL_VERSION 1

/**
 * How long to wait for a client, in ms.
 */
typedef struct {
	/** for the first byte of a line */
	u_int idle;
	/** for the rest of a line */
	u_int line;
	/** for space to send more */
	u_int send;
	/** for an answer to be received as a whole */
	u_int answer;
} nflog_channel_times_t;

/**
 * Receives lines from a client of the control socket, and sends it others, each a JSON
 * object.
 *
 * A client that is too slow, too silent, or that sends a longer line than allowed is
 * disconnected.  Used by one thread, which waits for the client, but for stop().
 */
struct nflog_channel_t {

	/**
	 * Receive a line, after everything sent before has left.
	 *
	 * If FALSE is returned because of what the client did, it was sent the reason.
	 *
	 * @param line		receives the line, without its end, but with a null byte, internal
	 *					data
	 * @param len		receives its length
	 * @return			FALSE if there is none, and the client has to be disconnected
	 */
	bool (*receive)(nflog_channel_t *this, char **line, size_t *len);

	/**
	 * Send an object.  It is buffered until there are others, or receive() is called.
	 *
	 * @param object	object, gets owned
	 * @return			FALSE if the client is gone, or too slow
	 */
	bool (*send)(nflog_channel_t *this, json_object *object);

	/**
	 * Send an object of type error.
	 *
	 * @param code		what is wrong, for programs
	 * @param fmt		what is wrong, for people
	 * @return			FALSE if the client is gone, or too slow
	 */
	bool (*send_error)(nflog_channel_t *this, char *code, char *fmt, ...);

	/**
	 * Send what is buffered.
	 *
	 * @return			FALSE if the client is gone, or too slow
	 */
	bool (*flush)(nflog_channel_t *this);

	/**
	 * Check if the client is still there, without waiting.
	 *
	 * @return			FALSE if it is gone, or stop() was called
	 */
	bool (*is_open)(nflog_channel_t *this);

	/**
	 * Let the thread that waits for the client return.  May be called by any thread.
	 */
	void (*stop)(nflog_channel_t *this);

	/**
	 * Destroy a nflog_channel_t, closes the connection.
	 */
	void (*destroy)(nflog_channel_t *this);
};

/**
 * Create a nflog_channel_t instance.
 *
 * @param fd		connected socket, gets owned
 * @param times		how long to wait, NULL for what is reasonable
 */
nflog_channel_t *nflog_channel_create(int fd, nflog_channel_times_t *times);

/**
 * Create a JSON string of any bytes: those that are not UTF-8 are replaced.
 *
 * @param str		string
 * @return			JSON string
 */
json_object *nflog_channel_string(const char *str);

#endif /** NFLOG_CHANNEL_H_ @}*/

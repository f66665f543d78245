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
 * @defgroup nflog_capture_notify nflog_capture_notify
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_NOTIFY_H_
#define NFLOG_CAPTURE_NOTIFY_H_

typedef struct nflog_capture_notify_t nflog_capture_notify_t;

#include <collections/linked_list.h>

/**
 * Callback for changes.
 *
 * @param data		data, as passed to the constructor
 */
typedef void (*nflog_capture_notify_cb_t)(void *data);

/**
 * Tells at once when files change, unlike nflog_capture_watch_t, which can be
 * asked whether they have.
 */
struct nflog_capture_notify_t {

	/**
	 * Add files and directories, which need not exist, except for the directory
	 * that they are in.
	 *
	 * @param paths		absolute paths, char*, may have been added before
	 */
	void (*add)(nflog_capture_notify_t *this, linked_list_t *paths);

	/**
	 * Destroy a nflog_capture_notify_t.
	 */
	void (*destroy)(nflog_capture_notify_t *this);
};

/**
 * Create a nflog_capture_notify_t instance.
 *
 * @param cb		called by one of charon's threads after changes
 * @param data		data to pass to it
 * @return			NULL if not possible, which is logged
 */
nflog_capture_notify_t *nflog_capture_notify_create(
									nflog_capture_notify_cb_t cb, void *data);

#endif /** NFLOG_CAPTURE_NOTIFY_H_ @}*/

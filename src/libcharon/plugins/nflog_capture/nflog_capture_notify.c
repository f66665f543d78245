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

#include "nflog_capture_notify.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <library.h>
#include <processing/watcher.h>

/** what may change the result of reading a file, or of looking for files */
#define EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | \
				IN_MOVED_TO | IN_ONLYDIR)

typedef struct private_nflog_capture_notify_t private_nflog_capture_notify_t;

/**
 * Private data.
 */
struct private_nflog_capture_notify_t {

	/**
	 * Public interface.
	 */
	nflog_capture_notify_t public;

	/**
	 * Called after changes.
	 */
	nflog_capture_notify_cb_t cb;

	/**
	 * Data to pass to it.
	 */
	void *data;

	/**
	 * File descriptor of inotify(7).
	 */
	int fd;
};

CALLBACK(on_change, bool,
	private_nflog_capture_notify_t *this, int fd, watcher_event_t event)
{
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1];

	/* what changed doesn't matter, and one call does for several changes */
	while (read(fd, buf, sizeof(buf)) > 0)
	{
		continue;
	}
	this->cb(this->data);
	return TRUE;
}

/**
 * Watch a directory.
 */
static void watch(private_nflog_capture_notify_t *this, char *path)
{
	if (inotify_add_watch(this->fd, path, EVENTS) == -1 && errno != ENOENT &&
		errno != ENOTDIR)
	{
		DBG1(DBG_CFG, "watching '%s' for changes failed: %s", path,
			 strerror(errno));
	}
}

METHOD(nflog_capture_notify_t, add, void,
	private_nflog_capture_notify_t *this, linked_list_t *paths)
{
	enumerator_t *enumerator;
	char *path, *directory;

	enumerator = paths->create_enumerator(paths);
	while (enumerator->enumerate(enumerator, &path))
	{
		directory = path_dirname(path);
		watch(this, directory);
		watch(this, path);
		free(directory);
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_capture_notify_t, destroy, void,
	private_nflog_capture_notify_t *this)
{
	lib->watcher->remove(lib->watcher, this->fd);
	close(this->fd);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_notify_t *nflog_capture_notify_create(
									nflog_capture_notify_cb_t cb, void *data)
{
	private_nflog_capture_notify_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
	);
	if (this->fd == -1)
	{
		DBG1(DBG_CFG, "changes of swanctl.conf apply to CHILD_SAs only: %s",
			 strerror(errno));
		free(this);
		return NULL;
	}
	lib->watcher->add(lib->watcher, this->fd, WATCHER_READ, on_change, this);
	return &this->public;
}

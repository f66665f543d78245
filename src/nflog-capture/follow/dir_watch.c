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

#include "dir_watch.h"

#include <collections/hashtable.h>
#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

/** what is watched */
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

typedef struct private_dir_watch_t private_dir_watch_t;
typedef struct watched_t watched_t;

/**
 * A directory.
 */
struct watched_t {
	/** watch descriptor */
	int wd;
	/** path */
	char *dir;
};

/**
 * Private data.
 */
struct private_dir_watch_t {

	/**
	 * Public interface.
	 */
	dir_watch_t public;

	/**
	 * File descriptor of inotify.
	 */
	int fd;

	/**
	 * Events that are wanted.
	 */
	uint32_t events;

	/**
	 * Directories by watch descriptor, watched_t.
	 */
	hashtable_t *dirs;

	/**
	 * Directory that is gone, until the next event was read, NULL for none.
	 */
	watched_t *gone;

	/**
	 * Events that were read, their length, and the position of the next one.
	 */
	char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)]
			__attribute__((aligned(__alignof__(struct inotify_event))));
	size_t len, pos;
};

/**
 * Destroy a watched_t.
 */
static void watched_destroy(watched_t *this)
{
	if (this)
	{
		free(this->dir);
		free(this);
	}
}

METHOD(dir_watch_t, add, bool,
	private_dir_watch_t *this, char *dir)
{
	watched_t *watched;
	int wd;

	wd = inotify_add_watch(this->fd, dir, this->events);
	if (wd < 0)
	{
		return FALSE;
	}
	watched = this->dirs->get(this->dirs, (void*)(uintptr_t)wd);
	if (watched && !streq(watched->dir, dir))
	{
		errno = EEXIST;
		return FALSE;
	}
	if (!watched)
	{
		INIT(watched,
			.wd = wd,
			.dir = strdup(dir),
		);
		this->dirs->put(this->dirs, (void*)(uintptr_t)wd, watched);
	}
	return TRUE;
}

/**
 * Translate an event.
 *
 * @return			FALSE if it is of no interest
 */
static bool parse_event(private_dir_watch_t *this, struct inotify_event *event,
					  dir_event_t *result)
{
	watched_t *watched;

	if (event->mask & IN_Q_OVERFLOW)
	{
		*result = (dir_event_t){ .type = DIR_LOST };
		return TRUE;
	}
	watched = this->dirs->get(this->dirs, (void*)(uintptr_t)event->wd);
	if (!watched)
	{
		return FALSE;
	}
	*result = (dir_event_t){
		.type = event->mask & IN_ISDIR ? DIR_CREATED :
				event->mask & IN_MODIFY ? DIR_FILE_CHANGED : DIR_FILE_CREATED,
		.dir = watched->dir,
		.name = event->len ? event->name : "",
	};
	if (event->mask & IN_MOVE_SELF)
	{	/* followed by IN_IGNORED */
		inotify_rm_watch(this->fd, event->wd);
		result->type = DIR_MOVED;
		return TRUE;
	}
	if (event->mask & IN_IGNORED)
	{
		this->gone = this->dirs->remove(this->dirs, (void*)(uintptr_t)event->wd);
		result->type = DIR_GONE;
		return TRUE;
	}
	return event->len;
}

METHOD(dir_watch_t, next, bool,
	private_dir_watch_t *this, dir_event_t *result)
{
	struct inotify_event *event;
	ssize_t len;

	watched_destroy(this->gone);
	this->gone = NULL;
	while (TRUE)
	{
		if (this->pos == this->len)
		{
			len = read(this->fd, this->buf, sizeof(this->buf));
			if (len <= 0)
			{
				return FALSE;
			}
			this->len = len;
			this->pos = 0;
		}
		event = (struct inotify_event*)(this->buf + this->pos);
		this->pos += sizeof(*event) + event->len;
		if (parse_event(this, event, result))
		{
			return TRUE;
		}
	}
}

METHOD(dir_watch_t, get_fd, int,
	private_dir_watch_t *this)
{
	return this->fd;
}

METHOD(dir_watch_t, destroy, void,
	private_dir_watch_t *this)
{
	enumerator_t *enumerator;
	watched_t *watched;

	enumerator = this->dirs->create_enumerator(this->dirs);
	while (enumerator->enumerate(enumerator, NULL, &watched))
	{
		watched_destroy(watched);
	}
	enumerator->destroy(enumerator);
	this->dirs->destroy(this->dirs);
	watched_destroy(this->gone);
	close(this->fd);
	free(this);
}

/*
 * Described in header
 */
dir_watch_t *dir_watch_create(bool changes)
{
	private_dir_watch_t *this;
	int fd;

	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.add = _add,
			.next = _next,
			.get_fd = _get_fd,
			.destroy = _destroy,
		},
		.fd = fd,
		.events = changes ? EVENTS | IN_MODIFY : EVENTS,
		.dirs = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
	);
	return &this->public;
}

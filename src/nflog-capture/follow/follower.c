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

#include "follower.h"

#include "captures/heap.h"
#include "dir_watch.h"
#include "followed.h"
#include "roots.h"

#include "cli/text.h"
#include "files/trace_name.h"
#include "keys/key_file.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <errno.h>
#include <poll.h>

/** traces up to which files are kept open while nothing is written to them */
#define MAX_IDLE 128

/** after an event, ms to wait for others, and how often: the plugin writes all traces that
 * have packets one after the other */
#define SETTLE_TIME 20
#define MAX_SETTLE 5

typedef struct private_follower_t private_follower_t;

/**
 * Private data.
 */
struct private_follower_t {

	/**
	 * Public interface.
	 */
	follower_t public;

	/**
	 * Directory in which those of connections are created, NULL for none.
	 */
	char *base;

	/**
	 * Names of connections, NULL-terminated, not owned.
	 */
	char **names;

	/**
	 * TRUE for traces in the clear only.
	 */
	bool plain;

	/**
	 * Watches directories.
	 */
	dir_watch_t *watch;

	/**
	 * Waits for the base directory and those that were added, and for others in their
	 * place.
	 */
	roots_t *roots;

	/**
	 * Directories of connections, char*.
	 */
	linked_list_t *dirs;

	/**
	 * Has all traces.
	 */
	captures_t *captures;

	/**
	 * Traces that are followed, capture_t* => followed_t*.
	 */
	hashtable_t *followed;

	/**
	 * Those whose files changed, followed_t.
	 */
	linked_list_t *changed;

	/**
	 * Those that have a packet, followed_t.
	 */
	heap_t *ready;

	/**
	 * TRUE if the first of them has to be read further.
	 */
	bool taken;

	/**
	 * TRUE once it was printed that packets which went astray are not followed.
	 */
	bool astray;

	/**
	 * TRUE if key files changed.
	 */
	bool keys_changed;
};

/**
 * Compare traces by their next packet, see heap_compare_t.
 */
static int compare(const void *a, const void *b)
{
	followed_t *x = (followed_t*)a, *y = (followed_t*)b;

	return merge_compare(&x->next, &y->next);
}

/**
 * Remember that a file of a trace changed.
 */
static void set_changed(private_follower_t *this, followed_t *followed)
{
	if (!followed->changed)
	{
		followed->changed = TRUE;
		this->changed->insert_last(this->changed, followed);
	}
}

/**
 * Print that packets which went astray are not followed, once.
 */
static void note_astray(private_follower_t *this, capture_t *capture)
{
	if (!this->astray)
	{
		this->astray = TRUE;
		text_print(stderr, "not following packets that went astray, such as those of %s: open "
				   "their traces with Wireshark, 'nflog-capture report' counts the reasons\n",
				   capture->name);
	}
}

/**
 * Follow a file that is new or changed, if it belongs to a trace.
 *
 * @param created	TRUE if it was created, maybe with the name of one that is gone
 */
static void add_file(private_follower_t *this, char *dir, char *file, bool created)
{
	followed_t *followed;
	capture_t *capture;

	if (!nflog_trace_name_parse(file, NULL))
	{
		return;
	}
	capture = this->captures->get(this->captures, dir, file);
	if (capture->kind == CAPTURE_ASTRAY)
	{
		note_astray(this, capture);
		return;
	}
	if (this->plain && capture->kind != CAPTURE_PLAIN)
	{
		return;
	}
	followed = this->followed->get(this->followed, capture);
	if (followed)
	{
		followed->add(followed, file, created);
	}
	else
	{
		followed = followed_create(capture, file);
		this->followed->put(this->followed, capture, followed);
	}
	set_changed(this, followed);
}

/**
 * Follow all files in a directory.
 */
static void add_files(private_follower_t *this, char *dir)
{
	struct dirent **entries;
	int count, i;

	count = followed_scan(dir, &entries);
	for (i = 0; i < count; i++)
	{
		add_file(this, dir, entries[i]->d_name, TRUE);
		free(entries[i]);
	}
	if (count >= 0)
	{
		free(entries);
	}
}

/**
 * Skip what the traces that were found have already.
 */
static void skip_files(private_follower_t *this)
{
	followed_t *followed;

	while (this->changed->remove_first(this->changed, (void**)&followed) == SUCCESS)
	{
		followed->changed = FALSE;
		followed->skip(followed);
	}
}

/**
 * Follow a directory that exists.
 */
static bool follow_dir(private_follower_t *this, char *dir, bool begin)
{
	bool known = this->dirs->find_first(this->dirs, linked_list_match_str, NULL, dir);

	if (known && !begin)
	{
		return TRUE;
	}
	/* even if it is known: while a file of one that was removed is open, that is not gone
	 * yet for inotify, and another one may have its name */
	if (!this->watch->add(this->watch, dir))
	{
		if (errno == EEXIST)
		{	/* the same directory, maybe renamed, whose packets would be written twice */
			return TRUE;
		}
		text_print(stderr, "unable to watch %s: %s\n", dir, strerror(errno));
		return FALSE;
	}
	if (!known)
	{
		this->dirs->insert_last(this->dirs, strdup(dir));
	}
	this->keys_changed = TRUE;
	add_files(this, dir);
	if (!begin)
	{
		skip_files(this);
	}
	return TRUE;
}

METHOD(follower_t, add_dir, bool,
	private_follower_t *this, char *dir, bool begin)
{
	this->roots->add(this->roots, dir);
	return follow_dir(this, dir, begin);
}

/**
 * Follow a directory in the base directory, if it is that of a connection.
 */
static bool add_conn(private_follower_t *this, char *name, bool begin)
{
	char label[NFLOG_NAME_SIZE], *dir;
	bool wanted, success = TRUE;
	int i;

	wanted = !this->names[0];
	for (i = 0; !wanted && this->names[i]; i++)
	{
		wanted = streq(name, this->names[i]) ||
				 streq(name, nflog_trace_name_label(this->names[i], label));
	}
	if (wanted && asprintf(&dir, "%s/%s", this->base, name) > 0)
	{
		success = follow_dir(this, dir, begin);
		free(dir);
	}
	return success;
}

/**
 * Check if an entry of the base directory may be a connection's.
 */
static bool is_dir(struct dirent *entry)
{
	return entry->d_name[0] != '.' && !streq(entry->d_name, NFLOG_SAVED_DIR) &&
		   (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

METHOD(follower_t, add_all, bool,
	private_follower_t *this, bool begin)
{
	struct dirent *entry;
	bool success = TRUE;
	DIR *base;

	base = opendir(this->base);
	while (base && (entry = readdir(base)))
	{
		if (is_dir(entry))
		{
			success = add_conn(this, entry->d_name, begin) && success;
		}
	}
	if (base)
	{
		closedir(base);
	}
	return success;
}

/**
 * Follow a directory that was created, see roots_found_t.
 */
static bool found_root(void *data, char *path)
{
	private_follower_t *this = data;

	if (!this->base || !streq(path, this->base))
	{
		return follow_dir(this, path, TRUE);
	}
	if (!this->watch->add(this->watch, path) && errno != EEXIST)
	{
		text_print(stderr, "unable to watch %s: %s\n", path, strerror(errno));
		return FALSE;
	}
	return add_all(this, TRUE);
}

/**
 * Look at all directories, as events were lost.
 */
static void rescan(private_follower_t *this)
{
	enumerator_t *enumerator;
	char *dir;

	if (this->base)
	{
		add_all(this, TRUE);
	}
	enumerator = this->dirs->create_enumerator(this->dirs);
	while (enumerator->enumerate(enumerator, &dir))
	{
		add_files(this, dir);
	}
	enumerator->destroy(enumerator);
	this->keys_changed = TRUE;
}

/**
 * Forget a directory that is gone, unless another one has its name.  Its traces are read as
 * far as they are open.
 */
static void remove_dir(private_follower_t *this, char *dir)
{
	enumerator_t *enumerator;
	char *current;

	enumerator = this->dirs->create_enumerator(this->dirs);
	while (enumerator->enumerate(enumerator, &current))
	{
		if (streq(current, dir) && access(dir, F_OK) != 0)
		{
			this->dirs->remove_at(this->dirs, enumerator);
			free(current);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Handle all events that there are.
 */
static void handle_events(private_follower_t *this)
{
	dir_event_t event;

	while (this->watch->next(this->watch, &event))
	{
		switch (event.type)
		{
			case DIR_FILE_CREATED:
			case DIR_FILE_CHANGED:
				this->keys_changed |= streq(event.name, NFLOG_KEY_FILE);
				add_file(this, event.dir, event.name,
						 event.type == DIR_FILE_CREATED);
				break;
			case DIR_CREATED:
				if (this->base && streq(event.dir, this->base))
				{
					add_conn(this, event.name, TRUE);
				}
				break;
			case DIR_MOVED:
				text_print(stderr, "%s was renamed, and is not followed anymore, start "
						   "again with its new name\n", event.dir);
				break;
			case DIR_GONE:
				remove_dir(this, event.dir);
				this->roots->gone(this->roots, event.dir);
				break;
			case DIR_LOST:
				rescan(this);
				break;
		}
	}
	this->roots->handle(this->roots);
}

METHOD(follower_t, wait_, bool,
	private_follower_t *this, const sigset_t *signals, int fd)
{
	struct pollfd fds[] = {
		{ .fd = this->watch->get_fd(this->watch), .events = POLLIN },
		{ .fd = this->roots->get_fd(this->roots), .events = POLLIN },
		{ .fd = fd },
	};
	struct timespec settle = { .tv_nsec = SETTLE_TIME * 1000000 }, none = {};
	bool busy;
	int i;

	busy = this->ready->get_first(this->ready) ||
		   this->changed->get_count(this->changed);
	/* only whether the reader is gone is of interest, POLLERR is always reported */
	if (ppoll(fds, countof(fds), busy ? &none : NULL, signals) < 0)
	{
		return errno == EINTR;
	}
	if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL))
	{
		return FALSE;
	}
	handle_events(this);
	for (i = 0; !busy && i < MAX_SETTLE && ppoll(fds, 2, &settle, signals) > 0; i++)
	{
		handle_events(this);
	}
	return TRUE;
}

METHOD(follower_t, look, void,
	private_follower_t *this)
{
	handle_events(this);
}

METHOD(follower_t, have_keys_changed, bool,
	private_follower_t *this)
{
	bool changed = this->keys_changed;

	this->keys_changed = FALSE;
	return changed;
}

/**
 * Read the next packet of a trace.
 */
static bool read_next(private_follower_t *this, followed_t *followed)
{
	if (followed->read(followed))
	{
		return TRUE;
	}
	if (this->followed->get_count(this->followed) > MAX_IDLE)
	{
		followed->close(followed);
	}
	return FALSE;
}

METHOD(follower_t, read_, bool,
	private_follower_t *this, merged_packet_t *merged)
{
	followed_t *followed;

	if (this->taken)
	{
		followed = this->ready->get_first(this->ready);
		if (read_next(this, followed))
		{
			this->ready->update_first(this->ready);
		}
		else
		{
			this->ready->remove_first(this->ready);
			followed->ready = FALSE;
		}
		this->taken = FALSE;
	}
	while (this->changed->remove_first(this->changed, (void**)&followed) == SUCCESS)
	{
		followed->changed = FALSE;
		if (!followed->ready && read_next(this, followed))
		{
			followed->ready = TRUE;
			this->ready->insert(this->ready, followed);
		}
	}
	followed = this->ready->get_first(this->ready);
	if (!followed)
	{
		return FALSE;
	}
	*merged = followed->next;
	this->taken = TRUE;
	return TRUE;
}

METHOD(follower_t, create_dir_enumerator, enumerator_t*,
	private_follower_t *this)
{
	return this->dirs->create_enumerator(this->dirs);
}

/**
 * Destroy a trace, see hashtable_t.
 */
static void followed_destroy(void *value, const void *key)
{
	followed_t *followed = value;

	followed->destroy(followed);
}

METHOD(follower_t, destroy, void,
	private_follower_t *this)
{
	this->ready->destroy(this->ready);
	this->changed->destroy(this->changed);
	this->followed->destroy_function(this->followed, followed_destroy);
	this->captures->destroy(this->captures);
	this->dirs->destroy_function(this->dirs, free);
	DESTROY_IF(this->roots);
	DESTROY_IF(this->watch);
	free(this);
}

/**
 * Watch the base directory, or wait for it: the plugin creates it with the first trace.
 */
static bool watch_base(private_follower_t *this)
{
	return this->roots->add(this->roots, this->base) &&
		   (this->watch->add(this->watch, this->base) || errno == ENOENT);
}

/*
 * Described in header
 */
follower_t *follower_create(char *base, char *names[], bool plain)
{
	private_follower_t *this;

	INIT(this,
		.public = {
			.add_dir = _add_dir,
			.add_all = _add_all,
			.wait = _wait_,
			.look = _look,
			.have_keys_changed = _have_keys_changed,
			.read = _read_,
			.create_dir_enumerator = _create_dir_enumerator,
			.destroy = _destroy,
		},
		.base = base,
		.names = names,
		.plain = plain,
		.dirs = linked_list_create(),
		.captures = captures_create(base),
		.followed = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.changed = linked_list_create(),
		.ready = heap_create(compare),
	);
	this->watch = dir_watch_create(TRUE);
	this->roots = roots_create(found_root, this);
	if (!this->watch || !this->roots || (base && !watch_base(this)))
	{
		text_print(stderr, "unable to watch %s: %s\n", base ?: "directories",
				   strerror(errno));
		destroy(this);
		return NULL;
	}
	return &this->public;
}

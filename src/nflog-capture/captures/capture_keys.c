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

#include "capture_keys.h"

#include "cli/command.h"
#include "cli/text.h"
#include "merge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * Add a key file.
 */
static bool add_file(keyring_t **keys, char *path)
{
	if (*keys)
	{
		return (*keys)->add(*keys, path);
	}
	*keys = keyring_create(path);
	return *keys != NULL;
}

/*
 * Described in header
 */
bool capture_keys_are_secret(char *path)
{
	return access(path, R_OK) != 0 && errno == EACCES;
}

/**
 * Add the key files next to traces, as far as they exist.
 *
 * @param required	FALSE to do without those that only others may read
 */
static bool add_next(keyring_t **keys, enumerator_t *dirs, bool required)
{
	char *path, *dir, *last = NULL;
	bool success = TRUE;

	while (success && dirs->enumerate(dirs, &dir))
	{
		if ((last && streq(dir, last)) || asprintf(&path, "%s/" NFLOG_KEY_FILE, dir) < 0)
		{
			continue;
		}
		last = dir;
		success = access(path, F_OK) != 0 ||
				  (!required && capture_keys_are_secret(path)) ||
				  (keyring_may_read(path) && add_file(keys, path));
		free(path);
	}
	return success;
}

/**
 * Copy what a pipe has.
 *
 * @return			FALSE on errors, see errno
 */
static bool copy_pipe(int from, int to)
{
	u_char buf[4096];
	ssize_t len;

	do
	{
		len = read(from, buf, sizeof(buf));
		if (len > 0 && write(to, buf, len) != len)
		{
			len = -1;
			break;
		}
	}
	while (len > 0 || (len < 0 && errno == EINTR));
	memwipe(buf, sizeof(buf));
	return len == 0;
}

/**
 * Get the path of a copy in memory of a file that can be read only once, allocated.
 *
 * @return			path, NULL on errors, see errno
 */
static char *keep_pipe(char *path)
{
	bool is_stdin = streq(path, "-");
	int from, to;

	/* waits for the writer of a FIFO */
	from = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	to = memfd_create("keys", MFD_CLOEXEC);
	if (from < 0 || to < 0 || !copy_pipe(from, to) ||
		asprintf(&path, "/proc/self/fd/%d", to) < 0)
	{
		path = NULL;
	}
	if (from >= 0 && !is_stdin)
	{
		close(from);
	}
	if (!path && to >= 0)
	{
		close(to);
	}
	return path;
}

/*
 * Described in header
 */
bool capture_keys_keep_pipes(array_t *files)
{
	u_int count = array_count(files);
	char *path, *copy;
	struct stat st;
	bool success = TRUE, once;

	while (count-- && array_remove(files, ARRAY_HEAD, &path))
	{
		once = streq(path, "-") || (stat(path, &st) == 0 &&
									(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
		copy = once ? keep_pipe(path) : strdup(path);
		if (!copy)
		{
			text_print(stderr, "unable to read keys from %s: %s\n",
					   streq(path, "-") ? "stdin" : path, strerror(errno));
			success = FALSE;
		}
		else
		{
			array_insert(files, ARRAY_TAIL, copy);
		}
		free(path);
	}
	return success;
}

/*
 * Described in header
 */
bool capture_keys_read(array_t *files, enumerator_t *dirs, bool required,
					   keyring_t **keys)
{
	enumerator_t *enumerator;
	bool success = TRUE;
	char *path;

	*keys = NULL;
	if (array_count(files))
	{
		enumerator = array_create_enumerator(files);
		while (success && enumerator->enumerate(enumerator, &path))
		{
			success = add_file(keys, path);
		}
		enumerator->destroy(enumerator);
	}
	else
	{
		success = add_next(keys, dirs, required);
	}
	dirs->destroy(dirs);
	if (!success || (*keys && !command_load_algorithms()))
	{
		DESTROY_IF(*keys);
		*keys = NULL;
		return FALSE;
	}
	return TRUE;
}

/**
 * Check if a trace has IKE messages.
 */
CALLBACK(filter_ike, bool,
	void *null, enumerator_t *orig, va_list args)
{
	capture_t *capture, **out;

	VA_ARGS_VGET(args, out);
	while (orig->enumerate(orig, &capture))
	{
		if (capture->kind == CAPTURE_IKE)
		{
			*out = capture;
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
decrypter_t *capture_keys_create_decrypter(keyring_t *keys, enumerator_t *captures)
{
	decrypter_t *decrypter = decrypter_create(keys);
	merged_packet_t merged;
	merge_t *merge;

	if (!keys->has_ike(keys, 1))
	{
		captures->destroy(captures);
		return decrypter;
	}
	merge = merge_create(enumerator_create_filter(captures, filter_ike, NULL, NULL));
	while (merge->read(merge, &merged))
	{
		decrypter->learn(decrypter, merged.packet.ip);
	}
	merge->destroy(merge);
	return decrypter;
}

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


#include "nflog_capture_watch.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <collections/hashtable.h>

/** Duration of a check in us, above which not every one is done */
#define LONG_CHECK 1000

/** Hash of nothing (FNV-1a) */
#define HASH_INIT 0xcbf29ce484222325

typedef struct private_nflog_capture_watch_t private_nflog_capture_watch_t;
typedef struct watch_t watch_t;

/**
 * Private data.
 */
struct private_nflog_capture_watch_t {

	/**
	 * Public interface.
	 */
	nflog_capture_watch_t public;

	/**
	 * Word to look for.
	 */
	char *word;

	/**
	 * TRUE if it was found.
	 */
	bool found;

	/**
	 * Hash of what was read, 0 if nothing was.
	 */
	uint64_t hash;

	/**
	 * What to check for changes, char *path => watch_t.
	 */
	hashtable_t *watches;

	/**
	 * TRUE if a change is reported in any case.
	 */
	bool stale;

	/**
	 * No check is done before that time, in us.
	 */
	uint64_t next_check;
};

/**
 * A file that was read, or a directory in which files were looked up.
 */
struct watch_t {

	/** its path */
	char *path;

	/** its state before it was read, zero if it did not exist */
	struct stat st;
};

/**
 * Destroy a watch, as a value of a hashtable.
 */
static void watch_destroy(void *value, const void *key)
{
	watch_t *watch = value;

	free(watch->path);
	free(watch);
}

/**
 * Get the state of a file, zero if there is none.
 */
static void get_state(char *path, struct stat *st)
{
	if (stat(path, st) != 0)
	{
		memset(st, 0, sizeof(*st));
	}
}

/**
 * Compare points in time.
 */
static bool same_time(struct timespec *a, struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/**
 * Check if a file is what it was.
 */
static bool is_unchanged(watch_t *watch)
{
	struct stat st;

	get_state(watch->path, &st);
	return st.st_dev == watch->st.st_dev && st.st_ino == watch->st.st_ino &&
		   st.st_size == watch->st.st_size &&
		   same_time(&st.st_mtim, &watch->st.st_mtim) &&
		   same_time(&st.st_ctim, &watch->st.st_ctim);
}

/**
 * Get the current time in us.
 */
static uint64_t now()
{
	timeval_t tv;

	time_monotonic(&tv);
	return tv.tv_sec * 1000000ULL + tv.tv_usec;
}

METHOD(nflog_capture_watch_t, has_changed, bool,
	private_nflog_capture_watch_t *this)
{
	enumerator_t *enumerator;
	watch_t *watch;
	uint64_t start, duration;
	bool changed = FALSE;

	if (this->stale)
	{
		return TRUE;
	}
	start = now();
	if (start < this->next_check)
	{
		return FALSE;
	}
	enumerator = this->watches->create_enumerator(this->watches);
	while (!changed && enumerator->enumerate(enumerator, NULL, &watch))
	{
		changed = !is_unchanged(watch);
	}
	enumerator->destroy(enumerator);

	/* with thousands of files a check takes its time, to which we limit
	 * ourselves to a tenth when many CHILD_SAs are created at once */
	duration = now() - start;
	if (duration > LONG_CHECK)
	{
		this->next_check = start + 10 * duration;
	}
	return changed;
}

/**
 * Read the pattern of an include statement, FALSE if it is too long.
 */
static bool read_pattern(FILE *in, char *buf, size_t size)
{
	bool quoted = FALSE, escaped = FALSE;
	size_t len = 0;
	int c;

	while (len < size - 1 && (c = getc_unlocked(in)) != EOF)
	{
		if (!escaped && c == '\\')
		{
			escaped = TRUE;
		}
		else if (!escaped && c == '"')
		{
			if (quoted)
			{
				break;
			}
			quoted = TRUE;
		}
		else if (!escaped && !quoted && !len && (c == ' ' || c == '\t'))
		{
			continue;
		}
		else if (!escaped && !quoted && strchr("#}\n\t ", c))
		{	/* a comment or the end of a section may follow at once */
			ungetc(c, in);
			break;
		}
		else if (c != '\r')
		{
			escaped = FALSE;
			buf[len++] = c;
		}
	}
	buf[len] = '\0';
	return len && len < size - 1;
}

/* forward declaration */
static void watch_pattern(private_nflog_capture_watch_t *this, char *base,
						  char *pattern);

/**
 * Add a character to a hash (FNV-1a).
 */
static void add_hash(private_nflog_capture_watch_t *this, u_char c)
{
	this->hash = (this->hash ^ c) * 0x100000001b3;
}

/**
 * Read a file, and watch those that it includes.
 *
 * The parser doesn't tell which these are.  This follows the rules of its
 * lexer, as the values, among them secrets, must not be taken for includes.
 */
static void read_file(private_nflog_capture_watch_t *this, char *path)
{
	char buf[BUFSIZ], pattern[PATH_MAX], word[32];
	bool value = FALSE, quoted = FALSE, escaped = FALSE, comment = FALSE;
	size_t len = 0;
	FILE *in;
	int c;

	in = fopen(path, "re");
	if (!in)
	{
		return;
	}
	setvbuf(in, buf, _IOFBF, sizeof(buf));
	while ((c = getc_unlocked(in)) != EOF)
	{
		add_hash(this, c);
		if (comment)
		{
			comment = c != '\n';
		}
		else if (quoted)
		{
			quoted = escaped || c != '"';
			escaped = !escaped && c == '\\';
		}
		else if (value && c != '"' && c != '#')
		{
			value = c != '\n' && c != '}';
		}
		else if (strchr("\"#{}:.,=\r\n\t ", c))
		{
			word[min(len, sizeof(word) - 1)] = '\0';
			this->found = this->found || streq(word, this->word);
			if (streq(word, "include") && (c == ' ' || c == '\t') &&
				read_pattern(in, pattern, sizeof(pattern)))
			{
				watch_pattern(this, path, pattern);
			}
			value = c == '=' || (value && c == '"');
			quoted = c == '"';
			comment = c == '#';
			len = 0;
		}
		else
		{
			word[min(len, sizeof(word) - 1)] = c;
			len++;
		}
	}
	fclose(in);
	memwipe(buf, sizeof(buf));
}

/**
 * Watch the files or directories that match a pattern, or the pattern's path if
 * there are none.
 */
static void watch_matches(private_nflog_capture_watch_t *this, char *pattern,
						  bool included)
{
	watch_t *watch;
	glob_t matches;
	size_t i;

	if (glob(pattern, GLOB_NOCHECK, NULL, &matches) != 0)
	{
		return;
	}
	for (i = 0; i < matches.gl_pathc; i++)
	{
		if (!this->watches->get(this->watches, matches.gl_pathv[i]))
		{
			INIT(watch,
				.path = strdup(matches.gl_pathv[i]),
			);
			get_state(watch->path, &watch->st);
			this->watches->put(this->watches, watch->path, watch);
			if (included && S_ISREG(watch->st.st_mode))
			{
				read_file(this, watch->path);
			}
		}
	}
	globfree(&matches);
}

/**
 * Watch the files that match a pattern, and the directories in which they are
 * looked up.  Relative patterns are relative to the including file.
 */
static void watch_pattern(private_nflog_capture_watch_t *this, char *base,
						  char *pattern)
{
	char path[PATH_MAX], *dir, *pos;
	int len;

	if (path_absolute(pattern))
	{
		len = snprintf(path, sizeof(path), "%s", pattern);
	}
	else
	{
		dir = path_dirname(base);
		len = snprintf(path, sizeof(path), "%s/%s", dir, pattern);
		free(dir);
	}
	if (len >= sizeof(path))
	{
		return;
	}
	for (pos = strchr(path, '/'); pos; pos = strchr(pos + 1, '/'))
	{
		if (strcspn(pos + 1, "*?[") < strcspn(pos + 1, "/"))
		{
			*pos = '\0';
			watch_matches(this, path[0] ? path : "/", FALSE);
			*pos = '/';
		}
	}
	watch_matches(this, path, TRUE);
}

METHOD(nflog_capture_watch_t, start_, bool,
	private_nflog_capture_watch_t *this, char *path)
{
	enumerator_t *enumerator;
	watch_t *watch;
	uint64_t hash;
	time_t begin;

	begin = time(NULL);
	hash = this->hash;
	this->hash = HASH_INIT;
	this->found = FALSE;
	this->watches->destroy_function(this->watches, watch_destroy);
	this->watches = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									 8);
	watch_pattern(this, "/", path);

	/* a file could change once more without a change of its time stamp, so what
	 * was written just now is read again */
	this->stale = FALSE;
	enumerator = this->watches->create_enumerator(this->watches);
	while (enumerator->enumerate(enumerator, NULL, &watch))
	{
		if (labs(begin - watch->st.st_ctim.tv_sec) <= 1)
		{
			this->stale = TRUE;
		}
	}
	enumerator->destroy(enumerator);
	return this->hash != hash;
}

METHOD(nflog_capture_watch_t, has_word, bool,
	private_nflog_capture_watch_t *this)
{
	return this->found;
}

METHOD(nflog_capture_watch_t, get_paths, linked_list_t*,
	private_nflog_capture_watch_t *this)
{
	enumerator_t *enumerator;
	linked_list_t *paths;
	char *path;

	paths = linked_list_create();
	enumerator = this->watches->create_enumerator(this->watches);
	while (enumerator->enumerate(enumerator, &path, NULL))
	{
		paths->insert_last(paths, strdup(path));
	}
	enumerator->destroy(enumerator);
	return paths;
}

METHOD(nflog_capture_watch_t, reset, void,
	private_nflog_capture_watch_t *this)
{
	this->stale = TRUE;
	this->hash = 0;
}

METHOD(nflog_capture_watch_t, destroy, void,
	private_nflog_capture_watch_t *this)
{
	this->watches->destroy_function(this->watches, watch_destroy);
	free(this->word);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_watch_t *nflog_capture_watch_create(char *word)
{
	private_nflog_capture_watch_t *this;

	INIT(this,
		.public = {
			.start = _start_,
			.has_word = _has_word,
			.has_changed = _has_changed,
			.get_paths = _get_paths,
			.reset = _reset,
			.destroy = _destroy,
		},
		.word = strdup(word),
		.watches = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									8),
		.stale = TRUE,
	);
	return &this->public;
}

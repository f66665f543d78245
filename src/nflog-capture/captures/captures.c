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

#include "captures.h"

#include "cli/text.h"
#include "files/trace_name.h"

#include <collections/hashtable.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>

/** directory of the plugin, unless its option "dir" says otherwise */
#define DEFAULT_BASE "/var/lib/strongswan/captures"

/** option of the plugin */
#define DIR_OPTION "%s.plugins.nflog-capture.dir"

typedef struct private_captures_t private_captures_t;
typedef struct dir_id_t dir_id_t;

/**
 * A directory, whatever it is called.
 */
struct dir_id_t {
	/** device and inode */
	dev_t dev;
	ino_t ino;
	/** path by which it was added first */
	char *path;
};

/**
 * Private data.
 */
struct private_captures_t {

	/**
	 * Public interface.
	 */
	captures_t public;

	/**
	 * Directory that has those of connections.
	 */
	char *base;

	/**
	 * Traces, capture_t.
	 */
	array_t *captures;

	/**
	 * The same by path, without number and extension.
	 */
	hashtable_t *paths;

	/**
	 * Directories that were added, dir_id_t.
	 */
	array_t *dirs;
};

ENUM(capture_point_names, POINT_IKE_IN, POINT_UNKNOWN,
	"ike-in",
	"esp-in",
	"plain-in",
	"plain-out",
	"esp-out",
	"ike-out",
	"packets",
);

/*
 * Described in header
 */
u_int captures_get_number(char *file)
{
	u_int number = 0;

	if (nflog_trace_name_parse(file, NULL))
	{
		nflog_trace_name_stem(file, &number);
	}
	return number;
}

/*
 * Described in header
 */
bool captures_parse(char *file, capture_t *capture)
{
	char spis[2][NFLOG_IKE_DIGITS + 1], *pos;
	int i;

	memset(capture, 0, sizeof(*capture));
	if (!nflog_trace_name_parse(file, spis))
	{
		return FALSE;
	}
	capture->name = strndup(file, nflog_trace_name_stem(file, NULL));
	for (i = 0; i < countof(spis); i++)
	{
		capture->spis[i] = strtoull(spis[i], NULL, 16);
	}
	if (strlen(spis[0]) == NFLOG_IKE_DIGITS)
	{
		capture->kind = CAPTURE_IKE;
		capture->label = strdup("ike");
		return TRUE;
	}
	pos = strrchr(capture->name, '.');
	capture->kind = streq(pos + 1, NFLOG_NAME_ESP) ? CAPTURE_ESP :
					streq(pos + 1, NFLOG_NAME_PLAIN) ? CAPTURE_PLAIN : CAPTURE_ASTRAY;
	/* before SPIs, and the time */
	capture->label = strndup(capture->name, pos - capture->name);
	for (i = 0; i < 2; i++)
	{
		*strrchr(capture->label, '.') = '\0';
	}
	return TRUE;
}

/**
 * Destroy a capture_t.
 */
static void capture_destroy(capture_t *this)
{
	char *file;

	while (array_remove(this->files, ARRAY_HEAD, &file))
	{
		free(file);
	}
	array_destroy(this->files);
	free(this->dir);
	free(this->conn);
	free(this->name);
	free(this->label);
	free(this);
}

/**
 * Get the last component of a directory, as it is called.
 */
static char *get_conn(char *dir)
{
	char *path, *conn;

	path = realpath(dir, NULL) ?: strdup(dir);
	conn = strdup(basename(path));
	free(path);
	return conn;
}

METHOD(captures_t, get, capture_t*,
	private_captures_t *this, char *dir, char *file)
{
	capture_t *capture, parsed;
	char *path;

	if (!captures_parse(file, &parsed))
	{
		parsed.name = strdup(file);
		parsed.label = strdup(file);
	}
	if (asprintf(&path, "%s/%s", dir, parsed.name) < 0)
	{
		abort();
	}
	capture = this->paths->get(this->paths, path);
	if (capture)
	{
		free(path);
		free(parsed.name);
		free(parsed.label);
		return capture;
	}
	INIT(capture,
		.dir = strdup(dir),
		.conn = get_conn(dir),
		.name = parsed.name,
		.label = parsed.label,
		.kind = parsed.kind,
		.spis = { parsed.spis[0], parsed.spis[1] },
		.files = array_create(0, 0),
	);
	array_insert(this->captures, ARRAY_TAIL, capture);
	this->paths->put(this->paths, path, capture);
	return capture;
}

/**
 * Compare the names of files of a trace.
 */
static int compare_files(const void *a, const void *b, void *user)
{
	char *x = (char*)a, *y = (char*)b;
	u_int m = captures_get_number(x), n = captures_get_number(y);

	return m == n ? strcmp(x, y) : m < n ? -1 : 1;
}

/**
 * Add a file, unless it is there already.
 */
static void add_file(private_captures_t *this, char *dir, char *file)
{
	capture_t *capture = get(this, dir, file);
	enumerator_t *enumerator;
	bool there = FALSE;
	char *other;

	enumerator = array_create_enumerator(capture->files);
	while (!there && enumerator->enumerate(enumerator, &other))
	{
		there = streq(other, file);
	}
	enumerator->destroy(enumerator);
	if (!there)
	{
		array_insert(capture->files, ARRAY_TAIL, strdup(file));
	}
}

/**
 * Compare names, those that the plugin gave to the files of a trace are neighbors.
 */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/**
 * Check if a directory's entry is a trace.
 */
static int is_trace(const struct dirent *entry)
{
	return nflog_trace_name_parse((char*)entry->d_name, NULL);
}

/**
 * Check if a directory's entry is a trace that was compressed.
 */
static int is_compressed(const struct dirent *entry)
{
	static char *suffixes[] = { ".gz", ".xz", ".zst", ".bz2" };
	char name[NAME_MAX + 1], *dot;
	int i;

	snprintf(name, sizeof(name), "%s", entry->d_name);
	dot = strrchr(name, '.');
	for (i = 0; dot && i < countof(suffixes); i++)
	{
		if (streq(dot, suffixes[i]))
		{
			*dot = '\0';
			return nflog_trace_name_parse(name, NULL);
		}
	}
	return FALSE;
}

/**
 * Print that compressed traces are left out.
 */
static void report_compressed(char *dir)
{
	struct dirent **entries;
	int count, i;

	count = scandir(dir, &entries, is_compressed, compare_names);
	for (i = 0; i < count; i++)
	{
		if (!i)
		{
			text_print(stderr, "%s has %d traces that were compressed, such as %s, these "
					   "are left out: decompress them first\n", dir, count,
					   entries[i]->d_name);
		}
		free(entries[i]);
	}
	if (count >= 0)
	{
		free(entries);
	}
}

/**
 * Add all traces in a directory.
 */
static bool add_dir(private_captures_t *this, char *dir)
{
	struct dirent **entries;
	int count, i;

	count = scandir(dir, &entries, is_trace, compare_names);
	if (count < 0)
	{
		text_print(stderr, "unable to open %s: %s\n", dir, strerror(errno));
		return FALSE;
	}
	for (i = 0; i < count; i++)
	{
		add_file(this, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	report_compressed(dir);
	if (!count)
	{
		text_print(stderr, "%s has no traces\n", dir);
	}
	return count;
}

/*
 * Described in header
 */
char *captures_get_dir(char *base, char *what)
{
	char label[NFLOG_NAME_SIZE], *dir;
	struct stat st;

	if (stat(what, &st) == 0 && S_ISDIR(st.st_mode))
	{
		return strdup(what);
	}
	if (*what && !strchr(what, '/') && asprintf(&dir, "%s/%s", base, what) >= 0)
	{	/* the name of the directory itself */
		if (stat(dir, &st) == 0)
		{
			return dir;
		}
		free(dir);
	}
	if (asprintf(&dir, "%s/%s", base, nflog_trace_name_label(what, label)) < 0)
	{
		return NULL;
	}
	if (strchr(what, '/') && stat(dir, &st) != 0)
	{	/* rather a path than the name of a connection */
		free(dir);
		return strdup(what);
	}
	return dir;
}

/**
 * Print that an operand is nothing known, or why that is not known, see errno.
 *
 * @param dir		the directory that it would be as a connection, NULL for none
 */
static bool refuse(private_captures_t *this, char *what, char *dir)
{
	if (strchr(what, '/') || (dir && errno != ENOENT && errno != ENOTDIR))
	{
		text_print(stderr, "unable to open %s: %s\n", strchr(what, '/') ? what : dir,
				   strerror(errno));
	}
	else
	{
		text_print(stderr, "'%s' is neither a file, nor a directory, nor a connection "
				   "with traces in %s (--dir names another directory)\n", what,
				   this->base);
	}
	return FALSE;
}

/**
 * Get the path by which a directory was added already, if so, allocated.
 *
 * @param dir		directory, gets owned
 */
static char *get_known(private_captures_t *this, char *dir)
{
	dir_id_t *id;
	struct stat st;
	int i;

	if (!dir || stat(dir, &st) != 0)
	{
		return dir;
	}
	for (i = 0; i < array_count(this->dirs); i++)
	{
		array_get(this->dirs, i, &id);
		if (id->dev == st.st_dev && id->ino == st.st_ino)
		{
			free(dir);
			return strdup(id->path);
		}
	}
	INIT(id,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.path = strdup(dir),
	);
	array_insert(this->dirs, ARRAY_TAIL, id);
	return dir;
}

METHOD(captures_t, add, bool,
	private_captures_t *this, char *what)
{
	char *dir, *copy;
	struct stat st;
	bool success;

	if (stat(what, &st) == 0 && !S_ISDIR(st.st_mode))
	{
		copy = strdup(what);
		dir = get_known(this, strdup(dirname(copy)));
		free(copy);
		copy = strdup(what);
		add_file(this, dir, basename(copy));
		free(copy);
		free(dir);
		return TRUE;
	}
	dir = get_known(this, captures_get_dir(this->base, what));
	success = dir && stat(dir, &st) == 0 ? add_dir(this, dir)
											: refuse(this, what, dir);
	free(dir);
	return success;
}

/**
 * Compare traces.
 */
static int compare(const void *a, const void *b, void *user)
{
	const capture_t *x = a, *y = b;

	return strcmp(x->dir, y->dir) ?: strcmp(x->name, y->name);
}

METHOD(captures_t, create_enumerator, enumerator_t*,
	private_captures_t *this)
{
	enumerator_t *enumerator;
	capture_t *capture;

	array_sort(this->captures, (void*)compare, NULL);
	enumerator = array_create_enumerator(this->captures);
	while (enumerator->enumerate(enumerator, &capture))
	{
		array_sort(capture->files, compare_files, NULL);
	}
	enumerator->destroy(enumerator);
	return array_create_enumerator(this->captures);
}

METHOD(captures_t, get_count, u_int,
	private_captures_t *this)
{
	return array_count(this->captures);
}

/**
 * Destroy a key of the table of paths.
 */
static void path_destroy(void *value, const void *key)
{
	free((void*)key);
}

METHOD(captures_t, destroy, void,
	private_captures_t *this)
{
	capture_t *capture;
	dir_id_t *id;

	while (array_remove(this->captures, ARRAY_HEAD, &capture))
	{
		capture_destroy(capture);
	}
	array_destroy(this->captures);
	while (array_remove(this->dirs, ARRAY_HEAD, &id))
	{
		free(id->path);
		free(id);
	}
	array_destroy(this->dirs);
	this->paths->destroy_function(this->paths, path_destroy);
	free(this);
}

/*
 * Described in header
 */
char *captures_get_base()
{
	static char *daemons[] = { "charon-systemd", "charon" };
	settings_t *settings;
	char *path = NULL;
	int i;

	settings = settings_create(getenv("STRONGSWAN_CONF") ?: STRONGSWAN_CONF);
	for (i = 0; !path && i < countof(daemons); i++)
	{
		path = settings->get_str(settings, DIR_OPTION, NULL, daemons[i]);
	}
	path = strdup(path ?: DEFAULT_BASE);
	settings->destroy(settings);
	return path;
}

/**
 * Get the directory of a trace.
 */
CALLBACK(filter_dirs, bool,
	void *null, enumerator_t *orig, va_list args)
{
	capture_t *capture;
	char **dir;

	VA_ARGS_VGET(args, dir);
	if (orig->enumerate(orig, &capture))
	{
		*dir = capture->dir;
		return TRUE;
	}
	return FALSE;
}

/*
 * Described in header
 */
enumerator_t *captures_filter_dirs(enumerator_t *traces)
{
	return enumerator_create_filter(traces, filter_dirs, NULL, NULL);
}

/*
 * Described in header
 */
captures_t *captures_create(char *base)
{
	private_captures_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get = _get,
			.create_enumerator = _create_enumerator,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.base = base,
		.captures = array_create(0, 0),
		.dirs = array_create(0, 0),
		.paths = hashtable_create(hashtable_hash_str, hashtable_equals_str, 64),
	);
	return &this->public;
}

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

/*
 * What tests of files need: a store, and files with or without traces.
 */

#ifndef FILES_H_
#define FILES_H_

#include "common.h"
#include "files/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>

/** directory of the store, which does not exist at first */
static char captures[64];

/** what is tested */
static nflog_store_t *store;

/** directories of which traces were removed */
static char removed[256];

/**
 * Expect some lines in the log since the last time, the last with a text.
 */
static inline void logged(int count, char *text)
{
	assert_int_equal(lines, count);
	if (count)
	{
		assert_non_null(strstr(line, text));
	}
	lines = 0;
}

/**
 * Get the path of a file in the store's directory.
 */
static inline char *path(char *name)
{
	static char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/%s", captures, name);
	return buf;
}

static inline void removed_cb(void *data, char *conn)
{
	assert_ptr_equal(data, removed);
	strncat(removed, conn, sizeof(removed) - strlen(removed) - 1);
	strncat(removed, " ", sizeof(removed) - strlen(removed) - 1);
}

static inline int setup(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	snprintf(captures, sizeof(captures), "%s/var/captures", dir);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   captures);
	return 0;
}

static inline int begin(void **state)
{
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", NULL);
	umask(022);
	lines = 0;
	removed[0] = '\0';
	store = nflog_store_create();
	store->set_removed_cb(store, removed_cb, removed);
	/* nothing is touched until it's needed */
	return access(captures, F_OK) == 0 ? -1 : 0;
}

static inline int end(void **state)
{
	store->destroy(store);
	return common_remove("var");
}

static inline void assert_mode(char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path(name), &st), 0);
	assert_int_equal(st.st_mode, mode);
}

/**
 * Create a file with so many bytes.
 */
static inline void create(char *conn, char *name, size_t bytes)
{
	static char buf[4096];
	struct stat st;
	int fd;

	fd = store->create_file(store, conn, name, chunk_empty);
	assert_true(fd >= 0);
	while (bytes)
	{	/* blocks of the disk, and no hole */
		assert_true(write(fd, buf, min(bytes, sizeof(buf))) > 0);
		bytes -= min(bytes, sizeof(buf));
	}
	assert_int_equal(fstat(fd, &st), 0);
	store->settle(store, 0, st.st_blocks * 512);
	close(fd);
}

/**
 * Create a trace with so many bytes, and that old.
 */
static inline void create_trace(char *conn, int i, size_t bytes)
{
	struct timeval tv[2] = {};
	char name[PATH_MAX], full[PATH_MAX + 64];

	snprintf(name, sizeof(name), "net.20261123T202345Z.%.8x-00000000.esp.pcap",
			 i);
	create(conn, name, bytes);
	tv[0].tv_sec = tv[1].tv_sec = 1700000000 + i;
	snprintf(full, sizeof(full), "%s/%s", store->get_path(store, conn,
			 (char[256]){}, 256), name);
	assert_int_equal(utimes(full, tv), 0);
}

/**
 * Check if the trace is there that create_trace() created.
 */
static inline bool has_trace(char *conn, int i)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/net.20261123T202345Z.%.8x-00000000.esp.pcap",
			 conn, i);
	return access(path(name), F_OK) == 0;
}

/**
 * Get the number of files of a connection, hidden ones too.
 */
static inline int count_files(char *conn)
{
	struct dirent *entry;
	int count = 0;
	DIR *d;

	d = opendir(path(conn));
	assert_non_null(d);
	while ((entry = readdir(d)))
	{
		count += entry->d_type == DT_REG;
	}
	closedir(d);
	return count;
}

static inline void set_max_total(char *value)
{
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", value);
}

static inline void set_min_free(char *value)
{
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.min_free", value);
}

#endif /* FILES_H_ */

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
 * Store: modes and owners, what is refused, atomic replacement, and the disk
 * budget.
 */

#define _GNU_SOURCE

#include "common.h"
#include "files/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <collections/hashtable.h>

/** directory of the store, which does not exist at first */
static char captures[64];

/** what is tested */
static nflog_store_t *store;

/** directories of which traces were removed */
static char removed[256];

/**
 * Expect some lines in the log since the last time, the last with a text.
 */
static void logged(int count, char *text)
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
static char *path(char *name)
{
	static char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/%s", captures, name);
	return buf;
}

static void removed_cb(void *data, char *conn)
{
	assert_ptr_equal(data, removed);
	strncat(removed, conn, sizeof(removed) - strlen(removed) - 1);
	strncat(removed, " ", sizeof(removed) - strlen(removed) - 1);
}

static int setup(void **state)
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

static int begin(void **state)
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

static int end(void **state)
{
	store->destroy(store);
	return common_remove("var");
}

static void assert_mode(char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path(name), &st), 0);
	assert_int_equal(st.st_mode, mode);
}

/**
 * Create a file with so many bytes.
 */
static void create(char *conn, char *name, size_t bytes)
{
	int fd;

	fd = store->create_file(store, conn, name, chunk_empty);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

/**
 * Create a trace with so many bytes, and that old.
 */
static void create_trace(char *conn, int i, size_t bytes)
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
static bool has_trace(char *conn, int i)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/net.20261123T202345Z.%.8x-00000000.esp.pcap",
			 conn, i);
	return access(path(name), F_OK) == 0;
}

/**
 * Get the number of files of a connection, hidden ones too.
 */
static int count_files(char *conn)
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

/** names that need no change */
static char *fit[] = {
	"gw", "Zürich & co", "a_b", "x..", "-", "~", "a b", "%n%s", "net~net",
	"a_b~0123456789abcde", "a_b~0123456789ABCDEF", "a_b~0123456789abcdef0",
	"\xff\xfe",
};

/** names that do, and how the new ones begin */
static struct {
	char *name;
	char *prefix;
} unfit[] = {
	{ "", "~" },
	{ ".", "_~" },
	{ "..", "_.~" },
	{ ".hidden", "_hidden~" },
	{ "../../etc", "_._.._etc~" },
	{ "a/b", "a_b~" },
	{ "a\nb\x7f\x01", "a_b__~" },
	{ "a\rb\x7f\x01", "a_b__~" },
	{ "a_b~0123456789abcdef", "a_b~0123456789abcdef~" },
	{ "~0123456789abcdef", "~0123456789abcdef~" },
};

/**
 * Check that a name is one of a file, and differs from all before.
 */
static void check_name(char *name, hashtable_t *names)
{
	char buf[NFLOG_NAME_SIZE], again[NFLOG_NAME_SIZE], *former;
	size_t i, len;

	nflog_trace_name_label(name, buf);
	len = strlen(buf);
	assert_in_range(len, 1, NFLOG_NAME_SIZE - 1);
	assert_int_not_equal(buf[0], '.');
	for (i = 0; i < len; i++)
	{
		assert_false((u_char)buf[i] < ' ' || buf[i] == 0x7f || buf[i] == '/');
	}
	/* and with the next start */
	assert_string_equal(nflog_trace_name_label(name, again), buf);
	former = names->get(names, buf);
	if (former)
	{
		assert_string_equal(former, name);
	}
	else
	{
		names->put(names, strdup(buf), strdup(name));
	}
}

static void test_names(void **state)
{
	char buf[NFLOG_NAME_SIZE], again[NFLOG_NAME_SIZE];
	char long_name[500], other[500];
	u_int i;

	for (i = 0; i < countof(fit); i++)
	{
		assert_string_equal(nflog_trace_name_label(fit[i], buf), fit[i]);
	}
	for (i = 0; i < countof(unfit); i++)
	{
		nflog_trace_name_label(unfit[i].name, buf);
		assert_true(strpfx(buf, unfit[i].prefix));
		assert_int_equal(strlen(buf), strlen(unfit[i].prefix) + 16);
		/* who configures that name gets another directory */
		assert_string_not_equal(nflog_trace_name_label(buf, again), buf);
	}
	/* is part of the interface, tables are looked for there after an update */
	assert_string_equal(nflog_trace_name_label("a/b", buf),
						"a_b~367daf60c489d65e");

	memset(long_name, 'x', sizeof(long_name));
	memset(other, 'x', sizeof(other));
	long_name[100] = '\0';
	assert_string_equal(nflog_trace_name_label(long_name, buf), long_name);
	long_name[100] = 'x';
	long_name[499] = other[499] = '\0';
	assert_int_equal(strlen(nflog_trace_name_label(long_name, buf)), 100);
	other[498] = 'y';
	assert_string_not_equal(nflog_trace_name_label(other, again), buf);
	/* a character across the limit */
	memcpy(long_name + 82, "ü", 2);
	assert_int_equal(strlen(nflog_trace_name_label(long_name, buf)), 99);
	assert_int_equal(buf[82], '~');
}

static void test_names_differ(void **state)
{
	static char alphabet[] = "ab./_~\n\x7f" "0f\xc3\xbc%";
	enumerator_t *enumerator;
	hashtable_t *names;
	char name[256], *key, *value;
	uint32_t seed = 1;
	u_int i, j, len;

	names = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	for (i = 0; i < 100000; i++)
	{	/* very short ones, so that many differ in a single character, and those
		 * around the limits; all with what the former ones became */
		seed = seed * 1664525 + 1013904223;
		len = i % 3 ? (seed >> 8) % 6 : 80 + (seed >> 8) % 40;
		for (j = 0; j < len; j++)
		{
			seed = seed * 1664525 + 1013904223;
			name[j] = i % 3 && j < 6 ? alphabet[(seed >> 16) %
												(countof(alphabet) - 1)] : 'x';
			if (i % 3 == 0 && j > len - 3)
			{
				name[j] = alphabet[(seed >> 16) % (countof(alphabet) - 1)];
			}
		}
		name[len] = '\0';
		check_name(name, names);
		if (i % 8 == 0)
		{
			char safe[NFLOG_NAME_SIZE];

			check_name(nflog_trace_name_label(name, safe), names);
		}
	}
	enumerator = names->create_enumerator(names);
	while (enumerator->enumerate(enumerator, &key, &value))
	{
		free(key);
		free(value);
	}
	enumerator->destroy(enumerator);
	names->destroy(names);
}

static void test_modes(void **state)
{
	mode_t masks[] = { 0, 022, 0777 };
	char name[32];
	int fd;
	u_int i;

	for (i = 0; i < countof(masks); i++)
	{
		umask(masks[i]);
		snprintf(name, sizeof(name), "conn%u", i);
		fd = store->create_file(store, name, "a.pcap", chunk_empty);
		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
		assert_true(store->replace_file(store, name, "esp_sa",
										chunk_from_str("x")));
		umask(022);
		assert_mode(name, S_IFDIR | 0700);
		snprintf(name, sizeof(name), "conn%u/a.pcap", i);
		assert_mode(name, S_IFREG | 0600);
		snprintf(name, sizeof(name), "conn%u/esp_sa", i);
		assert_mode(name, S_IFREG | 0600);
	}
	assert_mode("", S_IFDIR | 0700);
	logged(0, NULL);
}

static void test_append(void **state)
{
	chunk_t content;
	char digit;
	int fd, i;

	for (i = 0; i < 3; i++)
	{
		fd = i ? store->open_file(store, "a_b", "x.pcap") :
				store->create_file(store, "a_b", "x.pcap", chunk_empty);
		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		digit = '0' + i;
		assert_int_equal(write(fd, &digit, 1), 1);
		close(fd);
	}
	assert_true(store->read_file(store, "a_b", "x.pcap", &content));
	assert_true(chunk_equals(content, chunk_from_str("012")));
	chunk_free(&content);

	logged(0, NULL);
	assert_int_equal(store->create_file(store, "a_b", "x.pcap", chunk_empty), -1);
	logged(1, "remove it");
	store->remove_file(store, "a_b", "x.pcap");
	assert_int_equal(store->open_file(store, "a_b", "x.pcap"), -1);
	logged(1, "removed by someone else");
	/* not again, until it worked */
	assert_int_equal(store->open_file(store, "a_b", "x.pcap"), -1);
	logged(0, NULL);
	create("a_b", "x.pcap", 10);
	close(store->open_file(store, "a_b", "x.pcap"));
	assert_int_equal(store->create_file(store, "a_b", "x.pcap", chunk_empty), -1);
	logged(1, "remove it");
	store->remove_file(store, "a_b", "x.pcap");
	assert_int_equal(store->open_file(store, "a_b", "x.pcap"), -1);
	logged(1, "removed by someone else");
	/* is no error */
	store->remove_file(store, "a_b", "x.pcap");
	assert_true(store->read_file(store, "a_b", "x.pcap", &content));
	assert_int_equal(content.len, 0);
	assert_true(store->read_file(store, "nobody", "x.pcap", &content));
	logged(0, NULL);
}

static void test_replace(void **state)
{
	chunk_t content;
	int i;

	for (i = 0; i < 3; i++)
	{
		assert_true(store->replace_file(store, "gw", "esp_sa",
										chunk_from_thing(i)));
		assert_true(store->read_file(store, "gw", "esp_sa", &content));
		assert_true(chunk_equals(content, chunk_from_thing(i)));
		chunk_free(&content);
	}
	assert_true(store->replace_file(store, "gw", "esp_sa", chunk_empty));
	assert_int_equal(count_files("gw"), 1);
	assert_mode("gw/esp_sa", S_IFREG | 0600);
	logged(0, NULL);
}

/**
 * Nothing can be done with the directory of a connection.
 */
static void refused(char *conn, char *text)
{
	chunk_t content;

	assert_int_equal(store->create_file(store, conn, "x.pcap", chunk_empty), -1);
	logged(1, text);
	assert_int_equal(store->open_file(store, conn, "x.pcap"), -1);
	assert_false(store->read_file(store, conn, "x.pcap", &content));
	assert_false(store->replace_file(store, conn, "x.pcap", chunk_empty));
	store->remove_file(store, conn, "x.pcap");
	logged(0, NULL);
}

static void test_links(void **state)
{
	char target[PATH_MAX];
	chunk_t content;
	int fd;

	create("gw", "x.pcap", 10);
	snprintf(target, sizeof(target), "%s/var/other", dir);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, path("link")), 0);
	refused("link", "symbolic links");

	strcat(target, "/file");
	assert_int_equal(symlink(target, path("gw/link")), 0);
	assert_int_equal(store->create_file(store, "gw", "link", chunk_empty), -1);
	logged(1, "remove it");
	assert_int_equal(store->open_file(store, "gw", "link"), -1);
	logged(1, "symbolic links");
	assert_false(store->read_file(store, "gw", "link", &content));
	/* the link itself is replaced */
	assert_true(store->replace_file(store, "gw", "link", chunk_empty));
	assert_mode("gw/link", S_IFREG | 0600);
	assert_int_equal(access(target, F_OK), -1);

	/* and of what is no file */
	lines = 0;
	assert_int_equal(mkfifo(path("gw/fifo"), 0600), 0);
	assert_false(store->read_file(store, "gw", "fifo", &content));
	assert_int_equal(store->open_file(store, "gw", "fifo"), -1);
	logged(1, "gw/fifo");

	/* dir itself may be one */
	store->destroy(store);
	snprintf(target, sizeof(target), "%s/var/moved", dir);
	assert_int_equal(rename(captures, target), 0);
	assert_int_equal(symlink(target, captures), 0);
	store = nflog_store_create();
	fd = store->open_file(store, "gw", "x.pcap");
	assert_true(fd >= 0);
	close(fd);
	logged(0, NULL);
}

/**
 * The directory is that of the first valid option.
 */
static void test_dir(void **state)
{
	char *option = "charon.plugins.nflog-capture.dir";
	int fd;

	store->destroy(store);
	lib->settings->set_str(lib->settings, option, "captures");
	store = nflog_store_create();
	lib->settings->set_str(lib->settings, option, captures);
	fd = store->create_file(store, "gw", "x.pcap", chunk_empty);
	assert_true(fd >= 0);
	close(fd);
	assert_mode("gw/x.pcap", S_IFREG | 0600);
	lib->settings->set_str(lib->settings, option, "/dev/null");
	fd = store->create_file(store, "gw", "y.pcap", chunk_empty);
	assert_true(fd >= 0);
	close(fd);
	assert_mode("gw/y.pcap", S_IFREG | 0600);
	lib->settings->set_str(lib->settings, option, captures);
	logged(0, NULL);
}

static void test_owners(void **state)
{
	int fd;

	create("gw", "x.pcap", 10);
	assert_int_equal(chmod(path("gw"), 0775), 0);
	refused("gw", "chmod go-w");
	assert_int_equal(chmod(path("gw"), 0702), 0);
	assert_int_equal(store->open_file(store, "gw", "x.pcap"), -1);
	logged(0, NULL);
	assert_int_equal(chmod(path("gw"), 0755), 0);
	fd = store->open_file(store, "gw", "x.pcap");
	assert_true(fd >= 0);
	close(fd);
	logged(0, NULL);
	/* told again, as it worked in between */
	assert_int_equal(chmod(path("gw"), 0777), 0);
	refused("gw", "chmod go-w");
	assert_int_equal(chmod(path("gw"), 0700), 0);
	if (geteuid() == 0)
	{
		close(store->open_file(store, "gw", "x.pcap"));
		assert_int_equal(chown(path("gw"), 65534, 65534), 0);
		refused("gw", "chown");
		assert_int_equal(chown(path("gw"), 0, 0), 0);
	}
	close(store->open_file(store, "gw", "x.pcap"));
	assert_int_equal(chmod(captures, 0777), 0);
	refused("gw", "chmod go-w");
}

static void test_enumerate(void **state)
{
	static char *traces[] = {
		"net.20261123T202345Z.01234567-89abcdef.esp.pcap",
		"a.b.20261123T202345Z.01234567-89abcdef.plain.7.pcap",
		"ike.20261123T202345Z.0123456789abcdef-0123456789abcdef.pcap",
	}, *others[] = {
		"mine.pcap",
		"net.20261123T202345Z.01234567-89abcdef.esp.pcap.gz",
		"net.20261123.01234567-89abcdef.esp.pcap",
		"net.20261123T202345Z.01234567-89ABCDEF.esp.pcap",
		"esp_sa",
		"preferences",
		".pcap",
	};
	enumerator_t *enumerator;
	char *name;
	u_int i, count = 0;
	bool found;

	for (i = 0; i < countof(traces); i++)
	{
		create("gw", traces[i], 1);
	}
	for (i = 0; i < countof(others); i++)
	{
		create("gw", others[i], 1);
	}
	enumerator = store->create_trace_enumerator(store, "gw");
	while (enumerator->enumerate(enumerator, &name))
	{
		found = FALSE;
		for (i = 0; i < countof(traces); i++)
		{
			found = found || streq(name, traces[i]);
		}
		assert_true(found);
		count++;
	}
	enumerator->destroy(enumerator);
	assert_int_equal(count, countof(traces));

	enumerator = store->create_trace_enumerator(store, "nobody");
	assert_false(enumerator->enumerate(enumerator, &name));
	enumerator->destroy(enumerator);
	logged(0, NULL);

	/* told if it's a trace */
	store->remove_file(store, "gw", others[0]);
	assert_string_equal(removed, "");
	store->remove_file(store, "gw", traces[0]);
	assert_string_equal(removed, "gw ");
}

static void set_max_total(char *value)
{
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", value);
}

static void test_budget(void **state)
{
	int i;

	set_max_total("100k");
	/* of other users, or not ours by its name, and so never removed */
	create("keep", "mine.pcap", 10 * 1024);
	for (i = 0; i < 8; i++)
	{
		create_trace(i % 2 ? "odd" : "even", i, 10 * 1024);
	}
	/* 90k are there */
	assert_true(store->reserve(store, 10 * 1024));
	logged(0, NULL);
	create_trace("odd", 9, 10 * 1024);
	assert_string_equal(removed, "");

	/* 1k too much */
	assert_true(store->reserve(store, 1024));
	logged(1, "even/net.20261123T202345Z.00000000-00000000.esp.pcap' of 10240 "
		   "bytes, as all would exceed max_total = 102400");
	assert_string_equal(removed, "even ");
	assert_false(has_trace("even", 0));
	assert_true(has_trace("odd", 1));

	/* several, but told once */
	removed[0] = '\0';
	create("keep", "another", 1024);
	assert_true(store->reserve(store, 40 * 1024));
	assert_true(streq(removed, "even odd ") || streq(removed, "odd even "));
	logged(4, "even/net.20261123T202345Z.00000004");
	assert_false(has_trace("even", 2));
	assert_true(has_trace("even", 4) == FALSE);
	assert_true(has_trace("even", 6));
	assert_true(has_trace("odd", 7));
}

static void test_budget_used(void **state)
{
	char name[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";

	set_max_total("100k");
	create_trace("gw", 0, 60 * 1024);
	create_trace("gw", 1, 30 * 1024);
	store->set_used(store, "gw", name, TRACE_USED);

	/* the older one is in use */
	assert_true(store->reserve(store, 30 * 1024));
	logged(1, "00000001");
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 1));

	/* nothing that could be removed, what wasn't written doesn't count */
	assert_false(store->reserve(store, 50 * 1024));
	assert_true(store->reserve(store, 40 * 1024));
	assert_true(has_trace("gw", 0));
	logged(1, "raise max_total = 102400");

	store->set_used(store, "gw", name, TRACE_COMPLETE);
	assert_true(store->reserve(store, 50 * 1024));
	assert_false(has_trace("gw", 0));
	logged(1, "00000000");

	/* changed while running */
	create_trace("gw", 2, 60 * 1024);
	set_max_total("1m");
	assert_true(store->reserve(store, 900 * 1024));
	set_max_total("0");
	assert_true(store->reserve(store, (size_t)100 << 30));
	assert_true(has_trace("gw", 2));
	logged(0, NULL);

	/* larger than all */
	set_max_total("10k");
	assert_false(store->reserve(store, 11 * 1024));
}

static void test_budget_tmp(void **state)
{
	static char *left = "gw/.esp_sa.0123abcd.tmp";
	static char *others[] = {
		".esp_sa.0123abcd.tmp.gz", ".0123abcd.tmp", ".recent.tmp", "a.0123abcd.tmp",
	};
	nflog_store_t *other;
	int i;

	for (i = 0; i < countof(others); i++)
	{
		create("gw", others[i], 10);
	}
	/* about to be renamed by another process */
	other = nflog_store_create();
	other->set_used(other, "gw", strchr(left, '/') + 1, TRACE_USED);
	create("gw", strchr(left, '/') + 1, 10);
	assert_true(store->reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), 0);
	assert_int_equal(count_files("gw"), countof(others) + 1);
	/* and left behind as it died, however short ago */
	other->destroy(other);
	store->destroy(store);
	store = nflog_store_create();
	assert_true(store->reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), -1);
	assert_int_equal(count_files("gw"), countof(others));
}

/** text of the line that there is another process */
#define SHARED "of each charon to a directory of its own"

static void test_processes(void **state)
{
	char used[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";
	char next[] = "net.20261123T202345Z.00000001-00000000.esp.pcap";
	nflog_store_t *other;

	set_max_total("100k");
	store->set_used(store, "gw", used, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	logged(0, NULL);

	/* one that is restarted, while this one hangs */
	other = nflog_store_create();
	other->set_used(other, "gw", next, TRACE_USED);
	logged(1, SHARED);
	assert_false(other->reserve(other, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	/* and this one leaves those of the other alone */
	assert_false(store->reserve(store, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));

	/* complete ones go, whoever wrote them */
	store->set_used(store, "gw", used, TRACE_COMPLETE);
	other->set_used(other, "gw", "x", TRACE_COMPLETE);
	assert_true(other->reserve(other, 40 * 1024));
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));
	lines = 0;

	/* it ends without a word */
	other->destroy(other);
	assert_true(store->reserve(store, 100 * 1024));
	assert_false(has_trace("gw", 1));
	logged(1, "00000001");

	/* somebody removed the directory, others know nothing of that */
	store->set_used(store, "gw", used, TRACE_USED);
	assert_int_equal(common_remove("var"), 0);
	store->set_used(store, "gw", next, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	other = nflog_store_create();
	assert_false(other->reserve(other, 40 * 1024));
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	logged(2, "raise max_total");
	other->destroy(other);
}

static void test_full(void **state)
{
	chunk_t data = chunk_alloca(200 * 1024), content;

	/* a file system of its own, which nobody else sees */
	assert_true(mkdir_p(captures, 0700));
	if (unshare(CLONE_NEWNS) != 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", captures, "tmpfs", 0, "size=128k,mode=0700") != 0)
	{
		skip();
	}
	memset(data.ptr, 'x', data.len);
	assert_true(store->replace_file(store, "gw", "esp_sa",
									chunk_from_str("old")));
	lines = 0;
	assert_false(store->replace_file(store, "gw", "esp_sa", data));
	logged(1, "free some space");
	/* the old one is still there, and nothing else */
	assert_true(store->read_file(store, "gw", "esp_sa", &content));
	assert_true(chunk_equals(content, chunk_from_str("old")));
	chunk_free(&content);
	assert_int_equal(count_files("gw"), 1);

	assert_int_equal(mount(NULL, captures, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(store->create_file(store, "gw", "x.pcap", chunk_empty), -1);
	logged(1, "writable");
	assert_int_equal(store->create_file(store, "gw", "y.pcap", chunk_empty), -1);
	logged(0, NULL);
	assert_int_equal(umount(captures), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, begin, end),
		cmocka_unit_test_setup_teardown(test_names_differ, begin, end),
		cmocka_unit_test_setup_teardown(test_modes, begin, end),
		cmocka_unit_test_setup_teardown(test_append, begin, end),
		cmocka_unit_test_setup_teardown(test_replace, begin, end),
		cmocka_unit_test_setup_teardown(test_links, begin, end),
		cmocka_unit_test_setup_teardown(test_dir, begin, end),
		cmocka_unit_test_setup_teardown(test_owners, begin, end),
		cmocka_unit_test_setup_teardown(test_enumerate, begin, end),
		cmocka_unit_test_setup_teardown(test_budget, begin, end),
		cmocka_unit_test_setup_teardown(test_budget_used, begin, end),
		cmocka_unit_test_setup_teardown(test_budget_tmp, begin, end),
		cmocka_unit_test_setup_teardown(test_processes, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

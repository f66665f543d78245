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
 * Store: modes and owners, what is refused, and atomic replacement.
 */

#define _GNU_SOURCE

#include "files.h"
#include "process/secret.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/** status of the last opened file */
static struct stat st;

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
		fd = i ? store->open_file(store, "a_b", "x.pcap", &st) :
				store->create_file(store, "a_b", "x.pcap", chunk_empty);
		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		digit = '0' + i;
		assert_int_equal(write(fd, &digit, 1), 1);
		close(fd);
	}
	assert_true(store->read_file(store, "a_b", "x.pcap", &content));
	assert_true(chunk_equals(content, chunk_from_str("012")));
	nflog_secret_clear(&content);

	logged(0, NULL);
	/* another process may have it, the caller takes another name */
	assert_int_equal(store->create_file(store, "a_b", "x.pcap", chunk_empty), -1);
	assert_int_equal(errno, EEXIST);
	logged(0, NULL);
	store->remove_file(store, "a_b", "x.pcap");
	assert_int_equal(store->open_file(store, "a_b", "x.pcap", &st), -1);
	logged(1, "removed by someone else");
	/* not again, until it worked */
	assert_int_equal(store->open_file(store, "a_b", "x.pcap", &st), -1);
	logged(0, NULL);
	create("a_b", "x.pcap", 10);
	close(store->open_file(store, "a_b", "x.pcap", &st));
	assert_int_equal(store->create_file(store, "a_b", "x.pcap", chunk_empty), -1);
	logged(0, NULL);
	store->remove_file(store, "a_b", "x.pcap");
	assert_int_equal(store->open_file(store, "a_b", "x.pcap", &st), -1);
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
		nflog_secret_clear(&content);
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
	assert_int_equal(store->open_file(store, conn, "x.pcap", &st), -1);
	assert_false(store->read_file(store, conn, "x.pcap", &content));
	assert_false(store->replace_file(store, conn, "x.pcap", chunk_empty));
	store->remove_file(store, conn, "x.pcap");
	logged(0, NULL);
}

static void test_links(void **state)
{
	char target[PATH_MAX];
	chunk_t content;

	create("gw", "x.pcap", 10);
	snprintf(target, sizeof(target), "%s/var/other", dir);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, path("link")), 0);
	refused("link", "symbolic links");
	assert_int_equal(mknod(path("plain"), S_IFREG | 0600, 0), 0);
	refused("plain", "it is no directory");

	strcat(target, "/file");
	assert_int_equal(symlink(target, path("gw/link")), 0);
	assert_int_equal(store->create_file(store, "gw", "link", chunk_empty), -1);
	logged(0, NULL);
	assert_int_equal(store->open_file(store, "gw", "link", &st), -1);
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
	assert_int_equal(store->open_file(store, "gw", "fifo", &st), -1);
	logged(1, "gw/fifo");
}

/**
 * Nothing is written to the directory, as somebody else may decide what it is.
 */
static void refused_above(char *text)
{
	assert_int_equal(store->create_file(store, "gw", "new.pcap", chunk_empty), -1);
	logged(1, text);
	assert_int_equal(store->open_file(store, "gw", "x.pcap", &st), -1);
	assert_false(store->replace_file(store, "gw", "esp_sa", chunk_empty));
	logged(0, NULL);
}

/**
 * Files are written again.
 */
static void accepted()
{
	int fd;

	fd = store->open_file(store, "gw", "x.pcap", &st);
	assert_true(fd >= 0);
	close(fd);
	logged(0, NULL);
}

/**
 * Whoever may write to a directory above could replace those below.
 */
static void test_above(void **state)
{
	char var[PATH_MAX], moved[PATH_MAX];

	create("gw", "x.pcap", 10);
	snprintf(var, sizeof(var), "%s/var", dir);
	snprintf(moved, sizeof(moved), "%s/var/moved", dir);

	assert_int_equal(chmod(var, 0777), 0);
	refused_above("/var' can be written by others, use chmod go-w");
	assert_int_equal(chmod(var, 0775), 0);
	assert_int_equal(store->open_file(store, "gw", "x.pcap", &st), -1);
	/* in a sticky one they can't, unless it is theirs */
	assert_int_equal(chmod(var, 01777), 0);
	accepted();
	assert_int_equal(chown(captures, 65534, 65534), 0);
	refused_above("/var' can be written by others");
	assert_int_equal(chmod(var, 0755), 0);
	assert_int_equal(store->open_file(store, "gw", "x.pcap", &st), -1);
	assert_int_equal(chown(captures, 0, 0), 0);
	accepted();
	assert_int_equal(chown(var, 65534, 65534), 0);
	refused_above("/var' belongs to another user");
	assert_int_equal(chown(var, 0, 0), 0);
	accepted();

	/* no link is followed, wherever it is and wherever it points */
	assert_int_equal(rename(captures, moved), 0);
	assert_int_equal(symlink(moved, captures), 0);
	refused_above("(it is a symbolic link, which is not followed, set dir to where");
	assert_int_equal(unlink(captures), 0);
	assert_int_equal(rename(moved, captures), 0);
	accepted();
	snprintf(moved, sizeof(moved), "%s/elsewhere", dir);
	assert_int_equal(rename(var, moved), 0);
	assert_int_equal(symlink(moved, var), 0);
	refused_above("/var' is a symbolic link");
	assert_int_equal(unlink(var), 0);
	assert_int_equal(symlink("/nowhere", var), 0);
	assert_int_equal(store->create_file(store, "gw", "new.pcap", chunk_empty), -1);
	assert_int_equal(unlink(var), 0);
	assert_int_equal(mknod(var, S_IFREG | 0600, 0), 0);
	assert_int_equal(store->create_file(store, "gw", "new.pcap", chunk_empty), -1);
	assert_int_equal(unlink(var), 0);
	assert_int_equal(rename(moved, var), 0);
	accepted();
	assert_int_equal(count_files("gw"), 1);
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
	assert_int_equal(store->open_file(store, "gw", "x.pcap", &st), -1);
	logged(0, NULL);
	assert_int_equal(chmod(path("gw"), 0755), 0);
	fd = store->open_file(store, "gw", "x.pcap", &st);
	assert_true(fd >= 0);
	close(fd);
	logged(0, NULL);
	/* logged again, as it worked in between */
	assert_int_equal(chmod(path("gw"), 0777), 0);
	refused("gw", "chmod go-w");
	assert_int_equal(chmod(path("gw"), 0700), 0);
	if (geteuid() == 0)
	{
		close(store->open_file(store, "gw", "x.pcap", &st));
		assert_int_equal(chown(path("gw"), 65534, 65534), 0);
		refused("gw", "chown");
		assert_int_equal(chown(path("gw"), 0, 0), 0);
	}
	close(store->open_file(store, "gw", "x.pcap", &st));
	assert_int_equal(chmod(captures, 0777), 0);
	refused("gw", "chmod go-w");
}

/**
 * A directory that is kept open is opened again if another process removed it.
 */
static void test_removed(void **state)
{
	int fd, i;

	create("gw", "x.pcap", 10);
	store->keep_dir(store, TRUE);
	close(store->open_file(store, "gw", "x.pcap", &st));
	assert_int_equal(unlink(path("gw/x.pcap")), 0);
	assert_int_equal(rmdir(path("gw")), 0);
	assert_int_equal(store->open_file(store, "gw", "x.pcap", &st), -1);
	logged(1, "gw");
	create("gw", "y.pcap", 10);
	for (i = 0; i < 3; i++)
	{
		fd = store->open_file(store, "gw", "y.pcap", &st);
		assert_true(fd >= 0);
		close(fd);
	}
	store->keep_dir(store, FALSE);
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

	/* logged if it is a trace */
	store->remove_file(store, "gw", others[0]);
	assert_string_equal(removed, "");
	store->remove_file(store, "gw", traces[0]);
	assert_string_equal(removed, "gw ");
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
	logged(1, "there is no trace to remove, remove other files");
	/* the old one is still there, and nothing else */
	assert_true(store->read_file(store, "gw", "esp_sa", &content));
	assert_true(chunk_equals(content, chunk_from_str("old")));
	nflog_secret_clear(&content);
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
		cmocka_unit_test_setup_teardown(test_modes, begin, end),
		cmocka_unit_test_setup_teardown(test_append, begin, end),
		cmocka_unit_test_setup_teardown(test_replace, begin, end),
		cmocka_unit_test_setup_teardown(test_links, begin, end),
		cmocka_unit_test_setup_teardown(test_above, begin, end),
		cmocka_unit_test_setup_teardown(test_dir, begin, end),
		cmocka_unit_test_setup_teardown(test_owners, begin, end),
		cmocka_unit_test_setup_teardown(test_removed, begin, end),
		cmocka_unit_test_setup_teardown(test_enumerate, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

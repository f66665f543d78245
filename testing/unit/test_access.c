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
 * What the group of the option group_read may read: traces, but never keys.
 */

#define _GNU_SOURCE

#include "clock.h"
#include "files.h"
#include "files/acl.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define OPTION "charon.plugins.nflog-capture.group_read"

/** a user, a group that exists everywhere, its number, and that of another one */
#define USER 65534
#define GROUP "daemon"
#define OTHER 12345

/** number of the group, and errno with which letting it read fails */
static gid_t gid;
static int refuse;

/** number of times that a group was let in, and of those with files that have keys */
static u_int given, secrets;

/** number that the group OTHER_GROUP has, 0 if there is none */
#define OTHER_GROUP "analysts"
static gid_t other_gid;

/**
 * Called instead of the one of libc.
 */
int getgrnam_r(const char *name, struct group *group, char *buf, size_t len,
			   struct group **found)
{
	int (*func)(const char*, struct group*, char*, size_t, struct group**);

	if (streq(name, OTHER_GROUP))
	{
		*group = (struct group){ .gr_gid = other_gid };
		*found = other_gid ? group : NULL;
		return 0;
	}
	func = dlsym(RTLD_NEXT, "getgrnam_r");
	return func(name, group, buf, len, found);
}

/**
 * Is a file open that only the user may read?
 */
static bool is_secret(int fd)
{
	char link[64], target[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, target, sizeof(target) - 1) > 0 && strstr(target, "esp_sa");
}

/**
 * Called instead of the one of libc.
 */
int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	int (*func)(int, const char*, const void*, size_t, int);

	func = dlsym(RTLD_NEXT, "fsetxattr");
	given++;
	secrets += is_secret(fd);
	if (refuse)
	{
		errno = refuse;
		return -1;
	}
	return func(fd, name, value, size, flags);
}

/**
 * Called instead of the one of libc.
 */
int fchmod(int fd, mode_t mode)
{
	int (*func)(int, mode_t) = dlsym(RTLD_NEXT, "fchmod");

	assert_true(!is_secret(fd) || mode == 0600);
	return func(fd, mode);
}

/**
 * Set the option.
 */
static void set_group(char *name)
{
	lib->settings->set_str(lib->settings, OPTION, name);
}

/**
 * Create a trace and a key table.
 */
static void create_both(char *conn, char *name)
{
	int fd;

	fd = store->create_file(store, conn, name, chunk_from_str("packets"));
	assert_true(fd >= 0);
	close(fd);
	assert_true(store->replace_file(store, conn, "esp_sa", chunk_from_str("keys")));
}

/**
 * Let others pass the directory above, which was created without the option.
 */
static void open_parent()
{
	assert_int_equal(chmod(path(".."), 0711), 0);
}

/**
 * Try to use a file as another user, as a member of a group.
 *
 * @return			0 if possible, or errno
 */
static int try(gid_t group, char *name, int flags)
{
	int status, fd;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
	{
		if (setgroups(1, &group) != 0 || setresgid(USER, USER, USER) != 0 ||
			setresuid(USER, USER, USER) != 0)
		{
			_exit(255);
		}
		fd = open(path(name), flags);
		_exit(fd >= 0 ? 0 : errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/**
 * Begin a test.
 */
static int begin_group(void **state)
{
	set_group(NULL);
	refuse = 0;
	given = secrets = 0;
	return begin(state);
}

/**
 * Members of the group read traces, from the first file on, others nothing.
 */
static void test_read(void **state)
{
	mode_t masks[] = { 0, 022, 0777 };
	char name[32], trace[64], keys[64];
	u_int i;

	set_group(GROUP);
	for (i = 0; i < countof(masks); i++)
	{
		umask(masks[i]);
		snprintf(name, sizeof(name), "conn%u", i);
		create_both(name, "a.pcap");
		umask(022);
		snprintf(trace, sizeof(trace), "%s/a.pcap", name);
		snprintf(keys, sizeof(keys), "%s/esp_sa", name);
		assert_mode(name, S_IFDIR | 0750);
		assert_mode(trace, S_IFREG | 0640);
		assert_mode(keys, S_IFREG | 0600);
		assert_int_equal(try(gid, name, O_RDONLY | O_DIRECTORY), 0);
		assert_int_equal(try(gid, trace, O_RDONLY), 0);
		assert_int_equal(try(gid, trace, O_WRONLY), EACCES);
		assert_int_equal(try(gid, keys, O_RDONLY), EACCES);
		assert_int_equal(try(OTHER, name, O_RDONLY | O_DIRECTORY), EACCES);
		assert_int_equal(try(OTHER, trace, O_RDONLY), EACCES);
	}
	assert_mode("", S_IFDIR | 0750);
	/* with its parent */
	assert_mode("..", S_IFDIR | 0750);
	assert_int_equal(secrets, 0);
	logged(0, NULL);
}

/**
 * The option changes, with traces and directories that exist.
 */
static void test_change(void **state)
{
	char number[16];

	create_both("gw", "a.pcap");
	open_parent();
	assert_mode("gw", S_IFDIR | 0700);
	assert_mode("gw/a.pcap", S_IFREG | 0600);
	assert_int_equal(given, 0);
	set_group(GROUP);
	create_both("gw", "b.pcap");
	/* now they get in, but to new traces only */
	assert_mode("gw", S_IFDIR | 0750);
	assert_int_equal(try(gid, "gw", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(try(gid, "gw/b.pcap", O_RDONLY), 0);
	assert_mode("gw/a.pcap", S_IFREG | 0600);
	/* another group, by number */
	snprintf(number, sizeof(number), "%d", OTHER);
	set_group(number);
	create_both("gw", "c.pcap");
	assert_int_equal(try(OTHER, "gw/c.pcap", O_RDONLY), 0);
	assert_int_equal(try(gid, "gw/c.pcap", O_RDONLY), EACCES);
	/* none, and none as an empty value */
	set_group("");
	create_both("gw", "d.pcap");
	assert_mode("gw/d.pcap", S_IFREG | 0600);
	set_group(NULL);
	create_both("gw", "e.pcap");
	assert_mode("gw/e.pcap", S_IFREG | 0600);
	assert_int_equal(try(OTHER, "gw/e.pcap", O_RDONLY), EACCES);
	assert_mode("gw/esp_sa", S_IFREG | 0600);
	assert_int_equal(secrets, 0);
	logged(0, NULL);
}

/**
 * A directory that the group may use already is left alone.
 */
static void test_existing(void **state)
{
	struct stat st;

	create_both("gw", "a.pcap");
	open_parent();
	assert_int_equal(chmod(path(""), 0755), 0);
	assert_int_equal(chown(path(""), 0, OTHER), 0);
	assert_int_equal(chmod(path("gw"), 02755), 0);
	set_group(GROUP);
	create_both("gw", "b.pcap");
	assert_int_equal(stat(path(""), &st), 0);
	assert_int_equal(st.st_gid, OTHER);
	assert_mode("gw", S_IFDIR | 02755);
	assert_int_equal(try(gid, "gw/b.pcap", O_RDONLY), 0);
	assert_int_equal(try(gid, "gw/esp_sa", O_RDONLY), EACCES);
	/* one that others may write to is still refused, with whatever group */
	assert_int_equal(chmod(path("gw"), 0770), 0);
	assert_int_equal(chown(path("gw"), 0, gid), 0);
	assert_int_equal(store->create_file(store, "gw", "c.pcap", chunk_empty), -1);
	logged(1, "chmod go-w");
	assert_int_equal(secrets, 0);
}

/**
 * Others that are in the access control list of a directory can do what they could.
 */
static void test_others(void **state)
{
	int fd;

	create_both("gw", "a.pcap");
	open_parent();
	assert_int_equal(chmod(path(""), 0711), 0);
	fd = open(path("gw"), O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_true(nflog_acl_share(fd, OTHER, 5, FALSE));
	assert_int_equal(try(OTHER, "gw", O_RDONLY | O_DIRECTORY), 0);
	set_group(GROUP);
	create_both("gw", "b.pcap");
	assert_int_equal(try(OTHER, "gw", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(try(gid, "gw/b.pcap", O_RDONLY), 0);
	assert_int_equal(try(OTHER, "gw/b.pcap", O_RDONLY), EACCES);
	/* once it is done, nothing is changed again but the new trace */
	given = 0;
	create_both("gw", "c.pcap");
	assert_int_equal(given, 1);
	/* if the mask has taken it, they don't get it back */
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(try(OTHER, "gw", O_RDONLY | O_DIRECTORY), EACCES);
	create_both("gw", "d.pcap");
	assert_int_equal(try(OTHER, "gw", O_RDONLY | O_DIRECTORY), EACCES);
	assert_int_equal(try(gid, "gw/d.pcap", O_RDONLY), 0);
	close(fd);
	logged(0, NULL);
}

/**
 * The group may get another number, and its number may be that of another group then.
 */
static void test_number(void **state)
{
	set_group(OTHER_GROUP);
	other_gid = OTHER;
	create_both("a", "1.pcap");
	open_parent();
	assert_int_equal(try(OTHER, "a/1.pcap", O_RDONLY), 0);
	other_gid = OTHER + 1;
	ahead += 10;
	create_both("b", "1.pcap");
	assert_int_equal(try(OTHER + 1, "b/1.pcap", O_RDONLY), 0);
	assert_int_equal(try(OTHER, "b/1.pcap", O_RDONLY), EACCES);
	/* now it is gone */
	other_gid = 0;
	ahead += 10;
	create_both("c", "1.pcap");
	assert_int_equal(try(OTHER + 1, "c/1.pcap", O_RDONLY), EACCES);
}

/**
 * There is no such group, or it can't be given access: traces are for root, with one line.
 */
static void test_failures(void **state)
{
	char *names[] = { "no-such-group", "daemon, bin", "12x", "-1", "4294967295", "\xff%n\n" };
	u_int i;

	for (i = 0; i < countof(names); i++)
	{
		set_group(names[i]);
		create_both("gw", (char[]){ 'a' + i, '\0' });
		logged(1, "unable to find group");
		assert_non_null(strstr(line, "create the group"));
		create_both("gw", (char[]){ 'k' + i, '\0' });
		logged(0, NULL);
		assert_mode("gw", S_IFDIR | 0700);
	}
	assert_int_equal(given, 0);
	open_parent();

	set_group(GROUP);
	refuse = EPERM;
	create_both("gw", "x.pcap");
	logged(1, "make charon's user own the directory");
	assert_non_null(strstr(line, "'" GROUP "'"));
	create_both("gw", "y.pcap");
	create_both("gw2", "y.pcap");
	logged(0, NULL);
	assert_mode("gw", S_IFDIR | 0700);
	assert_mode("gw/y.pcap", S_IFREG | 0600);
	/* tried again with each file */
	refuse = 0;
	create_both("gw", "z.pcap");
	assert_int_equal(try(gid, "gw/z.pcap", O_RDONLY), 0);
	refuse = EROFS;
	create_both("gw", "u.pcap");
	logged(1, "check the file system");
	refuse = 0;
	create_both("gw", "v.pcap");
	refuse = EOPNOTSUPP;
	create_both("gw", "w.pcap");
	logged(1, "access control lists");
	assert_int_equal(secrets, 0);
}

/**
 * Set up all tests, with a directory that others can get through.
 */
static int setup_group(void **state)
{
	struct group group, *found;
	char buf[4096];

	if (getgrnam_r(GROUP, &group, buf, sizeof(buf), &found) != 0 || !found ||
		setup(state) != 0)
	{
		return -1;
	}
	gid = found->gr_gid;
	return chmod(dir, 0711);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, begin_group, end),
		cmocka_unit_test_setup_teardown(test_change, begin_group, end),
		cmocka_unit_test_setup_teardown(test_existing, begin_group, end),
		cmocka_unit_test_setup_teardown(test_others, begin_group, end),
		cmocka_unit_test_setup_teardown(test_number, begin_group, end),
		cmocka_unit_test_setup_teardown(test_failures, begin_group, end),
	};

	if (geteuid() != 0)
	{
		fprintf(stderr, "skipped, giving files to a group needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup_group, common_teardown);
}

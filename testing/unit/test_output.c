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
 * What nflog-capture(1) writes to: nothing but a regular file is replaced, and only
 * once the new one is complete.
 */

#define _GNU_SOURCE

#include "common.h"

#include "write/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/** TRUE if files have to be created with a temporary name */
static bool named;

/**
 * Replaces that of the C library, for output.c.
 */
int access(const char *path, int mode)
{
	if (named && streq(path, "/proc/self/fd"))
	{
		errno = ENOENT;
		return -1;
	}
	return faccessat(AT_FDCWD, path, mode, 0);
}

/** keeps what is written to stderr */
static char *complaints = "../stderr";

static int begin(void **state)
{
	named = FALSE;
	return chdir(dir) || mkdir("out", 0700) || chdir("out");
}

static int end(void **state)
{
	return chdir("/") || common_remove("out");
}

/**
 * Keep complaints in a file.
 */
static int redirect_stderr()
{
	int saved = dup(2);

	fflush(stderr);
	assert_non_null(freopen(complaints, "w", stderr));
	return saved;
}

static void restore_stderr(int saved)
{
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
}

/**
 * Expect that the folder has as many files.
 */
static void expect_files(int expected)
{
	enumerator_t *enumerator;
	char *name;
	int count = 0;

	enumerator = enumerator_create_directory(".");
	while (enumerator->enumerate(enumerator, &name, NULL, NULL))
	{
		count++;
	}
	enumerator->destroy(enumerator);
	assert_int_equal(count, expected);
}

/**
 * Expect that a regular file has some content.
 */
static void expect_content(char *path, char *expected)
{
	chunk_t *map = chunk_map(path, FALSE);

	assert_non_null(map);
	assert_int_equal(map->len, strlen(expected));
	assert_memory_equal(map->ptr, expected, map->len);
	chunk_unmap(map);
}

/**
 * Create an output, complaints are kept in a file.
 */
static output_t *create(char *path, char *input)
{
	char *inputs[] = { input, NULL };
	int saved = redirect_stderr();
	output_t *output;

	output = output_create(path, inputs);
	restore_stderr(saved);
	return output;
}

/**
 * Finish an output, and destroy it.
 */
static bool finish(output_t *output)
{
	int saved = redirect_stderr();
	bool success;

	success = output->finish(output);
	output->destroy(output);
	restore_stderr(saved);
	return success;
}

/**
 * Expect that an output is refused, with a complaint.
 */
static void expect_refused(char *path, char *input, char *complaint)
{
	chunk_t *map;

	assert_null(create(path, input));
	map = chunk_map(complaints, FALSE);
	assert_non_null(map);
	if (!memmem(map->ptr, map->len, complaint, strlen(complaint)))
	{
		fail_msg("'%.*s' instead of '%s'", (int)map->len, map->ptr, complaint);
	}
	chunk_unmap(map);
}

/**
 * Write something to an output.
 */
static bool write_text(output_t *output, char *text)
{
	return output->write(output, chunk_from_str(text));
}

static void test_file(void **state)
{
	mode_t mask = umask(0777);
	output_t *output;
	struct stat st;
	char *path = "file", *link = "link";
	int i;

	for (i = 0; i < 2; i++)
	{
		named = i;
		/* a new file, it has no name until it's finished, or another one */
		output = create(path, NULL);
		assert_non_null(output);
		assert_true(write_text(output, "old"));
		assert_int_equal(stat(path, &st), -1);
		expect_files(i);
		assert_true(finish(output));
		expect_content(path, "old");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);

		/* one that is not finished */
		output = create("./file", NULL);
		assert_true(write_text(output, "other"));
		output->destroy(output);
		expect_content(path, "old");
		expect_files(1);

		/* it is replaced, not written to */
		assert_int_equal(rename(path, link), 0);
		assert_int_equal(linkat(AT_FDCWD, link, AT_FDCWD, path, 0), 0);
		output = create(path, NULL);
		assert_true(write_text(output, "new"));
		assert_true(finish(output));
		expect_content(path, "new");
		expect_content(link, "old");
		expect_files(2);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(unlink(link), 0);
	}
	umask(mask);
}

static void test_changed(void **state)
{
	char *path = "file";
	output_t *output;
	struct stat st;
	int i;

	/* something else has taken the name meanwhile */
	for (i = 0; i < 2; i++)
	{
		named = i;
		output = create(path, NULL);
		assert_non_null(output);
		assert_true(write_text(output, "new"));
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_false(finish(output));
		expect_files(1);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISFIFO(st.st_mode));
		assert_int_equal(unlink(path), 0);
	}
}

static void test_refused(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char *path = "file", *link = "link";
	int fd;

	expect_refused("../out", NULL, "it is a directory, use the name of a file");
	expect_refused(dir, NULL, "it is a directory");
	expect_refused("", NULL, "No such file");
	expect_refused("none/file", NULL, "No such file");
	expect_refused("none/", NULL, "No such file");

	/* links, with and without something to lead to */
	assert_int_equal(symlink("file", link), 0);
	expect_refused(link, NULL, "it is a symbolic link, use the name");
	assert_true(chunk_write(chunk_from_str("old"), path, 0600, TRUE));
	expect_refused(link, NULL, "it is a symbolic link, use the name");
	expect_content(path, "old");

	/* what is read */
	expect_refused(path, path, "it is the same file as");
	expect_refused(path, link, "it is the same file as");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, link, 0), 0);
	expect_refused(link, path, "it is the same file as");
	expect_content(path, "old");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
	/* the reader of a FIFO can't be its writer */
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused(path, path, "it is the same file as");
	assert_int_equal(unlink(path), 0);

	strcpy(addr.sun_path, "socket");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr*)&addr, sizeof(addr)), 0);
	expect_refused(addr.sun_path, NULL, "it is no regular file, FIFO or character");
	close(fd);
	expect_files(1);
}

static void test_direct(void **state)
{
	char *path = "fifo", *link = "link", buf[8] = {};
	output_t *output;
	struct stat st;
	int fd;

	/* a FIFO, also if a link leads to it; one end is enough to open it */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(symlink("fifo", link), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	output = create(path, "/none");
	assert_non_null(output);
	assert_true(write_text(output, "one"));
	assert_true(finish(output));
	output = create(link, NULL);
	assert_non_null(output);
	assert_true(write_text(output, "two"));
	assert_true(finish(output));
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "onetwo");
	close(fd);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlink(link), 0);

	/* a device, which may be read at the same time */
	assert_int_equal(symlink("/dev/null", link), 0);
	output = create(link, "/dev/null");
	assert_non_null(output);
	assert_true(write_text(output, "three"));
	assert_true(finish(output));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(unlink(link), 0);

	/* one of our own, if we may */
	if (mknod(link, S_IFCHR | 0600, st.st_rdev) == 0)
	{
		output = create(link, NULL);
		if (output)
		{	/* the file system may have none */
			assert_true(finish(output));
		}
		assert_int_equal(lstat(link, &st), 0);
		assert_true(S_ISCHR(st.st_mode));
		assert_int_equal(unlink(link), 0);
	}
	expect_files(1);
}

static void test_full(void **state)
{
	char *path = "file";
	struct rlimit old, limit;
	output_t *output;
	char block[65536] = {};
	int i;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(symlink("/dev/full", "full"), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (i = 0; i < 3; i++)
	{
		named = i == 1;
		output = create(i < 2 ? path : "full", NULL);
		assert_non_null(output);
		limit = old;
		limit.rlim_cur = sizeof(block) / 2;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_false(output->write(output, chunk_from_thing(block)) &&
					 output->write(output, chunk_from_thing(block)));
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		/* there may be space again, but something is missing */
		assert_false(write_text(output, "more"));
		assert_false(finish(output));
		expect_files(1);
	}
	signal(SIGXFSZ, SIG_DFL);
}

/**
 * Have a process write to a file, and kill it.
 */
static void kill_writer(int number, bool ignored)
{
	char c;
	output_t *output;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
	{
		signal(number, ignored ? SIG_IGN : SIG_DFL);
		output = create("file", NULL);
		write_text(output, "plaintext");
		if (write(fds[1], "x", 1) == 1)
		{
			if (ignored)
			{
				raise(number);
				output->destroy(output);
				_exit(7);
			}
			pause();
		}
		_exit(8);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	if (!ignored)
	{
		kill(pid, number);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (ignored)
	{
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
	else
	{
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), number);
	}
	expect_files(0);
	close(fds[0]);
	close(fds[1]);
}

static void test_killed(void **state)
{
	static int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGKILL };
	int i;

	for (i = 0; i < countof(signals); i++)
	{
		kill_writer(signals[i], FALSE);
		named = TRUE;
		if (signals[i] != SIGKILL)
		{
			kill_writer(signals[i], FALSE);
			kill_writer(signals[i], TRUE);
		}
		named = FALSE;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, begin, end),
		cmocka_unit_test_setup_teardown(test_changed, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_direct, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
		cmocka_unit_test_setup_teardown(test_killed, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

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
 * When swanctl.conf is read: files that change all the time keep no processor busy,
 * and are read nevertheless, and a thread that is left behind does no harm.
 */

#define _GNU_SOURCE

#include "swanctl.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/** number of times that files were read, guarded by the mutex, as all of these */
static u_int reads;

/** what is added to a clock's time: to that of the processor each time, if it is not
 * 0, and to the monotonic one */
static time_t cost, later;

/** TRUE if a file is appended to each time it is read */
static bool growing;

/** TRUE to have the thread wait, TRUE while it does, TRUE once it was left behind */
static bool wait_for_names, waiting, left_behind;

/**
 * Set a flag, and wait until another one has a value.
 */
static void set(bool *flag, bool value, bool *other, bool until)
{
	pthread_mutex_lock(&mutex);
	*flag = value;
	pthread_cond_broadcast(&cond);
	while (*other != until)
	{
		pthread_cond_wait(&cond, &mutex);
	}
	pthread_mutex_unlock(&mutex);
}

/**
 * Get the number of times that files were read.
 */
static u_int get_reads()
{
	u_int count;

	pthread_mutex_lock(&mutex);
	count = reads;
	pthread_mutex_unlock(&mutex);
	return count;
}

/**
 * Called whenever files are about to be read.
 */
int inotify_init1(int flags)
{
	int (*func)(int);

	pthread_mutex_lock(&mutex);
	reads++;
	pthread_mutex_unlock(&mutex);
	func = dlsym(RTLD_NEXT, "inotify_init1");
	return func(flags);
}

/**
 * Called instead of the C library's.
 */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int (*func)(clockid_t, struct timespec*), result;
	static time_t spent;

	func = dlsym(RTLD_NEXT, "clock_gettime");
	result = func(clock, ts);
	pthread_mutex_lock(&mutex);
	if (clock == CLOCK_THREAD_CPUTIME_ID)
	{
		spent += cost;
		ts->tv_sec += spent;
	}
	else if (clock == CLOCK_MONOTONIC)
	{
		ts->tv_sec += later;
	}
	pthread_mutex_unlock(&mutex);
	return result;
}

/**
 * Called instead of the C library's.
 */
ssize_t read(int fd, void *buf, size_t count)
{
	ssize_t (*func)(int, void*, size_t), len;
	struct stat st, grow;
	FILE *file;
	bool append;

	func = dlsym(RTLD_NEXT, "read");
	len = func(fd, buf, count);
	pthread_mutex_lock(&mutex);
	append = growing && len > 0;
	pthread_mutex_unlock(&mutex);
	if (append && fstat(fd, &st) == 0 && stat(path("grow.conf"), &grow) == 0 &&
		st.st_ino == grow.st_ino)
	{
		file = fopen(path("grow.conf"), "a");
		fputs("# x\n# y", file);
		fclose(file);
	}
	return len;
}

/**
 * Called instead of the C library's, for the names of ports in filters.
 */
int getservbyname_r(const char *name, const char *proto, struct servent *result_buf,
					char *buf, size_t buflen, struct servent **result)
{
	pthread_mutex_lock(&mutex);
	waiting = wait_for_names;
	pthread_cond_broadcast(&cond);
	while (wait_for_names)
	{
		pthread_cond_wait(&cond, &mutex);
	}
	waiting = FALSE;
	pthread_mutex_unlock(&mutex);
	*result = result_buf;
	return 0;
}

/**
 * Called instead of the C library's, by the thread that was left behind.
 */
int pause(void)
{
	set(&left_behind, TRUE, &wait_for_names, FALSE);
	while (TRUE)
	{
		sleep(1000);
	}
}

/**
 * Called instead of the logger once that is gone.
 */
static void no_logger(debug_t group, level_t level, char *fmt, ...)
{
	abort();
}

static int begin(void **state)
{
	cost = later = 0;
	put("swanctl.conf", "");
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("swanctl.conf"));
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	lines = 0;
	return 0;
}

static int end(void **state)
{
	if (options)
	{
		options->destroy(options);
	}
	return common_remove("*.conf");
}

/**
 * Other files in the same directories come, change, and go.
 */
static void test_other_names(void **state)
{
	u_int before, i;

	assert_int_equal(mkdir(path("conf.d"), 0700), 0);
	put("swanctl.conf", "include x.conf\ninclude conf.d/*.conf\n");
	put("x.conf", CHILD("a", 100));
	put("conf.d/y.conf", CHILD("b", 101));
	update();
	assert_int_equal(look_up("a"), 100);
	assert_int_equal(look_up("b"), 101);
	/* time stamps of files are that coarse, they are compared as well */
	sleep(3);
	options->reload(options);
	update();
	before = get_reads();
	for (i = 0; i < 100; i++)
	{
		overwrite("conf.d/x.log", "x");
		overwrite("x.conf.log", "x");
		assert_int_equal(rename(strdupa(path("x.conf.log")), path("y.conf")), 0);
		overwrite("conf.d/.y.conf", "x");
		assert_int_equal(unlink(path("conf.d/x.log")), 0);
		if (i % 10 == 0)
		{
			update();
		}
	}
	/* states of directories are compared once in a second, or two */
	assert_in_range(get_reads(), before, before + 5);

	put("x.conf", CHILD("a", 102));
	update();
	assert_int_equal(look_up("a"), 102);
	put("conf.d/z.conf", CHILD("b", 103));
	update();
	assert_int_equal(look_up("b"), 103);
	assert_int_equal(lines, 0);
	common_remove("conf.d");
}

/**
 * Reading that takes a second each time.
 */
static void test_busy(void **state)
{
	u_int i;

	put("swanctl.conf", CHILD("a", 100));
	update();
	pthread_mutex_lock(&mutex);
	cost = 1;
	pthread_mutex_unlock(&mutex);
	/* edited several times, then too often */
	for (i = 0; i < 10; i++)
	{
		put("swanctl.conf", i % 2 ? CHILD("a", 101) : CHILD("a", 102));
		if (!options->update(options, 1000))
		{
			break;
		}
		assert_int_equal(look_up("a"), i % 2 ? 101 : 102);
	}
	assert_in_range(i, 1, 9);
	/* those that come later wait no more */
	put("swanctl.conf", CHILD("a", 103));
	for (i = 0; i < 100000; i++)
	{
		assert_in_range(look_up("a"), 101, 102);
	}
	/* it is read later */
	pthread_mutex_lock(&mutex);
	cost = 0;
	later += 1000;
	pthread_mutex_unlock(&mutex);
	while (look_up("a") != 103)
	{
		sched_yield();
	}
	assert_int_equal(lines, 0);
}

/**
 * A file that grows whenever it is read.
 */
static void test_growing(void **state)
{
	u_int i;

	put("swanctl.conf", CHILD("a", 100));
	update();
	put("grow.conf", CHILD("a", 101) "# x");
	pthread_mutex_lock(&mutex);
	growing = TRUE;
	pthread_mutex_unlock(&mutex);
	put("swanctl.conf", "include grow.conf\n" CHILD("b", 102));
	while (look_up("b") != 102)
	{
		sched_yield();
	}
	assert_int_equal(look_up("a"), 101);
	for (i = 0; i < 10; i++)
	{
		options->update(options, 100);
	}
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "grow.conf' changes whenever it is read"));

	pthread_mutex_lock(&mutex);
	growing = FALSE;
	pthread_mutex_unlock(&mutex);
	put("grow.conf", CHILD("a", 103));
	while (look_up("a") != 103)
	{
		sched_yield();
	}
	put("swanctl.conf", CHILD("a", 104));
	update();
	assert_int_equal(look_up("a"), 104);
	assert_int_equal(lines, 1);
}

/**
 * A thread that is left behind while it evaluates what it read.
 */
static void test_left_behind(void **state)
{
	settings_t *settings = lib->settings;

	update();
	set(&wait_for_names, TRUE, &waiting, FALSE);
	put("swanctl.conf", "connections { gw { children {\n"
		"a { nflog-capture { enable = yes\n filter = port http\n } }\n"
		"b { nflog-capture { enable = yes\n snaplen = 1\n } } } }\n"
		"gw2 { children { c { nflog-capture { x = y\n } } } } }\n");
	set(&wait_for_names, TRUE, &waiting, TRUE);
	/* the thread logs nothing until it goes on */
	lines = 0;
	options->destroy(options);
	options = NULL;
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "unable to stop"));

	/* as when strongSwan has stopped */
	lib->settings = NULL;
	dbg = no_logger;
	set(&wait_for_names, FALSE, &left_behind, TRUE);
	lib->settings = settings;
	dbg = keep_line;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_other_names, begin, end),
		cmocka_unit_test_setup_teardown(test_busy, begin, end),
		cmocka_unit_test_setup_teardown(test_growing, begin, end),
		cmocka_unit_test_setup_teardown(test_left_behind, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

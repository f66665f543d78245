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
 * Threads that make no progress: all captures end, and charon does not wait for them.
 */

#define _GNU_SOURCE

#include "tables.h"
#include "events/watchdog.h"
#include "options/options.h"
#include "process/pulse.h"
#include "reader/pipeline.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <daemon.h>

/** what fsync() waits for, and where it says that it was called, -1 for nothing */
static int gate[2] = { -1, -1 };
static int called[2] = { -1, -1 };

/** TRUE for a disk on which each operation takes as long as it is between two checks, how
 * many there were, and the thread that was found to make no progress */
static bool slow;
static u_int operations;
static const char *stalled;

/** checks during which a thread may be in the same operation: those with one file */
#define FILE_CHECKS 8

/**
 * An operation of a disk that is slow.
 */
static void operate()
{
	const char *duty;

	if (slow)
	{
		operations++;
		duty = nflog_pulse_check(FILE_CHECKS);
		if (duty)
		{
			stalled = duty;
		}
	}
}

/**
 * Replace functions of the C library: a disk that is slow.
 */
int fstatat(int dir, const char *name, struct stat *st, int flags)
{
	operate();
	return syscall(SYS_newfstatat, dir, name, st, flags);
}

int faccessat(int dir, const char *name, int mode, int flags)
{
	operate();
	return syscall(SYS_faccessat2, dir, name, mode, flags);
}

int linkat(int dir, const char *name, int other, const char *new, int flags)
{
	operate();
	return syscall(SYS_linkat, dir, name, other, new, flags);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	operate();
	return syscall(SYS_writev, fd, iov, count);
}

int unlinkat(int dir, const char *name, int flags)
{
	operate();
	return syscall(SYS_unlinkat, dir, name, flags);
}

/**
 * The same, or one that does not respond.
 */
int fsync(int fd)
{
	char c = 0;

	operate();
	if (gate[0] >= 0)
	{
		ignore_result(write(called[1], &c, 1));
		ignore_result(read(gate[0], &c, 1));
	}
	return syscall(SYS_fsync, fd);
}

static void test_check(void **state)
{
	nflog_pulse_t *a = nflog_pulse_create("does a"), *b = nflog_pulse_create("does b");
	int i;

	/* idle, or making progress */
	for (i = 0; i < 5; i++)
	{
		nflog_pulse_begin(b);
		nflog_pulse_beat();
		assert_null(nflog_pulse_check(2));
	}
	nflog_pulse_end(b);
	for (i = 0; i < 5; i++)
	{
		assert_null(nflog_pulse_check(2));
	}
	nflog_pulse_begin(a);
	assert_null(nflog_pulse_check(2));
	assert_null(nflog_pulse_check(2));
	assert_string_equal(nflog_pulse_check(2), "does a");
	assert_string_equal(nflog_pulse_check(2), "does a");
	nflog_pulse_beat();
	assert_null(nflog_pulse_check(2));
	nflog_pulse_end(a);
	assert_null(nflog_pulse_check(2));
	/* of no work */
	nflog_pulse_beat();
	assert_null(nflog_pulse_check(2));

	nflog_pulse_begin(b);
	for (i = 0; i < 3; i++)
	{
		nflog_pulse_check(2);
	}
	nflog_pulse_destroy(b);
	assert_null(nflog_pulse_check(2));
	nflog_pulse_destroy(a);
}

/** calls of the watchdog's callback */
static int calls;

CALLBACK(count_call, void,
	void *data)
{
	calls++;
}

static void test_watchdog(void **state)
{
	nflog_pulse_t *pulse = nflog_pulse_create("writes");
	nflog_watchdog_t *watchdog = nflog_watchdog_create((void*)count_call, NULL);
	int i, round, delay = 1;

	lines = calls = 0;
	for (round = 0; round < 8; round++)
	{
		nflog_pulse_begin(pulse);
		for (i = 0; i < NFLOG_WATCHDOG_CHECKS + 1; i++)
		{
			assert_false(nflog_pulse_is_suspended());
			watchdog->check(watchdog);
		}
		assert_true(nflog_pulse_is_suspended());
		assert_int_equal(calls, 2 * round + 1);
		assert_int_equal(lines, 2 * round + 1);
		assert_true(strstr(line, "thread that writes makes no progress") != NULL);
		for (i = 0; i < 100; i++)
		{	/* once only */
			watchdog->check(watchdog);
		}
		assert_int_equal(lines, 2 * round + 1);

		nflog_pulse_end(pulse);
		for (i = 0; i < delay; i++)
		{
			assert_true(nflog_pulse_is_suspended());
			watchdog->check(watchdog);
		}
		assert_false(nflog_pulse_is_suspended());
		assert_int_equal(calls, 2 * round + 2);
		assert_int_equal(lines, 2 * round + 2);
		assert_true(strstr(line, "thread that writes makes progress again") != NULL);
		delay = min(2 * delay, 64);
	}
	watchdog->destroy(watchdog);
	nflog_pulse_destroy(pulse);
}

static void test_suspended(void **state)
{
	nflog_options_t *options;
	nflog_candidate_t candidate = {
		.conn = "gw",
		.child = "net",
	};
	nflog_cfg_t *cfg;

	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.enable", "yes");
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.swanctl_conf",
						   "/dev/null/none");
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	while (!options->update(options, 1000))
	{
		/* until they were read */
	}
	cfg = options->get(options, &candidate, FALSE, TRUE);
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);
	options->get_missed(options);

	nflog_pulse_suspend(TRUE);
	assert_null(options->get(options, &candidate, TRUE, TRUE));
	nflog_pulse_suspend(FALSE);
	/* it is captured once that is over, even if it is up already */
	assert_true(options->get_missed(options));
	cfg = options->get(options, &candidate, FALSE, TRUE);
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);
	options->destroy(options);
}

/**
 * Let the thread of a pipeline that writes keys wait for the disk.
 */
static nflog_pipeline_t *create_stalled()
{
	nflog_pipeline_t *pipeline;
	char c;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(called), 0);
	pipeline = nflog_pipeline_create(1, 1 << 20);
	assert_non_null(pipeline);
	keys = pipeline->keys;
	add_spi("gw", 1);
	pipeline->writer->write_keys(pipeline->writer);
	assert_int_equal(read(called[0], &c, 1), 1);
	return pipeline;
}

/**
 * Let the disk respond.
 */
static void release()
{
	close(gate[1]);
}

static void test_stalled(void **state)
{
	nflog_pipeline_t *pipeline;
	const char *duty;
	int status, i;
	pid_t pid;

	store = nflog_store_create();
	create_trace("gw", "00000001_i.00000002_o");
	fflush(stdout);
	pid = fork();
	if (!pid)
	{
		pipeline = create_stalled();
		for (i = 0; i < 3; i++)
		{
			duty = nflog_pulse_check(2);
		}
		if (!duty || !streq(duty, "writes traces and keys"))
		{
			_exit(1);
		}
		/* as charon does when it stops */
		if (nflog_pulse_run((void*)pipeline->destroy, pipeline, 100))
		{
			_exit(2);
		}
		/* what the thread uses is there when the disk responds, its code as well */
		release();
		do
		{	/* it stops at the end of its work */
			i = 0;
			duty = nflog_pulse_check(1);
		}
		while (duty);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);

	/* what responds in time is completed */
	pipeline = create_stalled();
	release();
	assert_true(nflog_pulse_run((void*)pipeline->destroy, pipeline, 60000));
	gate[0] = -1;
	expect("gw", "esp_sa", ROW("00000001"));
	store->destroy(store);
	common_remove("*/");
}

/**
 * Expect that a thread makes progress which works with many files.
 */
static void expect_progress()
{
	assert_true(operations > 2 * FILE_CHECKS);
	assert_null(stalled);
	operations = 0;
}

static void test_slow(void **state)
{
	nflog_pulse_t *pulse = nflog_pulse_create("works");
	nflog_trigger_t trigger = {
		.conn = "gw",
		.cause = CAUSE_REQUESTED,
	};
	chunk_t block = chunk_alloca(4096);
	char conn[16], name[NAME_MAX], path[PATH_MAX];
	nflog_recorder_t *recorder;
	timeval_t until;
	uint64_t reserved;
	struct iovec iov;
	struct stat st;
	int i, fd;

	memset(block.ptr, 0, block.len);
	store = nflog_store_create();
	keys = nflog_keys_create(store);
	recorder = nflog_recorder_create(store);
	for (i = 1; i <= 3 * FILE_CHECKS; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T202345Z.00000001-00000002.esp.%d.pcap", i);
		fd = store->create_file(store, "gw", name, block);
		assert_true(fd >= 0);
		close(fd);
		snprintf(conn, sizeof(conn), "gw%d", i);
		add_spi(conn, i);
		/* folders of recorders */
		snprintf(path, sizeof(path), "%s/saved", dir);
		assert_true(mkdir(path, 0700) == 0 || i > 1);
		snprintf(path, sizeof(path), "%s/saved/gw.20261123T2023%.2dZ.requested", dir, i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	nflog_pulse_begin(pulse);
	slow = TRUE;
	/* looks at all of them */
	assert_true(store->reserve(store, 0, 1, &reserved));
	store->settle(store, reserved, 0);
	expect_progress();
	keys->flush(keys);
	expect_progress();
	/* much of a trace */
	fd = store->open_file(store, "gw", name, &st);
	assert_true(fd >= 0);
	for (i = 0; i < 3 * FILE_CHECKS; i++)
	{
		iov = (struct iovec){ block.ptr, block.len };
		assert_int_equal(store->write(store, fd, &iov, 1), block.len);
	}
	close(fd);
	expect_progress();
	recorder->get_tape(recorder, "gw", 1 << 20, 0);
	expect_progress();
	recorder->work(recorder);
	expect_progress();
	recorder->trigger(recorder, &trigger);
	recorder->work(recorder);
	expect_progress();
	time_monotonic(&until);
	recorder->handle(recorder, &until);
	expect_progress();
	/* all folders but one are known, and go */
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.recorder_total", "1");
	recorder->trigger(recorder, &trigger);
	recorder->work(recorder);
	expect_progress();
	recorder->destroy(recorder);
	/* removes them */
	assert_true(store->make_room(store, 6 * FILE_CHECKS * block.len));
	expect_progress();
	slow = FALSE;
	nflog_pulse_end(pulse);
	nflog_pulse_destroy(pulse);
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.recorder_total", NULL);
	keys->destroy(keys);
	store->destroy(store);
	common_remove("*/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}

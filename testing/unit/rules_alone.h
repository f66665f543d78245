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
 * Rules of SAs on the kernel of the machine, in a network namespace of its own, without
 * a reader.
 */

#ifndef RULES_ALONE_H_
#define RULES_ALONE_H_

#include "common.h"
#include "rules.h"

#include "rules/rules.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include <daemon.h>

static nflog_rules_t *rules;
static nflog_counters_t count;

/** SAs without rules, and how often the table was closed */
static sem_t removed, closed;

/** number of lanes */
static u_int lanes;

/** what keeps the groups from being opened, NULL if nothing */
static char *obstacle;

static bool open_groups(void *data, uint16_t *group, u_int *count,
						char reason[NFLOG_REASON_LEN])
{
	*group = 4500;
	*count = lanes;
	if (obstacle)
	{
		snprintf(reason, NFLOG_REASON_LEN, "%s", obstacle);
	}
	return !obstacle;
}

static void prepare_missed(void *data)
{
	/* nothing reads them */
}

static void close_groups(void *data)
{
	sem_post(&closed);
}

static void remove_done(void *data, nflog_sa_t *sa)
{
	nflog_sa_destroy(sa);
	sem_post(&removed);
}

/** number of failures that were logged, after which the plugin tries again */
static int failures;

/** number of tables without owner that were replaced */
static int replaced;
static char failure[256];

/** number of times that a thread to write traces failed */
static int writer_failures;

/** lines about what is captured or not */
static char capturing[16384];

/** guards what log_line() changes, as several threads may log at once */
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

/** begin of the line on which the log file stalls, NULL if it does not */
static char *stalling;
static sem_t stalled, resumed;

/**
 * Create an SA, none of its traces is used.
 */
static nflog_sa_t *create_sa(bool inbound, uint32_t spi, bool esp,
							 bool plain)
{
	static int unused;
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string("192.168.0.1", 0);
	sa = nflog_sa_create("conn", "net", 1, inbound, host, htonl(spi), 1,
						 NULL, NULL);
	host->destroy(host);
	sa->esp.count = esp ? &count : NULL;
	sa->plain.count = plain ? &count : NULL;
	sa->esp.trace = esp ? (void*)&unused : NULL;
	sa->plain.trace = plain ? (void*)&unused : NULL;
	return sa;
}

/**
 * Remove an SA, and wait until that is done.
 */
static void remove_sa(nflog_sa_t *sa)
{
	rules->remove(rules, sa);
	sem_wait(&removed);
}

/**
 * Keep what is logged on level 1.
 */
static void log_line(logger_t *this, debug_t group, level_t level, int thread,
					 ike_sa_t *ike_sa, const char *message)
{
	if (stalling && strpfx(message, stalling))
	{
		sem_post(&stalled);
		sem_wait(&resumed);
	}
	pthread_mutex_lock(&log_mutex);
	snprintf(line, sizeof(line), "%s", message);
	replaced += strstr(message, "without owner") != NULL;
	writer_failures += strstr(message, "thread that writes traces") != NULL;
	if (strstr(message, "capturing"))
	{
		snprintf(capturing + strlen(capturing), sizeof(capturing) - strlen(capturing),
				 "%s\n", message);
	}
	if (strstr(message, "unable to add rules"))
	{
		snprintf(failure, sizeof(failure), "%s", message);
		failures++;
	}
	pthread_mutex_unlock(&log_mutex);
}

/**
 * Wait until it is logged that something is captured or not.
 */
static inline void wait_for_line(char *text)
{
	bool found;

	do
	{
		usleep(1000);
		pthread_mutex_lock(&log_mutex);
		found = strstr(capturing, text) != NULL;
		pthread_mutex_unlock(&log_mutex);
	}
	while (!found);
}

/**
 * Get the number of tables without owner that were replaced.
 */
static inline int get_replaced()
{
	int count;

	pthread_mutex_lock(&log_mutex);
	count = replaced;
	pthread_mutex_unlock(&log_mutex);
	return count;
}

/**
 * Wait until a failure was logged.
 */
static inline void wait_for_failure()
{
	bool found;

	do
	{
		usleep(1000);
		pthread_mutex_lock(&log_mutex);
		found = failures > 0;
		pthread_mutex_unlock(&log_mutex);
	}
	while (!found);
}

/**
 * Get the level of what to keep.
 */
static level_t get_level(logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

static logger_t logger = {
	.log = log_line,
	.get_level = get_level,
};

static int setup_group(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	charon->bus->add_logger(charon->bus, &logger);
	return 0;
}

static int teardown_group(void **state)
{
	charon->bus->remove_logger(charon->bus, &logger);
	libcharon_deinit();
	return common_teardown(state);
}

static int setup_rules(void **state)
{
	nflog_receiver_t receiver = {
		.open = open_groups,
		.missed = prepare_missed,
		.close = close_groups,
		.removed = remove_done,
	};

	failures = replaced = writer_failures = 0;
	capturing[0] = '\0';
	lanes = 2;
	memset(&count, 0, sizeof(count));
	obstacle = NULL;
	stalling = NULL;
	sem_init(&stalled, 0, 0);
	sem_init(&resumed, 0, 0);
	sem_init(&removed, 0, 0);
	sem_init(&closed, 0, 0);
	rules = nflog_rules_create(&receiver);
	return 0;
}

static int teardown(void **state)
{
	rules->destroy(rules);
	return 0;
}

/**
 * Run tests in a network namespace.
 */
#define run_rules_tests(tests) ({ \
	unshare(CLONE_NEWNET) != 0 ? \
		fprintf(stderr, "skipped, a network namespace needs root\n"), 77 : \
		cmocka_run_group_tests(tests, setup_group, teardown_group); })

#endif /* RULES_ALONE_H_ */

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
 * One trial: a tool captures while packets are sent.
 */
#define _GNU_SOURCE

#include "objects.h"

#include "rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <daemon.h>

/** copy mode of a configured group, from the kernel's nfnetlink_log.h */
#define COPY_PACKET 2

/** polling interval for what the kernel does not report, in us */
#define INTERVAL 1000

/** time in which an idle tool uses less than 1% of a processor, in us */
#define QUIET 200000

/** time to wait for that, in s */
#define TIMEOUT 30

/**
 * Start the tool, with its output in a log.
 */
static pid_t start_tool(bench_options_t *options)
{
	char path[PATH_MAX];
	pid_t pid;
	int fd;

	pid = fork();
	if (pid == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_prefer(options->senders > 1 ? BENCH_ALL : BENCH_TOOL,
					 options->realtime);
		snprintf(path, sizeof(path), "%s/tool.log", options->dir);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
			dup2(fd, STDERR_FILENO) < 0)
		{
			bench_fail("unable to write %s: %s", path, strerror(errno));
		}
		execvp(options->tool[0], options->tool);
		bench_fail("unable to run %s: %s", options->tool[0], strerror(errno));
	}
	if (pid < 0)
	{
		bench_fail("unable to start a process: %s", strerror(errno));
	}
	return pid;
}

/**
 * Start processes that keep the tool's processors busy, each with the same share as the
 * tool.  They end with this process.
 */
static void start_busy(u_int count)
{
	pid_t pid = 1;

	while (count-- && pid)
	{
		pid = fork();
		if (pid < 0)
		{
			bench_fail("unable to start a process: %s", strerror(errno));
		}
	}
	if (!pid)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_prefer(BENCH_TOOL, FALSE);
		while (TRUE)
		{
			/* go on */
		}
	}
}

/**
 * Get the bytes in a socket that were not read yet.
 */
static u_int get_unread(u_int portid)
{
	u_int proto, pid, groups, unread = 0;
	char line[256];
	FILE *file;
	bool found = FALSE;

	file = fopen("/proc/net/netlink", "r");
	while (!found && file && fgets(line, sizeof(line), file))
	{
		found = sscanf(line, "%*s %u %u %x %u", &proto, &pid, &groups,
					   &unread) == 4 &&
				proto == NETLINK_NETFILTER && pid == portid;
	}
	if (file)
	{
		fclose(file);
	}
	return found ? unread : 0;
}

/**
 * Check if a tool listens on the group of our packets, and has read everything, also from the
 * groups of other lanes.
 */
static bool is_idle(bench_options_t *options)
{
	u_int group, portid, queued, mode;
	bool found = FALSE, idle = TRUE;
	char line[256];
	FILE *file;

	file = fopen("/proc/net/netfilter/nfnetlink_log", "r");
	while (idle && file && fgets(line, sizeof(line), file))
	{
		if (sscanf(line, "%u %u %u %u", &group, &portid, &queued, &mode) == 4 &&
			group % 2 == (options->group + options->out) % 2 &&
			mode == COPY_PACKET)
		{
			found = TRUE;
			idle = !queued && !get_unread(portid);
		}
	}
	if (file)
	{
		fclose(file);
	}
	return found && idle;
}

/**
 * Wait until the tool is ready, or has read everything.
 */
static void wait_idle(bench_options_t *options, pid_t tool)
{
	u_int i;

	for (i = 0; i < TIMEOUT * 1000000 / INTERVAL; i++)
	{
		if (is_idle(options))
		{
			return;
		}
		if (waitpid(tool, NULL, WNOHANG) != 0)
		{
			bench_fail("%s ended, see tool.log in %s", options->tool[0],
					   options->dir);
		}
		usleep(INTERVAL);
	}
	kill(tool, SIGKILL);
	bench_fail("%s is not ready, see tool.log in %s", options->tool[0],
			   options->dir);
}

/**
 * Wait until the tool is idle, as some tools lose what they have read when they are
 * stopped.
 */
static void wait_quiet(pid_t tool)
{
	uint64_t before, now = 0;
	clockid_t clock;

	if (clock_getcpuclockid(tool, &clock) != 0)
	{
		bench_fail("unable to read the processor time");
	}
	do
	{
		before = now;
		usleep(QUIET);
		now = bench_time(clock);
	}
	while (now - before > QUIET * 1000 / 100);
}

/**
 * Wait until the plugin is ready, when it stops itself.
 */
static void wait_stopped(bench_options_t *options, pid_t tool)
{
	int status;

	if (waitpid(tool, &status, WUNTRACED) != tool || !WIFSTOPPED(status))
	{
		bench_fail("%s ended, see tool.log in %s", options->tool[0],
				   options->dir);
	}
	kill(tool, SIGCONT);
}

/**
 * Send packets in another process.
 *
 * @param number	number of the process
 * @param options	options, with its share of the packets
 * @return			file descriptor to read the result from
 */
static int start_sender(u_int number, bench_options_t *options)
{
	bench_sent_t sent;
	int fds[2], netns;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0)
	{
		bench_fail("unable to start a process: %s", strerror(errno));
	}
	if (pid == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (options->netns && !options->inject)
		{
			netns = open(options->netns, O_RDONLY | O_CLOEXEC);
			if (netns < 0 || setns(netns, CLONE_NEWNET) != 0)
			{
				bench_fail("unable to enter %s: %s", options->netns,
						   strerror(errno));
			}
		}
		bench_prefer(number, options->realtime);
		sent = options->inject ? bench_inject(options) : bench_send(options);
		_exit(write(fds[1], &sent, sizeof(sent)) == sizeof(sent) ? 0 : 1);
	}
	close(fds[1]);
	return fds[0];
}

/**
 * Send the packets.
 */
static bench_sent_t send_packets(bench_options_t *options)
{
	bench_options_t share = *options;
	bench_sent_t total = {}, sent;
	int fds[options->senders];
	u_int i;

	share.count /= options->senders;
	share.rate /= options->senders;
	for (i = 0; i < options->senders; i++)
	{
		share.first = i * share.count;
		fds[i] = start_sender(i, &share);
	}
	for (i = 0; i < options->senders; i++)
	{
		if (read(fds[i], &sent, sizeof(sent)) != sizeof(sent))
		{
			bench_fail("the sender failed");
		}
		close(fds[i]);
		total.count += sent.count;
		total.time = max(total.time, sent.time);
	}
	return total;
}

/**
 * Get a value from the tool's summary, -1 if it has none.
 */
static int64_t get_summary(bench_options_t *options, char *key)
{
	char path[PATH_MAX], name[32];
	int64_t value, found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/summary", options->dir);
	file = fopen(path, "r");
	while (file && fscanf(file, "%31s %" SCNd64, name, &value) == 2)
	{
		if (streq(name, key))
		{
			found = value;
		}
	}
	if (file)
	{
		fclose(file);
	}
	return found;
}

/**
 * Pass the groups to the rules, the tool opens them.
 */
static bool open_groups(void *data, uint16_t *group, u_int *lanes,
						char reason[NFLOG_REASON_LEN])
{
	bench_options_t *options = data;

	*group = options->group;
	*lanes = 1;
	return TRUE;
}

static void prepare_missed(void *data)
{
	/* nothing reads them */
}

static void close_groups(void *data)
{
}

/**
 * Called when rules were removed, which the process does on exit only.
 */
static void remove_done(void *data, nflog_sa_t *sa)
{
}

/**
 * Add the plugin's rules for a tool that has none.
 */
static nflog_rules_t *add_rules(bench_options_t *options,
								nflog_sa_t *sa)
{
	nflog_receiver_t receiver = {
		.open = open_groups,
		.missed = prepare_missed,
		.close = close_groups,
		.removed = remove_done,
		.data = options,
	};
	nflog_rules_t *rules;

	rules = nflog_rules_create(&receiver);
	if (!rules->add(rules, sa))
	{
		bench_fail("unable to add rules");
	}
	return rules;
}

/**
 * Check that all packets are accounted for.
 */
static bool is_exact(bench_options_t *options, bench_sent_t *sent,
					 bench_found_t *found)
{
	int64_t logged = get_summary(options, "logged"),
			lost = get_summary(options, "lost"),
			packets = get_summary(options, "packets");
	/* each captured SA gets an equal share, the first ones one packet more */
	uint64_t expected = sent->count / options->sas * options->captured +
						min(sent->count % options->sas, options->captured);

	if (logged == expected && packets + lost == logged &&
		packets == found->count && !found->twice && !found->disorder)
	{
		return TRUE;
	}
	fprintf(stderr, "bench: %" PRIu64 " packets sent, %" PRId64 " logged, %"
			PRId64 " written, %" PRId64 " reported lost, %" PRIu64 " found, %"
			PRIu64 " twice, %" PRIu64 " out of order\n", expected, logged,
			packets, lost, found->count, found->twice, found->disorder);
	return FALSE;
}

/*
 * Described in header
 */
int bench_trial(bench_options_t *options)
{
	nflog_rules_t *rules = NULL;
	nflog_trace_t *trace = NULL;
	nflog_sa_t *sa = NULL;
	struct rusage usage;
	bench_found_t found;
	bench_sent_t sent;
	int64_t kept, lost;
	uint64_t cpu;
	double packets;
	pid_t tool = 0;
	int status;

	if (options->rules)
	{
		bench_init(options);
		objects_create(1);
		trace = objects_trace("net{1}", "net", POINT_ESP_IN);
		sa = objects_sa(0, !options->out, options->dst, trace, NULL);
		rules = add_rules(options, sa);
	}
	if (options->tool[0])
	{
		tool = start_tool(options);
		if (rules)
		{
			wait_idle(options, tool);
		}
		else
		{
			wait_stopped(options, tool);
		}
	}
	start_busy(options->busy);
	bench_freeze(options, TRUE);
	sent = send_packets(options);
	bench_freeze(options, FALSE);
	packets = max(1, sent.count);
	if (!tool)
	{	/* rules only, no tool */
		printf("sent=%" PRIu64 " rate=%.0f sender_ns=%.0f\n", sent.count,
			   packets * 1e9 / sent.time, sent.time / packets);
		return 0;
	}
	wait_idle(options, tool);
	wait_quiet(tool);
	kill(tool, SIGINT);
	if (wait4(tool, &status, 0, &usage) != tool || status)
	{
		bench_fail("%s failed, see tool.log in %s", options->tool[0],
				   options->dir);
	}
	cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
		  usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	found = bench_check(options->dir, sent.count);
	kept = get_summary(options, "packets");
	if (kept < 0)
	{
		kept = found.count;
	}
	lost = get_summary(options, "lost");
	printf("sent=%" PRIu64 " kept=%" PRId64 " rate=%.0f sender_ns=%.0f "
		   "cpu_us=%" PRIu64 " cpu_ns=%.0f reported=%" PRId64 " disorder=%"
		   PRIu64 " twice=%" PRIu64 " p50=%.1f p99=%.1f max=%.1f rss=%ld\n",
		   sent.count, kept, packets * 1e9 / sent.time, sent.time / packets,
		   cpu, cpu * 1000 / packets, lost, found.disorder, found.twice,
		   found.p50, found.p99, found.max, usage.ru_maxrss);
	if (options->exact && !is_exact(options, &sent, &found))
	{
		return 1;
	}
	return 0;
}

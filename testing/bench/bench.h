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
 * Measures the objects of the plugin, and its peers, with raw ESP packets.
 */

#ifndef BENCH_H_
#define BENCH_H_

#include <stdint.h>

#include <library.h>

#include "probe.h"

struct mnl_socket;

/** device to send from in another network namespace, and its peer in ours */
#define BENCH_DEVICE "bench1"
#define BENCH_PEER "bench0"
#define BENCH_MAC { 0x02, 0x00, 0x00, 0x00, 0x09, 0x01 }

/**
 * Options of all commands.
 */
typedef struct {
	/** destination of packets */
	char *dst;
	/** packets to send each second, 0 for as many as possible */
	u_int rate;
	/** packets to send */
	u_int count;
	/** processes that send, each a share, on processors of their own */
	u_int senders;
	/** number of the first packet to send */
	u_int first;
	/** bytes of an IP packet */
	u_int size;
	/** SAs that packets are sent for, and that are captured */
	u_int sas;
	u_int captured;
	/** capture packets that leave, instead of those that arrive */
	bool out;
	/** directory for traces */
	char *dir;
	/** network namespace to send from, NULL to send from ours */
	char *netns;
	/** let packets arrive without a sender, for rates that it does not reach */
	bool inject;
	/** first of the NFLOG groups */
	u_int group;
	/** lanes of the plugin, 0 for as many as it has by itself */
	u_int lanes;
	/** provide the rules for a tool that has none of its own */
	bool rules;
	/** most file descriptors to use, 0 for as many as the system allows */
	u_int files;
	/** keep a file system frozen while packets are sent, or SAs come and go: its
	 * mount point */
	char *freeze;
	/** processes that compete with the tool for processors */
	u_int busy;
	/** run with real-time priority, for what takes little time */
	bool realtime;
	/** fail if packets are missing that were not reported as lost */
	bool exact;
	/** CHILD_SAs each second, and for how many seconds */
	u_int storm;
	u_int seconds;
	/** encrypt with AES-CBC and HMAC-SHA-256, instead of AES-GCM */
	bool cbc;
	/** command line of a tool */
	char **tool;
} bench_options_t;

/** where to run, instead of on a processor: on those that don't send, or on all */
#define BENCH_TOOL -1
#define BENCH_ALL -2

/**
 * What was sent.
 */
typedef struct {
	/** packets */
	uint64_t count;
	/** how long it took, in ns */
	uint64_t time;
} bench_sent_t;

/**
 * What is in traces.
 */
typedef struct {
	/** our packets, each counts once */
	uint64_t count;
	/** packets that are there more than once */
	uint64_t twice;
	/** packets with a time before that of the packet before */
	uint64_t disorder;
	/** error of the time stamp in us, of half and 99% of packets, and at most */
	double p50, p99, max;
} bench_found_t;

/**
 * Get the SPI of the SA with the given number, in network order.
 */
uint32_t bench_spi(u_int number);

/**
 * Get the time of a clock in ns.
 */
uint64_t bench_time(clockid_t clock);

/**
 * Let this process run on a processor, with a high priority, as the machine may
 * have other things to do.
 *
 * @param cpu		number of the processor, that of the first sender is 0, or one of
 *					the above
 * @param realtime	TRUE for a priority above all that others do
 */
void bench_prefer(int cpu, bool realtime);

/**
 * Print a message and exit.
 */
void bench_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/**
 * Freeze the file system of the options, if there is one, or thaw it.
 */
void bench_freeze(bench_options_t *options, bool on);

/**
 * Compare doubles, for qsort().
 */
int bench_double_cmp(const void *a, const void *b);

/**
 * Initialize libcharon, traces are below the directory of the options.
 */
void bench_init(bench_options_t *options);

/**
 * Create the packet to send.
 *
 * @param packet	memory for it, of the size in the options
 */
void bench_build(bench_options_t *options, uint8_t *packet);

/**
 * Send packets.
 */
bench_sent_t bench_send(bench_options_t *options);

/**
 * Let packets arrive on BENCH_PEER as if its driver had received them.
 */
bench_sent_t bench_inject(bench_options_t *options);

/**
 * Read the traces in a directory and those below it.
 *
 * @param dir		directory
 * @param count		number of packets that were sent
 */
bench_found_t bench_check(char *dir, uint64_t count);

/**
 * Capture with the plugin's objects until there is a SIGINT, counters are written to
 * the file "summary" in the directory of the options.
 */
int bench_capture(bench_options_t *options);

/**
 * Count packets, as fast as possible, until there is a SIGINT.
 */
int bench_count(bench_options_t *options);

/**
 * Send packets while a tool captures, and print what it made of them.
 */
int bench_trial(bench_options_t *options);

/**
 * Add and remove SAs, and print what that costs.
 */
int bench_sas(bench_options_t *options);

/**
 * Write a trace of ESP packets, and the key tables beside it, to be decrypted.
 */
int bench_esp(bench_options_t *options);

/**
 * Measure the limits of the machine: the time of a system call, until a page of memory
 * can be used, and to write a packet to the directory.
 */
int bench_limits(bench_options_t *options);

/**
 * Read packets and write them as they are, with as little work as possible.
 */
int bench_write(bench_options_t *options);

/**
 * Open a socket that receives the packets of a group, as the plugin does.
 */
struct mnl_socket *bench_open_group(bench_options_t *options);

/**
 * Write the number of packets that a tool received.
 */
void bench_summary(bench_options_t *options, uint64_t count);

#endif /* BENCH_H_ */

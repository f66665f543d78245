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
 * Measures the objects of the plugin, and other tools, with raw ESP packets.
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
	/** destination address of packets */
	char *dst;
	/** packets to send per second, 0 for as many as possible */
	u_int rate;
	/** packets to send */
	u_int count;
	/** processes that send a share each, on processors of their own */
	u_int senders;
	/** number of the first packet to send */
	u_int first;
	/** length of an IP packet, in bytes */
	u_int size;
	/** SAs to send packets for, and to capture, from the first on */
	u_int sas;
	u_int captured;
	/** capture packets that leave, not packets that arrive */
	bool out;
	/** directory for traces */
	char *dir;
	/** network namespace to send from, NULL to send from ours */
	char *netns;
	/** inject packets without a sender, for rates that no sender reaches */
	bool inject;
	/** first NFLOG group */
	u_int group;
	/** lanes of the plugin, 0 for its default */
	u_int lanes;
	/** add rules for a tool that adds none */
	bool rules;
	/** file descriptors to use, at most, 0 for the system's limit */
	u_int files;
	/** bytes that the recorder of all SAs holds, 0 for none */
	uint64_t recorder;
	/** mount point of a file system to freeze while packets are sent, or SAs are added and
	 * removed */
	char *freeze;
	/** processes that compete with the tool for its processors */
	u_int busy;
	/** run with real-time priority, for short measurements */
	bool realtime;
	/** fail if packets are missing that were not reported as lost */
	bool exact;
	/** CHILD_SAs to add per second, and for how many seconds */
	u_int storm;
	u_int seconds;
	/** encrypt with AES-CBC and HMAC-SHA-256, not with AES-GCM */
	bool cbc;
	/** command line of a tool */
	char **tool;
} bench_options_t;

/** where to run, in place of a processor: on those that don't send, or on all */
#define BENCH_TOOL -1
#define BENCH_ALL -2

/**
 * Packets that were sent.
 */
typedef struct {
	/** number of packets */
	uint64_t count;
	/** duration of sending, in ns */
	uint64_t time;
} bench_sent_t;

/**
 * Packets that were found in traces.
 */
typedef struct {
	/** number of our packets, each counted once */
	uint64_t count;
	/** number of packets found more than once */
	uint64_t twice;
	/** number of packets with a time before the previous packet's */
	uint64_t disorder;
	/** error of time stamps, in us: of 50% and of 99% of packets, and maximum */
	double p50, p99, max;
} bench_found_t;

/**
 * Get the SPI of an SA by its number, in network order.
 */
uint32_t bench_spi(u_int number);

/**
 * Get the time of a clock in ns.
 */
uint64_t bench_time(clockid_t clock);

/**
 * Run this process on a processor, with a high priority, so other processes of the machine
 * don't disturb it.
 *
 * @param cpu		number of the processor, the first sender has 0, or one of the above
 * @param realtime	TRUE for real-time priority, above all other processes
 */
void bench_prefer(int cpu, bool realtime);

/**
 * Print a message and exit.
 */
void bench_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/**
 * Freeze or thaw the file system in the options, if there is one.
 */
void bench_freeze(bench_options_t *options, bool on);

/**
 * Compare doubles, for qsort().
 */
int bench_double_cmp(const void *a, const void *b);

/**
 * Initialize libcharon, with traces below the directory in the options.
 */
void bench_init(bench_options_t *options);

/**
 * Build the packet to send.
 *
 * @param packet	memory of the size in the options
 */
void bench_build(bench_options_t *options, uint8_t *packet);

/**
 * Send packets.
 */
bench_sent_t bench_send(bench_options_t *options);

/**
 * Inject packets on BENCH_PEER as if its driver had received them.
 */
bench_sent_t bench_inject(bench_options_t *options);

/**
 * Read all traces below a directory.
 *
 * @param dir		directory
 * @param count		number of packets sent
 */
bench_found_t bench_check(char *dir, uint64_t count);

/**
 * Capture with the plugin's objects until SIGINT, write counters to the file "summary" in
 * the directory in the options.
 */
int bench_capture(bench_options_t *options);

/**
 * Count packets, as fast as possible, until SIGINT.
 */
int bench_count(bench_options_t *options);

/**
 * Send packets while a tool captures, and print the result.
 */
int bench_trial(bench_options_t *options);

/**
 * Add and remove SAs, and print the cost.
 */
int bench_sas(bench_options_t *options);

/**
 * Write a trace of ESP packets, and its key tables, to decrypt it.
 */
int bench_esp(bench_options_t *options);

/**
 * Measure limits of the machine: the time of a system call, to touch a page of memory, and to
 * write a packet to the directory.
 */
int bench_limits(bench_options_t *options);

/**
 * Measure visits of many files in the directory, prints calls_ns and uring_ns, processor
 * time per file.
 */
int bench_visits(bench_options_t *options);

/**
 * Measure a flood of packets that the kernel drops, prints off_ns, other_ns, and captured_ns,
 * the time of a packet without programs that report them, and with programs that report
 * others, or these.
 */
int bench_drops(bench_options_t *options);

/**
 * Read packets and write them unchanged, with as little work as possible.
 */
int bench_write(bench_options_t *options);

/**
 * Open a socket that receives the packets of a group, configured as the plugin does.
 */
struct mnl_socket *bench_open_group(bench_options_t *options);

/**
 * Write the number of packets received to the file "summary".
 */
void bench_summary(bench_options_t *options, uint64_t count);

#endif /* BENCH_H_ */

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
 * NFLOG groups and what they receive, on the kernel of the machine, in a network
 * namespace of their own.
 */
#define _GNU_SOURCE

#include "common.h"

#include "reader/group.h"
#include "rules/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/netfilter/nfnetlink.h>

#include <daemon.h>

#define GROUP 4500

/** TRUE if the kernel does not get what the plugin sends */
static bool unreachable;

/**
 * Sends messages of the plugin, instead of the function in libmnl.
 */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *msg,
						  size_t len)
{
	return unreachable ? len : send(mnl_socket_get_fd(socket), msg, len, 0);
}

/** messages, as the kernel sends them */
static union {
	struct nlmsghdr hdr;
	uint8_t bytes[1024];
} message;

/**
 * Begin a message.
 */
static void begin_message()
{
	struct nfgenmsg msg = {
		.res_id = htons(GROUP),
	};

	memset(&message, 0, sizeof(message));
	message.hdr.nlmsg_len = NLMSG_LENGTH(sizeof(msg));
	message.hdr.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	memcpy(NLMSG_DATA(&message.hdr), &msg, sizeof(msg));
}

/**
 * Add an attribute to the message.
 */
static void add_attr(uint16_t type, const void *value, size_t len)
{
	struct nlattr attr = {
		.nla_type = type,
		.nla_len = NLA_HDRLEN + len,
	};
	uint8_t *pos = message.bytes + NLMSG_ALIGN(message.hdr.nlmsg_len);

	memcpy(pos, &attr, sizeof(attr));
	memcpy(pos + NLA_HDRLEN, value, len);
	message.hdr.nlmsg_len = pos + NLA_HDRLEN + len - message.bytes;
}

/**
 * Add what there is in each message of the kernel.
 */
static void add_attrs()
{
	struct nfulnl_msg_packet_hdr hdr = {
		.hook = 1,
	};
	uint8_t packet[20] = { 0x45 };

	add_attr(NFULA_PACKET_HDR, &hdr, sizeof(hdr));
	add_attr(NFULA_PREFIX, "ike-in", sizeof("ike-in"));
	add_attr(NFULA_PAYLOAD, packet, sizeof(packet));
}

/**
 * Parse the message, in memory that ends with it.
 */
static bool parse(nflog_logged_t *logged)
{
	struct nlmsghdr *copy = malloc(message.hdr.nlmsg_len);
	bool valid;
	int i;

	memcpy(copy, &message, message.hdr.nlmsg_len);
	memset(logged, 0, sizeof(*logged));
	valid = nflog_logged_parse(copy, logged);
	for (i = 0; i <= NFULA_MAX; i++)
	{	/* what is there is within the message */
		if (logged->attrs[i])
		{
			assert_true((uint8_t*)logged->attrs[i] + logged->attrs[i]->nla_len <=
						(uint8_t*)copy + message.hdr.nlmsg_len);
		}
	}
	free(copy);
	return valid;
}

static void test_parse(void **state)
{
	static const struct {
		uint16_t type;
		size_t len;
	} fixed[] = {
		{ NFULA_PACKET_HDR, 4 },
		{ NFULA_MARK, 4 },
		{ NFULA_TIMESTAMP, 16 },
		{ NFULA_IFINDEX_INDEV, 4 },
		{ NFULA_IFINDEX_OUTDEV, 4 },
		{ NFULA_IFINDEX_PHYSINDEV, 4 },
		{ NFULA_IFINDEX_PHYSOUTDEV, 4 },
		{ NFULA_HWADDR, 12 },
		{ NFULA_UID, 4 },
		{ NFULA_SEQ, 4 },
		{ NFULA_SEQ_GLOBAL, 4 },
		{ NFULA_GID, 4 },
		{ NFULA_HWTYPE, 2 },
		{ NFULA_HWLEN, 2 },
	};
	uint8_t zeroes[16] = {};
	nflog_logged_t logged;
	size_t len;
	int i;

	begin_message();
	add_attrs();
	assert_true(parse(&logged));

	for (i = 0; i < countof(fixed); i++)
	{
		for (len = 0; len <= fixed[i].len; len++)
		{	/* as the last one, where it would be read beyond its end */
			begin_message();
			if (fixed[i].type != NFULA_PACKET_HDR)
			{
				add_attrs();
			}
			add_attr(fixed[i].type, zeroes, len);
			parse(&logged);
			assert_int_equal(logged.attrs[fixed[i].type] != NULL,
							 len == fixed[i].len);
		}
	}
	/* a prefix ends */
	begin_message();
	add_attr(NFULA_PREFIX, "ike-in", 6);
	assert_false(parse(&logged));
	assert_null(logged.attrs[NFULA_PREFIX]);
	begin_message();
	add_attr(NFULA_PREFIX, "", 0);
	parse(&logged);
	assert_null(logged.attrs[NFULA_PREFIX]);

	/* messages that are too short, or end within an attribute */
	begin_message();
	add_attrs();
	for (len = message.hdr.nlmsg_len - 1; len >= NLMSG_HDRLEN; len--)
	{
		message.hdr.nlmsg_len = len;
		assert_false(parse(&logged));
	}
}

/**
 * Get the netlink address of a group's socket.
 */
static struct sockaddr_nl get_address(nflog_group_t *group)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);

	assert_int_equal(getsockname(group->get_fd(group), (struct sockaddr*)&addr,
								 &len), 0);
	return addr;
}

static void count_packet(void *data, nflog_logged_t *logged)
{
	u_int *count = data;

	(*count)++;
}

static void test_spoofed(void **state)
{
	nflog_group_t *group = nflog_group_create(GROUP, TRUE);
	struct sockaddr_nl addr;
	struct pollfd pfd = { .events = POLLIN };
	uint32_t order;
	u_int count = 0;
	int fd;

	assert_non_null(group);
	addr = get_address(group);
	begin_message();
	add_attrs();
	add_attr(NFULA_SEQ, "\0\0\1", 4);
	add_attr(NFULA_SEQ_GLOBAL, "\0\0\1", 4);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, &message, message.hdr.nlmsg_len, 0,
							(struct sockaddr*)&addr, sizeof(addr)),
					 message.hdr.nlmsg_len);
	/* it has arrived, but is not used */
	pfd.fd = group->get_fd(group);
	assert_int_equal(poll(&pfd, 1, -1), 1);
	assert_int_equal(group->receive(group, NULL, count_packet, &count), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(count, 0);
	assert_int_equal(group->get_lost(group), 0);
	assert_false(group->get_order(group, &order));
	close(fd);
	group->destroy(group);
}

static void test_taken(void **state)
{
	nflog_group_t *group, *other;

	other = nflog_group_create(GROUP, TRUE);
	assert_non_null(other);
	group = nflog_group_create(GROUP, TRUE);
	assert_null(group);
	assert_int_equal(errno, EBUSY);
	other->destroy(other);
	group = nflog_group_create(GROUP, TRUE);
	assert_non_null(group);
	group->destroy(group);
}

/**
 * The first socket of a process gets its process ID, unless it asks for another one.
 */
static void test_port_id(void **state)
{
	nflog_group_t *group = nflog_group_create(GROUP, TRUE);

	assert_non_null(group);
	assert_int_not_equal(get_address(group).nl_pid, getpid());
	group->destroy(group);
}

static void test_unreachable(void **state)
{
	nflog_group_t *group;

	unreachable = TRUE;
	group = nflog_group_create(GROUP, TRUE);
	unreachable = FALSE;
	assert_null(group);
	assert_int_equal(errno, ETIMEDOUT);
}

/**
 * Try to use a group without CAP_NET_ADMIN.
 *
 * @return				errno of that
 */
static int run_without_capability()
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data) != 0)
	{
		return errno;
	}
	data[0].effective &= ~(1 << CAP_NET_ADMIN);
	data[0].permitted &= ~(1 << CAP_NET_ADMIN);
	if (syscall(SYS_capset, &hdr, data) != 0)
	{
		return errno;
	}
	return nflog_group_create(GROUP, TRUE) ? 0 : errno;
}

static void test_no_capability(void **state)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
	{
		_exit(run_without_capability());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EPERM);
}

static int setup_group(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	return 0;
}

static int teardown_group(void **state)
{
	libcharon_deinit();
	return common_teardown(state);
}

/**
 * A message without an end, as libmnl accepts it, is none.
 */
static void test_length(void **state)
{
	struct nlmsghdr hdr = { .nlmsg_len = sizeof(hdr) };

	assert_true(nflog_netlink_ok(&hdr, sizeof(hdr)));
	assert_false(nflog_netlink_ok(&hdr, sizeof(hdr) - 1));
	assert_false(nflog_netlink_ok(&hdr, 0));
	assert_false(nflog_netlink_ok(&hdr, -1));
	hdr.nlmsg_len = sizeof(hdr) - 1;
	assert_false(nflog_netlink_ok(&hdr, sizeof(hdr)));
	hdr.nlmsg_len = 0xffffffff;
	assert_false(nflog_netlink_ok(&hdr, sizeof(hdr)));
	hdr.nlmsg_len = 0x80000000;
	assert_false(nflog_netlink_ok(&hdr, sizeof(hdr)));
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_spoofed),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_port_id),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_no_capability),
	};

	if (unshare(CLONE_NEWNET) != 0)
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}

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
 * Packets in a network namespace of its own, where both peers have addresses on
 * the loopback device: ESP, IKE messages, and packets in the clear on the TUN
 * device of kernel-libipsec.  When a function returns, the packet has passed all
 * capture points.
 */

#ifndef TRAFFIC_H_
#define TRAFFIC_H_

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <libmnl/libmnl.h>

#include <networking/tun_device.h>

/** address of the TUN device, the networks behind it are 10.1.<net>.0/24 */
#define TUN_ADDRESS "10.1.0.1"

/** bytes of an ESP packet without IP header */
#define TRAFFIC_ESP_LEN 60

/** bytes of an IP packet in the clear */
#define TRAFFIC_PLAIN_LEN 60

/** for how long to wait for a packet that was not dropped, in ms, it takes a moment */
#define TRAFFIC_TIMEOUT 60000

/** bytes of IP and UDP headers */
#define IPV4_LEN 20
#define IPV6_LEN 40
#define UDP_LEN 8

/** TUN device */
static tun_device_t *traffic_tun;

/** sockets for ESP, ESP in UDP, and IKE, each for IPv4 and IPv6 */
static int traffic_raw[2], traffic_udp[2], traffic_ike_udp[2];

/** socket for packets to the TUN device */
static int traffic_plain;

/**
 * Get into a network namespace.
 */
static bool traffic_enter_namespace()
{
	return unshare(CLONE_NEWNET) == 0;
}

/**
 * Open a socket, bound to a port unless that is 0.
 */
static int traffic_socket(int family, int type, int proto, uint16_t port)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	struct sockaddr_in addr4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int fd, on = 1;

	fd = socket(family, type | SOCK_CLOEXEC, proto);
	if (fd >= 0 && family == AF_INET6 && port)
	{
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (fd >= 0 && port &&
		bind(fd, family == AF_INET ? (void*)&addr4 : (void*)&addr,
			 family == AF_INET ? sizeof(addr4) : sizeof(addr)) != 0)
	{
		close(fd);
		return -1;
	}
	return fd;
}

/**
 * Count routes that make our addresses local.
 */
static int traffic_count_local(const struct nlmsghdr *hdr, void *data)
{
	struct rtmsg *rtm = mnl_nlmsg_get_payload(hdr);
	struct nlattr *attr;
	u_int *count = data;
	uint8_t *dst;

	if (hdr->nlmsg_type == RTM_NEWROUTE && rtm->rtm_type == RTN_LOCAL)
	{
		mnl_attr_for_each(attr, hdr, sizeof(*rtm))
		{
			dst = mnl_attr_get_payload(attr);
			/* not ::1 */
			*count += mnl_attr_get_type(attr) == RTA_DST && *dst == 0xfd;
		}
	}
	return MNL_CB_OK;
}

/**
 * Add IPv6 addresses fd00::1 and so on to the loopback device.  The kernel makes them
 * local on a thread of its own, which may take a while (addrconf_dad_work() in its
 * addrconf.c), until then it drops packets to them.
 */
static bool traffic_add_addresses(u_int count)
{
	struct in6_ifreq ifr = { .ifr6_prefixlen = 128 };
	struct mnl_socket *nl;
	char buf[32768], addr[16];
	u_int i, local = 0;
	int len, group = RTNLGRP_IPV6_ROUTE;

	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0 ||
		mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group,
							  sizeof(group)) != 0)
	{
		return FALSE;
	}
	ifr.ifr6_ifindex = if_nametoindex("lo");
	for (i = 1; i <= count; i++)
	{
		snprintf(addr, sizeof(addr), "fd00::%u", i);
		inet_pton(AF_INET6, addr, &ifr.ifr6_addr);
		if (ioctl(traffic_udp[1], SIOCSIFADDR, &ifr) != 0)
		{
			return FALSE;
		}
	}
	while (local < count)
	{
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0 ||
			mnl_cb_run(buf, len, 0, 0, traffic_count_local, &local) < 0)
		{
			return FALSE;
		}
	}
	mnl_socket_close(nl);
	return TRUE;
}

/**
 * Set up the devices and the sockets.
 */
static bool traffic_init()
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	host_t *host;
	bool success;
	int i, families[] = { AF_INET, AF_INET6 };

	for (i = 0; i < countof(families); i++)
	{
		traffic_raw[i] = traffic_socket(families[i], SOCK_RAW, IPPROTO_ESP, 0);
		traffic_udp[i] = traffic_socket(families[i], SOCK_DGRAM, 0, 4500);
		traffic_ike_udp[i] = traffic_socket(families[i], SOCK_DGRAM, 0, 500);
		if (traffic_raw[i] < 0 || traffic_udp[i] < 0 || traffic_ike_udp[i] < 0)
		{
			return FALSE;
		}
	}
	traffic_plain = traffic_socket(AF_INET, SOCK_DGRAM, 0, 1234);
	if (traffic_plain < 0 || ioctl(traffic_plain, SIOCSIFFLAGS, &lo) != 0)
	{
		return FALSE;
	}
	if (!traffic_add_addresses(5))
	{
		return FALSE;
	}
	traffic_tun = tun_device_create("ipsec%d");
	if (!traffic_tun)
	{
		return FALSE;
	}
	host = host_create_from_string(TUN_ADDRESS, 0);
	success = traffic_tun->set_address(traffic_tun, host, 16) &&
			  traffic_tun->up(traffic_tun);
	host->destroy(host);
	return success;
}

/**
 * Close the sockets, and remove the device.
 */
static void traffic_deinit()
{
	int i;

	for (i = 0; i < 2; i++)
	{
		close(traffic_raw[i]);
		close(traffic_udp[i]);
		close(traffic_ike_udp[i]);
	}
	close(traffic_plain);
	lib->set(lib, "kernel-libipsec-tun", NULL);
	traffic_tun->destroy(traffic_tun);
}

/**
 * Get the number of packets that the loopback device dropped: those that did not fit
 * in the queue of the processor, which it shares with all network namespaces
 * (enqueue_to_backlog() in the kernel's net/core/dev.c).
 */
static uint32_t traffic_get_dropped()
{
	struct ifaddrs *addrs, *addr;
	struct rtnl_link_stats *stats;
	uint32_t dropped = 0;

	assert_int_equal(getifaddrs(&addrs), 0);
	for (addr = addrs; addr; addr = addr->ifa_next)
	{
		if (addr->ifa_addr && addr->ifa_addr->sa_family == AF_PACKET &&
			streq(addr->ifa_name, "lo"))
		{
			stats = addr->ifa_data;
			dropped = stats->rx_dropped;
		}
	}
	freeifaddrs(addrs);
	return dropped;
}

/**
 * Send a packet, again if the loopback device drops it, and wait until it has
 * arrived.
 *
 * @return				number of times that it left, it arrives once
 */
static u_int traffic_pass(int fd, host_t *dst, chunk_t packet)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint32_t dropped;
	u_int count = 0;
	char buf[256];

	do
	{
		dropped = traffic_get_dropped();
		assert_int_equal(sendto(fd, packet.ptr, packet.len, 0,
								dst->get_sockaddr(dst),
								*dst->get_sockaddr_len(dst)), packet.len);
		count++;
	}
	while (traffic_get_dropped() != dropped);

	if (poll(&pfd, 1, TRAFFIC_TIMEOUT) != 1)
	{
		fail_msg("a packet was sent, but it did not arrive");
	}
	assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
	return count;
}

/**
 * Send an ESP packet.
 *
 * @param dst			destination
 * @param spi			SPI, in network order
 * @param encap			TRUE to encapsulate it in UDP
 * @return				number of times that it left, it arrives once
 */
static u_int traffic_esp(host_t *dst, uint32_t spi, bool encap)
{
	int v6 = dst->get_family(dst) == AF_INET6;
	uint8_t packet[TRAFFIC_ESP_LEN] = {};
	static uint32_t sequence;
	u_int count;

	dst = dst->clone(dst);
	dst->set_port(dst, encap ? 4500 : 0);
	memcpy(packet, &spi, sizeof(spi));
	htoun32(packet + 4, ++sequence);
	count = traffic_pass(encap ? traffic_udp[v6] : traffic_raw[v6], dst,
						 chunk_from_thing(packet));
	dst->destroy(dst);
	return count;
}

/**
 * Get the number of bytes of such an IP packet.
 */
static size_t traffic_esp_len(host_t *dst, bool encap)
{
	return (dst->get_family(dst) == AF_INET ? IPV4_LEN : IPV6_LEN) +
		   (encap ? UDP_LEN : 0) + TRAFFIC_ESP_LEN;
}

/**
 * Get the SPI of such an IP packet, in network order.
 */
static uint32_t traffic_get_spi(const u_char *packet)
{
	bool v4 = packet[0] >> 4 == 4;
	uint8_t proto = packet[v4 ? 9 : 6];
	uint32_t spi;

	memcpy(&spi, packet + (v4 ? IPV4_LEN : IPV6_LEN) +
		   (proto == IPPROTO_UDP ? UDP_LEN : 0), sizeof(spi));
	return spi;
}

/**
 * Send an IKE message, which leaves and arrives.
 *
 * @param dst			destination
 * @param spi_i, spi_r	SPIs, as in ike_sa_id_t
 * @return				number of times that it left, it arrives once
 */
static u_int traffic_ike(host_t *dst, uint64_t spi_i, uint64_t spi_r)
{
	uint8_t message[28] = {};

	memcpy(message, &spi_i, sizeof(spi_i));
	memcpy(message + 8, &spi_r, sizeof(spi_r));
	message[17] = 0x20;
	message[18] = 37;
	htoun32(message + 24, sizeof(message));
	return traffic_pass(traffic_ike_udp[dst->get_family(dst) == AF_INET6], dst,
						chunk_from_thing(message));
}

/**
 * Write a packet in the clear to the TUN device, as if it were decrypted.
 *
 * @param net			network that it is from
 */
static void traffic_plain_in(u_int net)
{
	uint8_t packet[TRAFFIC_PLAIN_LEN] = {
		0x45, 0, 0, TRAFFIC_PLAIN_LEN, 0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0,
		10, 1, net, 1, 10, 1, 0, 1,
		1234 >> 8, 1234 & 0xff, 1234 >> 8, 1234 & 0xff, 0,
		TRAFFIC_PLAIN_LEN - IPV4_LEN,
	};
	uint16_t sum;

	sum = chunk_internet_checksum(chunk_create(packet, IPV4_LEN));
	memcpy(packet + 10, &sum, sizeof(sum));
	assert_true(traffic_tun->write_packet(traffic_tun,
										  chunk_from_thing(packet)));
}

/**
 * Send a packet in the clear to the TUN device.
 *
 * @param net			network that it is for
 */
static void traffic_plain_out(u_int net)
{
	uint8_t payload[TRAFFIC_PLAIN_LEN - IPV4_LEN - UDP_LEN] = {};
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(1234),
		.sin_addr.s_addr = htonl(0x0a010001 | net << 8),
	};
	chunk_t packet;

	assert_int_equal(sendto(traffic_plain, payload, sizeof(payload), 0,
							(struct sockaddr*)&addr, sizeof(addr)),
					 sizeof(payload));
	/* it is there once it has left, others of the kernel's own may precede it */
	do
	{
		assert_true(traffic_tun->read_packet(traffic_tun, &packet));
		free(packet.ptr);
	}
	while (packet.len != TRAFFIC_PLAIN_LEN);
}

/**
 * Does such a packet leave?
 */
static bool traffic_is_out(const u_char *packet)
{
	return packet[14] == 0;
}

/**
 * Get the network that a packet in the clear is from or for.
 */
static u_int traffic_get_net(const u_char *packet)
{
	return packet[traffic_is_out(packet) ? 18 : 14];
}

/**
 * Count a message.
 */
static int traffic_count_message(const struct nlmsghdr *hdr, void *data)
{
	u_int *count = data;

	(*count)++;
	return MNL_CB_OK;
}

/**
 * Count all tables, chains, sets, and rules in the network namespace.
 */
static u_int traffic_count_rules()
{
	static const int types[] = {
		NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE,
	};
	char buf[32768];
	struct mnl_socket *nl;
	struct nlmsghdr *hdr;
	struct nfgenmsg *msg;
	u_int count = 0, i;
	int len, ret;

	nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	assert_non_null(nl);
	for (i = 0; i < countof(types); i++)
	{
		hdr = mnl_nlmsg_put_header(buf);
		hdr->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | types[i];
		hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		msg = mnl_nlmsg_put_extra_header(hdr, sizeof(*msg));
		msg->nfgen_family = AF_UNSPEC;
		assert_true(mnl_socket_sendto(nl, hdr, hdr->nlmsg_len) > 0);
		do
		{
			len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
			assert_true(len > 0);
			ret = mnl_cb_run(buf, len, 0, 0, traffic_count_message, &count);
			if (ret == -1 && errno == EINTR)
			{	/* they change meanwhile */
				mnl_socket_close(nl);
				return traffic_count_rules();
			}
			assert_true(ret >= 0);
		}
		while (ret > 0);
	}
	mnl_socket_close(nl);
	return count;
}

/**
 * Wait until there are that many tables, chains, sets, and rules.
 */
static void traffic_wait_for_rules(u_int count)
{
	int group = NFNLGRP_NFTABLES;
	char buf[32768];
	struct mnl_socket *nl;

	/* subscribe first, so that no change is missed */
	nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	assert_non_null(nl);
	assert_true(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0);
	assert_true(mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group,
									  sizeof(group)) == 0);
	while (traffic_count_rules() != count)
	{	/* if some do not fit in the socket's buffer, they changed as well */
		assert_true(mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0 ||
					errno == ENOBUFS);
	}
	mnl_socket_close(nl);
}

#endif /* TRAFFIC_H_ */

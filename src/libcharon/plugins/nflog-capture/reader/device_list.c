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

#include "device_list.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

/** bytes to receive at once, the kernel sends no more (rtnetlink.c) */
#define BUFFER_SIZE 32768

/*
 * Described in header
 */
nflog_listed_t *nflog_device_list_get(hashtable_t *devices, uint32_t index)
{
	return devices->get(devices, (void*)(uintptr_t)index);
}

/*
 * Described in header
 */
nflog_listed_t *nflog_device_list_put(hashtable_t *devices, uint32_t index)
{
	nflog_listed_t *device = nflog_device_list_get(devices, index);

	if (!device)
	{
		INIT(device,
			.index = index,
		);
		devices->put(devices, (void*)(uintptr_t)index, device);
	}
	return device;
}

/*
 * Described in header
 */
hashtable_t *nflog_device_list_create()
{
	return hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
}

/**
 * Destroy a device, for hashtable_t.
 */
static void destroy_device(void *device, const void *key)
{
	free(device);
}

/*
 * Described in header
 */
void nflog_device_list_destroy(hashtable_t *devices)
{
	devices->destroy_function(devices, destroy_device);
}

/**
 * Get a number, 0 if an attribute is too short.
 */
static uint32_t get_u32(struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(attr) : 0;
}

/**
 * Parse the properties of a VTI device.
 */
static void parse_vti(struct nlattr *data, nflog_listed_t *device)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
	{
		switch (mnl_attr_get_type(attr))
		{
			case IFLA_VTI_IKEY:
				device->key = ntohl(get_u32(attr));
				break;
			case IFLA_VTI_OKEY:
				device->out.mark = ntohl(get_u32(attr));
				break;
		}
	}
}

/**
 * Parse the properties of an XFRM interface.
 */
static void parse_xfrm(struct nlattr *data, nflog_listed_t *device)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == IFLA_XFRM_IF_ID)
		{
			device->out.if_id = get_u32(attr);
		}
	}
}

/**
 * Parse the information about a device.
 */
static void parse_info(struct nlattr *info, nflog_listed_t *device)
{
	struct nlattr *attr, *data = NULL;
	char *kind = "";

	mnl_attr_for_each_nested(attr, info)
	{
		switch (mnl_attr_get_type(attr))
		{
			case IFLA_INFO_KIND:
				kind = (char*)mnl_attr_get_str(attr);
				break;
			case IFLA_INFO_DATA:
				data = attr;
				break;
		}
	}
	device->out.secure = streq(kind, "vti") || streq(kind, "vti6") || streq(kind, "xfrm");
	if (data && strpfx(kind, "vti"))
	{
		parse_vti(data, device);
	}
	if (data && streq(kind, "xfrm"))
	{
		parse_xfrm(data, device);
	}
}

/**
 * Parse the options of IPv4 on a device.
 */
static void parse_ipv4(struct nlattr *spec, nflog_listed_t *device)
{
	struct nlattr *family, *attr;
	uint32_t *values;

	mnl_attr_for_each_nested(family, spec)
	{
		if (mnl_attr_get_type(family) != AF_INET)
		{
			continue;
		}
		mnl_attr_for_each_nested(attr, family)
		{
			if (mnl_attr_get_type(attr) == IFLA_INET_CONF &&
				mnl_attr_get_payload_len(attr) >= IPV4_DEVCONF_NOXFRM * sizeof(*values))
			{
				values = mnl_attr_get_payload(attr);
				device->out.unprotected = values[IPV4_DEVCONF_NOXFRM - 1] != 0;
			}
		}
	}
}

/**
 * Parse statistics of a device.
 */
static void parse_stats(struct nlattr *attr, nflog_listed_t *device)
{
	struct rtnl_link_stats64 stats = {};

	memcpy(&stats, mnl_attr_get_payload(attr),
		   min(mnl_attr_get_payload_len(attr), sizeof(stats)));
	device->out.used = stats.tx_packets || stats.tx_aborted_errors;
}

/**
 * Parse a message about a device.
 */
static int parse_link(const struct nlmsghdr *hdr, void *data)
{
	struct ifinfomsg *ifinfo = mnl_nlmsg_get_payload(hdr);
	nflog_listed_t *device = nflog_device_list_put(data, ifinfo->ifi_index);
	struct nlattr *attr;

	mnl_attr_for_each(attr, hdr, sizeof(*ifinfo))
	{
		switch (mnl_attr_get_type(attr))
		{
			case IFLA_IFNAME:
				snprintf(device->out.name, sizeof(device->out.name), "%s",
						 mnl_attr_get_str(attr));
				break;
			case IFLA_LINKINFO:
				parse_info(attr, device);
				break;
			case IFLA_AF_SPEC:
				parse_ipv4(attr, device);
				break;
			case IFLA_STATS64:
				parse_stats(attr, device);
				break;
		}
	}
	return MNL_CB_OK;
}

/*
 * Described in header
 */
int nflog_device_list_fill(hashtable_t *devices)
{
	char buf[BUFFER_SIZE];
	struct mnl_socket *socket;
	struct nlmsghdr *hdr;
	ssize_t len;
	int ret = -1, err;

	hdr = mnl_nlmsg_put_header(buf);
	hdr->nlmsg_type = RTM_GETLINK;
	hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(hdr, sizeof(struct ifinfomsg));

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket && mnl_socket_sendto(socket, hdr, hdr->nlmsg_len) > 0)
	{
		do
		{
			len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
			ret = len < 0 ? -1 : mnl_cb_run(buf, len, 0, 0, parse_link, devices);
		}
		while (ret > 0);
	}
	err = ret < 0 ? errno : 0;
	if (socket)
	{
		mnl_socket_close(socket);
	}
	return err;
}

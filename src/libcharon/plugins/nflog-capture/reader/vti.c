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

#include "vti.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

typedef struct private_nflog_vti_t private_nflog_vti_t;

/**
 * Private data.
 */
struct private_nflog_vti_t {

	/**
	 * Public interface.
	 */
	nflog_vti_t public;

	/**
	 * Known devices, index => key + 1, as NULL is no value.
	 */
	hashtable_t *keys;

	/**
	 * Protects keys.
	 */
	mutex_t *mutex;
};

/**
 * Parse attributes down to the key.
 */
static int parse_attr(const struct nlattr *attr, void *data)
{
	uint32_t *key = data;

	*key = mnl_attr_get_type(attr) == IFLA_VTI_IKEY
				? ntohl(mnl_attr_get_u32(attr)) : *key;
	return MNL_CB_OK;
}

static int parse_info(const struct nlattr *attr, void *data)
{
	return mnl_attr_get_type(attr) == IFLA_INFO_DATA
				? mnl_attr_parse_nested(attr, parse_attr, data) : MNL_CB_OK;
}

static int parse_link_attr(const struct nlattr *attr, void *data)
{
	return mnl_attr_get_type(attr) == IFLA_LINKINFO
				? mnl_attr_parse_nested(attr, parse_info, data) : MNL_CB_OK;
}

/**
 * Parse a message about a device.
 */
static int parse_link(const struct nlmsghdr *hdr, void *data)
{
	return mnl_attr_parse(hdr, sizeof(struct ifinfomsg), parse_link_attr, data);
}

/**
 * Ask the kernel for the key of a device.
 */
static uint32_t query_key(uint32_t index)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct mnl_socket *socket;
	struct ifinfomsg *ifinfo;
	struct nlmsghdr *hdr;
	uint32_t key = 0;
	ssize_t len = -1;

	hdr = mnl_nlmsg_put_header(buf);
	hdr->nlmsg_type = RTM_GETLINK;
	hdr->nlmsg_flags = NLM_F_REQUEST;
	ifinfo = mnl_nlmsg_put_extra_header(hdr, sizeof(*ifinfo));
	ifinfo->ifi_family = AF_UNSPEC;
	ifinfo->ifi_index = index;

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket && mnl_socket_sendto(socket, hdr, hdr->nlmsg_len) > 0)
	{
		len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
	}
	if (len < 0 || mnl_cb_run(buf, len, 0, 0, parse_link, &key) < 0)
	{
		DBG1(DBG_KNL, "looking up the key of VTI device %u failed: %s", index,
			 strerror(errno));
	}
	if (socket)
	{
		mnl_socket_close(socket);
	}
	return key;
}

METHOD(nflog_vti_t, get_key, uint32_t,
	private_nflog_vti_t *this, uint32_t index)
{
	void *name = (void*)(uintptr_t)index;
	uintptr_t value;

	this->mutex->lock(this->mutex);
	value = (uintptr_t)this->keys->get(this->keys, name);
	if (!value)
	{
		value = (uintptr_t)query_key(index) + 1;
		this->keys->put(this->keys, name, (void*)value);
	}
	this->mutex->unlock(this->mutex);
	return value - 1;
}

METHOD(nflog_vti_t, flush, void,
	private_nflog_vti_t *this)
{
	this->mutex->lock(this->mutex);
	this->keys->destroy(this->keys);
	this->keys = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_vti_t, destroy, void,
	private_nflog_vti_t *this)
{
	this->mutex->destroy(this->mutex);
	this->keys->destroy(this->keys);
	free(this);
}

/*
 * Described in header
 */
nflog_vti_t *nflog_vti_create()
{
	private_nflog_vti_t *this;

	INIT(this,
		.public = {
			.get_key = _get_key,
			.flush = _flush,
			.destroy = _destroy,
		},
		.keys = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

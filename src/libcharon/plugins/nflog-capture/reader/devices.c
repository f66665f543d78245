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


#include "devices.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include <collections/hashtable.h>
#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** bytes to receive at once, the kernel sends no more (rtnetlink.c) */
#define BUFFER_SIZE 32768

/** tries to list devices that change meanwhile */
#define MAX_TRIES 5

/** time after which the kernel is asked again about devices that packets leave by, in ms */
#define MAX_AGE 1000

typedef struct private_nflog_devices_t private_nflog_devices_t;
typedef struct device_t device_t;

/**
 * Private data.
 */
struct private_nflog_devices_t {

	/**
	 * Public interface.
	 */
	nflog_devices_t public;

	/**
	 * Devices by interface index, device_t, owned.
	 */
	hashtable_t *devices;

	/**
	 * Number of requests to list devices, and of those that the thread has completed.
	 */
	u_int wanted, done;

	/**
	 * When the last request was made, monotonic.
	 */
	timeval_t asked;

	/**
	 * Packets from devices whose key was not known yet.
	 */
	uint64_t unknown;

	/**
	 * Thread that asks the kernel, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * TRUE if the thread is to end.
	 */
	bool stop;

	/**
	 * Signal a request to the thread, and its completion to those that wait.
	 */
	condvar_t *work, *ready;

	/**
	 * Guards all of the above, not held while asking the kernel.
	 */
	mutex_t *mutex;
};

/**
 * Network device.
 */
struct device_t {
	/** interface index */
	uint32_t index;
	/** key for packets that arrive, 0 if it is no VTI device, or not known yet */
	uint32_t key;
	/** what matters for packets that leave */
	nflog_device_t out;
	/** TRUE if the kernel was not asked about it yet */
	bool pending;
};

/**
 * Get the key of a device in the table.
 */
static void *to_key(uint32_t index)
{
	return (void*)(uintptr_t)index;
}

/**
 * Add a device to a table, unless it is there.
 */
static device_t *put_device(hashtable_t *devices, uint32_t index)
{
	device_t *device = devices->get(devices, to_key(index));

	if (!device)
	{
		INIT(device,
			.index = index,
		);
		devices->put(devices, to_key(index), device);
	}
	return device;
}

/**
 * Create a table of devices.
 */
static hashtable_t *create_devices()
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
static void parse_vti(struct nlattr *data, device_t *device)
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
static void parse_xfrm(struct nlattr *data, device_t *device)
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
static void parse_info(struct nlattr *info, device_t *device)
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
static void parse_ipv4(struct nlattr *spec, device_t *device)
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
static void parse_stats(struct nlattr *attr, device_t *device)
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
	device_t *device = put_device(data, ifinfo->ifi_index);
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

/**
 * Ask the kernel for all devices, takes as long as others keep them locked.
 *
 * @return				0 on success, or an errno
 */
static int list_devices(hashtable_t *devices)
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

/**
 * Replace the known devices by those of the kernel, the mutex is locked.
 */
static void replace(private_nflog_devices_t *this, hashtable_t *devices)
{
	enumerator_t *enumerator;
	device_t *device;

	enumerator = this->devices->create_enumerator(this->devices);
	while (enumerator->enumerate(enumerator, NULL, &device))
	{
		if (device->pending)
		{	/* a device that is gone has no key, and is not asked for again */
			put_device(devices, device->index);
		}
	}
	enumerator->destroy(enumerator);
	this->devices->destroy_function(this->devices, destroy_device);
	this->devices = devices;
}

/**
 * Thread that asks the kernel.
 */
static void *run(private_nflog_devices_t *this)
{
	hashtable_t *devices;
	u_int wanted;
	int err, tries = 0;

	this->mutex->lock(this->mutex);
	while (!this->stop)
	{
		if (this->done == this->wanted)
		{
			this->work->wait(this->work, this->mutex);
			continue;
		}
		wanted = this->wanted;
		this->mutex->unlock(this->mutex);

		devices = create_devices();
		err = list_devices(devices);
		if (err == EINTR && ++tries < MAX_TRIES)
		{
			devices->destroy_function(devices, destroy_device);
			this->mutex->lock(this->mutex);
			continue;
		}
		tries = 0;
		if (err)
		{
			DBG1(DBG_KNL, "nflog-capture: unable to list devices, packets of VTI "
				 "devices and XFRM interfaces may be missing: %s", strerror(err));
		}
		this->mutex->lock(this->mutex);
		if (err)
		{
			devices->destroy_function(devices, destroy_device);
		}
		else
		{
			replace(this, devices);
		}
		this->done = wanted;
		this->ready->broadcast(this->ready);
	}
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Let the thread ask the kernel, the mutex is locked.
 */
static void refresh_locked(private_nflog_devices_t *this)
{
	this->wanted++;
	time_monotonic(&this->asked);
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
	}
	this->work->signal(this->work);
}

/**
 * Find a device, ask the kernel if it is not known, the mutex is locked.
 */
static device_t *find(private_nflog_devices_t *this, uint32_t index)
{
	device_t *device = this->devices->get(this->devices, to_key(index));

	if (!device)
	{
		device = put_device(this->devices, index);
		device->pending = TRUE;
		refresh_locked(this);
	}
	return device;
}

METHOD(nflog_devices_t, get_key, uint32_t,
	private_nflog_devices_t *this, uint32_t index)
{
	device_t *device;
	uint32_t key;

	if (!index)
	{
		return 0;
	}
	this->mutex->lock(this->mutex);
	device = find(this, index);
	this->unknown += device->pending;
	key = device->key;
	this->mutex->unlock(this->mutex);
	return key;
}

METHOD(nflog_devices_t, get, bool,
	private_nflog_devices_t *this, uint32_t index, nflog_device_t *out)
{
	device_t *device;
	timeval_t now, due;
	bool known;

	if (!index)
	{
		return FALSE;
	}
	this->mutex->lock(this->mutex);
	device = find(this, index);
	time_monotonic(&now);
	due = this->asked;
	timeval_add_ms(&due, MAX_AGE);
	if (timercmp(&now, &due, >))
	{
		refresh_locked(this);
	}
	*out = device->out;
	known = !device->pending;
	this->mutex->unlock(this->mutex);
	return known;
}

METHOD(nflog_devices_t, refresh, u_int,
	private_nflog_devices_t *this)
{
	u_int request;

	this->mutex->lock(this->mutex);
	refresh_locked(this);
	request = this->wanted;
	this->mutex->unlock(this->mutex);
	return request;
}

METHOD(nflog_devices_t, is_done, bool,
	private_nflog_devices_t *this, u_int request)
{
	bool done;

	this->mutex->lock(this->mutex);
	done = (int)(this->done - request) >= 0;
	this->mutex->unlock(this->mutex);
	return done;
}

METHOD(nflog_devices_t, wait_, void,
	private_nflog_devices_t *this, timeval_t *deadline)
{
	bool timeout = FALSE;
	u_int wanted;

	this->mutex->lock(this->mutex);
	wanted = this->wanted;
	while (this->thread && !timeout && (int)(wanted - this->done) > 0)
	{
		timeout = this->ready->timed_wait_abs(this->ready, this->mutex, *deadline);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_devices_t, get_unknown, uint64_t,
	private_nflog_devices_t *this)
{
	uint64_t unknown;

	this->mutex->lock(this->mutex);
	unknown = this->unknown;
	this->mutex->unlock(this->mutex);
	return unknown;
}

METHOD(nflog_devices_t, destroy, void,
	private_nflog_devices_t *this)
{
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->work->signal(this->work);
	this->mutex->unlock(this->mutex);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	this->devices->destroy_function(this->devices, destroy_device);
	this->work->destroy(this->work);
	this->ready->destroy(this->ready);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_devices_t *nflog_devices_create()
{
	private_nflog_devices_t *this;

	INIT(this,
		.public = {
			.get_key = _get_key,
			.get = _get,
			.refresh = _refresh,
			.is_done = _is_done,
			.wait = _wait_,
			.get_unknown = _get_unknown,
			.destroy = _destroy,
		},
		.devices = create_devices(),
		.work = condvar_create(CONDVAR_TYPE_DEFAULT),
		.ready = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

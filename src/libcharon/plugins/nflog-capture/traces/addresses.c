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

#define _GNU_SOURCE

#include "addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <utils/debug.h>

/** seconds an address that was removed is remembered, longer than packets wait to be written */
#define MEMORY 60

/** bytes for events that are not read yet, at most, if the kernel allows as many */
#define BACKLOG (1024 * 1024)

/** us since 1970 for an address that was not removed */
#define NEVER UINT64_MAX

typedef struct private_nflog_addresses_t private_nflog_addresses_t;
typedef struct address_t address_t;

/**
 * Private data.
 */
struct private_nflog_addresses_t {

	/**
	 * Public interface.
	 */
	nflog_addresses_t public;

	/**
	 * Receives events for addresses from rtnetlink(7), -1 until opened.
	 */
	int fd;

	/**
	 * Addresses, address_t => itself.
	 */
	hashtable_t *addresses;

	/**
	 * Number of the last list of all addresses.
	 */
	u_int list;

	/**
	 * When events were read last, in us since 1970, 0 if they never were.
	 */
	uint64_t read;

	/**
	 * TRUE if it was logged that addresses can't be read.
	 */
	bool logged;
};

/**
 * Address that this machine has, or had a while ago.
 */
struct address_t {
	/** the address, and its length */
	uint8_t address[16];
	size_t len;
	/** first and last time of packets that are local, in us since 1970 */
	uint64_t since, until;
	/** number of the last list that had it */
	u_int list;
};

/**
 * Hash an address.
 */
static u_int hash(const void *key)
{
	const address_t *this = key;

	return chunk_hash(chunk_create((u_char*)this->address, this->len));
}

/**
 * Compare addresses.
 */
static bool equals(const void *a, const void *b)
{
	const address_t *this = a, *other = b;

	return this->len == other->len && memeq(this->address, other->address, this->len);
}

/**
 * Destroy an address.
 */
static void destroy_address(void *address, const void *key)
{
	free(address);
}

/**
 * Get the time in us since 1970, the clock of packets.
 */
static uint64_t now()
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

/**
 * Note that the machine has an address, or had it since events were read last.
 */
static void add_address(private_nflog_addresses_t *this, void *data, size_t len)
{
	address_t *address, key = {
		.len = min(len, sizeof(key.address)),
	};

	memcpy(key.address, data, key.len);
	address = this->addresses->get(this->addresses, &key);
	if (!address)
	{
		INIT(address);
		*address = key;
		address->since = this->read;
		this->addresses->put(this->addresses, address, address);
	}
	address->until = NEVER;
	address->list = this->list;
}

/**
 * Handle a message of the kernel.
 *
 * @return				TRUE if it is about an address that was removed
 */
static bool handle(private_nflog_addresses_t *this, struct nlmsghdr *hdr)
{
	struct ifaddrmsg *msg = NLMSG_DATA(hdr);
	struct rtattr *attr, *found = NULL;
	int len = IFA_PAYLOAD(hdr);

	if (hdr->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) ||
		(hdr->nlmsg_type != RTM_NEWADDR && hdr->nlmsg_type != RTM_DELADDR))
	{
		return FALSE;
	}
	for (attr = IFA_RTA(msg); RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
	{	/* of a point-to-point link, the other one is that of the peer */
		if (attr->rta_type == IFA_LOCAL || (attr->rta_type == IFA_ADDRESS && !found))
		{
			found = attr;
		}
	}
	if (found)
	{	/* also if it was removed, as it may have been added meanwhile */
		add_address(this, RTA_DATA(found), RTA_PAYLOAD(found));
	}
	return hdr->nlmsg_type == RTM_DELADDR;
}

/**
 * Read messages of the kernel.
 *
 * @param removed		set to TRUE if an address was removed, or events were lost
 * @param list			TRUE to read to the end of a list, FALSE to read what is there
 * @return				0 if successful, an errno otherwise
 */
static int receive(private_nflog_addresses_t *this, bool *removed, bool list)
{
	static uint8_t buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *hdr;
	ssize_t received;
	int len;

	while (TRUE)
	{
		received = recv(this->fd, buf, sizeof(buf), 0);
		if (received < 0 && errno == ENOBUFS)
		{
			*removed = TRUE;
			if (list)
			{
				return ENOBUFS;
			}
			continue;
		}
		if (received < 0 && errno != EINTR)
		{
			return errno == EAGAIN && !list ? 0 : errno;
		}
		len = max(received, 0);
		for (hdr = (struct nlmsghdr*)buf; NLMSG_OK(hdr, len); hdr = NLMSG_NEXT(hdr, len))
		{
			if (hdr->nlmsg_type == NLMSG_DONE && list)
			{
				return 0;
			}
			if (hdr->nlmsg_type == NLMSG_ERROR && list)
			{
				return -((struct nlmsgerr*)NLMSG_DATA(hdr))->error;
			}
			*removed |= handle(this, hdr);
		}
	}
}

/**
 * Read a list of all addresses.
 *
 * @param removed		set to TRUE if an address was removed meanwhile
 * @return				0 if successful, an errno otherwise
 */
static int read_list(private_nflog_addresses_t *this, bool *removed)
{
	struct {
		struct nlmsghdr hdr;
		struct ifaddrmsg msg;
	} request = {
		.hdr = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
	};

	*removed = FALSE;
	this->list++;
	if (send(this->fd, &request, sizeof(request), 0) < 0)
	{
		return errno;
	}
	return receive(this, removed, TRUE);
}

/**
 * Note which addresses the last list did not have, and forget those removed long ago.
 */
static void sweep(private_nflog_addresses_t *this, uint64_t time)
{
	enumerator_t *enumerator;
	address_t *address;

	enumerator = this->addresses->create_enumerator(this->addresses);
	while (enumerator->enumerate(enumerator, NULL, &address))
	{
		if (address->until == NEVER && address->list != this->list)
		{
			address->until = time;
		}
		if (address->until != NEVER && address->until + MEMORY * 1000000ULL < time)
		{
			this->addresses->remove_at(this->addresses, enumerator);
			free(address);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Open the socket.
 */
static int open_socket(private_nflog_addresses_t *this)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int backlog = BACKLOG, err;

	this->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (this->fd < 0)
	{
		return errno;
	}
	setsockopt(this->fd, SOL_SOCKET, SO_RCVBUF, &backlog, sizeof(backlog));
	if (bind(this->fd, (struct sockaddr*)&addr, sizeof(addr)) != 0)
	{
		err = errno;
		close(this->fd);
		this->fd = -1;
		return err;
	}
	return 0;
}

/**
 * Read what changed.
 */
static int update(private_nflog_addresses_t *this)
{
	bool removed = FALSE;
	int err = 0;

	if (this->fd < 0)
	{
		err = open_socket(this);
		removed = TRUE;
	}
	if (!err)
	{
		err = receive(this, &removed, FALSE);
	}
	while (!err && removed)
	{	/* another device may have the same address still */
		err = read_list(this, &removed);
		if (!err && !removed)
		{
			sweep(this, now());
		}
	}
	if (err && this->fd >= 0)
	{	/* begin again */
		close(this->fd);
		this->fd = -1;
	}
	return err;
}

/**
 * Forget since when addresses are known, as the clock was set back.
 */
static void forget_times(private_nflog_addresses_t *this)
{
	enumerator_t *enumerator;
	address_t *address;

	this->read = 0;
	enumerator = this->addresses->create_enumerator(this->addresses);
	while (enumerator->enumerate(enumerator, NULL, &address))
	{
		address->since = 0;
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_addresses_t, refresh, void,
	private_nflog_addresses_t *this)
{
	uint64_t time = now();
	int err;

	if (time < this->read)
	{
		forget_times(this);
	}
	err = update(this);
	if (err && !this->logged)
	{
		DBG1(DBG_NET, "nflog-capture: unable to read the addresses of this machine, "
			 "'local' goes by those known before: %s", strerror(err));
	}
	this->logged = err != 0;
	if (!err)
	{	/* what is added later is local since then */
		this->read = time;
	}
}

/**
 * Check if an address is never that of a packet that is forwarded to a single host.
 */
static bool is_special(chunk_t address)
{
	static const uint8_t none[16] = {}, all[] = { 0xff, 0xff, 0xff, 0xff };

	return memeq(address.ptr, none, address.len) ||
		   (address.len == sizeof(all) ? memeq(address.ptr, all, sizeof(all)) ||
										 (address.ptr[0] & 0xf0) == 0xe0
									   : address.ptr[0] == 0xff);
}

METHOD(nflog_addresses_t, is_local, bool,
	private_nflog_addresses_t *this, chunk_t address, uint32_t sec, uint32_t usec)
{
	uint64_t time = sec * 1000000ULL + usec;
	address_t *found, key = {
		.len = address.len,
	};

	if (is_special(address))
	{
		return TRUE;
	}
	if (time >= this->read || now() < this->read)
	{	/* events until then were read, unless it passed later, or the clock was set back */
		refresh(this);
	}
	memcpy(key.address, address.ptr, address.len);
	found = this->addresses->get(this->addresses, &key);
	return found && time >= found->since && time <= found->until;
}

METHOD(nflog_addresses_t, destroy, void,
	private_nflog_addresses_t *this)
{
	this->addresses->destroy_function(this->addresses, destroy_address);
	if (this->fd >= 0)
	{
		close(this->fd);
	}
	free(this);
}

/*
 * Described in header
 */
nflog_addresses_t *nflog_addresses_create()
{
	private_nflog_addresses_t *this;

	INIT(this,
		.public = {
			.refresh = _refresh,
			.is_local = _is_local,
			.destroy = _destroy,
		},
		.fd = -1,
		.addresses = hashtable_create(hash, equals, 32),
	);
	return &this->public;
}

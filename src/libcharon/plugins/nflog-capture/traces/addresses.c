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

#include "addresses.h"

#include <daemon.h>
#include <collections/hashtable.h>

#include <netinet/in.h>

/** time after which to look at the addresses again, in ms */
#define MAX_AGE 250

typedef struct private_nflog_addresses_t private_nflog_addresses_t;

/**
 * Private data.
 */
struct private_nflog_addresses_t {

	/**
	 * Public interface.
	 */
	nflog_addresses_t public;

	/**
	 * Addresses, host_t => itself, NULL before the first look.
	 */
	hashtable_t *hosts;

	/**
	 * When to look at them again, monotonic.
	 */
	timeval_t expires;
};

/**
 * Hash an address.
 */
static u_int hash(const void *key)
{
	return chunk_hash(((host_t*)key)->get_address((host_t*)key));
}

/**
 * Compare addresses.
 */
static bool equals(const void *a, const void *b)
{
	return ((host_t*)a)->ip_equals((host_t*)a, (host_t*)b);
}

/**
 * Destroy an address.
 */
static void destroy_host(void *host, const void *key)
{
	((host_t*)host)->destroy(host);
}

/**
 * Look at the addresses, unless that was done a moment ago.
 */
static void refresh(private_nflog_addresses_t *this)
{
	enumerator_t *enumerator;
	timeval_t now;
	host_t *host;

	time_monotonic(&now);
	if (this->hosts && timercmp(&now, &this->expires, <))
	{
		return;
	}
	if (this->hosts)
	{
		this->hosts->destroy_function(this->hosts, destroy_host);
	}
	this->hosts = hashtable_create(hash, equals, 32);
	enumerator = charon->kernel->create_address_enumerator(charon->kernel,
														   ADDR_TYPE_ALL);
	while (enumerator->enumerate(enumerator, &host))
	{	/* a device may have the same one as another */
		host = host->clone(host);
		host = this->hosts->put(this->hosts, host, host);
		DESTROY_IF(host);
	}
	enumerator->destroy(enumerator);
	this->expires = now;
	timeval_add_ms(&this->expires, MAX_AGE);
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
	private_nflog_addresses_t *this, chunk_t address)
{
	host_t *host;
	bool found;

	if (is_special(address))
	{
		return TRUE;
	}
	refresh(this);
	host = host_create_from_chunk(AF_UNSPEC, address, 0);
	found = this->hosts->get(this->hosts, host) != NULL;
	host->destroy(host);
	return found;
}

METHOD(nflog_addresses_t, destroy, void,
	private_nflog_addresses_t *this)
{
	if (this->hosts)
	{
		this->hosts->destroy_function(this->hosts, destroy_host);
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
			.is_local = _is_local,
			.destroy = _destroy,
		},
	);
	return &this->public;
}

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

#include "await.h"
#include "release.h"

#include <daemon.h>

/**
 * Get the addresses that dynamic selectors of a side stand for.
 */
static linked_list_t *get_hosts(ike_sa_t *ike_sa, bool local)
{
	linked_list_t *hosts;

	hosts = linked_list_create_from_enumerator(
						ike_sa->create_virtual_ip_enumerator(ike_sa, local));
	if (!hosts->get_count(hosts))
	{
		hosts->insert_last(hosts, local ? ike_sa->get_my_host(ike_sa)
										: ike_sa->get_other_host(ike_sa));
	}
	return hosts;
}

/**
 * Add the selectors of one side of a child to a list.
 */
static void add_selectors(ike_sa_t *ike_sa, child_cfg_t *child, bool local,
						  linked_list_t *list)
{
	linked_list_t *hosts = get_hosts(ike_sa, local), *found;
	traffic_selector_t *ts;

	found = nflog_release_get_selectors(child, local, hosts);
	while (found->remove_first(found, (void**)&ts) == SUCCESS)
	{
		list->insert_last(list, ts);
	}
	found->destroy(found);
	hosts->destroy(hosts);
}

/*
 * Described in header
 */
void nflog_await_end(nflog_reader_t *reader, child_sa_t *child_sa)
{
	nflog_awaiting_t *awaiting = reader->get_awaiting(reader);

	awaiting->abandon(awaiting, child_sa->get_spi(child_sa, TRUE));
}

/*
 * Described in header
 */
void nflog_await_missed(nflog_reader_t *reader, ike_sa_t *ike_sa, host_t *dst, uint32_t spi)
{
	nflog_awaiting_t *awaiting = reader->get_awaiting(reader);
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	linked_list_t *src = linked_list_create(), *other = linked_list_create();
	enumerator_t *enumerator;
	child_cfg_t *child;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (enumerator->enumerate(enumerator, &child))
	{
		add_selectors(ike_sa, child, TRUE, src);
		add_selectors(ike_sa, child, FALSE, other);
	}
	enumerator->destroy(enumerator);
	awaiting->await(awaiting, peer_cfg->get_name(peer_cfg), dst, spi, src, other);
	src->destroy_offset(src, offsetof(traffic_selector_t, destroy));
	other->destroy_offset(other, offsetof(traffic_selector_t, destroy));
}

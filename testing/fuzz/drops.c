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
 * Packets that the kernel dropped: finds the CHILD_SAs that they are of, and says why. The
 * input begins with what programs in the kernel know of a packet, the packet follows.
 */

#include "lib/fuzz.h"

#include "drops/reasons.h"
#include "drops/victims.h"

#include <selectors/traffic_selector.h>

static nflog_reasons_t *reasons;
static nflog_victims_t *victims;

/**
 * Create a list with a selector.
 */
static linked_list_t *create_list(char *subnet)
{
	return linked_list_create_with_items(
					traffic_selector_create_from_cidr(subnet, 0, 0, 65535), NULL);
}

/**
 * Add a CHILD_SA, with an inbound SA.
 */
static void add_victim(char *label, char *src, char *dst, uint32_t spi, char *local,
					   char *remote)
{
	linked_list_t *ts[] = { create_list(local), create_list(remote) };
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string(src, 0),
		.dst = host_create_from_string(dst, 0),
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	nflog_victim_t *victim;
	u_int i;

	INIT(victim,
		.conn = "gw",
		.label = label,
	);
	victims->add(victims, victim);
	victims->set_sa(victims, victim, TRUE, &id, ts[1], ts[0]);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
	for (i = 0; i < countof(ts); i++)
	{
		ts[i]->destroy_offset(ts[i], offsetof(traffic_selector_t, destroy));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	reasons = nflog_reasons_create();
	reasons->set_reason(reasons, 2, "SKB_DROP_REASON_NOT_SPECIFIED");
	reasons->set_reason(reasons, 3, "SKB_DROP_REASON_XFRM_POLICY");
	reasons->set_counter(reasons, 1, "LINUX_MIB_XFRMINNOSTATES");
	reasons->set_counter(reasons, 2, "LINUX_MIB_XFRMINTMPLMISMATCH");
	victims = nflog_victims_create();
	add_victim("net{1}", "192.0.2.2", "192.0.2.1", 1, "10.1.0.0/16", "10.2.0.0/16");
	add_victim("net6{2}", "fec0::2", "fec0::1", 2, "fec1::/16", "fec2::/16");
	add_victim("any{3}", "192.0.2.2", "192.0.2.1", 3, "0.0.0.0/0", "0.0.0.0/0");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nflog_event_t event = {};
	nflog_described_t described;
	nflog_lost_t lost;
	size_t known = offsetof(struct nflog_event_t, data);

	if (size < known)
	{
		return 0;
	}
	memcpy(&event, data, known);
	/* as the programs ensure */
	event.place[sizeof(event.place) - 1] = '\0';
	event.caplen = min(size - known, sizeof(event.data));
	event.len = max(event.len & 0xffff, event.caplen);
	memcpy(event.data, data + known, event.caplen);

	victims->find(victims, &event, &lost);
	reasons->describe(reasons, &event, lost.spi, &described);
	return 0;
}

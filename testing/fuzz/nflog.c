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
 * Netlink messages of an NFLOG group, with the packets of anybody: finds SAs, IKE_SAs, and
 * addresses of packets, reassembles fragments, and builds records of traces.
 *
 * The first byte selects what arrives and what leaves, and whether there are whole messages,
 * or packets in messages that are right.
 */

#include "lib/fuzz.h"

#include "reader/group.h"
#include "reader/ip6_fragments.h"
#include "rules/netlink.h"
#include "traces/packet.h"

#include <errno.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

/** requests of a group that the kernel would have answered */
static uint32_t requests;

/** TRUE while they are to be answered, else there is a message */
static bool configuring;

/** what the kernel sends */
static chunk_t message;

/** TRUE if packets arrive */
static bool inbound;

static nflog_ip6_fragments_t *fragments;

/*
 * These replace the ones of the plugin and of libmnl: there is no kernel.
 */

struct mnl_socket *nflog_netlink_open()
{
	return mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len)
{
	requests++;
	return len;
}

void nflog_netlink_deadline(timeval_t *deadline)
{
}

ssize_t nflog_netlink_receive(int fd, void *buf, size_t size, timeval_t *deadline)
{
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
	} answer = {
		.hdr = { sizeof(answer), NLMSG_ERROR, 0, requests },
	};
	ssize_t len = message.len;

	if (configuring)
	{
		memcpy(buf, &answer, sizeof(answer));
		return sizeof(answer);
	}
	if (!len)
	{
		errno = EAGAIN;
		return -1;
	}
	memcpy(buf, message.ptr, min(size, len));
	message = chunk_empty;
	return len;
}

/**
 * Build the record of a packet, as for a trace.
 */
static void build(nflog_logged_t *logged, nflog_link_t link)
{
	static char prefix[] = "net{1} esp-out";
	size_t header, len = logged->attrs[NFULA_PAYLOAD]->nla_len;
	nflog_packet_t packet;
	void *record;

	header = nflog_packet_header_len(logged, link, prefix);
	record = malloc(header + NLA_ALIGN(len));
	nflog_packet_build(&packet, logged, link, prefix, record, header);
	nflog_packet_cut(&packet, link, 100);
	free(record);
}

/**
 * Do all that is done with packets.
 */
static void handle(void *data, nflog_logged_t *logged)
{
	nflog_esp_key_t esp;
	nflog_ike_key_t ike;
	nflog_logged_t *whole;
	host_t *src, *dst;
	uint8_t proto;

	nflog_packet_parse(logged, inbound, &esp);
	nflog_packet_parse_ike(logged, inbound, &ike);
	if (nflog_packet_parse_plain(logged, &src, &dst, &proto))
	{
		nflog_packet_is_tunneled(logged, dst);
		src->destroy(src);
		dst->destroy(dst);
	}
	build(logged, LINK_NFLOG);
	build(logged, LINK_RAW);
	whole = data ? fragments->add(fragments, logged, 1) : NULL;
	if (whole)
	{
		handle(NULL, whole);
	}
}

/**
 * Put a packet into a message, as the kernel does.
 */
static chunk_t wrap(chunk_t packet)
{
	struct nfgenmsg msg = { .nfgen_family = AF_INET };
	char prefix[] = "esp-out";
	struct nlattr attrs[] = {
		{ NLA_HDRLEN + sizeof(prefix), NFULA_PREFIX },
		{ NLA_HDRLEN + packet.len, NFULA_PAYLOAD },
	};
	struct nlmsghdr hdr = {
		.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
	};
	chunk_t padding = chunk_from_chars(0, 0, 0);

	padding.len = NLA_ALIGN(packet.len) - packet.len;
	hdr.nlmsg_len = NLMSG_HDRLEN + sizeof(msg) + sizeof(attrs) + sizeof(prefix) +
					packet.len;
	return chunk_cat("ccccccc", chunk_from_thing(hdr), chunk_from_thing(msg),
					 chunk_from_thing(attrs[0]), chunk_from_thing(prefix),
					 chunk_from_thing(attrs[1]), packet, padding);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chunk_t input = chunk_create((u_char*)data, size), record, wrapped = chunk_empty;
	nflog_group_t *group;
	uint8_t *space;
	bool whole;

	if (!size)
	{
		return 0;
	}
	inbound = data[0] & 1;
	whole = data[0] & 2;
	input = chunk_skip(input, 1);

	requests = 0;
	configuring = TRUE;
	group = nflog_group_create(1, TRUE);
	configuring = FALSE;
	if (!group)
	{
		abort();
	}
	fragments = nflog_ip6_fragments_create();
	space = malloc(NFLOG_QUEUE_SPACE);
	while (fuzz_next(&input, &record))
	{
		wrapped = whole ? chunk_clone(record) : wrap(record);
		message = wrapped;
		group->receive(group, space, handle, fragments);
		chunk_free(&wrapped);
		chunk_free(&record);
	}
	free(space);
	fragments->destroy(fragments);
	group->destroy(group);
	return 0;
}

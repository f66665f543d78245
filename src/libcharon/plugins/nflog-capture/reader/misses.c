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

#include "misses.h"
#include "miss_reason.h"
#include "net_table.h"
#include "traces/ip_packet.h"
#include "traces/pcapng.h"

#include <netinet/in.h>

#include <daemon.h>
#include <libmnl/libmnl.h>

typedef struct private_nflog_misses_t private_nflog_misses_t;
typedef struct candidate_t candidate_t;

/**
 * Private data.
 */
struct private_nflog_misses_t {

	/**
	 * Public interface.
	 */
	nflog_misses_t public;

	/**
	 * SAs that want packets, nflog_sa_t.
	 */
	nflog_net_table_t *sas;

	/**
	 * Gets packets, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Policies that charon installed, not owned.
	 */
	nflog_policies_t *policies;

	/**
	 * Network devices, not owned.
	 */
	nflog_devices_t *devices;

	/**
	 * TRUE if addresses before NAT are not known, changed atomically.
	 */
	bool blind;
};

/**
 * When a packet is handled.
 */
typedef enum {
	/** as it was read */
	STEP_LEFT,
	/** once there is an SA, after it left while that was negotiated */
	STEP_EARLY,
	/** once it is known if the device that it left by had sent any */
	STEP_JUDGE,
} step_t;

/**
 * SA that a packet may have missed.
 */
struct candidate_t {

	/**
	 * Packet, as it left, or before NAT.
	 */
	nflog_leaving_t *packet;

	/**
	 * The SA that matches most closely, NULL if none does.
	 */
	nflog_sa_t *sa;
	u_int closeness;

	/**
	 * What keeps it, as an SA is negotiated, if no SA matches, NULL if nothing does.
	 */
	nflog_sa_t *early;
};

/**
 * Does a packet stay on the link, or is it a multicast?
 */
static bool is_link_local(host_t *dst)
{
	chunk_t addr = dst->get_address(dst);

	if (addr.len == 4)
	{	/* RFC 5771, RFC 3927, and the limited broadcast, RFC 919 */
		return (addr.ptr[0] & 0xf0) == 0xe0 ||
			   (addr.ptr[0] == 169 && addr.ptr[1] == 254) ||
			   untoh32(addr.ptr) == 0xffffffff;
	}
	/* RFC 4291, sections 2.7 and 2.5.6 */
	return addr.ptr[0] == 0xff || (addr.ptr[0] == 0xfe && (addr.ptr[1] & 0xc0) == 0x80);
}

CALLBACK(match, void,
	candidate_t *this, nflog_sa_t *sa, nflog_net_pair_t *pair)
{
	nflog_selectors_t *selectors = sa->wanted->selectors;
	u_int closeness;

	closeness = selectors->match(selectors, this->packet->src, this->packet->dst,
								 this->packet->proto);
	if (!closeness || (!pair->class.prefix[NFLOG_NET_DST] &&
					   is_link_local(this->packet->dst)))
	{
		return;
	}
	if (nflog_wanted_is_early(sa->wanted))
	{
		this->early = sa;
	}
	else if (closeness > this->closeness)
	{
		this->sa = sa;
		this->closeness = closeness;
	}
}

/**
 * Find the SA that a packet missed, NULL if none.
 */
static nflog_sa_t *find(private_nflog_misses_t *this, nflog_leaving_t *packet)
{
	candidate_t candidate = {
		.packet = packet,
	};

	this->sas->find(this->sas, packet->src, packet->dst, 0, (nflog_net_table_cb_t)match,
					&candidate);
	return candidate.sa ?: candidate.early;
}

/**
 * Note in the counters of an SA which packets that leave without it are captured.
 */
static void watch(private_nflog_misses_t *this, nflog_sa_t *sa)
{
	nflog_counters_t *counts[] = { sa->plain.count, sa->esp.count, sa->wanted->tap.count };
	u_int i;

	for (i = 0; i < countof(counts); i++)
	{
		if (counts[i])
		{
			counts[i]->watched = TRUE;
			counts[i]->any = nflog_nets_are_any(sa->wanted->nets);
			counts[i]->blind = __atomic_load_n(&this->blind, __ATOMIC_RELAXED);
		}
	}
}

/**
 * Count a packet that left without an SA.
 */
static void count_left(nflog_sa_t *sa, char *kind)
{
	nflog_counters_t *counts[] = { sa->plain.count, sa->esp.count };
	u_int i;

	for (i = 0; i < countof(counts); i++)
	{
		if (counts[i])
		{
			counts[i]->left++;
			counts[i]->left_for = counts[i]->left_for ?: kind;
		}
	}
}

/**
 * Was something in ESP, AH or IKE sent by the gateway, by its source?
 */
static bool is_from_gateway(uint8_t proto, host_t *src)
{
	uint16_t port = src->get_port(src);

	return (proto == IPPROTO_ESP || proto == IPPROTO_AH ||
			(proto == IPPROTO_UDP && port &&
			 (port == charon->socket->get_port(charon->socket, FALSE) ||
			  port == charon->socket->get_port(charon->socket, TRUE)))) &&
		   charon->kernel->get_interface(charon->kernel, src, NULL);
}

/**
 * Is a packet what the gateway sent for its SAs, even if NAT changed it?  Rules don't know
 * addresses that other devices of a VRF have, or those before NAT.
 */
static bool is_own(nflog_logged_t *logged, nflog_leaving_t *packet)
{
	nflog_connection_t before = {};
	bool own = is_from_gateway(packet->proto, packet->src);

	if (!own && nflog_connection_parse(logged, &before))
	{
		own = is_from_gateway(before.proto, before.src);
		nflog_connection_clear(&before);
	}
	return own;
}

/**
 * Find the SA that a packet missed by its addresses before NAT, NULL if none.
 *
 * @param before		receives the connection of the packet
 */
static nflog_sa_t *find_before(private_nflog_misses_t *this, nflog_logged_t *logged,
							   nflog_leaving_t *packet, nflog_connection_t *before)
{
	nflog_leaving_t original = *packet;

	if (!nflog_connection_parse(logged, before))
	{
		return NULL;
	}
	if (!before->src->get_port(before->src) && !before->dst->get_port(before->dst))
	{	/* types and codes of ICMP stay the same */
		before->src->set_port(before->src, packet->src->get_port(packet->src));
		before->dst->set_port(before->dst, packet->dst->get_port(packet->dst));
	}
	original.src = before->src;
	original.dst = before->dst;
	original.proto = before->proto;
	return find(this, &original);
}

/**
 * Capture a packet that missed an SA.
 */
static void capture(private_nflog_misses_t *this, u_int lane, nflog_sa_t *sa,
					nflog_logged_t *logged, nflog_leaving_t *packet,
					nflog_miss_text_t *text)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	nflog_commented_t commented = {
		.time = {
			.tv_sec = logged->time.tv_sec,
			.tv_nsec = logged->time.tv_usec * 1000,
		},
		.data = chunk_create(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)),
		.interface = packet->device->name,
		.comment = text->buf,
	};
	nflog_ip_packet_t ip;

	/* the kernel does not report the length before it was copied */
	commented.len = nflog_ip_packet_parse(&ip, commented.data)
						? max(ip.len, commented.data.len) : commented.data.len;
	nflog_commented_add(this->queue, lane, &sa->wanted->tap, &commented);
	count_left(sa, text->kind);
}

/**
 * Handle a packet that left by a known device.
 *
 * @param packet		packet as it left
 * @return				SA that keeps it until step is STEP_JUDGE, NULL otherwise
 */
static nflog_sa_t *handle_leaving(private_nflog_misses_t *this, u_int lane,
								  nflog_logged_t *logged, step_t step,
								  nflog_leaving_t *packet)
{
	nflog_connection_t before = {};
	nflog_miss_text_t text = {};
	nflog_sa_t *sa, *kept = NULL;

	sa = find(this, packet) ?: find_before(this, logged, packet, &before);
	if (sa && packet->device->secure &&
		(packet->device->used || this->policies->has_device(this->policies, packet)))
	{	/* it is on its way to an SA, maybe one of others */
		sa = NULL;
	}
	if (sa && is_own(logged, packet))
	{
		sa = NULL;
	}
	if (sa && nflog_wanted_is_early(sa->wanted))
	{
		nflog_wanted_keep(sa->wanted, logged);
	}
	else if (sa && packet->device->secure && step != STEP_JUDGE)
	{
		nflog_wanted_keep(sa->wanted, logged);
		kept = sa;
	}
	else if (sa)
	{
		nflog_miss_describe(this->policies, logged, step == STEP_EARLY, packet,
							before.src ? &before : NULL, sa->wanted, &text);
		capture(this, lane, sa, logged, packet, &text);
	}
	nflog_connection_clear(&before);
	return kept;
}

/**
 * Handle a packet.
 *
 * @return				SA that keeps it until step is STEP_JUDGE, NULL otherwise
 */
static nflog_sa_t *handle_packet(private_nflog_misses_t *this, u_int lane,
								 nflog_logged_t *logged, step_t step)
{
	struct nlattr *mark = logged->attrs[NFULA_MARK];
	struct nlattr *index = logged->attrs[NFULA_IFINDEX_OUTDEV];
	nflog_device_t device = {};
	nflog_leaving_t packet = {
		.mark = mark ? ntohl(mnl_attr_get_u32(mark)) : 0,
		.device = &device,
	};
	nflog_sa_t *sa, *kept = NULL;

	if (!index || !nflog_packet_parse_plain(logged, &packet.src, &packet.dst, &packet.proto))
	{
		return NULL;
	}
	if (this->devices->get(this->devices, ntohl(mnl_attr_get_u32(index)), &device))
	{
		kept = handle_leaving(this, lane, logged, step, &packet);
	}
	else
	{	/* it may be on its way to an SA */
		sa = find(this, &packet);
		if (sa)
		{
			nflog_counters_add(&sa->wanted->tap.count->unidentified);
		}
	}
	packet.src->destroy(packet.src);
	packet.dst->destroy(packet.dst);
	return kept;
}

/**
 * Judge packets that an SA keeps, as they left by devices that drop those without policy.
 *
 * Such a device sends what has a policy of anybody, which charon need not know.  So a packet
 * was dropped if the device has not sent any yet, as asked for after the packet left.  If it
 * has, it sends those of others, and the packet does not count.
 */
static void judge(private_nflog_misses_t *this, u_int lane, nflog_sa_t *sa)
{
	nflog_wanted_t *wanted = sa->wanted;
	nflog_logged_t *logged;

	if (wanted->asked && this->devices->is_done(this->devices, wanted->request))
	{
		for (; wanted->asked; wanted->asked--)
		{
			logged = nflog_wanted_take(wanted);
			handle_packet(this, lane, logged, STEP_JUDGE);
			free(logged);
		}
	}
	if (!wanted->asked && wanted->kept->get_count(wanted->kept))
	{
		wanted->asked = wanted->kept->get_count(wanted->kept);
		wanted->request = this->devices->refresh(this->devices);
	}
}

METHOD(nflog_misses_t, add, void,
	private_nflog_misses_t *this, nflog_sa_t *sa)
{
	if (sa->wanted)
	{
		watch(this, sa);
		this->sas->add(this->sas, sa->wanted->nets, 0, sa);
		/* those that it may use were often created just before */
		this->devices->refresh(this->devices);
	}
}

METHOD(nflog_misses_t, remove_, void,
	private_nflog_misses_t *this, nflog_sa_t *sa)
{
	nflog_wanted_t *wanted = sa->wanted;
	u_int kept;

	if (!wanted)
	{
		return;
	}
	watch(this, sa);
	if (wanted->asked)
	{
		judge(this, 0, sa);
		this->queue->publish(this->queue, 0);
		/* the kernel was not asked in time */
		kept = wanted->kept->get_count(wanted->kept);
		wanted->tap.count->received += kept;
		wanted->tap.count->unidentified += kept;
	}
	this->sas->remove(this->sas, wanted->nets, 0, sa);
}

METHOD(nflog_misses_t, handle, void,
	private_nflog_misses_t *this, u_int lane, nflog_logged_t *logged)
{
	nflog_sa_t *kept = handle_packet(this, lane, logged, STEP_LEFT);

	if (kept)
	{
		judge(this, lane, kept);
	}
}

METHOD(nflog_misses_t, adopt, void,
	private_nflog_misses_t *this, u_int lane, nflog_sa_t *early, nflog_sa_t *sa)
{
	nflog_counters_t *count = sa->wanted->tap.count;
	nflog_sa_t *kept;
	nflog_logged_t *logged;

	while ((logged = nflog_wanted_take(early->wanted)))
	{
		kept = handle_packet(this, lane, logged, STEP_EARLY);
		if (kept)
		{
			judge(this, lane, kept);
		}
		free(logged);
	}
	count->received += early->wanted->unused.received;
	count->overrun += early->wanted->unused.overrun;
}

METHOD(nflog_misses_t, set_blind, void,
	private_nflog_misses_t *this, bool blind)
{
	__atomic_store_n(&this->blind, blind, __ATOMIC_RELAXED);
}

METHOD(nflog_misses_t, destroy, void,
	private_nflog_misses_t *this)
{
	this->sas->destroy(this->sas);
	free(this);
}

/*
 * Described in header
 */
nflog_misses_t *nflog_misses_create(nflog_queue_t *queue, nflog_policies_t *policies,
									nflog_devices_t *devices)
{
	private_nflog_misses_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.handle = _handle,
			.adopt = _adopt,
			.set_blind = _set_blind,
			.destroy = _destroy,
		},
		.sas = nflog_net_table_create(),
		.queue = queue,
		.policies = policies,
		.devices = devices,
	);
	return &this->public;
}

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
	 * SAs that keep packets about which the kernel is asked, nflog_sa_t.
	 */
	linked_list_t *asking;

	/**
	 * TRUE if addresses before NAT are not known, changed atomically.
	 */
	bool blind;
};

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
 * Was a packet sent by a device that passes it to an SA, maybe one of others?
 */
static bool is_passed(private_nflog_misses_t *this, nflog_leaving_t *packet)
{
	return packet->device->secure &&
		   (packet->device->used || this->policies->has_device(this->policies, packet));
}

/**
 * Handle a packet.
 *
 * @param judge			TRUE to decide on it, FALSE if it may be kept
 * @param known			TRUE if the device it left by is known
 * @return				SA that keeps it, NULL otherwise
 */
static nflog_sa_t *handle_leaving(private_nflog_misses_t *this, u_int lane,
								  nflog_logged_t *logged, bool judge,
								  nflog_leaving_t *packet, bool known)
{
	nflog_connection_t before = {};
	nflog_miss_text_t text = {};
	nflog_sa_t *sa, *kept = NULL;

	sa = find(this, packet) ?: find_before(this, logged, packet, &before);
	if (sa && (is_passed(this, packet) || is_own(logged, packet)))
	{
		sa = NULL;
	}
	if (sa && nflog_wanted_is_early(sa->wanted))
	{
		nflog_wanted_keep(sa->wanted, logged);
	}
	else if (sa && (!known || packet->device->secure) && !judge)
	{
		nflog_wanted_keep(sa->wanted, logged);
		kept = sa;
	}
	else if (sa && !known)
	{
		nflog_counters_add(&sa->wanted->tap.count->received);
		nflog_counters_add(&sa->wanted->tap.count->unidentified);
	}
	else if (sa)
	{
		nflog_miss_describe(this->policies, logged, packet,
							before.src ? &before : NULL, sa->wanted, &text);
		capture(this, lane, sa, logged, packet, &text);
	}
	nflog_connection_clear(&before);
	return kept;
}

/**
 * Handle a packet.
 *
 * @param judge			TRUE to decide on it, FALSE if it may be kept
 * @return				SA that keeps it, NULL otherwise
 */
static nflog_sa_t *handle_packet(private_nflog_misses_t *this, u_int lane,
								 nflog_logged_t *logged, bool judge)
{
	struct nlattr *mark = logged->attrs[NFULA_MARK];
	struct nlattr *index = logged->attrs[NFULA_IFINDEX_OUTDEV];
	nflog_device_t device = {};
	nflog_leaving_t packet = {
		.mark = mark ? ntohl(mnl_attr_get_u32(mark)) : 0,
		.device = &device,
	};
	nflog_sa_t *kept;
	bool known;

	if (!index || !nflog_packet_parse_plain(logged, &packet.src, &packet.dst, &packet.proto))
	{
		return NULL;
	}
	known = this->devices->get(this->devices, ntohl(mnl_attr_get_u32(index)), &device);
	kept = handle_leaving(this, lane, logged, judge, &packet, known);
	packet.src->destroy(packet.src);
	packet.dst->destroy(packet.dst);
	return kept;
}

/**
 * Ask the kernel about packets that an SA keeps, unless it is being asked.
 *
 * A device that drops packets without policy sends what has a policy of anybody, which charon
 * need not know.  So a packet was dropped if the device has not sent any once that packet is
 * through.  If it has, it sends those of others, and the packet does not count.
 */
static void ask(private_nflog_misses_t *this, nflog_sa_t *sa)
{
	nflog_wanted_t *wanted = sa->wanted;

	if (!wanted->asked)
	{
		wanted->asked = wanted->kept->get_count(wanted->kept);
		wanted->request = this->devices->refresh(this->devices, TRUE);
		this->asking->insert_last(this->asking, sa);
	}
}

/**
 * Judge the packets of an SA that the kernel was asked about.
 *
 * @param lane			lane to queue them by
 * @return				FALSE if it did not answer yet
 */
static bool judge_asked(private_nflog_misses_t *this, u_int lane, nflog_sa_t *sa)
{
	nflog_wanted_t *wanted = sa->wanted;
	nflog_logged_t *logged;

	if (!this->devices->is_done(this->devices, wanted->request))
	{
		return FALSE;
	}
	for (; wanted->asked; wanted->asked--)
	{
		logged = nflog_wanted_take(wanted);
		handle_packet(this, lane, logged, TRUE);
		free(logged);
	}
	return TRUE;
}

METHOD(nflog_misses_t, judge, void,
	private_nflog_misses_t *this, u_int lane)
{
	u_int count = this->asking->get_count(this->asking);
	nflog_sa_t *sa;

	while (count-- && this->asking->remove_first(this->asking, (void**)&sa) == SUCCESS)
	{
		if (!judge_asked(this, lane, sa))
		{
			this->asking->insert_last(this->asking, sa);
		}
		else if (sa->wanted->kept->get_count(sa->wanted->kept))
		{
			ask(this, sa);
		}
	}
}

METHOD(nflog_misses_t, add, void,
	private_nflog_misses_t *this, nflog_sa_t *sa)
{
	if (sa->wanted)
	{
		watch(this, sa);
		this->sas->add(this->sas, sa->wanted->nets, 0, sa);
		sa->wanted->cut = this->sas->get_cut(this->sas, sa->wanted->nets, 0);
		/* those that it may use were often created just before */
		this->devices->refresh(this->devices, FALSE);
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
	{	/* the kernel did not answer in time */
		this->asking->remove(this->asking, sa, NULL);
		kept = wanted->kept->get_count(wanted->kept);
		wanted->tap.count->received += kept;
		wanted->tap.count->unidentified += kept;
		wanted->asked = 0;
	}
	wanted->tap.count->crowded += this->sas->get_cut(this->sas, wanted->nets, 0) -
								  wanted->cut;
	this->sas->remove(this->sas, wanted->nets, 0, sa);
}

METHOD(nflog_misses_t, handle, void,
	private_nflog_misses_t *this, u_int lane, nflog_logged_t *logged)
{
	nflog_sa_t *kept = handle_packet(this, lane, logged, FALSE);

	if (kept)
	{
		ask(this, kept);
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
		logged->early = TRUE;
		kept = handle_packet(this, lane, logged, FALSE);
		if (kept)
		{
			ask(this, kept);
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
	this->asking->destroy(this->asking);
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
			.judge = _judge,
			.adopt = _adopt,
			.set_blind = _set_blind,
			.destroy = _destroy,
		},
		.sas = nflog_net_table_create(),
		.queue = queue,
		.policies = policies,
		.devices = devices,
		.asking = linked_list_create(),
	);
	return &this->public;
}

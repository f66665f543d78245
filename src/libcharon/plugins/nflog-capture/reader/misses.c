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
#include "connection.h"
#include "net_table.h"
#include "rules/wanted.h"
#include "traces/ip_packet.h"
#include "traces/pcapng.h"

#include <stdarg.h>

#include <libmnl/libmnl.h>

/** time after which a packet that was read as a policy was installed had not left before, in
 *  ms: the kernel does not stamp it, so it has the time at which it was read */
#define POLICY_DELAY 100

typedef struct private_nflog_misses_t private_nflog_misses_t;
typedef struct candidate_t candidate_t;
typedef struct text_t text_t;

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
 * Comment of a packet.
 */
struct text_t {

	/**
	 * Reasons, separated by semicolons, and their length.
	 */
	char buf[512];
	size_t len;

	/**
	 * First reason in short, for the end line, NULL if none yet.
	 */
	char *kind;
};

/**
 * Add a reason.
 *
 * @param kind			the reason in short
 */
static void add_reason(text_t *text, char *kind, char *format, ...)
{
	va_list args;
	int len;

	text->kind = text->kind ?: kind;
	if (text->len)
	{
		text->len += snprintf(text->buf + text->len, sizeof(text->buf) - text->len, "; ");
	}
	va_start(args, format);
	len = vsnprintf(text->buf + text->len, sizeof(text->buf) - text->len, format, args);
	va_end(args);
	text->len = min(text->len + max(0, len), sizeof(text->buf) - sizeof("; "));
}

/**
 * Get the counters of an SA that get what left without it, NULL if none do.
 */
static nflog_counters_t *get_left(nflog_sa_t *sa)
{
	nflog_tap_t *tap = sa->plain.trace ? &sa->plain : &sa->esp;

	return tap->trace ? tap->count : NULL;
}

METHOD(nflog_misses_t, add, void,
	private_nflog_misses_t *this, nflog_sa_t *sa)
{
	nflog_counters_t *count;

	if (sa->wanted)
	{
		count = get_left(sa);
		if (count)
		{
			count->watched = TRUE;
		}
		this->sas->add(this->sas, sa->wanted->nets, 0, sa);
		/* those that it may use were often created just before */
		this->devices->refresh(this->devices);
	}
}

METHOD(nflog_misses_t, remove_, void,
	private_nflog_misses_t *this, nflog_sa_t *sa)
{
	if (sa->wanted)
	{
		this->sas->remove(this->sas, sa->wanted->nets, 0, sa);
	}
}

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
 * Describe an address, or the port, that NAT changed.
 *
 * @param name			which one it is
 * @param kind			what changed it, in short
 * @param by			what changed it
 */
static void describe_change(text_t *text, char *name, host_t *now, host_t *before,
							char *kind, char *by)
{
	if (!now->ip_equals(now, before))
	{
		add_reason(text, kind, "%s became %H, was %H: %s", name, now, before, by);
	}
	else if (now->get_port(now) != before->get_port(before))
	{
		add_reason(text, kind, "port of the %s became %u, was %u: %s", name,
				   now->get_port(now), before->get_port(before), by);
	}
}

/**
 * Describe what NAT changed.
 */
static void describe_nat(text_t *text, nflog_leaving_t *now, nflog_connection_t *before)
{
	describe_change(text, "source", now->src, before->src, "source NAT", before->reply
						? "reply of a connection with destination NAT"
						: "nat POSTROUTING, masquerade or snat");
	describe_change(text, "destination", now->dst, before->dst, "destination NAT",
					before->reply
						? "reply of a connection with source NAT"
						: "nat PREROUTING or OUTPUT, dnat");
}

/**
 * Describe a device that requires a policy, and drops packets without.
 */
static void describe_device(text_t *text, nflog_device_t *device, nflog_wanted_t *wanted)
{
	if (device->if_id)
	{
		add_reason(text, "XFRM interface without policy", "left by XFRM interface %s "
				   "without policy, its if_id is %u, that of the SA is %u, so the device "
				   "drops it", device->name, device->if_id, wanted->if_id);
	}
	else
	{
		add_reason(text, "VTI device without policy", "left by VTI device %s without "
				   "policy, its key is 0x%x, the mark of the SA is 0x%x, so the device drops "
				   "it", device->name, device->mark, wanted->mark.value);
	}
}

/**
 * Describe what the policy of the SA requires, and what the packet does not have.
 */
static void describe_policy(text_t *text, nflog_leaving_t *packet, nflog_wanted_t *wanted)
{
	mark_t mark = wanted->mark;

	if (wanted->if_id)
	{
		add_reason(text, "not by XFRM interface", "left by %s, not by an XFRM interface "
				   "with if_id %u", packet->device->name, wanted->if_id);
	}
	if ((packet->mark & mark.mask) != mark.value)
	{
		add_reason(text, "mark", "mark 0x%x, its policy has mark 0x%x/0x%x, as a VTI device with "
				   "that key sets", packet->mark, mark.value, mark.mask);
	}
}

/**
 * Was a packet read shortly after a policy was installed, so it left before?
 */
static bool is_before(nflog_logged_t *logged, timeval_t since)
{
	timeval_add_ms(&since, POLICY_DELAY);
	return timercmp(&logged->time, &since, <);
}

/**
 * Describe why a packet left without its SA.
 *
 * @param early			TRUE if it left while the SA was negotiated
 * @param packet		packet as it left
 * @param before		its connection, if only the addresses before NAT match, NULL otherwise
 */
static void describe(private_nflog_misses_t *this, nflog_logged_t *logged, bool early,
					 nflog_leaving_t *packet, nflog_connection_t *before,
					 nflog_wanted_t *wanted, text_t *text)
{
	nflog_leaving_t matched = *packet;
	char pass[256];
	timeval_t since;

	if (before)
	{
		describe_nat(text, packet, before);
		matched.src = before->src;
		matched.dst = before->dst;
		matched.proto = before->proto;
	}
	if (packet->device->if_id || packet->device->mark)
	{
		describe_device(text, packet->device, wanted);
		return;
	}
	describe_policy(text, packet, wanted);
	if (this->policies->find_pass(this->policies, &matched, pass, sizeof(pass)))
	{
		add_reason(text, "passthrough policy", "passthrough policy %s", pass);
	}
	if (early)
	{
		add_reason(text, "no SA yet", "left before its SA was there");
	}
	else if (!this->policies->find_ipsec(this->policies, &matched, wanted->mark, wanted->if_id,
									&since))
	{
		add_reason(text, "no policy", "its policy is not installed");
	}
	else if (!text->len && is_before(logged, since))
	{
		add_reason(text, "no policy yet", "left before the policy of its SA was installed");
	}
	if (!text->len && nflog_sa_is_userland())
	{
		add_reason(text, "not by TUN device", "left by %s, not by the TUN device of "
				   "kernel-libipsec", packet->device->name);
	}
	if (!text->len && packet->device->unprotected &&
		matched.src->get_family(matched.src) == AF_INET)
	{
		add_reason(text, "disable_xfrm", "net.ipv4.conf.%s.disable_xfrm is set",
				   packet->device->name);
	}
	if (!text->len)
	{
		add_reason(text, "unknown reason", "for a reason that is not known, such as a "
				   "policy that charon did not install, or one of the socket");
	}
}

/**
 * Count a packet that left without an SA.
 */
static void count_left(nflog_sa_t *sa, char *kind)
{
	nflog_counters_t *count = get_left(sa);

	if (count)
	{
		count->left++;
		count->left_for = count->left_for ?: kind;
	}
}

/**
 * Handle a packet that left by a known device.
 *
 * @param early			TRUE if it left while SAs were negotiated
 * @param packet		packet as it left
 */
static void handle_leaving(private_nflog_misses_t *this, u_int lane,
						   nflog_logged_t *logged, bool early, nflog_leaving_t *packet)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	nflog_connection_t before = {};
	nflog_commented_t commented;
	nflog_ip_packet_t ip;
	nflog_leaving_t original = *packet;
	text_t text = {};
	nflog_sa_t *sa;

	sa = find(this, packet);
	if (!sa && nflog_connection_parse(logged, &before))
	{
		original.src = before.src;
		original.dst = before.dst;
		original.proto = before.proto;
		sa = find(this, &original);
	}
	if (sa && (packet->device->if_id || packet->device->mark) &&
		this->policies->has_device(this->policies, packet))
	{	/* it is on its way to an SA */
		sa = NULL;
	}
	if (sa && nflog_wanted_is_early(sa->wanted))
	{
		nflog_wanted_keep(sa->wanted, logged);
	}
	else if (sa)
	{
		describe(this, logged, early, packet, before.src ? &before : NULL, sa->wanted, &text);
		commented = (nflog_commented_t){
			.time = {
				.tv_sec = logged->time.tv_sec,
				.tv_nsec = logged->time.tv_usec * 1000,
			},
			.data = chunk_create(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)),
			.interface = packet->device->name,
			.comment = text.buf,
		};
		/* the kernel does not report the length before it was copied */
		commented.len = nflog_ip_packet_parse(&ip, commented.data)
							? max(ip.len, commented.data.len) : commented.data.len;
		nflog_commented_add(this->queue, lane, &sa->wanted->tap, &commented);
		count_left(sa, text.kind);
	}
	nflog_connection_clear(&before);
}

/**
 * Handle a packet.
 *
 * @param early			TRUE if it left while SAs were negotiated
 */
static void handle_packet(private_nflog_misses_t *this, u_int lane, nflog_logged_t *logged,
						  bool early)
{
	struct nlattr *mark = logged->attrs[NFULA_MARK];
	struct nlattr *index = logged->attrs[NFULA_IFINDEX_OUTDEV];
	nflog_device_t device = {};
	nflog_leaving_t packet = {
		.mark = mark ? ntohl(mnl_attr_get_u32(mark)) : 0,
		.device = &device,
	};
	nflog_sa_t *sa;
	bool known;

	if (!index || !nflog_packet_parse_plain(logged, &packet.src, &packet.dst, &packet.proto))
	{
		return;
	}
	known = this->devices->get(this->devices, ntohl(mnl_attr_get_u32(index)), &device);
	if (known)
	{
		handle_leaving(this, lane, logged, early, &packet);
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
}

METHOD(nflog_misses_t, handle, void,
	private_nflog_misses_t *this, u_int lane, nflog_logged_t *logged)
{
	handle_packet(this, lane, logged, FALSE);
}

METHOD(nflog_misses_t, adopt, void,
	private_nflog_misses_t *this, u_int lane, nflog_sa_t *early, nflog_sa_t *sa)
{
	nflog_counters_t *count = sa->wanted->tap.count;
	linked_list_t *kept = early->wanted->kept;
	nflog_logged_t *logged;

	while (kept->remove_first(kept, (void**)&logged) == SUCCESS)
	{
		handle_packet(this, lane, logged, TRUE);
		free(logged);
	}
	count->received += early->wanted->unused.overrun;
	count->overrun += early->wanted->unused.overrun;
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
			.destroy = _destroy,
		},
		.sas = nflog_net_table_create(),
		.queue = queue,
		.policies = policies,
		.devices = devices,
	);
	return &this->public;
}

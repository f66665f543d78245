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

#include "miss_reason.h"

#include <stdarg.h>

/** time after which a packet that was read as a policy was installed had not left before, in
 *  ms: the kernel does not stamp it, so it has the time at which it was read */
#define POLICY_DELAY 100

/**
 * Add a reason.
 *
 * @param kind			the reason in short
 */
static void add_reason(nflog_miss_text_t *text, char *kind, char *format, ...)
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
 * Describe an address, or the port, that NAT changed.
 *
 * @param name			which one it is
 * @param kind			what changed it, in short
 * @param by			what changed it
 */
static void describe_change(nflog_miss_text_t *text, char *name, host_t *now, host_t *before,
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
static void describe_nat(nflog_miss_text_t *text, nflog_leaving_t *now, nflog_connection_t *before)
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
static void describe_device(nflog_miss_text_t *text, nflog_device_t *device, nflog_wanted_t *wanted)
{
	if (device->mark)
	{
		add_reason(text, "VTI device without policy", "left by VTI device %s without "
				   "policy, its key is 0x%x, the mark of the SA is 0x%x, so the device drops "
				   "it", device->name, device->mark, wanted->mark.value);
	}
	else if (device->if_id)
	{
		add_reason(text, "XFRM interface without policy", "left by XFRM interface %s "
				   "without policy, its if_id is %u, that of the SA is %u, so the device "
				   "drops it", device->name, device->if_id, wanted->if_id);
	}
	else
	{
		add_reason(text, "device without policy", "left by device %s without policy, which "
				   "has no if_id or key of its own, so it drops the packet", device->name);
	}
}

/**
 * Describe what the policy of the SA requires, and what the packet does not have.
 */
static void describe_policy(nflog_miss_text_t *text, nflog_leaving_t *packet, nflog_wanted_t *wanted)
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
 * Describe what may be the reason, if no other one is known.
 *
 * @param since			when the policy was installed
 */
static void describe_unknown(nflog_miss_text_t *text, nflog_logged_t *logged,
							 nflog_wanted_t *wanted, timeval_t since)
{
	bool before = timercmp(&logged->time, &since, <), shortly;

	timeval_add_ms(&since, POLICY_DELAY);
	shortly = timercmp(&logged->time, &since, <);
	if (before)
	{
		add_reason(text, "no policy yet", "left before the policy of its SA was installed");
	}
	else if (wanted->mark.mask)
	{	/* otherwise the mark would be the reason */
		add_reason(text, "late mark", "has the mark of its policy, which was probably set after "
				   "the policy was looked up, such as in mangle POSTROUTING");
	}
	else if (shortly && !logged->attrs[NFULA_TIMESTAMP])
	{
		add_reason(text, "maybe no policy yet", "maybe left before the policy of its SA was "
				   "installed, it was read less than %d ms after that", POLICY_DELAY);
	}
	else
	{
		add_reason(text, "unknown reason", "for a reason that is not known, such as a "
				   "policy that charon did not install, or one of the socket");
	}
}

/*
 * Described in header
 */
void nflog_miss_describe(nflog_policies_t *policies, nflog_logged_t *logged,
						 nflog_leaving_t *packet, nflog_connection_t *before,
						 nflog_wanted_t *wanted, nflog_miss_text_t *text)
{
	nflog_leaving_t matched = *packet;
	char pass[256];
	timeval_t since = {};
	bool has_policy;

	if (before)
	{
		describe_nat(text, packet, before);
		matched.src = before->src;
		matched.dst = before->dst;
		matched.proto = before->proto;
	}
	if (packet->device->secure)
	{
		describe_device(text, packet->device, wanted);
		return;
	}
	describe_policy(text, packet, wanted);
	if (policies->find_pass(policies, &matched, pass, sizeof(pass)))
	{
		add_reason(text, "passthrough policy", "passthrough policy %s", pass);
	}
	has_policy = policies->find_ipsec(policies, &matched, wanted->mark, wanted->if_id, &since);
	if (logged->early)
	{
		add_reason(text, "no SA yet", "left before its SA was there");
	}
	else if (!has_policy)
	{
		add_reason(text, "no policy", "its policy is not installed");
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
		describe_unknown(text, logged, wanted, since);
	}
}

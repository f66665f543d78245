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

#include "reasons.h"

#include <arpa/inet.h>
#include <collections/hashtable.h>
#include <inttypes.h>

/** prefixes of the kernel's names */
#define REASON_PREFIX "SKB_DROP_REASON_"
#define COUNTER_PREFIX "LINUX_MIB_"

/** what packets have whose reason is not given, and if it is a policy of XFRM */
#define NOT_SPECIFIED "NOT_SPECIFIED"
#define XFRM_POLICY "XFRM_POLICY"

typedef struct private_nflog_reasons_t private_nflog_reasons_t;

/**
 * Private data.
 */
struct private_nflog_reasons_t {

	/**
	 * Public interface.
	 */
	nflog_reasons_t public;

	/**
	 * Names of reasons without prefix by value, char*.
	 */
	hashtable_t *reasons;

	/**
	 * Counters by their number, NULL if not known.
	 */
	const struct counter_t *counters[NFLOG_DROP_COUNTERS];

	/**
	 * Number of the highest counter, plus one.
	 */
	u_int count;
};

/**
 * Counters as in /proc/net/xfrm_stat, by Documentation/networking/xfrm_proc.rst and the places
 * in net/xfrm that increment them.
 */
static const struct counter_t {
	/** name, the enumeration's has the same letters if none is given */
	char *name, *other;
	/** words, for a single packet */
	char *words;
	/** TRUE if it is for packets that arrived */
	bool in;
} counters[] = {
	{ "XfrmInError", NULL, "not processable", TRUE },
	{ "XfrmInBufferError", NULL, "no memory", TRUE },
	{ "XfrmInHdrError", NULL, "malformed ESP or AH header", TRUE },
	{ "XfrmInNoStates", NULL, "unknown SPI", TRUE },
	{ "XfrmInStateProtoError", NULL, "not authentic, or not decryptable", TRUE },
	{ "XfrmInStateModeError", NULL, "does not fit the mode of its SA", TRUE },
	{ "XfrmInStateSeqError", NULL, "replayed", TRUE },
	{ "XfrmInStateExpired", NULL, "lifetime of the SA expired", TRUE },
	{ "XfrmInStateMismatch", NULL, "other UDP encapsulation, mark or interface than the SA",
	  TRUE },
	{ "XfrmInStateInvalid", NULL, "SA is not valid yet, or not anymore", TRUE },
	{ "XfrmInTmplMismatch", NULL, "arrived in the clear, or in another SA than the policy "
	  "requires", TRUE },
	{ "XfrmInNoPols", NULL, "no policy allows the decrypted packet", TRUE },
	{ "XfrmInPolBlock", NULL, "blocked by a policy", TRUE },
	{ "XfrmInPolError", NULL, "policy look-up failed", TRUE },
	{ "XfrmInStateDirError", NULL, "arrived for an outbound SA", TRUE },
	{ "XfrmInIptfsError", NULL, "malformed IP-TFS packet", TRUE },
	{ "XfrmAcquireError", NULL, "SA is still being negotiated", TRUE },
	{ "XfrmFwdHdrError", NULL, "no SA to forward it with", FALSE },
	{ "XfrmOutError", NULL, "not sendable, maybe too big", FALSE },
	{ "XfrmOutBundleGenError", NULL, "no SAs or route could be put together", FALSE },
	{ "XfrmOutBundleCheckError", NULL, "SAs are not valid anymore", FALSE },
	{ "XfrmOutNoStates", NULL, "no SA, or it is still being negotiated", FALSE },
	{ "XfrmOutStateProtoError", NULL, "encryption failed", FALSE },
	{ "XfrmOutStateModeError", NULL, "does not fit the mode of the SA, or its MTU", FALSE },
	{ "XfrmOutStateSeqError", NULL, "sequence numbers of the SA are used up", FALSE },
	{ "XfrmOutStateExpired", NULL, "lifetime of the SA expired", FALSE },
	{ "XfrmOutPolBlock", NULL, "blocked by a policy", FALSE },
	{ "XfrmOutPolDead", NULL, "policy was just deleted", FALSE },
	{ "XfrmOutPolError", NULL, "policy look-up failed", FALSE },
	{ "XfrmOutStateInvalid", NULL, "SA is not valid yet, or not anymore", FALSE },
	{ "XfrmOutStateDirError", NULL, "inbound SA used to send", FALSE },
	{ "XfrmOutNoQueueSpace", "XFRMOUTNOQSPACE", "queue of IP-TFS is full", FALSE },
};

/**
 * Words for reasons that XFRM does not count, by name and place, the first one matches.
 */
static const struct {
	/** name without prefix, and function, NULL for any */
	char *reason, *place;
	/** words */
	char *words;
} others[] = {
	{ XFRM_POLICY, NULL, "the policy requires an SA, or another one" },
	{ "PKT_TOO_BIG", NULL, "too big for the SA or the route, and not to be fragmented" },
	{ "NETFILTER_DROP", NULL, "dropped by a firewall rule" },
	{ "PROTO_MEM", NULL, "memory of all sockets is used up" },
	/* raw sockets get copies */
	{ "SOCKET_RCVBUFF", "raw_rcv", "receive queue of a raw socket is full, which gets a copy" },
	{ "SOCKET_RCVBUFF", "rawv6_rcv", "receive queue of a raw socket is full, which gets a copy" },
	{ "SOCKET_RCVBUFF", NULL, "receive queue of the socket is full" },
	{ "NO_SOCKET", "icmp_rcv", "no socket of a ping waits for it, maybe a raw one does" },
	{ "NO_SOCKET", "icmpv6_rcv", "no socket of a ping waits for it, maybe a raw one does" },
	{ "NO_SOCKET", NULL, "no program receives on this port" },
	{ "IP_RPFILTER", NULL, "source fails the check of the reverse path (rp_filter)" },
	{ "IP_OUTNOROUTES", NULL, "no route" },
	{ "IP_INNOROUTES", NULL, "no route" },
	{ "IP_INADDRERRORS", NULL, "address is not valid here" },
	{ "IP_CSUM", NULL, "checksum of the IP header is wrong" },
	{ "UDP_CSUM", NULL, "UDP checksum is wrong" },
	{ "TCP_CSUM", NULL, "TCP checksum is wrong" },
	{ "QDISC_DROP", NULL, "dropped by the queue of the interface" },
	{ "FULL_RING", NULL, "queue of the device is full" },
	{ "NEIGH_FAILED", NULL, "next hop does not answer" },
	{ "NEIGH_QUEUEFULL", NULL, "queue for a next hop that does not answer is full" },
	{ NULL, "ip_error", "no route, or a blackhole, unreachable or prohibit route" },
	{ NULL, "ip6_pkt_drop", "no route, or an unreachable or prohibit route" },
	{ NULL, "dst_discard", "blackhole route, or no SA yet" },
	{ NULL, "dst_discard_out", "blackhole route, or no SA yet" },
	{ NULL, "xdst_queue_output", "queue for an SA that is being negotiated is full" },
	{ NULL, "xfrm_policy_queue_process", "SA was not negotiated in time" },
};

/**
 * Functions that free packets without a reason after XFRM counted why, by the begin of their
 * names, as the compiler may have parted them: those of XFRM, and those that check policies
 * (callers of xfrm_policy_check() and xfrm_route_forward() in net/ipv4 and net/ipv6).
 */
static const struct {
	/** begin of the name */
	char *name;
	/** TRUE if packets arrive there, and leave */
	bool in, out;
} places[] = {
	{ "xfrm_input", TRUE, FALSE },
	{ "xfrm_output", FALSE, TRUE },
	{ "xfrm", TRUE, TRUE },
	{ "__xfrm", TRUE, TRUE },
	{ "xdst_queue", FALSE, TRUE },
	{ "dst_discard", FALSE, TRUE },
	{ "esp", TRUE, TRUE },
	{ "ah", TRUE, TRUE },
	{ "ipcomp", TRUE, TRUE },
	{ "vti", TRUE, TRUE },
	{ "ip_forward", TRUE, TRUE },
	{ "ip6_forward", TRUE, TRUE },
	{ "ip_local_deliver", TRUE, FALSE },
	{ "ip_protocol_deliver", TRUE, FALSE },
	{ "ip6_protocol_deliver", TRUE, FALSE },
	{ "icmp", TRUE, FALSE },
	{ "tcp", TRUE, FALSE },
	{ "udp", TRUE, FALSE },
	{ "raw", TRUE, FALSE },
	{ "sctp", TRUE, FALSE },
	{ "dccp", TRUE, FALSE },
};

METHOD(nflog_reasons_t, set_reason, void,
	private_nflog_reasons_t *this, uint32_t value, const char *name)
{
	if (strpfx((char*)name, REASON_PREFIX))
	{
		free(this->reasons->put(this->reasons, (void*)(uintptr_t)value,
								strdup(name + strlen(REASON_PREFIX))));
	}
}

METHOD(nflog_reasons_t, set_counter, void,
	private_nflog_reasons_t *this, uint32_t value, const char *name)
{
	int i;

	if (value >= NFLOG_DROP_COUNTERS || !strpfx((char*)name, COUNTER_PREFIX))
	{
		return;
	}
	name += strlen(COUNTER_PREFIX);
	for (i = 0; i < countof(counters); i++)
	{
		if (strcaseeq(name, counters[i].other ?: counters[i].name))
		{
			this->counters[value] = &counters[i];
			this->count = max(this->count, value + 1);
		}
	}
}

METHOD(nflog_reasons_t, get_value, uint32_t,
	private_nflog_reasons_t *this, char *name)
{
	uint32_t value = UINT32_MAX;
	enumerator_t *enumerator;
	void *key;
	char *other;

	enumerator = this->reasons->create_enumerator(this->reasons);
	while (enumerator->enumerate(enumerator, &key, &other))
	{
		if (streq(other, name + strlen(REASON_PREFIX)))
		{
			value = (uintptr_t)key;
		}
	}
	enumerator->destroy(enumerator);
	return value;
}

METHOD(nflog_reasons_t, get_counters, u_int,
	private_nflog_reasons_t *this)
{
	return this->count;
}

/**
 * Get the name of the counter that an audit function belongs to.
 */
static char *get_audited(uint32_t audit)
{
	switch (audit)
	{
		case NFLOG_AUDIT_NOTFOUND:
		case NFLOG_AUDIT_NOTFOUND_SIMPLE:
			return "XfrmInNoStates";
		case NFLOG_AUDIT_REPLAY:
			return "XfrmInStateSeqError";
		case NFLOG_AUDIT_OVERFLOW:
			return "XfrmOutStateSeqError";
		case NFLOG_AUDIT_ICV:
			return "XfrmInStateProtoError";
		default:
			return NULL;
	}
}

/**
 * Check if a packet may be dropped at a place after a counter was incremented.  Otherwise that
 * was for a packet before it, or for none, as when a socket is connected.
 */
static bool is_plausible(const struct counter_t *counter, char *reason, char *place)
{
	int i;

	if (streq(reason, XFRM_POLICY))
	{
		return TRUE;
	}
	for (i = 0; i < countof(places); i++)
	{
		if (strpfx(place, places[i].name))
		{
			return counter->in ? places[i].in : places[i].out;
		}
	}
	return FALSE;
}

/**
 * Find the counter that was incremented for a packet: the one of the audit function, or of
 * those that changed one of the packet's direction, if that is certain.
 *
 * @param spi		SPI of the packet, 0 if it has none
 * @param reason	name of the reason
 * @param place		function that dropped it
 * @param certain	receives FALSE if it may be another one
 */
static const struct counter_t *find_counter(private_nflog_reasons_t *this,
							struct nflog_event_t *event, uint32_t spi, char *reason,
							char *place, bool *certain)
{
	const struct counter_t *found = NULL;
	char *audited = get_audited(event->audit);
	u_int i, matches = 0;

	*certain = TRUE;
	for (i = 0; audited && i < countof(counters); i++)
	{
		if (streq(counters[i].name, audited))
		{
			return &counters[i];
		}
	}
	for (i = 0; i < this->count; i++)
	{
		if (event->counters & 1ULL << i && this->counters[i] &&
			is_plausible(this->counters[i], reason, place))
		{	/* ESP and AH arrive, packets in the clear do either */
			if (!found || (spi && this->counters[i]->in && !found->in))
			{
				found = this->counters[i];
			}
			matches++;
		}
	}
	*certain = matches <= 1;
	return found;
}

/**
 * Append to a string.
 */
static void append(char *buf, size_t len, char *format, ...)
{
	size_t pos = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + pos, len - pos, format, args);
	va_end(args);
}

/**
 * Describe what is known of a packet of an SA, by the audit function.
 */
static void describe_audit(struct nflog_event_t *event, uint32_t spi, char *buf, size_t len)
{
	uint64_t top = (uint64_t)event->top_hi << 32 | event->top, seq = ntohl(event->seq);
	uint64_t bottom;

	switch (event->audit)
	{
		case NFLOG_AUDIT_NOTFOUND:
			append(buf, len, " %.8x, sequence number %" PRIu64, ntohl(event->spi), seq);
			break;
		case NFLOG_AUDIT_REPLAY:
			if (event->top_hi)
			{	/* the packet has the lower half only (RFC 4303, appendix A) */
				seq |= (uint64_t)(event->top_hi - (seq > event->top + 0x80000000ULL)) << 32;
			}
			bottom = top >= event->window ? top - event->window + 1 : 1;
			append(buf, len, ": sequence number %" PRIu64 ", window %" PRIu64 " to %" PRIu64,
				   seq, bottom, top);
			break;
		case NFLOG_AUDIT_ICV:
			append(buf, len, ": integrity check failed");
			break;
		default:
			if (spi)
			{
				append(buf, len, ", SPI %.8x", spi);
			}
			break;
	}
}

/**
 * Get words for a packet that no counter explains.
 */
static const char *get_words(char *reason, char *place)
{
	int i;

	for (i = 0; i < countof(others); i++)
	{
		if ((!others[i].reason || streq(reason, others[i].reason)) &&
			(!others[i].place || streq(place, others[i].place)))
		{
			return others[i].words;
		}
	}
	return NULL;
}

METHOD(nflog_reasons_t, describe, void,
	private_nflog_reasons_t *this, struct nflog_event_t *event, uint32_t spi,
	nflog_described_t *described)
{
	const struct counter_t *counter;
	char number[32], *reason, *comment = described->comment;
	const char *words;
	size_t len = sizeof(described->comment);
	bool certain;

	snprintf(number, sizeof(number), "reason %u", event->reason);
	reason = this->reasons->get(this->reasons, (void*)(uintptr_t)event->reason) ?: number;
	snprintf(described->place, sizeof(described->place), "%.*s",
			 (int)strcspn(event->place, "+ "), event->place);
	counter = find_counter(this, event, spi, reason, described->place, &certain);
	words = counter ? counter->words : get_words(reason, described->place);
	words = words ?: streq(reason, NOT_SPECIFIED) ? "no reason given" : "dropped";
	described->counter = counter ? counter->name : NULL;
	snprintf(described->reason, sizeof(described->reason), "%s (%s)", words,
			 counter ? counter->name : reason);
	snprintf(comment, len, "%s", words);
	describe_audit(event, spi, comment, len);
	append(comment, len, " (%s%s%s%s)", counter ? counter->name : reason,
		   certain ? "" : ", or another that was counted since the last drop",
		   counter && !streq(reason, NOT_SPECIFIED) ? ", " : "",
		   counter && !streq(reason, NOT_SPECIFIED) ? reason : "");
	append(comment, len, " at %.*s", (int)strcspn(event->place, "/"), event->place);
}

METHOD(nflog_reasons_t, destroy, void,
	private_nflog_reasons_t *this)
{
	enumerator_t *enumerator;
	void *key;
	char *name;

	enumerator = this->reasons->create_enumerator(this->reasons);
	while (enumerator->enumerate(enumerator, &key, &name))
	{
		free(name);
	}
	enumerator->destroy(enumerator);
	this->reasons->destroy(this->reasons);
	free(this);
}

/*
 * Described in header
 */
nflog_reasons_t *nflog_reasons_create()
{
	private_nflog_reasons_t *this;

	INIT(this,
		.public = {
			.set_reason = _set_reason,
			.set_counter = _set_counter,
			.get_value = _get_value,
			.get_counters = _get_counters,
			.describe = _describe,
			.destroy = _destroy,
		},
		.reasons = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 128),
	);
	return &this->public;
}

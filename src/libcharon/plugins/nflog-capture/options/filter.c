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

#include "filter.h"

#include <ctype.h>
#include <netdb.h>

#include <pcap/pcap.h>

#include <collections/hashtable.h>
#include <networking/host.h>

/** exceeds the longest packet that NFLOG copies, in bytes */
#define SNAPLEN 262144

/** buffer size for an entry of /etc/services or /etc/protocols */
#define ENTRY_LEN 1024

/** longest expression, libpcap's compiler takes quadratic time, a second for this one */
#define MAX_LEN 2048

/** characters of words, names, numbers and addresses */
#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:"

typedef struct private_nflog_filter_t private_nflog_filter_t;
typedef struct private_nflog_filters_t private_nflog_filters_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_nflog_filter_t {

	/**
	 * Public interface.
	 */
	nflog_filter_t public;

	/**
	 * Compiled expression.
	 */
	struct bpf_program program;

	/**
	 * Number of references.
	 */
	refcount_t ref;
};

/**
 * Words of pcap-filter(7) that apply to IP packets, libpcap takes others for names.
 */
static const char *words[] = {
	"ah", "and", "broadcast", "dst", "esp", "gateway", "greater", "host",
	"icmp", "icmp6", "icmp6code", "icmp6type", "icmpcode", "icmptype", "igmp",
	"igrp", "ip", "ip6", "len", "less", "mask", "multicast", "net", "not", "or",
	"pim", "port", "portrange", "proto", "protochain", "sctp", "src", "tcp",
	"tcpflags", "udp", "vrrp",
	"icmp-echo", "icmp-echoreply", "icmp-ireq", "icmp-ireqreply",
	"icmp-maskreply", "icmp-maskreq", "icmp-paramprob", "icmp-redirect",
	"icmp-routeradvert", "icmp-routersolicit", "icmp-sourcequench",
	"icmp-timxceed", "icmp-tstamp", "icmp-tstampreply", "icmp-unreach",
	"icmp6-certpathadvert", "icmp6-certpathsolicit", "icmp6-destinationunreach",
	"icmp6-echo", "icmp6-echoreply", "icmp6-homeagentdiscoveryreply",
	"icmp6-homeagentdiscoveryrequest", "icmp6-ineighbordiscoveryadvert",
	"icmp6-ineighbordiscoverysolicit", "icmp6-mobileprefixadvert",
	"icmp6-mobileprefixsolicit", "icmp6-multicastlistenerdone",
	"icmp6-multicastlistenerquery", "icmp6-multicastlistenerreportv1",
	"icmp6-multicastlistenerreportv2", "icmp6-multicastrouteradvert",
	"icmp6-multicastroutersolicit", "icmp6-multicastrouterterm",
	"icmp6-neighboradvert", "icmp6-neighborsolicit",
	"icmp6-nodeinformationquery", "icmp6-nodeinformationresponse",
	"icmp6-packettoobig", "icmp6-parameterproblem", "icmp6-redirect",
	"icmp6-routeradvert", "icmp6-routerrenum", "icmp6-routersolicit",
	"icmp6-timeexceeded",
	"tcp-ack", "tcp-cwr", "tcp-ece", "tcp-fin", "tcp-push", "tcp-rst",
	"tcp-syn", "tcp-urg",
};

/**
 * Check if a word is the name of a port or protocol.
 */
static bool is_known_name(char *name)
{
	struct servent service, *found_service = NULL;
	struct protoent proto, *found_proto = NULL;
	char buf[ENTRY_LEN];

	getservbyname_r(name, NULL, &service, buf, sizeof(buf), &found_service);
	getprotobyname_r(name, &proto, buf, sizeof(buf), &found_proto);
	return found_service || found_proto;
}

/**
 * Check if the name of a protocol follows a word.
 */
static bool is_proto(char *word)
{
	return streq(word, "proto") || streq(word, "protochain");
}

/**
 * Check if libpcap might take a word for the name of a host.
 *
 * @param before		the word in front of it, empty if there is none
 */
static bool is_host(char *word, char *before)
{
	host_t *host;
	int i;

	/* numbers, IPv4 addresses, ranges, and what is in brackets in ip[2:2] */
	if (word[strspn(word, "0123456789.-")] == '\0' ||
		(strncaseeq(word, "0x", 2) &&
		 word[2 + strspn(word + 2, "0123456789abcdefABCDEF")] == '\0') ||
		word[strspn(word, "0123456789:")] == '\0')
	{
		return FALSE;
	}
	if (strchr(word, ':'))
	{
		host = host_create_from_string(word, 0);
		DESTROY_IF(host);
		return !host;
	}
	for (i = 0; i < countof(words); i++)
	{
		if (streq(word, words[i]))
		{
			return FALSE;
		}
	}
	return !(streq(before, "port") || streq(before, "portrange") ||
			 is_proto(before)) || !is_known_name(word);
}

/**
 * Check if an expression has a word that might be the name of a host.
 */
static bool has_host(char *expression)
{
	char *pos = expression, word[256], before[256] = "";
	size_t len;

	while (*pos)
	{
		len = strspn(pos, WORD);
		if (!len)
		{
			if (*pos == '\\' && !is_proto(before))
			{	/* turns any word into a name */
				return TRUE;
			}
			pos++;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)len, pos);
		if (isalnum(*word) && is_host(word, before))
		{
			return TRUE;
		}
		strcpy(before, word);
		pos += len;
	}
	return FALSE;
}

/**
 * Compile an expression.
 */
static bool compile(char *expression, struct bpf_program *program)
{
	pcap_t *pcap;
	bool success;

	if (strlen(expression) > MAX_LEN || has_host(expression))
	{
		return FALSE;
	}
	pcap = pcap_open_dead(DLT_RAW, SNAPLEN);
	if (!pcap)
	{
		return FALSE;
	}
	success = pcap_compile(pcap, program, expression, 1,
						   PCAP_NETMASK_UNKNOWN) == 0;
	pcap_close(pcap);
	return success;
}

METHOD(nflog_filter_t, match, bool,
	private_nflog_filter_t *this, chunk_t packet, u_int original)
{
	struct pcap_pkthdr hdr = {
		.caplen = packet.len,
		.len = original,
	};

	return pcap_offline_filter(&this->program, &hdr, packet.ptr) != 0;
}

METHOD(nflog_filter_t, get_ref, nflog_filter_t*,
	private_nflog_filter_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(nflog_filter_t, destroy, void,
	private_nflog_filter_t *this)
{
	if (ref_put(&this->ref))
	{
		pcap_freecode(&this->program);
		free(this);
	}
}

/**
 * Create a filter, NULL if the expression is invalid.
 */
static nflog_filter_t *filter_create(char *expression)
{
	private_nflog_filter_t *this;
	struct bpf_program program;

	if (!compile(expression, &program))
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.match = _match,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.program = program,
		.ref = 1,
	);
	return &this->public;
}

/**
 * Private data.
 */
struct private_nflog_filters_t {

	/**
	 * Public interface.
	 */
	nflog_filters_t public;

	/**
	 * Filters by expression, char* => entry_t.
	 */
	hashtable_t *entries;
};

/**
 * An entry of the cache.
 */
struct entry_t {

	/** expression */
	char *expression;

	/** filter, NULL if the expression is invalid */
	nflog_filter_t *filter;

	/** TRUE if it was requested since the last sweep */
	bool used;
};

/**
 * Destroy an entry.
 */
static void entry_destroy(entry_t *entry)
{
	DESTROY_IF(entry->filter);
	free(entry->expression);
	free(entry);
}

METHOD(nflog_filters_t, get, nflog_filter_t*,
	private_nflog_filters_t *this, char *expression)
{
	entry_t *entry;

	entry = this->entries->get(this->entries, expression);
	if (!entry)
	{
		INIT(entry,
			.expression = strdup(expression),
			.filter = filter_create(expression),
		);
		this->entries->put(this->entries, entry->expression, entry);
	}
	entry->used = TRUE;
	return entry->filter ? entry->filter->get_ref(entry->filter) : NULL;
}

METHOD(nflog_filters_t, sweep, void,
	private_nflog_filters_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		if (!entry->used)
		{
			this->entries->remove_at(this->entries, enumerator);
			entry_destroy(entry);
		}
		else
		{
			entry->used = FALSE;
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_filters_t, filters_destroy, void,
	private_nflog_filters_t *this)
{
	this->entries->destroy_function(this->entries, (void*)entry_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_filters_t *nflog_filters_create()
{
	private_nflog_filters_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.sweep = _sweep,
			.destroy = _filters_destroy,
		},
		.entries = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}

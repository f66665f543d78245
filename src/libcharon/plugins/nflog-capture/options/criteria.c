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

#include "criteria.h"

#include <networking/host.h>
#include <selectors/traffic_selector.h>

/*
 * Described in header
 */
nflog_candidate_t *nflog_candidate_clone(nflog_candidate_t *candidate)
{
	nflog_candidate_t *clone;

	clone = malloc_thing(nflog_candidate_t);
	*clone = *candidate;
	clone->conn = strdup(candidate->conn);
	clone->child = strdup(candidate->child);
	if (candidate->identity)
	{
		clone->identity = candidate->identity->clone(candidate->identity);
	}
	if (candidate->vips)
	{
		clone->vips = candidate->vips->clone_offset(candidate->vips,
													offsetof(host_t, clone));
	}
	return clone;
}

/*
 * Described in header
 */
void nflog_candidate_destroy(nflog_candidate_t *candidate)
{
	if (candidate)
	{
		DESTROY_IF(candidate->identity);
		DESTROY_OFFSET_IF(candidate->vips, offsetof(host_t, destroy));
		free(candidate->conn);
		free(candidate->child);
		free(candidate);
	}
}

/**
 * Match a string with a pattern, without recursion, as that takes exponential time.
 */
static bool match_pattern(char *pattern, char *str)
{
	char *star = NULL, *retry = NULL;

	while (*str)
	{
		if (*pattern == '*')
		{
			star = pattern++;
			retry = str;
		}
		else if (*pattern == '?' || *pattern == *str)
		{
			pattern++;
			str++;
		}
		else if (star)
		{	/* let the last star match one character more */
			pattern = star + 1;
			str = ++retry;
		}
		else
		{
			return FALSE;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

/**
 * Match an identity with a pattern.
 */
static bool match_identity(char *pattern, identification_t *identity)
{
	identification_t *wanted;
	char buf[BUF_LEN];
	bool match;

	if (!identity)
	{
		return FALSE;
	}
	snprintf(buf, sizeof(buf), "%Y", identity);
	if (match_pattern(pattern, buf))
	{
		return TRUE;
	}
	wanted = identification_create_from_string(pattern);
	match = identity->matches(identity, wanted) != ID_MATCH_NONE;
	wanted->destroy(wanted);
	return match;
}

/**
 * Match virtual IPs with an address or a subnet.
 */
static bool match_vips(char *pattern, linked_list_t *vips)
{
	traffic_selector_t *subnet;
	enumerator_t *enumerator;
	bool match = FALSE;
	host_t *vip;

	subnet = vips ? traffic_selector_create_from_cidr(pattern, 0, 0, 0) : NULL;
	if (!subnet)
	{
		return FALSE;
	}
	enumerator = vips->create_enumerator(vips);
	while (!match && enumerator->enumerate(enumerator, &vip))
	{
		match = subnet->includes(subnet, vip);
	}
	enumerator->destroy(enumerator);
	subnet->destroy(subnet);
	return match;
}

/*
 * Described in header
 */
bool nflog_criteria_match(nflog_criteria_t *criteria, nflog_candidate_t *candidate)
{
	return (!criteria->conn || streq(criteria->conn, candidate->conn)) &&
		   (!criteria->child || streq(criteria->child, candidate->child)) &&
		   (!criteria->ike_id || criteria->ike_id == candidate->ike_id) &&
		   (!criteria->child_id || criteria->child_id == candidate->child_id) &&
		   (!criteria->spi || criteria->spi == candidate->spi_in ||
			criteria->spi == candidate->spi_out) &&
		   (!criteria->identity ||
			match_identity(criteria->identity, candidate->identity)) &&
		   (!criteria->virtual_ip ||
			match_vips(criteria->virtual_ip, candidate->vips));
}

/*
 * Described in header
 */
bool nflog_criteria_may_match(nflog_criteria_t *criteria, nflog_candidate_t *candidate)
{
	nflog_criteria_t known = *criteria;

	known.identity = candidate->identity ? known.identity : NULL;
	known.virtual_ip = candidate->vips ? known.virtual_ip : NULL;
	return (known.identity != criteria->identity ||
			known.virtual_ip != criteria->virtual_ip) &&
		   nflog_criteria_match(&known, candidate);
}

/*
 * Described in header
 */
bool nflog_candidate_is_peer(nflog_candidate_t *candidate, char *identity,
							 char *virtual_ip)
{
	nflog_criteria_t criteria = {
		.identity = identity,
		.virtual_ip = virtual_ip,
	};

	candidate->unsure |= nflog_criteria_may_match(&criteria, candidate);
	return nflog_criteria_match(&criteria, candidate);
}

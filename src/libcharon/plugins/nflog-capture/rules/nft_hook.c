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

#include "nft_hook.h"
#include "nft_rule.h"

#include <linux/netfilter/nf_tables.h>

/*
 * Described in header
 */
char *nflog_nft_hook_get_chain(char buf[NFLOG_CHAIN_LEN], char *name,
							   u_int lanes, u_int lane)
{
	if (lanes == 1)
	{
		return name;
	}
	snprintf(buf, NFLOG_CHAIN_LEN, "%s-%u", name, lane);
	return buf;
}

/*
 * Described in header
 */
void nflog_nft_hook_skip_vrf(nflog_nft_socket_t *nft, char *name)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(name);
	nflog_nft_rule_device(rule, NFT_META_OIFKIND, "vrf");
	nflog_nft_rule_return(rule);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_hook_spread(nflog_nft_socket_t *nft, char *name, u_int lanes)
{
	struct nftnl_rule *rule;
	char chain[NFLOG_CHAIN_LEN];
	u_int i;

	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		nflog_nft_hook_get_chain(chain, name, lanes, i);
		nflog_nft_rule_add_chain(nft, chain, -1, 0);
		rule = nflog_nft_rule_create(name);
		if (i < lanes - 1)
		{
			nflog_nft_rule_processor(rule, lanes - 1, i);
		}
		nflog_nft_rule_goto(rule, chain);
		nflog_nft_rule_commit(nft, rule);
	}
}

/*
 * Described in header
 */
void nflog_nft_hook_remove(nflog_nft_socket_t *nft, char *name, u_int lanes)
{
	char chain[NFLOG_CHAIN_LEN];
	u_int i;

	nflog_nft_rule_remove_chain(nft, name);
	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		nflog_nft_rule_remove_chain(nft,
						nflog_nft_hook_get_chain(chain, name, lanes, i));
	}
}

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
 * Rules of SAs as another process sees them in the kernel.
 */

#ifndef RULES_H_
#define RULES_H_

#include "rules/nft_set.h"
#include "rules/nft_socket.h"

#include <unistd.h>

#include <linux/netfilter/nf_tables.h>

/**
 * Is there a rule for the ESP side of an SA?
 */
static inline bool rules_have(nflog_sa_t *sa)
{
	nflog_element_t element = nflog_element_esp(sa, &sa->match);
	nflog_nft_socket_t *nft = nflog_nft_socket_create();
	int err;

	err = nft->request(nft, NFT_MSG_GETSETELEM, nflog_nft_set_build,
					   nflog_nft_set_parse, &element);
	nft->destroy(nft);
	return err == 0;
}

/**
 * Wait until there is a rule for the ESP side of an SA, which takes longer on a busy
 * machine than the plugin waits for that.
 */
static inline void rules_wait(nflog_sa_t *sa)
{
	while (!rules_have(sa))
	{
		usleep(1000);
	}
}

#endif /* RULES_H_ */

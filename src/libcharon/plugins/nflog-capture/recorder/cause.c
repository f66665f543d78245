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

#include "cause.h"

ENUM(nflog_cause_names, CAUSE_REQUESTED, CAUSE_DROPPED,
	"requested",
	"no-answer",
	"authentication",
	"proposal",
	"selectors",
	"no-child",
	"half-open",
	"invalid-spi",
	"invalid-message",
	"address",
	"certificate",
	"deleted",
	"replaced",
	"expired",
	"rekeying",
	"missing",
	"dropped",
);

/**
 * Causes in words, and whether anybody can cause them.
 */
static const struct {
	char *text;
	bool open;
} causes[] = {
	[CAUSE_REQUESTED] = { "it was requested", FALSE },
	[CAUSE_NO_ANSWER] = { "the peer does not answer", FALSE },
	[CAUSE_AUTHENTICATION] = { "authentication failed", TRUE },
	[CAUSE_PROPOSAL] = { "no proposal is acceptable to both peers", TRUE },
	[CAUSE_SELECTORS] = { "no traffic selectors are acceptable to both peers", FALSE },
	[CAUSE_NO_CHILD] = { "a CHILD_SA could not be created", FALSE },
	[CAUSE_HALF_OPEN] = { "an IKE_SA was not established in time", TRUE },
	[CAUSE_INVALID_SPI] = { "a message of an IKE_SA that does not exist arrived", TRUE },
	[CAUSE_INVALID_MESSAGE] = { "an invalid message arrived", TRUE },
	[CAUSE_ADDRESS] = { "there is no address", FALSE },
	[CAUSE_CERTIFICATE] = { "a certificate is not accepted", TRUE },
	[CAUSE_DELETED] = { "the peer deleted a CHILD_SA", FALSE },
	[CAUSE_REPLACED] = { "another IKE_SA of the peer replaced one that was up", FALSE },
	[CAUSE_EXPIRED] = { "an SA reached the end of its lifetime", FALSE },
	[CAUSE_REKEYING] = { "rekeying failed", FALSE },
	/* headers of ESP are not authenticated yet, and anybody can send packets to drop */
	[CAUSE_MISSING] = { "packets are missing", TRUE },
	[CAUSE_DROPPED] = { "the kernel dropped packets", TRUE },
};
_Static_assert(countof(causes) == CAUSE_MAX, "causes");

/*
 * Described in header
 */
char *nflog_cause_describe(nflog_cause_t cause)
{
	return causes[cause].text;
}

/*
 * Described in header
 */
bool nflog_cause_is_open(nflog_cause_t cause)
{
	return causes[cause].open;
}

/*
 * Described in header
 */
nflog_trigger_t *nflog_trigger_clone(nflog_trigger_t *trigger)
{
	nflog_trigger_t *clone = malloc_thing(nflog_trigger_t);

	*clone = *trigger;
	clone->conn = trigger->conn ? strdup(trigger->conn) : NULL;
	clone->detail = trigger->detail ? strdup(trigger->detail) : NULL;
	return clone;
}

/*
 * Described in header
 */
void nflog_trigger_destroy(nflog_trigger_t *trigger)
{
	if (trigger)
	{
		free(trigger->conn);
		free(trigger->detail);
		free(trigger);
	}
}

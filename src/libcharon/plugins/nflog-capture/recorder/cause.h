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

/**
 * @defgroup nflog_cause nflog_cause
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAUSE_H_
#define NFLOG_CAUSE_H_

typedef enum nflog_cause_t nflog_cause_t;
typedef struct nflog_trigger_t nflog_trigger_t;

#include <library.h>

#include <sys/time.h>

/**
 * Why what a recorder holds is saved.
 */
enum nflog_cause_t {
	/** requested, by a command */
	CAUSE_REQUESTED,
	/** the peer answers no request */
	CAUSE_NO_ANSWER,
	/** the peer, or this side, could not be authenticated, or is not authorized */
	CAUSE_AUTHENTICATION,
	/** no proposal is acceptable to both */
	CAUSE_PROPOSAL,
	/** no traffic selectors are acceptable to both */
	CAUSE_SELECTORS,
	/** a CHILD_SA could not be installed */
	CAUSE_NO_CHILD,
	/** an IKE_SA was not established in time */
	CAUSE_HALF_OPEN,
	/** a message of an IKE_SA that does not exist */
	CAUSE_INVALID_SPI,
	/** a message that can't be parsed */
	CAUSE_INVALID_MESSAGE,
	/** no address of the peer, or no virtual IP */
	CAUSE_ADDRESS,
	/** a certificate is not accepted */
	CAUSE_CERTIFICATE,
	/** the peer deleted a CHILD_SA, or its IKE_SA */
	CAUSE_DELETED,
	/** another IKE_SA of the peer replaced this one */
	CAUSE_REPLACED,
	/** a CHILD_SA or IKE_SA was not rekeyed before the end of its lifetime */
	CAUSE_EXPIRED,
	/** rekeying failed */
	CAUSE_REKEYING,
	/** packets of an SA are missing by their sequence numbers */
	CAUSE_MISSING,
	/** the kernel dropped packets */
	CAUSE_DROPPED,
	CAUSE_MAX,
};

/**
 * Something that happened to a connection.
 */
struct nflog_trigger_t {
	/** name of the connection, NULL for all with a recorder */
	char *conn;
	/** cause */
	nflog_cause_t cause;
	/** unique id of the IKE_SA, 0 if there is none */
	uint32_t ike_id;
	/** what is known besides, in words, NULL for nothing */
	char *detail;
	/** when that happened, wall clock */
	timeval_t time;
	/** bytes that its recorder holds, and seconds to go on, 0 and 0 if it is not known that
	 * there is one */
	uint64_t size;
	u_int after;
};

/**
 * Names of causes, in the names of folders.
 */
extern enum_name_t *nflog_cause_names;

/**
 * Get a cause in words.
 *
 * @param cause		cause
 * @return			words
 */
char *nflog_cause_describe(nflog_cause_t cause);

/**
 * Check if anybody can cause that, who needs no credentials.
 *
 * @param cause		cause
 * @return			TRUE if so
 */
bool nflog_cause_is_open(nflog_cause_t cause);

/**
 * Copy a trigger, and what it points to.
 *
 * @param trigger	trigger
 * @return			copy
 */
nflog_trigger_t *nflog_trigger_clone(nflog_trigger_t *trigger);

/**
 * Destroy a copy of a trigger, and what it points to.
 *
 * @param trigger	trigger, or NULL
 */
void nflog_trigger_destroy(nflog_trigger_t *trigger);

#endif /** NFLOG_CAUSE_H_ @}*/

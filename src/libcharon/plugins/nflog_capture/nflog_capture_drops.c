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

#include "nflog_capture_drops.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_NAME "/proc/net/xfrm_stat"

typedef struct private_nflog_capture_drops_t private_nflog_capture_drops_t;

/**
 * Counters, and what each of them means, see the kernel's
 * Documentation/networking/xfrm_proc.rst and where net/xfrm counts.
 */
static const struct {
	char *name;
	char *meaning;
} counters[] = {
	{ "XfrmInError", "packets that could not be processed, or are of no SA's "
	  "address family" },
	{ "XfrmInBufferError", "no memory for packets that arrived" },
	{ "XfrmInHdrError", "packets with a broken ESP or AH header" },
	{ "XfrmInNoStates", "packets with an SPI that no SA has" },
	{ "XfrmInStateProtoError", "packets that could not be authenticated or "
	  "decrypted, the keys or algorithms of the peers may differ" },
	{ "XfrmInStateModeError", "packets that do not fit the mode of their SA" },
	{ "XfrmInStateSeqError", "packets with a sequence number seen before, or "
	  "older than the replay window" },
	{ "XfrmInStateExpired", "packets of an SA with an expired lifetime" },
	{ "XfrmInStateMismatch", "packets with another UDP encapsulation, mark or "
	  "interface than their SA" },
	{ "XfrmInStateInvalid", "packets of an SA that is not valid (yet or "
	  "anymore)" },
	{ "XfrmInStateDirError", "packets that arrived for an outbound SA" },
	{ "XfrmInTmplMismatch", "packets that did not arrive in the SAs that the "
	  "policy for them asks for, maybe unencrypted" },
	{ "XfrmInNoPols", "decrypted packets that no policy allows" },
	{ "XfrmInPolBlock", "packets that a policy discards" },
	{ "XfrmInPolError", "packets for which looking up the policy failed" },
	{ "XfrmInIptfsError", "IP-TFS packets that are not valid" },
	{ "XfrmAcquireError", "packets of an SA that is still being negotiated" },
	{ "XfrmFwdHdrError", "packets that could not be forwarded by policy" },
	{ "XfrmOutError", "packets that could not be sent" },
	{ "XfrmOutBundleGenError", "packets for which no SAs or route could be "
	  "put together" },
	{ "XfrmOutBundleCheckError", "packets for which the SAs are not valid "
	  "anymore" },
	{ "XfrmOutNoStates", "packets that need an SA that is not there" },
	{ "XfrmOutStateProtoError", "packets that could not be encrypted" },
	{ "XfrmOutStateModeError", "packets that do not fit the mode of their SA, "
	  "or its MTU" },
	{ "XfrmOutStateSeqError", "packets for which the sequence numbers are used "
	  "up" },
	{ "XfrmOutStateExpired", "packets for an SA with an expired lifetime" },
	{ "XfrmOutPolBlock", "packets that a policy blocks" },
	{ "XfrmOutPolDead", "packets with a policy that was just deleted" },
	{ "XfrmOutPolError", "packets for which looking up the policy failed" },
	{ "XfrmOutStateInvalid", "packets for an SA that is not valid (yet or "
	  "anymore)" },
	{ "XfrmOutStateDirError", "packets to be sent with an inbound SA" },
	{ "XfrmOutNoQueueSpace", "packets that did not fit into the queue of "
	  "IP-TFS" },
};

/**
 * Private data.
 */
struct private_nflog_capture_drops_t {

	/**
	 * Public interface.
	 */
	nflog_capture_drops_t public;

	/**
	 * Values of the counters when this was created.
	 */
	uint64_t values[countof(counters)];
};

/**
 * Read the counters, those that this kernel does not have are 0.
 */
static void read_counters(uint64_t values[countof(counters)])
{
	uint64_t value;
	char name[64];
	FILE *file;
	int i;

	memset(values, 0, sizeof(uint64_t) * countof(counters));
	/* a kernel without XFRM statistics does not have this file */
	file = fopen(FILE_NAME, "re");
	if (file)
	{
		while (fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		{
			for (i = 0; i < countof(counters); i++)
			{
				if (streq(name, counters[i].name))
				{
					values[i] = value;
				}
			}
		}
		fclose(file);
	}
}

METHOD(nflog_capture_drops_t, report, void,
	private_nflog_capture_drops_t *this, char *label)
{
	uint64_t values[countof(counters)];
	char buf[BUF_LEN] = "";
	int i, n = 0;

	read_counters(values);
	for (i = 0; i < countof(counters); i++)
	{
		if (values[i] > this->values[i] && n < sizeof(buf))
		{
			n += snprintf(buf + n, sizeof(buf) - n, "%s%s %" PRIu64 " (%s)",
						  n ? ", " : "", counters[i].name,
						  values[i] - this->values[i], counters[i].meaning);
		}
	}
	if (n)
	{
		DBG1(DBG_CHD, "while %s was captured the kernel dropped: %s", label,
			 buf);
	}
}

METHOD(nflog_capture_drops_t, destroy, void,
	private_nflog_capture_drops_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_capture_drops_t *nflog_capture_drops_create()
{
	private_nflog_capture_drops_t *this;

	INIT(this,
		.public = {
			.report = _report,
			.destroy = _destroy,
		},
	);
	read_counters(this->values);
	return &this->public;
}

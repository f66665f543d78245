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
 * IKE messages that are kept until their IKE_SA is known, or dropped. Each record begins
 * with a byte that selects what happens to an IKE_SA before, and the direction, followed by
 * an IP packet.
 */

#include "lib/fuzz.h"

#include "reader/ike_messages.h"

#include <linux/netfilter/nfnetlink_log.h>

/** IKE_SAs */
#define COUNT 3

static nflog_queue_t *queue;

/** states of the IKE_SAs */
static nflog_ike_state_t states[COUNT + 1];

/**
 * Something happens to an IKE_SA, whose SPIs have the same byte throughout.
 */
static void happen(nflog_ike_messages_t *messages, u_int what, u_int id, host_t *peer)
{
	nflog_ike_state_t *state = &states[id];
	uint64_t spi_i, spi_r;
	bool flush;

	memset(&spi_i, id, sizeof(spi_i));
	memset(&spi_r, ~id, sizeof(spi_r));
	switch (what)
	{
		case 0:
			*state = messages->update(messages, id, spi_i, 0, peer, &flush);
			break;
		case 1:
			*state = messages->update(messages, id, spi_i, spi_r, peer, &flush);
			break;
		case 2:
			if (*state == NFLOG_IKE_UNDECIDED)
			{
				messages->refuse(messages, id);
				*state = NFLOG_IKE_REFUSED;
			}
			break;
		case 3:
			messages->reconsider(messages);
			break;
		case 4:
			if (*state == NFLOG_IKE_UNDECIDED)
			{
				messages->shelve(messages, id);
				*state = NFLOG_IKE_NONE;
			}
			break;
		case 5:
			messages->remove(messages, id, FALSE);
			*state = NFLOG_IKE_NONE;
			break;
		case 6:
			messages->find(messages, spi_i, peer);
			break;
		default:
			break;
	}
}

/**
 * Log a packet.
 */
static void log_packet(nflog_ike_messages_t *messages, bool inbound, chunk_t packet)
{
	struct nlattr attr = {
		.nla_type = NFULA_PAYLOAD,
		.nla_len = NLA_HDRLEN + packet.len,
	};
	struct nfgenmsg msg = {};
	nflog_logged_t logged = {
		.msg = &msg,
	};
	chunk_t payload = chunk_cata("cc", chunk_from_thing(attr), packet);

	logged.attrs[NFULA_PAYLOAD] = (struct nlattr*)payload.ptr;
	messages->handle(messages, &logged, inbound);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	queue = nflog_queue_create(1, 1024 * 1024);
	return !queue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chunk_t input = chunk_create((u_char*)data, size), record;
	nflog_ike_messages_t *messages = nflog_ike_messages_create(queue, NULL);
	host_t *peer = host_create_from_string("192.0.2.2", 500);
	nflog_missed_t missed = {};

	memset(states, 0, sizeof(states));
	while (fuzz_next(&input, &record))
	{
		if (record.len)
		{
			happen(messages, record.ptr[0] & 15, 1 + (record.ptr[0] >> 4) % COUNT, peer);
			log_packet(messages, record.ptr[0] >> 7, chunk_skip(record, 1));
		}
		chunk_free(&record);
	}
	messages->flush(messages, &missed, TRUE);
	peer->destroy(peer);
	messages->destroy(messages);
	return 0;
}

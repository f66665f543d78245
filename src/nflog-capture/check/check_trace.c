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

#include "checker.h"
#include "read/capture_format.h"

#include "decrypt/ike.h"

#include <sys/stat.h>

/** first exchange of IKEv2, which is in the clear, flag of encrypted messages of IKEv1 */
#define IKE_SA_INIT 34
#define IKEV1_ENCRYPTED 0x01

/** position of the type of the exchange */
#define IKE_EXCHANGE 18

/**
 * Note which keys a packet needs.
 */
static void note_keys(chunk_t ip, uint64_t spis[2], check_trace_t *result)
{
	wire_packet_t packet;
	chunk_t payload;
	size_t pos;
	int i;

	wire_packet_parse(&packet, ip);
	payload = wire_packet_payload(&packet);
	pos = packet.kind == PACKET_AH ? 4 : 0;
	if (packet.kind == PACKET_IKE)
	{
		result->needs_keys[0] |= untoh64(payload.ptr) == spis[0] &&
			(payload.ptr[IKE_VERSION] >> 4 == 1 ? payload.ptr[IKE_FLAGS] & IKEV1_ENCRYPTED
											: payload.ptr[IKE_EXCHANGE] != IKE_SA_INIT);
	}
	else if ((packet.kind == PACKET_ESP || packet.kind == PACKET_AH) &&
			 payload.len >= pos + 4)
	{
		for (i = 0; i < 2; i++)
		{
			result->needs_keys[i] |= untoh32(payload.ptr + pos) == spis[i];
		}
	}
}

/*
 * Described in header
 */
bool check_trace(char *path, uint64_t spis[2], check_trace_t *result)
{
	capture_format_t *format;
	trace_packet_t packet;
	struct stat st;
	input_t *input;

	*result = (check_trace_t){};
	if (stat(path, &st) == 0 && !st.st_size)
	{
		result->reason = "empty, without a header";
		result->torn = TRUE;
		return TRUE;
	}
	input = input_create(path);
	if (!input)
	{
		return FALSE;
	}
	result->compressed = input->is_compressed(input);
	format = capture_format_create(input, &result->reason);
	if (!format)
	{
		result->torn = strpfx(result->reason, "it ends");
		input->destroy(input);
		return TRUE;
	}
	result->end = input->get_position(input);
	while (format->read(format, input, &packet, &result->reason))
	{
		note_keys(packet.ip, spis, result);
		result->end = input->get_position(input);
	}
	if (input->get_error(input))
	{
		result->reason = input->get_error(input);
	}
	else if (result->reason)
	{
		result->torn = strpfx(result->reason, "truncated");
	}
	format->destroy(format);
	input->destroy(input);
	return TRUE;
}

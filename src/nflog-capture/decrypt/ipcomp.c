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

#include "ipcomp.h"

#include <netinet/in.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

/** bytes of the header: next header, flags, and the CPI */
#define IPCOMP_LEN 4

/** most bytes of a packet */
#define MAX_LEN 65535

#ifdef HAVE_ZLIB

/**
 * Decompress data.
 *
 * @return			allocated data, empty if it is malformed
 */
static chunk_t inflate_data(chunk_t data)
{
	z_stream stream = {
		.next_in = data.ptr,
		.avail_in = data.len,
	};
	uint8_t buf[MAX_LEN];
	chunk_t plain = chunk_empty;

	/* without a header */
	if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
	{
		return chunk_empty;
	}
	stream.next_out = buf;
	stream.avail_out = sizeof(buf);
	if (inflate(&stream, Z_FINISH) == Z_STREAM_END)
	{
		plain = chunk_clone(chunk_create(buf, sizeof(buf) - stream.avail_out));
	}
	inflateEnd(&stream);
	return plain;
}

#else /* !HAVE_ZLIB */

static chunk_t inflate_data(chunk_t data)
{
	return chunk_empty;
}

#endif /* HAVE_ZLIB */

/*
 * Described in header
 */
bool ipcomp_open(wire_packet_t *packet, chunk_t *plain, char *comment, size_t len)
{
	chunk_t payload = wire_packet_payload(packet), data = chunk_empty;
	uint16_t cpi = 0;
	uint8_t next;

	*plain = chunk_empty;
	if (payload.len > IPCOMP_LEN)
	{
		cpi = untoh16(payload.ptr + 2);
		data = inflate_data(chunk_skip(payload, IPCOMP_LEN));
	}
	snprintf(comment, len, "IPComp CPI %.4x: %s", cpi, data.len ? "decompressed" :
			 "not decompressed");
	if (!data.len)
	{
		return FALSE;
	}
	next = payload.ptr[0];
	if (next == IPPROTO_IPIP || next == IPPROTO_IPV6)
	{	/* tunnel mode */
		*plain = data;
		return TRUE;
	}
	if (packet->transport + data.len <= MAX_LEN)
	{
		*plain = wire_packet_replace(packet, next, data);
	}
	chunk_clear(&data);
	return plain->len > 0;
}

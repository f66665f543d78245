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
 * Packets to be decrypted: IP packets and fragments, and behind headers that are right, what
 * follows the SPIs in ESP, AH, and IKE, of SAs that mostly have no encryption, so that all
 * that is inside is made up, too.
 */

#include "lib/layers.h"

#include <netinet/in.h>

/**
 * What is made up of a packet.
 */
enum {
	WHOLE,
	ESP,
	ESP_UDP,
	AH,
	IKEV1,
	IKEV2,
	KINDS,
};

/**
 * Make a packet.
 *
 * @param kind		what is made up of it
 * @param sa		selects the SA, of those in the file keys
 * @param body		what is made up
 * @return			allocated packet
 */
static chunk_t make_packet(u_int kind, u_int sa, chunk_t body)
{
	char spi[] = { 0, 0, 0, kind == AH ? 3 : 1 + sa % 2 };
	char ip[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0, 192, 0, 2, 1,
				  192, 0, 2, 2 };
	char udp[] = { 500 >> 8, 500 & 0xff, 500 >> 8, 500 & 0xff, 0, 0, 0, 0 };
	char spis[16];
	chunk_t packet;

	switch (kind)
	{
		case WHOLE:
			return chunk_clone(body);
		case ESP:
		case ESP_UDP:
			packet = chunk_cat("cc", chunk_from_thing(spi), body);
			break;
		case AH:
			/* behind protocol, length, and what is reserved */
			packet = chunk_cat("ccc", chunk_create(body.ptr, min(body.len, 4)),
							   chunk_from_thing(spi), chunk_skip(body, 4));
			break;
		default:
			memset(spis, 1 + sa % 2, 8);
			memset(spis + 8, kind == IKEV1 ? 3 : 2, 8);
			packet = chunk_cat("cc", chunk_from_thing(spis), body);
			if (packet.len >= 28)
			{
				packet.ptr[17] = kind == IKEV1 ? 0x10 : 0x20;
				htoun32(packet.ptr + 24, packet.len);
			}
			break;
	}
	if (kind == ESP || kind == AH)
	{
		ip[9] = kind == ESP ? IPPROTO_ESP : IPPROTO_AH;
	}
	else
	{
		if (kind == ESP_UDP)
		{
			htoun16(udp, 4500);
			htoun16(udp + 2, 4500);
		}
		htoun16(udp + 4, sizeof(udp) + packet.len);
		packet = chunk_cat("cm", chunk_from_thing(udp), packet);
	}
	htoun16(ip + 2, sizeof(ip) + packet.len);
	return chunk_cat("cm", chunk_from_thing(ip), packet);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chunk_t input = chunk_create((u_char*)data, size), record, packet;
	decrypter_t *decrypter = decrypter_create(layers_keyring());

	while (fuzz_next(&input, &record))
	{
		if (record.len)
		{
			packet = make_packet(record.ptr[0] % KINDS, record.ptr[0] / KINDS,
								 chunk_skip(record, 1));
			decrypter->learn(decrypter, packet);
			layers_decrypt(decrypter, packet);
			chunk_free(&packet);
		}
		chunk_free(&record);
	}
	decrypter->destroy(decrypter);
	return 0;
}

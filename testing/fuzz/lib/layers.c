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

#include "layers.h"

keyring_t *layers_keyring()
{
	static keyring_t *keyring = NULL;

	if (!keyring)
	{
		keyring = keyring_create(FUZZ_KEYS);
		if (!keyring || keyring->get_errors(keyring))
		{
			abort();
		}
	}
	return keyring;
}

void layers_decrypt(decrypter_t *decrypter, chunk_t data)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t packet = chunk_clone(data), plain;
	wire_packet_t parsed;
	bool more = TRUE;
	u_int depth;

	for (depth = 0; more; depth++)
	{
		wire_packet_parse(&parsed, packet);
		more = decrypter->decrypt(decrypter, depth, &parsed, &plain, comment);
		free(packet.ptr);
		packet = plain;
	}
	free(packet.ptr);
}

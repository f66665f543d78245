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
 * Captures, in all formats and of all link types: reads them twice, and decrypts their
 * packets.
 */

#include "lib/layers.h"

#include "read/trace.h"

#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decrypter_t *decrypter;
	trace_packet_t packet;
	char path[FUZZ_PATH];
	trace_t *trace;
	int fd;

	fd = fuzz_file(chunk_create((u_char*)data, size), path);
	decrypter = decrypter_create(layers_keyring());
	trace = trace_create(path);
	if (trace)
	{
		while (trace->read(trace, &packet))
		{
			decrypter->learn(decrypter, packet.ip);
		}
		if (trace->rewind(trace))
		{
			while (trace->read(trace, &packet))
			{
				layers_decrypt(decrypter, packet.ip);
			}
		}
		trace->is_torn(trace);
		trace->destroy(trace);
	}
	decrypter->destroy(decrypter);
	close(fd);
	return 0;
}

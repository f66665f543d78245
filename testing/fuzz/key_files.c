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
 * Key files: ours, those of Wireshark and tcpdump, and what "ip xfrm state" prints.
 */

#include "lib/fuzz.h"

#include "keyring/keyring.h"

#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[FUZZ_PATH];
	keyring_t *keyring;
	int fd;

	fd = fuzz_file(chunk_create((u_char*)data, size), path);
	keyring = keyring_create(path);
	DESTROY_IF(keyring);
	close(fd);
	return 0;
}

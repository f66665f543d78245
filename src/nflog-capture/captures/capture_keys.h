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
 * @defgroup nflog_capture_keys capture_keys
 * @{ @ingroup nflog_capture
 */

#ifndef CAPTURE_KEYS_H_
#define CAPTURE_KEYS_H_

#include "captures.h"
#include "decrypt/decrypter.h"

/**
 * Read the keys for traces, and load algorithms if there are keys.
 *
 * @param files		key files, char*, NULL or empty for those next to the traces, if any
 * @param dirs		enumerator over directories with traces, char*, gets destroyed; equal
 *					ones follow each other
 * @param required	FALSE to do without key files next to traces that only others may read,
 *					which is an error otherwise
 * @param keys		receives the keys, NULL if there are none
 * @return			FALSE if a file can't be read, the reason was printed
 */
bool capture_keys_read(array_t *files, enumerator_t *dirs, bool required,
					   keyring_t **keys);

/**
 * Check if a key file may be read by others only, as those of the option group_read.
 *
 * @param path		path of the file
 */
bool capture_keys_are_secret(char *path);

/**
 * Copy key files that can be read only once, as stdin and pipes, to memory, so that they can
 * be read again.  Waits until all was read.
 *
 * @param files		key files, char*, allocated, get replaced by their copies
 * @return			FALSE if a file can't be read, the reason was printed
 */
bool capture_keys_keep_pipes(array_t *files);

/**
 * Create a decrypter for the packets of traces, and have it learn from their IKE messages,
 * as IKEv1 requires.
 *
 * @param keys		keys
 * @param captures	enumerator over capture_t*, gets destroyed
 * @return			decrypter
 */
decrypter_t *capture_keys_create_decrypter(keyring_t *keys, enumerator_t *captures);

#endif /** CAPTURE_KEYS_H_ @}*/

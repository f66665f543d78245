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
 * Decrypting in harnesses.
 */

#ifndef LAYERS_H_
#define LAYERS_H_

#include "fuzz.h"

#include "decrypt/decrypter.h"

/**
 * Get the keys to decrypt with, those of the file keys.
 */
keyring_t *layers_keyring();

/**
 * Decrypt a packet layer by layer.
 *
 * @param data		IP packet
 */
void layers_decrypt(decrypter_t *decrypter, chunk_t data);

#endif /** LAYERS_H_ */

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
 * What the harnesses share. Each is a program that libFuzzer calls with bytes, in a file
 * of its own: see run.
 */

#ifndef FUZZ_H_
#define FUZZ_H_

#include <stddef.h>
#include <stdint.h>

#include <library.h>

/** bytes for the path of a file */
#define FUZZ_PATH 32

/**
 * Called by libFuzzer before all others.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/**
 * Called by libFuzzer with bytes that it made up.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/**
 * Initialize libstrongswan without a configuration, with the plugins that decrypt.
 */
void fuzz_init();

/**
 * Put bytes into a file without a name.
 *
 * @param content	bytes
 * @param path		receives its path, FUZZ_PATH bytes
 * @return			file descriptor
 */
int fuzz_file(chunk_t content, char *path);

/**
 * Take the next record of the input: two bytes with its length, and so many bytes, or what
 * is left.
 *
 * @param input		input, is advanced
 * @param record	receives the record, allocated, so that reading beyond it is noticed
 * @return			FALSE if there is none
 */
bool fuzz_next(chunk_t *input, chunk_t *record);

#endif /** FUZZ_H_ */

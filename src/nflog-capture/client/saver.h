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
 * @defgroup nflog_saver saver
 * @{ @ingroup nflog_capture
 */

#ifndef SAVER_H_
#define SAVER_H_

#include <library.h>

typedef struct saver_t saver_t;

/**
 * Copies the files of traces while they may be written, rotated, and removed.
 *
 * A copy has the whole packets that the file had. All files of a trace are opened before the
 * first one is copied, so that a ring can't remove any meanwhile. Copies can be read by their
 * owner only.
 */
struct saver_t {

	/**
	 * Copy the files of a trace, not those of other traces of the same SA.
	 *
	 * @param dir		directory of the trace
	 * @param first		its first file, which may be gone
	 * @param file		its current or last file
	 * @return			FALSE if not all could be copied, the reason was printed
	 */
	bool (*save_trace)(saver_t *this, const char *dir, const char *first,
					   const char *file);

	/**
	 * Copy the key tables of the directories that traces were copied from.
	 *
	 * @return			FALSE if not all could be copied, the reason was printed
	 */
	bool (*save_keys)(saver_t *this);

	/**
	 * Get what was copied.
	 *
	 * @param files		receives the number of files with packets
	 * @return			their bytes
	 */
	uint64_t (*get_size)(saver_t *this, u_int *files);

	/**
	 * Destroy a saver_t.
	 */
	void (*destroy)(saver_t *this);
};

/**
 * Create a saver_t instance.
 *
 * @param target	directory for a directory of each connection, created if necessary
 * @return			NULL if it can't be created, the reason was printed
 */
saver_t *saver_create(char *target);

#endif /** SAVER_H_ @}*/

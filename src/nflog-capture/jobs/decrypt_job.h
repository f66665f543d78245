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
 * @defgroup nflog_decrypt_job decrypt_job
 * @{ @ingroup nflog_capture
 */

#ifndef DECRYPT_JOB_H_
#define DECRYPT_JOB_H_

#include "cli/command.h"
#include "keyring/keyring.h"

typedef struct decrypt_job_t decrypt_job_t;

/**
 * Traces to decrypt to one file.
 */
struct decrypt_job_t {
	/** paths of traces, NULL-terminated */
	char **traces;
	/** paths of all files that must not be written to, NULL-terminated */
	char **inputs;
	/** path of the file to write */
	char *output;
	/** TRUE to write packets without all layers only */
	bool raw;
	/** TRUE if there may be nothing to decrypt */
	bool may_be_plain;
};

/**
 * Decrypt traces, and print the summary.
 *
 * @param keys		keys
 * @return			exit status, STATUS_ERROR if the output is not complete, STATUS_BAD if
 *					there was nothing to decrypt, too, unless that may be
 */
int decrypt_job_run(decrypt_job_t *job, keyring_t *keys);

#endif /** DECRYPT_JOB_H_ @}*/

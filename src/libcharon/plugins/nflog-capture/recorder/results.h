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
 * @defgroup nflog_results nflog_results
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RESULTS_H_
#define NFLOG_RESULTS_H_

typedef struct nflog_results_t nflog_results_t;

#include <library.h>

/** results of requests that are remembered */
#define NFLOG_RESULTS_MAX 64

/**
 * Folders that requests to save packets led to, of the last NFLOG_RESULTS_MAX of these.
 *
 * Thread-safe, the lock is held for moments, but by wait(), which releases it meanwhile.
 */
struct nflog_results_t {

	/**
	 * Add a request.
	 *
	 * @return			its number
	 */
	uint64_t (*add)(nflog_results_t *this);

	/**
	 * Note that a request waits for another folder.
	 *
	 * @param number	number of the request
	 */
	void (*expect)(nflog_results_t *this, uint64_t number);

	/**
	 * Note that a folder for which a request waits is complete, or that all were begun.
	 *
	 * @param number	number of the request
	 * @param path		path of the folder, NULL if all were begun
	 */
	void (*complete)(nflog_results_t *this, uint64_t number, char *path);

	/**
	 * Wait for all folders of a request.
	 *
	 * @param number	number of the request
	 * @param timeout	ms to wait at most
	 * @param paths		receives paths of folders, separated by newlines (allocated)
	 * @return			FALSE if they are not complete yet
	 */
	bool (*wait)(nflog_results_t *this, uint64_t number, u_int timeout, char **paths);

	/**
	 * Destroy a nflog_results_t.
	 */
	void (*destroy)(nflog_results_t *this);
};

/**
 * Create a nflog_results_t instance.
 */
nflog_results_t *nflog_results_create();

#endif /** NFLOG_RESULTS_H_ @}*/

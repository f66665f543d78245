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
 * @defgroup nflog_report nflog_report
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REPORT_H_
#define NFLOG_REPORT_H_

typedef struct nflog_report_t nflog_report_t;

#include "ruled.h"

#include <threading/mutex.h>

/**
 * What there is to log about rules, once their mutex is unlocked.
 *
 * Writing a log file may take as long as its file system likes to, and charon's
 * threads wait for that mutex.
 *
 * Not thread-safe, guarded by the mutex of the rules.
 */
struct nflog_report_t {

	/**
	 * An SA is not captured, as rules are missing.  Nothing is logged for an SPI, as
	 * the SA that gets it has the same to say.
	 *
	 * @param sa		SA
	 * @param reason	why that is so, gets copied
	 */
	void (*missing)(nflog_report_t *this, nflog_ruled_t *sa,
					const char *reason);

	/**
	 * The rules of an SA are in place, after they were missing.
	 *
	 * @param sa		SA
	 */
	void (*complete)(nflog_report_t *this, nflog_ruled_t *sa);

	/**
	 * An SA ended while rules were missing.
	 *
	 * @param sa		SA
	 */
	void (*ended)(nflog_report_t *this, nflog_ruled_t *sa);

	/**
	 * Adding rules failed, for a reason that is not known yet.
	 *
	 * @param reason	reason with its remedy, gets copied
	 */
	void (*failed)(nflog_report_t *this, const char *reason);

	/**
	 * Nothing fails anymore.
	 */
	void (*recovered)(nflog_report_t *this);

	/**
	 * Is there anything to log?
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_report_t *this);

	/**
	 * Unlock the mutex of the rules, and log then what there was to log.
	 *
	 * @param mutex		mutex, locked
	 */
	void (*unlock)(nflog_report_t *this, mutex_t *mutex);

	/**
	 * Destroy a nflog_report_t.
	 */
	void (*destroy)(nflog_report_t *this);
};

/**
 * Create a nflog_report_t instance.
 */
nflog_report_t *nflog_report_create();

#endif /** NFLOG_REPORT_H_ @}*/

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
 * @defgroup nflog_alarms nflog_alarms
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ALARMS_H_
#define NFLOG_ALARMS_H_

typedef struct nflog_alarms_t nflog_alarms_t;

#include "options/options.h"
#include "reader/pipeline.h"

#include <bus/bus.h>

/** triggers whose connection is looked for at the same time, those of them that anybody can
 * cause, others are ignored, which is counted and logged */
#define NFLOG_ALARMS_MAX 64
#define NFLOG_ALARMS_OPEN 16

/** triggers that wait for a successor of an IKE_SA, and for how long, in seconds: others are
 * ignored likewise */
#define NFLOG_ALARMS_WAITING 1024
#define NFLOG_ALARMS_WAIT 5

/** triggers in a second whose connection is looked for among all, as anybody can cause them,
 * others are ignored likewise */
#define NFLOG_ALARMS_UNKNOWN 10

/**
 * Learns from charon what a recorder saves its packets for: alerts, CHILD_SAs that go down
 * although nobody asked charon for that, and rekeyings that failed.
 *
 * charon's threads only note what happened.  A job looks for the connection, which may not
 * be known yet, and for its options.  If the peer deleted an IKE_SA, or charon replaces it,
 * the job waits to see if another one has its CHILD_SAs: the peer only reauthenticated then.
 *  Thread-safe, the lock is held for moments.
 */
struct nflog_alarms_t {

	/**
	 * Learns what happens to IKE_SAs: implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Begin or stop to listen, by whether any child has a recorder.  Called after options
	 * changed, by one thread at a time.
	 */
	void (*reload)(nflog_alarms_t *this);

	/**
	 * Destroy a nflog_alarms_t, after no job is left.
	 */
	void (*destroy)(nflog_alarms_t *this);
};

/**
 * Create a nflog_alarms_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param pipeline	has the recorder, not owned
 */
nflog_alarms_t *nflog_alarms_create(nflog_options_t *options, nflog_pipeline_t *pipeline);

#endif /** NFLOG_ALARMS_H_ @}*/

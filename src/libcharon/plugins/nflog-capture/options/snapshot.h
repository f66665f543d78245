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
 * @defgroup nflog_snapshot nflog_snapshot
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SNAPSHOT_H_
#define NFLOG_SNAPSHOT_H_

typedef struct nflog_snapshot_t nflog_snapshot_t;
typedef struct nflog_source_t nflog_source_t;

#include "cfg.h"
#include "notes.h"
#include "sections.h"

/**
 * Settings of a file.
 */
struct nflog_source_t {

	/** path of the file, for log messages, not owned */
	char *file;

	/** its sections and settings, of strongswan.conf those of the plugin, not owned */
	nflog_sections_t *sections;
};

/**
 * Options of all children, as they were when the files were read.
 *
 * Immutable, any thread that has a reference may use it.  Look-ups take constant time.
 */
struct nflog_snapshot_t {

	/**
	 * Get the options of a CHILD_SA.
	 *
	 * @param conn		name of the connection
	 * @param child		name of the child
	 * @return			configuration, to be destroyed with nflog_cfg_destroy()
	 */
	nflog_cfg_t *(*get)(nflog_snapshot_t *this, char *conn, char *child);

	/**
	 * Get the capture points of all children together that are captured.
	 *
	 * @param conn		name of their connection, NULL for children of all connections
	 * @return			capture points, a bit (1 << nflog_point_t) for each, and
	 *					NFLOG_RECORDER_POINT
	 */
	u_int (*get_points)(nflog_snapshot_t *this, char *conn);

	/**
	 * Get a reference to the snapshot.
	 *
	 * @return			this
	 */
	nflog_snapshot_t *(*get_ref)(nflog_snapshot_t *this);

	/**
	 * Release a reference, destroy the snapshot with the last one.
	 */
	void (*destroy)(nflog_snapshot_t *this);
};

/**
 * Create a nflog_snapshot_t instance.
 *
 * Uses nothing that strongSwan frees when it stops.
 *
 * @param settings	settings in strongswan.conf
 * @param swanctl	settings in swanctl.conf
 * @param filters	compiles filters
 * @param dir		directory of traces in use (allocated), "" for the default, if NULL
 *					this is set to what the options say unless they are invalid
 * @param notes		gets a line for each unknown or invalid option
 * @param stop		set to TRUE by any thread to let this fail
 * @return			snapshot, NULL if there are circular or too many references
 */
nflog_snapshot_t *nflog_snapshot_create(nflog_source_t *settings,
										nflog_source_t *swanctl,
										nflog_filters_t *filters, char **dir,
										nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_SNAPSHOT_H_ @}*/

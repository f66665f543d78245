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

	/** path of the file, for log messages */
	char *file;

	/** what is in it, of strongswan.conf the section of the plugin only */
	nflog_sections_t *sections;
};

/**
 * Options of all children, as they were when the files were read.
 *
 * It does not change, so any thread may use it that has a reference.  Look-ups
 * take a time that does not depend on the number of connections and children.
 */
struct nflog_snapshot_t {

	/**
	 * Get the options of a CHILD_SA.
	 *
	 * @param conn		name of the connection
	 * @param child		name of the child
	 * @return			configuration, to be destroyed with nflog_cfg_destroy(),
	 *					NULL if not to be captured
	 */
	nflog_cfg_t *(*get)(nflog_snapshot_t *this, char *conn, char *child);

	/**
	 * Get the capture points at which any child is to be captured.
	 *
	 * @param conn		name of the connection that the children are of, NULL for
	 *					those of all
	 * @return			capture points, a bit (1 << nflog_point_t) for each
	 */
	u_int (*get_points)(nflog_snapshot_t *this, char *conn);

	/**
	 * Check if any child is to be captured that may be up already.
	 *
	 * @return			TRUE if any child has the option
	 */
	bool (*has_running)(nflog_snapshot_t *this);

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
 * Nothing in here uses what strongSwan frees when it stops.
 *
 * @param settings	settings in strongswan.conf
 * @param swanctl	settings in swanctl.conf
 * @param filters	compiles filters
 * @param dir		directory of traces that is in use (allocated), "" for the
 *					default, NULL if none is, which is set then
 * @param notes		gets a line for each option that is not valid
 * @param stop		creation fails once this is TRUE
 * @return			NULL if there are too many or circular references
 */
nflog_snapshot_t *nflog_snapshot_create(nflog_source_t *settings,
										nflog_source_t *swanctl,
										nflog_filters_t *filters, char **dir,
										nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_SNAPSHOT_H_ @}*/

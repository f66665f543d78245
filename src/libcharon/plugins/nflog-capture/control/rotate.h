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
 * @defgroup nflog_rotate nflog_rotate
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ROTATE_H_
#define NFLOG_ROTATE_H_

#include "list.h"
#include "reader/pipeline.h"

/**
 * Have packets in memory written that are due, and files rotated if desired, then send the
 * description of all selected traces.
 *
 * Rotated traces have the field "former", the last file before, the others that were written
 * too late the field "busy".
 *
 * @param channel	connection to the client
 * @param pipeline	has the traces
 * @param selection	which traces to select
 * @param rotate	TRUE to rotate their files
 * @param end		receives the number of traces, and of those that were rotated, and that
 *					were not handled in time
 */
void nflog_rotate(nflog_channel_t *channel, nflog_pipeline_t *pipeline,
				  nflog_selection_t *selection, bool rotate, json_object *end);

#endif /** NFLOG_ROTATE_H_ @}*/

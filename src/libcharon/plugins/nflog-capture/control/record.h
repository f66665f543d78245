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
 * @defgroup nflog_record nflog_record
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RECORD_H_
#define NFLOG_RECORD_H_

#include "channel.h"
#include "fields.h"
#include "recorder/recorder.h"

/**
 * Save what recorders hold, and send the folders, as objects of type folder with the field
 * "path", once these are complete.
 *
 * Fields are "connection", without which it is for all connections with a recorder, and
 * "reason", a text for the summary.
 *
 * @param channel	connection to the client
 * @param recorder	saves it
 * @param fields	fields of the command
 * @return			end of the answer, with the number of folders, NULL if the command was
 *					refused, or they are not complete in time, which was sent
 */
json_object *nflog_record(nflog_channel_t *channel, nflog_recorder_t *recorder,
						  nflog_fields_t *fields);

#endif /** NFLOG_RECORD_H_ @}*/

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
 * @defgroup nflog_preferences nflog_preferences
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PREFERENCES_H_
#define NFLOG_PREFERENCES_H_

#include "files/store.h"

/**
 * Write the preferences for Wireshark that the traces of a connection need, so
 * that its directory is a complete configuration.
 *
 * An existing file is kept, as the user may have changed it.  Only the port is added to
 * those on which Wireshark expects ESP, up to a limit.
 *
 * @param store		where they are written
 * @param conn		directory of the connection
 * @param port		UDP port of encapsulated packets, 0 for the default one
 * @return			FALSE if that failed
 */
bool nflog_preferences_write(nflog_store_t *store, char *conn,
							 uint16_t port);

#endif /** NFLOG_PREFERENCES_H_ @}*/

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

#define _GNU_SOURCE

/**
 * @defgroup written written
 * @{ @ingroup nflog_capture
 */

#ifndef WRITTEN_H_
#define WRITTEN_H_

/**
 * Have the plugin write the packets of connections that it has seen until now, and wait for
 * that: it keeps packets for a quarter of a second, or some seconds if there are many traces.
 *
 * Does nothing for operands that are paths, and if nobody serves the control socket, as then
 * no packets are kept.  If it does not succeed, traces lack some packets, as they would
 * without this.
 *
 * @param base		directory that has those of connections, only the plugin's own matters
 * @param operands	files, directories, or connections
 * @param count		their number
 */
void written_await(char *base, char *operands[], int count);

#endif /** WRITTEN_H_ @}*/

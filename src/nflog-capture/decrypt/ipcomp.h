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
 * @defgroup decrypt_ipcomp ipcomp
 * @{ @ingroup nflog_capture
 */

#ifndef IPCOMP_H_
#define IPCOMP_H_

#include "wire_packet.h"

/**
 * Decompress a packet, by DEFLATE (RFC 2394), the only algorithm that Linux has.
 *
 * @param packet	IPComp packet (RFC 3173)
 * @param plain		receives allocated IP packet, empty if there is none
 * @param comment	receives a description of the packet
 * @param len		bytes of the buffer for the comment
 * @return			FALSE if the packet is malformed, compressed by another algorithm, or
 *					the program was built without zlib
 */
bool ipcomp_open(wire_packet_t *packet, chunk_t *plain, char *comment, size_t len);

#endif /** IPCOMP_H_ @}*/

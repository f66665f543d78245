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
 * @defgroup decrypt_link_type link_type
 * @{ @ingroup nflog_capture
 */

#ifndef LINK_TYPE_H_
#define LINK_TYPE_H_

#include <library.h>

/** link types, as they are in files (www.tcpdump.org/linktypes.html) */
#define LINKTYPE_NULL 0
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_PPP 9
#define LINKTYPE_RAW_BSD 12
#define LINKTYPE_RAW_OPENBSD 14
#define LINKTYPE_PPP_HDLC 50
#define LINKTYPE_PPP_ETHER 51
#define LINKTYPE_RAW 101
#define LINKTYPE_LOOP 108
#define LINKTYPE_LINUX_SLL 113
#define LINKTYPE_IPV4 228
#define LINKTYPE_IPV6 229
#define LINKTYPE_NFLOG 239
#define LINKTYPE_LINUX_SLL2 276

/**
 * Check if the IP packets in frames of a link type can be found.
 *
 * @param type		link type
 * @return			TRUE if so
 */
bool link_type_is_known(uint16_t type);

/**
 * Find the IP packet in a frame.
 *
 * Tags of VLANs and headers of PPPoE sessions are skipped.
 *
 * @param type		link type
 * @param swapped	TRUE if the machine that captured has the other byte order, which
 *					matters for NFLOG
 * @param frame		bytes of the frame, may be cut anywhere
 * @return			points into the frame, empty if there is none
 */
chunk_t link_type_get_ip(uint16_t type, bool swapped, chunk_t frame);

#endif /** LINK_TYPE_H_ @}*/

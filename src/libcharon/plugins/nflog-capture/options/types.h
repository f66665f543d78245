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
 * @defgroup nflog_types nflog_types
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TYPES_H_
#define NFLOG_TYPES_H_

#include "cfg.h"
#include "criteria.h"

/** maximum number of NFLOG groups in use, from the option "group" on */
#define NFLOG_MAX_GROUPS 9

/** longest time that charon's threads may wait, in ms */
#define NFLOG_MAX_WAIT 60000

/*
 * Types of options: each function parses a value, and stores it in out, whose type the
 * description names.  All return FALSE if the value is invalid.
 */

/**
 * Parse a number.
 *
 * @param value		value
 * @param out		receives it, u_int
 */
bool nflog_type_number(char *value, void *out);

/**
 * Parse a number of bytes.
 *
 * @param value		value
 * @param out		receives it, uint64_t
 */
bool nflog_type_size(char *value, void *out);

/**
 * Parse the size of a file, which must hold more than a packet or two.
 *
 * @param value		value
 * @param out		receives it, uint64_t
 */
bool nflog_type_file_size(char *value, void *out);

/**
 * Parse the size of a recorder.
 *
 * @param value		value
 * @param out		receives it, uint64_t
 */
bool nflog_type_recorder(char *value, void *out);

/**
 * Parse a duration in seconds, in the units of strongswan.conf.
 *
 * @param value		value
 * @param out		receives it, u_int
 */
bool nflog_type_duration(char *value, void *out);

/**
 * Parse a snaplen, which is of no use if shorter than headers.
 *
 * @param value		value
 * @param out		receives it, uint32_t
 */
bool nflog_type_snaplen(char *value, void *out);

/**
 * Parse the first NFLOG group.
 *
 * @param value		value
 * @param out		receives it, u_int
 */
bool nflog_type_group(char *value, void *out);

/**
 * Parse a time to wait, in ms.
 *
 * @param value		value
 * @param out		receives it, u_int
 */
bool nflog_type_wait(char *value, void *out);

/**
 * Parse the size of the memory for packets.
 *
 * @param value		value
 * @param out		receives it, uint64_t
 */
bool nflog_type_buffer(char *value, void *out);

/**
 * Parse a boolean, as settings_t does, but refuse anything else.
 *
 * @param value		value
 * @param out		receives it, bool
 */
bool nflog_type_bool(char *value, void *out);

/**
 * Parse a list of capture points.
 *
 * @param value		value
 * @param out		receives it, u_int
 */
bool nflog_type_points(char *value, void *out);

/**
 * Parse a link type.
 *
 * @param value		value
 * @param out		receives it, nflog_link_t
 */
bool nflog_type_link(char *value, void *out);

/**
 * Parse which packets in the clear to store.
 *
 * @param value		value
 * @param out		receives it, nflog_local_t
 */
bool nflog_type_local(char *value, void *out);

/**
 * Parse a path.
 *
 * @param value		value
 * @param out		not used
 */
bool nflog_type_path(char *value, void *out);

/**
 * Parse the URI of a socket that only some may use, unlike one of TCP.
 *
 * @param value		value
 * @param out		not used
 */
bool nflog_type_socket(char *value, void *out);

/**
 * Parse an address or a subnet.
 *
 * @param value		value
 * @param out		not used
 */
bool nflog_type_subnet(char *value, void *out);

/**
 * Parse a pattern of identities.
 *
 * @param value		value
 * @param out		receives it, char* (allocated), what was there before is freed
 */
bool nflog_type_identity(char *value, void *out);

/**
 * Parse a virtual IP, an address or a subnet.
 *
 * @param value		value
 * @param out		receives it, char* (allocated), what was there before is freed
 */
bool nflog_type_virtual_ip(char *value, void *out);

#endif /** NFLOG_TYPES_H_ @}*/

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
 * @defgroup nflog_filter nflog_filter
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FILTER_H_
#define NFLOG_FILTER_H_

#include <pcap/pcap.h>

#include <library.h>

/**
 * Compile a filter expression, as described in pcap-filter(7), for IP packets.
 *
 * Looking up the name of a host might block, so it's an error.  Thread-safe.
 *
 * @param expression	expression
 * @param program		receives the filter, for pcap_offline_filter(), to be
 *						freed with pcap_freecode()
 * @return				FALSE if the expression is not valid
 */
bool nflog_filter_compile(char *expression,
						  struct bpf_program *program);

#endif /** NFLOG_FILTER_H_ @}*/

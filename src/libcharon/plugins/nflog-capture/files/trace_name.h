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
 * @defgroup nflog_trace_name nflog_trace_name
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TRACE_NAME_H_
#define NFLOG_TRACE_NAME_H_

#include <library.h>

/**
 * Names of traces, which are all built, recognized and taken apart here:
 *
 *   <child>.<start>.<SPI in>-<SPI out>.esp[.<number>].pcap
 *   <child>.<start>.<SPI in>-<SPI out>.plain[.<number>].pcap
 *   ike.<start>.<SPI i>-<SPI r>[.<number>].pcap
 *
 * The start is in UTC, as in 20261123T202345Z, SPIs are in hex, with small letters.
 * Files of a ring have a number, and those that continue a trace which can't be
 * continued in its first file.
 */

/** hex digits of the SPI of an ESP or AH SA, and of an IKE_SA */
#define NFLOG_ESP_DIGITS 8
#define NFLOG_IKE_DIGITS 16

/** bytes of a name that nflog_trace_name_label() returns, with its zero byte */
#define NFLOG_NAME_SIZE 101

/**
 * Make the name of a connection or child fit for the name of a directory or file,
 * different names yield different ones.
 *
 * Most names are what they were.  In others slashes, control characters, and a
 * leading dot are replaced, and they are cut, so that there is place for a tilde
 * and a hash of the whole name as 16 hex digits at the end.  So is any name that
 * ends this way itself, therefore the result for a result is not the same.
 *
 * @param name		name as configured
 * @param buf		buffer for the name, of NFLOG_NAME_SIZE bytes
 * @return			buf
 */
char *nflog_trace_name_label(char *name, char *buf);

/**
 * Build the name of a CHILD_SA's trace, without number and .pcap.
 *
 * @param child		name of the child, as configured
 * @param start		when it began, seconds since 1970
 * @param spi_in	inbound SPI, in network order
 * @param spi_out	outbound SPI, in network order
 * @param plain		TRUE for packets in the clear, FALSE for ESP and AH
 * @return			name, allocated
 */
char *nflog_trace_name_child(char *child, time_t start, uint32_t spi_in,
							 uint32_t spi_out, bool plain);

/**
 * Build the name of an IKE_SA's trace, without number and .pcap.
 *
 * @param start		when it began, seconds since 1970
 * @param spi_i		SPI of the initiator, in network order
 * @param spi_r		SPI of the responder, in network order
 * @return			name, allocated
 */
char *nflog_trace_name_ike(time_t start, uint64_t spi_i, uint64_t spi_r);

/**
 * Build the name of a file of a trace.
 *
 * @param name		name of the trace
 * @param number	number of the file
 * @param ring		TRUE if the first file has a number as well, 0
 * @return			name, allocated
 */
char *nflog_trace_name_file(char *name, u_int number, bool ring);

/**
 * Take the name of a trace's file apart, or just check that it is one.
 *
 * @param file		name of the file
 * @param spis		receives both SPIs, in the order of the name, may be NULL
 * @return			FALSE if it is no trace
 */
bool nflog_trace_name_parse(char *file, char spis[2][NFLOG_IKE_DIGITS + 1]);

/**
 * Get a temporary name for a file that is to replace another one, different each
 * time, as several processes may do that.
 *
 * @param name		name of the file to replace
 * @param buf		buffer for the temporary name
 * @param len		size of buf
 */
void nflog_trace_name_tmp(char *name, char *buf, size_t len);

/**
 * Check if a file is one that was to replace another one, by its name.
 *
 * @param name		name of the file
 * @return			TRUE if so
 */
bool nflog_trace_name_is_tmp(char *name);

#endif /** NFLOG_TRACE_NAME_H_ @}*/

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
 * The one place that builds, recognizes and parses the names of traces:
 *
 *   <child>.<start>.<SPI in>-<SPI out>.esp[.<number>].pcap
 *   <child>.<start>.<SPI in>-<SPI out>.plain[.<number>].pcap
 *   ike.<start>.<SPI i>-<SPI r>[.<number>].pcap
 *   <child>.<start>.<SPI in>-<SPI out>.dropped[.<number>].pcapng
 *   <child>.<start>.<SPI in>-<SPI out>.missed[.<number>].pcapng
 *
 * The start is in UTC, as in 20261123T202345Z, SPIs are lower-case hex digits.  Files of
 * a ring have a number, as have files that continue a trace if its first file can't be
 * appended to.
 */

/** what traces of a CHILD_SA have: ESP and AH, packets in the clear, and those that went
 * astray, which have a comment each, so they are in pcapng files */
#define NFLOG_NAME_ESP "esp"
#define NFLOG_NAME_PLAIN "plain"
#define NFLOG_NAME_DROPPED "dropped"
#define NFLOG_NAME_MISSED "missed"

/** hex digits in the SPI of an ESP or AH SA, and of an IKE_SA */
#define NFLOG_ESP_DIGITS 8
#define NFLOG_IKE_DIGITS 16

/** directory beside those of connections, with folders in which recorders save packets */
#define NFLOG_SAVED_DIR "saved"

/** buffer size for nflog_trace_name_label(), including the null byte */
#define NFLOG_NAME_SIZE 101

/**
 * Convert the name of a connection or child for use in the name of a directory or file,
 * different names yield different results.
 *
 * Most names don't change.  If a name is empty or too long, or has slashes, control
 * characters, or a leading dot, these are replaced, the name is cut, and a tilde and a
 * hash of the whole name in 16 hex digits are appended.  This includes NFLOG_SAVED_DIR, and
 * names that end like that themselves, so converting a result again does not yield the same.
 *
 * @param name		name as configured
 * @param buf		buffer for the result, of NFLOG_NAME_SIZE bytes
 * @return			buf
 */
char *nflog_trace_name_label(char *name, char *buf);

/**
 * Build the name of a CHILD_SA's trace, without number and extension.
 *
 * @param child		name of the child, as configured
 * @param start		start of the trace, seconds since 1970
 * @param spi_in	inbound SPI, in network order
 * @param spi_out	outbound SPI, in network order
 * @param kind		what it has, NFLOG_NAME_ESP etc.
 * @return			name (allocated)
 */
char *nflog_trace_name_child(char *child, time_t start, uint32_t spi_in,
							 uint32_t spi_out, char *kind);

/**
 * Build the name of an IKE_SA's trace, without number and extension.
 *
 * @param start		start of the trace, seconds since 1970
 * @param spi_i		SPI of the initiator, in network order
 * @param spi_r		SPI of the responder, in network order
 * @return			name (allocated)
 */
char *nflog_trace_name_ike(time_t start, uint64_t spi_i, uint64_t spi_r);

/**
 * Build the name of a trace that continues another one at a later time.
 *
 * @param name		name of the trace, without number and extension
 * @param start		start of the new trace, seconds since 1970
 * @return			name (allocated)
 */
char *nflog_trace_name_restart(char *name, time_t start);

/**
 * Get the start of a trace from its name.
 *
 * @param name		name of the trace, without number and extension
 * @return			start, seconds since 1970, 0 if the name has none
 */
time_t nflog_trace_name_get_start(char *name);

/**
 * Build the name of a file of a trace.
 *
 * @param name		name of the trace, which decides on the extension
 * @param number	number of the file
 * @param ring		TRUE if the first file has a number too, 0
 * @return			name (allocated)
 */
char *nflog_trace_name_file(char *name, u_int number, bool ring);

/**
 * Parse the name of a file of a trace.
 *
 * @param file		name of the file
 * @param spis		receives both SPIs as in the name, may be NULL
 * @return			FALSE if it is not the name of a trace
 */
bool nflog_trace_name_parse(char *file, char spis[2][NFLOG_IKE_DIGITS + 1]);

/**
 * Get the length of the name of a trace in the name of a file, which has no number and no
 * extension.
 *
 * @param file		name of the file, which nflog_trace_name_parse() accepts
 * @param number	receives the number, 0 if it has none, may be NULL
 * @return			length
 */
size_t nflog_trace_name_stem(char *file, u_int *number);

/**
 * Parse the name of a file of a trace, or of one that nflog-capture(1) decrypted to, as in
 * <name>[.<number>].decrypted.pcapng.
 *
 * @param file		name of the file
 * @param stem		receives the length of the trace's name in there, without number
 * @param number	receives the number, 0 if it has none
 * @param decrypted	receives TRUE if the file was decrypted
 * @return			FALSE if it is neither
 */
bool nflog_trace_name_split(char *file, size_t *stem, u_int *number, bool *decrypted);

/**
 * Get the name of the file that nflog-capture(1) decrypts a file of a trace to.
 *
 * @param file		name of the file of a trace
 * @return			name (allocated)
 */
char *nflog_trace_name_decrypted(char *file);

/**
 * Build the temporary name of a file that will replace another one, with a random part
 * as several processes may replace the same file.
 *
 * @param name		name of the file to replace
 * @param buf		buffer for the temporary name
 * @param len		size of buf, in bytes
 */
void nflog_trace_name_tmp(char *name, char *buf, size_t len);

/**
 * Check if a name is one that nflog_trace_name_tmp() builds for a file that this plugin
 * replaces, and not that of what others left.
 *
 * @param name		name of the file
 * @return			TRUE if so
 */
bool nflog_trace_name_is_tmp(char *name);

/**
 * Hash a name, unlike chunk_hash() with the same result in all processes.
 *
 * @param name		name
 * @return			hash
 */
uint64_t nflog_trace_name_hash(char *name);

#endif /** NFLOG_TRACE_NAME_H_ @}*/

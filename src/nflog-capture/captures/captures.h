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
 * @defgroup nflog_captures captures
 * @{ @ingroup nflog_capture
 */

#ifndef CAPTURES_H_
#define CAPTURES_H_

#include <library.h>

#include <collections/array.h>

typedef struct captures_t captures_t;
typedef struct capture_t capture_t;
typedef enum capture_kind_t capture_kind_t;
typedef enum capture_point_t capture_point_t;

/**
 * What a trace has.
 */
enum capture_kind_t {
	/** unknown, as the file has another name than the plugin gives it */
	CAPTURE_OTHER,
	CAPTURE_IKE,
	CAPTURE_ESP,
	CAPTURE_PLAIN,
	/** packets that went astray, with a comment each */
	CAPTURE_ASTRAY,
};

/**
 * Capture points, in the order in which a packet passes them.
 */
enum capture_point_t {
	POINT_IKE_IN,
	POINT_ESP_IN,
	POINT_PLAIN_IN,
	POINT_PLAIN_OUT,
	POINT_ESP_OUT,
	POINT_IKE_OUT,
	/** not known, as a trace with link type raw does not say it */
	POINT_UNKNOWN,
};

/**
 * Names of capture points.
 */
extern enum_name_t *capture_point_names;

/**
 * Trace of an SA, or of an IKE_SA.
 */
struct capture_t {
	/** directory, and its last component, the connection */
	char *dir, *conn;
	/** name of its files, without number and extension */
	char *name;
	/** name of the CHILD_SA, as it is in there, "ike" for an IKE_SA */
	char *label;
	/** what it has */
	capture_kind_t kind;
	/** SPIs in host order, in and out, or of initiator and responder, 0 if not known */
	uint64_t spis[2];
	/** link type of its packets, 0 until one was read */
	uint16_t type;
	/** names of its files, char*, in order */
	array_t *files;
};

/**
 * Traces that a command uses.
 */
struct captures_t {

	/**
	 * Add traces.
	 *
	 * @param what		file, directory, or connection
	 * @return			FALSE if there are none, the reason was printed
	 */
	bool (*add)(captures_t *this, char *what);

	/**
	 * Get the trace of a file, create it if there is none, but don't add the file to it.
	 *
	 * @param dir		directory
	 * @param file		name of the file
	 * @return			trace, not owned
	 */
	capture_t *(*get)(captures_t *this, char *dir, char *file);

	/**
	 * Enumerate traces, ordered by directory and name.
	 *
	 * @return			enumerator over capture_t*
	 */
	enumerator_t *(*create_enumerator)(captures_t *this);

	/**
	 * Get the number of traces.
	 *
	 * @return			number of traces
	 */
	u_int (*get_count)(captures_t *this);

	/**
	 * Destroy a captures_t.
	 */
	void (*destroy)(captures_t *this);
};

/**
 * Create a captures_t instance.
 *
 * @param base		directory that has those of connections, not owned
 */
captures_t *captures_create(char *base);

/**
 * Get the directory that has those of connections: from the plugin's option "dir" in
 * strongswan.conf, or its default.
 *
 * @return			path, allocated
 */
char *captures_get_base();

/**
 * Enumerate the directories of traces.
 *
 * @param traces	enumerator over capture_t*, gets destroyed with the result
 * @return			enumerator over char*, one for each trace
 */
enumerator_t *captures_filter_dirs(enumerator_t *traces);

/**
 * Find the directory of a connection.
 *
 * @param base		directory that has those of connections
 * @param what		directory, or connection
 * @return			path, allocated; it may not exist
 */
char *captures_get_dir(char *base, char *what);

/**
 * Parse the name of a file.
 *
 * @param file		name of the file
 * @param capture	receives name, label (both allocated), kind and SPIs
 * @return			FALSE if it is not the name of a trace, nothing is allocated then
 */
bool captures_parse(char *file, capture_t *capture);

/**
 * Get the number of a file of a trace.
 *
 * @param file		name of the file
 * @return			number, 0 for none
 */
u_int captures_get_number(char *file);

#endif /** CAPTURES_H_ @}*/

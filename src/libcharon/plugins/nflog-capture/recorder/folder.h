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
 * @defgroup nflog_folder nflog_folder
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FOLDER_H_
#define NFLOG_FOLDER_H_

#include "cause.h"
#include "files/store.h"

#include <collections/hashtable.h>

/** file in a folder until it is complete */
#define NFLOG_FOLDER_INCOMPLETE "incomplete"

/** file with what a folder has, in words */
#define NFLOG_FOLDER_SUMMARY "summary.txt"

/**
 * Get the parts of the name of a folder, "<connection>.<time>.<cause>".
 *
 * @param name		name
 * @param time		receives the begin of the time
 * @param cause		receives the cause
 * @return			FALSE if it is no name of a folder
 */
bool nflog_folder_parse(char *name, char **time, nflog_cause_t *cause);

/**
 * Open a folder.
 *
 * @param dir		directory with the folders
 * @param name		name of the folder
 * @return			file descriptor, -1 on failure, with errno set
 */
int nflog_folder_open(int dir, char *name);

/**
 * Get the bytes that the files of a folder take on the disk, also those in directories that
 * others created there, as Wireshark does for its profiles.
 *
 * @param dir		directory with the folder
 * @param name		name of the folder
 * @return			bytes
 */
uint64_t nflog_folder_get_bytes(int dir, char *name);

/**
 * Remove a folder with all that is in there.
 *
 * @param dir		directory with the folder
 * @param name		name of the folder
 * @return			TRUE if nothing is left
 */
bool nflog_folder_remove(int dir, char *name);

/**
 * Replace a file of a folder, which only charon's user and root can read.
 *
 * @param store		writes
 * @param fd		folder
 * @param name		name of the file
 * @param content	content
 * @return			FALSE if that failed, with errno set, the old file is kept then
 */
bool nflog_folder_write(nflog_store_t *store, int fd, char *name, chunk_t content);

/**
 * Add the SPIs in the name of a file.
 *
 * @param spis		SPIs, char* (owned) => itself
 * @param name		name of the file
 * @return			TRUE if any is new
 */
bool nflog_folder_add_spis(hashtable_t *spis, char *name);

/**
 * Add rows of a connection's key tables to those of a folder, and copy its preferences.
 * Rows that the folder has stay.
 *
 * @param store		has the tables
 * @param conn		directory of the connection
 * @param fd		folder
 * @param spis		SPIs of the rows
 * @return			FALSE if that failed, with errno set
 */
bool nflog_folder_write_keys(nflog_store_t *store, char *conn, int fd, hashtable_t *spis);

/**
 * Complete a folder that an earlier process left incomplete, with the keys that are there.
 *
 * @param store		has the key tables
 * @param name		name of the folder
 * @param fd		folder
 * @return			FALSE if that failed, with errno set
 */
bool nflog_folder_repair(nflog_store_t *store, char *name, int fd);

#endif /** NFLOG_FOLDER_H_ @}*/

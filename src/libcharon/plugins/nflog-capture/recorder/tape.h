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
 * @defgroup nflog_tape nflog_tape
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TAPE_H_
#define NFLOG_TAPE_H_

typedef struct nflog_tape_t nflog_tape_t;
typedef struct nflog_tape_file_t nflog_tape_file_t;

#include "files/store.h"
#include "files/trace_name.h"

/**
 * File on a tape.
 */
struct nflog_tape_file_t {

	/**
	 * Name of the file.
	 */
	char *name;

	/**
	 * Bytes in the file, and that it takes on the disk, in whole blocks.
	 */
	uint64_t bytes, size;

	/**
	 * Packets, and the times of the oldest and the newest one, 0 if there are none, or if
	 * an earlier process wrote them.
	 */
	uint64_t packets;
	time_t first, last;

	/**
	 * Called to have the file completed, and its data, NULL if it is.
	 */
	void (*complete_cb)(void *data);
	void *data;

	/**
	 * Files that were written to before and after this one.
	 */
	nflog_tape_file_t *former, *next;
};

/**
 * What the recorder of a connection holds: the files with its newest packets, of all its
 * traces.
 *
 * Files are in the order in which they were written to last.  Once all together exceed the
 * size of the tape, the first one is removed, whether or not its trace goes on: that begins
 * another file with its next packet.  So all packets are there from a time on, however much
 * or little traffic each trace has.  Files are pieces that become smaller the more traces
 * there are, as a piece of one that has little traffic goes first.  What is held is
 * therefore at least seven eighths of the size, unless there are very many traces.
 *
 * A file counts as many blocks as it takes on the disk, so the number of files is bounded
 * as well.  Files of a ring that are there already belong to the tape, as an earlier process
 * wrote them.
 *
 * All is done by the writer's thread, nothing is locked.
 */
struct nflog_tape_t {

	/**
	 * Set the size.
	 *
	 * @param size		bytes
	 */
	void (*set_size)(nflog_tape_t *this, uint64_t size);

	/**
	 * Get the number of bytes after which a file has to be completed.
	 *
	 * @return			bytes
	 */
	uint64_t (*get_piece)(nflog_tape_t *this);

	/**
	 * Add a file that was created.
	 *
	 * @param name		its name
	 * @param cb		called to have the file completed, after which the caller does not use
	 *					what this returned anymore, and calls neither complete() nor forget()
	 * @param data		data to pass to cb
	 * @return			file on the tape, valid until it is completed, or cb is called
	 */
	nflog_tape_file_t *(*add)(nflog_tape_t *this, char *name, void (*cb)(void *data),
							  void *data);

	/**
	 * Note that packets were written to a file, and remove files if that is necessary.
	 *
	 * @param file		file that was added
	 * @param size		bytes in the file
	 * @param packets	number of packets that were written
	 * @param first		time of the first and the last one of them, seconds since 1970
	 * @param last		likewise
	 */
	void (*written)(nflog_tape_t *this, nflog_tape_file_t *file, uint64_t size,
					u_int packets, time_t first, time_t last);

	/**
	 * Note that nothing is written to a file anymore.
	 *
	 * @param file		file that was added
	 */
	void (*complete)(nflog_tape_t *this, nflog_tape_file_t *file);

	/**
	 * Note that somebody removed or replaced a file, its packets are lost.
	 *
	 * @param file		file that was added
	 */
	void (*forget)(nflog_tape_t *this, nflog_tape_file_t *file);

	/**
	 * Have all files completed that are written to.
	 */
	void (*complete_all)(nflog_tape_t *this);

	/**
	 * Enumerate the files, in the order in which they were written to last.  No method may be
	 * called meanwhile.
	 *
	 * @return			enumerator over nflog_tape_file_t*
	 */
	enumerator_t *(*create_enumerator)(nflog_tape_t *this);

	/**
	 * Get the number of bytes that are held.
	 *
	 * @return			bytes on the disk
	 */
	uint64_t (*get_held)(nflog_tape_t *this);

	/**
	 * Set a callback for files, NULL for none.
	 *
	 * @param cb		called with TRUE after a file was added, with FALSE before it is
	 *					removed, must not call methods of the tape but get_piece()
	 *					and create_enumerator()
	 * @param data		data to pass to cb
	 */
	void (*set_changed_cb)(nflog_tape_t *this,
						   void (*cb)(void *data, nflog_tape_file_t *file, bool added),
						   void *data);

	/**
	 * Destroy a nflog_tape_t, its files stay.
	 */
	void (*destroy)(nflog_tape_t *this);
};

/**
 * Create a nflog_tape_t instance.
 *
 * @param store		has the files, not owned
 * @param dir		directory of the connection
 * @param size		bytes to hold
 */
nflog_tape_t *nflog_tape_create(nflog_store_t *store, char *dir, uint64_t size);

#endif /** NFLOG_TAPE_H_ @}*/

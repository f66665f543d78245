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

/*
 * A recorder of connections whose traces are on a file system of their own, larger than
 * what it holds.
 */

#ifndef HELD_H_
#define HELD_H_

#include "disk.h"
#include "recorder/recorder.h"

/** bytes that are held of a connection */
#define HELD (1ULL << 20)

static nflog_recorder_t *recorder;

/**
 * Create the recorder.
 *
 * @param size		size of the file system, as for mount()
 */
static inline int create_recorder(void **state, char *size)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%s,mode=0700", size);
	if (begin_disk(state) != 0 ||
		mount("none", captures, "tmpfs", MS_REMOUNT, options) != 0)
	{
		return -1;
	}
	recorder = nflog_recorder_create(store);
	return 0;
}

static inline int end_recorder(void **state)
{
	if (trace)
	{
		trace->destroy(trace);
		trace = NULL;
	}
	recorder->destroy(recorder);
	return end_disk(state);
}

#endif /* HELD_H_ */

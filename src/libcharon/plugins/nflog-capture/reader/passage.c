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

#include "passage.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include <library.h>

/*
 * Described in header
 */
void nflog_passage_wait()
{
	static bool failed = FALSE;

	if (!failed && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
	{	/* such as with nohz_full */
		failed = TRUE;
		DBG1(DBG_KNL, "nflog-capture: unable to wait for packets on their way, those that "
			 "an XFRM interface just sends may be captured as missed: %s", strerror(errno));
	}
}

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

#include "groups.h"

#include <errno.h>

/** default of the option "group" */
#define DEFAULT_GROUP 4500

/*
 * Described in header
 */
void nflog_groups_describe(int err, uint16_t group, u_int count, char *reason,
						   size_t len)
{
	switch (err)
	{
		case EBUSY:
			snprintf(reason, len, "NFLOG groups %u to %u are used by another "
					 "process, set %s.plugins.nflog-capture.group to the first of "
					 "%u unused groups", group, group + NFLOG_GROUPS(count) - 1, lib->ns,
					 NFLOG_GROUPS(count));
			break;
		case EPERM:
			snprintf(reason, len, "using NFLOG is not permitted, charon needs "
					 "CAP_NET_ADMIN");
			break;
		case EINVAL:
		case EPROTONOSUPPORT:
			snprintf(reason, len, "the kernel needs nfnetlink_log");
			break;
		default:
			snprintf(reason, len, "unable to use NFLOG groups %u to %u: %s", group,
					 group + NFLOG_GROUPS(count) - 1, strerror(err));
			break;
	}
}

/*
 * Described in header
 */
bool nflog_groups_get(u_int count, uint16_t *group, char *reason, size_t len)
{
	int value, last = UINT16_MAX + 1 - NFLOG_GROUPS(count);

	value = lib->settings->get_int(lib->settings,
						"%s.plugins.nflog-capture.group", DEFAULT_GROUP,
						lib->ns);
	if (value < 0 || value > last)
	{
		snprintf(reason, len, "strongswan.conf, %s.plugins.nflog-capture.group: %d "
				 "is not the first of %u NFLOG groups, use 0 to %d", lib->ns,
				 value, NFLOG_GROUPS(count), last);
		return FALSE;
	}
	*group = value;
	return TRUE;
}

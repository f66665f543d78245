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
 * @defgroup nflog_groups nflog_groups
 * @{ @ingroup nflog_capture
 *
 * Numbers of the NFLOG groups: two for each lane, and one more for packets that leave without
 * their SA.
 */

#ifndef NFLOG_GROUPS_H_
#define NFLOG_GROUPS_H_

#include <library.h>

/** number of groups of that many lanes */
#define NFLOG_GROUPS(lanes) (2 * (lanes) + 1)

/**
 * Get the first NFLOG group by the option.
 *
 * @param count		number of lanes
 * @param group		receives the number of the group
 * @param reason	receives the reason of a failure, with its remedy
 * @param len		size of reason
 * @return			FALSE if the option is not valid
 */
bool nflog_groups_get(u_int count, uint16_t *group, char *reason, size_t len);

/**
 * Describe an error of the groups, with its remedy.
 *
 * @param err		errno, as by nflog_group_create()
 * @param group		number of the first group
 * @param count		number of lanes
 * @param reason	receives the text
 * @param len		size of reason
 */
void nflog_groups_describe(int err, uint16_t group, u_int count, char *reason,
						   size_t len);

#endif /** NFLOG_GROUPS_H_ @}*/

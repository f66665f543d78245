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
 * @defgroup nflog_acl nflog_acl
 * @{ @ingroup nflog_capture
 *
 * Access control lists of files, acl(5).
 */

#ifndef NFLOG_ACL_H_
#define NFLOG_ACL_H_

#include <library.h>

/**
 * Let a group use a file or directory besides those that may already, by an entry in its
 * access control list.  Unlike changing its group, this requires nothing but to own it.
 *
 * @param fd			file descriptor
 * @param gid			group
 * @param perm			what it may do: 4 to read, 1 to enter a directory
 * @param fresh			TRUE if it was just created, so that no entries that it inherited
 *						get effective
 * @return				FALSE on failure, with errno set
 */
bool nflog_acl_share(int fd, gid_t gid, u_int perm, bool fresh);

#endif /** NFLOG_ACL_H_ @}*/

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

#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

/** attribute that has the list, XATTR_NAME_POSIX_ACL_ACCESS in linux/xattr.h */
#define NAME "system.posix_acl_access"

/** entries of a list, at most, beyond those of any use */
#define MAX_ENTRIES 256

/**
 * List as it is in the attribute.
 */
typedef struct {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[MAX_ENTRIES];
} list_t;

/**
 * Add an entry.
 */
static void add(list_t *list, u_int *count, u_int tag, u_int perm, uint32_t id)
{
	list->entries[(*count)++] = (struct posix_acl_xattr_entry){
		.e_tag = htole16(tag),
		.e_perm = htole16(perm),
		.e_id = htole32(id),
	};
}

/**
 * Get the list of a file, from its mode if there is none.
 *
 * @param count			receives the number of entries
 */
static bool get_list(int fd, bool fresh, list_t *list, u_int *count)
{
	struct stat st;
	ssize_t len = -1;

	errno = ENODATA;
	if (!fresh)
	{
		len = fgetxattr(fd, NAME, list, sizeof(*list));
	}
	if (len >= (ssize_t)sizeof(list->header))
	{
		*count = (len - sizeof(list->header)) / sizeof(list->entries[0]);
		return TRUE;
	}
	if (len >= 0 || errno != ENODATA || fstat(fd, &st) != 0)
	{
		return FALSE;
	}
	list->header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	*count = 0;
	add(list, count, ACL_USER_OBJ, st.st_mode >> 6 & 7, ACL_UNDEFINED_ID);
	add(list, count, ACL_GROUP_OBJ, st.st_mode >> 3 & 7, ACL_UNDEFINED_ID);
	add(list, count, ACL_OTHER, st.st_mode & 7, ACL_UNDEFINED_ID);
	return TRUE;
}

/**
 * Get what the mask of a list leaves of the permissions in its entries.
 */
static u_int get_mask(list_t *list, u_int count)
{
	u_int i;

	for (i = 0; i < count; i++)
	{
		if (le16toh(list->entries[i].e_tag) == ACL_MASK)
		{
			return le16toh(list->entries[i].e_perm);
		}
	}
	return ACL_READ | ACL_WRITE | ACL_EXECUTE;
}

/**
 * Add an entry for a group to a list.  Entries of others stay what they were with the former
 * mask, which now has to leave what the group may do.
 *
 * @param to			receives the list
 * @return				number of entries
 */
static u_int add_group(list_t *from, u_int count, gid_t gid, u_int perm, list_t *to)
{
	u_int i, tag, perms, former = get_mask(from, count), mask = perm, added = 0;
	uint32_t id;

	to->header = from->header;
	for (i = 0; i < count; i++)
	{
		tag = le16toh(from->entries[i].e_tag);
		perms = le16toh(from->entries[i].e_perm);
		id = le32toh(from->entries[i].e_id);
		if (tag == ACL_MASK || (tag == ACL_GROUP && id == gid))
		{
			continue;
		}
		if (tag == ACL_OTHER)
		{	/* in the order that the kernel requires, posix_acl_valid() in fs/posix_acl.c */
			add(to, &added, ACL_GROUP, perm, gid);
			add(to, &added, ACL_MASK, mask, ACL_UNDEFINED_ID);
		}
		else if (tag != ACL_USER_OBJ)
		{
			perms &= former;
			mask |= perms;
		}
		add(to, &added, tag, perms, id);
	}
	return added;
}

/*
 * Described in header
 */
bool nflog_acl_share(int fd, gid_t gid, u_int perm, bool fresh)
{
	list_t list, changed;
	u_int count, added;
	size_t len;

	if (!get_list(fd, fresh, &list, &count))
	{
		return FALSE;
	}
	if (count > MAX_ENTRIES - 2)
	{
		errno = ERANGE;
		return FALSE;
	}
	added = add_group(&list, count, gid, perm, &changed);
	len = sizeof(changed.header) + added * sizeof(changed.entries[0]);
	return (added == count && memeq(&list, &changed, len)) ||
		   fsetxattr(fd, NAME, &changed, len, 0) == 0;
}

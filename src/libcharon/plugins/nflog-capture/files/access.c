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

#include "access.h"
#include "acl.h"
#include "options/notes.h"
#include "options/values.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>

#include <threading/mutex.h>

/** time after which to look up the group again, in s */
#define LOOKUP_INTERVAL 10

/** memory for the members of a group: at first, and at most */
#define MIN_MEMBERS 4096
#define MAX_MEMBERS (16 << 20)

typedef struct private_nflog_access_t private_nflog_access_t;

/**
 * Private data.
 */
struct private_nflog_access_t {

	/**
	 * Public interface.
	 */
	nflog_access_t public;

	/**
	 * Name in the option as it was looked up last, NULL if it was not set.
	 */
	char *name;

	/**
	 * Group of this name, if found.
	 */
	gid_t gid;
	bool found;

	/**
	 * When to look it up again, monotonic.
	 */
	time_t again;

	/**
	 * When a failure was logged since the option was set, 0 if none was.
	 */
	time_t logged;

	/**
	 * Guards all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Look up a group, by name or number.
 *
 * @return			0 if it was found, otherwise the reason, ENOENT if there is none
 */
static int look_up(char *name, gid_t *gid)
{
	struct group group, *found = NULL;
	size_t len = MIN_MEMBERS;
	unsigned long number;
	char *buf, *end;
	int error;

	do
	{
		buf = malloc(len);
		error = getgrnam_r(name, &group, buf, len, &found);
		if (found)
		{
			*gid = found->gr_gid;
		}
		free(buf);
		len *= 2;
	}
	while (error == ERANGE && len <= MAX_MEMBERS);

	if (!found && *name >= '0' && *name <= '9')
	{	/* (gid_t)-1 would be no change */
		number = strtoul(name, &end, 10);
		if (!*end && number < (gid_t)-1)
		{
			*gid = number;
			return 0;
		}
	}
	return found ? 0 : error ?: ENOENT;
}

/**
 * Get the group, the mutex is locked.
 *
 * @return			FALSE if nobody else is to read anything
 */
static bool get_group(private_nflog_access_t *this)
{
	char *name = nflog_values_group_read();
	time_t now = time_monotonic(NULL);
	gid_t gid;
	int error;

	if (!name)
	{
		free(this->name);
		this->name = NULL;
		return FALSE;
	}
	if (!this->name || !streq(this->name, name))
	{
		free(this->name);
		this->name = strdup(name);
		this->again = this->logged = 0;
		this->found = FALSE;
	}
	if (now >= this->again)
	{	/* its number may belong to another group meanwhile */
		error = look_up(name, &gid);
		if (!error)
		{
			this->gid = gid;
			this->found = TRUE;
		}
		else if (error == ENOENT)
		{	/* other errors do not mean that it is gone */
			this->found = FALSE;
		}
		this->again = now + LOOKUP_INTERVAL;
		if (error && nflog_log_once(&this->logged, 0))
		{
			DBG1(DBG_CFG, "nflog-capture: unable to find group '%s' of option "
				 "group_read: %s, so only charon's user and root can read traces (create "
				 "the group, or correct the option)", name,
				 error == ENOENT ? "there is none" : strerror(error));
		}
	}
	return this->found;
}

/**
 * Let the group use something, unless others may as well.
 *
 * @param fresh			TRUE if it was just created
 */
static void share(private_nflog_access_t *this, int fd, u_int perm, bool fresh, char *path)
{
	char *remedy = "check the file system, or set dir";
	struct stat st;

	this->mutex->lock(this->mutex);
	if (get_group(this) && fstat(fd, &st) == 0 &&
		(fresh || st.st_gid == this->gid || (st.st_mode & perm) != perm))
	{
		if (nflog_acl_share(fd, this->gid, perm, fresh))
		{
			this->logged = 0;
		}
		else if (nflog_log_once(&this->logged, 0))
		{
			if (errno == EPERM)
			{
				remedy = "make charon's user own the directory";
			}
			else if (errno == EOPNOTSUPP)
			{
				remedy = "set dir to a file system with access control lists";
			}
			DBG1(DBG_CFG, "nflog-capture: unable to let group '%s' read '%s': %s, so only "
				 "charon's user and root can read traces (%s)", this->name, path,
				 strerror(errno), remedy);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_access_t, share_dir, void,
	private_nflog_access_t *this, int fd, bool fresh, char *path)
{
	share(this, fd, S_IROTH | S_IXOTH, fresh, path);
}

METHOD(nflog_access_t, share_trace, void,
	private_nflog_access_t *this, int fd, char *path)
{
	share(this, fd, S_IROTH, TRUE, path);
}

METHOD(nflog_access_t, destroy, void,
	private_nflog_access_t *this)
{
	this->mutex->destroy(this->mutex);
	free(this->name);
	free(this);
}

/*
 * Described in header
 */
nflog_access_t *nflog_access_create()
{
	private_nflog_access_t *this;

	INIT(this,
		.public = {
			.share_dir = _share_dir,
			.share_trace = _share_trace,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

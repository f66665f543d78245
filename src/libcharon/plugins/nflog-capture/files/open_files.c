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

#define _GNU_SOURCE

#include "open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <collections/hashtable.h>

/** magic numbers that <linux/magic.h> lacks: module/os/linux/zfs/sys/zfs_vfsops_os.h of
 *  OpenZFS, fs/bcachefs/super-io.h of the kernel */
#define ZFS_SUPER_MAGIC 0x2fc12fc1
#define BCACHEFS_SUPER_MAGIC 0xca451a4e

typedef struct private_nflog_open_files_t private_nflog_open_files_t;

/**
 * Private data.
 */
struct private_nflog_open_files_t {

	/**
	 * Public interface.
	 */
	nflog_open_files_t public;

	/**
	 * File descriptors of the files that are kept, int* => int*.
	 */
	hashtable_t *kept;

	/**
	 * When the first one of these was kept, monotonic.
	 */
	time_t since;

	/**
	 * Number of files to keep, at most.
	 */
	rlim_t limit;

	/**
	 * Number of files that were not kept, as there were too many, since some time.
	 */
	u_int refused;

	/**
	 * Since when these are counted, monotonic.
	 */
	time_t counted;

	/**
	 * TRUE if the limit of open files was raised, or can't be.
	 */
	bool raised;
};

/**
 * File systems without a flush operation, so close() can't fail there.
 */
static const uint32_t local[] = {
	EXT4_SUPER_MAGIC /* and ext2, ext3 */, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
	F2FS_SUPER_MAGIC, TMPFS_MAGIC, ZFS_SUPER_MAGIC, BCACHEFS_SUPER_MAGIC,
};

/*
 * Described in header
 */
bool nflog_open_files_is_local(int fd)
{
	struct statfs st;
	int i;

	if (fstatfs(fd, &st) == 0)
	{
		for (i = 0; i < countof(local); i++)
		{	/* f_type is signed on some architectures */
			if ((uint32_t)st.f_type == local[i])
			{
				return TRUE;
			}
		}
	}
	return FALSE;
}

/**
 * Get the time since the first file was kept, in seconds.
 */
static u_int get_age(private_nflog_open_files_t *this)
{
	return time_monotonic(NULL) - this->since;
}

/**
 * Close all files.
 */
static void close_all(private_nflog_open_files_t *this)
{
	enumerator_t *enumerator;
	int *fd;

	enumerator = this->kept->create_enumerator(this->kept);
	while (enumerator->enumerate(enumerator, NULL, &fd))
	{
		this->kept->remove_at(this->kept, enumerator);
		close(*fd);
		*fd = -1;
	}
	enumerator->destroy(enumerator);
}

/**
 * Raise the limit of open files, once.
 */
static void raise_limit(private_nflog_open_files_t *this, struct rlimit *limit)
{
	struct rlimit raised = {
		.rlim_cur = min(limit->rlim_max, NFLOG_OPEN_FILES_LIMIT),
		.rlim_max = limit->rlim_max,
	};

	this->raised = TRUE;
	if (raised.rlim_cur <= limit->rlim_cur)
	{
		return;
	}
	if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
	{
		DBG1(DBG_CFG, "nflog-capture: unable to raise the limit of open files: %s",
			 strerror(errno));
		return;
	}
	DBG1(DBG_CFG, "nflog-capture: raised the limit of open files from %llu to %llu, as "
		 "files of many traces are written", (unsigned long long)limit->rlim_cur,
		 (unsigned long long)raised.rlim_cur);
	*limit = raised;
}

METHOD(nflog_open_files_t, begin, void,
	private_nflog_open_files_t *this)
{
	time_t now = time_monotonic(NULL);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
	{
		limit.rlim_cur = 0;
	}
	else if (this->refused >= NFLOG_OPEN_FILES_BUSY && !this->raised)
	{
		raise_limit(this, &limit);
	}
	if (now - this->counted >= NFLOG_OPEN_FILES_TIME)
	{
		this->refused = 0;
		this->counted = now;
	}
	this->limit = 0;
	if (limit.rlim_cur > FD_SETSIZE)
	{
		this->limit = (limit.rlim_cur - FD_SETSIZE) / 2;
	}
	if (this->kept->get_count(this->kept) && get_age(this) >= NFLOG_OPEN_FILES_TIME)
	{
		close_all(this);
	}
}

METHOD(nflog_open_files_t, keep, bool,
	private_nflog_open_files_t *this, int *fd)
{
	u_int count = this->kept->get_count(this->kept);
	int moved;

	if (count >= this->limit)
	{
		this->refused++;
		return FALSE;
	}
	moved = fcntl(*fd, F_DUPFD_CLOEXEC, FD_SETSIZE);
	if (moved < 0)
	{	/* others have these, or the kernel lacks memory */
		return FALSE;
	}
	close(*fd);
	*fd = moved;
	if (!count)
	{
		this->since = time_monotonic(NULL);
	}
	this->kept->put(this->kept, fd, fd);
	return TRUE;
}

METHOD(nflog_open_files_t, close_, bool,
	private_nflog_open_files_t *this, int *fd)
{
	bool success = TRUE;

	if (*fd >= 0)
	{
		this->kept->remove(this->kept, fd);
		success = close(*fd) == 0;
		*fd = -1;
	}
	return success;
}

METHOD(nflog_open_files_t, get_delay, u_int,
	private_nflog_open_files_t *this)
{
	u_int age;

	if (!this->kept->get_count(this->kept))
	{
		return 0;
	}
	age = get_age(this);
	return age < NFLOG_OPEN_FILES_TIME ? (NFLOG_OPEN_FILES_TIME - age) * 1000 : 1;
}

METHOD(nflog_open_files_t, destroy, void,
	private_nflog_open_files_t *this)
{
	this->kept->destroy(this->kept);
	free(this);
}

/*
 * Described in header
 */
nflog_open_files_t *nflog_open_files_create()
{
	private_nflog_open_files_t *this;

	INIT(this,
		.public = {
			.begin = _begin,
			.keep = _keep,
			.close = _close_,
			.get_delay = _get_delay,
			.destroy = _destroy,
		},
		.kept = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
	);
	return &this->public;
}

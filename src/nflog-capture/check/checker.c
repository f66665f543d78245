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

#include "checker.h"
#include "cli/text.h"
#include "files/trace_name.h"
#include "keys/key_file.h"
#include "locks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/** bits of a mode that nobody may have: on directories and traces of others, a group may
 * read them; on key tables of all but the owner */
#define BAD_READABLE (S_IWGRP | S_IRWXO)
#define BAD_SECRET (S_IRWXG | S_IRWXO)

typedef struct private_checker_t private_checker_t;
typedef struct folder_t folder_t;

/**
 * Private data.
 */
struct private_checker_t {

	/**
	 * Public interface.
	 */
	checker_t public;

	/**
	 * TRUE to repair.
	 */
	bool repair;

	/**
	 * Gets findings.
	 */
	checker_cb_t cb;

	/**
	 * Data to pass to it.
	 */
	void *data;

	/**
	 * Locks of the directory that is checked.
	 */
	locks_t *locks;

	/**
	 * Its owner, who may own all that is in there, as root may.
	 */
	uid_t owner;
};

/**
 * Directory of a connection.
 */
struct folder_t {
	/** its path, and its last component */
	char *path, *conn;
	/** file descriptor */
	int fd;
	/** keys, all zero if there are none */
	check_keys_t keys;
	/** TRUE if there is a file with keys */
	bool has_keys;
	/** SPIs in the names of traces, char* => char*, both owned */
	hashtable_t *spis;
	/** TRUE if a charon writes one of the traces */
	bool live;
};

/** files with keys, and the one that belongs to them */
static char *tables[] = {
	NFLOG_KEY_FILE, "esp_sa", "ikev1_decryption_table", "ikev2_decryption_table",
};

/**
 * Report something.
 *
 * @param name		name of the file, NULL for the directory
 */
static void report(private_checker_t *this, char *dir, char *name, const char *kind,
				   bool repaired, const char *remedy, char *fmt, ...)
{
	finding_t finding = {
		.kind = kind,
		.remedy = remedy,
		.repaired = repaired,
	};
	char path[PATH_MAX], text[256];
	va_list args;

	snprintf(path, sizeof(path), "%s%s%s", dir, name ? "/" : "", name ?: "");
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	finding.path = path;
	finding.text = text;
	this->cb(this->data, &finding);
}

/**
 * Check if a file or directory may be changed: not a file that has another name as well, which
 * may be that of a file that is none of charon's.
 */
static bool may_repair(private_checker_t *this, struct stat *st)
{
	return this->repair && (S_ISDIR(st->st_mode) || st->st_nlink == 1);
}

/**
 * Check who may use a file or directory.
 *
 * @param fd		file descriptor, which is not a symbolic link's
 * @param bad		bits that its mode must not have
 */
static void check_mode(private_checker_t *this, char *dir, char *name, int fd,
					   mode_t bad)
{
	struct stat st;
	bool repaired;

	if (fstat(fd, &st) != 0)
	{
		return;
	}
	if (st.st_mode & bad)
	{
		repaired = may_repair(this, &st) && fchmod(fd, st.st_mode & 07777 & ~bad) == 0;
		report(this, dir, name, "permissions", repaired,
			   bad == BAD_SECRET ? "chmod go-rwx" : "chmod g-w,o-rwx",
			   "has mode %.4o, so others may use it", st.st_mode & 07777);
	}
	if (st.st_uid && st.st_uid != this->owner)
	{
		report(this, dir, name, "owner", FALSE, "chown root",
			   "belongs to user %u", st.st_uid);
	}
}

/**
 * Cut a trace behind its last whole packet, or remove one without a header.
 */
static bool cut(folder_t *folder, char *name, int fd, uint64_t end)
{
	return end ? ftruncate(fd, end) == 0 : unlinkat(folder->fd, name, 0) == 0;
}

/**
 * Check the records of a trace, which is locked, and if there are keys for these.
 */
static void check_records(private_checker_t *this, folder_t *folder, char *name, int fd,
						  char spis[2][NFLOG_IKE_DIGITS + 1])
{
	uint64_t numbers[2];
	check_trace_t trace;
	char path[PATH_MAX];
	struct stat st;
	bool repaired;
	int i;

	for (i = 0; i < 2; i++)
	{
		numbers[i] = strtoull(spis[i], NULL, 16);
	}
	/* by its descriptor, as it may get another name */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) != 0 || !check_trace(path, numbers, &trace))
	{
		return;
	}
	for (i = 0; folder->has_keys && i < 2; i++)
	{
		if (trace.needs_keys[i] && !folder->keys.spis->get(folder->keys.spis, spis[i]))
		{
			report(this, folder->path, name, "no-keys", FALSE,
				   "its packets can't be decrypted, unless the keys are in another file",
				   "has no keys for SPI %s", spis[i]);
		}
	}
	if (trace.compressed)
	{	/* the plugin does not compress, so this is not cut */
		report(this, folder->path, name, "compressed", FALSE,
			   "decompress it, only 'nflog-capture decrypt' reads it as it is",
			   "is compressed by gzip");
	}
	else if (trace.torn)
	{
		repaired = may_repair(this, &st) && cut(folder, name, fd, trace.end);
		report(this, folder->path, name, "torn", repaired, st.st_nlink > 1
			   ? "it has hard links, so --repair does not change it" : trace.end
			   ? "--repair cuts it behind the last whole packet"
			   : "it has no packets, --repair removes it",
			   "can't be read to its end: %s, at byte %lld of %lld", trace.reason, (long long)trace.end,
			   (long long)st.st_size);
	}
	else if (trace.reason)
	{
		report(this, folder->path, name, "damaged", FALSE,
			   "what is before can be read, nothing was cut",
			   "can't be read to its end: %s, at byte %lld of %lld", trace.reason,
			   (long long)trace.end, (long long)st.st_size);
	}
}

/**
 * Remember the SPIs of a trace.
 */
static void add_spis(folder_t *folder, char spis[2][NFLOG_IKE_DIGITS + 1])
{
	char *spi;
	int i;

	for (i = 0; i < 2; i++)
	{
		if (!folder->spis->get(folder->spis, spis[i]))
		{
			spi = strdup(spis[i]);
			folder->spis->put(folder->spis, spi, spi);
		}
	}
}

/**
 * Check a trace.
 */
static void check_one_trace(private_checker_t *this, folder_t *folder, char *name, int fd,
							char spis[2][NFLOG_IKE_DIGITS + 1])
{
	struct stat st;

	add_spis(folder, spis);
	check_mode(this, folder->path, name, fd, BAD_READABLE);
	if (strstr(folder->path, "/" NFLOG_SAVED_DIR "/") && fstat(fd, &st) == 0 &&
		st.st_nlink > 1)
	{	/* the recorder of the connection holds it, where it is checked as well */
		return;
	}
	if (!this->locks->lock(this->locks, folder->conn, name))
	{	/* it grows, and may get its keys a little later */
		folder->live = TRUE;
		return;
	}
	check_records(this, folder, name, fd, spis);
	this->locks->unlock(this->locks);
}

/**
 * Check if a file has keys.
 */
static bool is_table(char *name)
{
	int i;

	for (i = 0; i < countof(tables); i++)
	{
		if (streq(name, tables[i]))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Check a file.
 */
static void check_file(private_checker_t *this, folder_t *folder, char *name)
{
	char spis[2][NFLOG_IKE_DIGITS + 1];
	bool trace = nflog_trace_name_parse(name, spis), repaired;
	struct stat st;
	int fd;

	if (fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
	{	/* removed meanwhile */
		return;
	}
	if (!S_ISREG(st.st_mode))
	{
		report(this, folder->path, name, "kind", FALSE, "remove it, charon uses neither "
			   "links nor other files", "is no regular file");
		return;
	}
	if (nflog_trace_name_is_tmp(name))
	{
		if (this->locks->lock(this->locks, folder->conn, name))
		{
			repaired = this->repair && unlinkat(folder->fd, name, 0) == 0;
			report(this, folder->path, name, "temporary", repaired, "--repair removes it",
				   "is a temporary file of a charon that was killed");
			this->locks->unlock(this->locks);
		}
		return;
	}
	fd = openat(folder->fd, name, (trace && this->repair ? O_RDWR : O_RDONLY) |
				O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
	{
		if (errno != ENOENT)
		{
			report(this, folder->path, name, "unreadable", FALSE, "run this as root",
				   "can't be opened: %s", strerror(errno));
		}
		return;
	}
	if (trace)
	{
		check_one_trace(this, folder, name, fd, spis);
	}
	else
	{	/* as decrypted packets as well */
		check_mode(this, folder->path, name, fd,
				   is_table(name) || strstr(name, ".pcap") ? BAD_SECRET : BAD_READABLE);
	}
	close(fd);
}

/**
 * Check the tables with keys.
 */
static void check_tables(private_checker_t *this, folder_t *folder)
{
	check_keys_t keys;
	struct stat st;
	FILE *file;
	int fd, i;

	for (i = 0; i < countof(tables); i++)
	{
		fd = openat(folder->fd, tables[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
		{
			close(fd);
			fd = -1;
		}
		file = fd < 0 ? NULL : fdopen(fd, "r");
		if (!file)
		{	/* check_file() reports it if it is there */
			continue;
		}
		if (!check_keys(file, &keys))
		{
			report(this, folder->path, tables[i], "unreadable", FALSE,
				   "check the file system", "can't be read: %s", strerror(errno));
		}
		if (keys.wrong)
		{
			report(this, folder->path, tables[i], "malformed", FALSE,
				   "remove these lines, or restore the file",
				   "has %u lines that can't be used, the first one is line %u",
				   keys.wrong, keys.line);
		}
		if (i == 0)
		{
			folder->keys = keys;
			folder->has_keys = TRUE;
		}
		else
		{
			check_keys_clear(&keys);
		}
	}
}

/**
 * Check if keys belong to traces, unless a charon may be about to write these.
 */
static void check_spis(private_checker_t *this, folder_t *folder)
{
	enumerator_t *enumerator;
	char *spi, *first = NULL;
	u_int count = 0;

	if (!folder->has_keys || folder->live || this->locks->is_used(this->locks))
	{
		return;
	}
	enumerator = folder->keys.spis->create_enumerator(folder->keys.spis);
	while (enumerator->enumerate(enumerator, NULL, &spi))
	{
		if (!folder->spis->get(folder->spis, spi))
		{
			first = !first || strcmp(spi, first) < 0 ? spi : first;
			count++;
		}
	}
	enumerator->destroy(enumerator);
	if (count)
	{
		report(this, folder->path, NFLOG_KEY_FILE, "no-trace", FALSE,
			   "charon removes them when it writes keys of this connection",
			   "has keys for %u SPIs without a trace, the first one is %s", count, first);
	}
}

/**
 * Leave out the directory itself and the one above.
 */
static int is_entry(const struct dirent *entry)
{
	return !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
}

/**
 * Check the directory of a connection.
 *
 * @param fd		its file descriptor, gets closed
 */
static void check_folder(private_checker_t *this, char *path, char *conn, int fd)
{
	folder_t folder = {
		.path = path,
		.conn = conn,
		.fd = fd,
		.spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	};
	struct dirent **entries = NULL;
	int count, i;

	check_mode(this, path, NULL, fd, BAD_READABLE);
	check_tables(this, &folder);
	count = scandirat(fd, ".", &entries, is_entry, alphasort);
	if (count < 0)
	{
		report(this, path, NULL, "unreadable", FALSE, "run this as root",
			   "can't be read: %s", strerror(errno));
	}
	for (i = 0; i < count; i++)
	{
		check_file(this, &folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	check_spis(this, &folder);
	check_keys_clear(&folder.keys);
	folder.spis->destroy_function(folder.spis, (void*)free);
	close(fd);
}

/**
 * Check the directory of all connections, or that of folders which recorders saved.
 *
 * @param fd		its file descriptor
 */
static void check_base(private_checker_t *this, char *path, int fd)
{
	struct dirent **entries = NULL;
	char sub[PATH_MAX];
	struct stat st;
	int count, i, child;

	check_mode(this, path, NULL, fd, BAD_READABLE);
	count = scandirat(fd, ".", &entries, is_entry, alphasort);
	for (i = 0; i < count; i++)
	{
		child = openat(fd, entries[i]->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					   O_CLOEXEC);
		if (child >= 0)
		{
			snprintf(sub, sizeof(sub), "%s/%s", path, entries[i]->d_name);
			if (streq(entries[i]->d_name, NFLOG_SAVED_DIR))
			{
				check_base(this, sub, child);
				close(child);
			}
			else
			{
				check_folder(this, sub, entries[i]->d_name, child);
			}
		}
		else if (fstatat(fd, entries[i]->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				 !S_ISREG(st.st_mode))
		{
			report(this, path, entries[i]->d_name, "kind", FALSE, "remove it, charon does "
				   "not follow links", "is no directory that can be opened");
		}
		free(entries[i]);
	}
	free(entries);
}

/**
 * Check if a directory is the one of a single connection.
 */
static bool is_folder(int fd)
{
	struct dirent **entries = NULL;
	int count, i;
	bool found = FALSE;

	count = scandirat(fd, ".", &entries, is_entry, alphasort);
	for (i = 0; i < count; i++)
	{
		found = found || is_table(entries[i]->d_name) ||
				nflog_trace_name_parse(entries[i]->d_name, NULL);
		free(entries[i]);
	}
	free(entries);
	return found;
}

/**
 * Open the locks of a directory.
 */
static void open_locks(private_checker_t *this, char *dir)
{
	int error;

	this->locks = locks_create(dir);
	error = this->locks->get_error(this->locks);
	if (error)
	{
		report(this, dir, ".lock", "unreadable", FALSE, "run this as root, no trace was "
			   "checked, as charon may write it", "can't be opened: %s", strerror(error));
	}
}

METHOD(checker_t, check, bool,
	private_checker_t *this, char *dir)
{
	char path[PATH_MAX], above[PATH_MAX + 4];
	struct stat st;
	int fd;

	fd = realpath(dir, path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &st) != 0)
	{
		text_print(stderr, "unable to open %s: %s\n", dir, strerror(errno));
		if (fd >= 0)
		{
			close(fd);
		}
		return FALSE;
	}
	this->owner = st.st_uid;
	if (is_folder(fd))
	{
		snprintf(above, sizeof(above), "%s/..", path);
		open_locks(this, above);
		check_folder(this, path, basename(path), fd);
	}
	else
	{
		open_locks(this, path);
		check_base(this, path, fd);
		close(fd);
	}
	this->locks->destroy(this->locks);
	return TRUE;
}

METHOD(checker_t, destroy, void,
	private_checker_t *this)
{
	free(this);
}

/*
 * Described in header
 */
checker_t *checker_create(bool repair, checker_cb_t cb, void *data)
{
	private_checker_t *this;

	INIT(this,
		.public = {
			.check = _check,
			.destroy = _destroy,
		},
		.repair = repair,
		.cb = cb,
		.data = data,
	);
	return &this->public;
}

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

#include "folder.h"
#include "key_rows.h"
#include "files/usage.h"
#include "process/pulse.h"
#include "process/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/** directories below a folder that are considered, one in the other */
#define MAX_DEPTH 8

/** unit of st_blocks, see stat(3type) */
#define BLOCK 512

/** what is said of a folder that an earlier process left */
#define REPAIRED "\nThis folder could not be completed in time, as charon was killed, or as there " \
	"was no space.\nIt has the packets until then, and the keys that were left.\n"

/*
 * Described in header
 */
bool nflog_folder_parse(char *name, char **time, nflog_cause_t *cause)
{
	static char template[] = ".00000000T000000Z.";
	char *end = strrchr(name, '.');
	int i;

	if (!end || end - name < (int)strlen(template) ||
		!enum_from_name(nflog_cause_names, end + 1, cause))
	{
		return FALSE;
	}
	*time = end + 1 - strlen(template);
	for (i = 0; template[i]; i++)
	{
		if (template[i] == '0' ? (*time)[i] < '0' || (*time)[i] > '9'
							   : (*time)[i] != template[i])
		{
			return FALSE;
		}
	}
	(*time)++;
	return TRUE;
}

/*
 * Described in header
 */
int nflog_folder_open(int dir, char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/**
 * List a directory, NULL on failure.
 */
static DIR *list_dir(int dir, char *name)
{
	int fd = nflog_folder_open(dir, name);
	DIR *files = fd >= 0 ? fdopendir(fd) : NULL;

	if (!files && fd >= 0)
	{
		close(fd);
	}
	return files;
}

/**
 * Get the next entry of a directory but for the directory itself, and the one above.
 */
static struct dirent *get_next(DIR *files)
{
	struct dirent *file;

	nflog_pulse_beat();
	do
	{
		file = readdir(files);
	}
	while (file && (streq(file->d_name, ".") || streq(file->d_name, "..")));
	return file;
}

/**
 * Get the bytes in a directory.
 */
static uint64_t get_bytes(int dir, char *name, u_int depth)
{
	DIR *files = list_dir(dir, name);
	struct dirent *file;
	uint64_t bytes = 0;
	struct stat st;

	while (files && (file = get_next(files)))
	{
		if (fstatat(dirfd(files), file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		{
			bytes += st.st_blocks * BLOCK;
			if (S_ISDIR(st.st_mode) && depth)
			{
				bytes += get_bytes(dirfd(files), file->d_name, depth - 1);
			}
		}
	}
	if (files)
	{
		closedir(files);
	}
	return bytes;
}

/*
 * Described in header
 */
uint64_t nflog_folder_get_bytes(int dir, char *name)
{
	return get_bytes(dir, name, MAX_DEPTH);
}

/**
 * Remove a directory with all that is in there.
 */
static bool remove_dir(int dir, char *name, u_int depth)
{
	DIR *files = list_dir(dir, name);
	struct dirent *file;

	while (files && (file = get_next(files)))
	{
		if (unlinkat(dirfd(files), file->d_name, 0) != 0 && errno == EISDIR && depth)
		{
			remove_dir(dirfd(files), file->d_name, depth - 1);
		}
	}
	if (files)
	{
		closedir(files);
	}
	return unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/*
 * Described in header
 */
bool nflog_folder_remove(int dir, char *name)
{
	return remove_dir(dir, name, MAX_DEPTH);
}

/*
 * Described in header
 */
bool nflog_folder_write(nflog_store_t *store, int fd, char *name, chunk_t content)
{
	struct iovec iov = {
		.iov_base = content.ptr,
		.iov_len = content.len,
	};
	char tmp[NAME_MAX];
	bool success;
	int file, error;

	nflog_trace_name_tmp(name, tmp, sizeof(tmp));
	file = openat(fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
	{
		return FALSE;
	}
	/* regardless of the umask */
	ignore_result(fchmod(file, 0600));
	if (streq(name, NFLOG_FOLDER_SUMMARY))
	{
		store->share(store, file, FALSE, NFLOG_SAVED_DIR, name);
	}
	success = !content.len || store->write(store, file, &iov, 1) == content.len;
	error = errno;
	if (close(file) != 0 && success)
	{	/* the file system of another host is full */
		success = FALSE;
		error = errno;
	}
	if (success && renameat(fd, tmp, fd, name) != 0)
	{
		success = FALSE;
		error = errno;
	}
	if (!success)
	{
		unlinkat(fd, tmp, 0);
	}
	errno = error;
	return success;
}

/**
 * Read a file of a folder.
 *
 * @param content		receives the content, to be freed with nflog_secret_clear(), empty if
 *						there is no such file
 * @return				FALSE on failure, with errno set
 */
static bool read_file(int fd, char *name, chunk_t *content)
{
	bool success;
	int file, error;

	*content = chunk_empty;
	file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
	{
		return errno == ENOENT;
	}
	success = nflog_secret_read(file, content);
	error = errno;
	close(file);
	errno = error;
	return success;
}

/*
 * Described in header
 */
bool nflog_folder_add_spis(hashtable_t *spis, char *name)
{
	char parsed[2][NFLOG_IKE_DIGITS + 1], *spi;
	bool new = FALSE;
	int i;

	for (i = 0; i < 2 && nflog_trace_name_parse(name, parsed); i++)
	{
		/* that of a responder which did not answer is no SPI */
		if (strspn(parsed[i], "0") < strlen(parsed[i]) && !spis->get(spis, parsed[i]))
		{
			spi = strdup(parsed[i]);
			spis->put(spis, spi, spi);
			new = TRUE;
		}
	}
	return new;
}

/**
 * Add rows of one of the key tables.
 */
static bool write_rows(nflog_store_t *store, char *conn, int fd, hashtable_t *spis,
					   char *name)
{
	chunk_t content, rows = chunk_empty, old = chunk_empty, all;
	bool success;

	success = store->read_file(store, conn, name, &content) && read_file(fd, name, &old);
	if (success && content.len)
	{
		rows = nflog_key_rows_select(content, spis);
		all = nflog_key_rows_merge(rows, old);
		if (all.len > old.len)
		{
			success = nflog_folder_write(store, fd, name, all);
		}
		nflog_secret_clear(&all);
	}
	nflog_secret_clear(&rows);
	nflog_secret_clear(&old);
	nflog_secret_clear(&content);
	return success;
}

/*
 * Described in header
 */
bool nflog_folder_write_keys(nflog_store_t *store, char *conn, int fd, hashtable_t *spis)
{
	static char *tables[] = {
		"keys", "esp_sa", "ikev1_decryption_table", "ikev2_decryption_table",
	};
	bool success = TRUE;
	chunk_t content;
	int i;

	for (i = 0; success && i < countof(tables); i++)
	{
		success = write_rows(store, conn, fd, spis, tables[i]);
	}
	if (success && store->read_file(store, conn, "preferences", &content))
	{
		success = !content.len || nflog_folder_write(store, fd, "preferences", content);
		nflog_secret_clear(&content);
	}
	return success;
}

/**
 * Say in the summary that the folder was repaired.
 */
static bool repair_summary(nflog_store_t *store, char *name, int fd, char *time,
						   nflog_cause_t cause)
{
	chunk_t old, text;
	bool success;
	char *first;

	if (!read_file(fd, NFLOG_FOLDER_SUMMARY, &old))
	{
		return FALSE;
	}
	if (asprintf(&first, "Connection %.*s: %s\n", (int)(time - 1 - name), name,
				 nflog_cause_describe(cause)) < 0)
	{
		nflog_secret_clear(&old);
		return FALSE;
	}
	text = chunk_cat("cc", old.len ? old : chunk_from_str(first), chunk_from_str(REPAIRED));
	success = nflog_folder_write(store, fd, NFLOG_FOLDER_SUMMARY, text);
	chunk_free(&text);
	free(first);
	nflog_secret_clear(&old);
	return success;
}

/**
 * Get the SPIs of the files in a folder, and remove what was not written completely.
 *
 * @return				SPIs, char* (owned) => itself
 */
static hashtable_t *find_spis(int fd)
{
	hashtable_t *spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	DIR *files = list_dir(fd, ".");
	struct dirent *file;

	while (files && (file = get_next(files)))
	{
		if (!nflog_usage_remove_tmp(fd, file->d_name))
		{
			nflog_folder_add_spis(spis, file->d_name);
		}
	}
	if (files)
	{
		closedir(files);
	}
	return spis;
}

/*
 * Described in header
 */
bool nflog_folder_repair(nflog_store_t *store, char *name, int fd)
{
	char conn[NFLOG_NAME_SIZE], *time;
	nflog_cause_t cause;
	hashtable_t *spis;
	bool success;

	if (!nflog_folder_parse(name, &time, &cause) || time - name > sizeof(conn))
	{
		errno = EINVAL;
		return FALSE;
	}
	snprintf(conn, sizeof(conn), "%.*s", (int)(time - 1 - name), name);
	spis = find_spis(fd);
	success = nflog_folder_write_keys(store, conn, fd, spis) &&
			  repair_summary(store, name, fd, time, cause) &&
			  unlinkat(fd, NFLOG_FOLDER_INCOMPLETE, 0) == 0;
	spis->destroy_function(spis, (void*)free);
	return success;
}

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

#include "saver.h"
#include "captures/captures.h"
#include "cli/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap.h>

#include <collections/array.h>
#include <collections/linked_list.h>

/** largest packet in a file, with the attributes of NFLOG, the snaplen of the plugin's files */
#define MAX_PACKET 262144

/** how often to look for files again, if a ring removed some before they were opened */
#define ATTEMPTS 10

/** header of a record in the file, pcap-savefile(5) */
typedef struct {
	uint32_t sec, usec, caplen, len;
} record_t;

typedef struct private_saver_t private_saver_t;
typedef struct source_t source_t;

/**
 * Private data.
 */
struct private_saver_t {

	/**
	 * Public interface.
	 */
	saver_t public;

	/**
	 * Directory for all copies.
	 */
	char *target;

	/**
	 * Directories that traces were copied from, char*.
	 */
	linked_list_t *dirs;

	/**
	 * Number and bytes of files with packets.
	 */
	u_int files;
	uint64_t bytes;
};

/**
 * File to copy.
 */
struct source_t {
	/** name */
	char *name;
	/** the open file */
	FILE *file;
};

/**
 * Destroy a source_t.
 */
static void source_destroy(void *data, int idx, void *user)
{
	source_t *source = data;

	free(source->name);
	if (source->file)
	{
		fclose(source->file);
	}
	free(source);
}

/**
 * Print that something failed.
 */
static bool failed(char *what, const char *dir, const char *name)
{
	text_print(stderr, "unable to %s %s%s%s: %s\n", what, dir, name ? "/" : "",
			   name ?: "", strerror(errno));
	return FALSE;
}

/**
 * Open a file, which must not be a link.
 */
static FILE *open_source(const char *dir, const char *name)
{
	char path[PATH_MAX];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
	{
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
	{
		close(fd);
	}
	return file;
}

/**
 * Check if a file belongs to a trace, which may have been rotated.  Other traces of the SA
 * have other times in their names.
 *
 * @param first			parsed name of its first file
 * @param last			that of its current or last one
 */
static bool is_of(char *name, capture_t *first, capture_t *last)
{
	capture_t other;
	bool same;

	if (!captures_parse(name, &other))
	{
		return FALSE;
	}
	/* times are of the same length, and follow the label, which is the same */
	same = other.kind == last->kind && streq(other.label, last->label) &&
		   other.spis[0] == last->spis[0] && other.spis[1] == last->spis[1] &&
		   strcmp(other.name, first->name) >= 0 && strcmp(other.name, last->name) <= 0;
	free(other.name);
	free(other.label);
	return same;
}

/**
 * Open all files of a trace.
 *
 * @param vanished		set to TRUE if one was removed before it could be opened
 * @return				array of source_t*, NULL on failure, which was printed
 */
static array_t *open_sources(const char *dir, capture_t *first, capture_t *last,
							 bool *vanished)
{
	array_t *sources = array_create(0, 0);
	struct dirent *entry;
	source_t *source;
	DIR *files;

	*vanished = FALSE;
	files = opendir(dir);
	if (!files)
	{
		failed("read the directory", dir, NULL);
		array_destroy(sources);
		return NULL;
	}
	while (!*vanished && (entry = readdir(files)))
	{
		if (!is_of(entry->d_name, first, last))
		{
			continue;
		}
		INIT(source,
			.name = strdup(entry->d_name),
			.file = open_source(dir, entry->d_name),
		);
		array_insert(sources, ARRAY_TAIL, source);
		if (!source->file && errno == ENOENT)
		{
			*vanished = TRUE;
		}
		else if (!source->file)
		{
			failed("open", dir, entry->d_name);
			array_destroy_function(sources, source_destroy, NULL);
			sources = NULL;
			break;
		}
	}
	closedir(files);
	return sources;
}

/**
 * Get the directory for copies of those in a directory, and create it.
 */
static bool get_target(private_saver_t *this, const char *dir, char path[PATH_MAX])
{
	char *copy = strdup(dir);
	struct stat st;

	snprintf(path, PATH_MAX, "%s/%s", this->target, basename(copy));
	free(copy);
	if (mkdir(path, 0700) == 0)
	{
		return TRUE;
	}
	if (errno == EEXIST)
	{	/* a link may lead to where others read keys */
		errno = lstat(path, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	}
	return !errno || failed("create the directory", path, NULL);
}

/**
 * Create a copy, which must not exist.
 */
static FILE *create_copy(char *target, char *name)
{
	char path[PATH_MAX];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", target, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
	{
		failed("create", path, NULL);
	}
	return file;
}

/**
 * Complete a copy, or remove it.
 */
static bool close_copy(FILE *file, char *target, char *name, bool success)
{
	char path[PATH_MAX];

	success = !ferror(file) && success;
	success = (fclose(file) == 0 && success) || failed("write to", target, name);
	if (!success)
	{	/* a part of it would look like all */
		snprintf(path, sizeof(path), "%s/%s", target, name);
		unlink(path);
	}
	return success;
}

/**
 * Copy whole packets, until the end of the file, or the part of one that is being written.
 *
 * @param damaged		set to TRUE if what follows is no packet
 * @return				FALSE if writing failed
 */
static bool copy_packets(private_saver_t *this, FILE *from, FILE *to, bool *damaged)
{
	struct pcap_file_header header;
	static u_char packet[MAX_PACKET];
	record_t record;

	if (fread(&header, sizeof(header), 1, from) != 1)
	{
		return TRUE;
	}
	this->bytes += sizeof(header);
	if (fwrite(&header, sizeof(header), 1, to) != 1)
	{
		return FALSE;
	}
	while (fread(&record, sizeof(record), 1, from) == 1)
	{
		if (record.caplen > sizeof(packet))
		{
			*damaged = TRUE;
			return TRUE;
		}
		if (fread(packet, 1, record.caplen, from) != record.caplen)
		{
			break;
		}
		if (fwrite(&record, sizeof(record), 1, to) != 1 ||
			fwrite(packet, 1, record.caplen, to) != record.caplen)
		{
			return FALSE;
		}
		this->bytes += sizeof(record) + record.caplen;
	}
	return TRUE;
}

/**
 * Copy a file of a trace.
 */
static bool copy_trace(private_saver_t *this, const char *dir, char *target,
					   source_t *source)
{
	FILE *copy = create_copy(target, source->name);
	uint64_t before = this->bytes;
	bool damaged = FALSE, success;

	if (!copy)
	{
		return FALSE;
	}
	success = copy_packets(this, source->file, copy, &damaged);
	if (!close_copy(copy, target, source->name, success))
	{
		this->bytes = before;
		return FALSE;
	}
	this->files++;
	if (ferror(source->file))
	{
		return failed("read", dir, source->name);
	}
	if (damaged)
	{
		text_print(stderr, "%s/%s is damaged, only the packets before that were copied\n",
				   dir, source->name);
	}
	return !damaged;
}

/**
 * Note the directory of a trace.
 */
static void add_dir(private_saver_t *this, const char *dir)
{
	enumerator_t *enumerator;
	bool known = FALSE;
	char *other;

	enumerator = this->dirs->create_enumerator(this->dirs);
	while (!known && enumerator->enumerate(enumerator, &other))
	{
		known = streq(other, dir);
	}
	enumerator->destroy(enumerator);
	if (!known)
	{
		this->dirs->insert_last(this->dirs, strdup(dir));
	}
}

/**
 * Parse the name of a file.
 */
static bool parse(const char *file, capture_t *capture)
{
	char *copy = strdup(file);
	bool valid;

	valid = captures_parse(copy, capture);
	free(copy);
	if (!valid)
	{
		text_print(stderr, "%s is not the name of a trace\n", file);
	}
	return valid;
}

METHOD(saver_t, save_trace, bool,
	private_saver_t *this, const char *dir, const char *first, const char *file)
{
	capture_t from = {}, to = {};
	char target[PATH_MAX];
	array_t *sources = NULL;
	source_t *source;
	bool vanished = TRUE, success;
	int i;

	success = parse(first, &from) && parse(file, &to);
	for (i = 0; success && vanished && i < ATTEMPTS; i++)
	{
		array_destroy_function(sources, source_destroy, NULL);
		sources = open_sources(dir, &from, &to, &vanished);
	}
	free(from.name);
	free(from.label);
	free(to.name);
	free(to.label);
	if (!success)
	{
		return FALSE;
	}
	if (vanished)
	{
		text_print(stderr, "%s/%s is rotated faster than its files can be opened\n", dir,
				   file);
	}
	if (sources && !vanished && !array_count(sources))
	{
		text_print(stderr, "%s/%s does not exist\n", dir, file);
	}
	success = array_count(sources) && !vanished && get_target(this, dir, target);
	if (success)
	{
		add_dir(this, dir);
	}
	for (i = 0; success && i < array_count(sources); i++)
	{
		array_get(sources, i, &source);
		success = copy_trace(this, dir, target, source);
	}
	array_destroy_function(sources, source_destroy, NULL);
	return success;
}

/**
 * Copy a whole file, if there is one.
 */
static bool copy_file(const char *dir, char *target, char *name)
{
	FILE *file = open_source(dir, name), *copy;
	bool success = TRUE;
	char buf[16384];
	size_t len;

	if (!file)
	{
		return errno == ENOENT || failed("open", dir, name);
	}
	copy = create_copy(target, name);
	while (copy && success && (len = fread(buf, 1, sizeof(buf), file)) > 0)
	{
		success = fwrite(buf, 1, len, copy) == len;
	}
	success = copy && close_copy(copy, target, name, success);
	if (success && ferror(file))
	{
		success = failed("read", dir, name);
	}
	memwipe(buf, sizeof(buf));
	fclose(file);
	return success;
}

METHOD(saver_t, save_keys, bool,
	private_saver_t *this)
{
	static char *tables[] = {
		"keys", "esp_sa", "ikev1_decryption_table", "ikev2_decryption_table",
		"preferences",
	};
	enumerator_t *enumerator;
	char target[PATH_MAX], *dir;
	bool success = TRUE;
	int i;

	enumerator = this->dirs->create_enumerator(this->dirs);
	while (enumerator->enumerate(enumerator, &dir))
	{
		success &= get_target(this, dir, target);
		for (i = 0; success && i < countof(tables); i++)
		{
			success = copy_file(dir, target, tables[i]);
		}
	}
	enumerator->destroy(enumerator);
	return success;
}

METHOD(saver_t, get_size, uint64_t,
	private_saver_t *this, u_int *files)
{
	*files = this->files;
	return this->bytes;
}

METHOD(saver_t, destroy, void,
	private_saver_t *this)
{
	this->dirs->destroy_function(this->dirs, free);
	free(this);
}

/*
 * Described in header
 */
saver_t *saver_create(char *target)
{
	private_saver_t *this;
	struct rlimit limit;

	if (mkdir(target, 0700) != 0 && errno != EEXIST)
	{
		failed("create the directory", target, NULL);
		return NULL;
	}
	/* rings may have many files */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	INIT(this,
		.public = {
			.save_trace = _save_trace,
			.save_keys = _save_keys,
			.get_size = _get_size,
			.destroy = _destroy,
		},
		.target = target,
		.dirs = linked_list_create(),
	);
	return &this->public;
}

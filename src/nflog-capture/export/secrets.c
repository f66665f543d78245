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

#include "secrets.h"

#include "cli/command.h"
#include "cli/text.h"
#include "keys/key_file.h"
#include "keys/uat.h"
#include "write/output.h"

#include <collections/hashtable.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/** bytes of the largest table that is read, that of a million SAs */
#define MAX_TABLE (512 * 1024 * 1024)

/** columns of rows of ESP SAs that older releases don't have, with their defaults */
#define ESP_COLUMNS 10
#define ESP_DEFAULTS ",\"32-bit\",\"0\""

/** Wireshark's settings, next to the tables */
#define PREFERENCES "preferences"

typedef struct private_secrets_t private_secrets_t;

/** names of tables, by type, as the plugin's nflog_keytable_names */
static char *names[] = {
	"esp_sa", "ikev2_decryption_table", "ikev1_decryption_table", NFLOG_KEY_FILE,
};

/**
 * Private data.
 */
struct private_secrets_t {

	/**
	 * Public interface.
	 */
	secrets_t public;

	/**
	 * Lines of tables by type, and how many bytes of these are used.
	 */
	chunk_t tables[TABLE_MAX];
	size_t used[TABLE_MAX];

	/**
	 * Wireshark's settings, empty for none.
	 */
	chunk_t preferences;

	/**
	 * Number of rows, but for the key file, and in that.
	 */
	u_int count, key_count;

	/**
	 * SPIs of the traces in the directory that is read, char* => char*.
	 */
	hashtable_t *spis;
};

/**
 * Append text to a table.
 */
static void append(private_secrets_t *this, nflog_keytable_type_t type, chunk_t text)
{
	chunk_t *table = &this->tables[type], old = *table;
	size_t used = this->used[type];

	if (used + text.len > old.len)
	{	/* not by realloc(), which leaves keys behind */
		*table = chunk_alloc(max(2 * old.len, used + text.len));
		if (used)
		{
			memcpy(table->ptr, old.ptr, used);
		}
		chunk_clear(&old);
	}
	if (text.len)
	{
		memcpy(table->ptr + used, text.ptr, text.len);
	}
	this->used[type] += text.len;
}

/**
 * Count the columns of a row.
 */
static u_int count_columns(chunk_t line)
{
	bool quoted = FALSE;
	u_int columns = 1;
	size_t i;

	for (i = 0; i < line.len; i++)
	{
		quoted ^= line.ptr[i] == '"';
		columns += line.ptr[i] == ',' && !quoted;
	}
	return columns;
}

/**
 * Get the next line of a text, and remove it from that.
 */
static bool get_line(chunk_t *text, chunk_t *line)
{
	u_char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;

	if (!end)
	{
		return FALSE;
	}
	*line = chunk_create(text->ptr, end - text->ptr);
	*text = chunk_skip(*text, line->len + 1);
	return TRUE;
}

/**
 * Check if a trace has this SPI.
 */
static bool has_spi(private_secrets_t *this, chunk_t spi)
{
	char buf[NFLOG_IKE_DIGITS + 1];

	snprintf(buf, sizeof(buf), "%.*s", (int)spi.len, (char*)spi.ptr);
	return this->spis->get(this->spis, buf) != NULL;
}

/**
 * Add a line of a table, if it is needed.
 */
static void add_line(private_secrets_t *this, nflog_keytable_type_t type,
					 chunk_t line)
{
	nflog_row_t row;
	bool valid;

	valid = type == TABLE_KEYS ? nflog_key_file_get_row(line, &row)
							   : nflog_uat_parse(type, line, &row);
	if (valid && row.spi.len && has_spi(this, row.spi))
	{
		append(this, type, line);
		append(this, type, chunk_from_chars('\n'));
		this->count += type != TABLE_KEYS;
		this->key_count += type == TABLE_KEYS;
	}
}

/**
 * Read a file next to traces, if there is one.
 */
static chunk_t read_file(char *dir, char *name)
{
	chunk_t content = chunk_empty;
	struct stat st;
	char *path;
	FILE *file;
	int fd;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
	{
		return chunk_empty;
	}
	/* not blocked by a FIFO */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (file && fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size > 0 && st.st_size <= MAX_TABLE)
	{	/* without a buffer of its own, which would keep keys */
		setvbuf(file, NULL, _IONBF, 0);
		content = chunk_alloc(st.st_size);
		content.len = fread(content.ptr, 1, content.len, file);
	}
	else if (file || errno != ENOENT)
	{
		text_print(stderr, "unable to read %s: %s\n", path,
				   file ? "it is empty, too large, or no regular file" : strerror(errno));
	}
	if (file)
	{
		fclose(file);
	}
	free(path);
	return content;
}

/**
 * Read the tables of a directory.
 */
static void read_tables(private_secrets_t *this, char *dir)
{
	nflog_keytable_type_t type;
	chunk_t content, rest, line;

	for (type = 0; type < TABLE_MAX; type++)
	{
		content = rest = read_file(dir, names[type]);
		while (get_line(&rest, &line))
		{
			add_line(this, type, line);
		}
		chunk_clear(&content);
	}
	if (!this->preferences.len)
	{
		this->preferences = read_file(dir, PREFERENCES);
	}
}

/**
 * Add the SPIs of a trace whose packets are encrypted.
 */
static void add_spis(private_secrets_t *this, capture_t *capture)
{
	char *spi;
	int i;

	for (i = 0; i < 2; i++)
	{
		if (capture->kind == CAPTURE_ESP || (capture->kind == CAPTURE_IKE && !i))
		{
			if (asprintf(&spi, "%.*" PRIx64, capture->kind == CAPTURE_IKE ?
						 NFLOG_IKE_DIGITS : NFLOG_ESP_DIGITS,
						 capture->spis[i]) > 0)
			{
				free(this->spis->put(this->spis, spi, spi));
			}
		}
	}
}

/**
 * Forget the SPIs of a directory.
 */
static void clear_spis(private_secrets_t *this)
{
	enumerator_t *enumerator;
	char *key, *spi;

	enumerator = this->spis->create_enumerator(this->spis);
	while (enumerator->enumerate(enumerator, &key, &spi))
	{
		this->spis->remove_at(this->spis, enumerator);
		free(spi);
	}
	enumerator->destroy(enumerator);
}

METHOD(secrets_t, get_count, u_int,
	private_secrets_t *this)
{
	return this->count;
}

METHOD(secrets_t, get_key_count, u_int,
	private_secrets_t *this)
{
	return this->key_count;
}

METHOD(secrets_t, get_esp, chunk_t,
	private_secrets_t *this)
{
	chunk_t rest = chunk_create(this->tables[TABLE_ESP].ptr, this->used[TABLE_ESP]);
	chunk_t result, line;
	u_char *pos;

	/* a row has more bytes than those that are added */
	result = chunk_alloc(2 * rest.len);
	pos = result.ptr;
	while (get_line(&rest, &line))
	{
		memcpy(pos, line.ptr, line.len);
		pos += line.len;
		if (count_columns(line) < ESP_COLUMNS)
		{
			memcpy(pos, ESP_DEFAULTS, strlen(ESP_DEFAULTS));
			pos += strlen(ESP_DEFAULTS);
		}
		*pos++ = '\n';
	}
	result.len = pos - result.ptr;
	return result;
}

/**
 * Write a file to a directory.
 */
static bool write_file(char *dir, char *name, char *header, chunk_t content)
{
	char *path, *inputs[] = { NULL };
	output_t *output;
	bool success;

	if (!content.len)
	{
		return TRUE;
	}
	if (asprintf(&path, "%s/%s", dir, name) < 0)
	{
		return FALSE;
	}
	output = output_create(path, inputs);
	success = output && output->write(output, chunk_from_str(header)) &&
			  output->write(output, content) && output->finish(output);
	DESTROY_IF(output);
	free(path);
	return success;
}

METHOD(secrets_t, write_, bool,
	private_secrets_t *this, char *dir)
{
	nflog_keytable_type_t type;
	struct stat st;
	bool success;

	if (mkdir(dir, 0700) != 0)
	{
		if (errno != EEXIST || lstat(dir, &st) != 0)
		{
			text_print(stderr, "unable to create %s: %s\n", dir, strerror(errno));
			return FALSE;
		}
		/* whoever can write to it could replace what is read later */
		if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		{
			text_print(stderr, "unable to write keys to %s: it is no directory of yours "
					   "that nobody else can write to\n", dir);
			return FALSE;
		}
	}
	success = write_file(dir, PREFERENCES, "", this->preferences);
	for (type = 0; success && type < TABLE_MAX; type++)
	{
		success = write_file(dir, names[type],
							 type == TABLE_KEYS ? NFLOG_KEY_FILE_HEADER : "",
							 chunk_create(this->tables[type].ptr,
										  this->used[type]));
	}
	return success;
}

METHOD(secrets_t, destroy, void,
	private_secrets_t *this)
{
	nflog_keytable_type_t type;

	for (type = 0; type < TABLE_MAX; type++)
	{
		chunk_clear(&this->tables[type]);
	}
	chunk_free(&this->preferences);
	clear_spis(this);
	this->spis->destroy(this->spis);
	free(this);
}

/*
 * Described in header
 */
secrets_t *secrets_create(enumerator_t *captures)
{
	private_secrets_t *this;
	capture_t *capture;
	char *dir = NULL;

	INIT(this,
		.public = {
			.get_count = _get_count,
			.get_key_count = _get_key_count,
			.get_esp = _get_esp,
			.write = _write_,
			.destroy = _destroy,
		},
		.spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	);
	/* those of a directory follow each other */
	while (captures->enumerate(captures, &capture))
	{
		if (dir && !streq(dir, capture->dir))
		{
			read_tables(this, dir);
			clear_spis(this);
		}
		dir = capture->dir;
		add_spis(this, capture);
	}
	if (dir)
	{
		read_tables(this, dir);
	}
	captures->destroy(captures);
	return &this->public;
}

/*
 * Described in header
 */
void secrets_add_paths(char *dir, array_t *paths)
{
	nflog_keytable_type_t type;
	char *path;

	for (type = 0; type <= TABLE_MAX; type++)
	{
		if (asprintf(&path, "%s/%s", dir,
					 type == TABLE_MAX ? PREFERENCES : names[type]) > 0)
		{
			array_insert(paths, ARRAY_TAIL, path);
		}
	}
}

/*
 * Described in header
 */
bool secrets_may_replace(char *dir, char *inputs[])
{
	array_t *paths = array_create(0, 0);
	bool success = TRUE;
	char *path;

	secrets_add_paths(dir, paths);
	while (array_remove(paths, ARRAY_HEAD, &path))
	{
		success = success && output_is_other(path, inputs);
		free(path);
	}
	array_destroy(paths);
	return success;
}

/*
 * Described in header
 */
bool secrets_remove(char *dir)
{
	array_t *paths = array_create(0, 0);
	bool success = TRUE, found = FALSE;
	struct stat st;
	char *path;

	/* not through a link */
	if (lstat(dir, &st) == 0 && S_ISDIR(st.st_mode))
	{
		secrets_add_paths(dir, paths);
	}
	while (array_remove(paths, ARRAY_HEAD, &path))
	{
		/* the settings are last, alone they are not what was written */
		if ((array_count(paths) || found) && unlink(path) == 0)
		{
			found = TRUE;
		}
		else if ((array_count(paths) || found) && errno != ENOENT)
		{
			text_print(stderr, "unable to remove %s: %s\n", path, strerror(errno));
			success = FALSE;
		}
		free(path);
	}
	array_destroy(paths);
	if (found && success)
	{	/* fails if there are other files */
		ignore_result(rmdir(dir));
	}
	return success;
}

/*
 * Described in header
 */
int secrets_write(enumerator_t *captures, char *dir)
{
	secrets_t *secrets = secrets_create(captures);
	u_int count = secrets->get_count(secrets), all = secrets->get_key_count(secrets);
	int status = STATUS_ERROR;

	if (!count && !all)
	{
		text_print(stderr, "there are no keys of these traces next to them\n");
		status = STATUS_BAD;
	}
	else if (secrets->write(secrets, dir))
	{
		if (count)
		{
			text_print(stdout, "%s: %u keys, to open the file with "
					   "WIRESHARK_CONFIG_DIR=%s\n", dir, count, dir);
		}
		if (all > count)
		{
			text_print(stdout, "%s/" NFLOG_KEY_FILE ": %u keys, %s Wireshark does not "
					   "support, for nflog-capture decrypt -k\n", dir, all,
					   count ? "also those that" : "which");
		}
		status = STATUS_GOOD;
	}
	secrets->destroy(secrets);
	return status;
}

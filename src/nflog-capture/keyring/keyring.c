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

#include "keyring.h"
#include "cipher.h"
#include "cli/text.h"
#include "key_import.h"
#include "read/line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/array.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>

/** lines of a file and SAs that are reported: any other file may have millions of lines */
#define MAX_LINES 10
#define MAX_REPORTED 100

/** byte order mark that some editors put before the first line */
#define BOM "\xef\xbb\xbf"

/** SAs and sets of keys, some hundred bytes each */
#define MAX_KEYS (1024 * 1024)

typedef struct private_keyring_t private_keyring_t;
typedef struct same_t same_t;
typedef struct sink_t sink_t;

/**
 * Adds keys that are read.
 */
struct sink_t {
	/** public interface */
	key_import_sink_t public;
	/** what gets the keys */
	private_keyring_t *keyring;
};

/**
 * Private data.
 */
struct private_keyring_t {

	/**
	 * Public interface.
	 */
	keyring_t public;

	/**
	 * ESP and AH SAs by SPI, &spi => same_t of nflog_key_sa_t.
	 */
	hashtable_t *sas;

	/**
	 * Sets of keys by the SPI of the initiator, &spi => same_t of nflog_key_ike_t.
	 */
	hashtable_t *ikes;

	/**
	 * Number of both.
	 */
	u_int count;

	/**
	 * TRUE if there are keys of IKE_SAs, by version.
	 */
	bool versions[3];

	/**
	 * Lines that could not be parsed, or kept.
	 */
	u_int errors;

	/**
	 * Adds keys that are read.
	 */
	sink_t sink;

	/**
	 * TRUE if keys of the current line were not kept.
	 */
	bool refused;

	/**
	 * SAs and sets of keys that were reported, by their address.
	 */
	hashtable_t *reported;

	/**
	 * Guards reported.
	 */
	mutex_t *mutex;
};

/**
 * Keys with the same SPI.
 */
struct same_t {

	/**
	 * SPI.
	 */
	uint64_t spi;

	/**
	 * The newest ones, newest first.
	 */
	array_t *keys;
};

/*
 * Described in header
 */
u_int keyring_spi_hash(const void *key)
{
	return chunk_hash(chunk_create((u_char*)key, sizeof(uint64_t)));
}

/*
 * Described in header
 */
bool keyring_spi_equals(const void *a, const void *b)
{
	return *(uint64_t*)a == *(uint64_t*)b;
}

/**
 * Destroy the SAs with an SPI.
 */
static void sas_destroy(void *value, const void *key)
{
	same_t *same = value;
	nflog_key_sa_t *sa;

	while (array_remove(same->keys, ARRAY_HEAD, &sa))
	{
		nflog_key_sa_destroy(sa);
	}
	array_destroy(same->keys);
	free(same);
}

/**
 * Destroy the sets of keys with an SPI.
 */
static void ikes_destroy(void *value, const void *key)
{
	same_t *same = value;
	nflog_key_ike_t *ike;

	while (array_remove(same->keys, ARRAY_HEAD, &ike))
	{
		nflog_key_ike_destroy(ike);
	}
	array_destroy(same->keys);
	free(same);
}

/**
 * Enumerate the keys with an SPI.
 */
static enumerator_t *create_enumerator(hashtable_t *table, uint64_t spi)
{
	same_t *same = table->get(table, &spi);

	return same ? array_create_enumerator(same->keys) : enumerator_create_empty();
}

METHOD(keyring_t, create_sa_enumerator, enumerator_t*,
	private_keyring_t *this, uint64_t spi)
{
	return create_enumerator(this->sas, spi);
}

METHOD(keyring_t, create_ike_enumerator, enumerator_t*,
	private_keyring_t *this, uint64_t spi_i)
{
	return create_enumerator(this->ikes, spi_i);
}

METHOD(keyring_t, has_ike, bool,
	private_keyring_t *this, int version)
{
	return this->versions[version];
}

/**
 * Print that libstrongswan lacks algorithms, unless this was done for these keys.
 *
 * @param key		SA or set of keys
 * @param name		how to call it
 */
static void report_lack(private_keyring_t *this, void *key, char *name,
						encryption_algorithm_t encr, integrity_algorithm_t integ)
{
	char *encr_name = enum_to_name(encryption_algorithm_names, encr) ?: "none";
	char *integ_name = enum_to_name(integrity_algorithm_names, integ) ?: "none", *more;
	u_int count;

	this->mutex->lock(this->mutex);
	count = this->reported->get_count(this->reported);
	if (count < MAX_REPORTED && !this->reported->get(this->reported, key))
	{
		this->reported->put(this->reported, key, key);
		more = count == MAX_REPORTED - 1 ? ", others are not reported" : "";
		if (cipher_is_known(encr, integ))
		{
			text_print(stderr, "unable to decrypt %s: its keys have another length than "
					   "%s and %s use%s\n", name, encr_name, integ_name, more);
		}
		else
		{
			text_print(stderr, "unable to decrypt %s: libstrongswan lacks %s or %s, Debian "
					   "has the plugins for it in %s%s\n", name, encr_name, integ_name,
					   cipher_get_package(encr, integ), more);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(keyring_t, report, void,
	private_keyring_t *this, nflog_key_sa_t *sa)
{
	char name[32];

	snprintf(name, sizeof(name), "SA %.8x", sa->spi);
	report_lack(this, sa, name, sa->encr, sa->integ);
}

METHOD(keyring_t, report_ike, void,
	private_keyring_t *this, nflog_key_ike_t *ike)
{
	char name[64];

	snprintf(name, sizeof(name), "IKE_SA %.16" PRIx64 "-%.16" PRIx64, ike->spi_i,
			 ike->spi_r);
	report_lack(this, ike, name, ike->encr, ike->integ);
}

/**
 * Add an SA or a set of keys.
 *
 * @return			the oldest one with the same SPI if there are too many, or NULL
 */
static void *add_key(private_keyring_t *this, hashtable_t *table, uint64_t spi,
					 void *key)
{
	same_t *same;
	void *oldest;

	same = table->get(table, &spi);
	if (!same)
	{
		INIT(same,
			.spi = spi,
			.keys = array_create(0, 0),
		);
		table->put(table, &same->spi, same);
	}
	array_insert(same->keys, ARRAY_HEAD, key);
	if (array_count(same->keys) > KEYRING_MAX_SAME &&
		array_remove(same->keys, ARRAY_TAIL, &oldest))
	{
		return oldest;
	}
	this->count++;
	return NULL;
}

/**
 * Check if there is room for more keys.
 */
static bool has_room(private_keyring_t *this)
{
	this->refused = this->refused || this->count >= MAX_KEYS;
	return !this->refused;
}

METHOD(key_import_sink_t, add_sa, void,
	sink_t *sink, nflog_key_sa_t *sa)
{
	private_keyring_t *this = sink->keyring;

	if (has_room(this))
	{
		sa = add_key(this, this->sas, sa->any_spi ? KEYRING_ANY_SPI : sa->spi, sa);
	}
	nflog_key_sa_destroy(sa);
}

METHOD(key_import_sink_t, add_ike, void,
	sink_t *sink, nflog_key_ike_t *ike)
{
	private_keyring_t *this = sink->keyring;

	if (has_room(this))
	{
		this->versions[ike->version] = TRUE;
		ike = add_key(this, this->ikes, ike->spi_i, ike);
	}
	nflog_key_ike_destroy(ike);
}

/**
 * Print and count a line that could not be used.
 *
 * @param errors	such lines of this file, gets incremented
 * @param reason	reason, NULL if it is malformed
 */
static void report_line(private_keyring_t *this, char *path, u_int number,
						u_int *errors, const char *reason)
{
	this->errors++;
	if (++*errors <= MAX_LINES)
	{
		text_print(stderr, "%s:%u: unable to %s this line of the key file%s%s\n",
				   streq(path, "-") ? "stdin" : path, number,
				   this->refused ? "keep" : reason ? "use" : "parse",
				   reason ? ": " : "", reason ?: "");
	}
}

/**
 * Check that reading a file comes to an end.
 */
static bool is_finite(FILE *file)
{
	struct stat st;

	return fstat(fileno(file), &st) == 0 && !S_ISCHR(st.st_mode) &&
		   !S_ISBLK(st.st_mode);
}

/**
 * Read all lines of a file.
 */
static bool read_lines(private_keyring_t *this, char *path, FILE *file)
{
	/* our own buffers, so that they can be wiped */
	uint8_t buf[4096], content[NFLOG_KEY_FILE_MAX_LINE];
	chunk_t line = chunk_from_thing(content);
	key_import_t *import = key_import_create(&this->sink.public);
	const char *reason;
	u_int number = 0, errors = 0;
	bool success;

	setvbuf(file, (char*)buf, _IOFBF, sizeof(buf));
	while (line_read(file, &line))
	{
		this->refused = FALSE;
		if (!number++ && line.len >= strlen(BOM) && memeq(line.ptr, BOM, strlen(BOM)))
		{
			line.len -= strlen(BOM);
			memmove(line.ptr, line.ptr + strlen(BOM), line.len);
		}
		/* fails if the line fills the buffer, and so may be truncated */
		if (!import->parse(import, line, &reason) || this->refused)
		{
			report_line(this, path, number, &errors, reason);
		}
		line.len = sizeof(content);
	}
	this->refused = FALSE;
	if (!import->finish(import, &reason) || this->refused)
	{
		report_line(this, path, number, &errors, reason);
	}
	import->destroy(import);
	if (errors > MAX_LINES)
	{
		text_print(stderr, "%s: %u more lines of the key file can't be used either\n",
				   streq(path, "-") ? "stdin" : path, errors - MAX_LINES);
	}
	success = !ferror(file);
	if (!success)
	{
		text_print(stderr, "unable to read %s: %s\n", path, strerror(errno));
	}
	memwipe(content, sizeof(content));
	fclose(file);
	memwipe(buf, sizeof(buf));
	return success;
}

/**
 * Open a key file.
 */
static FILE *open_keys(char *path)
{
	int flags = O_RDONLY | O_NOCTTY | O_CLOEXEC, fd;
	struct stat st;
	FILE *file;

	if (streq(path, "-"))
	{
		fd = dup(STDIN_FILENO);
	}
	else
	{	/* whoever names a FIFO wants to wait for its writer, but not if it is one by the
		 * time it is opened only */
		fd = open(path, flags | (stat(path, &st) == 0 && S_ISREG(st.st_mode) ? O_NONBLOCK
																			 : 0));
	}
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !file)
	{
		close(fd);
	}
	return file;
}

/*
 * Described in header
 */
bool keyring_may_read(char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
	{
		text_print(stderr, "unable to open %s: it is no regular file, use --key-file to "
				   "read keys from a pipe\n", path);
		return FALSE;
	}
	return TRUE;
}

METHOD(keyring_t, add, bool,
	private_keyring_t *this, char *path)
{
	FILE *file;

	file = open_keys(path);
	if (!file)
	{
		text_print(stderr, "unable to open %s: %s\n", path, strerror(errno));
		return FALSE;
	}
	if (!is_finite(file))
	{
		text_print(stderr, "unable to open %s: it is a device\n", path);
		fclose(file);
		return FALSE;
	}
	return read_lines(this, path, file);
}

METHOD(keyring_t, get_errors, u_int,
	private_keyring_t *this)
{
	return this->errors;
}

METHOD(keyring_t, destroy, void,
	private_keyring_t *this)
{
	this->reported->destroy(this->reported);
	this->mutex->destroy(this->mutex);
	this->sas->destroy_function(this->sas, sas_destroy);
	this->ikes->destroy_function(this->ikes, ikes_destroy);
	free(this);
}

/*
 * Described in header
 */
keyring_t *keyring_create(char *path)
{
	private_keyring_t *this;

	INIT(this,
		.public = {
			.create_sa_enumerator = _create_sa_enumerator,
			.create_ike_enumerator = _create_ike_enumerator,
			.has_ike = _has_ike,
			.report = _report,
			.report_ike = _report_ike,
			.add = _add,
			.get_errors = _get_errors,
			.destroy = _destroy,
		},
		.sas = hashtable_create(keyring_spi_hash, keyring_spi_equals, 32),
		.ikes = hashtable_create(keyring_spi_hash, keyring_spi_equals, 32),
		.reported = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.sink = {
			.public = {
				.add_sa = _add_sa,
				.add_ike = _add_ike,
			},
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	this->sink.keyring = this;
	if (!add(this, path))
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}

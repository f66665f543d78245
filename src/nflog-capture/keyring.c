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

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <collections/linked_list.h>

/** lines that are reported, there may be millions in another file */
#define MAX_REPORTED 100

typedef struct private_keyring_t private_keyring_t;

/**
 * Private data.
 */
struct private_keyring_t {

	/**
	 * Public interface.
	 */
	keyring_t public;

	/**
	 * ESP and AH SAs, nflog_key_sa_t.
	 */
	linked_list_t *sas;

	/**
	 * Sets of keys of IKE_SAs, nflog_key_ike_t.
	 */
	linked_list_t *ikes;

	/**
	 * Lines that could not be parsed.
	 */
	u_int errors;
};

METHOD(keyring_t, create_sa_enumerator, enumerator_t*,
	private_keyring_t *this)
{
	return this->sas->create_enumerator(this->sas);
}

METHOD(keyring_t, create_ike_enumerator, enumerator_t*,
	private_keyring_t *this)
{
	return this->ikes->create_enumerator(this->ikes);
}

/**
 * Parse a line.
 */
static bool parse_line(private_keyring_t *this, chunk_t line)
{
	nflog_key_sa_t *sa;
	nflog_key_ike_t *ike;

	if (!nflog_key_file_parse(line, &sa, &ike))
	{
		return FALSE;
	}
	if (sa)
	{
		this->sas->insert_last(this->sas, sa);
	}
	if (ike)
	{
		this->ikes->insert_last(this->ikes, ike);
	}
	return TRUE;
}

/**
 * Read a line, without its end.
 *
 * @param line		buffer with its size, receives the line with its length, cut to the
 *					size of the buffer if it is too long
 * @return			FALSE if there are no more
 */
static bool read_line(FILE *file, chunk_t *line)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n')
	{
		if (len < line->len)
		{
			line->ptr[len++] = c;
		}
	}
	line->len = len;
	return c != EOF || len;
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
	/* buffers of our own are wiped */
	uint8_t buf[4096], content[NFLOG_KEY_FILE_MAX_LINE];
	chunk_t line = chunk_from_thing(content);
	u_int number = 0;
	bool success;

	setvbuf(file, (char*)buf, _IOFBF, sizeof(buf));
	while (read_line(file, &line))
	{
		number++;
		/* one that fills the buffer is too long */
		if (!parse_line(this, line) && ++this->errors <= MAX_REPORTED)
		{
			fprintf(stderr, "%s:%u: unable to parse this line of the key file%s\n",
					path, number, this->errors == MAX_REPORTED ?
					", others are not reported" : "");
		}
		line.len = sizeof(content);
	}
	success = !ferror(file);
	if (!success)
	{
		fprintf(stderr, "unable to read %s: %s\n", path, strerror(errno));
	}
	memwipe(content, sizeof(content));
	fclose(file);
	memwipe(buf, sizeof(buf));
	return success;
}

METHOD(keyring_t, add, bool,
	private_keyring_t *this, char *path)
{
	FILE *file;

	file = fopen(path, "re");
	if (!file)
	{
		fprintf(stderr, "unable to open %s: %s\n", path, strerror(errno));
		return FALSE;
	}
	if (!is_finite(file))
	{
		fprintf(stderr, "unable to open %s: it is a device\n", path);
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
	this->sas->destroy_function(this->sas, (void*)nflog_key_sa_destroy);
	this->ikes->destroy_function(this->ikes, (void*)nflog_key_ike_destroy);
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
			.add = _add,
			.get_errors = _get_errors,
			.destroy = _destroy,
		},
		.sas = linked_list_create(),
		.ikes = linked_list_create(),
	);
	if (!add(this, path))
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}

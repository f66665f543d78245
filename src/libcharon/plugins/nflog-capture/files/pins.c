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


#include "pins.h"
#include "trace_name.h"

#include <collections/hashtable.h>

typedef struct private_nflog_pins_t private_nflog_pins_t;
typedef struct pinned_dir_t pinned_dir_t;
typedef struct pin_t pin_t;

/**
 * Private data.
 */
struct private_nflog_pins_t {

	/**
	 * Public interface.
	 */
	nflog_pins_t public;

	/**
	 * Directories with files, char *dir => pinned_dir_t.
	 */
	hashtable_t *dirs;
};

/**
 * Files of a connection.
 */
struct pinned_dir_t {
	/** directory */
	char *dir;
	/** files, char *name => pin_t */
	hashtable_t *pins;
};

/**
 * File.
 */
struct pin_t {
	/** name */
	char *name;
	/** how often it was added */
	u_int count;
};

/**
 * Destroy a file.
 */
static void pin_destroy(pin_t *pin, const void *key)
{
	free(pin->name);
	free(pin);
}

/**
 * Destroy the files of a connection.
 */
static void dir_destroy(pinned_dir_t *dir, const void *key)
{
	dir->pins->destroy_function(dir->pins, (void*)pin_destroy);
	free(dir->dir);
	free(dir);
}

/**
 * Get the name of a file, or that of the first file of a trace (allocated).
 */
static char *get_file(char *name)
{
	return nflog_trace_name_parse(name, NULL) ? strdup(name)
											  : nflog_trace_name_file(name, 0, FALSE);
}

METHOD(nflog_pins_t, add, void,
	private_nflog_pins_t *this, char *name, char *file)
{
	pinned_dir_t *dir = this->dirs->get(this->dirs, name);
	pin_t *pin;

	if (!dir)
	{
		INIT(dir,
			.dir = strdup(name),
			.pins = hashtable_create(hashtable_hash_str, hashtable_equals_str, 4),
		);
		this->dirs->put(this->dirs, dir->dir, dir);
	}
	file = get_file(file);
	pin = dir->pins->get(dir->pins, file);
	if (pin)
	{
		free(file);
	}
	else
	{
		INIT(pin,
			.name = file,
		);
		dir->pins->put(dir->pins, pin->name, pin);
	}
	pin->count++;
}

METHOD(nflog_pins_t, remove_, void,
	private_nflog_pins_t *this, char *name, char *file)
{
	pinned_dir_t *dir = this->dirs->get(this->dirs, name);
	pin_t *pin;

	file = get_file(file);
	pin = dir ? dir->pins->get(dir->pins, file) : NULL;
	if (pin && !--pin->count)
	{
		dir->pins->remove(dir->pins, file);
		pin_destroy(pin, NULL);
		if (!dir->pins->get_count(dir->pins))
		{
			this->dirs->remove(this->dirs, name);
			dir_destroy(dir, NULL);
		}
	}
	free(file);
}

CALLBACK(get_name, bool,
	void *null, enumerator_t *enumerator, va_list args)
{
	pin_t *pin;
	char **name;

	VA_ARGS_VGET(args, name);
	if (!enumerator->enumerate(enumerator, NULL, &pin))
	{
		return FALSE;
	}
	*name = pin->name;
	return TRUE;
}

METHOD(nflog_pins_t, create_enumerator, enumerator_t*,
	private_nflog_pins_t *this, char *name)
{
	pinned_dir_t *dir = this->dirs->get(this->dirs, name);

	return dir ? enumerator_create_filter(dir->pins->create_enumerator(dir->pins),
										  get_name, NULL, NULL)
			   : enumerator_create_empty();
}

METHOD(nflog_pins_t, destroy, void,
	private_nflog_pins_t *this)
{
	this->dirs->destroy_function(this->dirs, (void*)dir_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_pins_t *nflog_pins_create()
{
	private_nflog_pins_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.create_enumerator = _create_enumerator,
			.destroy = _destroy,
		},
		.dirs = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}

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

#include "key_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include <collections/linked_list.h>

/** bytes of a line, those of the plugin have some hundred at most */
#define MAX_LINE 8192

/** lines that are complained about, there may be millions in another file */
#define MAX_COMPLAINTS 100

typedef struct private_key_file_t private_key_file_t;
typedef struct parser_t parser_t;

/**
 * Private data.
 */
struct private_key_file_t {

	/**
	 * Public interface.
	 */
	key_file_t public;

	/**
	 * ESP and AH SAs, key_sa_t.
	 */
	linked_list_t *sas;

	/**
	 * Keys of IKE_SAs, key_ike_t.
	 */
	linked_list_t *ikes;

	/**
	 * Lines that could not be understood.
	 */
	u_int errors;
};

/**
 * How to parse a field "name=value" of a line.
 */
struct parser_t {

	/**
	 * Name of the field.
	 */
	char *name;

	/**
	 * Function to parse the value.
	 */
	bool (*parse)(char *value, void *out);

	/**
	 * Where to store it.
	 */
	void *out;
};

/**
 * Destroy an SA.
 */
static void sa_destroy(key_sa_t *this)
{
	DESTROY_IF(this->src);
	DESTROY_IF(this->dst);
	chunk_clear(&this->encr_key);
	chunk_clear(&this->integ_key);
	free(this);
}

/**
 * Destroy keys of an IKE_SA.
 */
static void ike_destroy(key_ike_t *this)
{
	chunk_clear(&this->sk_ei);
	chunk_clear(&this->sk_er);
	chunk_clear(&this->sk_ai);
	chunk_clear(&this->sk_ar);
	free(this);
}

/**
 * Parse exactly as many hex digits as given.
 */
static bool parse_hex(char *value, u_int digits, uint64_t *out)
{
	char *end;

	if (strlen(value) != digits || strspn(value, "0123456789abcdef") != digits)
	{
		return FALSE;
	}
	*out = strtoull(value, &end, 16);
	return *end == '\0';
}

/**
 * Parse a key, which may be empty.
 */
static bool parse_key(char *value, void *out)
{
	chunk_t *key = out, hex = chunk_from_str(value);

	if (hex.len % 2 || strspn(value, "0123456789abcdef") != hex.len || key->ptr)
	{
		return FALSE;
	}
	*key = chunk_from_hex(hex, NULL);
	return TRUE;
}

static bool parse_encr(char *value, void *out)
{
	return enum_from_name(encryption_algorithm_names, value,
						  (encryption_algorithm_t*)out);
}

static bool parse_integ(char *value, void *out)
{
	return enum_from_name(integrity_algorithm_names, value,
						  (integrity_algorithm_t*)out);
}

static bool parse_mode(char *value, void *out)
{
	return enum_from_name(ipsec_mode_names, value, (ipsec_mode_t*)out);
}

static bool parse_bool(char *value, void *out)
{
	*(bool*)out = streq(value, "yes");
	return *(bool*)out || streq(value, "no");
}

static bool parse_dir(char *value, void *out)
{
	*(bool*)out = streq(value, "in");
	return *(bool*)out || streq(value, "out");
}

static bool parse_version(char *value, void *out)
{
	*(int*)out = atoi(value);
	return streq(value, "1") || streq(value, "2");
}

/**
 * Parse the fields that follow the SPIs or addresses.
 */
static bool parse_fields(char *line, parser_t *parsers, u_int count)
{
	char *field, *value;
	u_int i;

	while ((field = strsep(&line, " ")))
	{
		value = strchr(field, '=');
		if (!value)
		{
			return FALSE;
		}
		*value++ = '\0';
		for (i = 0; i < count; i++)
		{	/* those that aren't known may be in a later version */
			if (streq(field, parsers[i].name) &&
				!parsers[i].parse(value, parsers[i].out))
			{
				return FALSE;
			}
		}
	}
	return TRUE;
}

/**
 * Parse an address, with a port in brackets.
 */
static host_t *parse_host(char *value)
{
	char *pos, *end;
	u_long port = 0;

	if (!value)
	{
		return NULL;
	}
	pos = strchr(value, '[');
	if (pos)
	{
		*pos++ = '\0';
		port = strtoul(pos, &end, 10);
		if (!streq(end, "]") || port > 0xffff)
		{
			return NULL;
		}
	}
	return host_create_from_string(value, port);
}

/**
 * Parse the line of an ESP or AH SA.
 */
static bool parse_sa(private_key_file_t *this, uint8_t proto, char *line)
{
	key_sa_t *sa;
	char *spi;
	uint64_t value;

	INIT(sa,
		.proto = proto,
		.mode = MODE_TUNNEL,
		.encr = ENCR_UNDEFINED,
		.integ = AUTH_UNDEFINED,
	);
	parser_t parsers[] = {
		{ "udp",		parse_bool,		&sa->udp		},
		{ "dir",		parse_dir,		&sa->inbound	},
		{ "mode",		parse_mode,		&sa->mode		},
		{ "esn",		parse_bool,		&sa->esn		},
		{ "enc",		parse_encr,		&sa->encr		},
		{ "enc_key",	parse_key,		&sa->encr_key	},
		{ "integ",		parse_integ,	&sa->integ		},
		{ "integ_key",	parse_key,		&sa->integ_key	},
	};
	spi = strsep(&line, " ");
	sa->src = parse_host(strsep(&line, " "));
	sa->dst = parse_host(strsep(&line, " "));
	if (!sa->src || !sa->dst || !parse_hex(spi, 8, &value) ||
		!parse_fields(line, parsers, countof(parsers)) ||
		(proto == IPPROTO_ESP && sa->encr == ENCR_UNDEFINED) ||
		(proto == IPPROTO_AH && sa->integ == AUTH_UNDEFINED))
	{
		sa_destroy(sa);
		return FALSE;
	}
	sa->spi = value;
	this->sas->insert_last(this->sas, sa);
	return TRUE;
}

/**
 * Parse the line of an IKE_SA.
 */
static bool parse_ike(private_key_file_t *this, char *line)
{
	key_ike_t *ike;
	char *spi_i, *spi_r;

	INIT(ike,
		.encr = ENCR_UNDEFINED,
		.integ = AUTH_UNDEFINED,
	);
	parser_t parsers[] = {
		{ "version",	parse_version,	&ike->version	},
		{ "enc",		parse_encr,		&ike->encr		},
		{ "integ",		parse_integ,	&ike->integ		},
		{ "sk_ei",		parse_key,		&ike->sk_ei		},
		{ "sk_er",		parse_key,		&ike->sk_er		},
		{ "sk_ai",		parse_key,		&ike->sk_ai		},
		{ "sk_ar",		parse_key,		&ike->sk_ar		},
	};
	spi_i = strsep(&line, " ");
	spi_r = strsep(&line, " ");
	if (!spi_r || !parse_hex(spi_i, 16, &ike->spi_i) ||
		!parse_hex(spi_r, 16, &ike->spi_r) ||
		!parse_fields(line, parsers, countof(parsers)) || !ike->version ||
		ike->encr == ENCR_UNDEFINED)
	{
		ike_destroy(ike);
		return FALSE;
	}
	this->ikes->insert_last(this->ikes, ike);
	return TRUE;
}

/**
 * Parse a line.
 */
static bool parse_line(private_key_file_t *this, char *line)
{
	char *kind;

	if (*line == '#' || *line == '\0')
	{
		return TRUE;
	}
	kind = strsep(&line, " ");
	if (line && streq(kind, "esp"))
	{
		return parse_sa(this, IPPROTO_ESP, line);
	}
	if (line && streq(kind, "ah"))
	{
		return parse_sa(this, IPPROTO_AH, line);
	}
	return line && streq(kind, "ike") && parse_ike(this, line);
}

METHOD(key_file_t, create_sa_enumerator, enumerator_t*,
	private_key_file_t *this)
{
	return this->sas->create_enumerator(this->sas);
}

METHOD(key_file_t, create_ike_enumerator, enumerator_t*,
	private_key_file_t *this)
{
	return this->ikes->create_enumerator(this->ikes);
}

/**
 * Read a line, without its end.
 *
 * @param fits		receives FALSE if the line is too long, and cut
 * @return			FALSE if there are no more
 */
static bool read_line(FILE *file, char *line, size_t size, bool *fits)
{
	size_t len;
	int c = '\n';

	if (!fgets(line, size, file))
	{
		return FALSE;
	}
	len = strcspn(line, "\n");
	if (line[len] != '\n')
	{
		c = fgetc(file);
	}
	*fits = c == '\n' || c == EOF;
	while (c != '\n' && c != EOF)
	{
		c = fgetc(file);
	}
	line[len] = '\0';
	return TRUE;
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
static bool read_lines(private_key_file_t *this, char *path, FILE *file)
{
	/* buffers of our own are wiped */
	char buf[4096], line[MAX_LINE];
	u_int number = 0;
	bool fits, success;

	setvbuf(file, buf, _IOFBF, sizeof(buf));
	while (read_line(file, line, sizeof(line), &fits))
	{
		number++;
		if ((!fits || !parse_line(this, line)) &&
			++this->errors <= MAX_COMPLAINTS)
		{
			fprintf(stderr, "%s:%u: this is no line of a key file%s\n", path,
					number, this->errors == MAX_COMPLAINTS ?
					", others are not reported" : "");
		}
	}
	success = !ferror(file);
	if (!success)
	{
		fprintf(stderr, "reading %s failed: %s\n", path, strerror(errno));
	}
	memwipe(line, sizeof(line));
	fclose(file);
	memwipe(buf, sizeof(buf));
	return success;
}

METHOD(key_file_t, add, bool,
	private_key_file_t *this, char *path)
{
	FILE *file;

	file = fopen(path, "re");
	if (!file)
	{
		fprintf(stderr, "opening %s failed: %s\n", path, strerror(errno));
		return FALSE;
	}
	if (!is_finite(file))
	{
		fprintf(stderr, "opening %s failed: it is a device\n", path);
		fclose(file);
		return FALSE;
	}
	return read_lines(this, path, file);
}

METHOD(key_file_t, get_errors, u_int,
	private_key_file_t *this)
{
	return this->errors;
}

METHOD(key_file_t, destroy, void,
	private_key_file_t *this)
{
	this->sas->destroy_function(this->sas, (void*)sa_destroy);
	this->ikes->destroy_function(this->ikes, (void*)ike_destroy);
	free(this);
}

/*
 * Described in header
 */
key_file_t *key_file_create(char *path)
{
	private_key_file_t *this;

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

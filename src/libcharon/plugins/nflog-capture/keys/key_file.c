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

#include "key_file.h"

#include "process/secret.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/** columns that identify an ESP or AH SA, and a set of keys of an IKE_SA */
#define SA_COLUMNS 5
#define IKE_COLUMNS 3

typedef struct parser_t parser_t;

/**
 * Parser of a field "name=value".
 */
struct parser_t {

	/**
	 * Name of the field.
	 */
	char *name;

	/**
	 * Parse the value, FALSE if it is invalid.
	 */
	bool (*parse)(char *value, void *out);

	/**
	 * Receives the result.
	 */
	void *out;
};

/**
 * Write the columns that identify an ESP or AH SA.
 */
static void write_columns(nflog_secret_text_t *text, uint8_t proto, uint32_t spi,
						  host_t *src, host_t *dst, bool udp)
{
	nflog_secret_printf(text, "%s %.8x %#H %#H udp=%s",
						proto == IPPROTO_AH ? "ah" : "esp", spi, src, dst,
						udp ? "yes" : "no");
}

/*
 * Described in header
 */
char *nflog_key_file_write_columns(uint8_t proto, uint32_t spi, host_t *src,
								   host_t *dst, bool udp)
{
	nflog_secret_text_t text = {};

	write_columns(&text, proto, spi, src, dst, udp);
	return nflog_secret_take(&text);
}

/*
 * Described in header
 */
char *nflog_key_file_write_sa(nflog_key_sa_t *sa)
{
	nflog_secret_text_t text = {};

	write_columns(&text, sa->proto, sa->spi, sa->src, sa->dst, sa->udp);
	nflog_secret_printf(&text, " dir=%s mode=%N esn=%s", sa->inbound ? "in" : "out",
						ipsec_mode_names, sa->mode, sa->esn ? "yes" : "no");
	if (sa->proto != IPPROTO_AH && sa->encr != ENCR_UNDEFINED)
	{
		nflog_secret_printf(&text, " enc=%N enc_key=", encryption_algorithm_names,
							sa->encr);
		nflog_secret_append_hex(&text, sa->encr_key);
	}
	if (sa->integ != AUTH_UNDEFINED)
	{
		nflog_secret_printf(&text, " integ=%N integ_key=", integrity_algorithm_names,
							sa->integ);
		nflog_secret_append_hex(&text, sa->integ_key);
	}
	return nflog_secret_take(&text);
}

/*
 * Described in header
 */
char *nflog_key_file_write_ike(nflog_key_ike_t *ike)
{
	struct {
		char *name;
		chunk_t key;
	} keys[] = {
		{ "sk_ei", ike->sk_ei },
		{ "sk_er", ike->sk_er },
		{ "sk_ai", ike->sk_ai },
		{ "sk_ar", ike->sk_ar },
	};
	nflog_secret_text_t text = {};
	int i;

	nflog_secret_printf(&text, "ike %.16" PRIx64 " %.16" PRIx64 " version=%d enc=%N",
						ike->spi_i, ike->spi_r, ike->version,
						encryption_algorithm_names, ike->encr);
	if (ike->integ != AUTH_UNDEFINED)
	{
		nflog_secret_printf(&text, " integ=%N", integrity_algorithm_names, ike->integ);
	}
	for (i = 0; i < countof(keys); i++)
	{
		nflog_secret_printf(&text, " %s=", keys[i].name);
		nflog_secret_append_hex(&text, keys[i].key);
	}
	return nflog_secret_take(&text);
}

/**
 * Parse a number with a given number of hex digits.
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
		{	/* ignore unknown ones, of later versions */
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
 * Parse the line of an ESP or AH SA, after the protocol.
 */
static nflog_key_sa_t *parse_sa(uint8_t proto, char *line)
{
	nflog_key_sa_t *sa;
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
	if (!sa->src || !sa->dst || !parse_hex(spi, NFLOG_ESP_DIGITS, &value) ||
		!parse_fields(line, parsers, countof(parsers)) ||
		(proto == IPPROTO_ESP && sa->encr == ENCR_UNDEFINED) ||
		(proto == IPPROTO_AH && sa->integ == AUTH_UNDEFINED))
	{
		nflog_key_sa_destroy(sa);
		return NULL;
	}
	sa->spi = value;
	return sa;
}

/**
 * Parse the line of an IKE_SA, after the protocol.
 */
static nflog_key_ike_t *parse_ike(char *line)
{
	nflog_key_ike_t *ike;
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
	if (!spi_r || !parse_hex(spi_i, NFLOG_IKE_DIGITS, &ike->spi_i) ||
		!parse_hex(spi_r, NFLOG_IKE_DIGITS, &ike->spi_r) ||
		!parse_fields(line, parsers, countof(parsers)) || !ike->version ||
		ike->encr == ENCR_UNDEFINED)
	{
		nflog_key_ike_destroy(ike);
		return NULL;
	}
	return ike;
}

/*
 * Described in header
 */
bool nflog_key_file_parse(chunk_t line, nflog_key_sa_t **sa,
						  nflog_key_ike_t **ike)
{
	char buf[NFLOG_KEY_FILE_MAX_LINE], *rest = buf, *kind;

	*sa = NULL;
	*ike = NULL;
	if (line.len >= sizeof(buf) || memchr(line.ptr ?: (u_char*)"", 0, line.len))
	{
		return FALSE;
	}
	if (line.len && line.ptr[line.len - 1] == '\r')
	{
		line.len--;
	}
	if (!line.len || line.ptr[0] == '#')
	{
		return TRUE;
	}
	memcpy(buf, line.ptr, line.len);
	buf[line.len] = '\0';
	kind = strsep(&rest, " ");
	if (rest && streq(kind, "esp"))
	{
		*sa = parse_sa(IPPROTO_ESP, rest);
	}
	else if (rest && streq(kind, "ah"))
	{
		*sa = parse_sa(IPPROTO_AH, rest);
	}
	else if (rest && streq(kind, "ike"))
	{
		*ike = parse_ike(rest);
	}
	memwipe(buf, line.len);
	return *sa || *ike;
}

/**
 * Check if a line begins with a string.
 */
static bool has_prefix(chunk_t line, char *prefix)
{
	return line.len >= strlen(prefix) && memeq(line.ptr, prefix, strlen(prefix));
}

/*
 * Described in header
 */
bool nflog_key_file_get_row(chunk_t line, nflog_row_t *row)
{
	bool ike = has_prefix(line, "ike ");
	u_int count = ike ? IKE_COLUMNS : SA_COLUMNS;
	u_int digits = ike ? NFLOG_IKE_DIGITS : NFLOG_ESP_DIGITS, i;
	chunk_t rest = line;
	u_char *pos;

	*row = (nflog_row_t){};
	if (!(ike || has_prefix(line, "esp ") || has_prefix(line, "ah ")) ||
		line.len >= NFLOG_KEY_FILE_MAX_LINE || memchr(line.ptr, 0, line.len))
	{
		return FALSE;
	}
	pos = memchr(line.ptr, ' ', line.len);
	row->spi = chunk_skip(line, pos - line.ptr + 1);
	for (i = 0; i < row->spi.len && isxdigit(row->spi.ptr[i]); i++)
	{
		/* count digits */
	}
	row->spi.len = i;
	while (count && rest.len && (pos = memchr(rest.ptr, ' ', rest.len)))
	{
		rest = chunk_skip(rest, pos - rest.ptr + 1);
		count--;
	}
	if (!count)
	{
		row->columns = chunk_create(line.ptr, pos - line.ptr);
	}
	return i == digits;
}

/*
 * Described in header
 */
void nflog_key_sa_destroy(nflog_key_sa_t *sa)
{
	if (sa)
	{
		DESTROY_IF(sa->src);
		DESTROY_IF(sa->dst);
		chunk_clear(&sa->encr_key);
		chunk_clear(&sa->integ_key);
		free(sa);
	}
}

/*
 * Described in header
 */
void nflog_key_ike_destroy(nflog_key_ike_t *ike)
{
	if (ike)
	{
		chunk_clear(&ike->sk_ei);
		chunk_clear(&ike->sk_er);
		chunk_clear(&ike->sk_ai);
		chunk_clear(&ike->sk_ar);
		free(ike);
	}
}

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

#include "key_import.h"

#include <ctype.h>
#include <netinet/in.h>

/** words of a part of a line of "ip xfrm state", and columns of a row, more are ignored */
#define MAX_WORDS 64
#define MAX_COLUMNS 16

#define HEX "0123456789abcdefABCDEF"

typedef struct private_key_import_t private_key_import_t;

/**
 * Private data.
 */
struct private_key_import_t {

	/**
	 * Public interface.
	 */
	key_import_t public;

	/**
	 * Receives keys, not owned.
	 */
	key_import_sink_t *sink;

	/**
	 * SA that "ip xfrm state" printed, as far as it was read, NULL for none.
	 */
	nflog_key_sa_t *sa;

	/**
	 * TRUE if a line of it is malformed.
	 */
	bool malformed;

	/**
	 * Why it can't be used, NULL if it can.
	 */
	const char *reason;
};

/*
 * Described in header
 */
nflog_key_sa_t *key_import_create_sa(uint8_t proto)
{
	nflog_key_sa_t *sa;

	INIT(sa,
		.proto = proto,
		.undirected = TRUE,
		/* headers of inner packets show if it is */
		.mode = MODE_TUNNEL,
		.encr = ENCR_UNDEFINED,
		.integ = AUTH_UNDEFINED,
	);
	return sa;
}

/*
 * Described in header
 */
bool key_import_parse_key(char *text, chunk_t *key)
{
	*key = chunk_empty;
	if (!strcasepfx(text, "0x"))
	{
		*key = chunk_clone(chunk_from_str(text));
		return TRUE;
	}
	text += 2;
	if (strlen(text) % 2 || strspn(text, HEX) != strlen(text))
	{
		return FALSE;
	}
	*key = chunk_from_hex(chunk_from_str(text), NULL);
	return TRUE;
}

METHOD(key_import_t, finish, bool,
	private_key_import_t *this, const char **reason)
{
	nflog_key_sa_t *sa = this->sa;
	bool success = !this->malformed;

	*reason = this->reason;
	this->sa = NULL;
	this->reason = NULL;
	this->malformed = FALSE;
	if (!sa)
	{
		return success;
	}
	if (success && !*reason && sa->proto == IPPROTO_COMP)
	{	/* has no keys, what it compresses is decompressed without */
		nflog_key_sa_destroy(sa);
		return TRUE;
	}
	if (success && !*reason && sa->proto && sa->src && sa->dst &&
		!(sa->proto == IPPROTO_ESP && sa->encr == ENCR_UNDEFINED) &&
		!(sa->proto == IPPROTO_AH && sa->integ == AUTH_UNDEFINED))
	{
		this->sink->add_sa(this->sink, sa);
		return TRUE;
	}
	nflog_key_sa_destroy(sa);
	return FALSE;
}

/**
 * Parse a part of a line of "ip xfrm state", which begins another SA if its first word is
 * "src", and belongs to the last one otherwise.
 */
static bool parse_part(private_key_import_t *this, char *part, const char **reason)
{
	char *words[MAX_WORDS + 1] = {}, *word;
	bool success = TRUE;
	int count = 0;

	while ((word = strsep(&part, " \t")))
	{
		if (*word && count < MAX_WORDS)
		{
			words[count++] = word;
		}
	}
	if (!count)
	{
		return TRUE;
	}
	if (streq(words[0], "src"))
	{
		success = finish(this, reason);
		this->sa = key_import_create_sa(0);
	}
	if (!key_xfrm_parse(this->sa, words, &this->reason))
	{
		this->malformed = TRUE;
	}
	return success;
}

/**
 * Parse a line of "ip xfrm state", in which backslashes stand for line feeds with its
 * option -o.
 */
static bool parse_xfrm(private_key_import_t *this, char *line, const char **reason)
{
	bool success = TRUE;
	char *part;

	while (success && (part = strsep(&line, "\\")))
	{
		success = parse_part(this, part, reason);
	}
	return success;
}

/**
 * Split a row of Wireshark into its columns, and remove their quotes.
 *
 * @return			number of columns, 0 if it is malformed
 */
static int split(char *line, char *columns[])
{
	int count = 0;
	char *end;

	while (count < MAX_COLUMNS)
	{
		line += strspn(line, " \t");
		if (*line == '"')
		{
			columns[count++] = ++line;
			end = strchr(line, '"');
			if (!end)
			{
				return 0;
			}
			*end++ = '\0';
			line = end + strspn(end, " \t");
		}
		else
		{
			columns[count++] = line;
			line += strcspn(line, ",");
		}
		if (!*line)
		{
			return count;
		}
		if (*line != ',')
		{
			return 0;
		}
		*line++ = '\0';
	}
	return 0;
}

/**
 * Parse a row of one of Wireshark's tables.
 */
static bool parse_wireshark(private_key_import_t *this, char *line,
							const char **reason)
{
	char *columns[MAX_COLUMNS];
	int count = split(line, columns);

	switch (count)
	{
		case 2:
			return key_wireshark_parse_ikev1(columns, this->sink);
		case 8:
			if (strspn(columns[0], HEX) == NFLOG_IKE_DIGITS)
			{
				return key_wireshark_parse_ikev2(columns, this->sink, reason);
			}
			break;
		case 10:
			break;
		default:
			return FALSE;
	}
	return key_wireshark_parse_esp(columns, count, this->sink, reason);
}

/**
 * Parse a line of our own key file.
 */
static bool parse_own(private_key_import_t *this, chunk_t line)
{
	nflog_key_sa_t *sa;
	nflog_key_ike_t *ike;

	if (!nflog_key_file_parse(line, &sa, &ike))
	{
		return FALSE;
	}
	if (sa)
	{
		this->sink->add_sa(this->sink, sa);
	}
	if (ike)
	{
		this->sink->add_ike(this->sink, ike);
	}
	return TRUE;
}

/**
 * Parse a line that is not one of our own key file.
 */
static bool parse_other(private_key_import_t *this, char *line, const char **reason)
{
	size_t word = strcspn(line, " \t,:");

	if (this->sa && (isspace(*line) || *line == '\\'))
	{
		return parse_xfrm(this, line, reason);
	}
	line += strspn(line, " \t");
	if (strpfx(line, "src "))
	{
		return parse_xfrm(this, line, reason);
	}
	/* whatever comes next has another format */
	if (!finish(this, reason))
	{
		return FALSE;
	}
	if (line[word] == ',' || *line == '"')
	{
		return parse_wireshark(this, line, reason);
	}
	return key_tcpdump_parse(line, this->sink, reason);
}

METHOD(key_import_t, parse, bool,
	private_key_import_t *this, chunk_t line, const char **reason)
{
	char buf[NFLOG_KEY_FILE_MAX_LINE];
	bool success;
	size_t len;

	*reason = NULL;
	if (line.len >= sizeof(buf) || (line.len && memchr(line.ptr, 0, line.len)))
	{
		return FALSE;
	}
	memcpy(buf, line.ptr, line.len);
	buf[line.len] = '\0';
	len = strcspn(buf, "\r");
	if (len + 1 == line.len)
	{
		buf[len] = '\0';
	}
	if (!buf[strspn(buf, " \t")] || *buf == '#')
	{
		return TRUE;
	}
	if (strpfx(buf, "esp ") || strpfx(buf, "ah ") || strpfx(buf, "ike "))
	{
		success = parse_own(this, line);
	}
	else
	{
		success = parse_other(this, buf, reason);
	}
	memwipe(buf, line.len);
	return success;
}

METHOD(key_import_t, destroy, void,
	private_key_import_t *this)
{
	nflog_key_sa_destroy(this->sa);
	free(this);
}

/*
 * Described in header
 */
key_import_t *key_import_create(key_import_sink_t *sink)
{
	private_key_import_t *this;

	INIT(this,
		.public = {
			.parse = _parse,
			.finish = _finish,
			.destroy = _destroy,
		},
		.sink = sink,
	);
	return &this->public;
}

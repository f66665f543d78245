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

#include "parser.h"
#include "process/secret.h"

#include <limits.h>

/** longest name, or path of a reference, in bytes, as each look-up compares them */
#define MAX_NAME 4096

/** characters that end a name */
#define NO_NAME "#{}:.,=\"\r\n\t "

/** characters that end a word of a value */
#define NO_VALUE "#}\"\r\n\t "

typedef struct parser_t parser_t;
typedef enum token_t token_t;

/**
 * Tokens, besides the characters {, }, =, :, and the comma.
 */
enum token_t {
	/** a name, or the path of a reference */
	TOKEN_NAME = 256,
	/** end of the last file */
	TOKEN_END,
	/** reading failed, or a syntax error */
	TOKEN_ERROR,
};

/**
 * State of the parser.
 */
struct parser_t {

	/** text that is parsed */
	nflog_includes_t *includes;

	/** gets sections and settings */
	nflog_sections_t *sections;

	/** parsing fails once this is TRUE */
	bool *stop;

	/** name of the last TOKEN_NAME, owned */
	char *name;

	/** number of open sections */
	u_int depth;

	/** number of these from the section "secrets" on */
	u_int secrets;
};

/**
 * Wipe and free the last name, as part of a password may be taken for one.
 */
static void free_name(parser_t *this)
{
	if (this->name)
	{
		memwipe(this->name, strlen(this->name));
		free(this->name);
	}
	this->name = NULL;
}

/**
 * Fail because of an unexpected token.
 *
 * @return			FALSE
 */
static bool unexpected(parser_t *this, int token)
{
	nflog_includes_t *includes = this->includes;

	switch (token)
	{
		case TOKEN_NAME:
			/* a password with blanks may be without quotes */
			return includes->fail(includes, "syntax error, unexpected '%s'",
								  this->secrets ? "..." : this->name);
		case TOKEN_END:
			return includes->fail(includes, "syntax error, unexpected end of file");
		case TOKEN_ERROR:
			return FALSE;
		default:
			return includes->fail(includes, token > ' ' && token < 127 ?
								  "syntax error, unexpected '%c'" :
								  "syntax error, unexpected byte 0x%.2x", token);
	}
}

/**
 * Check for one of several characters, a null byte is none of them.
 */
static inline bool is_one_of(u_char c, const char *chars)
{
	return c && strchr(chars, c);
}

/**
 * Skip characters, unlike chunk_skip() this keeps the position at the end.
 */
static inline void advance(chunk_t *text, size_t len)
{
	text->ptr += len;
	text->len -= len;
}

/**
 * Unescape a character in a quoted string.
 *
 * @param text		text after the backslash, gets advanced
 * @param out		receives the character
 * @return			FALSE if there is none, as an escaped end of line is skipped
 */
static bool unescape(chunk_t *text, u_char *out)
{
	u_char c = text->ptr[0];

	if (c == '\r' && text->len > 1 && text->ptr[1] == '\n')
	{
		advance(text, 2);
		return FALSE;
	}
	advance(text, 1);
	switch (c)
	{
		case 'n':
			*out = '\n';
			break;
		case 'r':
			*out = '\r';
			break;
		case 't':
			*out = '\t';
			break;
		default:
			*out = c;
			break;
	}
	return c != '\n';
}

/**
 * Read a quoted string.
 *
 * @param text		text after the opening quote, gets advanced
 * @param out		buffer for characters
 * @param len		number of characters in out, gets increased by those read
 * @param max		size of out, characters in excess are dropped
 * @return			FALSE if the string does not end
 */
static bool read_string(parser_t *this, chunk_t *text, char *out, size_t *len,
						size_t max)
{
	u_char c;

	while (text->len)
	{
		c = text->ptr[0];
		if (!c)
		{
			return unexpected(this, c);
		}
		advance(text, 1);
		if (c == '"')
		{
			return TRUE;
		}
		if (c == '\r' || (c == '\\' && text->len && !unescape(text, &c)))
		{
			continue;
		}
		if (*len < max)
		{
			out[(*len)++] = c;
		}
	}
	return this->includes->fail(this->includes, "unterminated string");
}

/**
 * Get the length of a value as written, with quotes and blanks.
 */
static size_t get_length(chunk_t text)
{
	bool quoted = FALSE;
	size_t i;

	for (i = 0; i < text.len; i++)
	{
		if (quoted && text.ptr[i] == '\\')
		{
			i++;
		}
		else if (text.ptr[i] == '"')
		{
			quoted = !quoted;
		}
		else if (!quoted && is_one_of(text.ptr[i], "#}\n"))
		{
			break;
		}
	}
	return min(i, text.len);
}

/**
 * Read a word of a value that is not quoted.
 */
static bool read_word(parser_t *this, chunk_t *text, char *out, size_t *len)
{
	size_t count;

	count = strcspn((char*)text->ptr, NO_VALUE);
	if (!count)
	{
		return unexpected(this, text->ptr[0]);
	}
	nflog_secret_copy(out + *len, text->ptr, count);
	*len += count;
	advance(text, count);
	return TRUE;
}

/**
 * Read a value, words and strings in it are joined by single spaces.
 *
 * @param value		receives the value, to be freed with nflog_secret_free(), NULL if there is
 *					none
 * @return			FALSE if it is invalid
 */
static bool read_value(parser_t *this, char **value)
{
	chunk_t *text = this->includes->get_text(this->includes);
	size_t len = 0, max;
	bool success = TRUE;

	/* blanks or quotes between words are no shorter than our space */
	max = get_length(*text);
	*value = NULL;
	while (success && text->len && !is_one_of(text->ptr[0], "#}\n"))
	{
		if (is_one_of(text->ptr[0], "\r\t "))
		{
			advance(text, 1);
			continue;
		}
		if (*value)
		{
			(*value)[len++] = ' ';
		}
		else
		{
			*value = nflog_secret_alloc(max + 1);
			if (!*value)
			{
				return this->includes->fail(this->includes, "out of memory");
			}
		}
		if (text->ptr[0] == '"')
		{
			advance(text, 1);
			success = read_string(this, text, *value, &len, max);
		}
		else
		{
			success = read_word(this, text, *value, &len);
		}
	}
	if (*value)
	{
		(*value)[len] = '\0';
	}
	return success;
}

/**
 * Read the pattern of an include statement, and include the files that match.
 */
static bool read_include(parser_t *this)
{
	chunk_t *text = this->includes->get_text(this->includes);
	char pattern[PATH_MAX + 1];
	size_t len = 0;
	u_char c;

	while (text->len && !is_one_of(text->ptr[0], "#}\n"))
	{
		c = text->ptr[0];
		advance(text, 1);
		if (c == '\t' || c == ' ')
		{
			break;
		}
		if (c == '"')
		{
			if (!read_string(this, text, pattern, &len, PATH_MAX))
			{
				return FALSE;
			}
			break;
		}
		if (c == '\\' && text->len && is_one_of(text->ptr[0], "\"#} "))
		{
			c = text->ptr[0];
			advance(text, 1);
		}
		if (!c)
		{
			return unexpected(this, c);
		}
		if (c != '\r' && len < PATH_MAX)
		{
			pattern[len++] = c;
		}
	}
	pattern[len] = '\0';
	return !len || this->includes->include(this->includes, pattern);
}

/**
 * Check if a name begins an include statement, which requires a pattern.
 *
 * @param len		length of the name
 */
static bool is_include(chunk_t text, size_t len)
{
	size_t blanks;

	if (len != strlen("include") || !strpfx((char*)text.ptr, "include"))
	{
		return FALSE;
	}
	blanks = strspn((char*)text.ptr + len, "\t ");
	return blanks && len + blanks < text.len && text.ptr[len + blanks] != '=';
}

/**
 * Read the next token.
 *
 * @param reference	TRUE if it may be the path of a reference
 */
static int get_token(parser_t *this, bool reference)
{
	chunk_t *text;
	size_t len;
	u_char c, *end;

	while (!*this->stop && (text = this->includes->get_text(this->includes)))
	{
		if (!text->len)
		{
			if (!this->includes->next(this->includes))
			{
				return TOKEN_ERROR;
			}
			continue;
		}
		c = text->ptr[0];
		if (is_one_of(c, " \t\r\n"))
		{
			advance(text, 1);
			continue;
		}
		if (c == '#')
		{
			end = memchr(text->ptr, '\n', text->len);
			advance(text, end ? end - text->ptr : text->len);
			continue;
		}
		if (is_one_of(c, "{}=:,"))
		{
			advance(text, 1);
			return c;
		}
		len = strcspn((char*)text->ptr, NO_NAME);
		if (!len)
		{
			unexpected(this, c);
			return TOKEN_ERROR;
		}
		if (!reference && is_include(*text, len))
		{
			advance(text, len);
			advance(text, strspn((char*)text->ptr, "\t "));
			if (!read_include(this))
			{
				return TOKEN_ERROR;
			}
			continue;
		}
		while (reference && text->ptr[len] == '.' &&
			   strcspn((char*)text->ptr + len + 1, NO_NAME))
		{
			len += 1 + strcspn((char*)text->ptr + len + 1, NO_NAME);
		}
		if (len > MAX_NAME)
		{
			this->includes->fail(this->includes, "name of more than %d characters",
								 MAX_NAME);
			return TOKEN_ERROR;
		}
		free_name(this);
		this->name = malloc(len + 1);
		nflog_secret_copy(this->name, text->ptr, len);
		this->name[len] = '\0';
		advance(text, len);
		return TOKEN_NAME;
	}
	return *this->stop ? TOKEN_ERROR : TOKEN_END;
}

/**
 * Take over the name of the last token.
 */
static char *take_name(parser_t *this)
{
	char *name = this->name;

	this->name = NULL;
	return name;
}

/**
 * Fail if there are too many sections or settings.
 */
static bool check(parser_t *this, bool added)
{
	return added || this->includes->fail(this->includes, "more than %d sections and "
								"settings, or too many references",
								NFLOG_MAX_SETTINGS);
}

/**
 * Begin a section with the last name.
 */
static bool begin(parser_t *this)
{
	if (this->secrets || (!this->depth && streq(this->name, "secrets")))
	{
		this->secrets++;
	}
	this->depth++;
	return this->secrets || check(this,
					this->sections->begin(this->sections, take_name(this)));
}

/**
 * End a section.
 */
static bool end(parser_t *this)
{
	if (!this->depth)
	{
		return unexpected(this, '}');
	}
	this->depth--;
	if (this->secrets)
	{
		this->secrets--;
	}
	else
	{
		this->sections->end(this->sections);
	}
	return TRUE;
}

/**
 * Parse the references of a section, up to its opening brace.
 */
static bool parse_references(parser_t *this)
{
	int token;

	do
	{
		token = get_token(this, TRUE);
		if (token != TOKEN_NAME)
		{
			return unexpected(this, token);
		}
		if (!this->secrets && !check(this,
					this->sections->refer(this->sections, take_name(this))))
		{
			return FALSE;
		}
		token = get_token(this, TRUE);
	}
	while (token == ',');

	return token == '{' || unexpected(this, token);
}

/**
 * Parse the value of a setting.
 */
static bool parse_value(parser_t *this)
{
	char *value;
	bool success;

	success = read_value(this, &value);
	if (success && !this->secrets)
	{
		success = check(this,
				this->sections->set(this->sections, take_name(this), strdupnull(value),
									this->includes->get_path(this->includes)));
	}
	nflog_secret_free(value);
	return success;
}

/**
 * Parse a section or setting, after its name.
 */
static bool parse_statement(parser_t *this)
{
	int token;

	token = get_token(this, FALSE);
	switch (token)
	{
		case '{':
			return begin(this);
		case ':':
			return begin(this) && parse_references(this);
		case '=':
			return parse_value(this);
		default:
			return unexpected(this, token);
	}
}

/*
 * Described in header
 */
bool nflog_parse(nflog_includes_t *includes,
				 nflog_sections_t *sections, bool *stop)
{
	parser_t this = {
		.includes = includes,
		.sections = sections,
		.stop = stop,
	};
	bool success = TRUE;
	int token;

	do
	{
		token = get_token(&this, FALSE);
		switch (token)
		{
			case TOKEN_NAME:
				success = parse_statement(&this);
				break;
			case '}':
				success = end(&this);
				break;
			case TOKEN_END:
				success = !this.depth || unexpected(&this, token);
				break;
			default:
				success = unexpected(&this, token);
				break;
		}
	}
	while (success && token != TOKEN_END);
	free_name(&this);
	return success;
}

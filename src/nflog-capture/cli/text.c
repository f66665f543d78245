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

#include "text.h"

#include <ctype.h>

/** longest conversion, "%-*.*jd" with numbers */
#define MAX_CONVERSION 64

/**
 * Characters that are not printed: controls, and what has no shape of its own but changes
 * how others are seen (general category Cf of Unicode, line and paragraph separators).
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

/**
 * Decode a character.
 *
 * @param str		at least one byte, NUL-terminated
 * @param code		receives the character
 * @return			number of bytes, 0 if they are not in UTF-8 (RFC 3629, section 4)
 */
static size_t decode(const u_char *str, uint32_t *code)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	len = *str < 0x80 ? 1 : *str < 0xc0 ? 0 : *str < 0xe0 ? 2 : *str < 0xf0 ? 3 :
		  *str < 0xf8 ? 4 : 0;
	*code = len > 1 ? *str & (0x7f >> len) : *str;
	for (i = 1; i < len; i++)
	{
		if ((str[i] & 0xc0) != 0x80)
		{
			return 0;
		}
		*code = *code << 6 | (str[i] & 0x3f);
	}
	if (*code < lowest[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
	{
		return 0;
	}
	return len;
}

/**
 * Check if a character may be printed.
 */
static bool is_shown(uint32_t code)
{
	int i;

	if (code >= ' ' && code < 0x7f)
	{	/* most are */
		return TRUE;
	}
	for (i = 0; i < countof(hidden); i++)
	{
		if (code >= hidden[i].first && code <= hidden[i].last)
		{
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Print the next character of a string.
 *
 * @param file		where to print, NULL to measure it only
 * @param str		moved to what follows the character
 * @return			columns that it takes
 */
static int put(FILE *file, const u_char **str)
{
	const u_char *pos = *str;
	int columns = 0;
	uint32_t code;
	size_t len;

	len = decode(pos, &code);
	*str += len ?: 1;
	if (len && is_shown(code))
	{
		if (file)
		{
			fwrite(pos, len, 1, file);
		}
		return 1;
	}
	if (*pos == '\n' || *pos == '\t')
	{
		if (file)
		{
			fputs(*pos == '\n' ? "\\n" : "\\t", file);
		}
		return 2;
	}
	for (; pos < *str; pos++)
	{
		if (file)
		{
			fprintf(file, "\\x%.2x", *pos);
		}
		columns += 4;
	}
	return columns;
}

/**
 * Print a string.
 *
 * @param width		columns to fill with blanks, to the right of it if negative
 * @param len		bytes to print at most, negative to print all
 */
static void put_string(FILE *file, const char *str, int width, int len)
{
	const u_char *pos, *start = (const u_char*)(str ?: "(null)"), *end;
	int columns = 0;

	end = start + (len < 0 ? strlen((char*)start) : strnlen((char*)start, len));
	for (pos = start; pos < end;)
	{
		columns += put(NULL, &pos);
	}
	fprintf(file, "%*s", max(0, width - columns), "");
	for (pos = start; pos < end;)
	{
		put(file, &pos);
	}
	fprintf(file, "%*s", max(0, -width - columns), "");
}

/**
 * What a conversion begins with.
 */
typedef struct {
	/** flags */
	char flags[8];
	/** width, negative to align to the left, and precision, negative for none */
	int width, precision;
	/** number of the letters l before the conversion, 3 for z and j */
	u_int size;
} conversion_t;

/**
 * Parse a number, or get it from the arguments.
 */
static int parse_number(const char **fmt, va_list *args)
{
	int number = 0;

	if (**fmt == '*')
	{
		(*fmt)++;
		return va_arg(*args, int);
	}
	while (isdigit(**fmt))
	{
		number = number * 10 + *(*fmt)++ - '0';
	}
	return number;
}

/**
 * Parse what a conversion begins with.
 *
 * @param fmt		behind the percent sign, moved to the letter of the conversion
 */
static void parse(conversion_t *conversion, const char **fmt, va_list *args)
{
	size_t len;

	*conversion = (conversion_t){ .precision = -1 };
	len = strspn(*fmt, "-+ #0");
	snprintf(conversion->flags, sizeof(conversion->flags), "%.*s", (int)len, *fmt);
	*fmt += len;
	conversion->width = parse_number(fmt, args);
	if (strchr(conversion->flags, '-') && conversion->width > 0)
	{
		conversion->width = -conversion->width;
	}
	if (**fmt == '.')
	{
		(*fmt)++;
		conversion->precision = parse_number(fmt, args);
	}
	for (; **fmt && strchr("lzj", **fmt); (*fmt)++)
	{
		conversion->size += **fmt == 'l' ? 1 : 3;
	}
}

/**
 * Print a number.
 */
static void put_number(FILE *file, conversion_t *conversion, char letter, va_list *args)
{
	char fmt[MAX_CONVERSION], precision[16] = "";
	bool sign = letter == 'd' || letter == 'i';
	uintmax_t value;

	if (conversion->precision >= 0)
	{
		snprintf(precision, sizeof(precision), ".%d", conversion->precision);
	}
	snprintf(fmt, sizeof(fmt), "%%%s*%s%s%c", conversion->flags, precision,
			 letter == 'f' ? "" : "j", letter);
	if (letter == 'f')
	{
		fprintf(file, fmt, conversion->width, va_arg(*args, double));
		return;
	}
	switch (conversion->size)
	{	/* extended with the sign, if it has one */
		case 0:
			value = va_arg(*args, int);
			value = sign ? value : (u_int)value;
			break;
		case 1:
			value = va_arg(*args, long);
			break;
		default:
			value = va_arg(*args, uintmax_t);
			break;
	}
	fprintf(file, fmt, conversion->width, value);
}

/*
 * Described in header
 */
void text_vprint(FILE *file, const char *fmt, va_list list)
{
	conversion_t conversion;
	char character[2] = "";
	va_list args;
	time_t *time;
	size_t len;

	va_copy(args, list);
	while (*fmt)
	{
		len = strcspn(fmt, "%");
		fwrite(fmt, len, 1, file);
		fmt += len;
		if (!*fmt++)
		{
			break;
		}
		parse(&conversion, &fmt, &args);
		switch (*fmt)
		{
			case 's':
				put_string(file, va_arg(args, char*), conversion.width,
						   conversion.precision);
				break;
			case 'c':
				character[0] = va_arg(args, int);
				put_string(file, character, conversion.width, -1);
				break;
			case 'T':
				time = va_arg(args, time_t*);
				fprintf(file, "%T", time, va_arg(args, int));
				break;
			case '%':
				fputc('%', file);
				break;
			default:
				put_number(file, &conversion, *fmt, &args);
				break;
		}
		fmt++;
	}
	va_end(args);
}

/*
 * Described in header
 */
void text_print(FILE *file, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vprint(file, fmt, args);
	va_end(args);
}

/*
 * Described in header
 */
bool text_is_plain(const char *str)
{
	const u_char *pos;
	uint32_t code;
	size_t len;

	for (pos = (const u_char*)str; *pos; pos += len)
	{
		len = decode(pos, &code);
		if (!len || !is_shown(code))
		{
			return FALSE;
		}
	}
	return TRUE;
}

/*
 * Described in header
 */
char *text_escape(const char *str)
{
	char *escaped = NULL;
	FILE *file;
	size_t len;

	if (text_is_plain(str))
	{
		return strdup(str);
	}
	file = open_memstream(&escaped, &len);
	if (!file)
	{
		return strdup("");
	}
	put_string(file, str, 0, -1);
	fclose(file);
	return escaped;
}

/*
 * Described in header
 */
void text_print_json(FILE *file, const char *json)
{
	const u_char *pos = (const u_char*)json;
	uint32_t code;
	size_t len;

	for (; *pos; pos += len ?: 1)
	{
		len = decode(pos, &code);
		if (!len)
		{
			fputs("\\ufffd", file);
		}
		else if (*pos == '\n' || is_shown(code))
		{	/* line feeds are between strings, json-c has escaped those in strings */
			fwrite(pos, len, 1, file);
		}
		else if (code < 0x10000)
		{
			fprintf(file, "\\u%.4x", code);
		}
		else
		{	/* a surrogate pair (RFC 8259, section 7) */
			fprintf(file, "\\u%.4x\\u%.4x", 0xd800 + ((code - 0x10000) >> 10),
					0xdc00 + ((code - 0x10000) & 0x3ff));
		}
	}
}

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

/**
 * @defgroup nflog_text text
 * @{ @ingroup nflog_capture
 */

#ifndef TEXT_H_
#define TEXT_H_

#include <stdarg.h>
#include <stdio.h>

#include <library.h>

/**
 * Print text for people, as printf() does, but with strings that are safe to print: names,
 * paths, identities and messages are chosen by others, and terminals obey control
 * characters.  What strings have of these, of characters that change the direction of text
 * or can't be seen, and of bytes that are not in UTF-8, is printed as \n, \t, or \x1b.
 * That the format has is printed as it is.
 *
 * All of the program's text is printed by this.
 *
 * @param file		where to print
 * @param fmt		format with the conversions d, i, u, x, X, c, s, f, strongSwan's T, and %,
 *					flags, widths (in characters), precisions and sizes as usual
 */
void text_print(FILE *file, const char *fmt, ...);

/**
 * As text_print(), with a list of arguments.
 */
void text_vprint(FILE *file, const char *fmt, va_list args);

/**
 * Check if text_print() prints a string as it is.
 */
bool text_is_plain(const char *str);

/**
 * Get a string as text_print() prints it.
 *
 * @return			allocated string
 */
char *text_escape(const char *str);

/**
 * Print JSON, in which strings may have what terminals obey, and what is not in UTF-8.
 * Escapes the former, and replaces the latter by U+FFFD, as JSON has to be in UTF-8.
 *
 * @param file		where to print
 * @param json		JSON, with quotes and backslashes in strings escaped already
 */
void text_print_json(FILE *file, const char *json);

#endif /** TEXT_H_ @}*/

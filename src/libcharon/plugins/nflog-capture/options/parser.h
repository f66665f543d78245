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
 * @defgroup nflog_parser nflog_parser
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PARSER_H_
#define NFLOG_PARSER_H_

#include "includes.h"
#include "sections.h"

/**
 * Parse a file in the format of strongswan.conf, and those that it includes.
 *
 * Follows the rules of strongSwan's settings_lexer.l and settings_parser.y, but does not
 * store the section "secrets".
 *
 * @param includes	the file, already included, gets the error if parsing fails
 * @param sections	gets the sections and settings of the file
 * @param stop		set to TRUE by any thread to let parsing fail
 * @return			TRUE if everything was parsed
 */
bool nflog_parse(nflog_includes_t *includes,
				 nflog_sections_t *sections, bool *stop);

#endif /** NFLOG_PARSER_H_ @}*/

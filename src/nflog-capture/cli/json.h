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
 * @defgroup nflog_json json
 * @{ @ingroup nflog_capture
 */

#ifndef JSON_H_
#define JSON_H_

#include <stdio.h>

#include <json-c/json.h>

/**
 * Print an object in one line, without the end of the line, see text_print_json().
 *
 * @param file		where to print
 * @param object	object
 */
void json_print(FILE *file, json_object *object);

#endif /** JSON_H_ @}*/

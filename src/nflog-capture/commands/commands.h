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
 * @defgroup nflog_commands commands
 * @{ @ingroup nflog_capture
 */

#ifndef COMMANDS_H_
#define COMMANDS_H_

#include "cli/command.h"

/**
 * Verbs, each is in the file of its name.
 */
extern command_t command_check;
extern command_t command_decrypt;
extern command_t command_report;
extern command_t command_export;
extern command_t command_list;
extern command_t command_follow;
extern command_t command_extcap;
extern command_t command_open;
extern command_t command_rotate;
extern command_t command_save;
extern command_t command_start;
extern command_t command_stop;

#endif /** COMMANDS_H_ @}*/

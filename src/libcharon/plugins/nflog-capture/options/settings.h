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
 * @defgroup nflog_settings nflog_settings
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SETTINGS_H_
#define NFLOG_SETTINGS_H_

#include "sections.h"

/**
 * Copy what is in the plugin's section of strongswan.conf, so that it can be used
 * by a thread that might be there longer than lib->settings.
 *
 * As settings_t does not enumerate settings without a value, the copy has none.
 *
 * @return			sections, those of the plugin are the outermost ones
 */
nflog_sections_t *nflog_settings_copy();

/**
 * Get the path of swanctl.conf, which is that of swanctl unless an option is set.
 *
 * @return			path (allocated)
 */
char *nflog_settings_get_path();

/**
 * Check if a path of swanctl.conf is the one that swanctl uses by default.
 *
 * @return			TRUE if so, the file need not be there then
 */
bool nflog_settings_is_default(char *path);

#endif /** NFLOG_SETTINGS_H_ @}*/

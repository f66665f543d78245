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
 * @defgroup nflog_silence nflog_silence
 * @{ @ingroup nflog_capture
 *
 * Why there are no packets at a capture point.
 */

#ifndef NFLOG_SILENCE_H_
#define NFLOG_SILENCE_H_

#include "counters.h"

/**
 * Describe the counters of a capture point, for the end line, and why there are no packets,
 * unless the counters say that.
 *
 * @param count		counters
 * @param point		capture point
 * @param cfg		options, which need not have the capture point
 * @param buf		receives the text
 * @param len		size of buf
 */
void nflog_silence_describe(nflog_counters_t *count, nflog_point_t point, nflog_cfg_t *cfg,
							char *buf, size_t len);

#endif /** NFLOG_SILENCE_H_ @}*/

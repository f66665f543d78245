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

#include "progress.h"

/*
 * Described in header
 */
nflog_progress_t nflog_progress_both(nflog_progress_t a,
									 nflog_progress_t b)
{
	bool a_is_later = nflog_order_cmp(a.order, b.order) > 0;

	return (nflog_progress_t){
		.order = a_is_later ? b.order : a.order,
		.is_known = a.is_known && b.is_known,
		.idle = a.idle && b.idle,
	};
}

/*
 * Described in header
 */
uint32_t nflog_later(uint32_t a, uint32_t b)
{
	return nflog_order_cmp(a, b) > 0 ? a : b;
}

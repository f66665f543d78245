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

#include "listing.h"

#include <time.h>

ENUM(nflog_listing_state_names, NFLOG_LISTING_WAITING, NFLOG_LISTING_FAILED,
	"waiting",
	"running",
	"interrupted",
	"ended",
	"failed",
);

/*
 * Described in header
 */
nflog_listing_t *nflog_listing_create(nflog_candidate_t *subject, nflog_point_t point,
									  nflog_listing_state_t state)
{
	nflog_listing_t *listing;

	INIT(listing,
		.subject = nflog_candidate_clone(subject),
		.point = point,
		.state = state,
		.since = time(NULL),
		.refs = 1,
	);
	return listing;
}

/*
 * Described in header
 */
void nflog_listing_destroy(nflog_listing_t *listing)
{
	nflog_candidate_destroy(listing->subject);
	nflog_candidate_destroy(listing->completed);
	free(listing->note);
	free(listing->error);
	free(listing->dir);
	free(listing->first);
	free(listing->file);
	free(listing);
}

/*
 * Described in header
 */
void nflog_listing_set(char **to, const char *from)
{
	if (from ? !*to || !streq(*to, from) : *to != NULL)
	{
		free(*to);
		*to = from ? strdup(from) : NULL;
	}
}

/*
 * Described in header
 */
void nflog_listing_set_state(nflog_listing_t *listing)
{
	if (listing->dir)
	{
		listing->state = listing->error ? NFLOG_LISTING_INTERRUPTED
										: NFLOG_LISTING_RUNNING;
	}
}

/*
 * Described in header
 */
void nflog_listing_get(nflog_listing_t *listing, nflog_listing_data_t *data)
{
	char *note = listing->error ?: listing->note;

	*data = (nflog_listing_data_t){
		.id = listing->id,
		.subject = *(listing->completed ?: listing->subject),
		.point = listing->point,
		.state = listing->state == NFLOG_LISTING_WAITING && listing->note
						? NFLOG_LISTING_FAILED : listing->state,
		.since = listing->since,
		.until = listing->until,
		.interrupted = listing->error != NULL,
		.dir = listing->dir ?: "",
		.first = listing->first ?: "",
		.rotations = listing->rotations,
	};
	snprintf(data->note, sizeof(data->note), "%s", note ?: "");
	snprintf(data->file, sizeof(data->file), "%s", listing->file ?: "");
	memcpy(data->spis, listing->spis, sizeof(data->spis));
	memcpy(data->counts, listing->counts, sizeof(data->counts));
	if (data->point != POINT_IKE_IN && data->spis[0][0])
	{
		data->subject.spi_in = htonl(strtoul(data->spis[0], NULL, 16));
		data->subject.spi_out = htonl(strtoul(data->spis[1], NULL, 16));
	}
}

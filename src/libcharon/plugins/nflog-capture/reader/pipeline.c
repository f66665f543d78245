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

#include "pipeline.h"

/**
 * Put the keys of a directory in order, after its files.
 */
CALLBACK(repaired, void,
	nflog_pipeline_t *this, char *conn)
{
	this->keys->prune(this->keys, conn);
	this->writer->write_keys(this->writer);
}

METHOD(nflog_pipeline_t, destroy, void,
	nflog_pipeline_t *this)
{
	this->repair->destroy(this->repair);
	this->ike_messages->remove_all(this->ike_messages);
	this->reader->capture_ike(this->reader, FALSE);
	this->reader->destroy(this->reader);
	this->ike_messages->destroy(this->ike_messages);
	this->drops->destroy(this->drops);
	this->writer->destroy(this->writer);
	this->registry->destroy(this->registry);
	this->addresses->destroy(this->addresses);
	this->xfrm_stat->destroy(this->xfrm_stat);
	this->recorder->destroy(this->recorder);
	this->keys->destroy(this->keys);
	this->store->destroy(this->store);
	this->queue->destroy(this->queue);
	free(this);
}

/*
 * Described in header
 */
nflog_pipeline_t *nflog_pipeline_create(u_int lanes, size_t size)
{
	nflog_pipeline_t *this;
	nflog_queue_t *queue;

	queue = nflog_queue_create(lanes, size);
	if (!queue)
	{
		return NULL;
	}
	INIT(this,
		.destroy = _destroy,
		.queue = queue,
		.store = nflog_store_create(),
		.xfrm_stat = nflog_xfrm_stat_create(),
		.addresses = nflog_addresses_create(),
		.registry = nflog_registry_create(),
	);
	this->keys = nflog_keys_create(this->store);
	this->store->set_removed_cb(this->store, (void*)this->keys->prune,
								this->keys);
	this->recorder = nflog_recorder_create(this->store);
	this->writer = nflog_writer_create(this->queue, this->keys, this->store,
									   this->registry, this->recorder);
	this->recorder->set_cb(this->recorder, (void*)this->writer->handle, this->writer);
	this->ike_messages = nflog_ike_messages_create(this->queue, this->writer);
	this->reader = nflog_reader_create(this->queue, this->writer,
									   this->ike_messages);
	this->repair = nflog_repair_create(this->store, repaired, this);
	/* in the last lane */
	this->drops = nflog_drops_create(this->queue, lanes + 1, this->writer);
	return this;
}

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

#include "manager.h"
#include "await.h"
#include "capture.h"
#include "exclude.h"
#include "installing.h"
#include "sa_table.h"
#include "xfrm_sa.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>

typedef struct private_nflog_manager_t private_nflog_manager_t;

/**
 * Private data.
 */
struct private_nflog_manager_t {

	/**
	 * Public interface.
	 */
	nflog_manager_t public;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * Passes on packets and keys.
	 */
	nflog_pipeline_t *pipeline;

	/**
	 * Captures, unique id of the CHILD_SA => nflog_capture_t.
	 */
	hashtable_t *entries;

	/**
	 * SAs of the captures, nflog_capture_t.
	 */
	nflog_sa_table_t *sas;

	/**
	 * CHILD_SA that the current thread is installing.
	 */
	nflog_installing_t *installing;

	/**
	 * Called when a capture has ended that another one follows, and its data.
	 */
	nflog_recount_cb_t cb;
	void *data;

	/**
	 * Protects the table of entries, not held while calling others.
	 */
	mutex_t *mutex;
};

/**
 * Find a capture by the unique id of its CHILD_SA.
 */
static nflog_capture_t *find_by_id(private_nflog_manager_t *this, uint32_t id)
{
	nflog_capture_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, (void*)(uintptr_t)id);
	this->mutex->unlock(this->mutex);
	return entry;
}

/**
 * End the capture of a CHILD_SA that is gone.
 */
static void remove_entry(private_nflog_manager_t *this, nflog_capture_t *entry)
{
	this->mutex->lock(this->mutex);
	this->entries->remove(this->entries, (void*)(uintptr_t)entry->id);
	this->mutex->unlock(this->mutex);
	nflog_capture_destroy(entry);
}

METHOD(listener_t, child_derived_keys, bool,
	private_nflog_manager_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	bool initiator, chunk_t encr_i, chunk_t encr_r, chunk_t integ_i,
	chunk_t integ_r)
{
	uint32_t id = child_sa->get_unique_id(child_sa);
	nflog_capture_t *entry;

	this->installing->end(this->installing, id);
	nflog_await_end(this->pipeline->reader, child_sa);
	entry = find_by_id(this, id);
	if (entry && entry->child)
	{
		entry->late = entry->child->set_spi_out(entry->child,
										child_sa->get_spi(child_sa, FALSE));
	}
	return TRUE;
}

/**
 * End the capture of a CHILD_SA that is about to be destroyed, its SAs may be deleted
 * before or after that.
 */
static void end_child(private_nflog_manager_t *this, child_sa_t *child_sa)
{
	uint32_t id = child_sa->get_unique_id(child_sa);
	nflog_capture_t *entry;

	this->installing->end(this->installing, id);
	entry = find_by_id(this, id);
	if (entry)
	{
		entry->destroying = TRUE;
		if (!nflog_capture_has_sas(entry))
		{
			remove_entry(this, entry);
		}
	}
}

METHOD(listener_t, child_state_change, bool,
	private_nflog_manager_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	switch (state)
	{
		case CHILD_INSTALLING:
			if (ike_sa)
			{	/* there is none for trap policies */
				this->installing->begin(this->installing, ike_sa, child_sa);
			}
			break;
		case CHILD_DESTROYING:
			end_child(this, child_sa);
			break;
		default:
			break;
	}
	return TRUE;
}

/**
 * Start a capture, of a CHILD_SA that may have been captured before.
 */
static nflog_capture_t *start(private_nflog_manager_t *this,
							  nflog_candidate_t *subject, uint32_t mark,
							  nflog_cfg_t *cfg)
{
	nflog_capture_t *entry = find_by_id(this, subject->child_id);

	if (!entry)
	{
		entry = nflog_capture_create(subject->child_id);
		this->mutex->lock(this->mutex);
		this->entries->put(this->entries, (void*)(uintptr_t)entry->id, entry);
		this->mutex->unlock(this->mutex);
	}
	nflog_capture_start(entry, subject, mark, cfg, this->pipeline);
	return entry;
}

/**
 * Create the capture of a CHILD_SA that is being installed, if enabled.
 */
static nflog_capture_t *decide(private_nflog_manager_t *this,
					   nflog_installing_child_t *installing)
{
	nflog_candidate_t *subject = installing->subject;
	nflog_cfg_t *cfg;

	installing->decided = TRUE;
	/* also if they are invalid */
	cfg = this->options->get(this->options, subject, TRUE, FALSE);
	if (!cfg)
	{
		DBG2(DBG_CHD, "nflog-capture: not capturing CHILD_SA %s{%u} of connection "
			 "'%s', it is not enabled", subject->child, subject->child_id,
			 subject->conn);
		return NULL;
	}
	if (cfg->invalid)
	{
		this->pipeline->registry->refuse(this->pipeline->registry, subject, POINT_ESP_IN,
						"its options are invalid, charon's log has the reason");
		nflog_cfg_destroy(cfg);
		return NULL;
	}
	return start(this, subject, installing->mark, cfg);
}

/**
 * Add an SA to a capture.
 *
 * @return				TRUE if the end of the SA matters
 */
static bool add_to_entry(private_nflog_manager_t *this, nflog_capture_t *entry,
						 kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	if (!this->sas->add(this->sas, id, data->inbound, entry))
	{	/* peers with the same address, as behind a NAT, chose the same SPI */
		nflog_capture_note_twin(entry, id, data->inbound);
		return FALSE;
	}
	if (!entry->child->add_sa(entry->child, id, data))
	{
		this->sas->remove(this->sas, id);
		return FALSE;
	}
	nflog_captured_set(&entry->sas[data->inbound], id);
	return TRUE;
}

/**
 * End a capture, but keep its entry, as the CHILD_SA stays up.
 */
static void stop(private_nflog_manager_t *this, nflog_capture_t *entry)
{
	int i;

	for (i = 0; i < countof(entry->sas); i++)
	{
		if (entry->sas[i].id.dst)
		{
			this->sas->remove(this->sas, &entry->sas[i].id);
		}
	}
	nflog_capture_stop(entry);
}

METHOD(nflog_manager_t, get_state, nflog_capture_state_t,
	private_nflog_manager_t *this, child_sa_t *child_sa)
{
	nflog_capture_t *entry;

	entry = find_by_id(this, child_sa->get_unique_id(child_sa));
	return entry ? nflog_capture_get_state(entry) : NFLOG_CAPTURE_NONE;
}

METHOD(nflog_manager_t, include, void,
	private_nflog_manager_t *this, host_t *dst, uint32_t spi)
{
	this->pipeline->reader->include(this->pipeline->reader, dst, spi);
}

METHOD(nflog_manager_t, follow, bool,
	private_nflog_manager_t *this, child_sa_t *child_sa)
{
	nflog_capture_t *entry;

	entry = find_by_id(this, child_sa->get_unique_id(child_sa));
	return entry && entry->recount && entry->recount->await(entry->recount);
}

/**
 * Capture an SA that is up already.
 */
static void add_existing_sa(private_nflog_manager_t *this, nflog_capture_t *entry,
							nflog_manager_sa_t *sa)
{
	nflog_captured_t *captured = &entry->sas[sa->data.inbound];
	uint64_t least = 0, most = 0;
	bool counted;

	/* packets pass while rules are added */
	counted = nflog_xfrm_sa_count(&sa->id, 0, &least);
	if (add_to_entry(this, entry, &sa->id, &sa->data))
	{
		captured->uncounted = !counted || !nflog_xfrm_sa_count(&sa->id, 0, &most);
		captured->least = least;
		captured->most = most;
	}
}

METHOD(nflog_manager_t, add_existing, bool,
	private_nflog_manager_t *this, nflog_candidate_t *subject, child_sa_t *child_sa,
	nflog_cfg_t *cfg, nflog_manager_sa_t *sas, u_int count)
{
	nflog_capture_t *entry;
	u_int i;

	if (get_state(this, child_sa) != NFLOG_CAPTURE_NONE)
	{
		nflog_cfg_destroy(cfg);
		return FALSE;
	}
	entry = find_by_id(this, subject->child_id);
	if (entry && entry->child)
	{	/* it failed */
		stop(this, entry);
	}
	entry = start(this, subject, child_sa->get_mark(child_sa, TRUE).value, cfg);
	for (i = 0; i < count; i++)
	{
		add_existing_sa(this, entry, &sas[i]);
	}
	if (!nflog_capture_has_sas(entry))
	{
		stop(this, entry);
		return FALSE;
	}
	entry->late = entry->child->set_spi_out(entry->child,
										child_sa->get_spi(child_sa, FALSE));
	return TRUE;
}

/**
 * Find the capture of an outbound SA that is installed later, among the CHILD_SAs of the
 * IKE_SA that the thread has checked out, as other peers may have chosen the same SPI.
 */
static nflog_capture_t *find_late(private_nflog_manager_t *this, uint32_t spi)
{
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	nflog_capture_t *entry, *found = NULL;
	enumerator_t *enumerator;
	child_sa_t *child_sa;

	if (!ike_sa)
	{
		return NULL;
	}
	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (!found && enumerator->enumerate(enumerator, &child_sa))
	{
		if (child_sa->get_spi(child_sa, FALSE) == spi)
		{
			entry = find_by_id(this, child_sa->get_unique_id(child_sa));
			if (entry && entry->child && entry->late)
			{
				entry->late = FALSE;
				found = entry;
			}
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

METHOD(nflog_manager_t, add_sa, bool,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	nflog_installing_child_t *installing = this->installing->get(this->installing);
	nflog_capture_t *entry = NULL;

	if (installing)
	{
		entry = find_by_id(this, installing->subject->child_id);
		if (!entry && !installing->decided)
		{
			entry = decide(this, installing);
		}
	}
	else if (!data->inbound)
	{
		entry = find_late(this, id->spi);
	}
	if (entry && entry->child && add_to_entry(this, entry, id, data))
	{
		return TRUE;
	}
	nflog_exclude_sa(this->pipeline->reader, id, data);
	return FALSE;
}

METHOD(nflog_manager_t, has_sa, bool,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id)
{
	return this->sas->get(this->sas, id, NULL) != NULL;
}

METHOD(nflog_manager_t, update_sa, void,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	nflog_capture_t *entry;
	bool inbound;

	entry = this->sas->get(this->sas, id, &inbound);
	if (entry)
	{
		entry->child->update_sa(entry->child, inbound, data);
	}
}

/**
 * Change the address of an SA in the table.
 */
static void move(private_nflog_manager_t *this, nflog_capture_t *entry, bool inbound,
				 kernel_ipsec_sa_id_t *id, kernel_ipsec_update_sa_t *data)
{
	nflog_captured_t *sa = &entry->sas[inbound];
	kernel_ipsec_sa_id_t moved = *id;

	DBG2(DBG_CHD, "nflog-capture: %s SA %.8x to %H moved to %H",
		 inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst,
		 data->new_dst);
	moved.src = data->new_src;
	moved.dst = data->new_dst;
	this->sas->remove(this->sas, id);
	if (this->sas->add(this->sas, &moved, inbound, entry))
	{
		nflog_captured_set(sa, &moved);
	}
	else
	{	/* the kernel does not have it anymore */
		nflog_captured_clear(sa);
	}
}

METHOD(nflog_manager_t, updated_sa, void,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data, status_t status)
{
	nflog_capture_t *entry;
	bool inbound;

	entry = this->sas->get(this->sas, id, &inbound);
	if (entry)
	{
		entry->child->updated_sa(entry->child, inbound, id, data,
								 status == SUCCESS);
		if (status != NOT_SUPPORTED)
		{	/* charon ignores all other errors, and uses the new addresses from now
			 * on (update_sas() in its child_sa.c) */
			move(this, entry, inbound, id, data);
		}
	}
}

/**
 * End the capture of an SA.
 *
 * @param packets		number of packets that it processed, NULL if it is gone
 */
static void end_sa(private_nflog_manager_t *this, nflog_capture_t *entry, bool inbound,
				   uint64_t *packets)
{
	nflog_captured_t *sa = &entry->sas[inbound];
	nflog_processed_t processed = nflog_captured_count(sa, packets);

	entry->child->del_sa(entry->child, inbound, &processed);
	this->sas->remove(this->sas, &sa->id);
	nflog_captured_clear(sa);
}

METHOD(nflog_manager_t, del_sa, void,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	uint64_t *packets)
{
	nflog_capture_t *entry;
	bool inbound;

	entry = this->sas->get(this->sas, id, &inbound);
	if (entry)
	{
		DBG2(DBG_CHD, "nflog-capture: %s SA %.8x to %H is gone",
			 inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst);
		end_sa(this, entry, inbound, packets);
		if (entry->destroying && !nflog_capture_has_sas(entry))
		{
			remove_entry(this, entry);
		}
	}
}

METHOD(nflog_manager_t, end, bool,
	private_nflog_manager_t *this, child_sa_t *child_sa)
{
	nflog_recount_t *recount;
	nflog_capture_t *entry;
	nflog_captured_t *sa;
	uint64_t packets;
	bool known;
	int i;

	entry = find_by_id(this, child_sa->get_unique_id(child_sa));
	if (!entry || !entry->child)
	{
		return FALSE;
	}
	if (entry->child->is_full(entry->child))
	{
		entry->reached = entry->request;
	}
	recount = nflog_recount_create(this->cb, this->data);
	for (i = 0; i < countof(entry->sas); i++)
	{
		sa = &entry->sas[i];
		if (sa->id.dst)
		{
			recount->add_sa(recount, i, &sa->id, sa->least);
			nflog_exclude_child(this->pipeline->reader, child_sa, i, &sa->id);
			known = nflog_xfrm_sa_count(&sa->id, 0, &packets);
			end_sa(this, entry, i, known ? &packets : NULL);
		}
	}
	entry->child->recount(entry->child, recount);
	stop(this, entry);
	nflog_capture_set_recount(entry, recount);
	return TRUE;
}

METHOD(nflog_manager_t, has_reached, bool,
	private_nflog_manager_t *this, child_sa_t *child_sa, uint32_t request)
{
	nflog_capture_t *entry;

	entry = find_by_id(this, child_sa->get_unique_id(child_sa));
	return entry && request && entry->reached == request;
}

METHOD(nflog_manager_t, has_any, bool,
	private_nflog_manager_t *this)
{
	bool any;

	this->mutex->lock(this->mutex);
	any = this->entries->get_count(this->entries) > 0;
	this->mutex->unlock(this->mutex);
	return any;
}

METHOD(nflog_manager_t, destroy, void,
	private_nflog_manager_t *this)
{
	enumerator_t *enumerator;
	nflog_capture_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		nflog_capture_destroy(entry);
	}
	enumerator->destroy(enumerator);
	this->entries->destroy(this->entries);
	this->sas->destroy(this->sas);
	this->installing->destroy(this->installing);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_manager_t *nflog_manager_create(nflog_options_t *options,
									  nflog_pipeline_t *pipeline,
									  nflog_recount_cb_t cb, void *data)
{
	private_nflog_manager_t *this;

	INIT(this,
		.public = {
			.listener = {
				.child_state_change = _child_state_change,
				.child_derived_keys = _child_derived_keys,
			},
			.add_sa = _add_sa,
			.add_existing = _add_existing,
			.end = _end,
			.get_state = _get_state,
			.include = _include,
			.follow = _follow,
			.has_reached = _has_reached,
			.has_any = _has_any,
			.has_sa = _has_sa,
			.update_sa = _update_sa,
			.updated_sa = _updated_sa,
			.del_sa = _del_sa,
			.destroy = _destroy,
		},
		.options = options,
		.pipeline = pipeline,
		.cb = cb,
		.data = data,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.sas = nflog_sa_table_create(),
		.installing = nflog_installing_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

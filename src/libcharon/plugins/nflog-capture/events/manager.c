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
#include "child.h"
#include "sa_table.h"
#include "subject.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>
#include <threading/thread_value.h>

typedef struct private_nflog_manager_t private_nflog_manager_t;
typedef struct installing_t installing_t;
typedef struct entry_t entry_t;

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
	 * Captures, unique id of the CHILD_SA => entry_t.
	 */
	hashtable_t *entries;

	/**
	 * SAs of the captures, entry_t.
	 */
	nflog_sa_table_t *sas;

	/**
	 * CHILD_SA that the current thread is installing, installing_t.
	 */
	thread_value_t *installing;

	/**
	 * Protects the table of entries, not held while calling others.
	 */
	mutex_t *mutex;
};

/**
 * Capture of a CHILD_SA, used by the thread that has its IKE_SA checked out.
 */
struct entry_t {

	/**
	 * Unique id of the CHILD_SA.
	 */
	uint32_t id;

	/**
	 * The capture itself.
	 */
	nflog_child_t *child;

	/**
	 * TRUE if the outbound SA is going to be installed later.
	 */
	bool late;

	/**
	 * Number of its SAs in the table, the entry exists as long as there are any.
	 */
	u_int sas;

	/**
	 * TRUE if the CHILD_SA was up before, so its counters include packets that were not
	 * captured.
	 */
	bool existing;

	/**
	 * TRUE if the CHILD_SA is about to be destroyed.
	 */
	bool destroying;
};

/**
 * CHILD_SA that a thread is installing.
 */
struct installing_t {

	/**
	 * The CHILD_SA.
	 */
	nflog_candidate_t *subject;

	/**
	 * Mark of packets that arrive.
	 */
	uint32_t mark;

	/**
	 * TRUE if options were looked up for the CHILD_SA.
	 */
	bool decided;
};

/**
 * Destroy an installing_t.
 */
static void installing_destroy(void *data)
{
	installing_t *this = data;

	nflog_candidate_destroy(this->subject);
	free(this);
}

/**
 * Find a capture by the unique id of its CHILD_SA.
 */
static entry_t *find_by_id(private_nflog_manager_t *this, uint32_t id)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, (void*)(uintptr_t)id);
	this->mutex->unlock(this->mutex);
	return entry;
}

/**
 * End a capture.
 */
static void end(private_nflog_manager_t *this, entry_t *entry)
{
	this->mutex->lock(this->mutex);
	this->entries->remove(this->entries, (void*)(uintptr_t)entry->id);
	this->mutex->unlock(this->mutex);
	entry->child->destroy(entry->child);
	free(entry);
}

/**
 * Remember the CHILD_SA that the current thread is about to install.
 */
static void begin_installing(private_nflog_manager_t *this, ike_sa_t *ike_sa,
							 child_sa_t *child_sa)
{
	installing_t *installing;
	peer_cfg_t *peer_cfg;

	installing = this->installing->get(this->installing);
	if (installing)
	{
		installing_destroy(installing);
		installing = NULL;
	}
	peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	if (peer_cfg)
	{
		INIT(installing,
			.subject = nflog_subject_create(ike_sa, peer_cfg, child_sa),
			.mark = child_sa->get_mark(child_sa, TRUE).value,
		);
	}
	this->installing->set(this->installing, installing);
}

/**
 * Forget the CHILD_SA that the current thread installed, or failed to.
 */
static void clear_installing(private_nflog_manager_t *this, uint32_t id)
{
	installing_t *installing = this->installing->get(this->installing);

	if (installing && installing->subject->child_id == id)
	{
		installing_destroy(installing);
		this->installing->set(this->installing, NULL);
	}
}

METHOD(listener_t, child_derived_keys, bool,
	private_nflog_manager_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	bool initiator, chunk_t encr_i, chunk_t encr_r, chunk_t integ_i,
	chunk_t integ_r)
{
	uint32_t id = child_sa->get_unique_id(child_sa);
	entry_t *entry;

	clear_installing(this, id);
	entry = find_by_id(this, id);
	if (entry)
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
	entry_t *entry;

	clear_installing(this, id);
	entry = find_by_id(this, id);
	if (entry)
	{
		entry->destroying = TRUE;
		if (!entry->sas)
		{
			end(this, entry);
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
				begin_installing(this, ike_sa, child_sa);
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
 * Create a capture.
 */
static entry_t *create_entry(private_nflog_manager_t *this,
							 nflog_candidate_t *subject, uint32_t mark,
							 nflog_cfg_t *cfg)
{
	entry_t *entry;

	INIT(entry,
		.id = subject->child_id,
		.child = nflog_child_create(subject, mark, cfg, this->pipeline),
	);
	this->mutex->lock(this->mutex);
	this->entries->put(this->entries, (void*)(uintptr_t)entry->id, entry);
	this->mutex->unlock(this->mutex);
	return entry;
}

/**
 * Create the capture of a CHILD_SA that is being installed, if enabled.
 */
static entry_t *decide(private_nflog_manager_t *this, installing_t *installing)
{
	nflog_candidate_t *subject = installing->subject;
	nflog_cfg_t *cfg;

	installing->decided = TRUE;
	cfg = this->options->get(this->options, subject->conn, subject->child, FALSE);
	if (!cfg)
	{
		DBG2(DBG_CHD, "nflog-capture: not capturing CHILD_SA %s{%u} of connection "
			 "'%s', it is not enabled", subject->child, subject->child_id,
			 subject->conn);
		return NULL;
	}
	return create_entry(this, subject, installing->mark, cfg);
}

/**
 * Add an SA to a capture.
 *
 * @return				TRUE if the end of the SA matters
 */
static bool add_to_entry(private_nflog_manager_t *this, entry_t *entry,
						 kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	if (!this->sas->add(this->sas, id, data->inbound, entry))
	{	/* peers with the same address, as behind a NAT, chose the same SPI */
		DBG1(DBG_CHD, "nflog-capture: unable to capture %s SA %.8x to %H, another one "
			 "with this SPI and destination is captured",
			 data->inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst);
		if (!data->inbound)
		{
			entry->child->set_spi_out(entry->child, id->spi);
		}
		return FALSE;
	}
	if (!entry->child->add_sa(entry->child, id, data))
	{
		this->sas->remove(this->sas, id);
		return FALSE;
	}
	entry->sas++;
	return TRUE;
}

METHOD(nflog_manager_t, add_existing, bool,
	private_nflog_manager_t *this, nflog_candidate_t *subject, child_sa_t *child_sa,
	nflog_cfg_t *cfg, nflog_manager_sa_t *sas, u_int count)
{
	entry_t *entry;
	u_int i;

	if (find_by_id(this, subject->child_id))
	{
		nflog_cfg_destroy(cfg);
		return FALSE;
	}
	entry = create_entry(this, subject, child_sa->get_mark(child_sa, TRUE).value, cfg);
	entry->existing = TRUE;
	for (i = 0; i < count; i++)
	{
		add_to_entry(this, entry, &sas[i].id, &sas[i].data);
	}
	if (!entry->sas)
	{
		end(this, entry);
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
static entry_t *find_late(private_nflog_manager_t *this, uint32_t spi)
{
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	entry_t *entry, *found = NULL;
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
			if (entry && entry->late)
			{
				entry->late = FALSE;
				found = entry;
			}
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Keep the packets of an SA that is not captured out of the traces of other SAs.
 */
static void exclude(private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
					kernel_ipsec_add_sa_t *data)
{
	nflog_sa_t *sa;

	if (nflog_sa_is_userland())
	{
		sa = nflog_sa_create("", "", 0, data->inbound, id->dst, id->spi,
							 data->reqid, NULL, NULL);
		sa->userland = TRUE;
		sa->selectors = nflog_selectors_create(data->src_ts, data->dst_ts);
		this->pipeline->reader->exclude(this->pipeline->reader, sa);
	}
}

METHOD(nflog_manager_t, add_sa, bool,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	installing_t *installing = this->installing->get(this->installing);
	entry_t *entry = NULL;

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
	if (entry && add_to_entry(this, entry, id, data))
	{
		return TRUE;
	}
	exclude(this, id, data);
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
	entry_t *entry;
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
static void move(private_nflog_manager_t *this, entry_t *entry, bool inbound,
				 kernel_ipsec_sa_id_t *id, host_t *dst)
{
	kernel_ipsec_sa_id_t moved = *id;

	DBG2(DBG_CHD, "nflog-capture: %s SA %.8x to %H moved to %H",
		 inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst, dst);
	moved.dst = dst;
	this->sas->remove(this->sas, id);
	if (!this->sas->add(this->sas, &moved, inbound, entry))
	{	/* the kernel does not have it anymore */
		entry->sas--;
	}
}

METHOD(nflog_manager_t, updated_sa, void,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data, status_t status)
{
	entry_t *entry;
	bool inbound;

	entry = this->sas->get(this->sas, id, &inbound);
	if (entry)
	{
		entry->child->updated_sa(entry->child, inbound, id, data,
								 status == SUCCESS);
		if (status != NOT_SUPPORTED)
		{	/* charon ignores all other errors, and uses the new addresses from now
			 * on (update_sas() in its child_sa.c) */
			move(this, entry, inbound, id, data->new_dst);
		}
	}
}

METHOD(nflog_manager_t, del_sa, void,
	private_nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
	uint64_t *packets)
{
	entry_t *entry;
	bool inbound;

	entry = this->sas->get(this->sas, id, &inbound);
	if (entry)
	{
		DBG2(DBG_CHD, "nflog-capture: %s SA %.8x to %H is gone",
			 inbound ? "inbound" : "outbound", ntohl(id->spi), id->dst);
		this->sas->remove(this->sas, id);
		entry->sas--;
		entry->child->del_sa(entry->child, inbound, packets, !entry->existing);
		if (entry->destroying && !entry->sas)
		{
			end(this, entry);
		}
	}
}

METHOD(nflog_manager_t, destroy, void,
	private_nflog_manager_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		entry->child->destroy(entry->child);
		free(entry);
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
									  nflog_pipeline_t *pipeline)
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
			.has_sa = _has_sa,
			.update_sa = _update_sa,
			.updated_sa = _updated_sa,
			.del_sa = _del_sa,
			.destroy = _destroy,
		},
		.options = options,
		.pipeline = pipeline,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.sas = nflog_sa_table_create(),
		.installing = thread_value_create(installing_destroy),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

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

/*
 * What the plugin sees of IKE_SAs and CHILD_SAs, with the methods that it uses.
 * Events and calls come from charon's own bus and kernel interface, in the order of
 * strongSwan's tasks.
 */

#ifndef MOCK_H_
#define MOCK_H_

#include "mock_kernel.h"

METHOD(child_cfg_t, mock_child_cfg_get_name, char*,
	child_cfg_t *this)
{
	return "net";
}

METHOD(child_cfg_t, mock_child_cfg_has_option, bool,
	child_cfg_t *this, child_cfg_option_t option)
{
	return FALSE;
}

METHOD(peer_cfg_t, mock_peer_cfg_get_name, char*,
	peer_cfg_t *this)
{
	return ((mock_ike_t*)((char*)this - offsetof(mock_ike_t, peer_cfg)))->conn;
}

METHOD(peer_cfg_t, mock_peer_cfg_get_ref, peer_cfg_t*,
	peer_cfg_t *this)
{
	return this;
}

METHOD(peer_cfg_t, mock_create_child_cfg_enumerator, enumerator_t*,
	peer_cfg_t *this)
{
	mock_ike_t *ike;

	ike = (mock_ike_t*)((char*)this - offsetof(mock_ike_t, peer_cfg));
	return enumerator_create_single(&ike->child_cfg, NULL);
}

METHOD(ike_sa_t, mock_ike_get_unique_id, uint32_t,
	mock_ike_t *this)
{
	return this->id;
}

METHOD(ike_sa_t, mock_ike_get_name, char*,
	mock_ike_t *this)
{
	return this->conn;
}

METHOD(ike_sa_t, mock_ike_get_id, ike_sa_id_t*,
	mock_ike_t *this)
{
	return this->spis;
}

METHOD(ike_sa_t, mock_ike_get_other_eap_id, identification_t*,
	mock_ike_t *this)
{
	return NULL;
}

METHOD(ike_sa_t, mock_ike_create_virtual_ip_enumerator, enumerator_t*,
	mock_ike_t *this, bool local)
{
	return enumerator_create_empty();
}

METHOD(ike_sa_t, mock_ike_get_version, ike_version_t,
	mock_ike_t *this)
{
	return IKEV2;
}

METHOD(ike_sa_t, mock_ike_get_state, ike_sa_state_t,
	mock_ike_t *this)
{
	return this->state;
}

METHOD(ike_sa_t, mock_ike_get_proposal, proposal_t*,
	mock_ike_t *this)
{
	return this->proposal;
}

METHOD(ike_sa_t, mock_ike_get_peer_cfg, peer_cfg_t*,
	mock_ike_t *this)
{
	return &this->peer_cfg;
}

METHOD(ike_sa_t, mock_ike_get_my_host, host_t*,
	mock_ike_t *this)
{
	return this->me;
}

METHOD(ike_sa_t, mock_ike_get_other_host, host_t*,
	mock_ike_t *this)
{
	return this->other;
}

METHOD(ike_sa_t, mock_ike_has_condition, bool,
	mock_ike_t *this, ike_condition_t condition)
{
	return condition == COND_ORIGINAL_INITIATOR;
}

METHOD(ike_sa_t, mock_ike_get_statistic, uint32_t,
	mock_ike_t *this, statistic_t kind)
{
	return kind == STAT_ESTABLISHED ? this->established : 0;
}

METHOD(ike_sa_t, mock_ike_create_task_enumerator, enumerator_t*,
	mock_ike_t *this, task_queue_t queue)
{
	/* it initiates all exchanges */
	return queue == TASK_QUEUE_ACTIVE ? enumerator_create_single(this, NULL)
									  : enumerator_create_empty();
}

METHOD(ike_sa_t, mock_ike_create_child_sa_enumerator, enumerator_t*,
	mock_ike_t *this)
{
	linked_list_t *list = linked_list_create();
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		list->insert_last(list, &this->children[i]->public);
	}
	return enumerator_create_cleaner(list->create_enumerator(list),
									 (void*)list->destroy, list);
}

/**
 * Create an IKE_SA.
 *
 * @param conn			name of the connection
 * @param spi			initiator's SPI, the responder's is its complement
 * @param me, other		addresses
 */
static inline mock_ike_t *mock_ike_create(char *conn, uint64_t spi, char *me,
								   char *other)
{
	static uint32_t last;
	mock_ike_t *this;

	INIT(this,
		.public = {
			.get_unique_id = _mock_ike_get_unique_id,
			.create_task_enumerator = _mock_ike_create_task_enumerator,
			.get_name = _mock_ike_get_name,
			.get_id = _mock_ike_get_id,
			.get_other_eap_id = _mock_ike_get_other_eap_id,
			.create_virtual_ip_enumerator = _mock_ike_create_virtual_ip_enumerator,
			.get_version = _mock_ike_get_version,
			.get_state = _mock_ike_get_state,
			.get_proposal = _mock_ike_get_proposal,
			.get_peer_cfg = _mock_ike_get_peer_cfg,
			.get_my_host = _mock_ike_get_my_host,
			.get_other_host = _mock_ike_get_other_host,
			.has_condition = _mock_ike_has_condition,
			.get_statistic = _mock_ike_get_statistic,
			.create_child_sa_enumerator = _mock_ike_create_child_sa_enumerator,
		},
		.peer_cfg = {
			.get_name = _mock_peer_cfg_get_name,
			.get_ref = _mock_peer_cfg_get_ref,
			.destroy = (void*)nop,
			.create_child_cfg_enumerator = _mock_create_child_cfg_enumerator,
		},
		.child_cfg = {
			.get_name = _mock_child_cfg_get_name,
			.has_option = _mock_child_cfg_has_option,
		},
		.conn = conn,
		.id = ++last,
		.spis = ike_sa_id_create(IKEV2_MAJOR_VERSION, spi, ~spi, TRUE),
		.me = host_create_from_string(me, 500),
		.other = host_create_from_string(other, 500),
		.proposal = proposal_create_from_string(PROTO_IKE,
												"aes128-sha256-modp2048"),
		.state = IKE_CONNECTING,
	);
	return this;
}

/**
 * An IKE_SA is established: its first message, its keys.
 */
static inline void mock_ike_up(mock_ike_t *this)
{
	chunk_t key = chunk_from_chars(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
								   15, 16);
	chunk_t integ = chunk_from_chars(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
									 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
									 25, 26, 27, 28, 29, 30, 31, 32);

	charon->bus->set_sa(charon->bus, &this->public);
	charon->bus->message(charon->bus, NULL, TRUE, TRUE);
	charon->bus->ike_derived_keys(charon->bus, integ, integ, integ, key, key,
								  integ, integ);
	charon->bus->ike_keys(charon->bus, &this->public, NULL, chunk_empty,
						  chunk_empty, chunk_empty, NULL, NULL, AUTH_NONE);
	this->established = time_monotonic(NULL);
	charon->bus->ike_state_change(charon->bus, &this->public, IKE_ESTABLISHED);
	this->state = IKE_ESTABLISHED;
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * An IKE_SA ends.
 */
static inline void mock_ike_down(mock_ike_t *this)
{
	charon->bus->set_sa(charon->bus, &this->public);
	charon->bus->ike_state_change(charon->bus, &this->public, IKE_DESTROYING);
	charon->bus->set_sa(charon->bus, NULL);
}

static inline void mock_ike_destroy(mock_ike_t *this)
{
	this->spis->destroy(this->spis);
	this->me->destroy(this->me);
	this->other->destroy(this->other);
	this->proposal->destroy(this->proposal);
	free(this);
}

METHOD(child_sa_t, mock_child_get_name, char*,
	mock_child_t *this)
{
	return "net";
}

METHOD(child_sa_t, mock_child_get_unique_id, uint32_t,
	mock_child_t *this)
{
	return this->id;
}

METHOD(child_sa_t, mock_child_get_reqid, uint32_t,
	mock_child_t *this)
{
	return this->reqid;
}

METHOD(child_sa_t, mock_child_get_protocol, protocol_id_t,
	mock_child_t *this)
{
	return PROTO_ESP;
}

METHOD(child_sa_t, mock_child_get_state, child_sa_state_t,
	mock_child_t *this)
{
	return this->state;
}

METHOD(child_sa_t, mock_child_get_spi, uint32_t,
	mock_child_t *this, bool inbound)
{
	return inbound ? this->in.spi : this->out.spi;
}

METHOD(child_sa_t, mock_child_get_mark, mark_t,
	mock_child_t *this, bool inbound)
{
	return (mark_t){};
}

METHOD(child_sa_t, mock_child_get_config, child_cfg_t*,
	mock_child_t *this)
{
	return &this->ike->child_cfg;
}

#ifdef CPU_ID_MAX
/* with per-CPU SAs, in 6.0.2, charon began to ask which acquire an SA is for */
METHOD(child_sa_t, mock_child_get_acquire_seq, uint32_t,
	mock_child_t *this)
{
	return 0;
}
#endif

/**
 * Create a CHILD_SA.
 *
 * @param ike			its IKE_SA
 * @param mode			its mode
 * @param local			selector of this side
 * @param remote		selector of the other side
 */
static inline mock_child_t *mock_child_create(mock_ike_t *ike, ipsec_mode_t mode,
									   char *local, char *remote)
{
	static uint32_t last;
	mock_child_t *this;

	INIT(this,
		.public = {
			.get_name = _mock_child_get_name,
			.get_unique_id = _mock_child_get_unique_id,
			.get_reqid = _mock_child_get_reqid,
			.get_protocol = _mock_child_get_protocol,
			.get_state = _mock_child_get_state,
			.get_spi = _mock_child_get_spi,
			.get_mark = _mock_child_get_mark,
			.get_config = _mock_child_get_config,
		},
		.ike = ike,
		.id = ++last,
		.reqid = last,
		.mode = mode,
		.local = linked_list_create_with_items(
					traffic_selector_create_from_cidr(local, 0, 0, 65535), NULL),
		.remote = linked_list_create_with_items(
					traffic_selector_create_from_cidr(remote, 0, 0, 65535), NULL),
	);
#ifdef CPU_ID_MAX
	this->public.get_acquire_seq = _mock_child_get_acquire_seq;
#endif
	this->in.src = ike->other->clone(ike->other);
	this->in.dst = ike->me->clone(ike->me);
	this->out.src = ike->me->clone(ike->me);
	this->out.dst = ike->other->clone(ike->other);
	mock_children[mock_children_count++] = this;
	return this;
}

/**
 * Change the state of a CHILD_SA.
 */
static inline void mock_child_state(mock_child_t *this, child_sa_state_t state)
{
	charon->bus->child_state_change(charon->bus, &this->public, state);
	this->state = state;
}

/**
 * Describe an SA as charon does.
 */
static inline kernel_ipsec_sa_id_t mock_sa_id(mock_sa_t *sa)
{
	return (kernel_ipsec_sa_id_t){
		.src = sa->src,
		.dst = sa->dst,
		.spi = sa->spi,
		.proto = IPPROTO_ESP,
		.mark = sa->mark,
	};
}

/**
 * Add an SA of a CHILD_SA to the kernel.
 */
static inline status_t mock_child_install(mock_child_t *this, bool inbound)
{
	mock_sa_t *sa = inbound ? &this->in : &this->out;
	kernel_ipsec_sa_id_t id = mock_sa_id(sa);
	kernel_ipsec_add_sa_t data = {
		.reqid = this->reqid,
		.mode = this->mode,
		.src_ts = inbound ? this->remote : this->local,
		.dst_ts = inbound ? this->local : this->remote,
		.enc_alg = ENCR_AES_GCM_ICV16,
		.enc_key = chunk_from_chars(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
									15, 16, 17, 18, 19, 20),
		.int_alg = AUTH_UNDEFINED,
		.encap = mock_userland,
		.inbound = inbound,
		.update = inbound,
	};

	return charon->kernel->add_sa(charon->kernel, &id, &data);
}

/**
 * A CHILD_SA is negotiated: SPIs are allocated, and it is about to be installed.
 *
 * @param spi			outbound SPI, as the peer chose it, in host order
 */
static inline void mock_child_begin(mock_child_t *this, uint32_t spi)
{
	charon->bus->set_sa(charon->bus, &this->ike->public);
	mock_child_state(this, CHILD_CREATED);
	charon->kernel->get_spi(charon->kernel, this->in.src, this->in.dst,
							IPPROTO_ESP, &this->in.spi);
	mock_child_state(this, CHILD_INSTALLING);
	this->out.spi = htonl(spi);
}

/**
 * The keys of a CHILD_SA are known to others, and it belongs to its IKE_SA.
 */
static inline void mock_child_keyed(mock_child_t *this)
{
	charon->bus->child_derived_keys(charon->bus, &this->public, TRUE,
						chunk_empty, chunk_empty, chunk_empty, chunk_empty);
	mock_child_state(this, CHILD_INSTALLED);
	this->ike->children[this->ike->count++] = this;
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * The addresses or the reqid of a CHILD_SA change, FALSE if the kernel refuses.
 */
static inline bool mock_child_update(mock_child_t *this, char *me, char *other,
							  uint32_t reqid)
{
	host_t *src, *dst;
	mock_sa_t *sas[] = { &this->out, &this->in };
	kernel_ipsec_update_sa_t data = {
		.encap = mock_userland,
		.new_encap = mock_userland,
		.new_reqid = reqid,
	};
	kernel_ipsec_sa_id_t id;
	bool success = TRUE;
	u_int i;

	src = host_create_from_string(me, 4500);
	dst = host_create_from_string(other, 4500);
	charon->bus->set_sa(charon->bus, &this->ike->public);
	mock_child_state(this, CHILD_UPDATING);
	for (i = 0; i < countof(sas); i++)
	{
		id = mock_sa_id(sas[i]);
		/* the update replaces the addresses that the kernel has */
		id.src = id.src->clone(id.src);
		id.dst = id.dst->clone(id.dst);
		data.new_src = i ? dst : src;
		data.new_dst = i ? src : dst;
		success &= charon->kernel->update_sa(charon->kernel, &id,
											 &data) == SUCCESS;
		id.src->destroy(id.src);
		id.dst->destroy(id.dst);
	}
	mock_child_state(this, CHILD_INSTALLED);
	charon->bus->set_sa(charon->bus, NULL);
	if (success && reqid)
	{
		this->reqid = reqid;
	}
	src->destroy(src);
	dst->destroy(dst);
	return success;
}

/**
 * Delete an SA of a CHILD_SA from the kernel, as charon does even if it was
 * refused.
 */
static inline void mock_child_delete(mock_child_t *this, bool inbound)
{
	kernel_ipsec_sa_id_t id = mock_sa_id(inbound ? &this->in : &this->out);
	kernel_ipsec_del_sa_t data = {};

	charon->bus->set_sa(charon->bus, &this->ike->public);
	charon->kernel->del_sa(charon->kernel, &id, &data);
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * Announce that a CHILD_SA is about to be destroyed.
 */
static inline void mock_child_destroying(mock_child_t *this)
{
	u_int i;

	for (i = 0; i < this->ike->count; i++)
	{
		if (this->ike->children[i] == this)
		{
			this->ike->children[i] = this->ike->children[--this->ike->count];
		}
	}
	charon->bus->set_sa(charon->bus, &this->ike->public);
	mock_child_state(this, CHILD_DESTROYING);
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * Destroy all CHILD_SAs.
 */
static inline void mock_children_destroy()
{
	mock_child_t *this;

	while (mock_children_count)
	{
		this = mock_children[--mock_children_count];
		this->in.src->destroy(this->in.src);
		this->in.dst->destroy(this->in.dst);
		this->out.src->destroy(this->out.src);
		this->out.dst->destroy(this->out.dst);
		this->local->destroy_offset(this->local,
									offsetof(traffic_selector_t, destroy));
		this->remote->destroy_offset(this->remote,
									 offsetof(traffic_selector_t, destroy));
		free(this);
	}
}

#endif /* MOCK_H_ */

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
 * What the plugin sees of charon's kernel interface and socket, and the SAs that
 * CHILD_SAs add.
 */

#ifndef MOCK_KERNEL_H_
#define MOCK_KERNEL_H_

#include <daemon.h>
#include <networking/tun_device.h>

typedef struct mock_ike_t mock_ike_t;
typedef struct mock_child_t mock_child_t;

/** CHILD_SAs that an IKE_SA may have */
#define MOCK_CHILDREN 16

/**
 * An IKE_SA, and the configuration of its connection.
 */
struct mock_ike_t {
	ike_sa_t public;
	peer_cfg_t peer_cfg;
	child_cfg_t child_cfg;
	/** name of its connection */
	char *conn;
	uint32_t id;
	ike_sa_id_t *spis;
	host_t *me, *other;
	proposal_t *proposal;
	ike_sa_state_t state;
	/** when it was established, 0 if it is not */
	uint32_t established;
	/** CHILD_SAs, as added by mock_child_add() */
	mock_child_t *children[MOCK_CHILDREN];
	u_int count;
};

/**
 * An SA in the mock kernel, one direction of a CHILD_SA.
 */
typedef struct {
	/** SPI, in network order */
	uint32_t spi;
	/** its addresses in the kernel */
	host_t *src, *dst;
	/** mark of its packets */
	mark_t mark;
	/** TRUE while the kernel has it */
	bool added;
	/** TRUE if the kernel refuses to add it */
	bool refused;
	/** packets that it processed */
	uint64_t packets;
} mock_sa_t;

/**
 * A CHILD_SA.
 */
struct mock_child_t {
	child_sa_t public;
	mock_ike_t *ike;
	uint32_t id, reqid;
	/** inbound and outbound SA */
	mock_sa_t in, out;
	/** selectors of this side and of the other one */
	linked_list_t *local, *remote;
	ipsec_mode_t mode;
	child_sa_state_t state;
};

/** CHILD_SAs that the kernel knows */
static mock_child_t *mock_children[64];
static u_int mock_children_count;

/** what the kernel returns for changes of an SA */
static status_t mock_update_status = SUCCESS;

/** TRUE if charon does ESP itself, as with kernel-libipsec */
static bool mock_userland;

/**
 * Find an SA of the mock kernel.
 */
static inline mock_sa_t *mock_find_sa(kernel_ipsec_sa_id_t *id)
{
	mock_sa_t *sas[2];
	u_int i, j;

	for (i = 0; i < mock_children_count; i++)
	{
		sas[0] = &mock_children[i]->in;
		sas[1] = &mock_children[i]->out;
		for (j = 0; j < countof(sas); j++)
		{
			if (sas[j]->spi == id->spi && sas[j]->dst &&
				sas[j]->mark.value == id->mark.value &&
				id->dst->ip_equals(id->dst, sas[j]->dst))
			{
				return sas[j];
			}
		}
	}
	return NULL;
}

METHOD(kernel_interface_t, mock_get_features, kernel_feature_t,
	kernel_interface_t *this)
{
	return mock_userland ? KERNEL_REQUIRE_UDP_ENCAPSULATION | KERNEL_ESP_V3_TFC
						 : KERNEL_POLICY_SPI;
}

METHOD(kernel_interface_t, mock_get_spi, status_t,
	kernel_interface_t *this, host_t *src, host_t *dst, uint8_t protocol,
	uint32_t *spi)
{
	static uint32_t last = 0xc0000000;

	*spi = htonl(++last);
	return SUCCESS;
}

METHOD(kernel_interface_t, mock_add_sa, status_t,
	kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	mock_sa_t *sa = mock_find_sa(id);

	if (!sa || sa->added || sa->refused)
	{
		return FAILED;
	}
	sa->added = TRUE;
	return SUCCESS;
}

METHOD(kernel_interface_t, mock_update_sa, status_t,
	kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	mock_sa_t *sa = mock_find_sa(id);

	if (!sa || !sa->added)
	{
		return NOT_FOUND;
	}
	/* if it fails, the kernel has none anymore, and charon uses the new addresses */
	sa->added = mock_update_status != FAILED;
	if (mock_update_status != NOT_SUPPORTED)
	{
		sa->src->destroy(sa->src);
		sa->dst->destroy(sa->dst);
		sa->src = data->new_src->clone(data->new_src);
		sa->dst = data->new_dst->clone(data->new_dst);
	}
	return mock_update_status;
}

METHOD(kernel_interface_t, mock_query_sa, status_t,
	kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_query_sa_t *data, uint64_t *bytes, uint64_t *packets,
	time_t *time)
{
	mock_sa_t *sa = mock_find_sa(id);

	if (!sa || !sa->added)
	{
		return FAILED;
	}
	*bytes = 0;
	*packets = sa->packets;
	*time = 0;
	return SUCCESS;
}

METHOD(kernel_interface_t, mock_del_sa, status_t,
	kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_del_sa_t *data)
{
	mock_sa_t *sa = mock_find_sa(id);

	if (!sa || !sa->added)
	{
		return NOT_FOUND;
	}
	sa->added = FALSE;
	return SUCCESS;
}

METHOD(socket_manager_t, mock_get_port, uint16_t,
	socket_manager_t *this, bool nat_t)
{
	return nat_t ? 4500 : 500;
}

METHOD(ike_sa_manager_t, mock_create_enumerator, enumerator_t*,
	ike_sa_manager_t *this, bool wait)
{
	/* tests don't check out IKE_SAs, so the plugin must not use them in other threads */
	return enumerator_create_empty();
}

METHOD(ike_sa_manager_t, mock_end, void,
	ike_sa_manager_t *this)
{
}

/**
 * Put the mock kernel, socket and manager of IKE_SAs into charon.
 */
static inline void mock_init()
{
	static ike_sa_manager_t ike_sa_manager;

	ike_sa_manager.create_enumerator = _mock_create_enumerator;
	ike_sa_manager.flush = _mock_end;
	ike_sa_manager.destroy = _mock_end;
	charon->ike_sa_manager = &ike_sa_manager;
	charon->kernel->get_features = _mock_get_features;
	charon->kernel->get_spi = _mock_get_spi;
	charon->kernel->add_sa = _mock_add_sa;
	charon->kernel->update_sa = _mock_update_sa;
	charon->kernel->query_sa = _mock_query_sa;
	charon->kernel->del_sa = _mock_del_sa;
	charon->socket->get_port = _mock_get_port;
}

#endif /* MOCK_KERNEL_H_ */

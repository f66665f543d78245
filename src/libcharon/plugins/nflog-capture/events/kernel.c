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

#include "kernel.h"
#include "await.h"
#include "xfrm_sa.h"

#include <daemon.h>

typedef struct private_nflog_kernel_t private_nflog_kernel_t;

/**
 * Private data.
 */
struct private_nflog_kernel_t {

	/**
	 * Public interface.
	 */
	nflog_kernel_t public;

	/**
	 * Learns of SAs.
	 */
	nflog_manager_t *manager;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * Learns of SPIs and policies.
	 */
	nflog_reader_t *reader;

	/**
	 * The methods that are wrapped.
	 */
	kernel_interface_t original;
};

/**
 * The instance, as wrapping methods get charon->kernel only.
 */
static private_nflog_kernel_t *instance;

/**
 * Does the peer learn an SPI that is allocated now before the SA is installed?
 *
 * With IKEv2 it does if we initiate the exchange: the SPI is in the request, while a
 * responder installs the SA before it sends the response.  With IKEv1 it does if the
 * peer initiates: our SPI is in the second message of Quick Mode, and we install the SA
 * once we received the third one.
 */
static bool may_be_used(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	task_t *task;
	bool responder;

	enumerator = ike_sa->create_task_enumerator(ike_sa, TASK_QUEUE_PASSIVE);
	responder = enumerator->enumerate(enumerator, &task);
	enumerator->destroy(enumerator);
	return responder == (ike_sa->get_version(ike_sa) == IKEV1);
}

/**
 * Is the SA of an SPI that is allocated now installed by the same thread at once?  So does a
 * responder with IKEv2.
 */
static bool is_installed_at_once(ike_sa_t *ike_sa)
{
	return ike_sa->get_version(ike_sa) != IKEV1 && !may_be_used(ike_sa);
}

METHOD(kernel_interface_t, get_spi, status_t,
	kernel_interface_t *kernel, host_t *src, host_t *dst, uint8_t protocol,
	uint32_t *spi)
{
	private_nflog_kernel_t *this = instance;
	peer_cfg_t *peer_cfg;
	ike_sa_t *ike_sa;
	status_t status;

	status = this->original.get_spi(kernel, src, dst, protocol, spi);
	ike_sa = charon->bus->get_sa(charon->bus);
	peer_cfg = ike_sa ? ike_sa->get_peer_cfg(ike_sa) : NULL;
	/* the child is not known yet */
	if (status == SUCCESS && peer_cfg && may_be_used(ike_sa) &&
		this->options->has_point(this->options, peer_cfg->get_name(peer_cfg),
								 1 << POINT_ESP_IN))
	{
		this->reader->expect(this->reader, peer_cfg->get_name(peer_cfg), dst,
							 *spi);
	}
	if (status == SUCCESS && peer_cfg && !is_installed_at_once(ike_sa) &&
		this->options->has_point(this->options, peer_cfg->get_name(peer_cfg),
								 1 << POINT_MISSED))
	{
		nflog_await_missed(this->reader, ike_sa, dst, *spi);
	}
	return status;
}

METHOD(kernel_interface_t, add_sa, status_t,
	kernel_interface_t *kernel, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	private_nflog_kernel_t *this = instance;
	uint64_t packets = 0;
	status_t status;
	bool used;

	used = this->manager->add_sa(this->manager, id, data);
	status = this->original.add_sa(kernel, id, data);
	if (data->inbound)
	{
		this->reader->settle(this->reader, id->dst, id->spi);
	}
	if (status != SUCCESS)
	{
		if (used)
		{
			this->manager->del_sa(this->manager, id, &packets);
		}
		this->reader->include(this->reader, id->dst, id->spi);
	}
	return status;
}

METHOD(kernel_interface_t, update_sa, status_t,
	kernel_interface_t *kernel, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	private_nflog_kernel_t *this = instance;
	status_t status;

	this->manager->update_sa(this->manager, id, data);
	status = this->original.update_sa(kernel, id, data);
	this->manager->updated_sa(this->manager, id, data, status);
	return status;
}

METHOD(kernel_interface_t, del_sa, status_t,
	kernel_interface_t *kernel, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_del_sa_t *data)
{
	private_nflog_kernel_t *this = instance;
	nflog_awaiting_t *awaiting = this->reader->get_awaiting(this->reader);
	uint64_t packets;
	status_t status;
	bool known;

	/* the SPI may be given up without SA */
	this->reader->settle(this->reader, id->dst, id->spi);
	awaiting->abandon(awaiting, id->spi);
	if (!this->manager->has_sa(this->manager, id))
	{
		status = this->original.del_sa(kernel, id, data);
		this->reader->include(this->reader, id->dst, id->spi);
		return status;
	}
	known = nflog_xfrm_sa_count(id, data->cpi, &packets);
	status = this->original.del_sa(kernel, id, data);
	this->manager->del_sa(this->manager, id, known ? &packets : NULL);
	return status;
}

METHOD(kernel_interface_t, add_policy, status_t,
	kernel_interface_t *kernel, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	private_nflog_kernel_t *this = instance;
	nflog_policies_t *policies = this->reader->get_policies(this->reader);
	status_t status;

	status = this->original.add_policy(kernel, id, data);
	if (status == SUCCESS)
	{
		policies->add(policies, id, data->type);
	}
	return status;
}

METHOD(kernel_interface_t, del_policy, status_t,
	kernel_interface_t *kernel, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	private_nflog_kernel_t *this = instance;
	nflog_policies_t *policies = this->reader->get_policies(this->reader);

	policies->remove(policies, id, data->type);
	return this->original.del_policy(kernel, id, data);
}

METHOD(kernel_interface_t, flush_policies, status_t,
	kernel_interface_t *kernel)
{
	private_nflog_kernel_t *this = instance;
	nflog_policies_t *policies = this->reader->get_policies(this->reader);

	policies->flush(policies);
	return this->original.flush_policies(kernel);
}

METHOD(nflog_kernel_t, destroy, void,
	private_nflog_kernel_t *this)
{
	charon->kernel->get_spi = this->original.get_spi;
	charon->kernel->add_sa = this->original.add_sa;
	charon->kernel->update_sa = this->original.update_sa;
	charon->kernel->del_sa = this->original.del_sa;
	charon->kernel->add_policy = this->original.add_policy;
	charon->kernel->del_policy = this->original.del_policy;
	charon->kernel->flush_policies = this->original.flush_policies;
	instance = NULL;
	free(this);
}

/*
 * Described in header
 */
nflog_kernel_t *nflog_kernel_create(nflog_manager_t *manager,
									nflog_options_t *options,
									nflog_reader_t *reader)
{
	private_nflog_kernel_t *this;

	INIT(this,
		.public = {
			.destroy = _destroy,
		},
		.manager = manager,
		.options = options,
		.reader = reader,
		.original = *charon->kernel,
	);
	instance = this;
	charon->kernel->get_spi = _get_spi;
	charon->kernel->add_sa = _add_sa;
	charon->kernel->update_sa = _update_sa;
	charon->kernel->del_sa = _del_sa;
	charon->kernel->add_policy = _add_policy;
	charon->kernel->del_policy = _del_policy;
	charon->kernel->flush_policies = _flush_policies;
	return &this->public;
}

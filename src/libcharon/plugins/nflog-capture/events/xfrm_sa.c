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

#include "xfrm_sa.h"
#include "process/secret.h"
#include "rules/netlink.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>

/** ICV of HMAC-SHA-256 with strongSwan's option sha256_96, in bits */
#define SHA256_96_BITS 96

/** size of the buffer for an SA with all its attributes, in bytes */
#define BUFFER_SIZE 8192

/**
 * Parse an attribute of an SA.
 */
static int parse_attr(const struct nlattr *attr, void *arg)
{
	kernel_ipsec_add_sa_t *data = arg;
	void *payload = mnl_attr_get_payload(attr);
	struct xfrm_algo_aead *aead = payload;
	struct xfrm_algo_auth *auth = payload;
	struct xfrm_algo *crypt = payload;

	switch (mnl_attr_get_type(attr))
	{
		case XFRMA_ALG_AEAD:
			data->enc_key = nflog_secret_clone(chunk_create((u_char*)aead->alg_key,
															aead->alg_key_len / 8));
			break;
		case XFRMA_ALG_CRYPT:
			data->enc_key = nflog_secret_clone(chunk_create((u_char*)crypt->alg_key,
															crypt->alg_key_len / 8));
			break;
		case XFRMA_ALG_AUTH_TRUNC:
			data->int_key = nflog_secret_clone(chunk_create((u_char*)auth->alg_key,
															auth->alg_key_len / 8));
			if (data->int_alg == AUTH_HMAC_SHA2_256_128 &&
				auth->alg_trunc_len == SHA256_96_BITS)
			{
				data->int_alg = AUTH_HMAC_SHA2_256_96;
			}
			break;
		case XFRMA_ENCAP:
			data->encap = TRUE;
			break;
		default:
			break;
	}
	return MNL_CB_OK;
}

/**
 * Parse an SA.
 */
static int parse_sa(const struct nlmsghdr *hdr, void *arg)
{
	kernel_ipsec_add_sa_t *data = arg;
	struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(hdr);

	data->reqid = info->reqid;
	data->esn = (info->flags & XFRM_STATE_ESN) != 0;
	return mnl_attr_parse(hdr, sizeof(*info), parse_attr, data);
}

/**
 * Request an SA, and parse the response.
 *
 * @return				0 if successful, an errno otherwise
 */
static int query(kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	chunk_t addr = id->dst->get_address(id->dst);
	struct xfrm_mark mark = {
		.v = id->mark.value,
		.m = id->mark.mask,
	};
	struct xfrm_usersa_id *sa;
	struct mnl_socket *socket;
	struct nlmsghdr *hdr;
	timeval_t deadline;
	ssize_t len;
	char *buf;
	int err = 0;

	buf = nflog_secret_alloc(BUFFER_SIZE);
	if (!buf)
	{
		return ENOMEM;
	}
	hdr = mnl_nlmsg_put_header(buf);
	hdr->nlmsg_type = XFRM_MSG_GETSA;
	hdr->nlmsg_flags = NLM_F_REQUEST;
	sa = mnl_nlmsg_put_extra_header(hdr, sizeof(*sa));
	memcpy(&sa->daddr, addr.ptr, addr.len);
	sa->spi = id->spi;
	sa->proto = id->proto;
	sa->family = id->dst->get_family(id->dst);
	if (mark.v)
	{
		mnl_attr_put(hdr, XFRMA_MARK, sizeof(mark), &mark);
	}

	socket = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	if (!socket)
	{
		err = errno;
		nflog_secret_free(buf);
		return err;
	}
	len = mnl_socket_sendto(socket, hdr, hdr->nlmsg_len);
	if (len >= 0)
	{
		nflog_netlink_deadline(&deadline);
		len = nflog_netlink_receive(mnl_socket_get_fd(socket), buf, BUFFER_SIZE,
									&deadline);
	}
	if (len < 0 || mnl_cb_run(buf, min(len, BUFFER_SIZE), 0, 0, parse_sa, data) < 0)
	{
		err = errno;
	}
	nflog_secret_free(buf);
	mnl_socket_close(socket);
	return err;
}

/*
 * Described in header
 */
int nflog_xfrm_sa_get(kernel_ipsec_sa_id_t *id, proposal_t *proposal,
					  kernel_ipsec_add_sa_t *data)
{
	data->enc_alg = ENCR_UNDEFINED;
	data->int_alg = AUTH_UNDEFINED;
	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &data->enc_alg,
							NULL);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &data->int_alg,
							NULL);
	return query(id, data);
}

/**
 * Check if the kernel has only the SPI of an SA that expired.
 */
static bool is_larval(kernel_ipsec_sa_id_t *id)
{
	kernel_ipsec_add_sa_t data = {};
	bool larval;

	larval = query(id, &data) == 0 && !data.enc_key.len && !data.int_key.len;
	nflog_xfrm_sa_clear(&data);
	return larval;
}

/*
 * Described in header
 */
bool nflog_xfrm_sa_count(kernel_ipsec_sa_id_t *id, uint16_t cpi, uint64_t *packets)
{
	kernel_ipsec_query_sa_t data = {
		.cpi = cpi,
	};
	uint64_t bytes;
	time_t time;

	return charon->kernel->query_sa(charon->kernel, id, &data, &bytes, packets,
									&time) == SUCCESS &&
		   (*packets || !is_larval(id));
}

/*
 * Described in header
 */
void nflog_xfrm_sa_clear(kernel_ipsec_add_sa_t *data)
{
	nflog_secret_clear(&data->enc_key);
	nflog_secret_clear(&data->int_key);
}

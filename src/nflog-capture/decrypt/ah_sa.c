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

#include "ipsec_sa.h"
#include "seqno.h"

#include <netinet/in.h>

#define AH_LEN 12
#define IPV4_LEN 20
#define IPV6_LEN 40

typedef struct private_ah_sa_t private_ah_sa_t;
typedef struct attempt_t attempt_t;

/**
 * Private data.
 */
struct private_ah_sa_t {

	/**
	 * Public interface.
	 */
	ipsec_sa_t public;

	/**
	 * Algorithms and keys.
	 */
	nflog_key_sa_t *key;

	/**
	 * Checks ICVs.
	 */
	cipher_t *cipher;

	/**
	 * Sequence numbers.
	 */
	seqno_t seqno;
};

/**
 * Attempt to authenticate a packet.
 */
struct attempt_t {
	/** the SA */
	private_ah_sa_t *this;
	/** packet, with mutable fields set to zero */
	chunk_t data;
	/** its ICV */
	chunk_t icv;
};

/**
 * Clear the mutable options of an IPv4 header (RFC 4302, appendix A1).
 */
static void clear_ipv4_options(chunk_t options)
{
	size_t len;

	while (options.len)
	{
		switch (options.ptr[0])
		{
			case 0:
				return;
			case 1:
				options = chunk_skip(options, 1);
				continue;
			default:
				break;
		}
		if (options.len < 2 || (len = options.ptr[1]) < 2 || len > options.len)
		{
			return;
		}
		switch (options.ptr[0])
		{
			case 130: /* security */
			case 133: /* extended security */
			case 134: /* commercial security */
			case 148: /* router alert */
			case 149: /* sender directed multi-destination */
				break;
			default:
				memset(options.ptr, 0, len);
				break;
		}
		options = chunk_skip(options, len);
	}
}

/**
 * Clear the mutable options of an IPv6 extension header.
 */
static void clear_ipv6_options(chunk_t options)
{
	size_t len;

	while (options.len)
	{
		if (options.ptr[0] == 0)
		{
			options = chunk_skip(options, 1);
			continue;
		}
		if (options.len < 2 || (len = options.ptr[1]) + 2 > options.len)
		{
			return;
		}
		if (options.ptr[0] & 0x20)
		{
			memset(options.ptr + 2, 0, len);
		}
		options = chunk_skip(options, len + 2);
	}
}

/**
 * Clear mutable fields (RFC 4302, section 3.3.3.1).
 */
static void clear_mutable(wire_packet_t *packet, chunk_t data)
{
	size_t pos = IPV6_LEN, len;
	uint8_t next;

	if (packet->src.len == 4)
	{
		data.ptr[1] = 0;
		memset(data.ptr + 6, 0, 3);
		memset(data.ptr + 10, 0, 2);
		clear_ipv4_options(chunk_create(data.ptr + IPV4_LEN,
										packet->transport - IPV4_LEN));
		return;
	}
	data.ptr[0] = 0x60;
	memset(data.ptr + 1, 0, 3);
	data.ptr[7] = 0;
	for (next = data.ptr[6]; pos < packet->transport; pos += len)
	{
		len = (data.ptr[pos + 1] + 1) * 8;
		if (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS)
		{
			clear_ipv6_options(chunk_create(data.ptr + pos + 2, len - 2));
		}
		next = data.ptr[pos];
	}
}

/**
 * Try some high bits of the sequence number.
 */
static bool try_high(void *data, uint32_t high)
{
	attempt_t *attempt = data;
	private_ah_sa_t *this = attempt->this;
	uint8_t bits[4];

	htoun32(bits, high);
	return this->cipher->verify(this->cipher, attempt->data,
					this->key->esn ? chunk_from_thing(bits) : chunk_empty,
					attempt->icv);
}

/**
 * Remove the AH header of a packet.
 *
 * @param mode		mode of the SA
 * @param icv_len	least bytes of the ICV
 * @param plain		receives allocated IP packet
 * @return			FALSE if the packet is malformed
 */
static bool remove_header(wire_packet_t *packet, ipsec_mode_t mode, size_t icv_len,
						  chunk_t *plain)
{
	chunk_t ah = wire_packet_payload(packet), payload;
	size_t len;

	*plain = chunk_empty;
	if (ah.len < AH_LEN || (len = (ah.ptr[1] + 2) * 4) > ah.len ||
		len < AH_LEN + icv_len)
	{
		return FALSE;
	}
	payload = chunk_skip(ah, len);
	if (mode == MODE_TUNNEL &&
		(ah.ptr[0] == IPPROTO_IPIP || ah.ptr[0] == IPPROTO_IPV6))
	{
		*plain = chunk_clone(payload);
	}
	else
	{
		*plain = wire_packet_replace(packet, ah.ptr[0], payload);
	}
	return TRUE;
}

/*
 * Described in header
 */
verdict_t ah_sa_remove(wire_packet_t *packet, chunk_t *plain)
{
	return remove_header(packet, MODE_TUNNEL, 0, plain) ? VERDICT_NO_INTEG
														: VERDICT_MALFORMED;
}

METHOD(ipsec_sa_t, decrypt, verdict_t,
	private_ah_sa_t *this, wire_packet_t *packet, chunk_t *plain)
{
	chunk_t ah = wire_packet_payload(packet);
	attempt_t attempt = {
		.this = this,
	};
	size_t icv_len = this->cipher->get_icv_size(this->cipher);
	bool good;

	if (!remove_header(packet, this->key->mode, icv_len, plain))
	{
		return VERDICT_MALFORMED;
	}
	attempt.icv = chunk_create(ah.ptr + AH_LEN, icv_len);
	attempt.data = chunk_clone(packet->data);
	clear_mutable(packet, attempt.data);
	memset(attempt.data.ptr + packet->payload + AH_LEN, 0, icv_len);
	good = seqno_try(&this->seqno, untoh32(ah.ptr + 8), try_high, &attempt);
	chunk_free(&attempt.data);
	return good ? VERDICT_GOOD : VERDICT_BAD;
}

METHOD(ipsec_sa_t, destroy, void,
	private_ah_sa_t *this)
{
	this->cipher->destroy(this->cipher);
	free(this);
}

/*
 * Described in header
 */
ipsec_sa_t *ah_sa_create(nflog_key_sa_t *key)
{
	private_ah_sa_t *this;
	cipher_t *cipher;

	cipher = cipher_create(ENCR_UNDEFINED, chunk_empty, key->integ, key->integ_key, 0);
	if (!cipher)
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.decrypt = _decrypt,
			.destroy = _destroy,
		},
		.key = key,
		.cipher = cipher,
		.seqno = {
			.esn = key->esn,
		},
	);
	return &this->public;
}

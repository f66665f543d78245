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

#define ESP_LEN 8

typedef struct private_esp_sa_t private_esp_sa_t;
typedef struct attempt_t attempt_t;

/**
 * Private data.
 */
struct private_esp_sa_t {

	/**
	 * Public interface.
	 */
	ipsec_sa_t public;

	/**
	 * Algorithms and keys.
	 */
	nflog_key_sa_t *key;

	/**
	 * Decrypts.
	 */
	cipher_t *cipher;

	/**
	 * Sequence numbers.
	 */
	seqno_t seqno;
};

/**
 * Attempt to decrypt a packet.
 */
struct attempt_t {
	/** the SA */
	private_esp_sa_t *this;
	/** ESP packet */
	chunk_t esp;
	/** result of the last attempt */
	verdict_t verdict;
	/** decrypted data of the last attempt */
	chunk_t plain;
};

/**
 * Try to decrypt with some high bits of the sequence number.
 */
static bool try_high(void *data, uint32_t high)
{
	attempt_t *attempt = data;
	private_esp_sa_t *this = attempt->this;
	uint8_t bits[4], header[ESP_LEN + 4];
	chunk_t assoc, suffix = chunk_empty;

	htoun32(bits, high);
	assoc = chunk_create(attempt->esp.ptr, ESP_LEN);
	if (this->key->esn && this->cipher->is_aead(this->cipher))
	{	/* RFC 4106, section 5: between SPI and the low bits */
		memcpy(header, assoc.ptr, 4);
		memcpy(header + 4, bits, 4);
		memcpy(header + 8, assoc.ptr + 4, 4);
		assoc = chunk_from_thing(header);
	}
	else if (this->key->esn)
	{
		suffix = chunk_from_thing(bits);
	}
	chunk_clear(&attempt->plain);
	attempt->verdict = this->cipher->open(this->cipher, assoc,
								chunk_skip(attempt->esp, ESP_LEN), suffix,
								&attempt->plain);
	/* only the ICV shows that these are the high bits */
	return verdict_is_decrypted(attempt->verdict);
}

/**
 * Remove padding and next header from decrypted data.
 */
static bool remove_trailer(chunk_t *data, uint8_t *next, bool check)
{
	uint8_t len, i;

	if (data->len < 2)
	{
		return FALSE;
	}
	*next = data->ptr[data->len - 1];
	len = data->ptr[data->len - 2];
	if (data->len < 2 + (size_t)len)
	{
		return FALSE;
	}
	data->len -= 2 + len;
	for (i = 0; check && i < len; i++)
	{
		if (data->ptr[data->len + i] != i + 1)
		{
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Get the length of an IP packet without padding for traffic flow confidentiality.
 */
static size_t get_length(chunk_t data, uint8_t next)
{
	size_t len = 0;

	if (next == IPPROTO_IPIP && data.len >= 20)
	{
		len = untoh16(data.ptr + 2);
	}
	else if (next == IPPROTO_IPV6 && data.len >= 40)
	{
		len = 40 + untoh16(data.ptr + 4);
	}
	return len && len < data.len ? len : data.len;
}

METHOD(ipsec_sa_t, decrypt, verdict_t,
	private_esp_sa_t *this, wire_packet_t *packet, chunk_t *plain)
{
	attempt_t attempt = {
		.this = this,
		.esp = wire_packet_payload(packet),
	};
	chunk_t data;
	uint8_t next;

	*plain = chunk_empty;
	if (attempt.esp.len < ESP_LEN)
	{
		return VERDICT_MALFORMED;
	}
	seqno_try(&this->seqno, untoh32(attempt.esp.ptr + 4), try_high, &attempt);
	if (this->key->any_spi)
	{	/* the next packet may be in the sequence of another SA */
		this->seqno.known = FALSE;
		this->seqno.highest = 0;
	}
	data = attempt.plain;
	/* without a checked ICV, only the padding reveals a wrong key */
	if (!remove_trailer(&data, &next, attempt.verdict == VERDICT_UNCHECKED ||
									  attempt.verdict == VERDICT_NO_INTEG))
	{
		if (attempt.verdict != VERDICT_GOOD && verdict_is_decrypted(attempt.verdict))
		{
			attempt.verdict = VERDICT_BAD;
		}
	}
	else if (next == IPPROTO_NONE)
	{	/* a dummy packet, to be discarded */
	}
	else if (this->key->mode == MODE_TUNNEL && data.len &&
			 (next == IPPROTO_IPIP || next == IPPROTO_IPV6))
	{
		*plain = chunk_create(data.ptr, get_length(data, next));
		return attempt.verdict;
	}
	else
	{
		*plain = wire_packet_replace(packet, next, data);
	}
	chunk_clear(&attempt.plain);
	return attempt.verdict;
}

METHOD(ipsec_sa_t, destroy, void,
	private_esp_sa_t *this)
{
	this->cipher->destroy(this->cipher);
	free(this);
}

/*
 * Described in header
 */
ipsec_sa_t *esp_sa_create(nflog_key_sa_t *key)
{
	private_esp_sa_t *this;
	cipher_t *cipher;

	cipher = cipher_create(key->encr, key->encr_key, key->integ, key->integ_key,
						   key->icv);
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

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

#include "sas.h"
#include "ipsec_sa.h"
#include "spi_table.h"

#include <netinet/in.h>

typedef struct private_sas_t private_sas_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_sas_t {

	/**
	 * Public interface.
	 */
	sas_t public;

	/**
	 * Keys, not owned.
	 */
	keyring_t *keys;

	/**
	 * SAs by SPI, entry_t.
	 */
	spi_table_t *sas;

	/**
	 * SA of the last packet, NULL if there was none.
	 */
	nflog_key_sa_t *last;

	/**
	 * Sequence number of the last packet.
	 */
	uint32_t spi, seq;
};

/**
 * ESP or AH SA.
 */
struct entry_t {
	/** algorithms and keys */
	nflog_key_sa_t *key;
	/** decrypts, NULL if not supported, or not created yet */
	ipsec_sa_t *sa;
	/** TRUE if creating that was tried */
	bool created;
	/** algorithms, for comments */
	char algorithms[128];
};

/**
 * Destroy an SA.
 */
static void entry_destroy(entry_t *this)
{
	DESTROY_IF(this->sa);
	free(this);
}

/**
 * Check if an SA has the addresses of a packet.
 */
static bool is_exact(nflog_key_sa_t *key, wire_packet_t *packet)
{
	return chunk_equals(key->src->get_address(key->src), packet->src) &&
		   chunk_equals(key->dst->get_address(key->dst), packet->dst);
}

/**
 * Get the object that decrypts the packets of an SA, NULL if libstrongswan lacks its
 * algorithms.
 */
static ipsec_sa_t *get_sa(private_sas_t *this, entry_t *entry)
{
	nflog_key_sa_t *key = entry->key;

	if (!entry->created)
	{
		entry->sa = key->proto == IPPROTO_AH ? ah_sa_create(key)
											 : esp_sa_create(key);
		entry->created = TRUE;
		if (!entry->sa)
		{
			this->keys->report(this->keys, key);
		}
	}
	return entry->sa;
}

/**
 * Try the SAs that have, or don't have, the addresses of the packet.
 *
 * @param exact		TRUE for those that have them
 * @param verdict	best verdict so far, replaced by a better one
 * @param plain		decrypted packet with that verdict
 * @return			SA of the packet, NULL if there is none
 */
static entry_t *try_sas(private_sas_t *this, linked_list_t *list,
						wire_packet_t *packet, uint8_t proto, bool exact,
						verdict_t *verdict, chunk_t *plain)
{
	enumerator_t *enumerator;
	entry_t *entry, *found = NULL;
	ipsec_sa_t *sa;
	verdict_t current;
	chunk_t data;

	enumerator = list->create_enumerator(list);
	while (!found && enumerator->enumerate(enumerator, &entry))
	{
		if (entry->key->proto == proto &&
			is_exact(entry->key, packet) == exact && (sa = get_sa(this, entry)))
		{
			current = sa->decrypt(sa, packet, &data);
			if (current >= *verdict)
			{
				chunk_clear(&data);
				continue;
			}
			chunk_clear(plain);
			*plain = data;
			*verdict = current;
			if (verdict_is_decrypted(current))
			{
				found = entry;
			}
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Describe the algorithms of an SA.
 */
static void print_algorithms(nflog_key_sa_t *key, char *buf, size_t len)
{
	char *esn = key->esn ? " ESN" : "";

	if (key->encr == ENCR_UNDEFINED)
	{
		snprintf(buf, len, " %N%s", integrity_algorithm_names, key->integ, esn);
	}
	else if (key->integ == AUTH_UNDEFINED)
	{
		snprintf(buf, len, " %N%s", encryption_algorithm_names, key->encr, esn);
	}
	else
	{
		snprintf(buf, len, " %N/%N%s", encryption_algorithm_names, key->encr,
				 integrity_algorithm_names, key->integ, esn);
	}
}

/**
 * Append text to a comment.
 */
static char *append(char *pos, char *end, const char *text)
{
	size_t len = min(strlen(text), end - pos - 1);

	memcpy(pos, text, len);
	pos[len] = '\0';
	return pos + len;
}

/**
 * Append an SPI.
 */
static char *append_spi(char *pos, char *end, uint32_t spi)
{
	uint8_t bytes[4];
	char buf[2 * sizeof(bytes) + 1];

	htoun32(bytes, spi);
	chunk_to_hex(chunk_from_thing(bytes), buf, FALSE);
	return append(pos, end, buf);
}

/**
 * Append a number.
 */
static char *append_number(char *pos, char *end, uint32_t number)
{
	char buf[16], *begin = buf + sizeof(buf) - 1;

	*begin = '\0';
	do
	{
		*--begin = '0' + number % 10;
		number /= 10;
	}
	while (number);
	return append(pos, end, begin);
}

/**
 * Describe a packet, its SA and the verdict.  Does not use snprintf(), which takes as long
 * as decrypting the packet.
 *
 * @param entry		SA, NULL if there is none
 */
static void print_comment(char *pos, size_t len, bool ah, uint32_t spi,
						  uint32_t seq, entry_t *entry, verdict_t verdict)
{
	char *end = pos + len;

	pos = append(pos, end, ah ? "AH " : "ESP ");
	pos = append_spi(pos, end, spi);
	pos = append(pos, end, " seq ");
	pos = append_number(pos, end, seq);
	if (entry)
	{
		pos = append(pos, end, entry->key->undirected ? ""
							 : entry->key->inbound ? " in" : " out");
		pos = append(pos, end, entry->algorithms);
	}
	pos = append(pos, end, ": ");
	append(pos, end, enum_to_name(verdict_names, verdict));
}

/**
 * Create the entry of an SA.
 */
static entry_t *entry_create(nflog_key_sa_t *key)
{
	entry_t *entry;

	INIT(entry,
		.key = key,
	);
	print_algorithms(key, entry->algorithms, sizeof(entry->algorithms));
	return entry;
}

METHOD(sas_t, decrypt, verdict_t,
	private_sas_t *this, wire_packet_t *packet, chunk_t *plain, char *comment,
	size_t len)
{
	bool ah = packet->kind == PACKET_AH;
	chunk_t payload = wire_packet_payload(packet);
	verdict_t verdict = VERDICT_NO_KEY;
	size_t pos = ah ? 4 : 0;
	uint8_t proto = ah ? IPPROTO_AH : IPPROTO_ESP;
	linked_list_t *list = NULL;
	entry_t *entry = NULL;
	uint32_t spi = 0, seq = 0;

	*plain = chunk_empty;
	if (payload.len < pos + 8)
	{
		verdict = VERDICT_MALFORMED;
	}
	else
	{
		spi = untoh32(payload.ptr + pos);
		seq = untoh32(payload.ptr + pos + 4);
		list = this->sas->get(this->sas, spi);
		if (!list && !packet->doubtful)
		{
			list = this->sas->get(this->sas, KEYRING_ANY_SPI);
		}
	}
	if (list)
	{	/* other addresses, if captured on the other side of a NAT */
		entry = try_sas(this, list, packet, proto, TRUE, &verdict, plain) ?:
				try_sas(this, list, packet, proto, FALSE, &verdict, plain);
	}
	if (ah && verdict == VERDICT_NO_KEY)
	{
		verdict = ah_sa_remove(packet, plain);
	}
	print_comment(comment, len, ah, spi, seq, entry, verdict);
	this->last = entry ? entry->key : NULL;
	this->spi = spi;
	this->seq = seq;
	return verdict;
}

METHOD(sas_t, get_sa_, nflog_key_sa_t*,
	private_sas_t *this, uint32_t *spi, uint32_t *seq)
{
	*spi = this->spi;
	*seq = this->seq;
	return this->last;
}

METHOD(sas_t, destroy, void,
	private_sas_t *this)
{
	this->sas->destroy(this->sas);
	free(this);
}

/*
 * Described in header
 */
sas_t *sas_create(keyring_t *keys)
{
	private_sas_t *this;

	INIT(this,
		.public = {
			.decrypt = _decrypt,
			.get_sa = _get_sa_,
			.destroy = _destroy,
		},
		.keys = keys,
		.sas = spi_table_create(keys, keys->create_sa_enumerator,
								(void*)entry_create, (void*)entry_destroy),
	);
	return &this->public;
}

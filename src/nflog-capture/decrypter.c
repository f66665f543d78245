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

#include "decrypter.h"
#include "ike.h"
#include "ipsec_sa.h"

#include <inttypes.h>
#include <netinet/in.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>

#define UDP_LEN 8

typedef struct private_decrypter_t private_decrypter_t;
typedef struct entry_t entry_t;

/**
 * What is counted.
 */
enum {
	COUNT_ESP,
	COUNT_AH,
	COUNT_IKE,
	COUNT_MAX,
};

/**
 * Private data.
 */
struct private_decrypter_t {

	/**
	 * Public interface.
	 */
	decrypter_t public;

	/**
	 * Lists of SAs by SPI, newest first, &SPI => linked_list_t of entry_t.
	 */
	hashtable_t *sas;

	/**
	 * Decrypt messages of IKEv1 and IKEv2.
	 */
	ike_t *ikev1, *ikev2;

	/**
	 * Number of packets by verdict.
	 */
	u_int counts[COUNT_MAX][VERDICT_MAX];

	/**
	 * Number of IKE messages in the clear, of fragments and packets that are
	 * cut, and of all others.
	 */
	u_int clear, parts, others;
};

/**
 * ESP or AH SA.
 */
struct entry_t {
	/** algorithms and keys */
	key_sa_t *key;
	/** decrypts, NULL if not supported */
	ipsec_sa_t *sa;
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
 * Destroy the SAs with an SPI.
 */
static void list_destroy(void *value, const void *key)
{
	linked_list_t *list = value;

	list->destroy_function(list, (void*)entry_destroy);
}

/**
 * Hash of an SPI, which is random.
 */
static u_int spi_hash(const void *key)
{
	return *(uint32_t*)key;
}

/**
 * Compare SPIs.
 */
static bool spi_equals(const void *a, const void *b)
{
	return *(uint32_t*)a == *(uint32_t*)b;
}

/**
 * Does an SA have the addresses of the packet?
 */
static bool is_exact(key_sa_t *key, wire_packet_t *packet)
{
	return chunk_equals(key->src->get_address(key->src), packet->src) &&
		   chunk_equals(key->dst->get_address(key->dst), packet->dst);
}

/**
 * Try the SAs that have (not) the addresses of the packet.
 *
 * @param verdict	the best verdict so far, gets replaced by a better one
 * @param plain		packet in the clear that goes with it
 * @return			SA that the packet is of, NULL if there is none
 */
static entry_t *try_sas(linked_list_t *list, wire_packet_t *packet,
						uint8_t proto, bool exact, verdict_t *verdict,
						chunk_t *plain)
{
	enumerator_t *enumerator;
	entry_t *entry, *found = NULL;
	verdict_t current;
	chunk_t data;

	enumerator = list->create_enumerator(list);
	while (!found && enumerator->enumerate(enumerator, &entry))
	{
		if (entry->sa && entry->key->proto == proto &&
			is_exact(entry->key, packet) == exact)
		{
			current = entry->sa->decrypt(entry->sa, packet, &data);
			if (current >= *verdict)
			{
				chunk_clear(&data);
				continue;
			}
			chunk_clear(plain);
			*plain = data;
			*verdict = current;
			if (current == VERDICT_GOOD || current == VERDICT_UNCHECKED)
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
static void print_algorithms(key_sa_t *key, char *buf, size_t len)
{
	if (key->encr == ENCR_UNDEFINED)
	{
		snprintf(buf, len, " %N", integrity_algorithm_names, key->integ);
	}
	else if (key->integ == AUTH_UNDEFINED)
	{
		snprintf(buf, len, " %N", encryption_algorithm_names, key->encr);
	}
	else
	{
		snprintf(buf, len, " %N/%N", encryption_algorithm_names, key->encr,
				 integrity_algorithm_names, key->integ);
	}
}

/**
 * Decrypt ESP or AH.
 */
static void decrypt_sa(private_decrypter_t *this, wire_packet_t *packet,
					   uint8_t proto, chunk_t *plain, char *comment)
{
	chunk_t payload = wire_packet_payload(packet);
	verdict_t verdict = VERDICT_NO_KEY;
	size_t pos = proto == IPPROTO_AH ? 4 : 0;
	linked_list_t *list = NULL;
	entry_t *entry = NULL;
	char algorithms[128] = "";
	uint32_t spi = 0, seq = 0;

	if (payload.len < pos + 8)
	{
		verdict = VERDICT_MALFORMED;
	}
	else
	{
		spi = untoh32(payload.ptr + pos);
		seq = untoh32(payload.ptr + pos + 4);
		list = this->sas->get(this->sas, &spi);
	}
	if (list)
	{	/* addresses are others if captured on the other side of a NAT */
		entry = try_sas(list, packet, proto, TRUE, &verdict, plain) ?:
				try_sas(list, packet, proto, FALSE, &verdict, plain);
	}
	if (packet->doubtful && verdict == VERDICT_NO_KEY)
	{
		this->others++;
		return;
	}
	if (entry)
	{
		print_algorithms(entry->key, algorithms, sizeof(algorithms));
	}
	snprintf(comment, DECRYPTER_COMMENT_LEN, "%s %.8x seq %u%s%s%s: %N",
			 proto == IPPROTO_AH ? "AH" : "ESP", spi, seq,
			 entry ? (entry->key->inbound ? " in" : " out") : "", algorithms,
			 entry && entry->key->esn ? " ESN" : "", verdict_names, verdict);
	this->counts[proto == IPPROTO_AH ? COUNT_AH : COUNT_ESP][verdict]++;
}

/**
 * Create the packet of a decrypted message.
 */
static chunk_t wrap_message(wire_packet_t *packet, chunk_t message)
{
	chunk_t header, udp, data;

	/* the UDP header, and perhaps a non-ESP marker */
	header = chunk_create(packet->data.ptr + packet->transport,
						  packet->payload - packet->transport);
	udp = chunk_cat("cc", header, message);
	htoun16(udp.ptr + 4, udp.len);
	data = wire_packet_replace(packet, IPPROTO_UDP, udp);
	chunk_clear(&udp);
	return data;
}

/**
 * Get what decrypts a message.
 */
static ike_t *get_ike(private_decrypter_t *this, chunk_t message)
{
	return message.ptr[IKE_VERSION] >> 4 == 1 ? this->ikev1 : this->ikev2;
}

METHOD(decrypter_t, learn, void,
	private_decrypter_t *this, chunk_t data)
{
	wire_packet_t packet;
	chunk_t message;
	ike_t *ike;

	wire_packet_parse(&packet, data);
	if (packet.kind == PACKET_IKE)
	{
		message = wire_packet_payload(&packet);
		ike = get_ike(this, message);
		ike->learn(ike, message);
	}
}

/**
 * Decrypt an IKE message.
 */
static void decrypt_ike(private_decrypter_t *this, wire_packet_t *packet,
						chunk_t *plain, char *comment)
{
	chunk_t message = wire_packet_payload(packet), decrypted;
	verdict_t verdict;
	bool encrypted;
	ike_t *ike = get_ike(this, message);

	verdict = ike->decrypt(ike, message, &encrypted, &decrypted);
	if (!encrypted)
	{
		this->clear++;
		return;
	}
	if (decrypted.len)
	{
		*plain = wrap_message(packet, decrypted);
		chunk_clear(&decrypted);
	}
	snprintf(comment, DECRYPTER_COMMENT_LEN, "IKEv%d %.16" PRIx64 "-%.16" PRIx64
			 " message %.8x: %N", message.ptr[IKE_VERSION] >> 4,
			 untoh64(message.ptr), untoh64(message.ptr + 8),
			 untoh32(message.ptr + IKE_MID), verdict_names, verdict);
	this->counts[COUNT_IKE][verdict]++;
}

METHOD(decrypter_t, decrypt, void,
	private_decrypter_t *this, chunk_t data, chunk_t *plain, char *comment)
{
	wire_packet_t packet;

	*plain = chunk_empty;
	*comment = '\0';
	wire_packet_parse(&packet, data);
	switch (packet.kind)
	{
		case PACKET_ESP:
			decrypt_sa(this, &packet, IPPROTO_ESP, plain, comment);
			break;
		case PACKET_AH:
			decrypt_sa(this, &packet, IPPROTO_AH, plain, comment);
			break;
		case PACKET_IKE:
			decrypt_ike(this, &packet, plain, comment);
			break;
		case PACKET_PART:
			snprintf(comment, DECRYPTER_COMMENT_LEN, "%s",
					 "a fragment, or cut when it was captured");
			this->parts++;
			break;
		case PACKET_MALFORMED:
		case PACKET_OTHER:
			this->others++;
			break;
	}
}

METHOD(decrypter_t, print, void,
	private_decrypter_t *this, FILE *file)
{
	static char *names[] = { "ESP", "AH", "IKE" };
	u_int i, j, total, *counts;

	for (i = 0; i < COUNT_MAX; i++)
	{
		counts = this->counts[i];
		for (j = 0, total = 0; j < VERDICT_MAX; j++)
		{
			total += counts[j];
		}
		if (!total)
		{
			continue;
		}
		fprintf(file, "%s: %u packets, %u decrypted", names[i], total,
				counts[VERDICT_GOOD] + counts[VERDICT_UNCHECKED]);
		for (j = 0; j < VERDICT_MAX; j++)
		{
			if (counts[j])
			{
				fprintf(file, ", %u %s", counts[j],
						enum_to_name(verdict_names, j));
			}
		}
		fprintf(file, "\n");
	}
	if (this->clear)
	{
		fprintf(file, "IKE in the clear: %u packets\n", this->clear);
	}
	if (this->parts)
	{
		fprintf(file, "fragments, or cut when captured: %u packets\n",
				this->parts);
	}
	if (this->others)
	{
		fprintf(file, "others: %u packets\n", this->others);
	}
}

METHOD(decrypter_t, is_good, bool,
	private_decrypter_t *this)
{
	u_int i, bad = this->parts;

	for (i = 0; i < COUNT_MAX; i++)
	{
		bad += this->counts[i][VERDICT_BAD] + this->counts[i][VERDICT_NO_KEY] +
			   this->counts[i][VERDICT_MALFORMED];
	}
	return !bad;
}

METHOD(decrypter_t, destroy, void,
	private_decrypter_t *this)
{
	this->sas->destroy_function(this->sas, list_destroy);
	this->ikev1->destroy(this->ikev1);
	this->ikev2->destroy(this->ikev2);
	free(this);
}

/**
 * Add an SA.
 */
static void add_sa(private_decrypter_t *this, key_sa_t *key)
{
	linked_list_t *list;
	entry_t *entry;

	INIT(entry,
		.key = key,
		.sa = key->proto == IPPROTO_AH ? ah_sa_create(key) : esp_sa_create(key),
	);
	if (!entry->sa)
	{
		fprintf(stderr, "SA %.8x can not be decrypted: %s or %s not supported "
				"by libstrongswan, or with another key length\n", key->spi,
				enum_to_name(encryption_algorithm_names, key->encr) ?: "none",
				enum_to_name(integrity_algorithm_names, key->integ) ?: "none");
	}
	list = this->sas->get(this->sas, &key->spi);
	if (!list)
	{
		list = linked_list_create();
		this->sas->put(this->sas, &key->spi, list);
	}
	list->insert_first(list, entry);
}

/*
 * Described in header
 */
decrypter_t *decrypter_create(key_file_t *keys)
{
	private_decrypter_t *this;
	enumerator_t *enumerator;
	key_sa_t *key;

	INIT(this,
		.public = {
			.learn = _learn,
			.decrypt = _decrypt,
			.print = _print,
			.is_good = _is_good,
			.destroy = _destroy,
		},
		.sas = hashtable_create(spi_hash, spi_equals, 32),
		.ikev1 = ikev1_create(keys),
		.ikev2 = ikev2_create(keys),
	);
	enumerator = keys->create_sa_enumerator(keys);
	while (enumerator->enumerate(enumerator, &key))
	{
		add_sa(this, key);
	}
	enumerator->destroy(enumerator);
	return &this->public;
}

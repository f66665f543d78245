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
#include "cli/text.h"
#include "ike.h"
#include "ip_fragments.h"
#include "ipcomp.h"
#include "sas.h"

#include <inttypes.h>
#include <netinet/in.h>

typedef struct private_decrypter_t private_decrypter_t;
typedef struct layer_t layer_t;

static private_decrypter_t *create(keyring_t *keys);

/**
 * Protocols that are counted.
 */
enum {
	COUNT_ESP,
	COUNT_AH,
	COUNT_IKE,
	COUNT_MAX,
};

/**
 * Counters of a layer.
 */
struct layer_t {
	/** number of packets by verdict */
	u_int counts[COUNT_MAX][VERDICT_MAX];
	/** IPComp packets, and those of them that were not decompressed */
	u_int compressed, not_decompressed;
	/** IKE messages in the clear, IP fragments, truncated packets, all others */
	u_int clear, fragments, parts, others;
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
	 * Keys, not owned.
	 */
	keyring_t *keys;

	/**
	 * Decrypts ESP and AH.
	 */
	sas_t *sas;

	/**
	 * Decrypts for learn(), with sequence numbers of its own, NULL if there are no keys
	 * of IKEv1.
	 */
	sas_t *learning;

	/**
	 * Decrypt IKE messages, NULL in a clone.
	 */
	ike_t *ikev1, *ikev2;

	/**
	 * Put IP fragments together, to decrypt and to learn from, NULL in a clone.
	 */
	ip_fragments_t *fragments, *learning_fragments;

	/**
	 * SA of the last packet, NULL if it was not decrypted, its SPI and sequence number.
	 */
	nflog_key_sa_t *last;
	uint32_t spi, seq;

	/**
	 * Counters by layer.
	 */
	layer_t layers[DECRYPTER_MAX_LAYERS];

	/**
	 * Encrypted packets in more than DECRYPTER_MAX_LAYERS layers.
	 */
	u_int deep;
};

/**
 * Check if a packet may be one of ESP or AH.
 */
static bool is_ipsec(wire_packet_t *packet)
{
	return packet->kind == PACKET_ESP || packet->kind == PACKET_AH;
}

/**
 * Create an IP packet with a decrypted IKE message.
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
 * Get the object that decrypts an IKE message.
 */
static ike_t *get_ike(private_decrypter_t *this, chunk_t message)
{
	return message.ptr[IKE_VERSION] >> 4 == 1 ? this->ikev1 : this->ikev2;
}

METHOD(decrypter_t, learn, bool,
	private_decrypter_t *this, chunk_t data)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t message, plain, outer = chunk_empty;
	wire_packet_t packet;
	ike_t *ike;
	int i;

	if (!this->learning)
	{
		return FALSE;
	}
	for (i = 0; i < DECRYPTER_MAX_LAYERS; i++)
	{
		wire_packet_parse(&packet, data);
		if (packet.kind == PACKET_IKE)
		{
			message = wire_packet_payload(&packet);
			ike = get_ike(this, message);
			ike->learn(ike, message);
		}
		plain = chunk_empty;
		if (is_ipsec(&packet))
		{
			this->learning->decrypt(this->learning, &packet, &plain, comment,
									sizeof(comment));
		}
		else if (packet.kind == PACKET_IPCOMP)
		{
			ipcomp_open(&packet, &plain, comment, sizeof(comment));
		}
		else if (packet.kind == PACKET_FRAGMENT)
		{
			this->learning_fragments->add(this->learning_fragments, packet.data, FALSE,
										  &plain);
		}
		if (!plain.len)
		{
			chunk_clear(&plain);
			break;
		}
		chunk_clear(&outer);
		data = outer = plain;
	}
	chunk_clear(&outer);
	return TRUE;
}

/**
 * Decrypt ESP or AH.
 */
static bool decrypt_sa(private_decrypter_t *this, layer_t *layer,
					   wire_packet_t *packet, chunk_t *plain, char *comment)
{
	bool ah = packet->kind == PACKET_AH;
	verdict_t verdict;

	verdict = this->sas->decrypt(this->sas, packet, plain, comment,
								 DECRYPTER_COMMENT_LEN);
	if (packet->doubtful && verdict == VERDICT_NO_KEY)
	{
		layer->others++;
		*comment = '\0';
		return FALSE;
	}
	layer->counts[ah ? COUNT_AH : COUNT_ESP][verdict]++;
	this->last = this->sas->get_sa(this->sas, &this->spi, &this->seq);
	/* AH leaves its payload in the clear, even if the ICV is bad */
	return plain->len && (ah || verdict != VERDICT_BAD);
}

/**
 * Decrypt an IKE message.
 */
static void decrypt_ike(private_decrypter_t *this, layer_t *layer, bool inside,
						wire_packet_t *packet, chunk_t *plain, char *comment)
{
	chunk_t message = wire_packet_payload(packet), decrypted;
	verdict_t verdict;
	bool encrypted;
	ike_t *ike = get_ike(this, message);

	verdict = ike->decrypt(ike, message, inside, &encrypted, &decrypted);
	if (!encrypted)
	{
		layer->clear++;
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
	layer->counts[COUNT_IKE][verdict]++;
}

/**
 * Decompress an IPComp packet.
 */
static bool decompress(layer_t *layer, wire_packet_t *packet, chunk_t *plain,
					   char *comment)
{
	bool success;

	success = ipcomp_open(packet, plain, comment, DECRYPTER_COMMENT_LEN);
	layer->compressed++;
	layer->not_decompressed += !success;
	return success;
}

/**
 * Check if the header of a packet that is not complete says that it is IPsec.
 */
static bool says_ipsec(wire_packet_t *packet)
{
	uint8_t proto = packet->data.ptr[packet->proto];

	return proto == IPPROTO_ESP || proto == IPPROTO_AH;
}

/**
 * Decrypt a packet if this is its last fragment.
 */
static bool decrypt_fragment(private_decrypter_t *this, u_int depth,
							 wire_packet_t *packet, chunk_t *plain, char *comment)
{
	static const char last[] = "last fragment of ";
	size_t len = strlen(last);
	wire_packet_t parsed;
	bool more = FALSE;
	chunk_t whole;

	if (depth == 0 || says_ipsec(packet))
	{
		snprintf(comment, DECRYPTER_COMMENT_LEN, "a fragment");
		this->layers[depth].fragments++;
	}
	else
	{
		this->layers[depth].others++;
	}
	if (!this->fragments->add(this->fragments, packet->data, depth == 0, &whole))
	{
		return FALSE;
	}
	*comment = '\0';
	wire_packet_parse(&parsed, whole);
	if (parsed.kind == PACKET_FRAGMENT)
	{	/* of a fragment, which nobody puts together */
		this->layers[depth].others++;
	}
	else
	{
		more = this->public.decrypt(&this->public, depth, &parsed, plain, comment);
	}
	if (*comment)
	{
		comment[DECRYPTER_COMMENT_LEN - len - 1] = '\0';
		memmove(comment + len, comment, strlen(comment) + 1);
		memcpy(comment, last, len);
	}
	chunk_clear(&whole);
	return more;
}

/**
 * Count a truncated packet.  Inside of others only those are counted whose header says
 * that they are IPsec.
 */
static void count_part(layer_t *layer, wire_packet_t *packet, bool inside,
					   char *comment)
{
	if (!inside || says_ipsec(packet))
	{
		snprintf(comment, DECRYPTER_COMMENT_LEN, "%s", "cut when it was captured");
		layer->parts++;
	}
}

METHOD(decrypter_t, decrypt, bool,
	private_decrypter_t *this, u_int depth, wire_packet_t *packet, chunk_t *plain,
	char *comment)
{
	layer_t *layer;

	*plain = chunk_empty;
	*comment = '\0';
	this->last = NULL;
	if (depth >= countof(this->layers))
	{
		if ((is_ipsec(packet) && !packet->doubtful) || packet->kind == PACKET_IKE ||
			packet->kind == PACKET_IPCOMP)
		{
			snprintf(comment, DECRYPTER_COMMENT_LEN, "a packet in %u others, which "
					 "is not decrypted", depth);
			this->deep++;
		}
		return FALSE;
	}
	layer = &this->layers[depth];
	switch (packet->kind)
	{
		case PACKET_ESP:
		case PACKET_AH:
			return decrypt_sa(this, layer, packet, plain, comment);
		case PACKET_IKE:
			decrypt_ike(this, layer, depth > 0, packet, plain, comment);
			break;
		case PACKET_IPCOMP:
			return decompress(layer, packet, plain, comment);
		case PACKET_FRAGMENT:
			return decrypt_fragment(this, depth, packet, plain, comment);
		case PACKET_PART:
			count_part(layer, packet, depth > 0, comment);
			break;
		case PACKET_MALFORMED:
		case PACKET_OTHER:
			layer->others++;
			break;
	}
	return FALSE;
}

METHOD(decrypter_t, get_sa, nflog_key_sa_t*,
	private_decrypter_t *this, uint32_t *spi, uint32_t *seq)
{
	if (spi)
	{
		*spi = this->spi;
	}
	*seq = this->seq;
	return this->last;
}

METHOD(decrypter_t, add, void,
	private_decrypter_t *this, decrypter_t *other_public)
{
	private_decrypter_t *other = (private_decrypter_t*)other_public;
	u_int i, j, k;

	for (i = 0; i < countof(this->layers); i++)
	{
		for (j = 0; j < COUNT_MAX; j++)
		{
			for (k = 0; k < VERDICT_MAX; k++)
			{
				this->layers[i].counts[j][k] += other->layers[i].counts[j][k];
			}
		}
		this->layers[i].compressed += other->layers[i].compressed;
		this->layers[i].not_decompressed += other->layers[i].not_decompressed;
		this->layers[i].clear += other->layers[i].clear;
		this->layers[i].fragments += other->layers[i].fragments;
		this->layers[i].parts += other->layers[i].parts;
		this->layers[i].others += other->layers[i].others;
	}
	this->deep += other->deep;
}

/**
 * Print the counters of a layer.
 *
 * @param where		appended to the names of counters
 */
static void print_layer(layer_t *layer, char *where, FILE *file)
{
	static char *names[] = { "ESP", "AH", "IKE" };
	u_int i, j, total, *counts;

	for (i = 0; i < COUNT_MAX; i++)
	{
		counts = layer->counts[i];
		for (j = 0, total = 0; j < VERDICT_MAX; j++)
		{
			total += counts[j];
		}
		if (!total)
		{
			continue;
		}
		text_print(file, "%s%s: %u packets, %u decrypted", names[i], where, total,
				   counts[VERDICT_GOOD] + counts[VERDICT_UNCHECKED] +
				   counts[VERDICT_NO_INTEG]);
		for (j = 0; j < VERDICT_MAX; j++)
		{
			if (counts[j])
			{
				text_print(file, ", %u %s", counts[j],
						   enum_to_name(verdict_names, j));
			}
		}
		text_print(file, "\n");
	}
	if (layer->compressed)
	{
		text_print(file, "IPComp%s: %u packets, %u decompressed\n", where,
				   layer->compressed, layer->compressed - layer->not_decompressed);
	}
	if (layer->clear)
	{
		text_print(file, "IKE in the clear%s: %u packets\n", where, layer->clear);
	}
	if (layer->fragments)
	{
		text_print(file, "IP fragments%s: %u packets\n", where, layer->fragments);
	}
	if (layer->parts)
	{
		text_print(file, "cut when captured%s: %u packets\n", where, layer->parts);
	}
}

/**
 * Check if there were packets at all.
 */
static bool has_packets(private_decrypter_t *this)
{
	static const layer_t none = {};

	return !memeq(&this->layers[0], &none, sizeof(none));
}

/**
 * Get the number of IKE messages of which fragments are missing.
 */
static u_int get_incomplete(private_decrypter_t *this)
{
	return this->ikev1->get_incomplete(this->ikev1) +
		   this->ikev2->get_incomplete(this->ikev2);
}

METHOD(decrypter_t, print, void,
	private_decrypter_t *this, FILE *file)
{
	char where[32] = "";
	u_int i, incomplete = get_incomplete(this);
	u_int lacking = this->fragments->get_incomplete(this->fragments);

	if (!has_packets(this))
	{
		text_print(file, "no packets\n");
	}
	for (i = 0; i < countof(this->layers); i++)
	{
		print_layer(&this->layers[i], where, file);
		snprintf(where, sizeof(where), " in layer %u", i + 2);
	}
	if (lacking)
	{
		text_print(file, "with missing IP fragments: %u packets\n", lacking);
	}
	if (incomplete)
	{
		text_print(file, "IKE with missing fragments: %u messages\n", incomplete);
	}
	if (this->deep)
	{
		text_print(file, "in more than %d layers: %u packets\n",
				   DECRYPTER_MAX_LAYERS, this->deep);
	}
	if (this->layers[0].others)
	{
		text_print(file, "others: %u packets\n", this->layers[0].others);
	}
}

METHOD(decrypter_t, is_good, bool,
	private_decrypter_t *this)
{
	u_int i, j, *counts;
	u_int bad = this->deep + this->layers[0].parts + get_incomplete(this) +
				this->fragments->get_incomplete(this->fragments) +
				this->layers[0].not_decompressed;

	for (i = 0; i < countof(this->layers); i++)
	{
		for (j = 0; j < COUNT_MAX; j++)
		{
			counts = this->layers[i].counts[j];
			bad += counts[VERDICT_BAD] + counts[VERDICT_MALFORMED];
			if (!i)
			{	/* others' IPsec inside of a tunnel is traffic like any other */
				bad += counts[VERDICT_NO_KEY];
			}
		}
	}
	return !bad;
}

METHOD(decrypter_t, has_work, bool,
	private_decrypter_t *this)
{
	layer_t others = {
		.fragments = this->layers[0].fragments,
		.others = this->layers[0].others,
	};

	return !has_packets(this) || !memeq(&this->layers[0], &others, sizeof(others));
}

METHOD(decrypter_t, destroy, void,
	private_decrypter_t *this)
{
	this->sas->destroy(this->sas);
	DESTROY_IF(this->learning);
	DESTROY_IF(this->ikev1);
	DESTROY_IF(this->ikev2);
	DESTROY_IF(this->fragments);
	DESTROY_IF(this->learning_fragments);
	free(this);
}

METHOD(decrypter_t, clone_, decrypter_t*,
	private_decrypter_t *this)
{
	return &create(this->keys)->public;
}

/**
 * Create a decrypter for ESP and AH only.
 */
static private_decrypter_t *create(keyring_t *keys)
{
	private_decrypter_t *this;

	INIT(this,
		.public = {
			.learn = _learn,
			.decrypt = _decrypt,
			.get_sa = _get_sa,
			.clone = _clone_,
			.add = _add,
			.print = _print,
			.is_good = _is_good,
			.has_work = _has_work,
			.destroy = _destroy,
		},
		.keys = keys,
		.sas = sas_create(keys),
	);
	return this;
}

/*
 * Described in header
 */
decrypter_t *decrypter_create(keyring_t *keys)
{
	private_decrypter_t *this;

	this = create(keys);
	this->learning = keys->has_ike(keys, 1) ? sas_create(keys) : NULL;
	this->ikev1 = ikev1_create(keys);
	this->ikev2 = ikev2_create(keys);
	this->fragments = ip_fragments_create();
	this->learning_fragments = ip_fragments_create();
	return &this->public;
}

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

#include "batch.h"

#include <collections/array.h>

/** packets of a batch, and their bytes, which the last one may exceed: few enough for
 * the processor's caches, and enough to hardly notice the change of turns */
#define MAX_PACKETS 256
#define MAX_BYTES (128 * 1024)

typedef struct private_batch_t private_batch_t;
typedef struct packet_t packet_t;
typedef struct ordered_t ordered_t;
typedef struct numbered_t numbered_t;

/** buffer for what is unusual about the sequence number of a packet */
#define UNUSUAL_LEN 64

/**
 * A packet of a trace.
 */
struct packet_t {
	/** time of the packet */
	struct timeval time;
	/** length of the packet when it was captured */
	size_t len;
	/** position and length of the captured bytes in the batch */
	size_t data, data_len;
	/** position and length of the IP packet */
	size_t ip, ip_len;
	/** link type */
	uint16_t link;
};

/**
 * A decrypted packet with a sequence number.
 */
struct numbered_t {
	/** position of its block */
	size_t pos;
	/** its SA */
	nflog_key_sa_t *sa;
	/** SPI of the packet, as the SA may have any, and low 32 bits of its number */
	uint32_t spi, seq;
};

/**
 * An IKE message or IP fragment, to be decrypted in order.
 */
struct ordered_t {
	/** length of the blocks to be written before it */
	size_t before;
	/** the packet of the trace that it is in */
	packet_t *packet;
	/** number of layers that were removed before */
	u_int depth;
	/** the packet without these layers, owned, empty if there are none */
	chunk_t plain;
	/** comment on the last layer that was removed */
	char from[DECRYPTER_COMMENT_LEN];
};

/**
 * Private data.
 */
struct private_batch_t {

	/**
	 * Public interface.
	 */
	batch_t public;

	/**
	 * Packets that were added.
	 */
	packet_t packets[MAX_PACKETS];

	/**
	 * Number of these packets.
	 */
	u_int count;

	/**
	 * Memory for their bytes.
	 */
	chunk_t bytes;

	/**
	 * Bytes used of that.
	 */
	size_t used;

	/**
	 * Blocks to be written.
	 */
	nflog_pcapng_blocks_t blocks;

	/**
	 * IKE messages and IP fragments, ordered_t.
	 */
	array_t *ordered;

	/**
	 * Packets with a sequence number, in the order of their blocks, numbered_t.
	 */
	array_t *numbered;

	/**
	 * TRUE to write packets without all layers only.
	 */
	bool raw;
};

METHOD(batch_t, add, bool,
	private_batch_t *this, trace_packet_t *packet)
{
	size_t needed = this->used + packet->data.len;

	if (needed > this->bytes.len)
	{
		this->bytes.len = max(needed, 2 * MAX_BYTES);
		this->bytes.ptr = realloc(this->bytes.ptr, this->bytes.len);
	}
	if (packet->data.len)
	{
		memcpy(this->bytes.ptr + this->used, packet->data.ptr, packet->data.len);
	}
	this->packets[this->count++] = (packet_t){
		.time = packet->time,
		.len = packet->len,
		.data = this->used,
		.data_len = packet->data.len,
		.ip = this->used + (packet->ip.len ? packet->ip.ptr - packet->data.ptr : 0),
		.ip_len = packet->ip.len,
		.link = packet->link,
	};
	this->used = needed;
	return this->count < countof(this->packets) && this->used < MAX_BYTES;
}

/**
 * Leave an IKE message or IP fragment to be decrypted when the batch is written.
 *
 * @param plain		the packet without layers, gets owned
 */
static void defer(private_batch_t *this, packet_t *packet, u_int depth,
				  chunk_t plain, char *from)
{
	ordered_t ordered = {
		.before = this->blocks.used,
		.packet = packet,
		.depth = depth,
		.plain = plain,
	};

	strcpy(ordered.from, from);
	array_insert(this->ordered, ARRAY_TAIL, &ordered);
}

/**
 * Note the sequence number of the packet that was decrypted last, whose block is the next
 * one.
 */
static void note_number(private_batch_t *this, decrypter_t *decrypter)
{
	numbered_t numbered = {
		.pos = this->blocks.used,
	};

	numbered.sa = decrypter->get_sa(decrypter, &numbered.spi, &numbered.seq);
	if (numbered.sa)
	{
		array_insert(this->numbered, ARRAY_TAIL, &numbered);
	}
}

/**
 * Add the block of a packet, if it is to be written.
 *
 * @param depth		number of layers that were removed
 * @param last		TRUE if no more layers can be removed
 */
static void add_block(private_batch_t *this, packet_t *packet, u_int depth, bool last,
					  chunk_t data, size_t len, char *comment)
{
	if (!this->raw)
	{
		blocks_add_packet(&this->blocks, depth, packet->link, &packet->time, data, len,
						  comment);
	}
	else if (last && packet->ip_len)
	{	/* without the header of the link layer */
		blocks_add_packet(&this->blocks, max(depth, 1), 0, &packet->time,
						  depth ? data : chunk_create(this->bytes.ptr + packet->ip,
													  packet->ip_len),
						  depth ? len : packet->len - (packet->ip - packet->data),
						  comment);
	}
}

/**
 * Add the block of a packet, and one for each layer of encryption that can be removed,
 * with the packet without it.
 *
 * The comment of each block describes the layer that was removed last, and the one that
 * is removed next.
 *
 * @param depth		number of layers that were removed already
 * @param plain		packet without these layers, gets owned, empty if there are none
 * @param from		comment on the last of these layers, DECRYPTER_COMMENT_LEN bytes,
 *					gets overwritten
 * @param in_order	FALSE to leave IKE messages and IP fragments
 */
static void decrypt_layers(private_batch_t *this, packet_t *packet, u_int depth,
						   chunk_t plain, char *from, decrypter_t *decrypter,
						   bool in_order)
{
	char carries[DECRYPTER_COMMENT_LEN], both[2 * DECRYPTER_COMMENT_LEN + 16];
	chunk_t data, ip, next = chunk_empty;
	wire_packet_t parsed;
	char *comment;
	size_t len;
	bool more = TRUE;

	do
	{
		ip = chunk_create(this->bytes.ptr + packet->ip, packet->ip_len);
		data = chunk_create(this->bytes.ptr + packet->data, packet->data_len);
		len = packet->len;
		if (depth)
		{
			data = ip = plain;
			len = plain.len;
		}
		*carries = '\0';
		if (more)
		{
			wire_packet_parse(&parsed, ip);
			if ((parsed.kind == PACKET_IKE || parsed.kind == PACKET_FRAGMENT) && !in_order)
			{
				defer(this, packet, depth, plain, from);
				return;
			}
			more = decrypter->decrypt(decrypter, depth, &parsed, &next, carries);
			note_number(this, decrypter);
		}
		comment = *from ? from : carries;
		if (*from && *carries)
		{
			snprintf(both, sizeof(both), "%s, carries %s", from, carries);
			comment = both;
		}
		add_block(this, packet, min(depth, PCAPNG_MAX_LAYERS - 1), !next.len, data, len,
				  comment);
		depth++;
		free(plain.ptr);
		plain = next;
		next = chunk_empty;
		strcpy(from, carries);
	}
	while (plain.len);
	free(plain.ptr);
}

METHOD(batch_t, decrypt, void,
	private_batch_t *this, decrypter_t *decrypter)
{
	char from[DECRYPTER_COMMENT_LEN];
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		*from = '\0';
		decrypt_layers(this, &this->packets[i], 0, chunk_empty, from, decrypter,
					   FALSE);
	}
}

/**
 * Write blocks, with what is unusual about sequence numbers in their comments.
 *
 * @param numbered	packets with numbers from the first of these blocks on, and maybe more,
 *					get removed
 */
static bool write_blocks(private_batch_t *this, size_t begin, size_t end,
						 sequences_t *sequences, pcapng_t *pcapng)
{
	char text[UNUSUAL_LEN * DECRYPTER_MAX_LAYERS];
	nflog_pcapng_blocks_t copy = {};
	numbered_t numbered;
	bool success = TRUE;
	size_t pos, len;

	while (array_get(this->numbered, ARRAY_HEAD, &numbered) && numbered.pos < end)
	{
		pos = numbered.pos;
		len = 0;
		do
		{	/* a packet of type raw may have had several */
			array_remove(this->numbered, ARRAY_HEAD, NULL);
			if (len + UNUSUAL_LEN <= sizeof(text) &&
				sequences->add(sequences, numbered.sa, numbered.spi, numbered.seq,
							   text + len, UNUSUAL_LEN))
			{
				len += strlen(text + len);
			}
		}
		while (array_get(this->numbered, ARRAY_HEAD, &numbered) && numbered.pos == pos);
		if (len)
		{
			success = success && pcapng->write(pcapng, &this->blocks, begin, pos);
			begin = pos + blocks_copy_packet(&copy, &this->blocks, pos, text);
			success = success && pcapng->write(pcapng, &copy, 0, copy.used);
			copy.used = 0;
		}
	}
	free(copy.data.ptr);
	return success && pcapng->write(pcapng, &this->blocks, begin, end);
}

METHOD(batch_t, write_, bool,
	private_batch_t *this, decrypter_t *decrypter, sequences_t *sequences,
	pcapng_t *pcapng)
{
	array_t *numbered = this->numbered;
	size_t written = 0, end = this->blocks.used;
	ordered_t ordered;
	bool success = TRUE;

	while (array_remove(this->ordered, ARRAY_HEAD, &ordered))
	{
		success = write_blocks(this, written, ordered.before, sequences, pcapng) &&
				  success;
		written = ordered.before;
		/* appended to the blocks of all others, and removed again */
		this->numbered = array_create(sizeof(numbered_t), 0);
		decrypt_layers(this, ordered.packet, ordered.depth, ordered.plain,
					   ordered.from, decrypter, TRUE);
		success = write_blocks(this, end, this->blocks.used, sequences, pcapng) &&
				  success;
		array_destroy(this->numbered);
		this->numbered = numbered;
		this->blocks.used = end;
	}
	success = write_blocks(this, written, end, sequences, pcapng) && success;
	this->blocks.used = 0;
	this->used = 0;
	this->count = 0;
	return success;
}

/**
 * Free an IKE message or IP fragment that was not written.
 */
static void free_ordered(void *data, int idx, void *user)
{
	free(((ordered_t*)data)->plain.ptr);
}

METHOD(batch_t, destroy, void,
	private_batch_t *this)
{
	array_destroy_function(this->ordered, free_ordered, NULL);
	array_destroy(this->numbered);
	free(this->blocks.data.ptr);
	free(this->bytes.ptr);
	free(this);
}

/*
 * Described in header
 */
batch_t *batch_create(bool raw)
{
	private_batch_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.decrypt = _decrypt,
			.write = _write_,
			.destroy = _destroy,
		},
		.ordered = array_create(sizeof(ordered_t), 0),
		.numbered = array_create(sizeof(numbered_t), 0),
		.raw = raw,
	);
	return &this->public;
}

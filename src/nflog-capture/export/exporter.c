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

#include "exporter.h"

#include "captures/pairs.h"
#include "cli/text.h"
#include "interfaces.h"
#include "write/pcapng.h"

#include <inttypes.h>

/** bytes that are written at once */
#define MAX_BLOCKS (256 * 1024)

/** bytes of a comment: the SA's label, its description, and that of the next layer */
#define MAX_COMMENT (2 * DECRYPTER_COMMENT_LEN + 256)

/** longest packet of a pcap file */
#define SNAPLEN 262144

typedef struct private_exporter_t private_exporter_t;
typedef struct layers_t layers_t;

/**
 * Private data.
 */
struct private_exporter_t {

	/**
	 * Public interface.
	 */
	exporter_t public;

	/**
	 * What to write.
	 */
	exporter_options_t options;

	/**
	 * Decrypts packets, not owned, NULL without keys.
	 */
	decrypter_t *decrypter;

	/**
	 * Finds both copies of packets.
	 */
	pairs_t *pairs;

	/**
	 * Interfaces of the file.
	 */
	interfaces_t *interfaces;

	/**
	 * Blocks to be written.
	 */
	nflog_pcapng_blocks_t blocks;

	/**
	 * Number of packets written, of decrypted ones, of packets whose other copy was found,
	 * and of encrypted ones that the filter could not be applied to.
	 */
	uint64_t packets, decrypted, tied, undecided;

	/**
	 * TRUE if there were packets of traces that are not in the clear.
	 */
	bool encrypted;

	/**
	 * Time of the first and the last packet.
	 */
	struct timeval first, last;
};

/**
 * A packet without its layers of encryption.
 */
struct layers_t {
	/** layers that were removed */
	u_int count;
	/** the packet after each, allocated */
	chunk_t plain[DECRYPTER_MAX_LAYERS];
	/** comment on the packet itself, and on each of these */
	char comments[DECRYPTER_MAX_LAYERS + 1][DECRYPTER_COMMENT_LEN];
	/** kind of the packet itself */
	wire_packet_kind_t kind;
};

METHOD(exporter_t, set_keys, void,
	private_exporter_t *this, keyring_t *keys, decrypter_t *decrypter)
{
	this->decrypter = decrypter;
	this->pairs->set_keys(this->pairs, keys);
}

/**
 * Decrypt a packet.
 *
 * @param deep		TRUE to remove all layers, FALSE for the first one
 */
static void decrypt(private_exporter_t *this, capture_t *capture, chunk_t ip,
					layers_t *layers, bool deep)
{
	wire_packet_t packet;
	bool more;

	layers->count = 0;
	layers->comments[0][0] = '\0';
	layers->kind = PACKET_OTHER;
	if (capture->kind == CAPTURE_PLAIN)
	{	/* whatever is in there is traffic like any other */
		return;
	}
	wire_packet_parse(&packet, ip);
	layers->kind = packet.kind;
	if (!this->decrypter)
	{
		return;
	}
	do
	{
		more = this->decrypter->decrypt(this->decrypter, layers->count, &packet,
								&layers->plain[layers->count],
								layers->comments[layers->count]);
		if (!layers->plain[layers->count].len)
		{
			break;
		}
		layers->comments[++layers->count][0] = '\0';
		wire_packet_parse(&packet, layers->plain[layers->count - 1]);
	}
	while (more && deep && layers->count < DECRYPTER_MAX_LAYERS);
}

/**
 * Free decrypted packets.
 */
static void layers_free(layers_t *layers)
{
	while (layers->count)
	{
		chunk_clear(&layers->plain[--layers->count]);
	}
}

/**
 * Check if a packet is to be written.
 */
static bool matches(private_exporter_t *this, chunk_t ip, layers_t *layers)
{
	packet_filter_t *filter = this->options.filter;
	bool encrypted = layers->kind == PACKET_ESP || layers->kind == PACKET_AH;
	u_int i;

	if (!filter)
	{
		return TRUE;
	}
	for (i = 0; i < layers->count; i++)
	{
		if (filter->matches(filter, layers->plain[i]))
		{
			return TRUE;
		}
	}
	if (encrypted && !layers->count)
	{
		this->undecided++;
	}
	return !encrypted && filter->matches(filter, ip);
}

/**
 * Describe a packet: the label of its SA, and what is known about its encryption.
 */
static void print_comment(merged_packet_t *merged, layers_t *layers, tie_t *tie,
						  tie_t *other, char *comment)
{
	chunk_t label = merged->packet.prefix;
	char *point = enum_to_name(capture_point_names, merged->point);
	char *sa = layers->comments[0], buf[64] = "";

	/* without the capture point, as the interface names that */
	if (label.len > strlen(point))
	{
		label.len -= strlen(point) + 1;
	}
	if (!label.len)
	{
		label = chunk_from_str(merged->capture->label);
	}
	if (!*sa && !tie->clear && tie->spi)
	{
		snprintf(buf, sizeof(buf), "%s %.8x seq %u", layers->kind == PACKET_AH ?
				 "AH" : "ESP", tie->spi, tie->seq);
		sa = buf;
	}
	else if (tie->clear && other->spi)
	{
		snprintf(buf, sizeof(buf), "%s SPI %.8x seq %u",
				 merged->point == POINT_PLAIN_OUT ? "leaves with" : "arrived with",
				 other->spi, other->seq);
		sa = buf;
	}
	snprintf(comment, MAX_COMMENT, "%.*s%s%s", (int)label.len, (char*)label.ptr,
			 *sa ? ": " : "", sa);
}

/**
 * Get the direction of a packet for PCAPNG_EPB_FLAGS, 0 if it is not known.
 */
static uint32_t get_direction(merged_packet_t *merged, tie_t *other)
{
	if (merged->point != POINT_UNKNOWN)
	{
		return merged->point <= POINT_PLAIN_IN ? PCAPNG_INBOUND : PCAPNG_OUTBOUND;
	}
	if (other->id && other->directed)
	{
		return other->inbound ? PCAPNG_INBOUND : PCAPNG_OUTBOUND;
	}
	return 0;
}

/**
 * Add the record of a pcap file.
 */
static void add_record(private_exporter_t *this, struct timeval *time, chunk_t ip,
					   size_t len)
{
	struct {
		uint32_t sec, usec, caplen, len;
	} record = { time->tv_sec, time->tv_usec, ip.len, len };

	nflog_pcapng_append(&this->blocks, chunk_from_thing(record));
	nflog_pcapng_append(&this->blocks, ip);
}

/**
 * Write a packet, or a decrypted one.
 *
 * @param depth		number of layers that were removed
 */
static void write_packet(private_exporter_t *this, merged_packet_t *merged,
						 u_int depth, layers_t *layers, tie_t *tie, tie_t *other)
{
	tail_packet_t *packet = &merged->packet;
	chunk_t data = depth ? layers->plain[depth - 1] : packet->data;
	size_t len = depth ? data.len : packet->len;
	char comment[MAX_COMMENT];
	uint32_t interface, flags;

	this->packets += depth ? 0 : 1;
	this->decrypted += depth ? 1 : 0;
	if (this->options.pcap)
	{
		if (!depth && packet->ip.len)
		{
			len -= min(len, packet->ip.ptr - packet->data.ptr);
			data = packet->ip;
		}
		add_record(this, &packet->time, data, max(len, data.len));
		return;
	}
	interface = this->interfaces->get(this->interfaces, merged, depth,
									  &this->blocks);
	nflog_pcapng_packet(&this->blocks, interface, nflog_pcapng_usec(&packet->time),
						data, len);
	flags = get_direction(merged, other);
	if (flags)
	{
		nflog_pcapng_option(&this->blocks, PCAPNG_EPB_FLAGS, chunk_from_thing(flags));
	}
	if (tie->id)
	{
		nflog_pcapng_option(&this->blocks, PCAPNG_EPB_PACKETID,
					  chunk_from_thing(tie->id));
	}
	if (depth)
	{	/* what was removed, and what is still encrypted */
		snprintf(comment, sizeof(comment), "%s%s%s", layers->comments[depth - 1],
				 layers->comments[depth][0] ? ", carries " : "",
				 layers->comments[depth]);
	}
	else
	{
		print_comment(merged, layers, tie, other, comment);
	}
	pcapng_option_text(&this->blocks, PCAPNG_COMMENT, comment);
	nflog_pcapng_end(&this->blocks);
}

/**
 * Write all blocks.
 */
static bool write_blocks(private_exporter_t *this)
{
	bool success;

	success = !this->blocks.used || this->options.write(this->options.data,
						chunk_create(this->blocks.data.ptr, this->blocks.used));
	nflog_pcapng_clear(&this->blocks);
	return success;
}

METHOD(exporter_t, add, bool,
	private_exporter_t *this, merged_packet_t *merged)
{
	bool clear = merged->capture->kind == CAPTURE_PLAIN, written, tied;
	tie_t tie, other = {};
	layers_t layers;
	u_int i;

	this->encrypted |= !clear;
	decrypt(this, merged->capture, merged->packet.ip, &layers,
			this->options.filter || this->options.decrypt);
	tied = this->pairs->tie(this->pairs, merged,
							layers.count ? layers.plain[0] : chunk_empty, &tie,
							&other);
	written = matches(this, merged->packet.ip, &layers);
	if (!this->options.pcap)
	{
		this->interfaces->count(this->interfaces, merged, written, &this->blocks);
	}
	if (written)
	{
		if (!timerisset(&this->last))
		{
			this->first = merged->packet.time;
		}
		this->last = merged->packet.time;
		this->tied += tied;
		if (clear || !this->options.clear)
		{
			write_packet(this, merged, 0, &layers, &tie, &other);
		}
		for (i = 1; this->options.decrypt && i <= layers.count; i++)
		{
			write_packet(this, merged, i, &layers, &tie, &other);
		}
	}
	layers_free(&layers);
	return this->blocks.used < MAX_BLOCKS || write_blocks(this);
}

METHOD(exporter_t, add_lost, void,
	private_exporter_t *this, capture_t *capture, capture_point_t point,
	uint64_t lost, char *line)
{
	if (!this->options.pcap)
	{
		this->interfaces->add_lost(this->interfaces, capture, point, lost, line,
								   &this->blocks);
	}
}

METHOD(exporter_t, flush, bool,
	private_exporter_t *this)
{
	return write_blocks(this);
}

METHOD(exporter_t, finish, bool,
	private_exporter_t *this)
{
	if (!this->options.pcap)
	{
		this->interfaces->add_statistics(this->interfaces, &this->blocks);
	}
	return write_blocks(this);
}

METHOD(exporter_t, print, void,
	private_exporter_t *this, char *name, FILE *file)
{
	text_print(file, "%s: %" PRIu64 " packets", name, this->packets);
	if (this->decrypted)
	{
		text_print(file, ", %" PRIu64 " decrypted", this->decrypted);
	}
	if (this->tied && !this->undecided)
	{
		text_print(file, ", %" PRIu64 " of them both in ESP and in the clear",
				   this->tied);
	}
	if (this->packets)
	{
		text_print(file, ", from %T to %T", &this->first.tv_sec, TRUE,
				   &this->last.tv_sec, TRUE);
	}
	text_print(file, "\n");
	if (this->undecided)
	{
		text_print(file, "%" PRIu64 " encrypted packets could not be decrypted for the "
				   "filter, and are left out\n", this->undecided);
	}
}

METHOD(exporter_t, has_encrypted, bool,
	private_exporter_t *this)
{
	return this->encrypted;
}

METHOD(exporter_t, get_undecided, uint64_t,
	private_exporter_t *this)
{
	return this->undecided;
}

METHOD(exporter_t, get_count, uint64_t,
	private_exporter_t *this)
{
	return this->packets;
}

METHOD(exporter_t, destroy, void,
	private_exporter_t *this)
{
	this->pairs->destroy(this->pairs);
	this->interfaces->destroy(this->interfaces);
	chunk_clear(&this->blocks.data);
	free(this);
}

/**
 * Add the header of the file.
 */
static void add_header(private_exporter_t *this)
{
	exporter_options_t *options = &this->options;
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, type;
	} header = { 0xa1b2c3d4, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW };
	uint32_t fields[] = { PCAPNG_SECRETS_ESP, options->secrets.len };
	char *comment;

	if (options->pcap)
	{
		nflog_pcapng_append(&this->blocks, chunk_from_thing(header));
		return;
	}
	comment = text_escape(options->comment ?: "");
	nflog_pcapng_section(&this->blocks, options->program, comment);
	free(comment);
	if (options->secrets.len)
	{
		nflog_pcapng_begin(&this->blocks, PCAPNG_DECRYPTION_SECRETS);
		nflog_pcapng_add(&this->blocks, chunk_from_thing(fields));
		nflog_pcapng_add(&this->blocks, options->secrets);
		nflog_pcapng_end(&this->blocks);
	}
}

/*
 * Described in header
 */
exporter_t *exporter_create(exporter_options_t *options)
{
	private_exporter_t *this;

	INIT(this,
		.public = {
			.set_keys = _set_keys,
			.add = _add,
			.add_lost = _add_lost,
			.flush = _flush,
			.finish = _finish,
			.print = _print,
			.has_encrypted = _has_encrypted,
			.get_undecided = _get_undecided,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.options = *options,
		.pairs = pairs_create(),
		.interfaces = interfaces_create(),
	);
	add_header(this);
	return &this->public;
}

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
 * Writes a trace to be decrypted, and the key tables beside it.
 */

#include "bench.h"

#include <netinet/in.h>

#include <daemon.h>
#include <crypto/aead.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/pcap.h>

#include "keys/keys.h"

/** name of the connection, and of its directory */
#define CONN "gw"

/** bytes before the encrypted data: IPv4 header, SPI and sequence number */
#define IPV4_LEN 20
#define ESP_LEN 8

typedef struct {
	/** identifies the SA when writing keys */
	kernel_ipsec_sa_id_t id;
	kernel_ipsec_add_sa_t data;
	/** one of them */
	aead_t *aead;
	crypter_t *crypter;
	signer_t *signer;
} sa_t;

/**
 * Get random bytes, allocated.
 */
static chunk_t random_chunk(size_t len)
{
	chunk_t chunk = chunk_alloc(len);
	size_t i;

	for (i = 0; i < len; i++)
	{
		chunk.ptr[i] = random();
	}
	return chunk;
}

/**
 * Create the SA.
 */
static void create_sa(sa_t *this, bool cbc)
{
	crypto_factory_t *crypto = lib->crypto;
	bool success = FALSE;

	*this = (sa_t){
		.id = {
			.src = host_create_from_string("192.0.2.1", 0),
			.dst = host_create_from_string("192.0.2.2", 0),
			.spi = bench_spi(1),
			.proto = IPPROTO_ESP,
		},
		.data = {
			.mode = MODE_TUNNEL,
			.inbound = TRUE,
			.enc_alg = cbc ? ENCR_AES_CBC : ENCR_AES_GCM_ICV16,
			.int_alg = cbc ? AUTH_HMAC_SHA2_256_128 : AUTH_UNDEFINED,
			.enc_key = random_chunk(cbc ? 16 : 20),
			.int_key = random_chunk(cbc ? 32 : 0),
		},
	};
	if (cbc)
	{
		this->crypter = crypto->create_crypter(crypto, ENCR_AES_CBC, 16);
		this->signer = crypto->create_signer(crypto, AUTH_HMAC_SHA2_256_128);
		success = this->crypter && this->signer &&
				  this->crypter->set_key(this->crypter, this->data.enc_key) &&
				  this->signer->set_key(this->signer, this->data.int_key);
	}
	else
	{
		this->aead = crypto->create_aead(crypto, ENCR_AES_GCM_ICV16, 16, 4);
		success = this->aead && this->aead->set_key(this->aead, this->data.enc_key);
	}
	if (!success)
	{
		bench_fail("libstrongswan does not support the algorithm");
	}
}

/**
 * Destroy the SA.
 */
static void destroy_sa(sa_t *this)
{
	DESTROY_IF(this->aead);
	DESTROY_IF(this->crypter);
	DESTROY_IF(this->signer);
	this->id.src->destroy(this->id.src);
	this->id.dst->destroy(this->id.dst);
	chunk_clear(&this->data.enc_key);
	chunk_clear(&this->data.int_key);
}

/**
 * Add an IPv4 header to data.
 */
static chunk_t add_ip(uint8_t proto, chunk_t data)
{
	uint8_t header[IPV4_LEN] = {
		0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2
	};
	uint16_t sum;

	htoun16(header + 2, sizeof(header) + data.len);
	sum = chunk_internet_checksum(chunk_from_thing(header));
	memcpy(header + 10, &sum, sizeof(sum));
	return chunk_cat("cm", chunk_from_thing(header), data);
}

/**
 * Create the packet to encrypt: UDP, with a trailer of ESP.
 */
static chunk_t create_inner(sa_t *sa, u_int size)
{
	size_t pad, align = sa->aead ? 4 : 16;
	chunk_t udp = random_chunk(size - IPV4_LEN), trailer, packet;
	uint8_t i;

	htoun16(udp.ptr, 40000);
	htoun16(udp.ptr + 2, 40001);
	htoun16(udp.ptr + 4, udp.len);
	memset(udp.ptr + 6, 0, 2);
	pad = -(size + 2) & (align - 1);
	trailer = chunk_alloc(pad + 2);
	for (i = 0; i < pad; i++)
	{
		trailer.ptr[i] = i + 1;
	}
	trailer.ptr[pad] = pad;
	trailer.ptr[pad + 1] = IPPROTO_IPIP;
	packet = add_ip(IPPROTO_UDP, udp);
	/* a macro that evaluates its arguments twice */
	return chunk_cat("mm", packet, trailer);
}

/**
 * Encrypt a packet, return the ESP packet.
 */
static chunk_t encrypt(sa_t *sa, u_int seq, chunk_t inner)
{
	uint8_t header[ESP_LEN];
	chunk_t iv, data, icv, esp;
	bool success;

	htoun32(header, ntohl(sa->id.spi));
	htoun32(header + 4, seq);
	iv = random_chunk(sa->aead ? 8 : 16);
	if (sa->aead)
	{
		success = sa->aead->encrypt(sa->aead, inner, chunk_from_thing(header), iv,
									&data);
		esp = chunk_cat("cmm", chunk_from_thing(header), iv, data);
	}
	else
	{
		success = sa->crypter->encrypt(sa->crypter, inner, iv, &data);
		esp = chunk_cat("cmm", chunk_from_thing(header), iv, data);
		success = success &&
				  sa->signer->allocate_signature(sa->signer, esp, &icv);
		esp = chunk_cat("mm", esp, icv);
	}
	if (!success)
	{
		bench_fail("unable to encrypt");
	}
	return add_ip(IPPROTO_ESP, esp);
}

/**
 * Write a packet as NFLOG logs it.
 */
static void write_packet(pcap_dumper_t *dumper, u_int seq, chunk_t packet)
{
	struct {
		uint8_t nfgenmsg[4];
		uint16_t len, type;
	} header = {
		.nfgenmsg = { AF_INET },
		.len = 4 + packet.len,
		.type = NFULA_PAYLOAD,
	};
	struct pcap_pkthdr pcap = {
		.ts.tv_sec = 1000000000 + seq / 1000,
		.ts.tv_usec = seq % 1000 * 1000,
	};
	chunk_t record;

	record = chunk_cata("cc", chunk_from_thing(header), packet);
	pcap.caplen = pcap.len = record.len;
	pcap_dump((u_char*)dumper, &pcap, record.ptr);
}

/**
 * Write the key tables.
 */
static void write_keys(sa_t *sa)
{
	nflog_store_t *store;
	nflog_keys_t *keys;

	store = nflog_store_create();
	keys = nflog_keys_create(store);
	keys->add_esp(keys, CONN, &sa->id, &sa->data);
	keys->flush(keys);
	keys->destroy(keys);
	store->destroy(store);
}

/*
 * Described in header
 */
int bench_esp(bench_options_t *options)
{
	char path[PATH_MAX];
	chunk_t inner, packet;
	pcap_dumper_t *dumper;
	pcap_t *pcap;
	sa_t sa;
	u_int i;

	bench_init(options);
	if (!lib->plugins->load(lib->plugins, "aesni openssl aes gcm sha2 hmac random"))
	{
		bench_fail("unable to load the plugins of libstrongswan");
	}
	create_sa(&sa, options->cbc);
	write_keys(&sa);

	snprintf(path, sizeof(path), "%s/" CONN "/esp.pcap", options->dir);
	pcap = pcap_open_dead(DLT_NFLOG, 262144);
	dumper = pcap_dump_open(pcap, path);
	if (!dumper)
	{
		bench_fail("%s", pcap_geterr(pcap));
	}
	inner = create_inner(&sa, options->size);
	for (i = 1; i <= options->count; i++)
	{
		packet = encrypt(&sa, i, inner);
		write_packet(dumper, i, packet);
		free(packet.ptr);
	}
	if (pcap_dump_flush(dumper) != 0)
	{
		bench_fail("unable to write %s", path);
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
	free(inner.ptr);
	destroy_sa(&sa);
	return 0;
}

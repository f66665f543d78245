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
 * What tests of key tables share: adding SAs, and comparing tables.
 */

#ifndef TABLES_H_
#define TABLES_H_

#include "common.h"
#include "keys/keys.h"
#include "process/secret.h"

#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>

/** what is tested */
static nflog_store_t *store;
static nflog_keys_t *keys;

static inline int setup(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	return 0;
}

static inline int begin(void **state)
{
	lines = key_lines = 0;
	store = nflog_store_create();
	keys = nflog_keys_create(store);
	return 0;
}

static inline int end(void **state)
{
	keys->destroy(keys);
	store->destroy(store);
	return common_remove("*/");
}

/**
 * Begin to use the tables as after a restart.
 */
static inline void restart()
{
	keys->destroy(keys);
	keys = nflog_keys_create(store);
}

/** ports of SAs, and whether they are encapsulated */
static uint16_t port = 500, peer_port = 4500;
static bool encap;

/**
 * Add an ESP SA, with a key that ends with its SPI.
 */
static inline uint64_t add_esp(char *conn, char *src, char *dst, uint32_t spi,
					encryption_algorithm_t encr, integrity_algorithm_t integ,
					size_t encr_len, size_t integ_len, bool esn)
{
	uint8_t encr_key[64] = {}, integ_key[64];
	uint64_t sa;
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string(src, peer_port),
		.dst = host_create_from_string(dst, port),
		.spi = htonl(spi),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.mode = MODE_TUNNEL,
		.enc_alg = encr,
		.enc_key = chunk_create(encr_key, encr_len),
		.int_alg = integ,
		.int_key = chunk_create(integ_key, integ_len),
		.esn = esn,
		.inbound = TRUE,
	};

	if (encr_len)
	{
		encr_key[0] = 0xee;
		encr_key[encr_len - 1] = spi;
	}
	memset(integ_key, 0xaa, sizeof(integ_key));
	data.encap = encap;
	sa = keys->add_esp(keys, conn, &id, &data);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
	return sa;
}

/**
 * Add an ESP SA of which only the SPI matters.
 */
static inline uint64_t add_spi(char *conn, uint32_t spi)
{
	return add_esp(conn, "192.0.2.1", "192.0.2.2", spi, ENCR_NULL, AUTH_UNDEFINED,
			0, 0, FALSE);
}

/**
 * The row that add_spi() adds.
 */
#define ROW(spi) "\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x" spi "\",\"NULL\"," \
				 "\"0x\",\"NULL\",\"0x\"\n"

/**
 * First line of our own key file.
 */
#define HEADER "# nflog-capture keys 1, see nflog-capture(1)\n"

/**
 * Line in our own key file that add_spi() adds.
 */
#define LINE(spi) "esp " spi " 192.0.2.1[4500] 192.0.2.2[500] udp=no dir=in " \
				  "mode=TUNNEL esn=no enc=NULL enc_key=\n"

/**
 * Expect the content of a table.
 */
static inline void expect(char *conn, char *name, char *expected)
{
	chunk_t content;
	char *str;

	assert_true(store->read_file(store, conn, name, &content));
	str = strndup(content.len ? (char*)content.ptr : "", content.len);
	assert_string_equal(str, expected);
	free(str);
	nflog_secret_clear(&content);
}

/**
 * Create a trace.
 */
static inline void create_trace(char *conn, char *spis)
{
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "%s.20261123T202345Z.%s.pcap",
			 strchr(spis, '.') ? "net" : "ike", spis);
	fd = store->create_file(store, conn, name, chunk_empty);
	assert_true(fd >= 0);
	close(fd);
}

/**
 * Add an IKE_SA, whose keys begin with the index of the key.
 */
static inline void add_ike(char *conn, ike_version_t version, uint64_t spi_i,
					encryption_algorithm_t encr, uint16_t size,
					integrity_algorithm_t integ, size_t encr_len,
					size_t integ_len)
{
	chunk_t sk_ei = chunk_alloca(encr_len), sk_er = chunk_alloca(encr_len);
	chunk_t sk_ai = chunk_alloca(integ_len), sk_ar = chunk_alloca(integ_len);
	proposal_t *proposal;
	ike_sa_id_t *id;

	memset(sk_ei.ptr, 0x11, sk_ei.len);
	memset(sk_er.ptr, 0x22, sk_er.len);
	memset(sk_ai.ptr, 0x33, sk_ai.len);
	memset(sk_ar.ptr, 0x44, sk_ar.len);
	id = ike_sa_id_create(version, htobe64(spi_i), htobe64(0xfedcba9876543210),
						  TRUE);
	proposal = proposal_create(PROTO_IKE, 1);
	proposal->add_algorithm(proposal, ENCRYPTION_ALGORITHM, encr, size);
	if (integ != AUTH_UNDEFINED)
	{
		proposal->add_algorithm(proposal, INTEGRITY_ALGORITHM, integ, 0);
	}
	keys->add_ike(keys, conn, version, id, proposal, sk_ei, sk_er, sk_ai,
				  sk_ar);
	proposal->destroy(proposal);
	id->destroy(id);
}

#endif /* TABLES_H_ */

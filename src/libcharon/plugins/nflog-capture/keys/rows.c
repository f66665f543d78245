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

#define _GNU_SOURCE

#include "rows.h"

#include <inttypes.h>
#include <stdio.h>

#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>

/** flags in the first byte of AES-CCM's counter blocks (RFC 4309, section 4) */
#define CCM_FLAGS 0x03

/** bytes of AES-CCM's salt */
#define CCM_SALT 3

#define ANY_64 "ANY 64 bit authentication [no checking]"
#define ANY_96 "ANY 96 bit authentication [no checking]"
#define ANY_128 "ANY 128 bit authentication [no checking]"
#define ANY_256 "ANY 256 bit authentication [no checking]"

/** what Wireshark does not do, or what releases don't */
#define NOT_DECRYPTED "does not decrypt"
#define NOT_BEFORE_4_6 "before 4.6 does not decrypt"
#define NOT_CHECKED "does not check the ICVs of"
#define BAD_BEFORE_4_4 "before 4.4 takes all ICVs for bad, as it does not know " \
					   "ESN, of"

typedef struct algorithm_t algorithm_t;

/**
 * Algorithm of strongSwan, and its name in Wireshark.
 */
struct algorithm_t {

	/**
	 * Transform identifier.
	 */
	uint16_t id;

	/**
	 * Size of the key in bits, 0 for any.
	 */
	uint16_t size;

	/**
	 * Name in Wireshark.
	 */
	char *name;
};

/**
 * Encryption in esp_sa.
 */
static algorithm_t esp_encr[] = {
	{ ENCR_NULL,			0,	 "NULL" },
	{ ENCR_3DES,			0,	 "TripleDES-CBC [RFC2451]" },
	{ ENCR_AES_CBC,			0,	 "AES-CBC [RFC3602]" },
	{ ENCR_AES_CTR,			0,	 "AES-CTR [RFC3686]" },
	{ ENCR_AES_CCM_ICV8,	0,	 "AES-CTR [RFC3686]" },
	{ ENCR_AES_CCM_ICV12,	0,	 "AES-CTR [RFC3686]" },
	{ ENCR_AES_CCM_ICV16,	0,	 "AES-CTR [RFC3686]" },
	{ ENCR_AES_GCM_ICV8,	0,	 "AES-GCM with 8 octet ICV [RFC4106]" },
	{ ENCR_AES_GCM_ICV12,	0,	 "AES-GCM with 12 octet ICV [RFC4106]" },
	{ ENCR_AES_GCM_ICV16,	0,	 "AES-GCM with 16 octet ICV [RFC4106]" },
	{ ENCR_CHACHA20_POLY1305, 0, "ChaCha20 with Poly1305 [RFC7634]" },
};

/**
 * Authentication in esp_sa that goes with AEADs, some are checked without.
 */
static algorithm_t esp_aead[] = {
	{ ENCR_AES_CCM_ICV8,	0,	 ANY_64 },
	{ ENCR_AES_CCM_ICV12,	0,	 ANY_96 },
	{ ENCR_AES_CCM_ICV16,	0,	 ANY_128 },
	{ ENCR_AES_GCM_ICV8,	0,	 "NULL" },
	{ ENCR_AES_GCM_ICV12,	0,	 "NULL" },
	{ ENCR_AES_GCM_ICV16,	0,	 "NULL" },
	{ ENCR_CHACHA20_POLY1305, 0, "NULL" },
};

/**
 * Authentication in esp_sa.
 */
static algorithm_t esp_integ[] = {
	{ AUTH_UNDEFINED,			0,	 "NULL" },
	{ AUTH_HMAC_MD5_96,			0,	 "HMAC-MD5-96 [RFC2403]" },
	{ AUTH_HMAC_MD5_128,		0,	 ANY_128 },
	{ AUTH_HMAC_SHA1_96,		0,	 "HMAC-SHA-1-96 [RFC2404]" },
	{ AUTH_HMAC_SHA2_256_96,	0,
		"HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]" },
	{ AUTH_HMAC_SHA2_256_128,	0,	 "HMAC-SHA-256-128 [RFC4868]" },
	{ AUTH_HMAC_SHA2_256_256,	0,	 ANY_256 },
	{ AUTH_HMAC_SHA2_384_192,	0,	 "HMAC-SHA-384-192 [RFC4868]" },
	{ AUTH_HMAC_SHA2_512_256,	0,	 "HMAC-SHA-512-256 [RFC4868]" },
	{ AUTH_AES_XCBC_96,			0,	 ANY_96 },
	{ AUTH_AES_CMAC_96,			0,	 ANY_96 },
};

/**
 * Encryption in ikev2_decryption_table.
 */
static algorithm_t ike_encr[] = {
	{ ENCR_NULL,			0,	 "NULL [RFC2410]" },
	{ ENCR_3DES,			0,	 "3DES [RFC2451]" },
	{ ENCR_AES_CBC,			128, "AES-CBC-128 [RFC3602]" },
	{ ENCR_AES_CBC,			192, "AES-CBC-192 [RFC3602]" },
	{ ENCR_AES_CBC,			256, "AES-CBC-256 [RFC3602]" },
	{ ENCR_AES_CTR,			128, "AES-CTR-128 [RFC5930]" },
	{ ENCR_AES_CTR,			192, "AES-CTR-192 [RFC5930]" },
	{ ENCR_AES_CTR,			256, "AES-CTR-256 [RFC5930]" },
	{ ENCR_AES_CCM_ICV8,	128, "AES-CCM-128 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV8,	192, "AES-CCM-192 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV8,	256, "AES-CCM-256 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV12,	128, "AES-CCM-128 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV12,	192, "AES-CCM-192 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV12,	256, "AES-CCM-256 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV16,	128, "AES-CCM-128 with 16 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV16,	192, "AES-CCM-192 with 16 octet ICV [RFC5282]" },
	{ ENCR_AES_CCM_ICV16,	256, "AES-CCM-256 with 16 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV8,	128, "AES-GCM-128 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV8,	192, "AES-GCM-192 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV8,	256, "AES-GCM-256 with 8 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV12,	128, "AES-GCM-128 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV12,	192, "AES-GCM-192 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV12,	256, "AES-GCM-256 with 12 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV16,	128, "AES-GCM-128 with 16 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV16,	192, "AES-GCM-192 with 16 octet ICV [RFC5282]" },
	{ ENCR_AES_GCM_ICV16,	256, "AES-GCM-256 with 16 octet ICV [RFC5282]" },
};

/**
 * Integrity in ikev2_decryption_table, with its keys.
 */
static algorithm_t ike_integ[] = {
	{ AUTH_UNDEFINED,			0,	 "NONE [RFC4306]" },
	{ AUTH_HMAC_MD5_96,			0,	 "HMAC_MD5_96 [RFC2403]" },
	{ AUTH_HMAC_MD5_128,		0,	 "HMAC_MD5_128 [RFC4595]" },
	{ AUTH_HMAC_SHA1_96,		0,	 "HMAC_SHA1_96 [RFC2404]" },
	{ AUTH_HMAC_SHA1_160,		0,	 "HMAC_SHA1_160 [RFC4595]" },
	{ AUTH_HMAC_SHA2_256_96,	0,
		"HMAC_SHA2_256_96 [draft-ietf-ipsec-ciph-sha-256-00]" },
	{ AUTH_HMAC_SHA2_256_128,	0,	 "HMAC_SHA2_256_128 [RFC4868]" },
	{ AUTH_HMAC_SHA2_384_192,	0,	 "HMAC_SHA2_384_192 [RFC4868]" },
	{ AUTH_HMAC_SHA2_512_256,	0,	 "HMAC_SHA2_512_256 [RFC4868]" },
};

/**
 * Integrity in ikev2_decryption_table that is not checked.
 */
static algorithm_t ike_unchecked[] = {
	{ AUTH_AES_XCBC_96,	0,	 "ANY 96-bits of Authentication [No Checking]" },
	{ AUTH_AES_CMAC_96,	0,	 "ANY 96-bits of Authentication [No Checking]" },
};

/**
 * Encryption that Wireshark knows in IKEv1, its table has no names.
 */
static algorithm_t ikev1_encr[] = {
	{ ENCR_DES,		0,	 "DES-CBC" },
	{ ENCR_3DES,	0,	 "3DES-CBC" },
	{ ENCR_AES_CBC,	0,	 "AES-CBC" },
};

/**
 * Look up a name.
 */
static char *find(algorithm_t *algorithms, int count, uint16_t id,
				  uint16_t size)
{
	int i;

	for (i = 0; i < count; i++)
	{
		if (algorithms[i].id == id &&
			(!algorithms[i].size || algorithms[i].size == size))
		{
			return algorithms[i].name;
		}
	}
	return NULL;
}

/*
 * Described in header
 */
char *nflog_rows_esp_id(host_t *src, host_t *dst, uint32_t spi,
						bool any)
{
	char *proto, *columns;
	int len;

	proto = dst->get_family(dst) == AF_INET ? "IPv4" : "IPv6";
	if (any)
	{
		len = asprintf(&columns, "\"%s\",\"*\",\"*\",\"0x%.8x\"", proto,
					   ntohl(spi));
	}
	else
	{
		len = asprintf(&columns, "\"%s\",\"%H\",\"%H\",\"0x%.8x\"", proto,
					   src, dst, ntohl(spi));
	}
	return len < 0 ? NULL : columns;
}

/**
 * Get the key of an SA as Wireshark wants it, to be cleared.
 */
static chunk_t get_esp_key(kernel_ipsec_add_sa_t *data)
{
	chunk_t key;
	size_t len;

	switch (data->enc_alg)
	{
		case ENCR_AES_CCM_ICV8:
		case ENCR_AES_CCM_ICV12:
		case ENCR_AES_CCM_ICV16:
			/* salt and flags of CCM make up the nonce of CTR */
			len = data->enc_key.len - CCM_SALT;
			key = chunk_alloc(data->enc_key.len + 1);
			memcpy(key.ptr, data->enc_key.ptr, len);
			key.ptr[len] = CCM_FLAGS;
			memcpy(key.ptr + len + 1, data->enc_key.ptr + len, CCM_SALT);
			return key;
		default:
			return chunk_clone(data->enc_key);
	}
}

/*
 * Described in header
 */
char *nflog_rows_esp(kernel_ipsec_sa_id_t *id,
					 kernel_ipsec_add_sa_t *data, char **limit)
{
	char *encr, *integ, *columns, *row;
	bool esn = data->esn;
	chunk_t key;

	*limit = NULL;
	encr = find(esp_encr, countof(esp_encr), data->enc_alg, 0);
	if (encryption_algorithm_is_aead(data->enc_alg))
	{
		integ = find(esp_aead, countof(esp_aead), data->enc_alg, 0);
	}
	else
	{
		integ = find(esp_integ, countof(esp_integ), data->int_alg, 0);
	}
	if (!encr || !integ)
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	if (data->enc_alg == ENCR_CHACHA20_POLY1305)
	{
		*limit = NOT_BEFORE_4_6;
	}
	else if (strpfx(integ, "ANY"))
	{	/* the columns for ESN have no use, and older releases complain */
		*limit = NOT_CHECKED;
		esn = FALSE;
	}
	else if (esn)
	{
		*limit = BAD_BEFORE_4_4;
	}
	columns = nflog_rows_esp_id(id->src, id->dst, id->spi, FALSE);
	key = get_esp_key(data);
	if (!columns ||
		asprintf(&row, "%s,\"%s\",\"0x%+B\",\"%s\",\"0x%+B\"%s", columns, encr,
				 &key, integ, &data->int_key,
				 esn ? ",\"64-bit\",\"0\"" : "") < 0)
	{
		row = NULL;
	}
	chunk_clear(&key);
	free(columns);
	return row;
}

/*
 * Described in header
 */
char *nflog_rows_ikev2(ike_sa_id_t *id, uint16_t encr, uint16_t size,
					   uint16_t integ, chunk_t sk_ei, chunk_t sk_er,
					   chunk_t sk_ai, chunk_t sk_ar, char **limit)
{
	char *encr_name, *integ_name, *row;

	*limit = NULL;
	if (encryption_algorithm_is_aead(encr))
	{
		integ = AUTH_UNDEFINED;
	}
	encr_name = find(ike_encr, countof(ike_encr), encr, size);
	integ_name = find(ike_integ, countof(ike_integ), integ, 0);
	if (!integ_name)
	{	/* Wireshark refuses keys with these */
		integ_name = find(ike_unchecked, countof(ike_unchecked), integ, 0);
		sk_ai = sk_ar = chunk_empty;
		*limit = NOT_CHECKED;
	}
	if (!encr_name || !integ_name)
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	if (asprintf(&row, "%.16" PRIx64 ",%.16" PRIx64 ",%+B,%+B,\"%s\",%+B,%+B,"
				 "\"%s\"", be64toh(id->get_initiator_spi(id)),
				 be64toh(id->get_responder_spi(id)), &sk_ei, &sk_er, encr_name,
				 &sk_ai, &sk_ar, integ_name) < 0)
	{
		return NULL;
	}
	return row;
}

/*
 * Described in header
 */
char *nflog_rows_ikev1(ike_sa_id_t *id, uint16_t encr, chunk_t key,
					   char **limit)
{
	char *row;

	*limit = NULL;
	if (!find(ikev1_encr, countof(ikev1_encr), encr, 0))
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	if (asprintf(&row, "%.16" PRIx64 ",%+B", be64toh(id->get_initiator_spi(id)),
				 &key) < 0)
	{
		return NULL;
	}
	return row;
}

/*
 * Described in header
 */
char *nflog_rows_sa_id(kernel_ipsec_sa_id_t *id, host_t *src,
					   host_t *dst, bool encap)
{
	char *columns;

	if (asprintf(&columns, "%s %.8x %#H %#H udp=%s",
				 id->proto == IPPROTO_AH ? "ah" : "esp", ntohl(id->spi), src,
				 dst, encap ? "yes" : "no") < 0)
	{
		return NULL;
	}
	return columns;
}

/*
 * Described in header
 */
char *nflog_rows_sa(kernel_ipsec_sa_id_t *id,
					kernel_ipsec_add_sa_t *data)
{
	char *columns, *line, *encr = NULL, *integ = NULL;

	columns = nflog_rows_sa_id(id, id->src, id->dst, data->encap);
	if (id->proto == IPPROTO_AH || data->enc_alg == ENCR_UNDEFINED ||
		asprintf(&encr, " enc=%N enc_key=%+B", encryption_algorithm_names,
				 data->enc_alg, &data->enc_key) < 0)
	{
		encr = NULL;
	}
	if (data->int_alg == AUTH_UNDEFINED ||
		asprintf(&integ, " integ=%N integ_key=%+B", integrity_algorithm_names,
				 data->int_alg, &data->int_key) < 0)
	{
		integ = NULL;
	}
	if (!columns ||
		asprintf(&line, "%s dir=%s mode=%N esn=%s%s%s", columns,
				 data->inbound ? "in" : "out", ipsec_mode_names, data->mode,
				 data->esn ? "yes" : "no", encr ?: "", integ ?: "") < 0)
	{
		line = NULL;
	}
	nflog_rows_free(encr);
	nflog_rows_free(integ);
	free(columns);
	return line;
}

/*
 * Described in header
 */
char *nflog_rows_ike(ike_version_t version, ike_sa_id_t *id,
					 uint16_t encr, uint16_t integ, chunk_t sk_ei,
					 chunk_t sk_er, chunk_t sk_ai, chunk_t sk_ar)
{
	char *line, name[64] = "";

	if (integ != AUTH_UNDEFINED)
	{
		snprintf(name, sizeof(name), " integ=%N", integrity_algorithm_names,
				 integ);
	}
	if (asprintf(&line, "ike %.16" PRIx64 " %.16" PRIx64 " version=%d enc=%N%s "
				 "sk_ei=%+B sk_er=%+B sk_ai=%+B sk_ar=%+B",
				 be64toh(id->get_initiator_spi(id)),
				 be64toh(id->get_responder_spi(id)), version == IKEV1 ? 1 : 2,
				 encryption_algorithm_names, encr, name, &sk_ei, &sk_er,
				 &sk_ai, &sk_ar) < 0)
	{
		return NULL;
	}
	return line;
}

/*
 * Described in header
 */
void nflog_rows_free(char *row)
{
	if (row)
	{
		memwipe(row, strlen(row));
		free(row);
	}
}

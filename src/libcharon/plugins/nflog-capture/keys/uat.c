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

#include "uat.h"
#include "process/secret.h"

#include <inttypes.h>
#include <stdio.h>

/** flags in the first byte of AES-CCM's counter blocks (RFC 4309, section 4) */
#define CCM_FLAGS 0x03

/** bytes of AES-CCM's salt */
#define CCM_SALT 3

#define ANY_64 "ANY 64 bit authentication [no checking]"
#define ANY_96 "ANY 96 bit authentication [no checking]"
#define ANY_128 "ANY 128 bit authentication [no checking]"
#define ANY_256 "ANY 256 bit authentication [no checking]"

/** source and destination of a row that matches any address */
#define ANY_ADDRESSES "\"*\",\"*\""

/** limits of Wireshark, or of older releases */
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
 * Encryption that Wireshark supports in IKEv1, whose table has no names.
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

/**
 * Write the columns that identify an SA.
 */
static void write_columns(nflog_secret_text_t *text, host_t *src, host_t *dst,
						  uint32_t spi)
{
	nflog_secret_printf(text, "\"%s\",\"%H\",\"%H\",\"0x%.8x\"",
						dst->get_family(dst) == AF_INET ? "IPv4" : "IPv6", src, dst,
						spi);
}

/*
 * Described in header
 */
char *nflog_uat_write_columns(host_t *src, host_t *dst, uint32_t spi)
{
	nflog_secret_text_t text = {};

	write_columns(&text, src, dst, spi);
	return nflog_secret_take(&text);
}

/*
 * Described in header
 */
char *nflog_uat_write_any(int family, chunk_t spi)
{
	nflog_secret_text_t text = {};

	nflog_secret_printf(&text, "\"%s\"," ANY_ADDRESSES ",\"0x%.*s\"",
						family == AF_INET ? "IPv4" : "IPv6", (int)spi.len,
						(char*)spi.ptr);
	return nflog_secret_take(&text);
}

/**
 * Append the key of an SA as Wireshark expects it.
 */
static void append_esp_key(nflog_secret_text_t *text, nflog_key_sa_t *sa)
{
	chunk_t key = sa->encr_key, salt = chunk_empty;

	switch (sa->encr)
	{
		case ENCR_AES_CCM_ICV8:
		case ENCR_AES_CCM_ICV12:
		case ENCR_AES_CCM_ICV16:
			/* salt and flags of CCM make up the nonce of CTR */
			key.len -= min(key.len, CCM_SALT);
			salt = chunk_skip(sa->encr_key, key.len);
			nflog_secret_append_hex(text, key);
			nflog_secret_printf(text, "%.2x", CCM_FLAGS);
			nflog_secret_append_hex(text, salt);
			break;
		default:
			nflog_secret_append_hex(text, key);
			break;
	}
}

/*
 * Described in header
 */
char *nflog_uat_write_esp(nflog_key_sa_t *sa, char **limit)
{
	nflog_secret_text_t text = {};
	char *encr, *integ;
	bool esn = sa->esn;

	*limit = NULL;
	encr = find(esp_encr, countof(esp_encr), sa->encr, 0);
	if (encryption_algorithm_is_aead(sa->encr))
	{
		integ = find(esp_aead, countof(esp_aead), sa->encr, 0);
	}
	else
	{
		integ = find(esp_integ, countof(esp_integ), sa->integ, 0);
	}
	if (!encr || !integ)
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	if (sa->encr == ENCR_CHACHA20_POLY1305)
	{
		*limit = NOT_BEFORE_4_6;
	}
	else if (strpfx(integ, "ANY"))
	{	/* the columns for ESN are of no use then, and older releases warn */
		*limit = NOT_CHECKED;
		esn = FALSE;
	}
	else if (esn)
	{
		*limit = BAD_BEFORE_4_4;
	}
	write_columns(&text, sa->src, sa->dst, sa->spi);
	nflog_secret_printf(&text, ",\"%s\",\"0x", encr);
	append_esp_key(&text, sa);
	nflog_secret_printf(&text, "\",\"%s\",\"0x", integ);
	nflog_secret_append_hex(&text, sa->integ_key);
	nflog_secret_printf(&text, "\"%s", esn ? ",\"64-bit\",\"0\"" : "");
	return nflog_secret_take(&text);
}

/*
 * Described in header
 */
char *nflog_uat_write_ikev2(nflog_key_ike_t *ike, uint16_t size, char **limit)
{
	nflog_secret_text_t text = {};
	char *encr_name, *integ_name;
	chunk_t sk_ai = ike->sk_ai, sk_ar = ike->sk_ar;
	uint16_t integ = ike->integ;

	*limit = NULL;
	if (encryption_algorithm_is_aead(ike->encr))
	{
		integ = AUTH_UNDEFINED;
	}
	encr_name = find(ike_encr, countof(ike_encr), ike->encr, size);
	integ_name = find(ike_integ, countof(ike_integ), integ, 0);
	if (!integ_name)
	{	/* Wireshark refuses rows that have keys for these */
		integ_name = find(ike_unchecked, countof(ike_unchecked), integ, 0);
		sk_ai = sk_ar = chunk_empty;
		*limit = NOT_CHECKED;
	}
	if (!encr_name || !integ_name)
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	nflog_secret_printf(&text, "%.16" PRIx64 ",%.16" PRIx64 ",", ike->spi_i,
						ike->spi_r);
	nflog_secret_append_hex(&text, ike->sk_ei);
	nflog_secret_printf(&text, ",");
	nflog_secret_append_hex(&text, ike->sk_er);
	nflog_secret_printf(&text, ",\"%s\",", encr_name);
	nflog_secret_append_hex(&text, sk_ai);
	nflog_secret_printf(&text, ",");
	nflog_secret_append_hex(&text, sk_ar);
	nflog_secret_printf(&text, ",\"%s\"", integ_name);
	return nflog_secret_take(&text);
}

/*
 * Described in header
 */
char *nflog_uat_write_ikev1(nflog_key_ike_t *ike, char **limit)
{
	nflog_secret_text_t text = {};

	*limit = NULL;
	if (!find(ikev1_encr, countof(ikev1_encr), ike->encr, 0))
	{
		*limit = NOT_DECRYPTED;
		return NULL;
	}
	nflog_secret_printf(&text, "%.16" PRIx64 ",", ike->spi_i);
	nflog_secret_append_hex(&text, ike->sk_ei);
	return nflog_secret_take(&text);
}

/**
 * Find the SPI in the columns that identify a row, empty if the row is not ours.
 */
static chunk_t find_spi(nflog_keytable_type_t type, chunk_t columns)
{
	chunk_t spi = columns;

	if (type != TABLE_ESP)
	{
		spi.len = min(spi.len, NFLOG_IKE_DIGITS);
		return spi.len == NFLOG_IKE_DIGITS ? spi : chunk_empty;
	}
	/* the last one of the columns, "0x01234567" */
	if (columns.len < NFLOG_ESP_DIGITS + 4)
	{
		return chunk_empty;
	}
	spi = chunk_skip(columns, columns.len - NFLOG_ESP_DIGITS - 1);
	spi.len = NFLOG_ESP_DIGITS;
	return memeq(spi.ptr - 3, "\"0x", 3) ? spi : chunk_empty;
}

/*
 * Described in header
 */
bool nflog_uat_parse(nflog_keytable_type_t type, chunk_t line, nflog_row_t *row)
{
	static const u_int identifying[] = { 4, 2, 1 };
	bool quoted = FALSE, complete;
	u_int columns = 1;
	size_t i;

	*row = (nflog_row_t){};
	if (line.len && line.ptr[0] == '#')
	{
		return !memchr(line.ptr, 0, line.len);
	}
	for (i = 0; i < line.len; i++)
	{
		switch (line.ptr[i])
		{
			case '\0':
				return FALSE;
			case '"':
				quoted = !quoted;
				break;
			case ',':
				if (!quoted && columns++ == identifying[type])
				{
					row->columns = chunk_create(line.ptr, i);
				}
				break;
		}
	}
	switch (type)
	{
		case TABLE_ESP:
			/* two more since Wireshark 4.4 */
			complete = columns == 8 || columns == 10;
			row->any = row->columns.len &&
					   memmem(row->columns.ptr, row->columns.len, "\"*\"", 3);
			break;
		case TABLE_IKEV2:
			complete = columns == 8;
			break;
		default:
			complete = columns == 2;
			break;
	}
	row->spi = find_spi(type, row->columns);
	return complete && !quoted;
}

/*
 * Described in header
 */
int nflog_uat_get_family(chunk_t columns)
{
	return columns.len > 5 && memeq(columns.ptr, "\"IPv6\"", 6) ? AF_INET6 : AF_INET;
}

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

#include "key_import.h"

#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>

/** what an AES-CTR key ends with if it is one of AES-CCM in disguise: the flags of CCM's
 * counter blocks (RFC 4309, section 4), and the salt */
#define CCM_FLAGS 0x03
#define CCM_NONCE 4

typedef struct name_t name_t;

/**
 * Algorithm, by its name in Wireshark.
 */
struct name_t {
	/** what the name begins with, and what it contains after that, NULL for anything */
	char *begin, *part;
	/** algorithm, as libstrongswan calls it */
	uint16_t algorithm;
	/** bytes of the ICV if there is no key to check it */
	size_t icv;
};

/**
 * Encryption in esp_sa.
 */
static name_t esp_encr[] = {
	{ "NULL",				NULL,		ENCR_NULL,				0 },
	{ "TripleDES-CBC",		NULL,		ENCR_3DES,				0 },
	{ "DES-CBC",			NULL,		ENCR_DES,				0 },
	{ "AES-CBC",			NULL,		ENCR_AES_CBC,			0 },
	{ "AES-CTR",			NULL,		ENCR_AES_CTR,			0 },
	{ "CAST5-CBC",			NULL,		ENCR_CAST,				0 },
	{ "BLOWFISH-CBC",		NULL,		ENCR_BLOWFISH,			0 },
	{ "TWOFISH-CBC",		NULL,		ENCR_TWOFISH_CBC,		0 },
	{ "AES-GCM",			" 8 octet",	ENCR_AES_GCM_ICV8,		0 },
	{ "AES-GCM",			" 12 octet", ENCR_AES_GCM_ICV12,	0 },
	{ "AES-GCM",			NULL,		ENCR_AES_GCM_ICV16,		0 },
	{ "ChaCha20",			NULL,		ENCR_CHACHA20_POLY1305,	0 },
};

/**
 * Integrity in esp_sa and ikev2_decryption_table.
 */
static name_t integs[] = {
	{ "NULL",				NULL,		AUTH_UNDEFINED,			0 },
	{ "NONE",				NULL,		AUTH_UNDEFINED,			0 },
	{ "HMAC-MD5-96",		NULL,		AUTH_HMAC_MD5_96,		12 },
	{ "HMAC-MD5-128",		NULL,		AUTH_HMAC_MD5_128,		16 },
	{ "HMAC-SHA-1-96",		NULL,		AUTH_HMAC_SHA1_96,		12 },
	{ "HMAC-SHA1-96",		NULL,		AUTH_HMAC_SHA1_96,		12 },
	{ "HMAC-SHA1-160",		NULL,		AUTH_HMAC_SHA1_160,		20 },
	{ "HMAC-SHA-256-96",	NULL,		AUTH_HMAC_SHA2_256_96,	12 },
	{ "HMAC-SHA2-256-96",	NULL,		AUTH_HMAC_SHA2_256_96,	12 },
	{ "HMAC-SHA-256-128",	NULL,		AUTH_HMAC_SHA2_256_128,	16 },
	{ "HMAC-SHA2-256-128",	NULL,		AUTH_HMAC_SHA2_256_128,	16 },
	{ "HMAC-SHA-384-192",	NULL,		AUTH_HMAC_SHA2_384_192,	24 },
	{ "HMAC-SHA2-384-192",	NULL,		AUTH_HMAC_SHA2_384_192,	24 },
	{ "HMAC-SHA-512-256",	NULL,		AUTH_HMAC_SHA2_512_256,	32 },
	{ "HMAC-SHA2-512-256",	NULL,		AUTH_HMAC_SHA2_512_256,	32 },
	{ "MAC-RIPEMD-160-96",	NULL,		AUTH_UNDEFINED,			12 },
	{ "ANY 64",				NULL,		AUTH_UNDEFINED,			8 },
	{ "ANY 96",				NULL,		AUTH_UNDEFINED,			12 },
	{ "ANY 128",			NULL,		AUTH_UNDEFINED,			16 },
	{ "ANY 160",			NULL,		AUTH_UNDEFINED,			20 },
	{ "ANY 192",			NULL,		AUTH_UNDEFINED,			24 },
	{ "ANY 256",			NULL,		AUTH_UNDEFINED,			32 },
};

/**
 * Encryption in ikev2_decryption_table.
 */
static name_t ike_encr[] = {
	{ "NULL",				NULL,		ENCR_NULL,				0 },
	{ "3DES",				NULL,		ENCR_3DES,				0 },
	{ "AES-CBC",			NULL,		ENCR_AES_CBC,			0 },
	{ "AES-CTR",			NULL,		ENCR_AES_CTR,			0 },
	{ "AES-CCM",			" 8 octet",	ENCR_AES_CCM_ICV8,		0 },
	{ "AES-CCM",			" 12 octet", ENCR_AES_CCM_ICV12,	0 },
	{ "AES-CCM",			NULL,		ENCR_AES_CCM_ICV16,		0 },
	{ "AES-GCM",			" 8 octet",	ENCR_AES_GCM_ICV8,		0 },
	{ "AES-GCM",			" 12 octet", ENCR_AES_GCM_ICV12,	0 },
	{ "AES-GCM",			NULL,		ENCR_AES_GCM_ICV16,		0 },
};

/**
 * Ciphers and hashes that a row of ikev1_decryption_table may stand for.
 */
static encryption_algorithm_t ikev1_encrs[] = {
	ENCR_AES_CBC, ENCR_3DES, ENCR_DES,
};
static integrity_algorithm_t ikev1_hashes[] = {
	AUTH_HMAC_SHA2_256_128, AUTH_HMAC_SHA1_96, AUTH_HMAC_MD5_96,
	AUTH_HMAC_SHA2_384_192, AUTH_HMAC_SHA2_512_256,
};

/**
 * Find an algorithm by its name, in which hyphens and underlines are the same.
 */
static name_t *find(name_t *names, int count, char *text)
{
	char name[128] = "";
	int i;

	strncpy(name, text, sizeof(name) - 1);
	for (i = 0; name[i]; i++)
	{
		name[i] = name[i] == '_' ? '-' : name[i];
	}
	for (i = 0; i < count; i++)
	{	/* a name ends, is followed by its RFC, or by the length of the key */
		if (strcasepfx(name, names[i].begin) &&
			!isalnum(name[strlen(names[i].begin)]) &&
			(!names[i].part || strcasestr(name, names[i].part)))
		{
			return &names[i];
		}
	}
	return NULL;
}

/**
 * Parse an address, or a pattern, which matches any.
 */
static host_t *parse_address(char *text, int family)
{
	if (strpbrk(text, "*?") || !*text)
	{
		return host_create_any(family);
	}
	return host_create_from_string_and_family(text, family, 0);
}

/**
 * Parse the SPI, a pattern matches any.
 */
static bool parse_spi(char *text, nflog_key_sa_t *sa)
{
	uint64_t spi;
	char *end;

	if (strpbrk(text, "*?"))
	{
		sa->any_spi = TRUE;
		return TRUE;
	}
	spi = strtoull(text, &end, 0);
	sa->spi = spi;
	return *text && !*end && spi <= UINT32_MAX;
}

/**
 * Copy an SA.
 */
static nflog_key_sa_t *clone_sa(nflog_key_sa_t *sa)
{
	nflog_key_sa_t *copy;

	INIT(copy);
	*copy = *sa;
	copy->src = sa->src->clone(sa->src);
	copy->dst = sa->dst->clone(sa->dst);
	copy->encr_key = chunk_clone(sa->encr_key);
	copy->integ_key = chunk_clone(sa->integ_key);
	return copy;
}

/**
 * Add the SA of AES-CCM that one of AES-CTR may stand for, whose ICV can be checked.
 */
static void add_ccm(nflog_key_sa_t *sa, key_import_sink_t *sink)
{
	chunk_t key = sa->encr_key;
	nflog_key_sa_t *copy, *esn;

	if (sa->encr != ENCR_AES_CTR || key.len <= CCM_NONCE ||
		key.ptr[key.len - CCM_NONCE] != CCM_FLAGS ||
		(sa->icv != 8 && sa->icv != 12 && sa->icv != 16))
	{
		return;
	}
	copy = clone_sa(sa);
	copy->encr = sa->icv == 8 ? ENCR_AES_CCM_ICV8
							  : sa->icv == 12 ? ENCR_AES_CCM_ICV12 : ENCR_AES_CCM_ICV16;
	copy->icv = 0;
	memmove(copy->encr_key.ptr + key.len - CCM_NONCE,
			copy->encr_key.ptr + key.len - CCM_NONCE + 1, CCM_NONCE - 1);
	copy->encr_key.len--;
	if (!sa->esn)
	{	/* the row is the same if there are extended sequence numbers */
		esn = clone_sa(copy);
		esn->esn = TRUE;
		sink->add_sa(sink, esn);
	}
	sink->add_sa(sink, copy);
}

/**
 * Set the integrity protection of an SA.
 */
static void set_integ(nflog_key_sa_t *sa, name_t *integ, chunk_t key)
{
	if (encryption_algorithm_is_aead(sa->encr))
	{	/* the ICV of GCM had no length of its own in old releases */
		if (sa->encr == ENCR_AES_GCM_ICV16 && integ->icv == 8)
		{
			sa->encr = ENCR_AES_GCM_ICV8;
		}
		if (sa->encr == ENCR_AES_GCM_ICV16 && integ->icv == 12)
		{
			sa->encr = ENCR_AES_GCM_ICV12;
		}
		chunk_clear(&key);
		return;
	}
	sa->integ = key.len ? integ->algorithm : AUTH_UNDEFINED;
	sa->icv = sa->integ == AUTH_UNDEFINED ? integ->icv : 0;
	if (sa->integ == AUTH_UNDEFINED)
	{
		chunk_clear(&key);
	}
	sa->integ_key = key;
}

/*
 * Described in header
 */
bool key_wireshark_parse_esp(char *columns[], int count, key_import_sink_t *sink,
							 const char **reason)
{
	nflog_key_sa_t *sa, *copy;
	name_t *encr, *integ;
	chunk_t key;
	int family;

	family = strcaseeq(columns[0], "IPv4") ? AF_INET : AF_INET6;
	if (family == AF_INET6 && !strcaseeq(columns[0], "IPv6"))
	{
		return FALSE;
	}
	encr = find(esp_encr, countof(esp_encr), columns[4]);
	integ = find(integs, countof(integs), columns[6]);
	if (!encr || !integ)
	{
		*reason = "its algorithm is not known";
		return FALSE;
	}
	sa = key_import_create_sa(IPPROTO_ESP);
	sa->src = parse_address(columns[1], family);
	sa->dst = parse_address(columns[2], family);
	sa->encr = encr->algorithm;
	if (!sa->src || !sa->dst || !parse_spi(columns[3], sa) ||
		!key_import_parse_key(columns[5], &sa->encr_key) ||
		!key_import_parse_key(columns[7], &key))
	{
		nflog_key_sa_destroy(sa);
		return FALSE;
	}
	set_integ(sa, integ, key);
	if (count == 10)
	{
		sa->esn = strpfx(columns[8], "64");
	}
	else if (encryption_algorithm_is_aead(sa->encr) || sa->integ != AUTH_UNDEFINED)
	{	/* rows of older releases don't say if it has them, ICVs do */
		copy = clone_sa(sa);
		copy->esn = TRUE;
		sink->add_sa(sink, copy);
	}
	/* what is added last is tried first */
	copy = clone_sa(sa);
	sink->add_sa(sink, sa);
	add_ccm(copy, sink);
	nflog_key_sa_destroy(copy);
	return TRUE;
}

/**
 * Parse an SPI of an IKE_SA.
 */
static bool parse_spi_ike(char *text, uint64_t *spi)
{
	char *end;

	*spi = strtoull(text, &end, 16);
	return strlen(text) == NFLOG_IKE_DIGITS && !*end;
}

/**
 * Parse a key in hex.
 */
static bool parse_hex(char *text, chunk_t *key)
{
	if (strlen(text) % 2 || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
	{
		return FALSE;
	}
	*key = chunk_from_hex(chunk_from_str(text), NULL);
	return TRUE;
}

/**
 * Check if a key of IKEv1 may be one of a cipher.
 */
static bool is_length(encryption_algorithm_t encr, size_t len)
{
	switch (encr)
	{
		case ENCR_DES:
			return len == 8;
		case ENCR_3DES:
			return len == 24;
		default:
			return len == 16 || len == 24 || len == 32;
	}
}

/*
 * Described in header
 */
bool key_wireshark_parse_ikev1(char *columns[], key_import_sink_t *sink)
{
	nflog_key_ike_t *ike;
	bool success = FALSE;
	chunk_t key;
	uint64_t spi;
	int i, j;

	if (!parse_spi_ike(columns[0], &spi) || !parse_hex(columns[1], &key))
	{
		return FALSE;
	}
	for (i = 0; i < countof(ikev1_encrs); i++)
	{
		for (j = 0; j < countof(ikev1_hashes); j++)
		{
			if (is_length(ikev1_encrs[i], key.len))
			{
				INIT(ike,
					.spi_i = spi,
					.version = 1,
					.encr = ikev1_encrs[i],
					.integ = ikev1_hashes[j],
					.sk_ei = chunk_clone(key),
				);
				sink->add_ike(sink, ike);
				success = TRUE;
			}
		}
	}
	chunk_clear(&key);
	return success;
}

/*
 * Described in header
 */
bool key_wireshark_parse_ikev2(char *columns[], key_import_sink_t *sink,
							   const char **reason)
{
	nflog_key_ike_t *ike;
	name_t *encr, *integ;

	encr = find(ike_encr, countof(ike_encr), columns[4]);
	integ = find(integs, countof(integs), columns[7]);
	if (!encr || !integ)
	{
		*reason = "its algorithm is not known";
		return FALSE;
	}
	INIT(ike,
		.version = 2,
		.encr = encr->algorithm,
		.integ = integ->algorithm,
	);
	if (!parse_spi_ike(columns[0], &ike->spi_i) ||
		!parse_spi_ike(columns[1], &ike->spi_r) ||
		!parse_hex(columns[2], &ike->sk_ei) || !parse_hex(columns[3], &ike->sk_er) ||
		!parse_hex(columns[5], &ike->sk_ai) || !parse_hex(columns[6], &ike->sk_ar))
	{
		nflog_key_ike_destroy(ike);
		return FALSE;
	}
	if (!encryption_algorithm_is_aead(ike->encr) && (!ike->sk_ai.len || !ike->sk_ar.len))
	{
		ike->integ = AUTH_UNDEFINED;
		ike->icv = integ->icv;
	}
	sink->add_ike(sink, ike);
	return TRUE;
}

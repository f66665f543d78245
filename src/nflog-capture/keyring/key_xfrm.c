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

#include "key_import.h"

#include <netinet/in.h>

typedef struct name_t name_t;

/**
 * Algorithm, by its name in the kernel (net/xfrm/xfrm_algo.c).
 */
struct name_t {
	/** name, and the one that older kernels had, NULL for none */
	char *name, *old;
	/** bits of the ICV, 0 for none, or if the key is given without a length */
	u_int bits;
	/** algorithm, as libstrongswan calls it */
	uint16_t algorithm;
};

static name_t encrs[] = {
	{ "ecb(cipher_null)",		"cipher_null",	0, ENCR_NULL },
	{ "cbc(aes)",				"aes",			0, ENCR_AES_CBC },
	{ "cbc(des)",				"des",			0, ENCR_DES },
	{ "cbc(des3_ede)",			"des3_ede",		0, ENCR_3DES },
	{ "cbc(camellia)",			"camellia",		0, ENCR_CAMELLIA_CBC },
	{ "cbc(blowfish)",			"blowfish",		0, ENCR_BLOWFISH },
	{ "cbc(cast5)",				"cast5",		0, ENCR_CAST },
	{ "cbc(serpent)",			"serpent",		0, ENCR_SERPENT_CBC },
	{ "cbc(twofish)",			"twofish",		0, ENCR_TWOFISH_CBC },
	{ "rfc3686(ctr(aes))",		NULL,			0, ENCR_AES_CTR },
};

static name_t aeads[] = {
	{ "rfc4106(gcm(aes))",		NULL,	 64, ENCR_AES_GCM_ICV8 },
	{ "rfc4106(gcm(aes))",		NULL,	 96, ENCR_AES_GCM_ICV12 },
	{ "rfc4106(gcm(aes))",		NULL,	128, ENCR_AES_GCM_ICV16 },
	{ "rfc4309(ccm(aes))",		NULL,	 64, ENCR_AES_CCM_ICV8 },
	{ "rfc4309(ccm(aes))",		NULL,	 96, ENCR_AES_CCM_ICV12 },
	{ "rfc4309(ccm(aes))",		NULL,	128, ENCR_AES_CCM_ICV16 },
	{ "rfc4543(gcm(aes))",		NULL,	128, ENCR_NULL_AUTH_AES_GMAC },
	{ "rfc7539esp(chacha20,poly1305)", NULL, 128, ENCR_CHACHA20_POLY1305 },
};

/** the first one of a name has the length that the kernel uses if none is given */
static name_t integs[] = {
	{ "digest_null",			NULL,		  0, AUTH_UNDEFINED },
	{ "hmac(md5)",				"md5",		 96, AUTH_HMAC_MD5_96 },
	{ "hmac(md5)",				"md5",		128, AUTH_HMAC_MD5_128 },
	{ "hmac(sha1)",				"sha1",		 96, AUTH_HMAC_SHA1_96 },
	{ "hmac(sha1)",				"sha1",		160, AUTH_HMAC_SHA1_160 },
	{ "hmac(sha256)",			"sha256",	 96, AUTH_HMAC_SHA2_256_96 },
	{ "hmac(sha256)",			"sha256",	128, AUTH_HMAC_SHA2_256_128 },
	{ "hmac(sha256)",			"sha256",	256, AUTH_HMAC_SHA2_256_256 },
	{ "hmac(sha384)",			"sha384",	192, AUTH_HMAC_SHA2_384_192 },
	{ "hmac(sha384)",			"sha384",	384, AUTH_HMAC_SHA2_384_384 },
	{ "hmac(sha512)",			"sha512",	256, AUTH_HMAC_SHA2_512_256 },
	{ "hmac(sha512)",			"sha512",	512, AUTH_HMAC_SHA2_512_512 },
	{ "xcbc(aes)",				NULL,		 96, AUTH_AES_XCBC_96 },
	{ "cmac(aes)",				NULL,		 96, AUTH_AES_CMAC_96 },
};

/**
 * Find an algorithm.
 *
 * @param bits		bits of the ICV, NULL if not given
 */
static name_t *find(name_t *names, int count, char *name, char *bits)
{
	int i;

	for (i = 0; i < count; i++)
	{
		if ((streq(names[i].name, name) || streq(names[i].old, name)) &&
			(!bits || !names[i].bits || atoi(bits) == names[i].bits))
		{
			return &names[i];
		}
	}
	return NULL;
}

/**
 * Set a key, which is missing if it is empty, and in angle brackets if it is hidden.
 */
static bool set_key(char *text, chunk_t *key, const char **reason)
{
	chunk_clear(key);
	if (text && strpfx(text, "<<"))
	{
		*reason = "its keys are hidden, run 'ip xfrm state' as root";
		return TRUE;
	}
	if (text && !strpfx(text, "0x"))
	{	/* the length of an empty one */
		return TRUE;
	}
	return !text || key_import_parse_key(text, key);
}

/**
 * Parse an algorithm and its key.
 */
static bool parse_algorithm(nflog_key_sa_t *sa, char *words[], const char **reason)
{
	char *kind = words[0], *name = words[1], *key = name ? words[2] : NULL, *bits;
	bool integ = strpfx(kind, "auth"), aead = streq(kind, "aead");
	name_t *found;

	if (!name)
	{
		return FALSE;
	}
	/* hidden keys have a blank */
	bits = key && !strpfx(key, "<<") ? words[3] : NULL;
	found = integ ? find(integs, countof(integs), name, bits)
		  : aead ? find(aeads, countof(aeads), name, bits)
		  : find(encrs, countof(encrs), name, NULL);
	if (!found)
	{
		*reason = "its algorithm is not known";
		return TRUE;
	}
	if (integ)
	{
		sa->integ = found->algorithm;
		return set_key(key, &sa->integ_key, reason);
	}
	sa->encr = found->algorithm;
	return set_key(key, &sa->encr_key, reason);
}

/**
 * Parse pairs of names and values.
 */
static bool parse_pairs(nflog_key_sa_t *sa, char *words[])
{
	char *name, *value;
	int i;

	for (i = 0; words[i] && words[i + 1]; i += 2)
	{
		name = words[i];
		value = words[i + 1];
		if (streq(name, "proto"))
		{
			sa->proto = streq(value, "esp") ? IPPROTO_ESP
					  : streq(value, "ah") ? IPPROTO_AH : IPPROTO_COMP;
		}
		else if (streq(name, "spi"))
		{
			sa->spi = strtoul(value, NULL, 16);
		}
		else if (streq(name, "mode"))
		{
			sa->mode = streq(value, "transport") ? MODE_TRANSPORT
					 : streq(value, "beet") ? MODE_BEET : MODE_TUNNEL;
		}
	}
	return i > 0;
}

/**
 * Parse an address.
 */
static bool parse_host(char *text, host_t **host)
{
	if (*host || !text)
	{
		return FALSE;
	}
	*host = host_create_from_string(text, 0);
	return *host != NULL;
}

/**
 * Find a word behind another one.
 */
static bool has_flag(char *words[], char *name)
{
	bool flags = FALSE;
	int i;

	for (i = 0; words[i]; i++)
	{
		if (flags && streq(words[i], name))
		{
			return TRUE;
		}
		flags = flags || streq(words[i], "flag");
	}
	return FALSE;
}

/*
 * Described in header
 */
bool key_xfrm_parse(nflog_key_sa_t *sa, char *words[], const char **reason)
{
	if (streq(words[0], "src"))
	{
		return parse_host(words[1], &sa->src) && words[2] && streq(words[2], "dst") &&
			   parse_host(words[3], &sa->dst);
	}
	if (streq(words[0], "proto"))
	{
		return parse_pairs(sa, words);
	}
	if (streq(words[0], "replay-window"))
	{
		sa->esn = has_flag(words, "esn");
	}
	else if (streq(words[0], "auth") || streq(words[0], "auth-trunc") ||
			 streq(words[0], "enc") || streq(words[0], "aead"))
	{
		return parse_algorithm(sa, words, reason);
	}
	else if (streq(words[0], "encap"))
	{
		sa->udp = TRUE;
	}
	else if (streq(words[0], "dir") && words[1])
	{	/* since iproute2 6.10 */
		sa->undirected = FALSE;
		sa->inbound = streq(words[1], "in");
	}
	/* all others are of no use here */
	return TRUE;
}

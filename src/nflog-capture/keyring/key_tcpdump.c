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

#include <netinet/in.h>

/** end of the name of an algorithm that is followed by an ICV of 96 bits, whose key
 * tcpdump does not get */
#define HMAC96 "-hmac96"
#define HMAC96_LEN 12

typedef struct name_t name_t;

/**
 * Algorithm, by its name in tcpdump, which are those of libcrypto, and some others.
 */
struct name_t {
	/** name, without hyphens and "cbc" */
	char *name;
	/** algorithm, as libstrongswan calls it */
	encryption_algorithm_t encr;
	/** bytes of the key, of which longer ones are cut and shorter ones padded, 0 for any */
	size_t len;
};

static name_t names[] = {
	{ "none",			ENCR_NULL,			0 },
	{ "null",			ENCR_NULL,			0 },
	{ "des",			ENCR_DES,			8 },
	{ "3des",			ENCR_3DES,			24 },
	{ "des3",			ENCR_3DES,			24 },
	{ "desede3",		ENCR_3DES,			24 },
	{ "blowfish",		ENCR_BLOWFISH,		0 },
	{ "bf",				ENCR_BLOWFISH,		0 },
	{ "cast128",		ENCR_CAST,			16 },
	{ "cast5",			ENCR_CAST,			16 },
	{ "cast",			ENCR_CAST,			16 },
	{ "aes",			ENCR_AES_CBC,		0 },
	{ "aes128",			ENCR_AES_CBC,		16 },
	{ "aes192",			ENCR_AES_CBC,		24 },
	{ "aes256",			ENCR_AES_CBC,		32 },
	{ "camellia128",	ENCR_CAMELLIA_CBC,	16 },
	{ "camellia192",	ENCR_CAMELLIA_CBC,	24 },
	{ "camellia256",	ENCR_CAMELLIA_CBC,	32 },
};

/**
 * Remove all occurrences of some text.
 */
static bool remove_text(char *from, char *text)
{
	bool removed = FALSE;
	char *pos;

	while ((pos = strcasestr(from, text)))
	{
		memmove(pos, pos + strlen(text), strlen(pos + strlen(text)) + 1);
		removed = TRUE;
	}
	return removed;
}

/**
 * Find an algorithm.
 *
 * @param text		its name, gets modified
 * @param icv		receives the bytes of the ICV
 */
static name_t *find(char *text, size_t *icv)
{
	int i;

	*icv = remove_text(text, HMAC96) ? HMAC96_LEN : 0;
	remove_text(text, "cbc");
	remove_text(text, "-");
	for (i = 0; i < countof(names); i++)
	{
		if (strcaseeq(text, names[i].name))
		{
			return &names[i];
		}
	}
	return NULL;
}

/**
 * Parse the SPI and the address.
 */
static bool parse_sa(nflog_key_sa_t *sa, char *text)
{
	char *address = text, *end;
	uint64_t spi;

	text = strsep(&address, "@");
	if (!address)
	{
		return FALSE;
	}
	spi = strtoull(text, &end, 0);
	sa->spi = spi;
	sa->dst = host_create_from_string(address, 0);
	if (sa->dst)
	{
		sa->src = host_create_any(sa->dst->get_family(sa->dst));
	}
	return *text && !*end && spi <= UINT32_MAX && sa->dst;
}

/**
 * Give a key the length that an algorithm has, as tcpdump does.
 */
static void set_length(chunk_t *key, size_t len)
{
	chunk_t copy;

	if (len && key->len != len)
	{
		copy = chunk_alloc(len);
		memset(copy.ptr, 0, len);
		memcpy(copy.ptr, key->ptr, min(len, key->len));
		chunk_clear(key);
		*key = copy;
	}
}

/*
 * Described in header
 */
bool key_tcpdump_parse(char *line, key_import_sink_t *sink, const char **reason)
{
	char *first, *secret;
	nflog_key_sa_t *sa;
	name_t *name;

	first = strsep(&line, " \t");
	if (line && strcaseeq(first, "file"))
	{
		*reason = "it names another file, give that with -k";
		return FALSE;
	}
	if (line && strcaseeq(first, "ikev2"))
	{
		*reason = "IKE_SAs of tcpdump are not supported";
		return FALSE;
	}
	sa = key_import_create_sa(IPPROTO_ESP);
	if (line)
	{
		line += strspn(line, " \t");
	}
	else
	{	/* for all SAs that have no line of their own */
		line = first;
		sa->any_spi = TRUE;
		sa->src = host_create_any(AF_INET);
		sa->dst = host_create_any(AF_INET);
	}
	secret = strchr(line, ':');
	if (!secret || (!sa->any_spi && !parse_sa(sa, first)) ||
		!key_import_parse_key(secret + 1, &sa->encr_key))
	{
		nflog_key_sa_destroy(sa);
		return FALSE;
	}
	*secret = '\0';
	name = find(line, &sa->icv);
	if (!name)
	{
		*reason = "its algorithm is not known";
		nflog_key_sa_destroy(sa);
		return FALSE;
	}
	sa->encr = name->encr;
	if (sa->encr == ENCR_NULL)
	{
		chunk_clear(&sa->encr_key);
	}
	set_length(&sa->encr_key, name->len);
	sink->add_sa(sink, sa);
	return TRUE;
}

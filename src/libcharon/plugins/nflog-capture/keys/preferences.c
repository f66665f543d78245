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

#include "preferences.h"

/**
 * What makes Wireshark use the tables, and show the capture point of packets.
 *
 * With its default list of ports for UDP encapsulation, Wireshark takes packets
 * for something else if the other port, that of a NAT, is a well-known one.  Any
 * other list has precedence.
 */
static char preferences[] =
	"# Wireshark's preferences for the traces in this directory\n"
	"esp.enable_encryption_decode: TRUE\n"
	"esp.enable_authentication_check: TRUE\n"
	"udpencap.udp.port: 4500,4501\n"
	"gui.column.format:\n"
	"\t\"No.\", \"%m\",\n"
	"\t\"Time\", \"%t\",\n"
	"\t\"Source\", \"%s\",\n"
	"\t\"Destination\", \"%d\",\n"
	"\t\"Protocol\", \"%p\",\n"
	"\t\"Length\", \"%L\",\n"
	"\t\"Point\", \"%Cus:nflog.prefix:0:R\",\n"
	"\t\"Info\", \"%i\"\n";

/** where the ports are in there */
#define PORTS "\nudpencap.udp.port:"

/** ports that are added at most, sockets may get a new one each time */
#define MAX_PORTS 32

/**
 * Check if a port may be added to the line with ports.
 */
static bool may_add(char *pos, uint16_t port)
{
	char *next = pos;
	u_int count = 0;

	while (*pos && *pos != '\n')
	{
		if (strtoul(pos, &next, 10) == port && next != pos)
		{
			return FALSE;
		}
		count += next != pos;
		pos = next == pos ? pos + 1 : next;
	}
	return count < MAX_PORTS;
}

/*
 * Described in header
 */
bool nflog_preferences_write(nflog_store_t *store, char *conn,
							 uint16_t port)
{
	chunk_t content;
	char *old, *new, *pos;
	bool success = TRUE;
	int len;

	if (!store->read_file(store, conn, "preferences", &content))
	{
		return FALSE;
	}
	if (content.len && memchr(content.ptr, 0, content.len))
	{	/* whatever that is, it is not ours */
		DBG1(DBG_CFG, "nflog-capture: unable to parse the preferences of connection "
			 "'%s', remove them to have them written again", conn);
		chunk_free(&content);
		return TRUE;
	}
	old = content.len ? strndup((char*)content.ptr, content.len)
					  : strdup(preferences);
	pos = strstr(old, PORTS);
	if (port && pos && may_add(pos + strlen(PORTS), port))
	{
		pos += strlen(PORTS) + strcspn(pos + strlen(PORTS), "\n");
		len = asprintf(&new, "%.*s,%u%s", (int)(pos - old), old, port, pos);
	}
	else
	{	/* a user who removed the ports does not want them */
		len = content.len ? -1 : asprintf(&new, "%s", old);
	}
	if (len >= 0)
	{
		success = store->replace_file(store, conn, "preferences",
									  chunk_from_str(new));
		free(new);
	}
	free(old);
	chunk_free(&content);
	return success;
}

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

/**
 * @defgroup nflog_esp_packet nflog_esp_packet
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ESP_PACKET_H_
#define NFLOG_ESP_PACKET_H_

#include "event.h"
#include "traces/ip_packet.h"

/** ports of IKE: two pairs of one without a marker before messages, and of one with it */
#define NFLOG_ESP_PACKET_PORTS 4

/**
 * The kernel shortens the IP packet when it decapsulates ESP from UDP, but leaves both headers
 * (xfrm4_udp_encap_rcv() in net/ipv4/xfrm4_input.c).  Set the length as it was.
 *
 * @param event		dropped packet, changed
 */
void nflog_esp_packet_restore(struct nflog_event_t *event);

/**
 * Remove the header of a tunnel that XFRM put before a packet, but did not encrypt it yet.
 *
 * @param event		dropped packet, changed
 * @return			FALSE if there is none
 */
bool nflog_esp_packet_unwrap(struct nflog_event_t *event);

/**
 * Get the SPI of an ESP or AH packet, maybe in UDP.
 *
 * @param ip		packet
 * @param ports		NFLOG_ESP_PACKET_PORTS ports of IKE
 * @param ike		receives TRUE if it is an IKE message instead
 * @return			SPI in host order, 0 if it is none
 */
uint32_t nflog_esp_packet_get_spi(nflog_ip_packet_t *ip, uint16_t *ports, bool *ike);

#endif /** NFLOG_ESP_PACKET_H_ @}*/

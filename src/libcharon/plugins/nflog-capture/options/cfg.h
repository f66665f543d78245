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
 * @defgroup nflog_cfg nflog_cfg
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CFG_H_
#define NFLOG_CFG_H_

typedef struct nflog_cfg_t nflog_cfg_t;
typedef enum nflog_point_t nflog_point_t;
typedef enum nflog_link_t nflog_link_t;
typedef enum nflog_local_t nflog_local_t;

#include "filter.h"

/**
 * Capture points: where on its way through the kernel a packet is logged.
 */
enum nflog_point_t {
	/** ESP/AH as it arrives, input hook */
	POINT_ESP_IN = 0,
	/** ESP/AH as it leaves, output hook */
	POINT_ESP_OUT,
	/** decapsulated packets, prerouting hook */
	POINT_PLAIN_IN,
	/** packets about to be encapsulated, postrouting hook */
	POINT_PLAIN_OUT,
	/** IKE messages as they arrive */
	POINT_IKE_IN,
	/** IKE messages as they leave */
	POINT_IKE_OUT,
	/** packets that the kernel dropped, wherever that was */
	POINT_DROPPED,
	/** packets that should have been encapsulated, but were not */
	POINT_MISSED,
	POINT_MAX,
};

/** capture points that packets pass on their way, enabled by default; the others are of
 * packets that went astray, each has a trace of its own */
#define NFLOG_WAY_POINTS ((1 << POINT_DROPPED) - 1)

/** capture points of IKE messages */
#define NFLOG_IKE_POINTS (1 << POINT_IKE_IN | 1 << POINT_IKE_OUT)

/**
 * Names of capture points, as in options, log prefixes and log messages.
 */
extern enum_name_t *nflog_point_names;

/**
 * Link types of a trace.
 */
enum nflog_link_t {
	/** LINKTYPE_NFLOG (239), keeps prefix, hook and interfaces */
	LINK_NFLOG,
	/** LINKTYPE_RAW (101), bare IP packets */
	LINK_RAW,
	/** LINKTYPE_NFLOG in a pcapng file, in which each packet has a comment and an interface, for
	 * packets that went astray, whatever the options are */
	LINK_PCAPNG,
};

/**
 * Which packets in the clear to store, by their address on this side of the SA, as it is in
 * the SA.
 */
enum nflog_local_t {
	/** all */
	NFLOG_LOCAL_ANY,
	/** those from and to the gateway itself */
	NFLOG_LOCAL_ONLY,
	/** those that it forwards */
	NFLOG_LOCAL_NONE,
};

/** bit besides those of capture points: packets that a recorder holds */
#define NFLOG_RECORDER_POINT (1 << POINT_MAX)

/** least bytes that a recorder keeps, many times a packet */
#define NFLOG_RECORDER_MIN (1ULL << 20)

/**
 * Configuration of the capture of a CHILD_SA, immutable once it is shared.
 */
struct nflog_cfg_t {
	/** capture the CHILD_SA */
	bool enable;
	/** TRUE if any option is invalid, so no capture starts, but those that run go on */
	bool invalid;
	/** capture points, a bit (1 << nflog_point_t) for each */
	u_int points;
	/** bytes kept of each packet, 64 to 65535, 0 for whole packets */
	uint32_t snaplen;
	/** filters of packets in the clear, of ESP packets, and of IKE messages (owns references),
	 * NULL for none */
	nflog_filter_t *filter, *filter_esp, *filter_ike;
	/** which packets in the clear to store */
	nflog_local_t local;
	/** patterns of the peer's identity, and of its virtual IP (owned), NULL for any, see
	 * nflog_criteria_t */
	char *identity, *virtual_ip;
	/** link type of the traces */
	nflog_link_t link;
	/** bytes of a file in a ring, at least 1024, 0 for no limit */
	uint64_t file_size;
	/** number of files in a ring, 0 for no limit */
	u_int files;
	/** seconds after which a file in a ring ends, 0 for no limit */
	u_int duration;
	/** bytes of the newest packets of the connection that its recorder keeps, at least
	 * NFLOG_RECORDER_MIN, 0 if it is off */
	uint64_t recorder;
	/** seconds after a trigger that are saved as well */
	u_int recorder_after;
	/** packets of a trace after which it takes no more, 0 for no limit */
	uint64_t packets;
	/** also capture the CHILD_SA if it is up already when the options change */
	bool running;
	/** write the ESP keys of this CHILD_SA to key tables */
	bool esp_keys;
	/** write the keys of its IKE_SA to key tables */
	bool ike_keys;
};

/**
 * Get the capture points of a configuration, with NFLOG_RECORDER_POINT if it has a recorder.
 *
 * @param cfg		configuration
 * @return			capture points, 0 if it has none
 */
u_int nflog_cfg_get_points(nflog_cfg_t *cfg);

/**
 * Own what a copy of a configuration points to.
 *
 * @param cfg		copy, to be cleared with nflog_cfg_clear()
 */
void nflog_cfg_own(nflog_cfg_t *cfg);

/**
 * Release what a configuration points to.
 *
 * @param cfg		configuration that owns it
 */
void nflog_cfg_clear(nflog_cfg_t *cfg);

/**
 * Clone a configuration.
 *
 * @return			clone, to be destroyed with nflog_cfg_destroy()
 */
nflog_cfg_t *nflog_cfg_clone(nflog_cfg_t *cfg);

/**
 * Destroy a configuration.
 */
void nflog_cfg_destroy(nflog_cfg_t *cfg);

#endif /** NFLOG_CFG_H_ @}*/

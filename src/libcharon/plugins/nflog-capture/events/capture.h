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
 * @defgroup nflog_capture_entry nflog_capture_entry
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_H_
#define NFLOG_CAPTURE_H_

typedef struct nflog_captured_t nflog_captured_t;
typedef struct nflog_capture_t nflog_capture_t;
typedef enum nflog_capture_state_t nflog_capture_state_t;

#include "child.h"
#include "recount.h"

/**
 * State of the capture of a CHILD_SA.
 */
enum nflog_capture_state_t {
	/** there is none, or it failed */
	NFLOG_CAPTURE_NONE,
	/** it is captured */
	NFLOG_CAPTURE_RUNNING,
	/** it is captured, but its traces have as many packets as requested */
	NFLOG_CAPTURE_FULL,
	/** it is not captured anymore, but its traces have not ended yet */
	NFLOG_CAPTURE_ENDING,
};

/**
 * SA that is captured.
 */
struct nflog_captured_t {
	/** identifies the SA, with addresses that are owned, none if it is not captured */
	kernel_ipsec_sa_id_t id;
	/** packets that it processed before it was captured: at least, and at most */
	uint64_t least, most;
	/** TRUE if these are not known */
	bool uncounted;
};

/**
 * Capture of a CHILD_SA, from its first capture until the CHILD_SA is gone.
 *
 * Used by the thread that has its IKE_SA checked out.
 */
struct nflog_capture_t {
	/** unique id of the CHILD_SA */
	uint32_t id;
	/** the capture itself, NULL once it ended while the CHILD_SA stays up */
	nflog_child_t *child;
	/** when it started */
	time_t start;
	/** id of the request that started it, and of the one whose limit of packets the last
	 * capture reached, 0 for none */
	uint32_t request, reached;
	/** counts packets of the SAs after the last capture ended, NULL if none did */
	nflog_recount_t *recount;
	/** TRUE if the outbound SA is going to be installed later */
	bool late;
	/** outbound and inbound SA */
	nflog_captured_t sas[2];
	/** TRUE if the CHILD_SA is about to be destroyed */
	bool destroying;
};

/**
 * Create a nflog_capture_t, which does not capture yet.
 *
 * @param id		unique id of the CHILD_SA
 */
nflog_capture_t *nflog_capture_create(uint32_t id);

/**
 * Start to capture.  Traces of the same SAs get different names.
 *
 * @param subject	CHILD_SA, cloned
 * @param mark		mark of packets that arrive, 0 for none
 * @param cfg		what to capture, gets owned
 * @param pipeline	passes on packets and keys, not owned
 */
void nflog_capture_start(nflog_capture_t *this, nflog_candidate_t *subject,
						 uint32_t mark, nflog_cfg_t *cfg, nflog_pipeline_t *pipeline);

/**
 * Stop to capture, SAs are forgotten, and traces end.
 */
void nflog_capture_stop(nflog_capture_t *this);

/**
 * Set what counts packets of the SAs after the capture ended.
 *
 * @param recount	counts them, gets owned
 */
void nflog_capture_set_recount(nflog_capture_t *this, nflog_recount_t *recount);

/**
 * Get the state.
 *
 * @return			state
 */
nflog_capture_state_t nflog_capture_get_state(nflog_capture_t *this);

/**
 * Log, and note in its listing, that an SA is not captured, as another one has the same SPI
 * and destination.
 *
 * @param id		identifies the SA
 * @param inbound	TRUE if it is inbound
 */
void nflog_capture_note_twin(nflog_capture_t *this, kernel_ipsec_sa_id_t *id,
							 bool inbound);

/**
 * Check if any SA is captured.
 *
 * @return			TRUE if so
 */
bool nflog_capture_has_sas(nflog_capture_t *this);

/**
 * Destroy a nflog_capture_t, traces end.
 */
void nflog_capture_destroy(nflog_capture_t *this);

/**
 * Set an SA that is captured.
 *
 * @param sa		SA
 * @param id		identifies it, cloned
 */
void nflog_captured_set(nflog_captured_t *sa, kernel_ipsec_sa_id_t *id);

/**
 * Get the number of packets that an SA processed while it was captured.
 *
 * @param sa		SA
 * @param packets	packets that it processed in all, NULL if it is gone
 * @return			number
 */
nflog_processed_t nflog_captured_count(nflog_captured_t *sa, uint64_t *packets);

/**
 * Forget an SA that is not captured anymore.
 *
 * @param sa		SA
 */
void nflog_captured_clear(nflog_captured_t *sa);

#endif /** NFLOG_CAPTURE_H_ @}*/

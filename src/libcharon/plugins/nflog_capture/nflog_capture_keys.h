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
 * @defgroup nflog_capture_keys nflog_capture_keys
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_KEYS_H_
#define NFLOG_CAPTURE_KEYS_H_

typedef struct nflog_capture_keys_t nflog_capture_keys_t;

#include "nflog_capture_store.h"

#include <crypto/proposal/proposal.h>
#include <kernel/kernel_ipsec.h>
#include <sa/ike_sa.h>

/**
 * Writes key tables, in Wireshark's formats, next to the traces.
 *
 * Rows are queued by charon's threads, and written by the thread that calls
 * flush(), which is where the queued keys are wiped.
 *
 * Tables are always written whole: Wireshark ignores what follows a torn row.
 * In esp_sa the first row that matches a packet wins, so new rows go to the
 * top, in the IKE tables the last one does, so they go to the end there.
 */
struct nflog_capture_keys_t {

	/**
	 * Queue the row of an ESP SA for esp_sa.
	 *
	 * AH SAs have no row, and SAs with algorithms that Wireshark does not know,
	 * which is logged.  With extended sequence numbers, Wireshark before 4.4
	 * decrypts packets but calls their ICVs bad.
	 *
	 * @param conn		name of the connection, as in nflog_capture_store_t
	 * @param id		SA, as given to the kernel
	 * @param data		algorithms and keys, as given to the kernel
	 */
	void (*add_esp)(nflog_capture_keys_t *this, char *conn,
					kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data);

	/**
	 * Queue a change of an ESP SA's addresses: it gets a second row.
	 *
	 * @param conn		name of the connection
	 * @param id		SA, with its old addresses
	 * @param src		new source address
	 * @param dst		new destination address
	 */
	void (*update_esp)(nflog_capture_keys_t *this, char *conn,
					   kernel_ipsec_sa_id_t *id, host_t *src, host_t *dst);

	/**
	 * Queue the row of an IKE_SA for ikev1_decryption_table, or
	 * ikev2_decryption_table.
	 *
	 * For IKEv1 only sk_ei (Ka, the encryption key) is used.
	 *
	 * @param conn		name of the connection
	 * @param version	IKE version
	 * @param id		SPIs of the IKE_SA
	 * @param proposal	negotiated algorithms
	 * @param sk_ei		encryption key of the initiator, with salt or nonce
	 * @param sk_er		encryption key of the responder
	 * @param sk_ai		integrity key of the initiator
	 * @param sk_ar		integrity key of the responder
	 */
	void (*add_ike)(nflog_capture_keys_t *this, char *conn,
					ike_version_t version, ike_sa_id_t *id,
					proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
					chunk_t sk_ai, chunk_t sk_ar);

	/**
	 * Check if rows are queued.
	 *
	 * @return			TRUE if flush() has something to write
	 */
	bool (*pending)(nflog_capture_keys_t *this);

	/**
	 * Write queued rows to the tables, and wipe them.
	 */
	void (*flush)(nflog_capture_keys_t *this);

	/**
	 * Remove the rows of traces that are not there any more.
	 *
	 * Rows of an SPI that occurs in the name of a trace stay, as do those of
	 * IKE_SAs as long as the connection has any trace, and rows that were
	 * written lately, whose SA might not have got its trace yet.  flush() does
	 * this too.
	 *
	 * To be called by the same thread as flush().
	 *
	 * @param conn		name of the connection
	 */
	void (*prune)(nflog_capture_keys_t *this, char *conn);

	/**
	 * Destroy a nflog_capture_keys_t, queued rows are wiped.
	 */
	void (*destroy)(nflog_capture_keys_t *this);
};

/**
 * Create a nflog_capture_keys_t instance.
 *
 * @param store		where the tables are written, not owned
 */
nflog_capture_keys_t *nflog_capture_keys_create(nflog_capture_store_t *store);

#endif /** NFLOG_CAPTURE_KEYS_H_ @}*/

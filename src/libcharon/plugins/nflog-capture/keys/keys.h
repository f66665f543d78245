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
 * @defgroup nflog_keys nflog_keys
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KEYS_H_
#define NFLOG_KEYS_H_

typedef struct nflog_keys_t nflog_keys_t;

#include "files/store.h"

#include <crypto/proposal/proposal.h>
#include <kernel/kernel_ipsec.h>
#include <sa/ike_sa.h>

/**
 * Writes key tables, in Wireshark's formats, and the key file, next to the traces.
 *
 * Rows are queued by charon's threads, and written by the thread that calls
 * flush(), which wipes them.  No other method opens a file.
 *
 * Tables are always written as a whole, because Wireshark ignores all rows after an
 * incomplete one.  Rows that could not be written stay in memory, at most 65536, and are
 * tried again with the next ones, or after a delay.
 *
 * If Wireshark, or an older release of it, does not decrypt an SA, or does not check its
 * ICVs, this is logged once per connection.
 */
struct nflog_keys_t {

	/**
	 * Queue the rows of an ESP or AH SA, for esp_sa and the key file.
	 *
	 * AH SAs, and SAs with algorithms that Wireshark lacks, have no row in esp_sa.  SAs
	 * that are encapsulated in UDP get a second row for any address, so that Wireshark
	 * decrypts packets captured on the other side of the NAT.
	 *
	 * In esp_sa, rows of another SA with the same SPI and addresses are replaced, so call
	 * this only for SAs that the kernel accepted.
	 *
	 * @param conn		name of the connection
	 * @param id		SA, as given to the kernel
	 * @param data		algorithms and keys, as given to the kernel
	 * @return			identifies the SA in update_esp(), only in this process
	 */
	uint64_t (*add_esp)(nflog_keys_t *this, char *conn,
						kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data);

	/**
	 * Queue a change of an SA's addresses.  It gets another row, up to
	 * NFLOG_MAX_ADDRESSES, which never replaces that of another SA.
	 *
	 * @param conn		name of the connection
	 * @param sa		SA, as returned by add_esp()
	 * @param inbound	TRUE for an inbound SA
	 * @param id		SPI and protocol
	 * @param data		new addresses, as accepted by the kernel
	 */
	void (*update_esp)(nflog_keys_t *this, char *conn, uint64_t sa, bool inbound,
					   kernel_ipsec_sa_id_t *id,
					   kernel_ipsec_update_sa_t *data);

	/**
	 * Queue the rows of a set of keys of an IKE_SA, for ikev1_decryption_table
	 * or ikev2_decryption_table, and the key file.
	 *
	 * They stay at least until end_ike() is called.  IKEv1 has one encryption key (Ka),
	 * sk_ei.
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
	void (*add_ike)(nflog_keys_t *this, char *conn,
					ike_version_t version, ike_sa_id_t *id,
					proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
					chunk_t sk_ai, chunk_t sk_ar);

	/**
	 * Note the end of an IKE_SA, from now on its rows are removed with its trace.
	 *
	 * @param id		SPIs of the IKE_SA
	 */
	void (*end_ike)(nflog_keys_t *this, ike_sa_id_t *id);

	/**
	 * Check if rows are queued, including those that could not be written.
	 *
	 * @return			TRUE if so
	 */
	bool (*pending)(nflog_keys_t *this);

	/**
	 * Queue the removal of rows that have waited for their trace for long enough.  Called by the
	 * thread that calls flush().
	 *
	 * @return			seconds until the next call has something to do, 0 if no rows wait
	 */
	u_int (*expire)(nflog_keys_t *this);

	/**
	 * Check if flush() should be called now: rows are queued, and the pause since the
	 * tables were last written is over.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_due)(nflog_keys_t *this);

	/**
	 * Get the time until is_due() returns TRUE.
	 *
	 * @return			time in ms, 0 if no rows are queued
	 */
	u_int (*get_delay)(nflog_keys_t *this);

	/**
	 * Have is_due() return TRUE, and flush() write all rows, whatever failed before.
	 */
	void (*retry)(nflog_keys_t *this);

	/**
	 * Write queued rows to the tables, and wipe them.
	 *
	 * If all of them could not be written before, this does nothing until the time
	 * that get_delay() returns has passed.
	 */
	void (*flush)(nflog_keys_t *this);

	/**
	 * Have flush() remove the rows of traces that no longer exist, as it does anyway in
	 * tables that it writes.
	 *
	 * A row stays as long as there is a trace with its SPI in the name, and before that
	 * for five minutes, or until the IKE_SA ended.
	 *
	 * @param conn		directory of the connection
	 */
	void (*prune)(nflog_keys_t *this, char *conn);

	/**
	 * Destroy a nflog_keys_t, and wipe queued rows.
	 */
	void (*destroy)(nflog_keys_t *this);
};

/**
 * Create a nflog_keys_t instance.
 *
 * @param store		directories of connections, not owned
 */
nflog_keys_t *nflog_keys_create(nflog_store_t *store);

#endif /** NFLOG_KEYS_H_ @}*/

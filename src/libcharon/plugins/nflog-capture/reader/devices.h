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
 * @defgroup nflog_devices nflog_devices
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DEVICES_H_
#define NFLOG_DEVICES_H_

typedef struct nflog_devices_t nflog_devices_t;
typedef struct nflog_device_t nflog_device_t;

#include <net/if.h>

#include <library.h>

/**
 * Called by the thread after it asked the kernel, also if that failed.  It may use other
 * methods than set_cb() and destroy().
 *
 * @param data		data passed to set_cb()
 */
typedef void (*nflog_devices_cb_t)(void *data);

/**
 * What decides by which policy packets leave through a device.
 */
struct nflog_device_t {
	/** name */
	char name[IFNAMSIZ];
	/** key of a VTI device for packets that leave, the mark of their policy, 0 if none */
	uint32_t mark;
	/** interface ID of an XFRM interface, that of their policy, 0 if none, or if the route
	 *  has it (external) */
	uint32_t if_id;
	/** TRUE for a VTI device or XFRM interface, which drops packets without policy */
	bool secure;
	/** TRUE if packets left through it since it was created, other than those dropped for
	 *  they had no policy (xfrmi_xmit2() in net/xfrm/xfrm_interface_core.c, vti_xmit() in
	 *  net/ipv4/ip_vti.c) */
	bool used;
	/** TRUE if IPv4 packets that leave need no policy (disable_xfrm in
	 *  Documentation/networking/ip-sysctl.rst) */
	bool unprotected;
};

/**
 * Provides the keys of VTI devices, which are the marks of their SAs, and other properties of
 * devices that decide on the SA of a packet.
 *
 * A thread asks the kernel, which may take any time, as it locks the devices (rtnl_lock() in
 * net/core/rtnetlink.c).
 *
 * Thread-safe, only wait() and set_cb() wait for that thread.
 */
struct nflog_devices_t {

	/**
	 * Get the key of a device for packets that arrive.
	 *
	 * @param index		index of the interface
	 * @return			key, 0 if there is none, or if it is not known yet
	 */
	uint32_t (*get_key)(nflog_devices_t *this, uint32_t index);

	/**
	 * Get a device for packets that leave, as it was when the kernel was asked last.  If that
	 * was a while ago, the kernel is asked again, as its options may have changed.
	 *
	 * @param index		index of the interface
	 * @param device	receives the device
	 * @return			FALSE if it is not known yet, it may be a VTI device or XFRM
	 *					interface, or if it is gone
	 */
	bool (*get)(nflog_devices_t *this, uint32_t index, nflog_device_t *device);

	/**
	 * Ask the kernel for all keys again, as devices may have changed.
	 *
	 * @param settle	TRUE to do so after packets that were logged until now were sent or
	 *					dropped, which takes some 10 ms more
	 * @return			number of the request, to pass to is_done()
	 */
	u_int (*refresh)(nflog_devices_t *this, bool settle);

	/**
	 * Set what is called after each request.  Waits for a call of the former one.
	 *
	 * @param cb		callback, NULL for none
	 * @param data		data to pass to it
	 */
	void (*set_cb)(nflog_devices_t *this, nflog_devices_cb_t cb, void *data);

	/**
	 * Check if the kernel was asked after a request.
	 *
	 * @param request	number of the request
	 * @return			TRUE if devices are known as they were then, or later
	 */
	bool (*is_done)(nflog_devices_t *this, u_int request);

	/**
	 * Wait until the keys asked for so far are known.
	 *
	 * @param deadline	how long to wait at most, monotonic
	 */
	void (*wait)(nflog_devices_t *this, timeval_t *deadline);

	/**
	 * Get the number of packets whose key was not known yet.
	 *
	 * @return			number of get_key() calls for unknown devices
	 */
	uint64_t (*get_unknown)(nflog_devices_t *this);

	/**
	 * Destroy a nflog_devices_t.
	 */
	void (*destroy)(nflog_devices_t *this);
};

/**
 * Create a nflog_devices_t instance.
 */
nflog_devices_t *nflog_devices_create();

#endif /** NFLOG_DEVICES_H_ @}*/

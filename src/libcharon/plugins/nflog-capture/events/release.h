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
 * @defgroup nflog_release nflog_release
 * @{ @ingroup nflog_capture
 *
 * What differs between releases of strongSwan.
 *
 * A plugin is compiled with the headers of one release.  In other releases, and if
 * they were built with other options, structs and interfaces differ, so the wrong
 * functions would be called.
 */

#ifndef NFLOG_RELEASE_H_
#define NFLOG_RELEASE_H_

#include <plugins/plugin.h>
#include <crypto/key_exchange.h>

#ifndef PLUGIN_DEFINE
/**
 * Define the plugin's constructor, and the version that releases since 6.0.3 compare
 * with their own before they call it.
 */
#define PLUGIN_DEFINE(name) \
	const char *name##_plugin_version = VERSION; \
	plugin_t *name##_plugin_create()
#endif

#ifdef MAX_ADDITIONAL_KEY_EXCHANGES
/** what ike_keys() passes since 6.0, several key exchanges (RFC 9370) */
typedef array_t nflog_key_exchanges_t;
#else
/** what ike_keys() passes before 6.0, the only key exchange */
typedef key_exchange_t nflog_key_exchanges_t;
#endif

/**
 * Get the traffic selectors of one side of a child, without those that a peer proposed,
 * which get_traffic_selectors() had as an argument before 6.1.
 *
 * @param child		child_cfg_t*
 * @param local		TRUE for this side, FALSE for the peer's
 * @param hosts		addresses for dynamic selectors, host_t
 * @return			linked_list_t* with traffic_selector_t, to be destroyed with these
 */
#define nflog_release_get_selectors(child, local, hosts) ({ \
	typedef linked_list_t *(*now_t)(typeof(child), bool, linked_list_t*); \
	typedef linked_list_t *(*before_t)(typeof(child), bool, linked_list_t*, \
									   linked_list_t*, bool); \
	typedef typeof((child)->get_traffic_selectors) get_t; \
	void *get = (child)->get_traffic_selectors; \
	_Static_assert(__builtin_types_compatible_p(get_t, now_t) || \
				   __builtin_types_compatible_p(get_t, before_t), \
				   "get_traffic_selectors() of this release is not known"); \
	__builtin_types_compatible_p(get_t, now_t) ? \
				((now_t)get)(child, local, hosts) : \
				((before_t)get)(child, local, NULL, hosts, FALSE); \
})

/**
 * Looks up whether a library exports a symbol.
 *
 * @param name		name of the symbol
 * @return			TRUE if there is such a symbol
 */
typedef bool (*nflog_release_lookup_t)(char *name);

/**
 * Check if libstrongswan, and libcharon in a daemon, are of the release with whose headers
 * this was compiled, and were built with the same options.
 *
 * No release before 6.0.3 checks that itself, and none provides its version at runtime,
 * so this looks for symbols that came with changes of interfaces that the plugin and
 * nflog-capture(1) use.  Of the options, the mediation extension (--enable-mediation)
 * changes structs, and the kind of printf hooks (--with-printf-hooks) the functions that
 * print.  Each difference is logged, with the remedy.
 *
 * @return			FALSE if anything differs
 */
bool nflog_release_is_compatible();

/**
 * Check what nflog_release_is_compatible() does, with symbols that are looked up otherwise.
 *
 * @param exports	looks up symbols
 * @return			FALSE if anything differs, which is logged
 */
bool nflog_release_check(nflog_release_lookup_t exports);

#endif /** NFLOG_RELEASE_H_ @}*/

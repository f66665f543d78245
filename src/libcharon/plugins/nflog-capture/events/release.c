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

#include "release.h"

#include <dlfcn.h>
#include <stdio.h>

#include <library.h>

#ifdef ME
#define BUILT_WITH_ME TRUE
#else
#define BUILT_WITH_ME FALSE
#endif

/**
 * How this was compiled to print strongSwan's own conversions (--with-printf-hooks).
 */
#if defined(USE_BUILTIN_PRINTF)
#define BUILT_WITH_HOOKS HOOKS_BUILTIN
#elif defined(USE_VSTR)
#define BUILT_WITH_HOOKS HOOKS_VSTR
#else
#define BUILT_WITH_HOOKS HOOKS_GLIBC
#endif

/**
 * Encode a version so that it can be compared.
 */
#define RELEASE(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

/**
 * Implementations of printf hooks.
 */
typedef enum {
	HOOKS_GLIBC,
	HOOKS_BUILTIN,
	HOOKS_VSTR,
} hooks_t;

/**
 * Names of hooks_t, as configure has them.
 */
static char *hooks_names[] = {
	"glibc",
	"builtin",
	"vstr",
};

/**
 * Log why this is not used, unlike DBG_LIB, DBG_DMN is the same number in all releases.
 */
#define refuse(fmt, ...) DBG1(DBG_DMN, "nflog-capture: unable to run, " fmt, ##__VA_ARGS__)

/**
 * Check the release, by symbols that came with changes of interfaces.
 */
static bool check_release(nflog_release_lookup_t exports)
{
	static const struct {
		/** symbol to look for, in this and later releases */
		char *name;
		/** release that came with it */
		u_int since;
		/** releases that have it, but not the next one */
		char *releases;
	} symbols[] = {
		{ "lib",					RELEASE(0, 0, 0),	"5.9.11 or older"	},
		{ "ocsp_responders_create",	RELEASE(5, 9, 12),	"5.9.12 to 5.9.14"	},
		{ "key_exchange_init",		RELEASE(6, 0, 0),	"6.0.0 or 6.0.1"	},
		{ "library_init_register",	RELEASE(6, 0, 2),	"6.0.2 or newer"	},
	};
	u_int major = 0, minor = 0, patch = 0, release;
	int i, built = 0, found = 0;

	sscanf(VERSION, "%u.%u.%u", &major, &minor, &patch);
	release = RELEASE(major, minor, patch);
	for (i = 1; i < countof(symbols); i++)
	{
		if (release >= symbols[i].since)
		{
			built = i;
		}
		if (exports(symbols[i].name))
		{
			found = i;
		}
	}
	if (built != found)
	{
		refuse("it was built for strongSwan %s, but the release installed is %s, "
			   "build it with the headers of that release", VERSION,
			   symbols[found].releases);
	}
	return built == found;
}

/**
 * Check whether the mediation extension, which adds members to structs, is in both.
 */
static bool check_mediation(nflog_release_lookup_t exports)
{
	bool mediation = exports("mediation_manager_create");

	if (exports("libcharon_init") && mediation != BUILT_WITH_ME)
	{
		refuse("it was built %s the mediation extension, but strongSwan %s it, configure "
			   "strongSwan's headers %s", BUILT_WITH_ME ? "with" : "without",
			   mediation ? "has" : "lacks", mediation ? "with --enable-mediation" :
													   "without --enable-mediation");
		return FALSE;
	}
	return TRUE;
}

/**
 * Check whether printf() is the same in both, as conversions would have other arguments.
 */
static bool check_printf(nflog_release_lookup_t exports)
{
	hooks_t hooks = HOOKS_GLIBC;

	if (exports("builtin_vsnprintf"))
	{
		hooks = HOOKS_BUILTIN;
	}
	else if (exports("vstr_wrapper_vsnprintf"))
	{
		hooks = HOOKS_VSTR;
	}
	if (hooks != BUILT_WITH_HOOKS)
	{
		refuse("it was built with printf hooks of the kind %s, but strongSwan has the kind "
			   "%s, configure strongSwan's headers with --with-printf-hooks=%s",
			   hooks_names[BUILT_WITH_HOOKS], hooks_names[hooks], hooks_names[hooks]);
		return FALSE;
	}
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_release_check(nflog_release_lookup_t exports)
{
	bool release, mediation, hooks;

	release = check_release(exports);
	mediation = check_mediation(exports);
	hooks = check_printf(exports);
	return release && mediation && hooks;
}

/**
 * Check if a symbol is among those of the process.
 */
static bool is_exported(char *name)
{
	return dlsym(RTLD_DEFAULT, name) != NULL;
}

/*
 * Described in header
 */
bool nflog_release_is_compatible()
{
	return nflog_release_check(is_exported);
}

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
 * Encode a version so that it can be compared.
 */
#define RELEASE(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

/*
 * Described in header
 */
bool nflog_release_is_compatible()
{
	static const struct {
		/** symbol to look for */
		char *name;
		/** release that came with it */
		u_int since;
	} symbols[] = {
		{ "ocsp_responders_create",		RELEASE(5, 9, 12)	},
		{ "key_exchange_init",			RELEASE(6, 0, 0)	},
		{ "library_init_register",		RELEASE(6, 0, 2)	},
	};
	u_int major = 0, minor = 0, patch = 0, release;
	bool compatible = TRUE;
	int i;

	sscanf(VERSION, "%u.%u.%u", &major, &minor, &patch);
	release = RELEASE(major, minor, patch);

	if (dlsym(RTLD_DEFAULT, "libcharon_init"))
	{
		compatible = BUILT_WITH_ME ==
					(dlsym(RTLD_DEFAULT, "mediation_manager_create") != NULL);
	}
	for (i = 0; i < countof(symbols); i++)
	{
		compatible &= (release >= symbols[i].since) ==
					  (dlsym(RTLD_DEFAULT, symbols[i].name) != NULL);
	}
	if (!compatible)
	{	/* unlike DBG_LIB, DBG_DMN is the same number in all releases */
		DBG1(DBG_DMN, "nflog-capture: built for strongSwan " VERSION ", another "
			 "release is installed, build it for that one");
	}
	return compatible;
}

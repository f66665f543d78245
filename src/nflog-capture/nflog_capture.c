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
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cli/text.h"
#include "commands/commands.h"
#include "events/release.h"

/**
 * All verbs, in the order of the help.
 */
static command_t *commands[] = {
	&command_list,
	&command_start,
	&command_stop,
	&command_rotate,
	&command_save,
	&command_decrypt,
	&command_export,
	&command_follow,
	&command_open,
	&command_extcap,
	&command_check,
	&command_report,
	NULL,
};

/**
 * Log nothing, messages of libstrongswan are of no use here.
 */
static void dbg_none(debug_t group, level_t level, char *fmt, ...)
{
}

/**
 * Run a verb, or what Wireshark asks for, which knows no verbs.
 */
static int dispatch(int argc, char *argv[])
{
	char *args[argc + 2];

	if (argc < 2 || (!strpfx(argv[1], "--extcap-") && !streq(argv[1], "--capture")))
	{
		return command_dispatch(commands, argc, argv);
	}
	args[0] = argv[0];
	args[1] = command_extcap.name;
	memcpy(args + 2, argv + 1, argc * sizeof(char*));
	return command_dispatch(commands, argc + 1, args);
}

/**
 * Open standard streams that are closed, so that no file gets their numbers, and that using
 * them fails.
 */
static void reserve_streams()
{
	int fd;

	do
	{	/* stdin for writing only, the others for reading only */
		fd = open("/dev/null", fcntl(STDIN_FILENO, F_GETFD) < 0 ? O_WRONLY : O_RDONLY);
	}
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
	{
		close(fd);
	}
}

int main(int argc, char *argv[])
{
	int status;

	reserve_streams();
	if (!nflog_release_is_compatible())
	{
		return STATUS_ERROR;
	}
	/* report writes that fail instead of being killed */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* without strongswan.conf, which is for the daemon */
	dbg = dbg_none;
	if (!library_init("", "nflog-capture"))
	{
		text_print(stderr, "unable to initialize libstrongswan\n");
		library_deinit();
		return STATUS_ERROR;
	}
	status = dispatch(argc, argv);
	library_deinit();
	return status;
}

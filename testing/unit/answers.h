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

/*
 * What tests of nflog-capture(1) need that have it talk to a plugin which is none.
 */

#ifndef ANSWERS_H_
#define ANSWERS_H_

#include "common.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/**
 * Serve a control socket, named "socket": answer each command with the same objects.
 *
 * @return			process that does so
 */
static inline pid_t serve(char *answer)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char buf[4096];
	pid_t pid;
	int fd, client;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dir);
	unlink(addr.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr*)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	while (!pid)
	{	/* not longer than the test, even if that fails */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		client = accept(fd, NULL, NULL);
		if (client < 0 || read(client, buf, sizeof(buf)) < 0 ||
			write(client, answer, strlen(answer)) < 0)
		{
			_exit(1);
		}
		close(client);
	}
	assert_true(pid > 0);
	close(fd);
	return pid;
}

/**
 * Serve it no longer.
 */
static inline void serve_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif /* ANSWERS_H_ */

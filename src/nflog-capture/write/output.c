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

#include "output.h"
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/** attempts to find an unused temporary name */
#define MAX_ATTEMPTS 100

typedef struct private_output_t private_output_t;

/**
 * Private data.
 */
struct private_output_t {

	/**
	 * Public interface.
	 */
	output_t public;

	/**
	 * Path, as given.
	 */
	char *path;

	/**
	 * Last component of the path, NULL for a FIFO or device.
	 */
	char *name;

	/**
	 * Stream to the file.
	 */
	FILE *file;

	/**
	 * First error (errno), 0 if there was none.
	 */
	int error;
};

/**
 * The temporary file, for signal handlers.
 */
static struct {
	/** directory of the output, -1 for a FIFO or device */
	int dir;
	/** name in that directory, empty for none */
	char name[32];
} temp = {
	.dir = -1,
};

/** signals that end the program, unless they are ignored */
static int signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU,
};

/**
 * Remove the temporary file, and end the program by the same signal.
 */
static void handle_signal(int number)
{
	unlinkat(temp.dir, temp.name, 0);
	/* SA_RESETHAND has set the default action, which follows on return */
	raise(number);
}

/**
 * Forget the name of the temporary file, and reset signal handlers.
 */
static void forget_temp()
{
	struct sigaction action;
	int i;

	for (i = 0; i < countof(signals); i++)
	{
		if (sigaction(signals[i], NULL, &action) == 0 &&
			action.sa_handler == handle_signal)
		{
			signal(signals[i], SIG_DFL);
		}
	}
	temp.name[0] = '\0';
}

/**
 * Choose a name for the temporary file, and have signals remove it.
 */
static bool name_temp()
{
	struct sigaction action, handler = {
		.sa_handler = handle_signal,
		.sa_flags = SA_RESETHAND,
	};
	uint32_t random;
	int i;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
	{
		return FALSE;
	}
	snprintf(temp.name, sizeof(temp.name), ".nflog-capture.%.8x", random);
	sigfillset(&handler.sa_mask);
	for (i = 0; i < countof(signals); i++)
	{	/* signals that nohup(1) ignores stay ignored */
		if (sigaction(signals[i], NULL, &action) == 0 &&
			action.sa_handler == SIG_DFL)
		{
			sigaction(signals[i], &handler, NULL);
		}
	}
	return TRUE;
}

/**
 * Create a file with a temporary name.
 */
static int create_named()
{
	int fd = -1, i;

	for (i = 0; fd < 0 && i < MAX_ATTEMPTS && name_temp(); i++)
	{
		fd = openat(temp.dir, temp.name,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
		{
			break;
		}
	}
	if (fd < 0)
	{
		forget_temp();
	}
	return fd;
}

/**
 * Give a file without a name one.
 */
static bool link_file(int fd, char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, temp.dir, name, AT_SYMLINK_FOLLOW) == 0;
}

/**
 * Give a file without a name a temporary one.
 */
static bool link_temp(int fd)
{
	int i;

	for (i = 0; i < MAX_ATTEMPTS && name_temp(); i++)
	{
		if (link_file(fd, temp.name))
		{
			return TRUE;
		}
		if (errno != EEXIST)
		{
			break;
		}
	}
	forget_temp();
	return FALSE;
}

/**
 * Create a file in the directory of the output, without a name if possible, so that
 * nothing is left if the program is killed.
 */
static int create_file(private_output_t *this)
{
	char *folder;
	int fd = -1;

	folder = this->name == this->path ? strdup(".") :
						strndup(this->path, this->name - this->path);
	temp.dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (temp.dir < 0)
	{
		return -1;
	}
	/* link_file() needs that */
	if (access("/proc/self/fd", X_OK) == 0)
	{
		fd = openat(temp.dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	}
	if (fd < 0)
	{	/* file systems that don't support O_TMPFILE fail with different errors */
		fd = create_named();
	}
	/* independent of the umask */
	if (fd >= 0 && fchmod(fd, 0600) != 0)
	{
		close(fd);
		fd = -1;
	}
	return fd;
}

METHOD(output_t, write_, bool,
	private_output_t *this, chunk_t data)
{
	if (!this->error && data.len &&
		fwrite(data.ptr, data.len, 1, this->file) != 1)
	{
		this->error = errno;
	}
	return !this->error;
}

/**
 * Print why the output can't be written.
 */
static bool refuse(char *path, const char *reason)
{
	text_print(stderr, "unable to write to %s: %s\n",
			   streq(path, "-") ? "stdout" : path, reason);
	return FALSE;
}

/**
 * Check that the output replaces nothing but a regular file.
 */
static bool may_replace(char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
	{
		return errno == ENOENT || refuse(path, strerror(errno));
	}
	if (S_ISLNK(st.st_mode))
	{
		return refuse(path, "it is a symbolic link, use the name of the file that "
					  "it leads to, or - for stdout");
	}
	if (S_ISDIR(st.st_mode))
	{
		return refuse(path, "it is a directory, use the name of a file");
	}
	return S_ISREG(st.st_mode) ||
		   refuse(path, "it is no regular file, FIFO or character device, use "
				  "another name");
}

/**
 * Give a complete file its name.
 */
static bool put_in_place(private_output_t *this)
{
	int fd = fileno(this->file);

	if (!*temp.name)
	{
		if (link_file(fd, this->name))
		{
			return TRUE;
		}
		if (errno != EEXIST || !link_temp(fd))
		{
			return refuse(this->path, strerror(errno));
		}
	}
	/* another file may have that name meanwhile */
	if (!may_replace(this->path))
	{
		return FALSE;
	}
	if (renameat(temp.dir, temp.name, temp.dir, this->name) != 0)
	{
		return refuse(this->path, strerror(errno));
	}
	forget_temp();
	return TRUE;
}

METHOD(output_t, finish, bool,
	private_output_t *this)
{
	/* some file systems report only now that they are full */
	if (!this->error && (fflush(this->file) != 0 ||
						 (this->name && fsync(fileno(this->file)) != 0)))
	{
		this->error = errno;
	}
	if (this->error)
	{
		return refuse(this->path, strerror(this->error));
	}
	return !this->name || put_in_place(this);
}

METHOD(output_t, destroy, void,
	private_output_t *this)
{
	if (this->file)
	{
		fclose(this->file);
	}
	if (*temp.name)
	{
		unlinkat(temp.dir, temp.name, 0);
		forget_temp();
	}
	if (temp.dir >= 0)
	{
		close(temp.dir);
		temp.dir = -1;
	}
	free(this);
}

/**
 * Check that the output is none of the files that are read, but allow devices.
 */
static bool is_other(char *path, struct stat *st, char *inputs[])
{
	struct stat input;
	int i;

	for (i = 0; !S_ISCHR(st->st_mode) && inputs[i]; i++)
	{
		if ((streq(inputs[i], "-") ? fstat(STDIN_FILENO, &input)
								   : stat(inputs[i], &input)) == 0 &&
			input.st_dev == st->st_dev && input.st_ino == st->st_ino)
		{
			text_print(stderr, "unable to write to %s: it is the same file as %s, "
					   "which is read, use another name\n",
					   streq(path, "-") ? "stdout" : path, inputs[i]);
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Open the output.
 *
 * @return			file descriptor, -1 with errno 0 if the reason was printed
 */
static int open_output(private_output_t *this, char *inputs[])
{
	bool is_stdout = streq(this->path, "-"), there;
	struct stat st;
	int fd;

	there = (is_stdout ? fstat(STDOUT_FILENO, &st) : stat(this->path, &st)) == 0;
	if (there && !is_other(this->path, &st, inputs))
	{
		errno = 0;
		return -1;
	}
	if (is_stdout)
	{
		fd = fcntl(STDOUT_FILENO, F_GETFL);
		if (fd < 0 || (fd & O_ACCMODE) == O_RDONLY)
		{
			refuse(this->path, "it is closed, or not open for writing");
			errno = 0;
			return -1;
		}
		return dup(STDOUT_FILENO);
	}
	if (there && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
	{	/* not O_CREAT or O_TRUNC, as another file may have that name by now */
		fd = open(this->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 && (fstat(fd, &st) != 0 ||
						!(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))))
		{
			close(fd);
			fd = -1;
			errno = EBUSY;
		}
		return fd;
	}
	if (!may_replace(this->path))
	{
		errno = 0;
		return -1;
	}
	this->name = strrchr(this->path, '/');
	this->name = this->name ? this->name + 1 : this->path;
	if (!*this->name)
	{
		errno = ENOENT;
		return -1;
	}
	return create_file(this);
}

/*
 * Described in header
 */
bool output_is_other(char *path, char *inputs[])
{
	struct stat st;

	return stat(path, &st) != 0 || is_other(path, &st, inputs);
}

/*
 * Described in header
 */
output_t *output_create(char *path, char *inputs[])
{
	private_output_t *this;
	int fd;

	INIT(this,
		.public = {
			.write = _write_,
			.finish = _finish,
			.destroy = _destroy,
		},
		.path = path,
	);
	fd = open_output(this, inputs);
	this->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!this->file)
	{
		if (errno)
		{
			refuse(path, strerror(errno));
		}
		if (fd >= 0)
		{
			close(fd);
		}
		destroy(this);
		return NULL;
	}
	return &this->public;
}

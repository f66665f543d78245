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

#include "live.h"

#include "captures/capture_keys.h"
#include "cli/command.h"
#include "cli/text.h"
#include "export/exporter.h"
#include "follower.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/** packets that are written before events are handled again, and how often they are after
 * a signal */
#define MAX_PACKETS 10000
#define MAX_LAST 10

typedef struct live_t live_t;

/**
 * Data of live_run().
 */
struct live_t {
	/** options, not owned */
	live_options_t *options;
	/** reads packets */
	follower_t *follower;
	/** writes them */
	exporter_t *exporter;
	/** keys, NULL for none */
	keyring_t *keys;
	/** decrypts with them, NULL for none */
	decrypter_t *decrypter;
	/** signals that are blocked, but not while waiting or writing, and those before */
	sigset_t blocked, original;
	/** TRUE if nobody reads what is written */
	bool closed;
};

/**
 * Set once a signal was received.
 */
static volatile sig_atomic_t stopped;

/*
 * Described in header
 */
void live_options_init(live_options_t *options)
{
	*options = (live_options_t){
		.base = captures_get_base(),
		.key_files = array_create(0, 0),
	};
}

/*
 * Described in header
 */
bool live_options_use(live_options_t *options, int op, char *arg)
{
	switch (op)
	{
		case 'b':
			options->begin = TRUE;
			break;
		case 'p':
			options->clear = TRUE;
			break;
		case 'd':
			options->decrypt = TRUE;
			break;
		case 'k':
			array_insert(options->key_files, ARRAY_TAIL, strdup(arg));
			break;
		case 'f':
			DESTROY_IF(options->filter);
			options->filter = packet_filter_create(arg);
			return options->filter;
	}
	return TRUE;
}

/*
 * Described in header
 */
void live_options_destroy(live_options_t *options)
{
	char *path;

	while (array_remove(options->key_files, ARRAY_HEAD, &path))
	{
		free(path);
	}
	array_destroy(options->key_files);
	DESTROY_IF(options->filter);
	free(options->base);
}

/**
 * Handle a signal.
 */
static void handle_signal(int number)
{
	stopped = TRUE;
}

/**
 * Write bytes, see exporter_write_t.
 */
static bool write_bytes(void *data, chunk_t bytes)
{
	live_t *this = data;
	ssize_t len = 0;

	/* a reader that does not read anymore should not keep the program from ending */
	sigprocmask(SIG_SETMASK, &this->original, NULL);
	while (bytes.len && !this->closed && (len >= 0 || errno == EINTR))
	{
		len = write(this->options->fd, bytes.ptr, bytes.len);
		bytes = chunk_skip(bytes, max(len, 0));
		/* that nobody reads it anymore is no error */
		this->closed = len < 0 && errno == EPIPE;
	}
	if (bytes.len && !this->closed)
	{
		text_print(stderr, "unable to write packets: %s\n", strerror(errno));
	}
	sigprocmask(SIG_SETMASK, &this->blocked, NULL);
	return !bytes.len || this->closed;
}

/**
 * Create a decrypter, which learns from the IKE messages in all directories if needed.
 */
static decrypter_t *create_decrypter(live_t *this, keyring_t *keys)
{
	enumerator_t *enumerator;
	decrypter_t *decrypter;
	captures_t *captures;
	char *dir;

	captures = captures_create(this->options->base);
	if (keys->has_ike(keys, 1))
	{
		enumerator = this->follower->create_dir_enumerator(this->follower);
		while (enumerator->enumerate(enumerator, &dir))
		{
			captures->add(captures, dir);
		}
		enumerator->destroy(enumerator);
	}
	decrypter = capture_keys_create_decrypter(keys,
										captures->create_enumerator(captures));
	captures->destroy(captures);
	return decrypter;
}

/**
 * Read keys again.  If that fails, which is printed, the previous ones remain.
 */
static void read_keys(live_t *this)
{
	decrypter_t *decrypter;
	keyring_t *keys;

	if (!capture_keys_read(this->options->key_files,
				this->follower->create_dir_enumerator(this->follower),
				this->options->decrypt, &keys) || !keys)
	{
		return;
	}
	decrypter = create_decrypter(this, keys);
	this->exporter->set_keys(this->exporter, keys, decrypter);
	DESTROY_IF(this->decrypter);
	DESTROY_IF(this->keys);
	this->keys = keys;
	this->decrypter = decrypter;
}

/**
 * Write the packets that there are, or many of them.
 *
 * @return			FALSE if writing failed
 */
static bool write_some(live_t *this)
{
	merged_packet_t merged;
	bool success = TRUE;
	u_int i;

	if (this->follower->have_keys_changed(this->follower))
	{
		read_keys(this);
	}
	for (i = 0; success && i < MAX_PACKETS &&
		 this->follower->read(this->follower, &merged); i++)
	{
		if (this->decrypter && merged.capture->kind == CAPTURE_IKE)
		{	/* of IKEv1, the next one may need it */
			this->decrypter->learn(this->decrypter, merged.packet.ip);
		}
		success = this->exporter->add(this->exporter, &merged);
	}
	return success && this->exporter->flush(this->exporter);
}

/**
 * Write packets until there is a reason to end.
 *
 * @return			FALSE if writing failed
 */
static bool write_packets(live_t *this)
{
	bool success;
	u_int i;

	/* the header, for whoever waits for it */
	success = this->exporter->flush(this->exporter);
	while (success && !stopped && !this->closed &&
		   this->follower->wait(this->follower, &this->original, this->options->fd))
	{
		success = write_some(this);
	}
	/* what was captured before the signal, but not without end */
	for (i = 0; success && stopped && !this->closed && i < MAX_LAST; i++)
	{
		this->follower->look(this->follower);
		success = write_some(this);
	}
	return success && this->exporter->finish(this->exporter);
}

/**
 * Follow the directories of all names that have one, others once they have.
 */
static bool add_dirs(live_t *this)
{
	live_options_t *options = this->options;
	bool success = TRUE;
	struct stat st;
	char *dir;
	int i;

	for (i = 0; success && options->names[i]; i++)
	{
		dir = captures_get_dir(options->base, options->names[i]);
		if (stat(dir, &st) == 0)
		{
			success = this->follower->add_dir(this->follower, dir, options->begin);
		}
		else if (strchr(options->names[i], '/'))
		{
			text_print(stderr, "unable to open %s: %s\n", dir, strerror(errno));
			success = FALSE;
		}
		else
		{
			text_print(stderr, "%s has no traces in %s yet, waiting for them\n",
					   options->names[i], options->base);
		}
		free(dir);
	}
	if (!i && stat(options->base, &st) != 0 && errno == ENOENT)
	{
		text_print(stderr, "%s does not exist yet, waiting for it\n", options->base);
	}
	return success && (i || this->follower->add_all(this->follower, options->begin));
}

/**
 * Check if connections are followed, and not directories only.
 */
static bool has_connections(live_options_t *options)
{
	bool found = !options->names[0];
	int i;

	for (i = 0; options->names[i]; i++)
	{
		found |= !strchr(options->names[i], '/');
	}
	return found;
}

/**
 * Have signals end the program in an orderly way, the second one at once.
 */
static void handle_signals(live_t *this)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = {
		.sa_handler = handle_signal,
		.sa_flags = SA_RESETHAND,
	};
	int i;

	sigprocmask(SIG_BLOCK, NULL, &this->original);
	this->blocked = this->original;
	for (i = 0; i < countof(numbers); i++)
	{
		sigaction(numbers[i], &action, NULL);
		sigaddset(&this->blocked, numbers[i]);
	}
	sigprocmask(SIG_SETMASK, &this->blocked, NULL);
}

/*
 * Described in header
 */
int live_run(live_options_t *options)
{
	live_t this = {
		.options = options,
	};
	exporter_options_t exporter = {
		.program = "nflog-capture follow " NFLOG_CAPTURE_VERSION,
		.pcap = options->pcap,
		.clear = options->clear,
		.decrypt = options->decrypt,
		.filter = options->filter,
		.write = write_bytes,
		.data = &this,
	};
	int status = STATUS_ERROR;

	/* before signals are blocked */
	if (!capture_keys_keep_pipes(options->key_files))
	{
		return STATUS_ERROR;
	}
	this.follower = follower_create(has_connections(options) ? options->base : NULL,
									options->names,
									options->clear && !options->decrypt);
	if (this.follower && add_dirs(&this))
	{
		handle_signals(&this);
		this.exporter = exporter_create(&exporter);
		status = write_packets(&this) ? STATUS_GOOD : STATUS_ERROR;
		if (!options->quiet)
		{
			this.exporter->print(this.exporter, "followed", stderr);
		}
		this.exporter->destroy(this.exporter);
		sigprocmask(SIG_SETMASK, &this.original, NULL);
	}
	DESTROY_IF(this.decrypter);
	DESTROY_IF(this.keys);
	DESTROY_IF(this.follower);
	return status;
}

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

#include "nflog_capture_plugin.h"
#include "events/ike.h"
#include "events/kernel.h"
#include "reader/lanes.h"
#include "events/existing.h"

#include <dlfcn.h>

#include <daemon.h>
#include <processing/jobs/callback_job.h>

typedef struct private_nflog_capture_plugin_t private_nflog_capture_plugin_t;

/**
 * Private data.
 */
struct private_nflog_capture_plugin_t {

	/**
	 * Implements plugin interface.
	 */
	nflog_capture_plugin_t public;

	/**
	 * Tells what is captured.
	 */
	nflog_options_t *options;

	/**
	 * Directories and files.
	 */
	nflog_store_t *store;

	/**
	 * Key tables.
	 */
	nflog_keys_t *keys;

	/**
	 * Packets on their way from the reader to the writer.
	 */
	nflog_queue_t *queue;

	/**
	 * Thread that writes to the disk.
	 */
	nflog_writer_t *writer;

	/**
	 * Brings IKE messages to their traces.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Thread that reads packets.
	 */
	nflog_reader_t *reader;

	/**
	 * Tells what the kernel dropped.
	 */
	nflog_xfrm_stat_t *xfrm_stat;

	/**
	 * All captures.
	 */
	nflog_manager_t *manager;

	/**
	 * Captures what is up already.
	 */
	nflog_existing_t *existing;

	/**
	 * Sees SAs on their way to the kernel.
	 */
	nflog_kernel_t *kernel;

	/**
	 * Number of changes of options that are not applied yet.
	 */
	refcount_t changes;

	/**
	 * Listener for IKE_SAs.
	 */
	nflog_ike_t *ike;
};

METHOD(plugin_t, get_name, char*,
	private_nflog_capture_plugin_t *this)
{
	return "nflog-capture";
}

CALLBACK(apply_options, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	do
	{
		this->ike->reload(this->ike);
		this->existing->capture(this->existing);
	}
	while (!ref_put(&this->changes));
	return JOB_REQUEUE_NONE;
}

/**
 * Apply what does not wait for the next CHILD_SA, after options changed.
 *
 * That waits for IKE_SAs, which the thread that reads options must not do.  One
 * job at a time does it, on one of charon's threads with low priority.
 */
static void options_changed(private_nflog_capture_plugin_t *this)
{
	if (ref_get(&this->changes) == 1)
	{
		lib->processor->queue_job(lib->processor,
				(job_t*)callback_job_create_with_prio(apply_options, this, NULL,
													  NULL, JOB_PRIO_LOW));
	}
}

/**
 * Start the thread that reads options, as a job.  Jobs run once charon has given up
 * capabilities: threads that are created before have none afterwards, if it changes
 * its user (capabilities(7)).
 */
CALLBACK(start_options, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	this->options->start(this->options);
	return JOB_REQUEUE_NONE;
}

/**
 * Create all objects, and register the listeners.
 */
static bool start(private_nflog_capture_plugin_t *this)
{
	this->queue = nflog_queue_create(nflog_lanes_number(),
									 NFLOG_QUEUE_SIZE);
	if (!this->queue)
	{
		DBG1(DBG_CFG, "nothing is captured, no memory for packets");
		return FALSE;
	}
	this->store = nflog_store_create();
	this->keys = nflog_keys_create(this->store);
	this->store->set_removed_cb(this->store, (void*)this->keys->prune,
								this->keys);
	this->writer = nflog_writer_create(this->queue, this->keys,
									   this->store);
	this->ike_messages = nflog_ike_messages_create(this->queue, this->writer);
	this->reader = nflog_reader_create(this->queue, this->writer,
									   this->ike_messages);
	this->xfrm_stat = nflog_xfrm_stat_create();
	this->manager = nflog_manager_create(this->options, this->store,
									this->keys, this->reader, this->writer,
									this->xfrm_stat);
	this->existing = nflog_existing_create(this->options,
										   this->manager);
	this->ike = nflog_ike_create(this->options, this->store, this->keys,
								this->reader, this->writer, this->ike_messages);
	this->kernel = nflog_kernel_create(this->manager, this->options,
									   this->reader);
	charon->bus->add_listener(charon->bus, &this->manager->listener);
	charon->bus->add_listener(charon->bus, &this->ike->listener);
	lib->processor->queue_job(lib->processor, (job_t*)
						callback_job_create(start_options, this, NULL, NULL));
	return TRUE;
}

/**
 * Complete all traces, and destroy all objects.
 */
static void stop(private_nflog_capture_plugin_t *this)
{
	charon->bus->remove_listener(charon->bus, &this->ike->listener);
	charon->bus->remove_listener(charon->bus, &this->manager->listener);
	this->kernel->destroy(this->kernel);
	this->ike->destroy(this->ike);
	this->existing->destroy(this->existing);
	this->manager->destroy(this->manager);
	this->ike_messages->remove_all(this->ike_messages);
	this->reader->capture_ike(this->reader, FALSE);
	this->reader->destroy(this->reader);
	this->ike_messages->destroy(this->ike_messages);
	this->writer->destroy(this->writer);
	this->keys->destroy(this->keys);
	this->xfrm_stat->destroy(this->xfrm_stat);
	this->store->destroy(this->store);
	this->queue->destroy(this->queue);
}

/**
 * Start or stop with the features that this depends on.
 */
static bool plugin_cb(private_nflog_capture_plugin_t *this,
					  plugin_feature_t *feature, bool reg, void *cb_data)
{
	if (reg)
	{
		return start(this);
	}
	stop(this);
	return TRUE;
}

METHOD(plugin_t, get_features, int,
	private_nflog_capture_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
			PLUGIN_PROVIDE(CUSTOM, "nflog-capture"),
				PLUGIN_SDEPEND(CUSTOM, "kernel-ipsec"),
				PLUGIN_SDEPEND(CUSTOM, "socket"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, reload, bool,
	private_nflog_capture_plugin_t *this)
{
	this->options->reload(this->options);
	if (this->ike)
	{
		this->keys->retry(this->keys);
		this->writer->write_keys(this->writer);
		this->reader->retry(this->reader);
	}
	return TRUE;
}

METHOD(plugin_t, destroy, void,
	private_nflog_capture_plugin_t *this)
{
	this->options->destroy(this->options);
	free(this);
}

#ifdef ME
#define BUILT_WITH_ME TRUE
#else
#define BUILT_WITH_ME FALSE
#endif

/**
 * Encode a version so that it can be compared.
 */
#define RELEASE(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

/**
 * Check that the daemon is of the release, and built with the options, that the
 * headers are from which this was compiled.  No release before 6.0.3 checks
 * that itself, and none tells its version, so look for symbols that came with
 * changes to the structs that are used here.
 */
static bool is_compatible()
{
	static const struct {
		/* symbol to look for */
		char *name;
		/* release that came with it */
		u_int since;
	} symbols[] = {
		{ "ocsp_responders_create",		RELEASE(5, 9, 12)	},
		{ "key_exchange_init",			RELEASE(6, 0, 0)	},
		{ "library_init_register",		RELEASE(6, 0, 2)	},
	};
	u_int major = 0, minor = 0, patch = 0, release;
	bool compatible;
	int i;

	sscanf(VERSION, "%u.%u.%u", &major, &minor, &patch);
	release = RELEASE(major, minor, patch);

	compatible = BUILT_WITH_ME ==
					(dlsym(RTLD_DEFAULT, "mediation_manager_create") != NULL);
	for (i = 0; i < countof(symbols); i++)
	{
		compatible &= (release >= symbols[i].since) ==
					  (dlsym(RTLD_DEFAULT, symbols[i].name) != NULL);
	}
	if (!compatible)
	{	/* unlike DBG_LIB, DBG_DMN is the same number in all releases */
		DBG1(DBG_DMN, "not loading plugin 'nflog-capture', it was built for "
			 "strongSwan " VERSION ", build it for the release of this daemon");
	}
	return compatible;
}

#ifndef PLUGIN_DEFINE
/**
 * Define the constructor, and the version for releases that check it.
 */
#define PLUGIN_DEFINE(name) \
	const char *name##_plugin_version = VERSION; \
	plugin_t *name##_plugin_create()
#endif

/**
 * Plugin constructor.
 */
PLUGIN_DEFINE(nflog_capture)
{
	private_nflog_capture_plugin_t *this;

	if (!is_compatible())
	{
		return NULL;
	}
	if (!lib->caps->keep(lib->caps, CAP_NET_ADMIN))
	{
		DBG1(DBG_DMN, "plugin 'nflog-capture' requires CAP_NET_ADMIN "
			 "capability");
		return NULL;
	}

	INIT(this,
		.public = {
			.plugin = {
				.get_name = _get_name,
				.get_features = _get_features,
				.reload = _reload,
				.destroy = _destroy,
			},
		},
	);
	this->options = nflog_options_create((void*)options_changed, this);

	return &this->public.plugin;
}

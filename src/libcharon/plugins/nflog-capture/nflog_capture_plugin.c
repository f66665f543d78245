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

#include "nflog_capture_plugin.h"
#include "control/control.h"
#include "events/alarms.h"
#include "events/ike.h"
#include "events/kernel.h"
#include "reader/lanes.h"
#include "events/apply.h"
#include "events/release.h"
#include "events/watchdog.h"
#include "options/values.h"
#include "process/pulse.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

/** delay after which to try again to capture what is up already, which doubles up to the
 * second, in s */
#define RETRY_MIN 1
#define RETRY_MAX 60

/** time that charon waits for our threads when it stops, in ms, besides that for the thread
 * that reads options */
#define STOP_TIME (2000 - NFLOG_OPTIONS_STOP - 100)

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
	 * Requests to start and stop captures.
	 */
	nflog_requests_t *requests;

	/**
	 * Options of CHILD_SAs.
	 */
	nflog_options_t *options;

	/**
	 * Passes on packets and keys.
	 */
	nflog_pipeline_t *pipeline;

	/**
	 * Has the captures of CHILD_SAs.
	 */
	nflog_manager_t *manager;

	/**
	 * Starts and ends captures of what is up.
	 */
	nflog_apply_t *apply;

	/**
	 * Learns of SAs on their way to the kernel.
	 */
	nflog_kernel_t *kernel;

	/**
	 * Number of changes of options that were not applied yet.
	 */
	refcount_t changes;

	/**
	 * Delay after which to try again to capture what is up already, in s, 0 if that did not
	 * fail.  Used by the job that applies options.
	 */
	u_int retry;

	/**
	 * Captures IKE_SAs.
	 */
	nflog_ike_t *ike;

	/**
	 * Learns what recorders save packets for.
	 */
	nflog_alarms_t *alarms;

	/**
	 * Checks our threads.
	 */
	nflog_watchdog_t *watchdog;

	/**
	 * TRUE if threads were left behind, with the objects that they use.
	 */
	bool left;

	/**
	 * Serves clients of the control socket, NULL if it can't be opened.
	 */
	nflog_control_t *control;
};

METHOD(plugin_t, get_name, char*,
	private_nflog_capture_plugin_t *this)
{
	return "nflog-capture";
}

static void options_changed(private_nflog_capture_plugin_t *this);

CALLBACK(try_again, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	options_changed(this);
	return JOB_REQUEUE_NONE;
}

CALLBACK(apply_options, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	u_int retry;
	bool done;

	do
	{
		this->ike->reload(this->ike);
		this->alarms->reload(this->alarms);
		done = this->apply->apply(this->apply, this->retry != 0);
		retry = done ? 0 : min(max(2 * this->retry, RETRY_MIN), RETRY_MAX);
		this->retry = retry;
	}
	while (!ref_put(&this->changes));
	if (retry)
	{
		lib->scheduler->schedule_job(lib->scheduler,
				(job_t*)callback_job_create_with_prio(try_again, this, NULL, NULL,
											JOB_PRIO_LOW), retry);
	}
	return JOB_REQUEUE_NONE;
}

/**
 * Apply changed options to what is up already.
 *
 * That waits for IKE_SAs, so the thread that reads options must not do it.  One job at a
 * time does, with low priority.
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
 * Start the threads that read options, and put directories in order, in a job, which runs
 * once charon dropped capabilities: threads that were created before lose all of them if
 * charon changes its user (capabilities(7)), who owns the directories.
 */
CALLBACK(start_options, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	nflog_repair_t *repair = this->pipeline->repair;

	this->options->start(this->options);
	repair->start(repair);
	return JOB_REQUEUE_NONE;
}

/**
 * Check our threads.
 */
CALLBACK(check_threads, job_requeue_t,
	private_nflog_capture_plugin_t *this)
{
	this->watchdog->check(this->watchdog);
	return JOB_RESCHEDULE(NFLOG_WATCHDOG_INTERVAL);
}

/**
 * Create all objects, and register the listeners.
 */
static bool start(private_nflog_capture_plugin_t *this)
{
	this->pipeline = nflog_pipeline_create(nflog_lanes_number(),
										   nflog_values_buffer_size());
	if (!this->pipeline)
	{
		DBG1(DBG_CFG, "nflog-capture: unable to capture anything, no memory for packets");
		return FALSE;
	}
	this->pipeline->writer->set_full_cb(this->pipeline->writer, (void*)options_changed,
										this);
	this->manager = nflog_manager_create(this->options, this->pipeline,
										 (void*)options_changed, this);
	this->ike = nflog_ike_create(this->options, this->requests, this->pipeline);
	this->apply = nflog_apply_create(this->options, this->requests, this->manager,
									 this->ike);
	this->kernel = nflog_kernel_create(this->manager, this->options,
									   this->pipeline->reader);
	this->alarms = nflog_alarms_create(this->options, this->pipeline);
	charon->bus->add_listener(charon->bus, &this->manager->listener);
	charon->bus->add_listener(charon->bus, &this->ike->listener);
	lib->processor->queue_job(lib->processor, (job_t*)
						callback_job_create(start_options, this, NULL, NULL));
	this->watchdog = nflog_watchdog_create((void*)options_changed, this);
	lib->scheduler->schedule_job(lib->scheduler, (job_t*)
						callback_job_create_with_prio(check_threads, this, NULL, NULL,
									JOB_PRIO_CRITICAL), NFLOG_WATCHDOG_INTERVAL);
	this->control = nflog_control_create(nflog_commands_create(this->pipeline,
															   this->requests));
	return TRUE;
}

/**
 * Complete all traces, and destroy all objects.  Waits for our threads, which may wait for
 * the disk.
 */
CALLBACK(complete, void,
	private_nflog_capture_plugin_t *this)
{
	DESTROY_IF(this->control);
	this->apply->destroy(this->apply);
	this->ike->destroy(this->ike);
	this->manager->destroy(this->manager);
	this->pipeline->destroy(this->pipeline);
}

/**
 * Unregister the listeners, and destroy all objects, or leave them behind.
 */
static void stop(private_nflog_capture_plugin_t *this)
{
	charon->bus->remove_listener(charon->bus, &this->ike->listener);
	charon->bus->remove_listener(charon->bus, &this->manager->listener);
	this->alarms->destroy(this->alarms);
	this->kernel->destroy(this->kernel);
	this->watchdog->destroy(this->watchdog);
	if (!nflog_pulse_run(complete, this, STOP_TIME))
	{
		this->left = TRUE;
		DBG1(DBG_CFG, "nflog-capture: unable to complete all traces within %d ms, their "
			 "last packets are missing, check if the file system of 'dir' responds",
			 STOP_TIME);
	}
}

/**
 * Start or stop with the features that the plugin depends on.
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
	nflog_pipeline_t *pipeline = this->pipeline;

	this->options->reload(this->options);
	if (pipeline)
	{
		pipeline->keys->retry(pipeline->keys);
		pipeline->writer->write_keys(pipeline->writer);
		pipeline->reader->retry(pipeline->reader);
		pipeline->drops->retry(pipeline->drops);
	}
	return TRUE;
}

METHOD(plugin_t, destroy, void,
	private_nflog_capture_plugin_t *this)
{
	this->options->destroy(this->options);
	if (!this->left)
	{
		this->requests->destroy(this->requests);
		free(this);
	}
}

/**
 * Plugin constructor.
 */
PLUGIN_DEFINE(nflog_capture)
{
	private_nflog_capture_plugin_t *this;

	if (!nflog_release_is_compatible())
	{
		return NULL;
	}
	if (!lib->caps->keep(lib->caps, CAP_NET_ADMIN))
	{
		DBG1(DBG_DMN, "nflog-capture: not loading the plugin, it requires "
			 "CAP_NET_ADMIN");
		return NULL;
	}

	nflog_drops_keep_caps();

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
	this->requests = nflog_requests_create((void*)options_changed, this);
	this->options = nflog_options_create(this->requests, (void*)options_changed, this);

	return &this->public.plugin;
}

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

#include "alarms.h"
#include "deletes.h"
#include "subject.h"
#include "successors.h"
#include "options/notes.h"

#include <stdio.h>

#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

typedef struct private_nflog_alarms_t private_nflog_alarms_t;
typedef struct alarm_t alarm_t;

/**
 * Kinds of alarms, each with places of its own: those of a known connection that not anybody
 * can cause, others, and those that wait as the peer may have reauthenticated.
 */
typedef enum {
	KIND_KNOWN,
	KIND_OPEN,
	KIND_WAITING,
	KIND_MAX,
} kind_t;

/** number of alarms of each kind */
static const u_int places[KIND_MAX] = {
	[KIND_KNOWN] = NFLOG_ALARMS_MAX,
	[KIND_OPEN] = NFLOG_ALARMS_OPEN,
	[KIND_WAITING] = NFLOG_ALARMS_WAITING,
};

/**
 * Private data.
 */
struct private_nflog_alarms_t {

	/**
	 * Public interface.
	 */
	nflog_alarms_t public;

	/**
	 * TRUE if the listeners are registered.
	 */
	bool listening;

	/**
	 * Options of CHILD_SAs, not owned.
	 */
	nflog_options_t *options;

	/**
	 * Saves packets, not owned.
	 */
	nflog_recorder_t *recorder;

	/**
	 * Knows why CHILD_SAs go down.
	 */
	nflog_deletes_t *deletes;

	/**
	 * Knows which CHILD_SAs replaced others.
	 */
	nflog_successors_t *successors;

	/**
	 * Number of jobs that look for a connection.
	 */
	refcount_t jobs[KIND_MAX];

	/**
	 * TRUE once charon is about to end, accessed atomically.
	 */
	bool ending;

	/**
	 * Triggers of unknown connections in this second, and the second, monotonic.
	 */
	u_int unknown;
	time_t second;

	/**
	 * Triggers that were ignored since that was logged, and when it was, monotonic.
	 */
	u_int ignored;
	time_t logged;

	/**
	 * Protects these.
	 */
	mutex_t *mutex;
};

/**
 * Something that happened, owns all.
 */
struct alarm_t {
	/** what it happened to */
	private_nflog_alarms_t *alarms;
	/** cause, details and time */
	nflog_trigger_t trigger;
	/** its kind */
	kind_t kind;
	/** key of the CHILD_SA that may have a successor, NULL if none may */
	char *key;
	/** connection, and candidate, NULL if the connection is not known */
	peer_cfg_t *peer_cfg;
	nflog_candidate_t *subject;
	/** addresses, if the connection is not known */
	host_t *me, *other;
	/** version of IKE */
	ike_version_t version;
};

/**
 * Alerts that are triggers.
 */
static const struct {
	alert_t alert;
	nflog_cause_t cause;
	char *detail;
} alerts[] = {
	{ ALERT_RADIUS_NOT_RESPONDING, CAUSE_AUTHENTICATION, "no RADIUS server answers" },
	{ ALERT_LOCAL_AUTH_FAILED, CAUSE_AUTHENTICATION, "that of this gateway" },
	{ ALERT_PEER_AUTH_FAILED, CAUSE_AUTHENTICATION, "that of the peer" },
	{ ALERT_AUTHORIZATION_FAILED, CAUSE_AUTHENTICATION, "the peer is not authorized" },
	{ ALERT_PEER_ADDR_FAILED, CAUSE_ADDRESS, "that of the peer can't be resolved" },
	{ ALERT_VIP_FAILURE, CAUSE_ADDRESS, "no virtual IP is left for the peer" },
	{ ALERT_PEER_INIT_UNREACHABLE, CAUSE_NO_ANSWER, "not even the first message" },
	{ ALERT_RETRANSMIT_SEND_TIMEOUT, CAUSE_NO_ANSWER, "retransmits timed out" },
	{ ALERT_INVALID_IKE_SPI, CAUSE_INVALID_SPI, NULL },
	{ ALERT_PARSE_ERROR_HEADER, CAUSE_INVALID_MESSAGE, "its header" },
	{ ALERT_PARSE_ERROR_BODY, CAUSE_INVALID_MESSAGE, "its payloads" },
	{ ALERT_HALF_OPEN_TIMEOUT, CAUSE_HALF_OPEN, NULL },
	{ ALERT_PROPOSAL_MISMATCH_IKE, CAUSE_PROPOSAL, "for the IKE_SA" },
	{ ALERT_PROPOSAL_MISMATCH_CHILD, CAUSE_PROPOSAL, "for a CHILD_SA" },
	{ ALERT_TS_MISMATCH, CAUSE_SELECTORS, NULL },
	{ ALERT_INSTALL_CHILD_SA_FAILED, CAUSE_NO_CHILD, "the kernel refused its SAs" },
	{ ALERT_INSTALL_CHILD_POLICY_FAILED, CAUSE_NO_CHILD, "the kernel refused its policies" },
	{ ALERT_KEEP_ON_CHILD_SA_FAILURE, CAUSE_NO_CHILD, "the IKE_SA stays without it" },
	{ ALERT_UNIQUE_REPLACE, CAUSE_REPLACED, "as the option unique is set" },
	{ ALERT_UNIQUE_KEEP, CAUSE_REPLACED, "the new one was refused, as the option unique "
	  "is set" },
	{ ALERT_IKE_SA_EXPIRED, CAUSE_EXPIRED, "the IKE_SA was not rekeyed in time" },
	{ ALERT_CERT_EXPIRED, CAUSE_CERTIFICATE, "it has expired" },
	{ ALERT_CERT_REVOKED, CAUSE_CERTIFICATE, "it was revoked" },
	{ ALERT_CERT_VALIDATION_FAILED, CAUSE_CERTIFICATE, "its status can't be validated" },
	{ ALERT_CERT_NO_ISSUER, CAUSE_CERTIFICATE, "its issuer is not trusted" },
	{ ALERT_CERT_UNTRUSTED_ROOT, CAUSE_CERTIFICATE, "its root is not trusted" },
	{ ALERT_CERT_EXCEEDED_PATH_LEN, CAUSE_CERTIFICATE, "its chain is too long" },
	{ ALERT_CERT_POLICY_VIOLATION, CAUSE_CERTIFICATE, "it violates a policy" },
};

/**
 * Destroy an alarm.
 */
static void alarm_destroy(alarm_t *alarm)
{
	ignore_result(ref_put(&alarm->alarms->jobs[alarm->kind]));
	DESTROY_IF(alarm->peer_cfg);
	nflog_candidate_destroy(alarm->subject);
	DESTROY_IF(alarm->me);
	DESTROY_IF(alarm->other);
	free(alarm->trigger.detail);
	free(alarm->key);
	free(alarm);
}

/**
 * Trigger the recorder of a connection, if any of its children has one.
 *
 * @param subject		IKE_SA
 * @return				FALSE if none has
 */
static bool trigger(private_nflog_alarms_t *this, nflog_trigger_t *trigger,
					peer_cfg_t *peer_cfg, nflog_candidate_t *subject)
{
	nflog_candidate_t candidate = *subject;
	enumerator_t *enumerator;
	child_cfg_t *child_cfg;
	nflog_cfg_t *cfg;
	bool found = FALSE;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!found && enumerator->enumerate(enumerator, &child_cfg))
	{
		candidate.child = child_cfg->get_name(child_cfg);
		cfg = this->options->get(this->options, &candidate, TRUE, TRUE);
		found = cfg && cfg->recorder;
		if (found)
		{
			trigger->conn = candidate.conn;
			trigger->size = cfg->recorder;
			trigger->after = cfg->recorder_after;
			this->recorder->trigger(this->recorder, trigger);
		}
		if (cfg)
		{
			nflog_cfg_destroy(cfg);
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Trigger the recorder of the first connection that matches the addresses and has one.
 */
static void trigger_unknown(private_nflog_alarms_t *this, alarm_t *alarm)
{
	nflog_candidate_t subject = {
		.child = "",
	};
	enumerator_t *enumerator;
	peer_cfg_t *peer_cfg;
	bool found = FALSE;

	enumerator = charon->backends->create_peer_cfg_enumerator(charon->backends,
							alarm->me, alarm->other, NULL, NULL, alarm->version);
	while (!found && enumerator->enumerate(enumerator, &peer_cfg))
	{
		subject.conn = peer_cfg->get_name(peer_cfg);
		found = trigger(this, &alarm->trigger, peer_cfg, &subject);
	}
	enumerator->destroy(enumerator);
}

/**
 * Look for the connection, in a job, as options and configurations may have to be waited
 * for.
 */
static job_requeue_t handle(alarm_t *alarm)
{
	private_nflog_alarms_t *this = alarm->alarms;

	if (alarm->key && this->successors->has(this->successors, alarm->key,
											alarm->trigger.ike_id))
	{	/* the peer only reauthenticated */
		return JOB_REQUEUE_NONE;
	}
	if (alarm->peer_cfg)
	{
		trigger(this, &alarm->trigger, alarm->peer_cfg, alarm->subject);
	}
	else
	{
		trigger_unknown(this, alarm);
	}
	return JOB_REQUEUE_NONE;
}

/**
 * Count a trigger that is ignored, which is logged now and then.
 */
static void count_ignored(private_nflog_alarms_t *this, nflog_cause_t cause)
{
	u_int ignored = 0;

	this->mutex->lock(this->mutex);
	this->ignored++;
	if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		ignored = this->ignored;
		this->ignored = 0;
	}
	this->mutex->unlock(this->mutex);
	if (ignored)
	{
		DBG1(DBG_CHD, "nflog-capture: too much happens at once, %u triggers of recorders "
			 "are ignored, the last one as %s", ignored, nflog_cause_describe(cause));
	}
}

/**
 * Begin an alarm.
 *
 * @param known			TRUE if its connection is known
 * @param detail		what is known besides, cloned, NULL for nothing
 * @return				NULL if there are too many
 */
static alarm_t *begin(private_nflog_alarms_t *this, kind_t kind, nflog_cause_t cause,
					  char *detail)
{
	alarm_t *alarm;

	/* what anybody can cause does not take the places of others */
	if (ref_get(&this->jobs[kind]) > places[kind])
	{
		ignore_result(ref_put(&this->jobs[kind]));
		count_ignored(this, cause);
		return NULL;
	}
	INIT(alarm,
		.alarms = this,
		.kind = kind,
		.trigger = {
			.cause = cause,
			.detail = detail ? strdup(detail) : NULL,
		},
	);
	gettimeofday(&alarm->trigger.time, NULL);
	return alarm;
}

/**
 * Queue a job that looks for the connection, after a while if there may be a successor.
 */
static void queue(alarm_t *alarm)
{
	job_t *job;

	job = (job_t*)callback_job_create_with_prio((callback_job_cb_t)handle, alarm,
										(void*)alarm_destroy, NULL, JOB_PRIO_LOW);
	if (alarm->key)
	{
		lib->scheduler->schedule_job(lib->scheduler, job, NFLOG_ALARMS_WAIT);
	}
	else
	{
		lib->processor->queue_job(lib->processor, job);
	}
}

/**
 * Check if too many connections were looked for in this second.
 */
static bool is_flood(private_nflog_alarms_t *this, nflog_cause_t cause)
{
	time_t now = time_monotonic(NULL);
	bool flood;

	this->mutex->lock(this->mutex);
	if (this->second != now)
	{
		this->second = now;
		this->unknown = 0;
	}
	flood = this->unknown++ >= NFLOG_ALARMS_UNKNOWN;
	this->mutex->unlock(this->mutex);
	if (flood)
	{
		count_ignored(this, cause);
	}
	return flood;
}

/**
 * Raise an alarm that concerns an IKE_SA.
 *
 * @param key		key of its CHILD_SA that may have a successor, NULL if none may, gets owned
 */
static void raise_ike(private_nflog_alarms_t *this, ike_sa_t *ike_sa,
					  nflog_cause_t cause, char *detail, char *key)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	alarm_t *alarm;
	host_t *host;

	if (__atomic_load_n(&this->ending, __ATOMIC_RELAXED))
	{
		free(key);
		return;
	}
	alarm = !peer_cfg && is_flood(this, cause) ? NULL :
			begin(this, key ? KIND_WAITING : !peer_cfg || nflog_cause_is_open(cause) ?
				  KIND_OPEN : KIND_KNOWN, cause, detail);
	if (!alarm)
	{
		free(key);
		return;
	}
	alarm->key = key;
	alarm->trigger.ike_id = ike_sa->get_unique_id(ike_sa);
	if (peer_cfg)
	{
		alarm->peer_cfg = peer_cfg->get_ref(peer_cfg);
		alarm->subject = nflog_subject_create(ike_sa, peer_cfg, NULL);
	}
	else
	{
		host = ike_sa->get_my_host(ike_sa);
		alarm->me = host->clone(host);
		host = ike_sa->get_other_host(ike_sa);
		alarm->other = host->clone(host);
		alarm->version = ike_sa->get_version(ike_sa);
	}
	queue(alarm);
}

/**
 * Raise an alarm for a message without an IKE_SA.
 */
static void raise_message(private_nflog_alarms_t *this, message_t *message,
						  nflog_cause_t cause, char *detail)
{
	host_t *me = message->get_destination(message), *other = message->get_source(message);
	char text[256];
	alarm_t *alarm;

	if (is_flood(this, cause))
	{
		return;
	}
	snprintf(text, sizeof(text), "from %H%s%s", other, detail ? ", " : "", detail ?: "");
	alarm = begin(this, KIND_OPEN, cause, text);
	if (alarm)
	{
		alarm->me = me->clone(me);
		alarm->other = other->clone(other);
		alarm->version = message->get_major_version(message);
		queue(alarm);
	}
}

METHOD(listener_t, alert, bool,
	private_nflog_alarms_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	char *key = NULL;
	u_int i;

	if (alert == ALERT_SHUTDOWN_SIGNAL)
	{	/* all that goes down from now on was asked for */
		__atomic_store_n(&this->ending, TRUE, __ATOMIC_RELAXED);
		return TRUE;
	}
	for (i = 0; i < countof(alerts) && alerts[i].alert != alert; i++)
	{
		/* no match */
	}
	if (i < countof(alerts) && ike_sa)
	{
		if (alert == ALERT_UNIQUE_REPLACE)
		{	/* also raised if the peer may have reauthenticated */
			key = this->successors->get_key(this->successors, ike_sa, NULL);
		}
		raise_ike(this, ike_sa, alerts[i].cause, alerts[i].detail, key);
	}
	else if (i < countof(alerts) &&
			 (alert == ALERT_INVALID_IKE_SPI || alert == ALERT_PARSE_ERROR_HEADER))
	{
		raise_message(this, va_arg(args, message_t*), alerts[i].cause, alerts[i].detail);
	}
	return TRUE;
}

METHOD(listener_t, message, bool,
	private_nflog_alarms_t *this, ike_sa_t *ike_sa, message_t *message, bool incoming,
	bool plain)
{
	if (plain)
	{
		this->deletes->message(this->deletes, ike_sa, message, incoming);
	}
	return TRUE;
}

METHOD(listener_t, child_updown, bool,
	private_nflog_alarms_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	char detail[256], *key = NULL;
	nflog_cause_t cause;

	if (up)
	{
		this->successors->up(this->successors, ike_sa, child_sa);
		return TRUE;
	}
	this->successors->down(this->successors, ike_sa, child_sa);
	if (this->deletes->get_cause(this->deletes, ike_sa, child_sa, &cause))
	{
		if (cause == CAUSE_DELETED && this->deletes->is_ike(this->deletes))
		{
			key = this->successors->get_key(this->successors, ike_sa, child_sa);
		}
		snprintf(detail, sizeof(detail), "%s{%u}", child_sa->get_name(child_sa),
				 child_sa->get_unique_id(child_sa));
		raise_ike(this, ike_sa, cause, detail, key);
	}
	return TRUE;
}

METHOD(listener_t, child_state_change, bool,
	private_nflog_alarms_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	char detail[256];

	/* called before the state changes, set_state() in charon's child_sa.c */
	if (ike_sa && state == CHILD_INSTALLED &&
		child_sa->get_state(child_sa) == CHILD_REKEYING)
	{
		snprintf(detail, sizeof(detail), "CHILD_SA %s{%u}", child_sa->get_name(child_sa),
				 child_sa->get_unique_id(child_sa));
		raise_ike(this, ike_sa, CAUSE_REKEYING, detail, NULL);
	}
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool,
	private_nflog_alarms_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	char detail[64];

	/* the same with set_state() in its ike_sa.c */
	if (state == IKE_ESTABLISHED && ike_sa->get_state(ike_sa) == IKE_REKEYING)
	{
		snprintf(detail, sizeof(detail), "IKE_SA [%u]", ike_sa->get_unique_id(ike_sa));
		raise_ike(this, ike_sa, CAUSE_REKEYING, detail, NULL);
	}
	return TRUE;
}

/**
 * Register or unregister the listeners.
 */
static void listen_(private_nflog_alarms_t *this, bool enable)
{
	nflog_log_lines_t *lines = this->recorder->get_lines(this->recorder);

	if (enable == this->listening)
	{
		return;
	}
	this->listening = enable;
	lines->enable(lines, enable);
	if (enable)
	{
		charon->bus->add_listener(charon->bus, &this->public.listener);
		charon->kernel->add_listener(charon->kernel, &this->deletes->listener);
	}
	else
	{
		charon->kernel->remove_listener(charon->kernel, &this->deletes->listener);
		charon->bus->remove_listener(charon->bus, &this->public.listener);
	}
}

METHOD(nflog_alarms_t, reload, void,
	private_nflog_alarms_t *this)
{
	listen_(this, this->options->has_point(this->options, NULL, NFLOG_RECORDER_POINT));
}

METHOD(nflog_alarms_t, destroy, void,
	private_nflog_alarms_t *this)
{
	listen_(this, FALSE);
	this->deletes->destroy(this->deletes);
	this->successors->destroy(this->successors);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_alarms_t *nflog_alarms_create(nflog_options_t *options, nflog_pipeline_t *pipeline)
{
	private_nflog_alarms_t *this;

	INIT(this,
		.public = {
			.listener = {
				.alert = _alert,
				.message = _message,
				.child_updown = _child_updown,
				.child_state_change = _child_state_change,
				.ike_state_change = _ike_state_change,
			},
			.reload = _reload,
			.destroy = _destroy,
		},
		.options = options,
		.recorder = pipeline->recorder,
		.deletes = nflog_deletes_create(),
		.successors = nflog_successors_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

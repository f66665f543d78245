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

#include "watchdog.h"
#include "process/pulse.h"

/** number of checks without a fault until captures start again, which doubles up to the
 * second, and after which a fault counts as the first one */
#define DELAY_MIN 1
#define DELAY_MAX 64
#define FORGET 720

typedef struct private_nflog_watchdog_t private_nflog_watchdog_t;

/**
 * Private data.
 */
struct private_nflog_watchdog_t {

	/**
	 * Public interface.
	 */
	nflog_watchdog_t public;

	/**
	 * Called when captures end or start.
	 */
	void (*cb)(void *data);
	void *data;

	/**
	 * What the thread does that made no progress.
	 */
	const char *duty;

	/**
	 * Number of checks without a fault since the last one, and how many of them captures
	 * wait for, 0 if there was no fault.
	 */
	u_int good;
	u_int delay;
};

/**
 * End or start all captures.
 */
static void suspend(private_nflog_watchdog_t *this, bool suspend)
{
	nflog_pulse_suspend(suspend);
	this->cb(this->data);
}

METHOD(nflog_watchdog_t, check, void,
	private_nflog_watchdog_t *this)
{
	const char *duty = nflog_pulse_check(NFLOG_WATCHDOG_CHECKS);

	if (duty)
	{
		this->good = 0;
		if (!nflog_pulse_is_suspended())
		{
			this->duty = duty;
			this->delay = this->delay ? min(2 * this->delay, DELAY_MAX) : DELAY_MIN;
			DBG1(DBG_CFG, "nflog-capture: unable to capture, ending all captures, as the "
				 "thread that %s makes no progress, check if the file system of 'dir' "
				 "responds", duty);
			suspend(this, TRUE);
		}
		return;
	}
	this->good++;
	if (nflog_pulse_is_suspended() && this->good >= this->delay)
	{
		DBG1(DBG_CFG, "nflog-capture: the thread that %s makes progress again, capturing "
			 "what is enabled", this->duty);
		suspend(this, FALSE);
	}
	if (this->good >= FORGET)
	{
		this->delay = 0;
	}
}

METHOD(nflog_watchdog_t, destroy, void,
	private_nflog_watchdog_t *this)
{
	nflog_pulse_suspend(FALSE);
	free(this);
}

/*
 * Described in header
 */
nflog_watchdog_t *nflog_watchdog_create(void (*cb)(void *data), void *data)
{
	private_nflog_watchdog_t *this;

	INIT(this,
		.public = {
			.check = _check,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
	);
	return &this->public;
}

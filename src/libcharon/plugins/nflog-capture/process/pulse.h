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

/**
 * @defgroup nflog_pulse nflog_pulse
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PULSE_H_
#define NFLOG_PULSE_H_

typedef struct nflog_pulse_t nflog_pulse_t;

#include <library.h>

/**
 * Pulse of a thread of ours, to see that it makes no progress, usually because a file
 * system does not respond.
 *
 * Pulses are in a list of the process, as are the functions below.  A thread uses its own
 * pulse without a lock, any thread may ask for those that stand still.  Code that takes long
 * need not know which thread runs it: it makes progress with the work of that thread.
 */

/**
 * Create the pulse of a thread.
 *
 * @param duty		what the thread does, as in "writes traces", a literal
 */
nflog_pulse_t *nflog_pulse_create(const char *duty);

/**
 * Begin with work, which becomes that of the current thread.
 */
void nflog_pulse_begin(nflog_pulse_t *this);

/**
 * Make progress with the work of the current thread, if it has begun with any.  To be called
 * for each file, as the disk may be slow, but respond.
 */
void nflog_pulse_beat();

/**
 * End work, to wait for more.  Does not return if nflog_pulse_run() left the thread behind,
 * as what the thread uses may be gone.
 */
void nflog_pulse_end(nflog_pulse_t *this);

/**
 * Destroy a pulse, once its thread has ended.
 */
void nflog_pulse_destroy(nflog_pulse_t *this);

/**
 * Check for threads that make no progress, once in an interval.  Counting calls instead of
 * time, a process that was stopped, or a clock that is set, is no reason to report one.
 *
 * @param checks	number of calls during which a thread did not make progress
 * @return			what such a thread does, NULL if there is none
 */
const char *nflog_pulse_check(u_int checks);

/**
 * Set if nothing is to be captured because of such a thread.
 *
 * @param suspend	TRUE to capture nothing
 */
void nflog_pulse_suspend(bool suspend);

/**
 * Check if nothing is to be captured.
 */
bool nflog_pulse_is_suspended();

/**
 * Run a function that waits for threads of ours, in a thread, and wait for it for a limited
 * time.  If it takes longer, it is left behind, with all threads that it waits for, which
 * then stop at the end of their work, and with all that they use.  The code of this plugin
 * stays in memory then.
 *
 * @param fn		function to run
 * @param data		its argument
 * @param timeout	time to wait, in ms
 * @return			FALSE if it was left behind
 */
bool nflog_pulse_run(void (*fn)(void *data), void *data, u_int timeout);

#endif /** NFLOG_PULSE_H_ @}*/

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tries forbidden things from inside the program, so that tests see what the sandbox holds.
 *
 * Exists only in builds with PROVISIOND_CRASH_POINTS, never in a release: there it is nothing. The
 * environment says what: PROVISIOND_TRIALS="execve read:/path ptrace:PID ...", words of the table
 * in sandbox_trial.c, each with what it is about. Each is tried in a child of its own, which has
 * the program's sandbox, and logged as an event `trial` with its outcome: done, refused, absent
 * (there is no such path or process, as far as the program can see), killed, failed, unknown.
 */
#ifndef DAEMON_SANDBOX_TRIAL_H
#define DAEMON_SANDBOX_TRIAL_H

#ifdef PROVISIOND_CRASH_POINTS
void sandbox_trial(void);
#else
static inline void sandbox_trial(void)
{
}
#endif

#endif

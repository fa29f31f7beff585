/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs work that starts programs and fills folders, so that nothing of it is left: neither when it
 * ends, nor when it fails, nor when somebody presses Ctrl-C. The work runs in a process of its own
 * with a folder of its own, which PROVISIOND_TEST_DIR names; whatever it started, however far down
 * and in whatever session, comes home to this process and is ended by it.
 *
 * The folder is made in TMPDIR, or else in /var/tmp, which is a disk where /tmp may be memory: a
 * ledger that costs nothing to sync measures nothing.
 */
#ifndef BENCH_GUARD_H
#define BENCH_GUARD_H

#include <signal.h>

#define GUARD_INTERRUPTED 128 /* and the signal's number: the status after one */
#define GUARD_LATE        (GUARD_INTERRUPTED + SIGALRM) /* the time was up */

/* Returns what the work returned, or the status after a signal; seconds: how long it may take, 0:
 * as long as it wants. Standard output is the caller's: what the work prints goes to standard
 * error. */
int guard_run(int (*work)(void *context), void *context, unsigned seconds);

#endif

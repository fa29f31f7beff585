/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the three programs have in common: hardening, signals, readiness.
 *
 * Order of calls: daemon_start first thing in main, before any thread; then the program's own
 * start; daemon_ready; daemon_wait; the program's own stop. Threads: main thread only.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "core/error.h"
#include "core/log.h"

/*
 * No core file, not dumpable, no new privileges, umask 077, SIGPIPE ignored, the stop and reload
 * signals blocked for every thread to come; the secure heap made.
 */
enum error daemon_start(const char *program, enum log_level level, struct fault *fault) MUST_USE;

/* Tells the service manager that the program serves; status is one line for a person. */
void daemon_ready(const char *status);

/* Waits until SIGTERM or SIGINT, and tells the service manager that the program stops. */
void daemon_wait(void);

/*
 * The command line that all three share: [--config FILE], --version, --help. Returns the
 * configuration's path, or NULL after it has answered itself with *ret_exit. Arguments it does not
 * know are left to `other` (may be NULL), which returns how many it took, 0 for "unknown".
 */
const char *daemon_arguments(int argc, char **argv, const char *usage,
                             int (*other)(void *context, int argc, char **argv), void *context,
                             int *ret_exit);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the three programs have in common: hardening, signals, readiness, reload.
 *
 * Order of calls: daemon_arguments and daemon_configure; daemon_start before any thread; then the
 * program's own start; daemon_ready; daemon_wait; the program's own stop. Threads: main thread
 * only.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>

#include "config/config.h"
#include "core/error.h"
#include "core/log.h"

/*
 * No core file, not dumpable, no new privileges, umask 077, SIGPIPE ignored, the stop and reload
 * signals blocked for every thread to come; the secure heap made.
 */
enum error daemon_start(const char *program, enum log_level level, struct fault *fault) MUST_USE;

/* What a program that serves is made of, for as long as it does. */
struct daemon_life {
    const char *status; /* one line for a person: "serving stations" */
    const char *path;   /* of the configuration */
    enum config_program program;
    const struct config *started; /* the configuration as it was at the start */
    /* Puts another configuration in force, wholly or not at all; NULL where only the log's level
     * can change. */
    enum error (*reload)(void *context, const struct config *config, struct fault *fault);
    void *context;
};

/* Tells the service manager that the program serves. */
void daemon_ready(const struct daemon_life *life);

/*
 * Waits until SIGTERM or SIGINT, and tells the service manager that the program stops. At each
 * SIGHUP the configuration is read again: with one that is wrong everything stays as it was, and
 * one line says why (reload-refused); else the log's level and what `reload` knows are in force,
 * and a line names the keys that a start alone would change (restart-needed).
 */
void daemon_wait(const struct daemon_life *life);

/* The command line that all three share: [--config FILE], --check, --version, --help. */
struct daemon_options {
    const char *usage;
    /* Arguments that are not of all three; returns how many it took, 0 for "unknown". May be NULL.
     */
    int (*other)(void *context, int argc, char **argv);
    void *context;
    const char *path; /* set by daemon_arguments, as is_check */
    bool is_check;
};

/* False after it has answered itself, with *ret_exit. */
bool daemon_arguments(int argc, char **argv, struct daemon_options *options, int *ret_exit);

/*
 * Reads the configuration for that program; with --check for all three. False after a line on
 * standard error that says what is wrong.
 */
bool daemon_configure(const struct daemon_options *options, enum config_program program,
                      struct config *ret_config) MUST_USE;

/* The end of --check: prints what came of the program's own look at the files. Returns main's exit
 * status. */
int daemon_end_check(const struct daemon_options *options, enum error e, const struct fault *fault);

/* Logs why the program does not start (start-failed); returns main's exit status. */
int daemon_fail(const struct fault *fault);

#endif

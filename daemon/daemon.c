/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Process set-up shared by the three programs. Owns the process's signal mask and limits. */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "config/config.h"
#include "core/secret.h"

#define EXIT_USAGE 64

static void stop_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
}

enum error daemon_start(const char *program, enum log_level level, struct fault *fault)
{
    sigset_t signals;
    const struct rlimit no_core = {0, 0};
    log_init(program, level);
    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_set(fault, ERR_INTERNAL, "harden", "The process cannot be hardened.", errno);
    stop_signals(&signals);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return fault_set(fault, ERR_INTERNAL, "signals", "Signals cannot be blocked.", errno);
    return secret_heap_init(fault);
}

void daemon_ready(const char *status)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
    log_event(LOG_LEVEL_INFO, "ready", LOG_TEXT("status", status));
}

void daemon_wait(void)
{
    sigset_t signals;
    int received = 0;
    stop_signals(&signals);
    do {
        (void)sigwait(&signals, &received);
    } while (received == SIGHUP); /* nothing to reload yet: never a reason to stop */
    (void)sd_notify(0, "STOPPING=1");
    log_event(LOG_LEVEL_INFO, "stopping", LOG_NUMBER("signal", received));
}

const char *daemon_arguments(int argc, char **argv, const char *usage,
                             int (*other)(void *context, int argc, char **argv), void *context,
                             int *ret_exit)
{
    const char *path = CONFIG_DEFAULT_PATH;
    int i = 1;
    while (i < argc) {
        int taken = 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            puts(argv[i][2] == 'h' ? usage : PROVISIOND_VERSION);
            *ret_exit = 0;
            return NULL;
        }
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            path = argv[i + 1];
            taken = 2;
        } else if (other != NULL) {
            taken = other(context, argc - i, argv + i);
        }
        if (taken == 0) {
            (void)fprintf(stderr, "%s: unknown or incomplete argument: %s\n\n%s\n", argv[0],
                          argv[i], usage);
            *ret_exit = EXIT_USAGE;
            return NULL;
        }
        i += taken;
    }
    return path;
}

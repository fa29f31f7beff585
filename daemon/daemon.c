/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Process set-up shared by the three programs. Owns the process's signal mask and limits. */
#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "core/clock.h"
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
        return fault_set(fault, ERR_INTERNAL, "harden",
                         "The process cannot be hardened: let the unit or the container allow "
                         "prctl and setrlimit.",
                         errno);
    stop_signals(&signals);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return fault_set(
            fault, ERR_INTERNAL, "signals",
            "Signals cannot be blocked: let the unit or the container allow rt_sigprocmask.",
            errno);
    return secret_heap_init(fault);
}

void daemon_ready(const struct daemon_life *life)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", life->status);
    log_event(LOG_LEVEL_INFO, "ready", LOG_TEXT("status", life->status));
}

static bool is_taken_over(const struct daemon_life *life, const struct config *config)
{
    struct fault fault = {0};
    if (life->reload == NULL || life->reload(life->context, config, &fault) == ERR_OK)
        return true;
    log_fault(LOG_LEVEL_ERROR, "reload-refused", &fault);
    return false;
}

static void reload(const struct daemon_life *life)
{
    struct config config;
    char text[CONFIG_PROBLEM_MAX];
    if (config_load(life->path, life->program, &config, text) != ERR_OK) {
        log_event(LOG_LEVEL_ERROR, "reload-refused", LOG_TEXT("reason", "configuration"),
                  LOG_TEXT("detail", text));
        return;
    }
    if (!is_taken_over(life, &config))
        return;
    log_set_level(config.log_level);
    config_restart_keys(life->started, &config, life->program, text);
    if (text[0] != '\0')
        log_event(LOG_LEVEL_WARNING, "restart-needed", LOG_TEXT("keys", text));
    log_event(LOG_LEVEL_INFO, "reloaded", LOG_TEXT("file", life->path));
}

/* systemd 252 has Type=notify only: it is told when a reload begins, by its clock, and the end. */
static void reload_aloud(const struct daemon_life *life)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading %s",
                     clock_monotonic_us(), life->path);
    reload(life);
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", life->status);
}

void daemon_wait(const struct daemon_life *life)
{
    sigset_t signals;
    int received = 0;
    stop_signals(&signals);
    while (sigwait(&signals, &received) != 0 || received == SIGHUP) {
        if (received == SIGHUP)
            reload_aloud(life);
    }
    (void)sd_notify(0, "STOPPING=1");
    log_event(LOG_LEVEL_INFO, "stopping", LOG_NUMBER("signal", received));
}

/* ---- the command line ---- */

/* How many arguments were taken; 0 for unknown. */
static int take_argument(struct daemon_options *options, int argc, char **argv)
{
    if (strcmp(argv[0], "--check") == 0) {
        options->is_check = true;
        return 1;
    }
    if (strcmp(argv[0], "--config") == 0 && argc > 1) {
        options->path = argv[1];
        return 2;
    }
    return options->other != NULL ? options->other(options->context, argc, argv) : 0;
}

bool daemon_arguments(int argc, char **argv, struct daemon_options *options, int *ret_exit)
{
    int taken = 0;
    options->path = CONFIG_DEFAULT_PATH;
    options->is_check = false;
    for (int i = 1; i < argc; i += taken) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            puts(argv[i][2] == 'h' ? options->usage : PROVISIOND_VERSION);
            *ret_exit = EXIT_SUCCESS;
            return false;
        }
        taken = take_argument(options, argc - i, argv + i);
        if (taken == 0) {
            (void)fprintf(stderr, "%s: unknown or incomplete argument: %s\n\n%s\n", argv[0],
                          argv[i], options->usage);
            *ret_exit = EXIT_USAGE;
            return false;
        }
    }
    return true;
}

/* ---- the configuration ---- */

bool daemon_configure(const struct daemon_options *options, enum config_program program,
                      struct config *ret_config)
{
    char problem[CONFIG_PROBLEM_MAX];
    enum error e = config_load(options->path, program, ret_config, problem);
    for (enum config_program other = CONFIG_HSM; options->is_check && other <= CONFIG_API; other++)
        e = e == ERR_OK ? config_load(options->path, other, ret_config, problem) : e;
    if (e != ERR_OK)
        (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, problem);
    return e == ERR_OK;
}

/* Numbers of other kinds (of SQLite, of PKCS#11) come with other codes. */
static const char *cause_of(const struct fault *fault)
{
    return fault->code == ERR_CONFIG && fault->native > 0 ? strerror((int)fault->native) : "";
}

int daemon_end_check(const struct daemon_options *options, enum error e, const struct fault *fault)
{
    if (e == ERR_OK) {
        (void)printf("%s: no mistake found\n", options->path);
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "%s: %s: %s%s%s\n", program_invocation_short_name, options->path,
                  fault->detail, cause_of(fault)[0] != '\0' ? " Cause: " : "", cause_of(fault));
    return EXIT_FAILURE;
}

/* Whoever runs out of memory says no more than that. */
static const char *detail_of(const struct fault *fault)
{
    if (strcmp(fault->reason, "memory") == 0)
        return "Out of memory: give the machine, or the unit (MemoryMax=), more of it.";
    return fault->detail;
}

int daemon_fail(const struct fault *fault)
{
    log_event(LOG_LEVEL_ERROR, "start-failed", LOG_TEXT("code", error_name(fault->code)),
              LOG_TEXT("reason", fault->reason), LOG_TEXT("detail", detail_of(fault)),
              LOG_TEXT("cause", cause_of(fault)), LOG_NUMBER("native", fault->native));
    return EXIT_FAILURE;
}

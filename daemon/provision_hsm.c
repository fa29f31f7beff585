/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provision-hsm: reads its configuration and the PIN, serves until it is told to stop. The master
 * executes this program again as `provision-hsm --worker WORD`, which is no interface for anybody
 * else; nor is `provision-hsm --trial` for anybody but provctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "core/log.h"
#include "core/secret.h"
#include "daemon/daemon.h"
#include "daemon/hsm_trial.h"
#include "daemon/sandbox.h"
#include "daemon/sandbox_trial.h"
#include "daemon/watchdog.h"
#include "hsm/hsm_server.h"
#include "hsm/worker.h"

#define USAGE                                                                        \
    "usage: provision-hsm [--config FILE] [--pin-fd N] [--check]\n"                  \
    "       provision-hsm --version | --help\n\n"                                    \
    "The PIN is read from descriptor N, else from the systemd credential that the\n" \
    "configuration names. A token that asks for no PIN needs neither. With\n"        \
    "--check it looks for mistakes in the configuration, and ends."

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/* Leaks of the vendor's module are the vendor's; the worker's own stay errors. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so\nleak:libsoftokn3.so\n";
}
#endif
#endif

struct options {
    int pin_fd; /* -1: not given */
};

static int take_option(void *context, int argc, char **argv)
{
    struct options *options = context;
    char *end = NULL;
    if (strcmp(argv[0], "--pin-fd") != 0 || argc < 2)
        return 0;
    errno = 0;
    long number = strtol(argv[1], &end, 10);
    if (errno != 0 || end == argv[1] || *end != '\0' || number < 0 || number > 1 << 20)
        return 0;
    options->pin_fd = (int)number;
    return 2;
}

/* -1 with errno when there is no such credential. */
static int open_credential(const char *name)
{
    char path[CONFIG_PATH_MAX + CONFIG_NAME_MAX];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        errno = ENOENT;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The one place that reads the PIN. An empty secret when none was given. */
static enum error read_pin(const struct options *options, const struct config_hsm *config,
                           struct secret *ret_pin, struct fault *fault)
{
    int fd = options->pin_fd >= 0 ? options->pin_fd : open_credential(config->pin_credential);
    if (fd < 0 && errno == ENOENT)
        return ERR_OK;
    if (fd < 0)
        return fault_set(
            fault, ERR_CONFIG, "pin-unreadable",
            "The PIN credential ([hsm] pin_credential) cannot be read: the unit must load "
            "it for provision-hsm (LoadCredentialEncrypted=).",
            errno);
    enum error e = secret_read_pin(fd, ret_pin, fault);
    (void)close(fd); /* so that no worker inherits it */
    return e;
}

static enum error probe(void *context, deadline_ms deadline, struct fault *fault)
{
    const struct config_hsm *config = context;
    return hsm_probe(config->socket, deadline, fault);
}

static int serve(const struct options *options, const char *path, struct config *config)
{
    struct fault fault = {0};
    struct hsm_server *server = NULL;
    struct watchdog *watchdog = NULL;
    SECRET_AUTO pin = {0};
    const struct daemon_life life = {
        .status = "serving", .path = path, .program = CONFIG_HSM, .started = config};
    enum error e = daemon_start("provision-hsm", config->log_level, &fault);
    if (e == ERR_OK)
        e = read_pin(options, &config->hsm, &pin, &fault);
    if (e == ERR_OK)
        e = sandbox_enter_hsm(config->hsm.sandbox, &fault);
    if (e == ERR_OK)
        e = hsm_server_new(&config->hsm, &pin, &server, &fault);
    if (e == ERR_OK)
        e = watchdog_new(probe, &config->hsm, &watchdog, &fault);
    if (e != ERR_OK) {
        hsm_server_free(server);
        return daemon_fail(&fault);
    }
    sandbox_trial();
    daemon_ready(&life);
    daemon_wait(&life);
    watchdog_free(watchdog);
    hsm_server_free(server);
    return EXIT_SUCCESS;
}

static int run_worker(const char *word)
{
    struct fault fault = {0};
    enum config_sandbox strictness =
        strcmp(word, WORKER_MODULE) == 0 ? CONFIG_SANDBOX_MODULE : CONFIG_SANDBOX_STRICT;
    if (daemon_start("provision-hsm-worker", LOG_LEVEL_ERROR, &fault) != ERR_OK ||
        sandbox_enter_worker(strictness, &fault) != ERR_OK)
        return daemon_fail(&fault);
    sandbox_trial();
    return worker_main(WORKER_FD, WORKER_LOCK_FD);
}

int main(int argc, char **argv)
{
    struct options options = {.pin_fd = -1};
    struct daemon_options arguments = {.usage = USAGE, .other = take_option, .context = &options};
    struct config config;
    struct fault fault = {0};
    int status = EXIT_FAILURE;
    if (argc == 3 && strcmp(argv[1], WORKER_OPTION) == 0)
        return run_worker(argv[2]);
    if (argc > 1 && strcmp(argv[1], HSM_TRIAL_OPTION) == 0)
        return hsm_trial_main(argc - 2, argv + 2);
    if (!daemon_arguments(argc, argv, &arguments, &status))
        return status;
    if (!daemon_configure(&arguments, CONFIG_HSM, &config))
        return EXIT_FAILURE;
    if (arguments.is_check)
        return daemon_end_check(&arguments, hsm_check(&config.hsm, &fault), &fault);
    return serve(&options, arguments.path, &config);
}

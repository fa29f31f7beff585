/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provision-vault: decides and counts. Starts and stops the vault; everything else is in vault/. */
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "daemon/daemon.h"
#include "daemon/sandbox.h"
#include "daemon/sandbox_trial.h"
#include "daemon/start_watch.h"
#include "daemon/watchdog.h"
#include "vault/vault.h"

static const char USAGE[] = "provision-vault: checks devices, counts licenses, keeps the journal\n"
                            "\n"
                            "usage: provision-vault [--config FILE] [--check]\n"
                            "\n"
                            "  --check         look for mistakes in the configuration, and end\n"
                            "  --config FILE   the configuration, default " CONFIG_DEFAULT_PATH "\n"
                            "  --version       print the version\n"
                            "  --help          print this\n"
                            "\n"
                            "Administered with provctl(1) over its admin socket. Stops on SIGTERM.";

static enum error probe(void *context, deadline_ms deadline, struct fault *fault)
{
    return vault_probe(context, deadline, fault);
}

/* A large ledger is opened for minutes when it is one of an older version. */
static enum error start_vault(const struct config *config, struct vault **ret_vault,
                              struct fault *fault)
{
    struct start_watch watch;
    enum error e = start_watch_begin(&watch, START_WATCH_PACE_MS, fault);
    if (e != ERR_OK)
        return e;
    e = vault_new(config, ret_vault, fault);
    start_watch_end(&watch);
    return e;
}

/* A commit that hangs cannot be waited for; that the process may end at any moment is provided for.
 */
static void end_if_it_hangs(struct vault *vault)
{
    struct fault fault = {0};
    if (vault_writer_check(vault, &fault) == ERR_OK)
        return;
    log_fault(LOG_LEVEL_ERROR, "stop-cut-short", &fault);
    _exit(EXIT_FAILURE);
}

static int serve(const struct daemon_options *options, const struct config *config)
{
    struct fault fault = {0};
    struct vault *vault = NULL;
    struct watchdog *watchdog = NULL;
    const struct daemon_life life = {.status = "serving stations and administration",
                                     .path = options->path,
                                     .program = CONFIG_VAULT,
                                     .started = config};
    if (daemon_start("provision-vault", config->log_level, &fault) != ERR_OK ||
        sandbox_enter_vault(options->path, config, &fault) != ERR_OK ||
        start_vault(config, &vault, &fault) != ERR_OK ||
        watchdog_new(probe, vault, &watchdog, &fault) != ERR_OK) {
        vault_free(vault);
        return daemon_fail(&fault);
    }
    sandbox_trial();
    daemon_ready(&life);
    daemon_wait(&life);
    watchdog_free(watchdog);
    end_if_it_hangs(vault);
    vault_free(vault);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct config config;
    struct daemon_options options = {.usage = USAGE};
    struct fault fault = {0};
    int status = EXIT_FAILURE;
    if (!daemon_arguments(argc, argv, &options, &status))
        return status;
    if (!daemon_configure(&options, CONFIG_VAULT, &config))
        return EXIT_FAILURE;
    if (options.is_check)
        return daemon_end_check(&options, vault_check(&config, &fault), &fault);
    return serve(&options, &config);
}

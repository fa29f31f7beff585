/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provision-vault: decides and counts. Starts and stops the vault; everything else is in vault/. */
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "daemon/daemon.h"
#include "vault/vault.h"

static const char USAGE[] = "provision-vault: checks devices, counts licenses, keeps the journal\n"
                            "\n"
                            "usage: provision-vault [--config FILE]\n"
                            "\n"
                            "  --config FILE   the configuration, default " CONFIG_DEFAULT_PATH "\n"
                            "  --version       print the version\n"
                            "  --help          print this\n"
                            "\n"
                            "Administered with provctl(1) over its admin socket. Stops on SIGTERM.";

static int fail(const struct fault *fault)
{
    log_fault(LOG_LEVEL_ERROR, "start-failed", fault);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    struct fault fault = {0};
    struct vault *vault = NULL;
    int status = EXIT_FAILURE;
    const char *path = daemon_arguments(argc, argv, USAGE, NULL, NULL, &status);
    if (path == NULL)
        return status;
    if (config_load(path, CONFIG_VAULT, &config, problem) != ERR_OK) {
        (void)fprintf(stderr, "provision-vault: %s\n", problem);
        return EXIT_FAILURE;
    }
    if (daemon_start("provision-vault", config.log_level, &fault) != ERR_OK ||
        vault_new(&config, &vault, &fault) != ERR_OK)
        return fail(&fault);
    daemon_ready("serving stations and administration");
    daemon_wait();
    vault_free(vault);
    return EXIT_SUCCESS;
}

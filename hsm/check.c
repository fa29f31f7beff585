/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What can be seen of a configuration without the HSM. Owns no state. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm/hsm_server.h"

/* SoftHSM keeps its token there, and loses it when it cannot write. systemd names the folder, with
 * others of a drop-in behind a colon; nobody does where there is no such folder. */
static bool is_state_to_write(void)
{
    char folder[CONFIG_PATH_MAX];
    const char *named = getenv("STATE_DIRECTORY");
    if (named == NULL)
        return true;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)strcspn(named, ":"), named);
    return access(folder, W_OK | X_OK) == 0;
}

enum error hsm_check(const struct config_hsm *config, struct fault *fault)
{
    struct stat info;
    if (stat(config->module, &info) != 0)
        return fault_set(fault, ERR_CONFIG, "module-missing",
                         "There is no such file as [hsm] module: install the vendor's PKCS#11 "
                         "module, or correct the path.",
                         errno);
    if (!S_ISREG(info.st_mode))
        return fault_set(fault, ERR_CONFIG, "module-no-file",
                         "[hsm] module is no file: name the vendor's PKCS#11 library itself.", 0);
    if (access(config->module, R_OK) != 0)
        return fault_set(fault, ERR_CONFIG, "module-unreadable",
                         "The file of [hsm] module may not be read by this user: let the user of "
                         "provision-hsm read it.",
                         errno);
    return ERR_OK;
}

enum error hsm_check_state(struct fault *fault)
{
    if (!is_state_to_write())
        return fault_set(
            fault, ERR_CONFIG, "state-folder",
            "The state folder of provision-hsm (StateDirectory= of its unit) cannot be "
            "written: give it to the user of provision-hsm, on a disk that is not "
            "read-only.",
            errno);
    return ERR_OK;
}

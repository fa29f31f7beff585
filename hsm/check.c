/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What can be seen of a configuration without the HSM. Owns no state. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm/hsm_server.h"

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

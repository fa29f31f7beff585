/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whether ledger and images have a place to be. Owns no state. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/vault.h"

/* "/a/b" of "/a/b/c". */
static void parent_of(const char *path, char out[CONFIG_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash != NULL && slash > path ? (size_t)(slash - path) : 1;
    (void)snprintf(out, CONFIG_PATH_MAX, "%.*s", (int)length, path);
}

static bool is_folder_to_write(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    if (!S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return access(path, R_OK | W_OK | X_OK) == 0;
}

enum error vault_check(const struct config *config, struct fault *fault)
{
    const struct config_vault *vault = &config->vault;
    char folder[CONFIG_PATH_MAX];
    parent_of(vault->ledger, folder);
    if (!is_folder_to_write(folder))
        return fault_set(fault, ERR_CONFIG, "ledger-folder",
                         "The folder of [vault] ledger is missing, or the user of provision-vault "
                         "may not write there: make it and give it to that user.",
                         errno);
    if (access(vault->ledger, R_OK | W_OK) != 0 && errno != ENOENT)
        return fault_set(fault, ERR_CONFIG, "ledger-file",
                         "The file of [vault] ledger may not be read and written: give it to the "
                         "user of provision-vault.",
                         errno);
    parent_of(vault->images, folder);
    if (is_folder_to_write(vault->images) || (errno == ENOENT && is_folder_to_write(folder)))
        return ERR_OK;
    return fault_set(fault, ERR_CONFIG, "images-folder",
                     "The folder of [vault] images may not be written by the user of "
                     "provision-vault, or cannot be made: give it to that user.",
                     errno);
}

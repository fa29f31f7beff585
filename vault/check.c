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

/* Under the unit that is a folder which the unit does not open, whoever owns it. */
static enum error folder_fault(const char *reason, const char *detail, const char *read_only,
                               struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, reason, errno == EROFS ? read_only : detail, errno);
}

static enum error check_ledger(const char *ledger, struct fault *fault)
{
    char folder[CONFIG_PATH_MAX];
    parent_of(ledger, folder);
    if (!is_folder_to_write(folder))
        return folder_fault("ledger-folder",
                            "The folder of [vault] ledger is missing, or the user of "
                            "provision-vault may not write there: make it and give it to that "
                            "user.",
                            "The folder of [vault] ledger can only be read: ReadWritePaths= of "
                            "provision-vault.service does not name it, or its disk is mounted so.",
                            fault);
    if (access(ledger, R_OK | W_OK) == 0 || errno == ENOENT)
        return ERR_OK;
    return fault_set(fault, ERR_CONFIG, "ledger-file",
                     "The file of [vault] ledger may not be read and written: give it to the "
                     "user of provision-vault.",
                     errno);
}

static enum error check_images(const char *images, struct fault *fault)
{
    char folder[CONFIG_PATH_MAX];
    parent_of(images, folder);
    if (is_folder_to_write(images) || (errno == ENOENT && is_folder_to_write(folder)))
        return ERR_OK;
    return folder_fault("images-folder",
                        "The folder of [vault] images may not be written by the user of "
                        "provision-vault, or cannot be made: give it to that user.",
                        "The folder of [vault] images can only be read: ReadWritePaths= of "
                        "provision-vault.service does not name it, or its disk is mounted so.",
                        fault);
}

enum error vault_check(const struct config *config, struct fault *fault)
{
    enum error e = check_ledger(config->vault.ledger, fault);
    return e == ERR_OK ? check_images(config->vault.images, fault) : e;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The folder of a restore: "<to>.incomplete" until all in it was checked, <to> then.
 *
 * Whoever owns the folder above can rename and exchange what is in it at any moment, and restore
 * may be run as root. So the folder is held by a descriptor, nothing is written or removed through
 * a symbolic link, and one that was exchanged is noticed at the latest when it gets its name. Order
 * of calls: new_folder_make, new_folder_commit, new_folder_clear. Threads: owned by one
 * thread.
 */
#ifndef CLI_NEW_FOLDER_H
#define CLI_NEW_FOLDER_H

#include <limits.h>

#include "cli/failure.h"

struct new_folder {
    char to[PATH_MAX]; /* as it was asked for, without a slash at its end */
    char name[PATH_MAX];
    char incomplete[PATH_MAX]; /* both in above; "" once it has its name, or was never made */
    int above;                 /* owned, as fd; -1: not open */
    int fd;
};

#define NEW_FOLDER_NONE       \
    {                         \
        .above = -1, .fd = -1 \
    }

/* to is the name of a folder that is empty or not there, of which new_folder_name checks that
 * much before the keys are read. */
enum error new_folder_name(struct new_folder *folder, const char *to,
                           struct failure *failure) MUST_USE;
enum error new_folder_make(struct new_folder *folder, struct failure *failure) MUST_USE;
/* The path of a file in it without any symbolic link, for who cannot take a descriptor. */
enum error new_folder_path(const struct new_folder *folder, const char *name,
                           char ret_path[PATH_MAX], struct failure *failure) MUST_USE;
/* Durably. */
enum error new_folder_commit(struct new_folder *folder, struct failure *failure) MUST_USE;
/* Removes what has no name yet. */
void new_folder_clear(struct new_folder *folder);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Output folders that are there whole or not at all: "<folder>.incomplete" until then.
 *
 * Order of calls: new_folder_name, new_folder_make, new_folder_commit, new_folder_clear, which
 * removes a folder that was not committed. Threads: owned by one thread.
 */
#ifndef CLI_NEW_FOLDER_H
#define CLI_NEW_FOLDER_H

#include <limits.h>

#include "cli/failure.h"

struct new_folder {
    char to[PATH_MAX];
    char incomplete[PATH_MAX]; /* "" once it has its name, or was never made */
    int fd;                    /* owned; -1: none yet */
};

/* Takes the name and looks that it is free, or of an empty folder; {.fd = -1} before. */
enum error new_folder_name(struct new_folder *folder, const char *to,
                           struct failure *failure) MUST_USE;
/* Makes it, for its owner alone. What a killed program left is a failure that says so. */
enum error new_folder_make(struct new_folder *folder, struct failure *failure) MUST_USE;
/* Gives it its name, durably. The files in it are durable already. */
enum error new_folder_commit(struct new_folder *folder, struct failure *failure) MUST_USE;
void new_folder_clear(struct new_folder *folder);

#endif

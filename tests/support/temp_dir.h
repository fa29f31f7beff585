/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A folder of a test's own, removed with everything in it. Fails the test when it cannot be made.
 */
#ifndef TESTS_SUPPORT_TEMP_DIR_H
#define TESTS_SUPPORT_TEMP_DIR_H

#define TEMP_PATH_MAX 108 /* a Unix socket path fits */

struct temp_dir {
    char path[64];
};

void temp_dir_make(struct temp_dir *dir);
void temp_dir_remove(struct temp_dir *dir);
/* Writes "<dir>/<name>" to out. */
void temp_dir_path(const struct temp_dir *dir, const char *name, char out[TEMP_PATH_MAX]);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Temporary folders for tests. */
#include "support/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

void temp_dir_make(struct temp_dir *dir)
{
    const char *parent = getenv("PROVISIOND_TEST_DIR"); /* a run's own folder, removed at its end */
    int n = snprintf(dir->path, sizeof dir->path, "%s/provisiond-test-XXXXXX",
                     parent != NULL ? parent : "/tmp");
    ck_assert_int_lt(n, (int)sizeof dir->path);
    ck_assert_ptr_nonnull(mkdtemp(dir->path));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
    (void)nftw(dir->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void temp_dir_path(const struct temp_dir *dir, const char *name, char out[TEMP_PATH_MAX])
{
    int n = snprintf(out, TEMP_PATH_MAX, "%s/%s", dir->path, name);
    ck_assert_int_lt(n, TEMP_PATH_MAX);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Another file takes the place of standard error. */
#include "caught_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/log.h"
#include "front.h"

static char path[TEMP_PATH_MAX];
static char last[4096];
static int old_stderr;

void caught_log_start(void)
{
    temp_dir_path(&front.dir, "log", path);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    old_stderr = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)close(file);
    log_init("test", LOG_LEVEL_INFO);
}

void caught_log_stop(void)
{
    (void)dup2(old_stderr, STDERR_FILENO);
    (void)close(old_stderr);
}

unsigned caught_log_count(const char *event)
{
    char line[sizeof last];
    char wanted[128];
    unsigned count = 0;
    (void)snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", event);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, wanted) == NULL)
            continue;
        count++;
        strcpy(last, line);
    }
    (void)fclose(file);
    return count;
}

const char *caught_log_last(const char *event)
{
    ck_assert_uint_gt(caught_log_count(event), 0);
    return last;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Makes SoftHSM tokens with SoftHSM's own tool. */
#include "support/softhsm.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

void softhsm_write_file(const struct temp_dir *dir, const char *name, const char *text,
                        char out[TEMP_PATH_MAX])
{
    temp_dir_path(dir, name, out);
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static void init_token(void)
{
    static char tool[] = "softhsm2-util";
    static char init[] = "--init-token";
    static char unused[] = "--free";
    static char label[] = "--label=" SOFTHSM_LABEL;
    static char so_pin[] = "--so-pin=" SOFTHSM_SO_PIN;
    static char pin[] = "--pin=" SOFTHSM_PIN; /* a PIN of a token that lives for one test */
    char *const arguments[] = {tool, init, unused, label, so_pin, pin, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t child = 0;
    int status = -1;
    ck_assert_int_eq(posix_spawn_file_actions_init(&quiet), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0), 0);
    ck_assert_int_eq(posix_spawnp(&child, tool, &quiet, NULL, arguments, environ), 0);
    (void)posix_spawn_file_actions_destroy(&quiet);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

void softhsm_make(const struct temp_dir *dir, struct softhsm *ret)
{
    char config[TEMP_PATH_MAX];
    char text[256];
    *ret = (struct softhsm){.module = SOFTHSM_MODULE, .token = SOFTHSM_LABEL, .pin = SOFTHSM_PIN};
    temp_dir_path(dir, "tokens", ret->tokens);
    ck_assert_int_eq(mkdir(ret->tokens, 0700), 0);
    int n = snprintf(text, sizeof text,
                     "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
                     ret->tokens);
    ck_assert_int_lt(n, (int)sizeof text);
    softhsm_write_file(dir, "softhsm2.conf", text, config);
    ck_assert_int_eq(setenv("SOFTHSM2_CONF", config, 1), 0);
    softhsm_write_file(dir, "pin", SOFTHSM_PIN "\n", ret->pin_file);
    init_token();
}

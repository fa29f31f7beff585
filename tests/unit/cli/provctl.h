/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs the real provctl and keeps what it printed. Threads: one per test.
 */
#ifndef TESTS_UNIT_CLI_PROVCTL_H
#define TESTS_UNIT_CLI_PROVCTL_H

#include <stddef.h>
#include <sys/types.h>

#include "support/temp_dir.h"

#define PROVCTL_OUTPUT_MAX ((size_t)64 * 1024)

struct provctl {
    int exit; /* -1 when it died of a signal */
    char out[PROVCTL_OUTPUT_MAX];
    char err[PROVCTL_OUTPUT_MAX];
};

/* argv ends in NULL and does not name the program. Standard input is empty, or the file input. */
void provctl_run(const struct temp_dir *dir, const char *input, const char *const *argv,
                 struct provctl *ret_run);
#define PROVCTL(dir, ret_run, ...) \
    provctl_run((dir), NULL, (const char *const[]){__VA_ARGS__, NULL}, (ret_run))

/* Starts it with standard error at err_fd; provctl_wait returns its exit code. */
pid_t provctl_start(const struct temp_dir *dir, int err_fd, const char *const *argv);
int provctl_wait(pid_t pid);

/* Writes a file of the folder. */
void write_file(const struct temp_dir *dir, const char *name, const void *data, size_t length);
/* The bytes of a file of the folder; -1 when it is not there. */
ssize_t read_file(const struct temp_dir *dir, const char *name, char *out, size_t size);
/* How many entries the folder has, beside provctl's own two output files. */
size_t count_files(const struct temp_dir *dir);

#endif

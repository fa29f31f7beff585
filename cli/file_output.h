/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Output files that are there whole or not at all.
 *
 * Opened before the work begins, so that a folder that cannot be written costs no unit of quota;
 * written next to the target under another name; committed by fsync, rename and fsync of the
 * folder. An output that is cleared without a commit leaves nothing behind. Order of calls:
 * file_output_open, file_output_commit, file_output_clear. Threads: owned by one thread.
 */
#ifndef CLI_FILE_OUTPUT_H
#define CLI_FILE_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/failure.h"
#include "core/bytes.h"

struct file_output {
    const char *path; /* borrowed; NULL when nothing is open */
    int fd;
    bool is_stdout;
    char temporary[PATH_MAX]; /* "" once it is renamed or removed */
};

#define FILE_OUTPUT_AUTO __attribute__((cleanup(file_output_clear))) struct file_output

/* "-" is standard output. path is borrowed until the output is cleared. */
enum error file_output_open(const char *path, struct file_output *ret_output,
                            struct failure *failure) MUST_USE;
/* Writes data and makes it durable under its name, readable as the umask allows. */
enum error file_output_commit(struct file_output *output, struct bytes data,
                              struct failure *failure) MUST_USE;
/* Removes what was not committed. An empty output ({0}) is allowed. */
void file_output_clear(struct file_output *output);

/*
 * A usage failure when path is one of the command's own inputs, by whatever name: the answer would
 * replace it. inputs are paths; NULL and "-" among them are none.
 */
enum error file_output_refuse_inputs(const char *path, const char *const *inputs, size_t count,
                                     struct failure *failure) MUST_USE;

/*
 * Makes a new file of that mode and its content durable; never replaces one that is there. On
 * failure nothing is left.
 */
enum error file_output_create(const char *path, mode_t mode, struct bytes data,
                              struct failure *failure) MUST_USE;

/*
 * Gives a finished, synced file another name in the same folder, durably. For content that is too
 * large to be held in memory.
 */
enum error file_output_rename(const char *from, const char *to, struct failure *failure) MUST_USE;

#endif

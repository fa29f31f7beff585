/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A progress bar on standard error for work on a file that another process reads.
 *
 * The descriptor's offset is shared with whoever reads it, so it shows how far the work is. Shown
 * only on a terminal and only when the work lasts over a second. Threads: progress_run runs the
 * work in a second thread and returns when it is done.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 128

/* Calls work(context) and draws a bar meanwhile. fd has size bytes. */
void progress_run(void (*work)(void *context), void *context, int fd, int64_t size);

/* "[#####     ]  50 %  12 of 24 MiB", without a line end; for progress_run and its test. */
void progress_format(int64_t done, int64_t size, char out[PROGRESS_LINE_MAX]);

#endif

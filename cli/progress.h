/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Progress on standard error for work on a file that another process reads or writes.
 *
 * Of a file that is read the descriptor's offset, shared with whoever reads it, shows how far the
 * work is. Of one that is written the end is not known: what there is of it is shown. Shown only on
 * a terminal and only when the work lasts over a second. Threads: both run the work in a second
 * thread and return when it is done.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 128

/* Calls work(context) and draws a bar meanwhile. fd has size bytes. */
void progress_run(void (*work)(void *context), void *context, int fd, int64_t size);

/* Likewise for a file of lines that grows from nothing; its content is read to count them. */
void progress_run_writing(void (*work)(void *context), void *context, int fd);

/* Likewise for work whose end nobody can see: says what it is and how many seconds it lasts. */
void progress_run_unsized(void (*work)(void *context), void *context, const char *what);

/* "[#####     ]  50 %  12 of 24 MiB", without a line end; for progress_run and its test. */
void progress_format(int64_t done, int64_t size, char out[PROGRESS_LINE_MAX]);

/* "1234 lines, 5 MiB", likewise. */
void progress_format_written(int64_t lines, int64_t bytes, char out[PROGRESS_LINE_MAX]);

#endif

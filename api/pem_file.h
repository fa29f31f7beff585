/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text files that somebody may replace while the program runs.
 *
 * Threads: pure functions; a mark belongs to one thread.
 */
#ifndef API_PEM_FILE_H
#define API_PEM_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/stat.h>

/* How a file looked the last time; zeroed: never looked at. */
struct pem_mark {
    struct stat info;
    int problem; /* errno of the look; 0: info is set */
    bool is_set;
};

/* Looks at path without reading it, and whether that differs from the mark, which is moved on. */
bool pem_file_is_changed(const char *path, struct pem_mark *mark);

/* The file's text with a NUL, which the caller frees; NULL with errno when it cannot be read, is no
 * regular file, or larger than max bytes. */
char *pem_file_read(const char *path, size_t max);

#endif

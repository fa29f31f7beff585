/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Why a line cannot go on, in words for the account. Owns no state. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rig/line/state.h"

#define ROOM_BYTES 65536 /* a disk with less is full */

bool line_disk_is_full(const struct line *line)
{
    struct statvfs info;
    return statvfs(line->dir, &info) == 0 &&
           (info.f_bavail * info.f_frsize < ROOM_BYTES || (info.f_files > 0 && info.f_favail == 0));
}

/* The last line of the log, "" when there is none. */
static void read_last_word(const struct line *line, char out[LINE_CAUSE_SIZE])
{
    struct stat info = {.st_size = 0};
    char text[LINE_CAUSE_SIZE];
    (void)fstat(line->log, &info);
    off_t from = info.st_size > (off_t)sizeof text - 1 ? info.st_size - (off_t)sizeof text + 1 : 0;
    ssize_t n = pread(line->log, text, sizeof text - 1, from);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n > 0 ? n : 0] = '\0';
    const char *begin = strrchr(text, '\n');
    (void)snprintf(out, LINE_CAUSE_SIZE, "%s", begin != NULL ? begin + 1 : text);
}

void line_break(struct line *line, const char *format, ...)
{
    char what[LINE_CAUSE_SIZE / 4];
    char why[LINE_CAUSE_SIZE];
    va_list arguments;
    if (line->is_broken)
        return;
    line->is_broken = true;
    line->is_disk_full = line_disk_is_full(line);
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    read_last_word(line, why);
    if (line->is_disk_full)
        (void)snprintf(why, sizeof why, "the disk of --dir is full");
    (void)snprintf(line->cause, sizeof line->cause, "%s%s%.*s%s", what, why[0] != '\0' ? " (" : "",
                   LINE_CAUSE_SIZE / 2, why, why[0] != '\0' ? ")" : "");
    line_complain("%s", line->cause);
}

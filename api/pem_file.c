/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* stat(2) and read(2). Owns no state. */
#include "api/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void file_release(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
#define FILE_AUTO __attribute__((cleanup(file_release))) int

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct pem_mark *a, const struct pem_mark *b)
{
    if (a->problem != 0 || b->problem != 0)
        return a->problem == b->problem;
    return a->info.st_dev == b->info.st_dev && a->info.st_ino == b->info.st_ino &&
           a->info.st_size == b->info.st_size && is_same_time(&a->info.st_mtim, &b->info.st_mtim) &&
           is_same_time(&a->info.st_ctim, &b->info.st_ctim);
}

bool pem_file_is_changed(const char *path, struct pem_mark *mark)
{
    struct pem_mark now = {.is_set = true};
    if (stat(path, &now.info) != 0)
        now.problem = errno;
    bool is_changed = !mark->is_set || !is_same(mark, &now);
    *mark = now;
    return is_changed;
}

static bool read_whole(int fd, char *text, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

char *pem_file_read(const char *path, size_t max)
{
    struct stat info;
    FILE_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0)
        return NULL;
    if (!S_ISREG(info.st_mode) || (size_t)info.st_size > max) {
        errno = EINVAL;
        return NULL;
    }
    char *text = calloc(1, (size_t)info.st_size + 1);
    if (text != NULL && !read_whole(fd, text, (size_t)info.st_size)) {
        free(text);
        return NULL;
    }
    return text;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Atomic output files. Owns the temporary file between open and clear. */
#include "cli/file_output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum error cannot_write(struct failure *failure, const char *path, int native)
{
    return failure_set_plain(failure, ERR_CONFIG, "%s cannot be written: %s", path,
                             strerror(native));
}

/* Renaming over a device or a pipe would replace it by a plain file: surely a wrong name. */
static bool is_replaceable(const char *path)
{
    struct stat info;
    return lstat(path, &info) != 0 || S_ISREG(info.st_mode);
}

static bool name_temporary(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    int n = snprintf(out, PATH_MAX, "%.*s.%s.XXXXXX", (int)(base - path), path, base);
    return base[0] != '\0' && n > 0 && n < PATH_MAX;
}

enum error file_output_open(const char *path, struct file_output *ret_output,
                            struct failure *failure)
{
    struct file_output output = {.path = path, .fd = -1, .is_stdout = strcmp(path, "-") == 0};
    if (output.is_stdout) {
        *ret_output = output;
        return ERR_OK;
    }
    if (!is_replaceable(path) || !name_temporary(path, output.temporary))
        return failure_set_plain(failure, ERR_CONFIG, "%s is not a plain file", path);
    output.fd = mkostemp(output.temporary, O_CLOEXEC);
    if (output.fd < 0)
        return cannot_write(failure, path, errno);
    *ret_output = output;
    return ERR_OK;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat a_info;
    struct stat b_info;
    return strcmp(a, b) == 0 || (stat(a, &a_info) == 0 && stat(b, &b_info) == 0 &&
                                 a_info.st_dev == b_info.st_dev && a_info.st_ino == b_info.st_ino);
}

enum error file_output_refuse_inputs(const char *path, const char *const *inputs, size_t count,
                                     struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (inputs[i] != NULL && strcmp(inputs[i], "-") != 0 && is_same_file(path, inputs[i]))
            return failure_set_usage(failure,
                                     "--out %s would replace a file that this command reads. "
                                     "Give another name",
                                     path);
    }
    return ERR_OK;
}

static bool write_all(int fd, struct bytes data)
{
    while (data.length > 0) {
        ssize_t n = write(fd, data.data, data.length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data = bytes_of(data.data + n, data.length - (size_t)n);
    }
    return true;
}

/* mkostemp makes files for the owner alone; what is written here is no secret. */
static bool set_usual_mode(int fd)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return fchmod(fd, 0666 & ~mask) == 0;
}

static bool sync_folder_of(const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return false;
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    bool is_synced = fsync(folder) == 0 || errno == EINVAL; /* not every file system can */
    (void)close(folder);
    return is_synced;
}

enum error file_output_create(const char *path, mode_t mode, struct bytes data,
                              struct failure *failure)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return failure_set_plain(failure, ERR_CONFLICT,
                                 "%s is there already, and is not replaced. Move it away, or give "
                                 "another name",
                                 path);
    if (fd < 0)
        return cannot_write(failure, path, errno);
    bool is_written = write_all(fd, data) && fsync(fd) == 0 && sync_folder_of(path);
    int native = errno;
    (void)close(fd);
    if (is_written)
        return ERR_OK;
    (void)unlink(path);
    return cannot_write(failure, path, native);
}

enum error file_output_rename(const char *from, const char *to, struct failure *failure)
{
    if (rename(from, to) != 0 || !sync_folder_of(to))
        return cannot_write(failure, to, errno);
    return ERR_OK;
}

enum error file_output_commit(struct file_output *output, struct bytes data,
                              struct failure *failure)
{
    if (output->is_stdout)
        return write_all(STDOUT_FILENO, data) ? ERR_OK
                                              : cannot_write(failure, "Standard output", errno);
    if (!write_all(output->fd, data) || !set_usual_mode(output->fd) || fsync(output->fd) != 0)
        return cannot_write(failure, output->path, errno);
    enum error e = file_output_rename(output->temporary, output->path, failure);
    if (e == ERR_OK)
        output->temporary[0] = '\0';
    return e;
}

void file_output_clear(struct file_output *output)
{
    if (output->path == NULL || output->is_stdout)
        return;
    if (output->temporary[0] != '\0')
        (void)unlink(output->temporary);
    if (output->fd >= 0)
        (void)close(output->fd);
    *output = (struct file_output){.fd = -1};
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A folder under another name until it is whole. Owns no state. */
#include "cli/new_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNTIL_WHOLE    ".incomplete"
#define FOLDER_MODE    0700
#define REMOVE_HANDLES 8
#define TO_MAX         (PATH_MAX - 64) /* room for the names behind it */

/* ---- its name ---- */

static bool is_empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry = NULL;
    bool is_empty = folder != NULL;
    while (is_empty && (entry = readdir(folder)) != NULL)
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder != NULL)
        (void)closedir(folder);
    return is_empty;
}

static enum error check_target(const char *to, struct failure *failure)
{
    struct stat info = {0};
    if (lstat(to, &info) != 0 && errno == ENOENT)
        return ERR_OK;
    if (S_ISDIR(info.st_mode) && is_empty_folder(to))
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFLICT,
                             "%s is there and is no empty folder that may be read. "
                             "Give --to the name of a new one",
                             to);
}

enum error new_folder_name(struct new_folder *folder, const char *to, struct failure *failure)
{
    size_t length = strlen(to);
    while (length > 1 && to[length - 1] == '/')
        length--;
    if (length == 0 || length > TO_MAX)
        return failure_set_usage(failure, "--to wants the name of a folder");
    (void)snprintf(folder->to, sizeof folder->to, "%.*s", (int)length, to);
    return check_target(folder->to, failure);
}

/* ---- its life ---- */

enum error new_folder_make(struct new_folder *folder, struct failure *failure)
{
    char name[PATH_MAX];
    (void)snprintf(name, sizeof name, "%.*s" UNTIL_WHOLE, TO_MAX, folder->to);
    if (mkdir(name, FOLDER_MODE) != 0 && errno == EEXIST)
        return failure_set_plain(failure, ERR_CONFLICT,
                                 "%s is left of a restore that was cut off, or one is under way. "
                                 "Remove it and repeat",
                                 name);
    folder->fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be made: %s", name,
                                 strerror(errno));
    (void)strcpy(folder->incomplete, name);
    return ERR_OK;
}

/* A name is durable once the folder that it is in is. */
static bool sync_above(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int above = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = above >= 0 && fsync(above) == 0;
    if (above >= 0)
        (void)close(above);
    return is_synced;
}

enum error new_folder_commit(struct new_folder *folder, struct failure *failure)
{
    if (fsync(folder->fd) != 0 || rename(folder->incomplete, folder->to) != 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be made: %s", folder->to,
                                 strerror(errno));
    folder->incomplete[0] = '\0';
    if (!sync_above(folder->to))
        return failure_set_plain(failure, ERR_CONFIG,
                                 "%s is there, but its name may not be durable: %s", folder->to,
                                 strerror(errno));
    return ERR_OK;
}

/* ---- what is left of one that failed ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void new_folder_clear(struct new_folder *folder)
{
    if (folder->fd >= 0)
        (void)close(folder->fd);
    if (folder->incomplete[0] != '\0')
        (void)nftw(folder->incomplete, remove_one, REMOVE_HANDLES, FTW_DEPTH | FTW_PHYS);
}

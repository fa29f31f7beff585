/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A folder that is made, held and named. Owns no state. */
#include "cli/new_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crash_point.h"

#define UNTIL_WHOLE   ".incomplete"
#define FOLDER_MODE   0700
#define TO_MAX        (PATH_MAX - 64) /* room for the names behind it */
#define FD_PATH_BYTES 40              /* "/proc/self/fd/" and a number */
#define OPEN_FOLDER   (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- entries ---- */

/* A stream of its own on the folder; NULL with errno. */
static DIR *open_entries(int folder)
{
    int copy = openat(folder, ".", OPEN_FOLDER);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    if (entries == NULL && copy >= 0)
        (void)close(copy);
    return entries;
}

/* But for the two that each folder has; NULL behind the last. */
static const char *next_entry(DIR *entries)
{
    const struct dirent *entry = NULL;
    do
        entry = readdir(entries);
    while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry != NULL ? entry->d_name : NULL;
}

static bool is_empty(int folder)
{
    DIR *entries = open_entries(folder);
    bool is_empty = entries != NULL && next_entry(entries) == NULL;
    if (entries != NULL)
        (void)closedir(entries);
    return is_empty;
}

static void remove_files(int folder)
{
    DIR *entries = open_entries(folder);
    const char *name = NULL;
    while (entries != NULL && (name = next_entry(entries)) != NULL)
        (void)unlinkat(folder, name, 0);
    if (entries != NULL)
        (void)closedir(entries);
}

/* A backup's folders are one in the other, and no deeper. */
static void remove_content(int folder)
{
    DIR *entries = open_entries(folder);
    const char *name = NULL;
    while (entries != NULL && (name = next_entry(entries)) != NULL) {
        int inner = unlinkat(folder, name, 0) != 0 ? openat(folder, name, OPEN_FOLDER) : -1;
        if (inner < 0)
            continue;
        remove_files(inner);
        (void)close(inner);
        (void)unlinkat(folder, name, AT_REMOVEDIR);
    }
    if (entries != NULL)
        (void)closedir(entries);
}

/* Whether the name in the folder above is still the folder that is held. */
static bool is_held(const struct new_folder *folder, const char *name)
{
    struct stat held;
    struct stat found;
    return fstat(folder->fd, &held) == 0 &&
           fstatat(folder->above, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

/* ---- its name ---- */

static enum error check_target(const struct new_folder *folder, struct failure *failure)
{
    int found = openat(folder->above, folder->name, OPEN_FOLDER);
    if (found < 0 && errno == ENOENT)
        return ERR_OK;
    bool is_free = found >= 0 && is_empty(found);
    if (found >= 0)
        (void)close(found);
    if (is_free)
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFLICT,
                             "%s is there and is no empty folder that may be read. "
                             "Give --to the name of a new one",
                             folder->to);
}

static enum error cannot_make(const struct new_folder *folder, struct failure *failure)
{
    return failure_set_plain(failure, ERR_CONFIG, "%s cannot be made: %s", folder->to,
                             strerror(errno));
}

enum error new_folder_name(struct new_folder *folder, const char *to, struct failure *failure)
{
    char copy[PATH_MAX];
    size_t length = strlen(to);
    while (length > 1 && to[length - 1] == '/')
        length--;
    if (length == 0 || length > TO_MAX)
        return failure_set_usage(failure, "--to wants the name of a folder");
    (void)snprintf(folder->to, sizeof folder->to, "%.*s", (int)length, to);
    (void)strcpy(copy, folder->to);
    (void)strcpy(folder->name, basename(copy));
    if (strcmp(folder->name, "/") == 0 || strcmp(folder->name, ".") == 0 ||
        strcmp(folder->name, "..") == 0)
        return failure_set_usage(failure, "--to wants the name of a folder, not %s", folder->to);
    (void)strcpy(copy, folder->to);
    folder->above = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->above >= 0 ? check_target(folder, failure) : cannot_make(folder, failure);
}

/* ---- its life ---- */

static enum error fail_exchanged(const struct new_folder *folder, struct failure *failure)
{
    return failure_set_plain(failure, ERR_CONFLICT,
                             "%s was exchanged while it was made: somebody else may write the "
                             "folder above it. Give --to a name below a folder of your own",
                             folder->to);
}

/* Another's folder, or one with something in it, is none that was just made. */
static bool is_just_made(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && info.st_uid == geteuid() && is_empty(fd);
}

enum error new_folder_make(struct new_folder *folder, struct failure *failure)
{
    char name[PATH_MAX];
    (void)snprintf(name, sizeof name, "%.*s" UNTIL_WHOLE, TO_MAX, folder->name);
    if (mkdirat(folder->above, name, FOLDER_MODE) != 0)
        return errno != EEXIST
                   ? cannot_make(folder, failure)
                   : failure_set_plain(failure, ERR_CONFLICT,
                                       "%s" UNTIL_WHOLE " is left of a restore that was cut off, "
                                       "or one is under way. Remove it and repeat",
                                       folder->to);
    crash_point("restore.folder-made");
    folder->fd = openat(folder->above, name, OPEN_FOLDER);
    if (folder->fd < 0 || !is_just_made(folder->fd)) {
        if (folder->fd >= 0)
            (void)close(folder->fd);
        folder->fd = -1;
        return fail_exchanged(folder, failure);
    }
    (void)strcpy(folder->incomplete, name);
    return ERR_OK;
}

enum error new_folder_path(const struct new_folder *folder, const char *name,
                           char ret_path[PATH_MAX], struct failure *failure)
{
    char link[FD_PATH_BYTES];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", folder->fd);
    ssize_t length = readlink(link, ret_path, PATH_MAX);
    if (length < 0 || (size_t)length + strlen(name) + 2 > PATH_MAX)
        return fail_exchanged(folder, failure);
    (void)snprintf(ret_path + length, PATH_MAX - (size_t)length, "/%s", name);
    return ERR_OK;
}

enum error new_folder_commit(struct new_folder *folder, struct failure *failure)
{
    crash_point("restore.before-name");
    if (!is_held(folder, folder->incomplete))
        return fail_exchanged(folder, failure);
    if (fsync(folder->fd) != 0 ||
        renameat(folder->above, folder->incomplete, folder->above, folder->name) != 0)
        return cannot_make(folder, failure);
    if (!is_held(folder, folder->name))
        return fail_exchanged(folder, failure);
    folder->incomplete[0] = '\0';
    crash_point("restore.after-name");
    /* A name is durable once the folder that it is in is. */
    if (fsync(folder->above) != 0)
        return failure_set_plain(failure, ERR_CONFIG,
                                 "%s is there, but its name may not be durable: %s", folder->to,
                                 strerror(errno));
    return ERR_OK;
}

void new_folder_clear(struct new_folder *folder)
{
    if (folder->incomplete[0] != '\0') {
        remove_content(folder->fd);
        if (is_held(folder, folder->incomplete))
            (void)unlinkat(folder->above, folder->incomplete, AT_REMOVEDIR);
    }
    if (folder->fd >= 0)
        (void)close(folder->fd);
    if (folder->above >= 0)
        (void)close(folder->above);
}

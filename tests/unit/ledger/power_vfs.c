/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The VFS whose power fails. Reads see the real files; the model follows what is written. */
#include "power_vfs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <sqlite3.h>

#include "power_disk.h"

struct shell {
    sqlite3_file base;
    sqlite3_file *real;     /* right behind this struct */
    struct disk_file *file; /* NULL: a temporary file, which nobody misses */
};

typedef int (*open_directory)(const char *, int *);

static sqlite3_vfs vfs;
static sqlite3_vfs *below;
static open_directory real_open_directory;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* guarded by lock, all below */
static bool is_cut;
static long countdown; /* 0: not counting */
static bool is_folder_synced;
static bool is_ignoring_folders;
static char shared_memory[512]; /* the last one mapped */

/* ---- the power ---- */

void power_vfs_cut_at(long n)
{
    (void)pthread_mutex_lock(&lock);
    countdown = n;
    (void)pthread_mutex_unlock(&lock);
}

void power_vfs_cut_now(void)
{
    (void)pthread_mutex_lock(&lock);
    is_cut = true;
    (void)pthread_mutex_unlock(&lock);
}

bool power_vfs_is_cut(void)
{
    (void)pthread_mutex_lock(&lock);
    bool answer = is_cut;
    (void)pthread_mutex_unlock(&lock);
    return answer;
}

void power_vfs_ignore_folders(bool is_ignoring)
{
    (void)pthread_mutex_lock(&lock);
    is_ignoring_folders = is_ignoring;
    (void)pthread_mutex_unlock(&lock);
}

void power_vfs_restore(unsigned *seed)
{
    (void)pthread_mutex_lock(&lock);
    disk_crash(seed);
    if (shared_memory[0] != '\0' && rand_r(seed) % 2 == 0)
        (void)unlink(shared_memory);
    is_cut = false;
    countdown = 0;
    (void)pthread_mutex_unlock(&lock);
}

void power_vfs_forget(void)
{
    (void)pthread_mutex_lock(&lock);
    disk_forget();
    shared_memory[0] = '\0';
    is_cut = false;
    countdown = 0;
    (void)pthread_mutex_unlock(&lock);
}

/* Whether a change is the one at which the power fails. */
static bool is_last(void)
{
    return countdown > 0 && --countdown == 0;
}

/* ---- files ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct shell *)file)->real;
}

static int shell_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shell_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    if (power_vfs_is_cut())
        return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), out, amount, offset);
}

/* The write during which the power fails may have reached the disk. */
static int shell_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    struct disk_file *model = ((struct shell *)file)->file;
    int rc = SQLITE_IOERR_WRITE;
    (void)pthread_mutex_lock(&lock);
    if (!is_cut) {
        if (model != NULL)
            disk_write(model, data, (size_t)amount, (size_t)offset);
        is_cut = is_last();
        if (!is_cut)
            rc = real_of(file)->pMethods->xWrite(real_of(file), data, amount, offset);
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

static int shell_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct disk_file *model = ((struct shell *)file)->file;
    int rc = SQLITE_IOERR_TRUNCATE;
    (void)pthread_mutex_lock(&lock);
    if (!is_cut) {
        if (model != NULL)
            disk_truncate(model, (size_t)size);
        is_cut = is_last();
        if (!is_cut)
            rc = real_of(file)->pMethods->xTruncate(real_of(file), size);
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

static void note_folder(void)
{
    if (is_folder_synced && !is_ignoring_folders)
        disk_sync_folder();
    is_folder_synced = false;
}

/* A sync that did not return has promised nothing. */
static int shell_sync(sqlite3_file *file, int flags)
{
    struct disk_file *model = ((struct shell *)file)->file;
    int rc = SQLITE_IOERR_FSYNC;
    (void)pthread_mutex_lock(&lock);
    is_cut = is_cut || is_last();
    if (!is_cut) {
        rc = real_of(file)->pMethods->xSync(real_of(file), flags);
        if (model != NULL)
            disk_sync(model);
        note_folder();
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

static int shell_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shell_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shell_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shell_check(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int shell_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int shell_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shell_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shell_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int shell_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shell_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shell_unmap(sqlite3_file *file, int is_delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_delete);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2, /* shared memory, and no memory-mapped reads that would pass the shell by */
    .xClose = shell_close,
    .xRead = shell_read,
    .xWrite = shell_write,
    .xTruncate = shell_truncate,
    .xSync = shell_sync,
    .xFileSize = shell_size,
    .xLock = shell_lock,
    .xUnlock = shell_unlock,
    .xCheckReservedLock = shell_check,
    .xFileControl = shell_control,
    .xSectorSize = shell_sector,
    .xDeviceCharacteristics = shell_characteristics,
    .xShmMap = shell_map,
    .xShmLock = shell_shm_lock,
    .xShmBarrier = shell_barrier,
    .xShmUnmap = shell_unmap,
};

/* ---- names ---- */

/* The model knows a file before SQLite can have made it. */
static struct disk_file *model_of(const char *name, int flags)
{
    if (name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
        return NULL;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        (void)snprintf(shared_memory, sizeof shared_memory, "%s-shm", name);
    if ((flags & SQLITE_OPEN_CREATE) == 0 && access(name, F_OK) != 0)
        return NULL;
    return disk_open(name);
}

static int shell_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct shell *shell = (struct shell *)file;
    int rc = SQLITE_CANTOPEN;
    (void)self;
    shell->base.pMethods = NULL;
    shell->real = (sqlite3_file *)(shell + 1);
    (void)pthread_mutex_lock(&lock);
    is_cut = is_cut || is_last();
    if (!is_cut) {
        shell->file = model_of(name, flags);
        rc = below->xOpen(below, name, shell->real, flags, ret_flags);
        shell->base.pMethods = shell->real->pMethods != NULL ? &METHODS : NULL;
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

static int shell_delete(sqlite3_vfs *self, const char *name, int is_folder_to_sync)
{
    int rc = SQLITE_IOERR_DELETE;
    (void)self;
    (void)pthread_mutex_lock(&lock);
    if (!is_cut) {
        if (access(name, F_OK) == 0)
            disk_remove(name);
        is_cut = is_last();
        if (!is_cut) {
            rc = below->xDelete(below, name, is_folder_to_sync);
            note_folder();
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}

/* Called by the default VFS inside xSync and xDelete above, hence with the lock held. */
static int watched_open_directory(const char *path, int *ret_fd)
{
    is_folder_synced = true;
    return real_open_directory(path, ret_fd);
}

void power_vfs_register(void)
{
    below = sqlite3_vfs_find(NULL);
    ck_assert_ptr_nonnull(below);
    real_open_directory = (open_directory)below->xGetSystemCall(below, "openDirectory");
    ck_assert_int_eq(
        below->xSetSystemCall(below, "openDirectory", (sqlite3_syscall_ptr)watched_open_directory),
        SQLITE_OK);
    vfs = *below;
    vfs.zName = "power";
    vfs.szOsFile = (int)sizeof(struct shell) + below->szOsFile;
    vfs.xOpen = shell_open;
    vfs.xDelete = shell_delete;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

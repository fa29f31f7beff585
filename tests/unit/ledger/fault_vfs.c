/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The failing disk. Each file is a shell whose real file follows it in memory. */
#include "fault_vfs.h"

#include <stdatomic.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

struct shell {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *below;
static atomic_long counts[FAULT_OPERATIONS];
static atomic_long countdown[FAULT_OPERATIONS];
static atomic_int armed_code;
static atomic_bool is_armed_lasting;
static atomic_bool has_failed;

/* ---- counting ---- */

static int judge(enum fault_operation operation)
{
    atomic_fetch_add(&counts[operation], 1);
    if (atomic_load(&countdown[operation]) <= 0)
        return SQLITE_OK;
    long left = atomic_fetch_sub(&countdown[operation], 1) - 1;
    if (left > 0)
        return SQLITE_OK;
    atomic_store(&has_failed, true);
    if (atomic_load(&is_armed_lasting))
        atomic_store(&countdown[operation], 1);
    return atomic_load(&armed_code);
}

void fault_vfs_arm(enum fault_operation operation, long n, int code, bool is_lasting)
{
    for (int i = 0; i < FAULT_OPERATIONS; i++)
        atomic_store(&countdown[i], 0);
    atomic_store(&has_failed, false);
    atomic_store(&armed_code, code);
    atomic_store(&is_armed_lasting, is_lasting);
    atomic_store(&countdown[operation], n);
}

bool fault_vfs_is_spent(void)
{
    return atomic_load(&has_failed);
}

long fault_vfs_count(enum fault_operation operation)
{
    return atomic_load(&counts[operation]);
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
    int rc = judge(FAULT_READ);
    return rc == SQLITE_OK ? real_of(file)->pMethods->xRead(real_of(file), out, amount, offset)
                           : rc;
}

static int shell_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    int rc = judge(FAULT_WRITE);
    if (rc == SQLITE_OK)
        return real_of(file)->pMethods->xWrite(real_of(file), data, amount, offset);
    /* A full disk takes a part of it. */
    (void)real_of(file)->pMethods->xWrite(real_of(file), data, amount / 2, offset);
    return rc;
}

static int shell_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = judge(FAULT_TRUNCATE);
    return rc == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : rc;
}

static int shell_sync(sqlite3_file *file, int flags)
{
    int rc = judge(FAULT_SYNC);
    return rc == SQLITE_OK ? real_of(file)->pMethods->xSync(real_of(file), flags) : rc;
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

static int shell_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct shell *shell = (struct shell *)file;
    (void)self;
    shell->real = (sqlite3_file *)(shell + 1);
    int rc = below->xOpen(below, name, shell->real, flags, ret_flags);
    shell->base.pMethods = shell->real->pMethods != NULL ? &METHODS : NULL;
    return rc;
}

void fault_vfs_register(void)
{
    below = sqlite3_vfs_find(NULL);
    ck_assert_ptr_nonnull(below);
    vfs = *below;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct shell) + below->szOsFile;
    vfs.xOpen = shell_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

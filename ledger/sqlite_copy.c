/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies by SQLite's online backup: one read transaction on a connection of its own, so that the
 * writer goes on. Owns no state.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crash_point.h"
#include "ledger/copy.h"
#include "ledger/handle.h"
#include "ledger/sqlite_log.h"
#include "ledger/sqlite_store.h"

#define COPY_MODE     0600
#define PAGES_AT_ONCE 16   /* between two looks at whether the copy is still wanted */
#define STEPS_AT_ONCE 1000 /* of SQLite's machine; likewise */

static const char COPY_SUFFIX[] = ".copy";

static const char IMAGES[] = "SELECT digest, max(size) FROM image GROUP BY digest ORDER BY digest";
static const char LEAVES[] = "SELECT count(*) FROM journal";

struct copy_work {
    const struct ledger_store *store;
    char path[PATH_MAX];
    struct db from;
    struct db to;
    struct ledger_copy copy;
};

static bool name_copy(const char *ledger, char out[PATH_MAX])
{
    int length = snprintf(out, PATH_MAX, "%s%s", ledger, COPY_SUFFIX);
    return length > 0 && length < PATH_MAX;
}

void store_copy_forget(const char *path)
{
    char name[PATH_MAX];
    if (name_copy(path, name))
        (void)unlink(name);
}

static enum error copy_fault(struct fault *fault)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "ledger-copy",
                     "The copy of the ledger cannot be made beside it: see the number; 28 is a "
                     "full disk.",
                     errno);
}

/* ---- the file ---- */

static enum error make_copy_file(struct copy_work *work, struct fault *fault)
{
    if (!name_copy(work->store->path, work->path)) {
        errno = ENAMETOOLONG;
        return copy_fault(fault);
    }
    int fd = open(work->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, COPY_MODE);
    if (fd < 0 && errno == EEXIST)
        return fault_set(fault, ERR_BUSY, "copy-under-way",
                         "Another copy of the ledger is being made: try again when it is done.", 0);
    if (fd < 0)
        return copy_fault(fault);
    work->copy.file = fd;
    return ERR_OK;
}

/* ---- the pages ---- */

static int is_stopped(void *context)
{
    const struct copy_work *work = context;
    return atomic_load(&work->store->has_stopped_copies) ? 1 : 0;
}

static int copy_some(struct copy_work *work, sqlite3_backup *backup)
{
    crash_point("ledger.copy-pages");
    return is_stopped(work) ? SQLITE_INTERRUPT : sqlite3_backup_step(backup, PAGES_AT_ONCE);
}

static enum error copy_pages(struct copy_work *work, struct fault *fault)
{
    int rc = SQLITE_OK;
    sqlite3_backup *backup =
        sqlite3_backup_init(work->to.handle, "main", work->from.handle, "main");
    if (backup == NULL)
        return db_fault(sqlite3_extended_errcode(work->to.handle), fault);
    while (rc == SQLITE_OK)
        rc = copy_some(work, backup);
    int finish = sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE && finish == SQLITE_OK)
        return ERR_OK;
    return db_fault(rc == SQLITE_DONE ? finish : rc, fault);
}

/* One moment for all pages: without it each commit in between would begin the copy anew. */
static int hold_moment(struct copy_work *work)
{
    return sqlite3_exec(work->from.handle, "BEGIN; SELECT count(*) FROM sqlite_schema;", NULL, NULL,
                        NULL);
}

/* A copy that a power cut would harm is gone by then anyway. */
static enum error make_copy(struct copy_work *work, struct fault *fault)
{
    enum error e = db_open(&work->from, work->store->path, false, fault);
    if (e == ERR_OK)
        e = db_open(&work->to, work->path, true, fault);
    if (e != ERR_OK)
        return e;
    int rc = sqlite3_db_config(work->to.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(work->to.handle, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = hold_moment(work);
    sqlite3_progress_handler(work->to.handle, STEPS_AT_ONCE, is_stopped, work);
    return rc == SQLITE_OK ? copy_pages(work, fault) : db_fault(rc, fault);
}

/* ---- what is in it ---- */

static bool add_image(struct ledger_copy *copy, sqlite3_stmt *row)
{
    struct ledger_copy_image image = {.size = sqlite3_column_int64(row, 1)};
    struct ledger_copy_image *images =
        realloc(copy->images, (copy->image_count + 1) * sizeof *copy->images);
    if (images == NULL)
        return false;
    copy->images = images;
    if (!db_column_exact(row, 0, image.digest.bytes, SHA256_SIZE))
        return false;
    images[copy->image_count++] = image;
    return true;
}

static enum error too_many(struct fault *fault)
{
    return fault_set(fault, ERR_TOO_LARGE, "too-many-images",
                     "The ledger names more than 50000 images, more than one backup takes.", 0);
}

static enum error read_images(struct copy_work *work, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    struct ledger_copy *copy = &work->copy;
    enum error e = ERR_OK;
    int rc = sqlite3_prepare_v2(work->to.handle, IMAGES, -1, &row, NULL);
    while (rc == SQLITE_OK && e == ERR_OK && sqlite3_step(row) == SQLITE_ROW) {
        if (copy->image_count == LEDGER_COPY_IMAGES_MAX)
            e = too_many(fault);
        else if (!add_image(copy, row))
            e = db_column_fault(row, fault);
    }
    rc = rc == SQLITE_OK ? sqlite3_finalize(row) : rc;
    return e == ERR_OK && rc != SQLITE_OK ? db_fault(rc, fault) : e;
}

static enum error read_leaves(struct copy_work *work, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(work->to.handle, LEAVES, -1, &row, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        work->copy.journal_size = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return rc == SQLITE_ROW ? ERR_OK : db_fault(rc, fault);
}

static enum error read_size(struct copy_work *work, struct fault *fault)
{
    struct stat info;
    if (fstat(work->copy.file, &info) != 0)
        return copy_fault(fault);
    work->copy.size = info.st_size;
    return ERR_OK;
}

/* ---- all of it ---- */

static enum error stopped_fault(struct fault *fault)
{
    return fault_set(
        fault, ERR_LEDGER_UNAVAILABLE, "copy-stopped",
        "The vault is stopping and gave up the copy of its ledger: no backup was made.", 0);
}

static enum error fill(struct copy_work *work, struct fault *fault)
{
    enum error e = make_copy(work, fault);
    if (e == ERR_OK)
        e = read_images(work, fault);
    if (e == ERR_OK)
        e = read_leaves(work, fault);
    db_close(&work->to);
    db_close(&work->from);
    if (e == ERR_OK && !log_forbid(work->path))
        e = copy_fault(fault);
    if (e == ERR_OK)
        return read_size(work, fault);
    return is_stopped(work) ? stopped_fault(fault) : e;
}

enum error store_copy(struct ledger_store *store, struct ledger_copy *ret_copy, struct fault *fault)
{
    struct copy_work work = {.store = store, .copy = {.file = -1}};
    enum error e = make_copy_file(&work, fault);
    if (e != ERR_OK)
        return e;
    e = fill(&work, fault);
    crash_point("ledger.copy-made");
    (void)unlink(work.path);
    if (e == ERR_OK)
        *ret_copy = work.copy;
    else
        ledger_copy_clear(&work.copy);
    return e;
}

void store_copy_stop(struct ledger_store *store)
{
    atomic_store(&store->has_stopped_copies, true);
}

/* The log is not counted: it is at most what the reserve has room for. */
enum error ledger_copy(struct ledger *ledger, struct ledger_copy *ret_copy, struct fault *fault)
{
    int64_t size = ledger->ops->size(ledger->store);
    if (ledger_room_permits(ledger, size, fault) != ERR_OK)
        return fault_set(
            fault, ERR_LEDGER_UNAVAILABLE, LEDGER_DISK_NEARLY_FULL,
            "A backup needs room for a second ledger on the ledger's disk, beside what "
            "vault.disk_reserve_mb keeps free: make room there.",
            0);
    return ledger->ops->copy(ledger->store, ret_copy, fault);
}

void ledger_copy_stop(struct ledger *ledger)
{
    ledger->ops->copy_stop(ledger->store);
}

void ledger_copy_clear(struct ledger_copy *copy)
{
    if (copy->file >= 0)
        (void)close(copy->file);
    free(copy->images);
    *copy = (struct ledger_copy){.file = -1};
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The migration's files and its one transaction. Owns no state. */
#include "ledger/sqlite_migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crash_point.h"
#include "ledger/sqlite_schema.h"
#include "ledger/sqlite_steps.h"

#define COPY_SUFFIX  ".migrating"
#define COPY_MODE    0600
#define ALL_PAGES    (-1)
#define TRIGGERS_MAX 64
#define DROP_MAX     256
#define CACHE_KIB    "65536"

struct migration {
    const char *path;
    char copy[PATH_MAX];
    char kept[PATH_MAX];
    int64_t version; /* of the old file */
    struct db from;
    struct db to;
};

/* ---- what there is ---- */

static enum error failed(struct fault *fault, int native)
{
    return fault_set(fault, ERR_CONFIG, "migration-failed",
                     "The ledger of an older version cannot be brought to this one, and is as it "
                     "was: go back to the version before and tell the makers of provisiond.",
                     native);
}

static enum error file_fault(struct fault *fault)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "migration-file",
                     "The copy of the ledger that is to be brought to this version cannot be "
                     "written: make room for a second ledger. The number says why; 28 is a full "
                     "disk.",
                     errno);
}

static int64_t number_of(struct db *db, const char *query, int64_t otherwise)
{
    sqlite3_stmt *row = NULL;
    int64_t number = otherwise;
    if (sqlite3_prepare_v2(db->handle, query, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        number = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return number;
}

static bool is_wanted(const struct migration *migration)
{
    return migration->version >= STEPS_FIRST_VERSION && migration->version < SCHEMA_VERSION;
}

/* Whatever cannot be read is for schema_start to refuse. */
static enum error look(struct migration *migration, struct fault *fault)
{
    struct stat info;
    if (stat(migration->path, &info) != 0 || info.st_size == 0)
        return ERR_OK;
    enum error e = db_open(&migration->from, migration->path, true, fault);
    if (e != ERR_OK)
        return e;
    if (number_of(&migration->from, "PRAGMA application_id", 0) == APPLICATION_ID)
        migration->version = number_of(&migration->from, "PRAGMA user_version", 0);
    return ERR_OK;
}

static enum error name_files(struct migration *migration, struct fault *fault)
{
    int copy = snprintf(migration->copy, PATH_MAX, "%s" COPY_SUFFIX, migration->path);
    int kept =
        snprintf(migration->kept, PATH_MAX, "%s.v%d", migration->path, (int)migration->version);
    if (copy > 0 && copy < PATH_MAX && kept > 0 && kept < PATH_MAX)
        return ERR_OK;
    errno = ENAMETOOLONG;
    return file_fault(fault);
}

/* ---- the copy ---- */

static enum error make_copy_file(struct migration *migration, struct fault *fault)
{
    (void)unlink(migration->copy); /* of a migration that was cut off */
    int fd = open(migration->copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, COPY_MODE);
    if (fd < 0)
        return file_fault(fault);
    (void)close(fd);
    return ERR_OK;
}

static enum error copy_pages(struct migration *migration, struct fault *fault)
{
    sqlite3 *to = migration->to.handle;
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", migration->from.handle, "main");
    if (backup == NULL)
        return db_fault(sqlite3_extended_errcode(to), fault);
    int rc = sqlite3_backup_step(backup, ALL_PAGES);
    int finish = sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE && finish == SQLITE_OK)
        return ERR_OK;
    return db_fault(rc == SQLITE_DONE ? finish : rc, fault);
}

/*
 * Sorts that outgrow the cache go on in files beside the ledger: the program may write there, and
 * not where SQLite would. NULL: back to what it was.
 */
static enum error set_sort_folder(const char *path, struct fault *fault)
{
    char copy[PATH_MAX];
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = NULL;
    if (path == NULL)
        return ERR_OK;
    (void)snprintf(copy, sizeof copy, "%s", path);
    sqlite3_temp_directory = sqlite3_mprintf("%s", dirname(copy));
    return sqlite3_temp_directory != NULL ? ERR_OK : db_fault(SQLITE_NOMEM, fault);
}

/*
 * One file, without a log beside it: a copy that is not finished is thrown away. The memory that
 * it takes is the cache's, twice (once for what is sorted), however large the ledger is.
 */
static enum error open_copy(struct migration *migration, struct fault *fault)
{
    enum error e = db_open(&migration->to, migration->copy, true, fault);
    if (e == ERR_OK)
        e = copy_pages(migration, fault);
    if (e != ERR_OK)
        return e;
    sqlite3 *to = migration->to.handle;
    int rc = sqlite3_db_config(to, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to,
                          "PRAGMA journal_mode = OFF; PRAGMA secure_delete = OFF; "
                          "PRAGMA synchronous = FULL; PRAGMA cache_size = -" CACHE_KIB "; "
                          "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; "
                          "PRAGMA trusted_schema = OFF; PRAGMA temp_store = FILE;",
                          NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fault(rc, fault);
}

/* ---- the transaction ---- */

/* A full disk is told as such; whatever else is wrong with the old ledger stays with it. */
static enum error step_fault(int rc, struct fault *fault)
{
    enum error e = db_fault(rc, fault);
    int kind = rc & 0xff;
    return kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_NOMEM ? e
                                                                               : failed(fault, rc);
}

static int drop_triggers(sqlite3 *db)
{
    char drops[TRIGGERS_MAX][DROP_MAX];
    size_t count = 0;
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger'", -1,
                                &row, NULL);
    while (rc == SQLITE_OK && count < TRIGGERS_MAX && sqlite3_step(row) == SQLITE_ROW)
        (void)sqlite3_snprintf(DROP_MAX, drops[count++], "DROP TRIGGER \"%w\"",
                               sqlite3_column_text(row, 0));
    (void)sqlite3_finalize(row);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        rc = sqlite3_exec(db, drops[i], NULL, NULL, NULL);
    return rc;
}

static enum error run_steps(struct migration *migration, struct fault *fault)
{
    sqlite3 *db = migration->to.handle;
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = drop_triggers(db);
    for (int64_t from = migration->version; from < SCHEMA_VERSION && rc == SQLITE_OK; from++) {
        const char *step = step_from(from);
        if (step == NULL)
            return failed(fault, (int)from);
        rc = sqlite3_exec(db, step, NULL, NULL, NULL);
    }
    crash_point("migrate.before-commit");
    if (rc == SQLITE_OK) /* and the version, and the end of the transaction */
        rc = sqlite3_exec(db, schema_triggers(), NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : step_fault(rc, fault);
}

/* ---- the check ---- */

/* What no step may lose: leaves, charges, licenses, documents, principals. */
static bool has_all_rows(struct migration *migration)
{
    static const char *const COUNTS[] = {"SELECT count(*) FROM journal",
                                         "SELECT count(*) FROM charge",
                                         "SELECT count(*) FROM install",
                                         "SELECT count(*) FROM document",
                                         "SELECT count(*) FROM principal",
                                         "SELECT count(*) FROM device",
                                         "SELECT count(*) FROM tree",
                                         "SELECT total(length(entry)) FROM journal",
                                         "SELECT total(length(license)) FROM install"};
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        if (number_of(&migration->from, COUNTS[i], -1) != number_of(&migration->to, COUNTS[i], -2))
            return false;
    }
    return true;
}

static enum error check_copy(struct migration *migration, struct fault *fault)
{
    struct db *to = &migration->to;
    if (number_of(to, "PRAGMA user_version", 0) == SCHEMA_VERSION &&
        number_of(to,
                  "SELECT count(*) = 1 AND max(integrity_check) = 'ok' FROM pragma_integrity_check",
                  0) == 1 &&
        number_of(to, "SELECT count(*) FROM pragma_foreign_key_check", 1) == 0 &&
        has_all_rows(migration))
        return ERR_OK;
    return failed(fault, 0);
}

/* ---- into place ---- */

/*
 * The old file must not leave its log behind: it would be read with the new one. Without a log it
 * is one file, which the older program opens as it is.
 */
static enum error fold_log(struct migration *migration, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_db_config(migration->from.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(migration->from.handle, "PRAGMA journal_mode = DELETE", -1, &row,
                                NULL);
    bool is_folded = rc == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW &&
                     sqlite3_stricmp((const char *)sqlite3_column_text(row, 0), "delete") == 0;
    (void)sqlite3_finalize(row);
    return is_folded ? ERR_OK : db_fault(sqlite3_extended_errcode(migration->from.handle), fault);
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_synced;
}

static bool sync_folder(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat a_info;
    struct stat b_info;
    return stat(a, &a_info) == 0 && stat(b, &b_info) == 0 && a_info.st_dev == b_info.st_dev &&
           a_info.st_ino == b_info.st_ino;
}

/* The old file has both names until the new one takes the first. */
static enum error keep_old(const struct migration *migration, struct fault *fault)
{
    if (link(migration->path, migration->kept) == 0 ||
        (errno == EEXIST && is_same_file(migration->path, migration->kept)))
        return ERR_OK;
    if (errno == EEXIST)
        return fault_set(fault, ERR_CONFIG, "schema-kept",
                         "The older ledger cannot be kept: a file has its name already, as the "
                         "ledger's with .v and the older version's number. Move that file away.",
                         0);
    return file_fault(fault);
}

static enum error put_in_place(struct migration *migration, struct fault *fault)
{
    if (!sync_path(migration->copy, O_RDONLY))
        return file_fault(fault);
    crash_point("migrate.before-keep");
    enum error e = keep_old(migration, fault);
    if (e != ERR_OK)
        return e;
    crash_point("migrate.before-rename");
    if (!sync_folder(migration->path) || rename(migration->copy, migration->path) != 0)
        return file_fault(fault);
    crash_point("migrate.after-rename");
    return sync_folder(migration->path) ? ERR_OK : file_fault(fault);
}

/* ---- all of it ---- */

static enum error migrate(struct migration *migration, struct fault *fault)
{
    enum error e = name_files(migration, fault);
    if (e == ERR_OK)
        e = set_sort_folder(migration->path, fault);
    if (e == ERR_OK)
        e = make_copy_file(migration, fault);
    if (e == ERR_OK)
        e = open_copy(migration, fault);
    crash_point("migrate.copied");
    if (e == ERR_OK)
        e = run_steps(migration, fault);
    if (e == ERR_OK)
        e = check_copy(migration, fault);
    if (e == ERR_OK)
        e = fold_log(migration, fault);
    db_close(&migration->to);
    db_close(&migration->from);
    (void)set_sort_folder(NULL, fault);
    if (e == ERR_OK)
        e = put_in_place(migration, fault);
    if (e != ERR_OK)
        (void)unlink(migration->copy);
    return e;
}

enum error migrate_ledger(const char *path, struct fault *fault)
{
    struct migration migration = {.path = path};
    enum error e = look(&migration, fault);
    if (e == ERR_OK && is_wanted(&migration))
        e = migrate(&migration, fault);
    db_close(&migration.to);
    db_close(&migration.from);
    return e;
}

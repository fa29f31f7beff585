/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opening and closing of the SQLite store, its lock against a second process, its readers, its
 * transactions, and the table of its functions.
 */
#include "ledger/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ledger/sqlite_log.h"
#include "ledger/sqlite_migrate.h"
#include "ledger/sqlite_rewrap.h"
#include "ledger/sqlite_schema.h"

#define LOCK_SUFFIX  ".lock"
#define READER_CACHE "PRAGMA cache_size = -512" /* KiB */
#define FILE_MODE    0600

/* ---- files ---- */

static enum error file_fault(struct fault *fault)
{
    if (errno == ENOSPC || errno == EIO || errno == EMFILE || errno == ENFILE || errno == EDQUOT)
        return fault_set(
            fault, ERR_LEDGER_UNAVAILABLE, "ledger-file",
            "The ledger's file cannot be made or opened: make room on its disk, see in the "
            "kernel's log (`dmesg`) whether it fails, or raise the unit's LimitNOFILE=.",
            errno);
    return fault_set(fault, ERR_CONFIG, "ledger-path",
                     "The ledger's path cannot be used: its folder must be there, and folder and "
                     "files belong to the user of provision-vault.",
                     errno);
}

/*
 * A lock file of its own: locks on the database file itself would vanish whenever this process
 * closes any descriptor of it (POSIX).
 */
static enum error lock_file(const char *path, int *ret_fd, struct fault *fault)
{
    char name[PATH_MAX];
    int length = snprintf(name, sizeof name, "%s" LOCK_SUFFIX, path);
    if (length < 0 || (size_t)length >= sizeof name)
        return fault_set(fault, ERR_CONFIG, "ledger-path",
                         "The ledger's path is too long: choose a shorter one for [vault] ledger.",
                         0);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return file_fault(fault);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return fault_set(
            fault, ERR_CONFIG, "ledger-in-use",
            "Another process serves this ledger: end that one (`pgrep -a provision-vault`).",
            errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* The names in a folder are durable only once the folder is (fsync(2)). */
static enum error sync_folder(const char *path, struct fault *fault)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_fault(fault);
    int status = fsync(fd);
    (void)close(fd);
    return status == 0 ? ERR_OK : file_fault(fault);
}

/* Made here and not by SQLite, which would ask the umask; its side files take over the mode. */
static enum error make_file(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return file_fault(fault);
    int status = fchmod(fd, FILE_MODE);
    (void)close(fd);
    return status == 0 ? sync_folder(path, fault) : file_fault(fault);
}

/* ---- open and close ---- */

static enum error read_version(struct ledger_store *store, int64_t *ret_version,
                               struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_DATA_VERSION);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_version = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

static enum error open_writer(struct ledger_store *store, const char *path, struct fault *fault)
{
    enum error e = db_open(&store->writer, path, true, fault);
    if (e == ERR_OK)
        e = schema_start(&store->writer, fault);
    if (e == ERR_OK)
        e = rewrap_register(&store->writer, fault);
    if (e == ERR_OK)
        e = db_prepare(&store->writer, true, fault);
    if (e == ERR_OK)
        e = read_version(store, &store->version, fault);
    return e;
}

/* What a reader keeps of one snapshot is of no use in the next. */
static enum error limit_cache(struct db *reader, struct fault *fault)
{
    int rc = sqlite3_exec(reader->handle, READER_CACHE, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fault(rc, fault);
}

static enum error open_readers(struct ledger_store *store, const char *path, struct fault *fault)
{
    enum error e = queue_new(STORE_READERS, &store->idle);
    if (e != ERR_OK)
        return fault_set(fault, e, "memory", "Out of memory.", 0);
    for (size_t i = 0; i < STORE_READERS && e == ERR_OK; i++) {
        e = db_open(&store->readers[i], path, false, fault);
        if (e == ERR_OK)
            e = limit_cache(&store->readers[i], fault);
        if (e == ERR_OK)
            e = db_prepare(&store->readers[i], false, fault);
        if (e == ERR_OK && !queue_push(store->idle, &store->readers[i]))
            e = fault_set(fault, ERR_INTERNAL, "readers", "The readers' queue is too short.", 0);
    }
    return e;
}

/* Readers first: the last connection to close folds the log back into the file. */
static void store_close(struct ledger_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < STORE_READERS; i++)
        db_close(&store->readers[i]);
    db_close(&store->writer);
    queue_free(store->idle);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(store);
}

/* SQLite gives these beginnings a meaning of their own. */
static bool path_is_plain(const char *path)
{
    return path[0] != '\0' && path[0] != ':' && strncmp(path, "file:", strlen("file:")) != 0;
}

/* Its lock is held, so no other process makes a copy; the length was checked with the lock's. */
static void take_path(struct ledger_store *store, const char *path)
{
    (void)snprintf(store->path, sizeof store->path, "%s", path);
    store_copy_forget(path);
}

static enum error store_open(const char *path, struct ledger_store **ret_store, struct fault *fault)
{
    if (!path_is_plain(path))
        return fault_set(fault, ERR_CONFIG, "ledger-path",
                         "The ledger's path is no file name: name a file in [vault] ledger.", 0);
    /* The statistics cost a mutex that all readers and the writer would meet at. Without effect,
     * and without harm, when this process uses SQLite already. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct ledger_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    store->lock_fd = -1;
    enum error e = lock_file(path, &store->lock_fd, fault);
    if (e == ERR_OK)
        take_path(store, path);
    if (e == ERR_OK)
        e = log_check(path, fault);
    if (e == ERR_OK)
        e = migrate_ledger(path, fault);
    if (e == ERR_OK)
        e = make_file(path, fault);
    if (e == ERR_OK)
        e = open_writer(store, path, fault);
    if (e == ERR_OK)
        e = open_readers(store, path, fault);
    if (e != ERR_OK) {
        store_close(store);
        return e;
    }
    *ret_store = store;
    return ERR_OK;
}

/* The lock file is beside the database. */
int64_t store_free_bytes(struct ledger_store *store)
{
    struct statvfs info;
    if (fstatvfs(store->lock_fd, &info) != 0)
        return INT64_MAX;
    return (int64_t)info.f_bavail * (int64_t)info.f_frsize;
}

int64_t store_size(struct ledger_store *store)
{
    struct stat info;
    return stat(store->path, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* ---- readers ---- */

struct store_reader store_reader(struct ledger_store *store, struct fault *fault)
{
    struct store_reader reader = {
        .store = store, .db = queue_pop(store->idle, deadline_in(LEDGER_COMMIT_TIMEOUT_MS))};
    if (reader.db == NULL)
        (void)fault_set(fault, ERR_LEDGER_UNAVAILABLE, "readers-busy",
                        "All readers of the ledger are busy.", 0);
    return reader;
}

void store_reader_return(struct store_reader *reader)
{
    /* The one that was used last is used next: it has the newest pages. There is always room: the
     * queue holds as many as there are readers. */
    if (reader->db != NULL && !queue_push_first(reader->store->idle, reader->db))
        abort();
}

/* ---- transactions ---- */

/*
 * Nobody else writes this file. Who does it while it is open, and takes it back again, would leave
 * no trace for the next start to find: then nothing is written any more.
 */
static enum error check_version(struct ledger_store *store, struct fault *fault)
{
    int64_t version = 0;
    enum error e = read_version(store, &version, fault);
    if (e == ERR_OK && version != store->version)
        e = fault_set(fault, ERR_LEDGER_UNAVAILABLE, "ledger-changed",
                      "Another program wrote the ledger's file while it was in use. Find out which "
                      "and why, then restart provision-vault: it checks the ledger anew.",
                      0);
    return e;
}

static enum error store_begin(struct ledger_store *store, struct fault *fault)
{
    enum error e = db_run(&store->writer, SQL_BEGIN, fault);
    return e == ERR_OK ? check_version(store, fault) : e;
}

static enum error store_commit(struct ledger_store *store, struct fault *fault)
{
    return db_run(&store->writer, SQL_COMMIT, fault);
}

static void store_rollback(struct ledger_store *store)
{
    struct fault ignored;
    /* SQLite has rolled back on its own after some errors; there is nothing left to end then. */
    if (sqlite3_get_autocommit(store->writer.handle) == 0 &&
        db_run(&store->writer, SQL_ROLLBACK, &ignored) != ERR_OK)
        return; /* the next begin fails and says why */
}

static enum error store_change_begin(struct ledger_store *store, struct fault *fault)
{
    return db_run(&store->writer, SQL_SAVEPOINT, fault);
}

/*
 * After some errors (full disk, I/O) SQLite has rolled the whole transaction back. The savepoint is
 * then gone, so these statements fail, and with them the group: nothing of it commits piecemeal.
 */
static enum error store_change_keep(struct ledger_store *store, struct fault *fault)
{
    return db_run(&store->writer, SQL_RELEASE, fault);
}

static enum error store_change_undo(struct ledger_store *store, struct fault *fault)
{
    enum error e = db_run(&store->writer, SQL_UNDO, fault);
    if (e == ERR_OK)
        e = db_run(&store->writer, SQL_RELEASE, fault);
    return e;
}

const struct ledger_store_ops ledger_sqlite_ops = {
    .open = store_open,
    .close = store_close,
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
    .change_begin = store_change_begin,
    .change_keep = store_change_keep,
    .change_undo = store_change_undo,
    .journal_append = store_journal_append,
    .journal_last = store_journal_last,
    .governed_next = store_governed_next,
    .journal_size = store_journal_size,
    .tree_add = store_tree_add,
    .tree_read = store_tree_read,
    .checkpoint_set = store_checkpoint_set,
    .rotation_add = store_rotation_add,
    .breach_newest = store_breach_newest,
    .breach_add = store_breach_add,
    .breach_is_agreed = store_breach_is_agreed,
    .breach_override = store_breach_override,
    .bind = store_bind,
    .product_add = store_product_add,
    .product_get_mine = store_product_get_mine,
    .units_add = store_units_add,
    .product_govern = store_product_govern,
    .sequence_set = store_sequence_set,
    .overridden = store_overridden,
    .consent_add = store_consent_add,
    .document_is_known = store_document_is_known,
    .document_add = store_document_add,
    .binding_view = store_binding_view,
    .device_rebind = store_device_rebind,
    .budget_set = store_budget_set,
    .crls_set = store_crls_set,
    .budget_draw = store_budget_draw,
    .firmware_keys_mine = store_firmware_keys_mine,
    .firmware_key_rotate = store_firmware_key_rotate,
    .firmware_key_retire = store_firmware_key_retire,
    .firmware_key_end = store_firmware_key_end,
    .image_add = store_image_add,
    .image_compare = store_image_compare,
    .standby_named = store_standby_named,
    .standby_count = store_standby_count,
    .standby_add = store_standby_add,
    .standby_remove = store_standby_remove,
    .handover_set = store_handover_set,
    .standby_get = store_standby_get,
    .standbys_each = store_standbys_each,
    .handed_over_each = store_handed_over_each,
    .list_find = store_list_find,
    .list_add = store_list_add,
    .listed_view = store_listed_view,
    .listed_put = store_listed_put,
    .listed_remove = store_listed_remove,
    .listed_state_mine = store_listed_state_mine,
    .listed_state = store_listed_state,
    .listed_mine = store_listed_mine,
    .listed_get = store_listed_get,
    .lists_each = store_lists_each,
    .image_enable = store_image_enable,
    .image_alias = store_image_alias,
    .principal_named = store_principal_named,
    .principal_add = store_principal_add,
    .principal_set = store_principal_set,
    .principal_key_is_known = store_principal_key_is_known,
    .principal_key_add = store_principal_key_add,
    .principal_key_remove = store_principal_key_remove,
    .principal_name = store_principal_name,
    .issue_view = store_issue_view,
    .install_add = store_install_add,
    .install_repeat = store_install_repeat,
    .outcome_view = store_outcome_view,
    .outcome_set = store_outcome_set,
    .refusal_add = store_refusal_add,
    .info = store_info,
    .view = store_view,
    .principal_get = store_principal_get,
    .product_get = store_product_get,
    .product_anchors = store_product_anchors,
    .product_crls = store_product_crls,
    .image_get = store_image_get,
    .alias_get = store_alias_get,
    .image_exists = store_image_exists,
    .products_each = store_products_each,
    .images_each = store_images_each,
    .firmware_keys_each = store_firmware_keys_each,
    .principals_each = store_principals_each,
    .usage = store_usage,
    .documents_each = store_documents_each,
    .budgets_each = store_budgets_each,
    .documents_page = store_documents_page,
    .document_get = store_document_get,
    .installs_each = store_installs_each,
    .install_get = store_install_get,
    .usage_each = store_usage_each,
    .charged_since = store_charged_since,
    .install_device = store_install_device,
    .accounts_each = store_accounts_each,
    .leaves_each = store_leaves_each,
    .hashes = store_hashes,
    .install_leaf = store_install_leaf,
    .checkpoint_get = store_checkpoint_get,
    .rotations_get = store_rotations_get,
    .free_bytes = store_free_bytes,
    .size = store_size,
    .copy = store_copy,
    .copy_stop = store_copy_stop,
};

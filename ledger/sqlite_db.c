/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Connections, statements, values and what SQLite's result codes mean. Owns no state. */
#include "ledger/sqlite_db.h"

#include <assert.h>

#define BUSY_TIMEOUT_MS 2000 /* well below LEDGER_COMMIT_TIMEOUT_MS */

static_assert(BUSY_TIMEOUT_MS < LEDGER_COMMIT_TIMEOUT_MS, "a lock must not outlast a waiter");

/* ---- meanings ---- */

static enum error unavailable(int rc, struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, reason, detail, rc);
}

enum error db_fault(int rc, struct fault *fault)
{
    if (rc == SQLITE_IOERR_NOMEM)
        rc = SQLITE_NOMEM;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", rc);
    case SQLITE_CONSTRAINT:
        return fault_set(fault, ERR_INTERNAL, "constraint",
                         "The database refused a change that breaks its own rules.", rc);
    case SQLITE_FULL:
        return unavailable(
            rc, fault, "disk-full",
            "The ledger's disk is full: make room there. It goes on by itself then.");
    case SQLITE_IOERR:
        return unavailable(rc, fault, "io-error",
                           "The ledger's disk reported an error: look into the kernel's log "
                           "(`dmesg`), and make a backup while it can be read.");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return unavailable(
            rc, fault, "locked",
            "Another program holds the ledger's database: end that one (`fuser` names it).");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return unavailable(rc, fault, "corrupt",
                           "The ledger's database is damaged: keep its files as they are, and "
                           "restore a backup beside them.");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return unavailable(rc, fault, "not-accessible",
                           "The ledger's files cannot be opened or written: give them to the user "
                           "of provision-vault, on a disk that is not read-only.");
    default:
        return unavailable(rc, fault, "store",
                           "The ledger's database reported an error: the number is SQLite's. Start "
                           "provision-vault again, and report it if it stays.");
    }
}

enum error db_column_fault(sqlite3_stmt *row, struct fault *fault)
{
    int rc = sqlite3_errcode(sqlite3_db_handle(row));
    if ((rc & 0xff) == SQLITE_NOMEM)
        return db_fault(rc, fault);
    return unavailable(SQLITE_CORRUPT, fault, "corrupt",
                       "A row of the ledger's database is not as it was written: keep its files as "
                       "they are, and restore a backup beside them.");
}

/* ---- connections ---- */

enum error db_open(struct db *db, const char *path, bool is_writer, struct fault *fault)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    int rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    /* Nobody turns the journal off or edits the schema through this connection. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fault(rc, fault);
}

enum error db_prepare(struct db *db, bool is_writer, struct fault *fault)
{
    for (enum sql i = 0; i < SQL_COUNT; i++) {
        if (!is_writer && i >= SQL_FIRST_WRITE)
            break;
        int rc = sqlite3_prepare_v3(db->handle, sql_text(i), -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->statements[i], NULL);
        if (rc != SQLITE_OK)
            return db_fault(rc, fault);
    }
    return ERR_OK;
}

void db_close(struct db *db)
{
    for (enum sql i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(db->statements[i]);
    (void)sqlite3_close(db->handle);
    *db = (struct db){0};
}

/* ---- statements ---- */

sqlite3_stmt *db_row(struct db *db, enum sql statement)
{
    return db->statements[statement];
}

void db_row_reset(sqlite3_stmt **row)
{
    (void)sqlite3_reset(*row);
    (void)sqlite3_clear_bindings(*row);
}

static int bind_value(sqlite3_stmt *row, int at, const struct db_value *value)
{
    if (value->type == SQLITE_INTEGER)
        return sqlite3_bind_int64(row, at, value->integer);
    if (value->type == SQLITE_TEXT)
        return sqlite3_bind_text64(row, at, value->data, value->length, SQLITE_STATIC, SQLITE_UTF8);
    if (value->type == SQLITE_NULL)
        return sqlite3_bind_pointer(row, at, value->pointer, value->pointer_type, NULL);
    /* A NULL pointer would bind NULL; an empty blob is a blob. */
    return sqlite3_bind_blob64(row, at, value->length > 0 ? value->data : "", value->length,
                               SQLITE_STATIC);
}

int db_step_values(sqlite3_stmt *row, const struct db_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int rc = bind_value(row, (int)i + 1, &values[i]);
        if (rc != SQLITE_OK)
            return rc;
    }
    return sqlite3_step(row);
}

enum error db_run_values(struct db *db, enum sql statement, struct fault *fault,
                         const struct db_value *values, size_t count)
{
    DB_ROW *row = db_row(db, statement);
    int rc = db_step_values(row, values, count);
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

bool db_is_changed(const struct db *db)
{
    return db_changes(db) > 0;
}

size_t db_changes(const struct db *db)
{
    return (size_t)sqlite3_changes(db->handle);
}

/* ---- columns ---- */

bool db_column_blob(sqlite3_stmt *row, int column, void *out, size_t size, size_t *ret_length)
{
    if (sqlite3_column_type(row, column) != SQLITE_BLOB)
        return false;
    const void *bytes = sqlite3_column_blob(row, column);
    size_t length = (size_t)sqlite3_column_bytes(row, column);
    if (length > size || (bytes == NULL && length > 0))
        return false;
    if (length > 0)
        memcpy(out, bytes, length);
    *ret_length = length;
    return true;
}

bool db_column_exact(sqlite3_stmt *row, int column, void *out, size_t size)
{
    size_t length = 0;
    return db_column_blob(row, column, out, size, &length) && length == size;
}

bool db_column_text(sqlite3_stmt *row, int column, char *out, size_t size)
{
    if (sqlite3_column_type(row, column) != SQLITE_TEXT)
        return false;
    const unsigned char *text = sqlite3_column_text(row, column);
    size_t length = (size_t)sqlite3_column_bytes(row, column);
    if (text == NULL || length >= size)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

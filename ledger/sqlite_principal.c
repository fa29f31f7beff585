/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's principals: a row for each, and rows for its keys. Writer thread, except for
 * store_principal_get and store_principals_each.
 */
#include "ledger/sqlite_store.h"

enum error store_principal_unknown(struct fault *fault)
{
    return fault_set(fault, ERR_PRINCIPAL_UNKNOWN, "principal-unknown",
                     "There is no principal of this name and role.", 0);
}

/* ---- rows ---- */

bool store_read_caller(sqlite3_stmt *row, int column, struct store_caller *caller)
{
    caller->is_known = sqlite3_column_type(row, column) != SQLITE_NULL;
    if (!caller->is_known)
        return true;
    caller->is_enabled = sqlite3_column_int(row, column + 1) != 0;
    caller->role = (enum ledger_role)sqlite3_column_int(row, column + 2);
    struct ledger_scope *scope = &caller->scope;
    return db_column_text(row, column, caller->name, sizeof caller->name) &&
           db_column_text(row, column + 3, scope->products, sizeof scope->products) &&
           db_column_text(row, column + 4, scope->lines, sizeof scope->lines);
}

static bool read_principal(sqlite3_stmt *row, struct ledger_principal *principal)
{
    struct ledger_scope *scope = &principal->scope;
    principal->id = sqlite3_column_int64(row, 0);
    principal->is_enabled = sqlite3_column_int(row, 2) != 0;
    principal->role = (enum ledger_role)sqlite3_column_int(row, 3);
    principal->key_count = 0;
    return db_column_text(row, 1, principal->name, sizeof principal->name) &&
           db_column_text(row, 4, scope->products, sizeof scope->products) &&
           db_column_text(row, 5, scope->lines, sizeof scope->lines);
}

static bool read_key(sqlite3_stmt *row, struct ledger_principal *principal)
{
    size_t at = principal->key_count;
    if (at == LEDGER_PRINCIPAL_KEYS_MAX)
        return false;
    principal->keys[at].added_unix_ms = sqlite3_column_int64(row, 7);
    principal->key_count++;
    return db_column_exact(row, 6, principal->keys[at].spki.bytes, SHA256_SIZE);
}

/*
 * The principal that begins with this row, which *rc tells of, and the row behind its last key.
 * *rc is SQLITE_DONE or an error when there is none; each principal has a key.
 */
static enum error read_next(sqlite3_stmt *row, int *rc, struct ledger_principal *ret_principal,
                            struct fault *fault)
{
    if (*rc == SQLITE_ROW && !read_principal(row, ret_principal))
        return db_column_fault(row, fault);
    while (*rc == SQLITE_ROW && sqlite3_column_int64(row, 0) == ret_principal->id) {
        if (!read_key(row, ret_principal))
            return db_column_fault(row, fault);
        *rc = sqlite3_step(row);
    }
    return *rc == SQLITE_ROW || *rc == SQLITE_DONE ? ERR_OK : db_fault(*rc, fault);
}

/* ---- reading ---- */

enum error store_principal_get(struct ledger_store *store, const struct sha256 *spki,
                               bool *ret_is_known, struct ledger_principal *ret_principal,
                               struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_principal principal = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_PRINCIPAL_GET);
    int rc = db_step(row, DB_SHA256(spki));
    enum error e = read_next(row, &rc, &principal, fault);
    if (e != ERR_OK)
        return e;
    *ret_is_known = principal.key_count > 0;
    *ret_principal = principal;
    return ERR_OK;
}

enum error store_principals_each(struct ledger_store *store,
                                 bool (*each)(void *context,
                                              const struct ledger_principal *principal),
                                 void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_principal principal = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_PRINCIPALS);
    int rc = db_step(row);
    while (rc == SQLITE_ROW) {
        enum error e = read_next(row, &rc, &principal, fault);
        if (e != ERR_OK)
            return e;
        if (!each(context, &principal))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

/* ---- writing ---- */

enum error store_principal_named(struct ledger_store *store, const char *name,
                                 struct ledger_principal *ret_principal, struct fault *fault)
{
    struct ledger_principal principal = {0};
    DB_ROW *row = db_row(&store->writer, SQL_PRINCIPAL_NAMED);
    int rc = db_step(row, DB_TEXT(name));
    enum error e = read_next(row, &rc, &principal, fault);
    if (e == ERR_OK && principal.key_count == 0)
        e = store_principal_unknown(fault);
    if (e == ERR_OK)
        *ret_principal = principal;
    return e;
}

enum error store_principal_add(struct ledger_store *store, const struct ledger_principal *principal,
                               struct fault *fault)
{
    enum error e = db_run(&store->writer, SQL_PRINCIPAL_ADD, fault, DB_TEXT(principal->name),
                          DB_INT(principal->role), DB_INT(principal->is_enabled),
                          DB_TEXT(principal->scope.products), DB_TEXT(principal->scope.lines));
    if (e == ERR_OK)
        e = store_principal_key_add(store, sqlite3_last_insert_rowid(store->writer.handle),
                                    &principal->keys[0].spki, principal->keys[0].added_unix_ms,
                                    fault);
    return e;
}

enum error store_principal_set(struct ledger_store *store, const struct ledger_principal *principal,
                               struct fault *fault)
{
    return db_run(&store->writer, SQL_PRINCIPAL_SET, fault, DB_INT(principal->id),
                  DB_INT(principal->is_enabled), DB_TEXT(principal->scope.products),
                  DB_TEXT(principal->scope.lines));
}

enum error store_principal_key_is_known(struct ledger_store *store, const struct sha256 *spki,
                                        bool *ret_is_known, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_KEY_KNOWN);
    int rc = db_step(row, DB_SHA256(spki));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_known = rc == SQLITE_ROW;
    return ERR_OK;
}

enum error store_principal_key_add(struct ledger_store *store, int64_t principal_id,
                                   const struct sha256 *spki, int64_t time_unix_ms,
                                   struct fault *fault)
{
    return db_run(&store->writer, SQL_KEY_ADD, fault, DB_INT(principal_id), DB_SHA256(spki),
                  DB_INT(time_unix_ms));
}

enum error store_principal_key_remove(struct ledger_store *store, int64_t principal_id,
                                      const struct sha256 *spki, struct fault *fault)
{
    return db_run(&store->writer, SQL_KEY_REMOVE, fault, DB_INT(principal_id), DB_SHA256(spki));
}

enum error store_principal_name(struct ledger_store *store, int64_t id,
                                char ret_name[LEDGER_NAME_MAX + 1], struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_PRINCIPAL_NAME);
    int rc = db_step(row, DB_INT(id));
    if (rc == SQLITE_DONE) {
        ret_name[0] = '\0';
        return ERR_OK;
    }
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    return db_column_text(row, 0, ret_name, LEDGER_NAME_MAX + 1) ? ERR_OK
                                                                 : db_column_fault(row, fault);
}

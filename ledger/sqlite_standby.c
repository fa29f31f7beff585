/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The store's standby HSMs, and images that come from another one. */
#include "ledger/sqlite_store.h"

static enum error standby_unknown(struct fault *fault)
{
    return fault_set(fault, ERR_CONFLICT, "standby-unknown",
                     "There is no standby HSM of this name: see provctl standby list.", 0);
}

static bool read_standby(sqlite3_stmt *row, struct ledger_standby *standby)
{
    standby->id = sqlite3_column_int64(row, 0);
    standby->added_unix_ms = sqlite3_column_int64(row, 4);
    return db_column_text(row, 1, standby->name, sizeof standby->name) &&
           db_column_exact(row, 2, standby->hsm.bytes, SHA256_SIZE) &&
           db_column_blob(row, 3, standby->spki, sizeof standby->spki, &standby->spki_length);
}

static enum error get_standby(struct db *db, enum sql statement, const char *name,
                              struct ledger_standby *ret_standby, struct fault *fault)
{
    struct ledger_standby standby = {0};
    DB_ROW *row = db_row(db, statement);
    int rc = db_step(row, DB_TEXT(name));
    if (rc == SQLITE_DONE)
        return standby_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!read_standby(row, &standby))
        return db_column_fault(row, fault);
    *ret_standby = standby;
    return ERR_OK;
}

/* ---- writer thread ---- */

enum error store_standby_named(struct ledger_store *store, const char *name,
                               struct ledger_standby *ret_standby, struct fault *fault)
{
    return get_standby(&store->writer, SQL_STANDBY_NAMED, name, ret_standby, fault);
}

enum error store_standby_count(struct ledger_store *store, const struct sha256 *hsm,
                               int64_t *ret_count, bool *ret_is_known, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_STANDBY_COUNT);
    int rc = db_step(row, DB_SHA256(hsm));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_count = sqlite3_column_int64(row, 0);
    *ret_is_known = sqlite3_column_int(row, 1) != 0;
    return ERR_OK;
}

enum error store_standby_add(struct ledger_store *store, const struct ledger_standby *standby,
                             struct fault *fault)
{
    return db_run(&store->writer, SQL_STANDBY_ADD, fault, DB_TEXT(standby->name),
                  DB_SHA256(&standby->hsm), DB_BLOB(standby->spki, standby->spki_length),
                  DB_INT(standby->added_unix_ms));
}

enum error store_standby_remove(struct ledger_store *store, int64_t id, struct fault *fault)
{
    return db_run(&store->writer, SQL_STANDBY_REMOVE, fault, DB_INT(id));
}

enum error store_handover_set(struct ledger_store *store, int64_t standby_id, int64_t product_id,
                              int64_t images, int64_t time_unix_ms, struct fault *fault)
{
    return db_run(&store->writer, SQL_HANDOVER_SET, fault, DB_INT(standby_id), DB_INT(product_id),
                  DB_INT(images), DB_INT(time_unix_ms));
}

enum error store_image_compare(struct ledger_store *store, const char *product,
                               const struct ledger_image *image, bool *ret_is_known,
                               bool *ret_is_same, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_IMAGE_COMPARE);
    int rc = db_step(row, DB_TEXT(product), DB_SHA256(&image->digest),
                     DB_BLOB(image->session_key, image->session_key_length));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_known = rc == SQLITE_ROW;
    *ret_is_same = *ret_is_known && sqlite3_column_int(row, 0) != 0;
    return ERR_OK;
}

/* ---- readers ---- */

enum error store_standby_get(struct ledger_store *store, const char *name,
                             struct ledger_standby *ret_standby, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return get_standby(reader.db, SQL_STANDBY_GET, name, ret_standby, fault);
}

enum error store_standbys_each(struct ledger_store *store,
                               bool (*each)(void *context, const struct ledger_standby *standby),
                               void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_STANDBYS);
    int rc = db_step_values(row, NULL, 0);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_standby standby = {0};
        if (!read_standby(row, &standby))
            return db_column_fault(row, fault);
        if (!each(context, &standby))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

enum error store_handed_over_each(struct ledger_store *store,
                                  bool (*each)(void *context, const struct ledger_handed_over *row),
                                  void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_HANDED_OVER);
    int rc = db_step_values(row, NULL, 0);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_handed_over found = {.images = sqlite3_column_int64(row, 2),
                                           .exported = sqlite3_column_int64(row, 3),
                                           .exported_unix_ms = sqlite3_column_int64(row, 4)};
        if (!db_column_text(row, 0, found.standby, sizeof found.standby) ||
            !db_column_text(row, 1, found.product, sizeof found.product))
            return db_column_fault(row, fault);
        if (!each(context, &found))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

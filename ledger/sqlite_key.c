/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The store's firmware keys. The constraints stand behind what is looked up here. */
#include "ledger/sqlite_rewrap.h"
#include "ledger/sqlite_store.h"

/* A column that is NULL until something happened. */
static bool has_happened(sqlite3_stmt *row, int column, int64_t *time_unix_ms, int64_t *leaf)
{
    *time_unix_ms = sqlite3_column_int64(row, column);
    *leaf = sqlite3_column_int64(row, column + 1);
    return sqlite3_column_type(row, column) != SQLITE_NULL;
}

static bool read_key(sqlite3_stmt *row, struct ledger_firmware_key *key)
{
    key->generation = sqlite3_column_int64(row, 1);
    key->is_retired = has_happened(row, 3, &key->retired_unix_ms, &key->retired_leaf);
    key->is_destroyed = has_happened(row, 5, &key->destroyed_unix_ms, &key->destroyed_leaf);
    key->images = sqlite3_column_int64(row, 7);
    return db_column_text(row, 0, key->product, sizeof key->product) &&
           db_column_exact(row, 2, key->id, sizeof key->id);
}

static enum error each_key(struct db *db, const char *product,
                           bool (*each)(void *context, const struct ledger_firmware_key *key),
                           void *context, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_FIRMWARE_KEYS);
    int rc = db_step(row, DB_TEXT(product != NULL ? product : ""));
    if (rc == SQLITE_DONE && product != NULL) /* every product has had a key */
        return store_product_unknown(fault);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_firmware_key key = {0};
        if (!read_key(row, &key))
            return db_column_fault(row, fault);
        if (!each(context, &key))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

enum error store_firmware_keys_mine(struct ledger_store *store, const char *product,
                                    bool (*each)(void *context,
                                                 const struct ledger_firmware_key *key),
                                    void *context, struct fault *fault)
{
    return each_key(&store->writer, product, each, context, fault);
}

enum error store_firmware_keys_each(struct ledger_store *store, const char *product,
                                    bool (*each)(void *context,
                                                 const struct ledger_firmware_key *key),
                                    void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return each_key(reader.db, product, each, context, fault);
}

/* ---- changes ---- */

static enum error images_changed(struct fault *fault)
{
    return fault_set(fault, ERR_CONFLICT, "images-changed",
                     "The product's images changed while their session keys were wrapped anew: ask "
                     "again.",
                     0);
}

/* Exactly the images of the rotation, which were as it says. */
static enum error exchange(struct db *db, int64_t product_id,
                           const struct ledger_rotation *rotation, struct fault *fault)
{
    struct rewrapping rewrapping = {.rotation = rotation};
    enum error e = db_run(db, SQL_IMAGES_REWRAP, fault, DB_POINTER(&rewrapping, REWRAP_POINTER),
                          DB_INT(product_id), DB_INT(rotation->generation));
    bool is_other = rewrapping.has_other || (e == ERR_OK && db_changes(db) != rotation->count);
    return is_other ? images_changed(fault) : e;
}

enum error store_firmware_key_rotate(struct ledger_store *store, int64_t product_id,
                                     const struct ledger_rotation *rotation, struct fault *fault)
{
    struct db *db = &store->writer;
    enum error e =
        db_run(db, SQL_FIRMWARE_KEY_ADD, fault, DB_INT(product_id), DB_INT(rotation->generation),
               DB_BLOB(rotation->new_key, sizeof rotation->new_key));
    if (e == ERR_OK)
        e = db_run(db, SQL_FIRMWARE_KEY_USE, fault, DB_INT(product_id),
                   DB_BLOB(rotation->new_key, sizeof rotation->new_key));
    if (e == ERR_OK)
        e = exchange(db, product_id, rotation, fault);
    return e;
}

enum error store_firmware_key_retire(struct ledger_store *store, int64_t product_id,
                                     int64_t generation, const struct store_event *event,
                                     struct fault *fault)
{
    return db_run(&store->writer, SQL_FIRMWARE_KEY_RETIRE, fault, DB_INT(product_id),
                  DB_INT(generation), DB_INT(event->time_unix_ms), DB_INT(event->leaf));
}

enum error store_firmware_key_end(struct ledger_store *store, int64_t product_id,
                                  int64_t generation, const struct store_event *event,
                                  struct fault *fault)
{
    return db_run(&store->writer, SQL_FIRMWARE_KEY_END, fault, DB_INT(product_id),
                  DB_INT(generation), DB_INT(event->time_unix_ms), DB_INT(event->leaf));
}

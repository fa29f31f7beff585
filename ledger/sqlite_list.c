/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The store's signed lists, and the devices that are on them. */
#include "ledger/sqlite_store.h"

#include <openssl/evp.h>

static enum error get_listed(struct db *db, int64_t product_id, const struct sha256 *spki,
                             bool *ret_is_listed, struct ledger_listed *ret_device,
                             struct fault *fault)
{
    struct ledger_listed device = {.spki = *spki};
    DB_ROW *row = db_row(db, SQL_LISTED_GET);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(spki));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_listed = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE)
        return ERR_OK;
    if (!db_column_text(row, 0, device.serial, sizeof device.serial) ||
        !db_column_exact(row, 1, device.signer.bytes, SHA256_SIZE))
        return db_column_fault(row, fault);
    *ret_device = device;
    return ERR_OK;
}

/* ---- all of a product's devices as one digest ---- */

/* Each part has a fixed length or its length before it. */
static bool add_row(EVP_MD_CTX *digest, sqlite3_stmt *row)
{
    struct ledger_listed device;
    if (!db_column_exact(row, 0, device.spki.bytes, SHA256_SIZE) ||
        !db_column_text(row, 1, device.serial, sizeof device.serial) ||
        !db_column_exact(row, 2, device.signer.bytes, SHA256_SIZE))
        return false;
    const uint8_t length = (uint8_t)strlen(device.serial);
    return EVP_DigestUpdate(digest, device.spki.bytes, SHA256_SIZE) == 1 &&
           EVP_DigestUpdate(digest, &length, sizeof length) == 1 &&
           EVP_DigestUpdate(digest, device.serial, length) == 1 &&
           EVP_DigestUpdate(digest, device.signer.bytes, SHA256_SIZE) == 1;
}

static enum error add_rows(struct db *db, int64_t product_id, EVP_MD_CTX *digest,
                           struct sha256 *ret_state, struct fault *fault)
{
    bool has_rows = false;
    DB_ROW *row = db_row(db, SQL_LISTED_ALL);
    int rc = db_step(row, DB_INT(product_id));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        has_rows = true;
        if (!add_row(digest, row))
            return db_column_fault(row, fault);
    }
    if (rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_state = (struct sha256){{0}};
    if (has_rows && EVP_DigestFinal_ex(digest, ret_state->bytes, NULL) != 1)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return ERR_OK;
}

static enum error get_state(struct db *db, int64_t product_id, struct sha256 *ret_state,
                            struct fault *fault)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    enum error e = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1
                       ? add_rows(db, product_id, digest, ret_state, fault)
                       : fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    EVP_MD_CTX_free(digest);
    return e;
}

/* ---- writer thread ---- */

enum error store_listed_state_mine(struct ledger_store *store, int64_t product_id,
                                   struct sha256 *ret_state, struct fault *fault)
{
    return get_state(&store->writer, product_id, ret_state, fault);
}

enum error store_listed_mine(struct ledger_store *store, int64_t product_id,
                             const struct sha256 *spki, bool *ret_is_listed,
                             struct ledger_listed *ret_device, struct fault *fault)
{
    return get_listed(&store->writer, product_id, spki, ret_is_listed, ret_device, fault);
}

enum error store_list_find(struct ledger_store *store, int64_t product_id,
                           const struct ledger_device_list *list, int64_t *ret_id,
                           struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_LIST_FIND);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(&list->digest), DB_SHA256(&list->signer));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    return ERR_OK;
}

enum error store_list_add(struct ledger_store *store, int64_t product_id,
                          const struct ledger_device_list *list, int64_t *ret_id,
                          struct fault *fault)
{
    enum error e =
        db_run(&store->writer, SQL_LIST_ADD, fault, DB_INT(product_id), DB_SHA256(&list->digest),
               DB_SHA256(&list->signer), DB_INT(list->devices), DB_INT(list->added_unix_ms));
    if (e == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->writer.handle);
    return e;
}

enum error store_listed_view(struct ledger_store *store, int64_t product_id,
                             const struct ledger_listed *device, struct store_listed *ret_view,
                             struct fault *fault)
{
    struct store_listed view = {.list_id = 0};
    DB_ROW *row = db_row(&store->writer, SQL_LISTED_VIEW);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(&device->spki), DB_TEXT(device->serial));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        const bool has_serial = sqlite3_column_int(row, 1) != 0;
        if (sqlite3_column_int(row, 0) != 0) {
            view.has_key = true;
            view.is_same = has_serial;
            view.list_id = sqlite3_column_int64(row, 2);
        } else {
            view.is_serial_taken = true;
        }
    }
    if (rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_view = view;
    return ERR_OK;
}

enum error store_listed_put(struct ledger_store *store, int64_t product_id,
                            const struct ledger_listed *device, int64_t list_id, bool is_new,
                            struct fault *fault)
{
    if (is_new)
        return db_run(&store->writer, SQL_LISTED_ADD, fault, DB_INT(product_id),
                      DB_SHA256(&device->spki), DB_TEXT(device->serial), DB_INT(list_id));
    return db_run(&store->writer, SQL_LISTED_MOVE, fault, DB_INT(product_id),
                  DB_SHA256(&device->spki), DB_INT(list_id));
}

enum error store_listed_remove(struct ledger_store *store, int64_t product_id,
                               const struct sha256 *spki, struct fault *fault)
{
    return db_run(&store->writer, SQL_LISTED_REMOVE, fault, DB_INT(product_id), DB_SHA256(spki));
}

/* ---- readers ---- */

enum error store_listed_state(struct ledger_store *store, int64_t product_id,
                              struct sha256 *ret_state, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return get_state(reader.db, product_id, ret_state, fault);
}

enum error store_listed_get(struct ledger_store *store, int64_t product_id,
                            const struct sha256 *spki, bool *ret_is_listed,
                            struct ledger_listed *ret_device, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return get_listed(reader.db, product_id, spki, ret_is_listed, ret_device, fault);
}

enum error store_lists_each(struct ledger_store *store, int64_t product_id,
                            bool (*each)(void *context, const struct ledger_device_list *list),
                            void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_DEVICE_LISTS);
    int rc = db_step(row, DB_INT(product_id));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_device_list list = {.devices = sqlite3_column_int64(row, 2),
                                          .added_unix_ms = sqlite3_column_int64(row, 3)};
        if (!db_column_exact(row, 0, list.digest.bytes, SHA256_SIZE) ||
            !db_column_exact(row, 1, list.signer.bytes, SHA256_SIZE))
            return db_column_fault(row, fault);
        if (!each(context, &list))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's part in signed documents: what they change of a product, their own rows, and devices
 * that get another key. Writer thread, except for store_documents_each.
 */
#include "ledger/sqlite_store.h"

/* ---- products ---- */

enum error store_product_govern(struct ledger_store *store, int64_t product_id,
                                const struct ledger_settings *settings, int64_t sequence,
                                struct fault *fault)
{
    struct db *db = &store->writer;
    enum error e = db_run(
        db, SQL_PRODUCT_GOVERN, fault, DB_INT(product_id), DB_TEXT(settings->profile),
        DB_INT(settings->policy), DB_INT(settings->allows_key_exposure), DB_TEXT(settings->options),
        DB_INT(settings->attempts_max), DB_INT(sequence), DB_SHA256(&settings->authorities));
    if (e == ERR_OK)
        e = db_run(db, SQL_ANCHORS_SET, fault, DB_INT(product_id),
                   DB_BLOB(settings->anchors.data, settings->anchors.length));
    return e;
}

enum error store_sequence_set(struct ledger_store *store, int64_t product_id, int64_t sequence,
                              struct fault *fault)
{
    return db_run(&store->writer, SQL_SEQUENCE_SET, fault, DB_INT(product_id), DB_INT(sequence));
}

/* ---- overrides ---- */

enum error store_overridden(struct ledger_store *store, int64_t *ret_unix_ms, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_OVERRIDDEN);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_unix_ms = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

enum error store_consent_add(struct ledger_store *store, int64_t breach_id, int64_t product_id,
                             struct fault *fault)
{
    return db_run(&store->writer, SQL_CONSENT_ADD, fault, DB_INT(breach_id), DB_INT(product_id));
}

/* ---- documents ---- */

enum error store_document_is_known(struct ledger_store *store, const struct uuid *id,
                                   bool *ret_is_known, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_DOCUMENT_KNOWN);
    int rc = db_step(row, DB_BLOB(id->bytes, UUID_SIZE));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_known = rc == SQLITE_ROW;
    return ERR_OK;
}

enum error store_document_add(struct ledger_store *store, int64_t product_id,
                              const struct ledger_document *document, struct fault *fault)
{
    return db_run(&store->writer, SQL_DOCUMENT_ADD, fault, DB_BLOB(document->id.bytes, UUID_SIZE),
                  DB_INT(product_id), DB_INT(document->kind), DB_INT(document->units),
                  DB_INT(document->taken), DB_TEXT(document->lot), DB_INT(document->sequence),
                  DB_INT(document->accepted_unix_ms), DB_INT(document->journal_index),
                  DB_BLOB(document->document.data, document->document.length));
}

/* The document's bytes are the row's until its next step. */
static bool read_document(sqlite3_stmt *row, struct ledger_document *document)
{
    document->kind = (enum ledger_grant_kind)sqlite3_column_int(row, 2);
    document->units = sqlite3_column_int64(row, 3);
    document->taken = sqlite3_column_int64(row, 4);
    document->sequence = sqlite3_column_int64(row, 6);
    document->accepted_unix_ms = sqlite3_column_int64(row, 7);
    document->journal_index = sqlite3_column_int64(row, 8);
    if (sqlite3_column_type(row, 9) != SQLITE_BLOB)
        return false;
    document->document =
        bytes_of(sqlite3_column_blob(row, 9), (size_t)sqlite3_column_bytes(row, 9));
    return document->document.data != NULL &&
           db_column_exact(row, 0, document->id.bytes, UUID_SIZE) &&
           db_column_text(row, 1, document->product, sizeof document->product) &&
           db_column_text(row, 5, document->lot, sizeof document->lot);
}

enum error store_documents_each(struct ledger_store *store, const char *product,
                                bool (*each)(void *context, const struct ledger_document *document),
                                void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_DOCUMENTS);
    int rc = db_step(row, DB_TEXT(product != NULL ? product : ""));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_document document = {0};
        if (!read_document(row, &document))
            return db_column_fault(row, fault);
        if (!each(context, &document))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

static bool is_asked(const struct store_documents *asked, const char *product)
{
    return ledger_scope_has(asked->products, product) &&
           (asked->product[0] == '\0' || strcmp(asked->product, product) == 0);
}

static enum error show_document(sqlite3_stmt *row,
                                bool (*each)(void *context, const struct ledger_document *document),
                                void *context, bool *ret_goes_on, struct fault *fault)
{
    struct ledger_document document = {0};
    if (!read_document(row, &document))
        return db_column_fault(row, fault);
    *ret_goes_on = each(context, &document);
    return ERR_OK;
}

enum error store_documents_page(struct ledger_store *store, const struct store_documents *asked,
                                bool (*each)(void *context, const struct ledger_document *document),
                                void *context, int64_t *ret_next, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    char product[LEDGER_NAME_MAX + 1];
    unsigned shown = 0;
    bool goes_on = true;
    int64_t leaf = 0;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_DOCUMENTS_PAGE);
    int rc = db_step(row, DB_INT(asked->before > 0 ? asked->before : INT64_MAX));
    for (unsigned read = 0; rc == SQLITE_ROW && goes_on; rc = sqlite3_step(row)) {
        leaf = sqlite3_column_int64(row, 8);
        if (!db_column_text(row, 1, product, sizeof product))
            return db_column_fault(row, fault);
        if (is_asked(asked, product)) { /* a document's bytes are read when it is shown */
            enum error e = show_document(row, each, context, &goes_on, fault);
            if (e != ERR_OK)
                return e;
            shown++;
        }
        goes_on = goes_on && shown < asked->limit && ++read < LEDGER_SCAN_MAX;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_next = rc == SQLITE_ROW ? leaf : 0;
    return ERR_OK;
}

enum error store_document_get(struct ledger_store *store, const struct uuid *id,
                              bool (*each)(void *context, const struct ledger_document *document),
                              void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    bool ignored = false;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_DOCUMENT_GET);
    int rc = db_step(row, DB_BLOB(id->bytes, UUID_SIZE));
    if (rc == SQLITE_DONE)
        return fault_set(fault, ERR_GRANT_UNKNOWN, "grant-unknown",
                         "No document of this id was accepted.", 0);
    return rc == SQLITE_ROW ? show_document(row, each, context, &ignored, fault)
                            : db_fault(rc, fault);
}

/* ---- devices that get another key ---- */

enum error store_binding_view(struct ledger_store *store, int64_t product_id,
                              const struct ledger_rebinding *rebinding,
                              struct store_binding *ret_binding, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_BINDING_VIEW);
    int rc = db_step(row, DB_INT(product_id), DB_TEXT(rebinding->serial),
                     DB_SHA256(&rebinding->old_key), DB_SHA256(&rebinding->new_key));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_binding = (struct store_binding){.old_device_id = sqlite3_column_int64(row, 0),
                                          .is_new_key_known = sqlite3_column_int(row, 1) != 0};
    return ERR_OK;
}

/* The new key's device has no install yet, and its point is learnt with its first. */
enum error store_device_rebind(struct ledger_store *store, int64_t product_id,
                               int64_t old_device_id, const struct ledger_rebinding *rebinding,
                               struct fault *fault)
{
    struct db *db = &store->writer;
    enum error e = db_run(db, SQL_DEVICE_REPLACE, fault, DB_INT(old_device_id));
    if (e == ERR_OK)
        e = db_run(db, SQL_DEVICE_ADD, fault, DB_INT(product_id), DB_SHA256(&rebinding->new_key),
                   DB_TEXT(rebinding->serial), DB_BLOB("", 0), DB_INT(0), DB_INT(0));
    return e;
}

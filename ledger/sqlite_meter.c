/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's metering: what a decision reads, and the rows that a license, an outcome or a refusal
 * writes. Writer thread, except for store_view.
 */
#include "ledger/sqlite_store.h"

/* ---- what a license needs ---- */

static bool column_is_set(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) != SQLITE_NULL;
}

static bool read_view_names(sqlite3_stmt *row, struct store_view *view)
{
    return db_column_text(row, 0, view->product, sizeof view->product) &&
           (!view->has_image || db_column_exact(row, 3, view->image.bytes, SHA256_SIZE)) &&
           store_read_caller(row, 28, &view->caller) &&
           (!view->has_device || db_column_text(row, 6, view->serial, sizeof view->serial));
}

static struct store_budget read_budget(sqlite3_stmt *row, int column, int64_t principal_id)
{
    return (struct store_budget){.is_set = column_is_set(row, column),
                                 .principal_id = principal_id,
                                 .units = sqlite3_column_int64(row, column),
                                 .period_minutes = sqlite3_column_int64(row, column + 1),
                                 .offset_minutes = sqlite3_column_int64(row, column + 2),
                                 .period = sqlite3_column_int64(row, column + 3),
                                 .used = sqlite3_column_int64(row, column + 4)};
}

/* With per-license every license is a unit of its own. */
static bool read_view_unit(sqlite3_stmt *row, struct store_view *view)
{
    if (view->policy != LEDGER_PER_DEVICE || !column_is_set(row, 8))
        return true;
    view->unit_id = sqlite3_column_int64(row, 8);
    view->unit_result = sqlite3_column_int64(row, 10);
    view->is_unit_proven = sqlite3_column_int(row, 14) != 0;
    return db_column_exact(row, 13, view->unit_install.bytes, UUID_SIZE);
}

/* Empty: it asked with none. */
static struct db_value key_of(const struct sha256 *key)
{
    static const struct sha256 none = {0};
    return DB_BLOB(key->bytes, sha256_equal(key, &none) ? 0 : SHA256_SIZE);
}

static enum error read_view(struct db *db, const struct ledger_issue *issue,
                            struct store_view *ret_view, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_VIEW);
    int rc = db_step(row, DB_INT(issue->product_id), DB_INT(issue->image_id),
                     DB_INT(issue->principal_id), DB_SHA256(&issue->device.spki),
                     DB_TEXT(issue->device.serial), key_of(&issue->asked_with));
    if (rc == SQLITE_DONE)
        return store_product_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    struct store_view view = {
        .is_product_enabled = sqlite3_column_int(row, 1) != 0,
        .remaining = sqlite3_column_int64(row, 2),
        .has_image = column_is_set(row, 3),
        .is_image_enabled = sqlite3_column_int(row, 4) != 0,
        .has_device = column_is_set(row, 5),
        .device_id = sqlite3_column_int64(row, 5),
        .is_scrapped = sqlite3_column_int(row, 7) != 0,
        .install_id = sqlite3_column_int64(row, 9),
        .is_serial_taken = sqlite3_column_int(row, 11) != 0,
        .policy = (enum ledger_policy)sqlite3_column_int(row, 12),
        .is_replaced = sqlite3_column_int(row, 15) != 0,
        .attempts = sqlite3_column_int64(row, 16),
        .attempts_max = sqlite3_column_int64(row, 17),
        .budgets = {read_budget(row, 18, issue->principal_id), read_budget(row, 23, 0)},
    };
    if (!read_view_names(row, &view) || !read_view_unit(row, &view))
        return db_column_fault(row, fault);
    *ret_view = view;
    return ERR_OK;
}

enum error store_issue_view(struct ledger_store *store, const struct ledger_issue *issue,
                            struct store_view *ret_view, struct fault *fault)
{
    return read_view(&store->writer, issue, ret_view, fault);
}

enum error store_view(struct ledger_store *store, const struct ledger_issue *issue,
                      struct store_view *ret_view, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return read_view(reader.db, issue, ret_view, fault);
}

/* ---- what a license writes ---- */

static enum error move_account(struct db *db, int64_t product_id, const struct store_move *move,
                               struct fault *fault)
{
    return db_run(db, SQL_ACCOUNT_MOVE, fault, DB_INT(product_id), DB_INT(move->installs),
                  DB_INT(move->succeeded), DB_INT(move->failed), DB_INT(move->scrapped),
                  DB_INT(move->proven));
}

static enum error count_attempt(struct db *db, int64_t device_id,
                                const struct ledger_device *device, struct fault *fault)
{
    return db_run(db, SQL_DEVICE_ATTEMPT, fault, DB_INT(device_id),
                  DB_BLOB(device->point, device->point_length), DB_INT(device->can_sign));
}

static enum error add_device(struct db *db, const struct store_install *install,
                             int64_t *ret_device_id, struct fault *fault)
{
    const struct ledger_issue *issue = install->issue;
    const struct ledger_device *device = &issue->device;
    if (install->device_id != 0) {
        *ret_device_id = install->device_id;
        return count_attempt(db, install->device_id, device, fault);
    }
    enum error e =
        db_run(db, SQL_DEVICE_ADD, fault, DB_INT(issue->product_id), DB_SHA256(&device->spki),
               DB_TEXT(device->serial), DB_BLOB(device->point, device->point_length),
               DB_INT(device->can_sign), DB_INT(1));
    if (e == ERR_OK)
        *ret_device_id = sqlite3_last_insert_rowid(db->handle);
    return e;
}

/* The unit of a new install: a new one, or the device's, which becomes unreported again. */
static enum error take_unit(struct db *db, const struct store_install *install, int64_t device_id,
                            int64_t *ret_unit_id, struct fault *fault)
{
    *ret_unit_id = install->unit_id;
    if (install->unit_id != 0)
        return db_run(db, SQL_CHARGE_JOIN, fault, DB_INT(install->unit_id),
                      DB_INT(install->time_unix_ms));
    enum error e =
        db_run(db, SQL_CHARGE_ADD, fault, DB_INT(install->issue->product_id), DB_INT(device_id),
               DB_INT(install->time_unix_ms), DB_INT(install->policy));
    *ret_unit_id = sqlite3_last_insert_rowid(db->handle);
    return e;
}

static enum error add_install(struct db *db, const struct store_install *install, int64_t device_id,
                              int64_t unit_id, struct fault *fault)
{
    const struct ledger_issue *issue = install->issue;
    const struct ledger_context *context = &issue->context;
    return db_run(db, SQL_INSTALL_ADD, fault, DB_BLOB(install->id.bytes, UUID_SIZE),
                  DB_INT(device_id), DB_INT(issue->image_id), DB_INT(issue->principal_id),
                  DB_BLOB(issue->license.data, issue->license.length),
                  DB_INT(install->time_unix_ms), DB_TEXT(context->lot), DB_TEXT(context->line),
                  DB_TEXT(context->work_order), DB_TEXT(context->operator_name),
                  DB_TEXT(context->socket), DB_INT(unit_id), DB_INT(issue->product_id),
                  DB_INT(install->unit_id == 0));
}

/* The account moves before the charge row, which takes the unit: installs is never below used. */
enum error store_install_add(struct ledger_store *store, const struct store_install *install,
                             struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t product_id = install->issue->product_id;
    int64_t device_id = 0;
    enum error e = add_device(db, install, &device_id, fault);
    int64_t unit_id = 0;
    if (e == ERR_OK)
        e = move_account(db, product_id, &install->move, fault);
    if (e == ERR_OK)
        e = take_unit(db, install, device_id, &unit_id, fault);
    if (e == ERR_OK)
        e = add_install(db, install, device_id, unit_id, fault);
    return e;
}

enum error store_install_repeat(struct ledger_store *store, const struct store_repeat *repeat,
                                struct ledger_issued *ret_issued, struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t install_id = repeat->install_id;
    enum error e =
        db_run(db, SQL_INSTALL_REPEAT, fault, DB_INT(install_id), DB_INT(repeat->time_unix_ms));
    if (e == ERR_OK)
        e = count_attempt(db, repeat->device_id, repeat->device, fault);
    if (e != ERR_OK)
        return e;
    DB_ROW *row = db_row(db, SQL_INSTALL_GET);
    int rc = db_step(row, DB_INT(install_id));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!db_column_exact(row, 0, ret_issued->install.bytes, UUID_SIZE) ||
        !db_column_blob(row, 1, ret_issued->license, sizeof ret_issued->license,
                        &ret_issued->license_length))
        return db_column_fault(row, fault);
    ret_issued->attempt = sqlite3_column_int64(row, 2);
    return ERR_OK;
}

/* ---- outcomes ---- */

static bool read_outcome_texts(sqlite3_stmt *row, struct store_install_view *view)
{
    return db_column_text(row, 6, view->code, sizeof view->code) &&
           db_column_text(row, 7, view->detail, sizeof view->detail) &&
           db_column_text(row, 8, view->product, sizeof view->product) &&
           store_read_caller(row, 16, &view->caller);
}

enum error store_outcome_view(struct ledger_store *store, const struct ledger_outcome *outcome,
                              struct store_install_view *ret_view, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_OUTCOME_VIEW);
    int rc = db_step(row, DB_BLOB(outcome->install.bytes, UUID_SIZE), DB_INT(outcome->principal_id),
                     key_of(&outcome->asked_with));
    if (rc == SQLITE_DONE)
        return store_install_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    struct store_install_view view = {
        .id = sqlite3_column_int64(row, 0),
        .product_id = sqlite3_column_int64(row, 1),
        .device_id = sqlite3_column_int64(row, 2),
        .is_scrapped = sqlite3_column_int(row, 3) != 0,
        .is_newest = sqlite3_column_int(row, 4) != 0,
        .result = sqlite3_column_int64(row, 5),
        .unit_id = sqlite3_column_int64(row, 9),
        .unit_result = sqlite3_column_int64(row, 10),
        .is_unit_proven = sqlite3_column_int(row, 11) != 0,
        .has_receipt = sqlite3_column_int(row, 12) != 0,
        .is_scrap_drawn = sqlite3_column_int(row, 13) != 0,
        .scrap_left = sqlite3_column_int64(row, 14),
        .attempts = sqlite3_column_int64(row, 15),
    };
    if (!read_outcome_texts(row, &view))
        return db_column_fault(row, fault);
    *ret_view = view;
    return ERR_OK;
}

enum error store_outcome_set(struct ledger_store *store, const struct store_outcome *outcome,
                             struct fault *fault)
{
    struct db *db = &store->writer;
    const struct ledger_outcome *asked = outcome->outcome;
    enum error e =
        db_run(db, SQL_OUTCOME_SET, fault, DB_INT(outcome->install->id), DB_INT(asked->result),
               DB_TEXT(asked->code), DB_TEXT(asked->detail), DB_INT(asked->principal_id),
               DB_INT(outcome->time_unix_ms), DB_BLOB(asked->receipt, asked->receipt_length),
               DB_INT(outcome->keeps_receipt));
    if (e == ERR_OK && asked->result == LEDGER_SCRAPPED)
        e = db_run(db, SQL_DEVICE_SCRAP, fault, DB_INT(outcome->install->device_id),
                   DB_INT(outcome->draws_scrap));
    if (e == ERR_OK && outcome->is_unit_moved)
        e = db_run(db, SQL_CHARGE_RESULT, fault, DB_INT(outcome->install->unit_id),
                   DB_INT(asked->result), DB_INT(outcome->is_proven));
    if (e == ERR_OK)
        e = move_account(db, outcome->install->product_id, &outcome->move, fault);
    return e;
}

/* ---- refusals ---- */

enum error store_refusal_add(struct ledger_store *store, const struct sha256 *identity,
                             enum error code, int64_t hour, bool *ret_is_first, struct fault *fault)
{
    struct db *db = &store->writer;
    enum error e =
        db_run(db, SQL_REFUSAL_ADD, fault, DB_INT(hour), DB_SHA256(identity), DB_INT(code));
    if (e != ERR_OK)
        return e;
    *ret_is_first = db_is_changed(db);
    if (*ret_is_first)
        e = db_run(db, SQL_REFUSAL_FORGET, fault, DB_INT(hour));
    return e;
}

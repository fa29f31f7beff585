/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's installs, found by what they are: a page reads a bounded number of rows, the newest
 * first, along the index that fits best. Readers only.
 */
#include "ledger/sqlite_install.h"

#include <string.h>

/* ---- ranges of time ---- */

static enum error row_count(struct db *db, int64_t *ret_last, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_INSTALL_LAST);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_last = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* Whether the first install from this row on was licensed before the time. */
static enum error is_before(struct db *db, int64_t id, int64_t unix_ms, bool *ret_is_before,
                            struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_INSTALL_TIME);
    int rc = db_step(row, DB_INT(id));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_before = rc == SQLITE_ROW && sqlite3_column_int64(row, 0) < unix_ms;
    return ERR_OK;
}

/* Rows and times grow together, for the writer's clock never goes back: halving finds the place. */
static enum error first_since(struct db *db, int64_t unix_ms, int64_t last, int64_t *ret_first,
                              struct fault *fault)
{
    int64_t low = 1;
    int64_t high = last + 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        bool is_earlier = false;
        enum error e = is_before(db, middle, unix_ms, &is_earlier, fault);
        if (e != ERR_OK)
            return e;
        if (is_earlier)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_first = low;
    return ERR_OK;
}

enum error store_install_range(struct db *db, int64_t since_unix_ms, int64_t until_unix_ms,
                               struct store_range *ret_range, struct fault *fault)
{
    struct store_range range = {.first = 1};
    int64_t end = 0;
    enum error e = row_count(db, &range.last, fault);
    if (e == ERR_OK && since_unix_ms > 0)
        e = first_since(db, since_unix_ms, range.last, &range.first, fault);
    if (e == ERR_OK && until_unix_ms > 0) {
        e = first_since(db, until_unix_ms, range.last, &end, fault);
        range.last = end - 1;
    }
    if (e == ERR_OK)
        *ret_range = range;
    return e;
}

/* ---- one install ---- */

static bool read_context(sqlite3_stmt *row, int column, struct ledger_context *context)
{
    return db_column_text(row, column, context->lot, sizeof context->lot) &&
           db_column_text(row, column + 1, context->line, sizeof context->line) &&
           db_column_text(row, column + 2, context->work_order, sizeof context->work_order) &&
           db_column_text(row, column + 3, context->operator_name, sizeof context->operator_name) &&
           db_column_text(row, column + 4, context->socket, sizeof context->socket);
}

static bool read_names(sqlite3_stmt *row, struct ledger_install *install)
{
    return db_column_exact(row, 1, install->id.bytes, UUID_SIZE) &&
           db_column_text(row, 2, install->product, sizeof install->product) &&
           db_column_text(row, 3, install->profile, sizeof install->profile) &&
           db_column_exact(row, 4, install->image.bytes, SHA256_SIZE) &&
           db_column_exact(row, 5, install->device.bytes, SHA256_SIZE) &&
           db_column_text(row, 6, install->serial, sizeof install->serial) &&
           db_column_text(row, 7, install->station, sizeof install->station);
}

static bool read_outcome(sqlite3_stmt *row, int column, struct ledger_install *install)
{
    install->result = sqlite3_column_int(row, column);
    install->is_proven = sqlite3_column_int(row, column + 1) != 0;
    install->reported_unix_ms = sqlite3_column_int64(row, column + 2);
    return db_column_text(row, column + 3, install->code, sizeof install->code) &&
           db_column_text(row, column + 4, install->detail, sizeof install->detail) &&
           db_column_text(row, column + 5, install->reporter, sizeof install->reporter);
}

static bool read_install(sqlite3_stmt *row, struct ledger_install *install)
{
    uint8_t license[LEDGER_LICENSE_MAX];
    size_t length = 0;
    if (!db_column_blob(row, 8, license, sizeof license, &length))
        return false;
    install->license_digest = sha256_of(bytes_of(license, length));
    install->row = sqlite3_column_int64(row, 0);
    install->is_charged = sqlite3_column_int(row, 9) != 0;
    install->journal_index = sqlite3_column_int64(row, 10);
    install->licensed_unix_ms = sqlite3_column_int64(row, 11);
    install->attempts = sqlite3_column_int64(row, 12);
    install->attempted_unix_ms = sqlite3_column_int64(row, 13);
    return read_names(row, install) && read_context(row, 14, &install->context) &&
           read_outcome(row, 19, install);
}

enum error store_install_get(struct ledger_store *store, const struct uuid *id,
                             struct ledger_install *ret_install, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_install install = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_INSTALL_BY_UUID);
    int rc = db_step(row, DB_BLOB(id->bytes, UUID_SIZE));
    if (rc == SQLITE_DONE)
        return store_install_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!read_install(row, &install))
        return db_column_fault(row, fault);
    *ret_install = install;
    return ERR_OK;
}

/* ---- what is searched ---- */

/* A filter with its names looked up. */
struct search {
    const struct ledger_install_filter *filter;
    bool is_hopeless;                        /* a name of it is nobody's */
    int64_t product_id;                      /* 0: any that is allowed */
    int64_t station_id;                      /* 0: any */
    int64_t allowed[LEDGER_SCOPE_NAMES_MAX]; /* products of the scope that exist */
    size_t allowed_count;
    struct store_range range;
};

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* *ret_id is 0 when nobody has the name. */
static enum error find_id(struct db *db, enum sql statement, const char *name, int64_t *ret_id,
                          struct fault *fault)
{
    DB_ROW *row = db_row(db, statement);
    int rc = db_step(row, DB_TEXT(name));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    return ERR_OK;
}

/* The products of the scope that exist; with a single one it is the one that is searched. */
static enum error find_allowed(struct db *db, struct search *search, struct fault *fault)
{
    char name[LEDGER_NAME_MAX + 1];
    const char *list = search->filter->products;
    while (search->allowed_count < LEDGER_SCOPE_NAMES_MAX && *list != '\0') {
        size_t length = strcspn(list, "\n");
        int64_t id = 0;
        if (length >= sizeof name)
            break;
        memcpy(name, list, length);
        name[length] = '\0';
        enum error e = find_id(db, SQL_PRODUCT_ID, name, &id, fault);
        if (e != ERR_OK)
            return e;
        if (id != 0)
            search->allowed[search->allowed_count++] = id;
        list += length + (list[length] == '\n' ? 1 : 0);
    }
    search->is_hopeless = search->allowed_count == 0;
    if (search->allowed_count == 1 && search->product_id == 0)
        search->product_id = search->allowed[0];
    return ERR_OK;
}

static enum error find_product(struct db *db, struct search *search, struct fault *fault)
{
    enum error e = find_id(db, SQL_PRODUCT_ID, search->filter->product, &search->product_id, fault);
    if (e == ERR_OK && search->product_id == 0)
        e = store_product_unknown(fault);
    return e;
}

static enum error find_names(struct db *db, struct search *search, struct fault *fault)
{
    const struct ledger_install_filter *filter = search->filter;
    enum error e = ERR_OK;
    if (is_given(filter->product))
        e = find_product(db, search, fault);
    if (e == ERR_OK && is_given(filter->products))
        e = find_allowed(db, search, fault);
    if (e == ERR_OK && is_given(filter->station)) {
        e = find_id(db, SQL_PRINCIPAL_ID, filter->station, &search->station_id, fault);
        search->is_hopeless = search->is_hopeless || search->station_id == 0;
    }
    return e;
}

static enum error prepare(struct db *db, struct search *search, struct fault *fault)
{
    const struct ledger_install_filter *filter = search->filter;
    enum error e = find_names(db, search, fault);
    if (e == ERR_OK)
        e = store_install_range(db, filter->since_unix_ms, filter->until_unix_ms, &search->range,
                                fault);
    if (e == ERR_OK && filter->before > 0 && filter->before <= search->range.last)
        search->range.last = filter->before - 1;
    return e;
}

/* The first row of the statement that reads the fewest. */
static sqlite3_stmt *begin(struct db *db, const struct search *search, int *ret_rc)
{
    const struct ledger_install_filter *filter = search->filter;
    const struct db_value first = DB_INT(search->range.first);
    const struct db_value last = DB_INT(search->range.last);
    sqlite3_stmt *row = NULL;
    if (filter->device != NULL) {
        row = db_row(db, SQL_INSTALLS_OF_DEVICE);
        *ret_rc = db_step(row, first, last, DB_SHA256(filter->device));
    } else if (is_given(filter->lot)) {
        row = db_row(db, SQL_INSTALLS_OF_LOT);
        *ret_rc = db_step(row, first, last, DB_TEXT(filter->lot));
    } else if (search->product_id != 0) {
        row = db_row(db, SQL_INSTALLS_OF_PRODUCT);
        *ret_rc = db_step(row, first, last, DB_INT(search->product_id));
    } else {
        row = db_row(db, SQL_INSTALLS);
        *ret_rc = db_step(row, first, last);
    }
    return row;
}

static bool is_allowed(const struct search *search, int64_t product_id)
{
    if (!is_given(search->filter->products))
        return true;
    for (size_t i = 0; i < search->allowed_count; i++) {
        if (search->allowed[i] == product_id)
            return true;
    }
    return false;
}

/* The text as it lies there: no copy that memory could be missing for. lot is not empty. */
static bool is_lot(sqlite3_stmt *row, int column, const char *lot)
{
    size_t length = strlen(lot);
    const void *text = sqlite3_column_blob(row, column);
    return text != NULL && (size_t)sqlite3_column_bytes(row, column) == length &&
           memcmp(text, lot, length) == 0;
}

static bool matches(const struct search *search, sqlite3_stmt *row)
{
    const struct ledger_install_filter *filter = search->filter;
    int64_t product_id = sqlite3_column_int64(row, 1);
    return (search->product_id == 0 || search->product_id == product_id) &&
           is_allowed(search, product_id) &&
           (search->station_id == 0 || sqlite3_column_int64(row, 2) == search->station_id) &&
           (!filter->has_result || sqlite3_column_int(row, 3) == filter->result) &&
           (!is_given(filter->lot) || is_lot(row, 4, filter->lot));
}

/* ---- a page ---- */

static enum error show(struct db *db, int64_t id,
                       bool (*each)(void *context, const struct ledger_install *install),
                       void *context, bool *ret_goes_on, struct fault *fault)
{
    struct ledger_install install = {0};
    DB_ROW *row = db_row(db, SQL_INSTALL_BY_ROW);
    int rc = db_step(row, DB_INT(id));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!read_install(row, &install))
        return db_column_fault(row, fault);
    *ret_goes_on = each(context, &install);
    return ERR_OK;
}

/* The statement over the rows is active until the end, and while one is, all statements of its
 * connection see the same snapshot. */
static enum error run(struct db *db, const struct search *search,
                      bool (*each)(void *context, const struct ledger_install *install),
                      void *context, int64_t *ret_next, struct fault *fault)
{
    int rc = SQLITE_DONE;
    int64_t id = 0;
    unsigned shown = 0;
    bool goes_on = true;
    DB_ROW *row = begin(db, search, &rc);
    for (unsigned read = 0; rc == SQLITE_ROW && goes_on; rc = sqlite3_step(row)) {
        id = sqlite3_column_int64(row, 0);
        if (matches(search, row)) {
            enum error e = show(db, id, each, context, &goes_on, fault);
            if (e != ERR_OK)
                return e;
            shown++;
        }
        goes_on = goes_on && shown < search->filter->limit && ++read < LEDGER_SCAN_MAX;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_next = rc == SQLITE_ROW ? id : 0;
    return ERR_OK;
}

enum error store_installs_each(struct ledger_store *store,
                               const struct ledger_install_filter *filter,
                               bool (*each)(void *context, const struct ledger_install *install),
                               void *context, int64_t *ret_next, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct search search = {.filter = filter};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    enum error e = prepare(reader.db, &search, fault);
    if (e != ERR_OK)
        return e;
    if (!search.is_hopeless)
        return run(reader.db, &search, each, context, ret_next, fault);
    *ret_next = 0;
    return ERR_OK;
}

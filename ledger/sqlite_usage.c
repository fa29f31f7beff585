/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's accounts, and sums over installs by lot, day and station along an index that has all
 * they need. Readers only.
 */
#include "ledger/sqlite_install.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define WEEK_MS (7 * DAY_MS)
#define AGES    3 /* bounds between the ages of unreported units */

/* ---- one account ---- */

/* From the row: units up to an hour, a day and a week old; what is left is older. */
static void read_ages(sqlite3_stmt *row, int column, struct ledger_usage *usage)
{
    usage->unreported_age[AGES] = usage->unreported;
    for (int i = 0; i < AGES; i++) {
        usage->unreported_age[i] = sqlite3_column_int64(row, column + i);
        usage->unreported_age[AGES] -= usage->unreported_age[i];
    }
}

static enum error read_usage(struct db *db, const char *product, int64_t now_unix_ms,
                             struct ledger_usage *ret_usage, struct fault *fault)
{
    struct ledger_usage usage = {0};
    DB_ROW *row = db_row(db, SQL_USAGE);
    int rc = db_step(row, DB_TEXT(product), DB_INT(now_unix_ms - HOUR_MS),
                     DB_INT(now_unix_ms - DAY_MS), DB_INT(now_unix_ms - WEEK_MS));
    if (rc == SQLITE_DONE)
        return store_product_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    usage.granted = sqlite3_column_int64(row, 0);
    usage.charged = sqlite3_column_int64(row, 1);
    usage.remaining = usage.granted - usage.charged;
    usage.licensed = sqlite3_column_int64(row, 2);
    usage.succeeded = sqlite3_column_int64(row, 3);
    usage.failed = sqlite3_column_int64(row, 4);
    usage.scrapped = sqlite3_column_int64(row, 5);
    usage.unreported = usage.charged - usage.succeeded - usage.failed - usage.scrapped;
    usage.accepted = sqlite3_column_int64(row, 6);
    usage.revoked = sqlite3_column_int64(row, 7);
    usage.scrap_allowance = sqlite3_column_int64(row, 8);
    usage.scrap_drawn = sqlite3_column_int64(row, 9);
    usage.proven = sqlite3_column_int64(row, 10);
    usage.is_governed = sqlite3_column_int(row, 11) != 0;
    usage.policy = (enum ledger_policy)sqlite3_column_int(row, 12);
    read_ages(row, 13, &usage);
    *ret_usage = usage;
    return ERR_OK;
}

enum error store_usage(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                       struct ledger_usage *ret_usage, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return read_usage(reader.db, product, now_unix_ms, ret_usage, fault);
}

/* ---- every account ---- */

static enum error read_journal_size(struct db *db, int64_t *ret_size, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_INFO);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_size = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* The product's row, already stepped to, with its account unless usage is NULL. */
static enum error read_account(struct db *db, sqlite3_stmt *row, struct ledger_product *product,
                               struct ledger_usage *usage, struct fault *fault)
{
    if (!store_read_product(row, product))
        return db_column_fault(row, fault);
    if (usage == NULL)
        return ERR_OK;
    return read_usage(db, product->name, clock_unix_ms(), usage, fault);
}

/*
 * The statement over the products is active until the end, and while one is, all statements of its
 * connection see the same snapshot.
 */
enum error store_accounts_each(struct ledger_store *store, bool with_usage,
                               bool (*each)(void *context, const struct ledger_product *product,
                                            const struct ledger_usage *usage),
                               void *context, int64_t *ret_journal_size, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_product product = {0};
    struct ledger_usage counted;
    struct ledger_usage *usage = with_usage ? &counted : NULL;
    int64_t size = 0;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_PRODUCTS);
    int rc = db_step(row);
    enum error e = read_journal_size(reader.db, &size, fault);
    for (; e == ERR_OK && rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        e = read_account(reader.db, row, &product, usage, fault);
        if (e == ERR_OK && !each(context, &product, usage))
            break;
    }
    if (e == ERR_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
        e = db_fault(rc, fault);
    if (e == ERR_OK)
        *ret_journal_size = size;
    return e;
}

/* ---- sums over installs ---- */

static enum error find_product(struct db *db, const char *name, int64_t *ret_id,
                               struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_PRODUCT_ID);
    int rc = db_step(row, DB_TEXT(name));
    if (rc == SQLITE_DONE)
        return store_product_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_id = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* How many installs the range has of the product, and how many of them took a unit: of the first
 * LEDGER_SUM_MAX + 1, as further ones are not looked at. */
static enum error count_range(struct db *db, int64_t product_id, const struct store_range *range,
                              int64_t *ret_installs, int64_t *ret_charged, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_USAGE_COUNT);
    int rc = db_step(row, DB_INT(product_id), DB_INT(range->first), DB_INT(range->last),
                     DB_INT(LEDGER_SUM_MAX + 1));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_installs = sqlite3_column_int64(row, 0);
    *ret_charged = sqlite3_column_int64(row, 1);
    return ERR_OK;
}

static bool read_sum(sqlite3_stmt *row, struct ledger_usage_row *sum)
{
    sum->charged = sqlite3_column_int64(row, 1);
    sum->licensed = sqlite3_column_int64(row, 2);
    sum->attempts = sqlite3_column_int64(row, 3);
    sum->succeeded = sqlite3_column_int64(row, 4);
    sum->failed = sqlite3_column_int64(row, 5);
    sum->scrapped = sqlite3_column_int64(row, 6);
    sum->proven = sqlite3_column_int64(row, 7);
    sum->unreported = sum->licensed - sum->succeeded - sum->failed - sum->scrapped;
    return db_column_text(row, 0, sum->key, sizeof sum->key);
}

static enum error show_sums(struct db *db, const struct ledger_usage_filter *filter,
                            int64_t product_id, const struct store_range *range,
                            bool (*each)(void *context, const struct ledger_usage_row *row),
                            void *context, bool *ret_more, struct fault *fault)
{
    static const enum sql STATEMENTS[] = {[LEDGER_BY_LOT] = SQL_USAGE_BY_LOT,
                                          [LEDGER_BY_DAY] = SQL_USAGE_BY_DAY,
                                          [LEDGER_BY_STATION] = SQL_USAGE_BY_STATION};
    bool has_after = filter->after != NULL;
    unsigned shown = 0;
    DB_ROW *row = db_row(db, STATEMENTS[filter->key]);
    int rc = db_step(row, DB_INT(product_id), DB_INT(range->first), DB_INT(range->last),
                     DB_INT(has_after), DB_TEXT(has_after ? filter->after : ""));
    for (; rc == SQLITE_ROW && shown < filter->limit; rc = sqlite3_step(row)) {
        struct ledger_usage_row sum = {0};
        if (!read_sum(row, &sum))
            return db_column_fault(row, fault);
        shown = each(context, &sum) ? shown + 1 : filter->limit;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_more = rc == SQLITE_ROW;
    return ERR_OK;
}

enum error store_usage_each(struct ledger_store *store, const struct ledger_usage_filter *filter,
                            bool (*each)(void *context, const struct ledger_usage_row *row),
                            void *context, bool *ret_more, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct store_range range;
    int64_t product_id = 0;
    int64_t installs = 0;
    int64_t charged = 0;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    enum error e = find_product(reader.db, filter->product, &product_id, fault);
    if (e == ERR_OK)
        e = store_install_range(reader.db, filter->since_unix_ms, filter->until_unix_ms, &range,
                                fault);
    if (e == ERR_OK)
        e = count_range(reader.db, product_id, &range, &installs, &charged, fault);
    if (e == ERR_OK && installs > LEDGER_SUM_MAX)
        e = fault_set(fault, ERR_BAD_REQUEST, "range-too-large",
                      "The range has more than 500000 installs: ask for a shorter time.", 0);
    if (e == ERR_OK)
        e = show_sums(reader.db, filter, product_id, &range, each, context, ret_more, fault);
    return e;
}

enum error store_charged_since(struct ledger_store *store, int64_t product_id,
                               int64_t since_unix_ms, int64_t *ret_units, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct store_range range;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    int64_t installs = 0;
    enum error e = store_install_range(reader.db, since_unix_ms, 0, &range, fault);
    if (e == ERR_OK)
        e = count_range(reader.db, product_id, &range, &installs, ret_units, fault);
    return e;
}

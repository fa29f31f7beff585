/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The store's budgets. Writer thread, except for store_budgets_each. */
#include <stdio.h>

#include "ledger/budget.h"
#include "ledger/sqlite_store.h"

/* One id of one name; *ret_id is 0 when there is none. */
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

static enum error find_names(struct db *db, const struct ledger_budget *budget,
                             int64_t *ret_product, int64_t *ret_principal, struct fault *fault)
{
    *ret_principal = 0;
    enum error e = find_id(db, SQL_PRODUCT_ID, budget->product, ret_product, fault);
    if (e == ERR_OK && *ret_product == 0)
        e = store_product_unknown(fault);
    if (e != ERR_OK || budget->station[0] == '\0')
        return e;
    e = find_id(db, SQL_STATION_ID, budget->station, ret_principal, fault);
    if (e == ERR_OK && *ret_principal == 0)
        e = store_principal_unknown(fault);
    return e;
}

static enum error is_different(struct db *db, const struct ledger_budget *budget, int64_t product,
                               int64_t principal, bool *ret_is_different, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_BUDGET_STATE);
    int rc = db_step(row, DB_INT(product), DB_INT(principal));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_different = rc == SQLITE_DONE
                            ? budget->units >= 0
                            : sqlite3_column_int64(row, 0) != budget->units ||
                                  sqlite3_column_int64(row, 1) != (int64_t)budget->period_minutes ||
                                  sqlite3_column_int64(row, 2) != (int64_t)budget->offset_minutes;
    return ERR_OK;
}

enum error store_budget_set(struct ledger_store *store, const struct ledger_budget *budget,
                            bool *ret_is_changed, struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t product = 0;
    int64_t principal = 0;
    *ret_is_changed = false;
    enum error e = find_names(db, budget, &product, &principal, fault);
    if (e == ERR_OK)
        e = is_different(db, budget, product, principal, ret_is_changed, fault);
    if (e != ERR_OK || !*ret_is_changed)
        return e;
    if (budget->units < 0)
        return db_run(db, SQL_BUDGET_REMOVE, fault, DB_INT(product), DB_INT(principal));
    return db_run(db, SQL_BUDGET_SET, fault, DB_INT(product), DB_INT(principal),
                  DB_INT(budget->units), DB_INT(budget->period_minutes),
                  DB_INT(budget->offset_minutes));
}

enum error store_budget_draw(struct ledger_store *store, int64_t product_id,
                             const struct store_budget *budget, struct fault *fault)
{
    return db_run(&store->writer, SQL_BUDGET_DRAW, fault, DB_INT(product_id),
                  DB_INT(budget->principal_id), DB_INT(budget->period), DB_INT(budget->used));
}

static bool read_budget(sqlite3_stmt *row, const char *product, int64_t now_unix_ms,
                        struct ledger_budget *ret_budget)
{
    const struct store_budget stored = {.is_set = true,
                                        .principal_id = sqlite3_column_int64(row, 1),
                                        .units = sqlite3_column_int64(row, 2),
                                        .period_minutes = sqlite3_column_int64(row, 3),
                                        .offset_minutes = sqlite3_column_int64(row, 4),
                                        .period = sqlite3_column_int64(row, 5),
                                        .used = sqlite3_column_int64(row, 6)};
    *ret_budget = (struct ledger_budget){.units = stored.units,
                                         .period_minutes = (unsigned)stored.period_minutes,
                                         .offset_minutes = (unsigned)stored.offset_minutes,
                                         .used = budget_used(&stored, now_unix_ms)};
    (void)snprintf(ret_budget->product, sizeof ret_budget->product, "%s", product);
    return db_column_text(row, 0, ret_budget->station, sizeof ret_budget->station);
}

enum error store_budgets_each(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                              bool (*each)(void *context, const struct ledger_budget *budget),
                              void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_budget budget;
    int64_t product_id = 0;
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    enum error e = find_id(reader.db, SQL_PRODUCT_ID, product, &product_id, fault);
    if (e == ERR_OK && product_id == 0)
        e = store_product_unknown(fault);
    if (e != ERR_OK)
        return e;
    DB_ROW *row = db_row(reader.db, SQL_BUDGETS);
    int rc = db_step(row, DB_INT(product_id));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        if (!read_budget(row, product, now_unix_ms, &budget))
            return db_column_fault(row, fault);
        if (!each(context, &budget))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Tables of an older version, and today's rows in them. Owns no state. */
#include "old_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

#define TEXT_MAX ((size_t)64 * 1024)

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql, message);
}

static void read_text(const char *kind, int version, char out[TEXT_MAX])
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s_%d.sql", LEDGER_TESTS_FOLDER, kind, version);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(out, 1, TEXT_MAX - 1, file);
    out[length] = '\0';
    (void)fclose(file);
}

static void copy_rows(sqlite3 *db, int version, const char *modern)
{
    static char rows[TEXT_MAX];
    char sql[512];
    read_text("rows", version, rows);
    (void)sqlite3_snprintf(sizeof sql, sql, "ATTACH %Q AS modern", modern);
    run(db, sql);
    run(db, "BEGIN");
    run(db, rows);
    run(db, "COMMIT; DETACH modern");
}

/* The triggers come behind the rows, as they would count them once more. */
void old_ledger_make(int version, const char *path, const char *modern)
{
    static char schema[TEXT_MAX];
    sqlite3 *db = NULL;
    ck_assert_int_eq(rename(path, modern), 0);
    read_text("schema", version, schema);
    char *triggers = strstr(schema, "CREATE TRIGGER");
    ck_assert_ptr_nonnull(triggers);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL");
    triggers[-1] = '\0';
    run(db, schema);
    run(db, "COMMIT");
    copy_rows(db, version, modern);
    triggers[-1] = ' ';
    run(db, "BEGIN");
    run(db, triggers);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

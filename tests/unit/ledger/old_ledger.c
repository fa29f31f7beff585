/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Tables of version 3, and today's rows in them. Owns no state. */
#include "old_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

#define SCHEMA_MAX ((size_t)64 * 1024)

/* Tables that were the same. */
static const char *const SAME[] = {"meta",   "anchors",  "image",   "device", "charge",
                                   "budget", "document", "journal", "tree",   "checkpoint",
                                   "breach", "consent",  "refusal"};

static const char CHANGED[] =
    "INSERT INTO product (id, name, profile, policy, firmware_key, anchors_version, accepted,"
    "  revoked, scrap_allowance, scrap_drawn, used, installs, succeeded, failed, scrapped, proven,"
    "  is_enabled, allows_key_exposure, options, attempts_max, is_governed, sequence, authorities)"
    " SELECT id, name, profile, policy, firmware_key, anchors_version, accepted, revoked,"
    "  scrap_allowance, scrap_drawn, used, installs, succeeded, failed, scrapped, proven,"
    "  is_enabled, allows_key_exposure, options, attempts_max, is_governed, sequence, authorities"
    " FROM modern.product;"
    "INSERT INTO principal (id, name, role, spki, is_enabled) SELECT p.id, p.name, 1, k.spki,"
    "  p.is_enabled FROM modern.principal p JOIN modern.principal_key k ON k.principal_id = p.id;"
    "INSERT INTO install SELECT id, uuid, device_id, image_id, principal_id, charge_id, leaf,"
    "  license, attempts, licensed_unix_ms, attempted_unix_ms, lot, line, work_order, operator,"
    "  socket, result, code, detail, reporter_id, reported_unix_ms, receipt FROM modern.install;";

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql, message);
}

static void read_schema(char out[SCHEMA_MAX])
{
    FILE *file = fopen(LEDGER_TESTS_FOLDER "/schema_3.sql", "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(out, 1, SCHEMA_MAX - 1, file);
    out[length] = '\0';
    (void)fclose(file);
}

static void copy_rows(sqlite3 *db, const char *modern)
{
    char sql[512];
    (void)sqlite3_snprintf(sizeof sql, sql, "ATTACH %Q AS modern", modern);
    run(db, sql);
    run(db, "BEGIN");
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++) {
        (void)sqlite3_snprintf(sizeof sql, sql, "INSERT INTO %s SELECT * FROM modern.%s", SAME[i],
                               SAME[i]);
        run(db, sql);
    }
    run(db, CHANGED);
    run(db, "COMMIT; DETACH modern");
}

/* The triggers come behind the rows, as they would count them once more. */
void old_ledger_make_3(const char *path, const char *modern)
{
    static char schema[SCHEMA_MAX];
    sqlite3 *db = NULL;
    ck_assert_int_eq(rename(path, modern), 0);
    read_schema(schema);
    char *triggers = strstr(schema, "CREATE TRIGGER");
    ck_assert_ptr_nonnull(triggers);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL");
    triggers[-1] = '\0';
    run(db, schema);
    run(db, "COMMIT");
    copy_rows(db, modern);
    triggers[-1] = ' ';
    run(db, "BEGIN");
    run(db, triggers);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

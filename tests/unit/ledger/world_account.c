/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The account, recounted: counters against rows, rows against leaves, documents against both. Reads
 * raw rows, never the counters that it judges.
 */
#include <sqlite3.h>

#include "naive_tree.h"
#include "world.h"

/*
 * leaf: the fields of every leaf that count. unit: every charge with the result that its installs
 * give it: scrapped by any of them, else that of the newest.
 */
static const char RECOUNT[] =
    "CREATE TEMP TABLE leaf AS SELECT idx, t ->> '$.type' AS type, t ->> '$.product' AS product, "
    "  replace(t ->> '$.install', '-', '') AS install, t ->> '$.charged' AS charged, "
    "  replace(t ->> '$.unit', '-', '') AS unit, t ->> '$.scrap_drawn' AS drawn, "
    "  t ->> '$.quota' AS quota, t ->> '$.units' AS units, t ->> '$.kind' AS kind, "
    "  replace(t ->> '$.grant', '-', '') AS document FROM "
    "  (SELECT idx, CAST(entry AS TEXT) AS t FROM journal);"
    "CREATE TEMP TABLE unit AS SELECT c.id, c.product_id, c.device_id, c.result AS told, "
    "  c.is_proven AS told_proven, (SELECT min(n.id) FROM install n WHERE n.charge_id = c.id) AS "
    "  first, (SELECT max(n.id) FROM install n WHERE n.charge_id = c.id) AS newest, "
    "  (SELECT max(n.result IS 3) FROM install n WHERE n.charge_id = c.id) AS is_scrapped, "
    "  NULL AS result, 0 AS is_proven FROM charge c;"
    "CREATE INDEX temp.unit_id ON unit (id);"
    "UPDATE unit SET result = iif(is_scrapped, 3, n.result), "
    "  is_proven = n.result IS 1 AND n.receipt <> x'' AND NOT is_scrapped "
    "  FROM install n WHERE n.id = unit.newest;";

#define UNITS    "(SELECT count(*) FROM unit u WHERE u.product_id = p.id"
#define DEVICES  "(SELECT count(*) FROM device d WHERE d.product_id = p.id"
#define DOCUMENT " FROM document d WHERE d.product_id = p.id"
#define LEAF     " FROM leaf l WHERE l.product = p.name"

/* Each answers how many rows are wrong. */
static const char *const WRONG[] = {
    /* counters and rows */
    "SELECT count(*) FROM product p WHERE p.used <> " UNITS ") OR p.used > p.quota OR "
    "p.quota <> p.accepted - p.revoked + p.scrap_drawn",
    "SELECT count(*) FROM product p WHERE p.succeeded <> " UNITS " AND u.result = 1) OR "
    "p.failed <> " UNITS " AND u.result = 2) OR p.scrapped <> " UNITS " AND u.result = 3) OR "
    "p.used - p.succeeded - p.failed - p.scrapped <> " UNITS " AND u.result IS NULL) OR "
    "p.proven <> " UNITS " AND u.is_proven)",
    "SELECT count(*) FROM product p WHERE p.scrap_drawn <> " DEVICES " AND d.is_scrap_drawn) OR "
    "p.scrap_drawn > p.scrap_allowance",
    "SELECT count(*) FROM product p WHERE p.installs <> (SELECT count(*) FROM install i JOIN "
    "device d ON d.id = i.device_id WHERE d.product_id = p.id)",
    "SELECT count(*) FROM unit WHERE told IS NOT result OR told_proven <> is_proven",
    "SELECT count(*) FROM install WHERE receipt <> x'' AND result IS NOT 1",
    "SELECT count(*) FROM device d WHERE d.is_scrapped <> EXISTS (SELECT 1 FROM install i WHERE "
    "i.device_id = d.id AND i.result = 3) OR d.is_scrap_drawn > d.is_scrapped",
    "SELECT count(*) FROM device d WHERE d.attempts <> (SELECT coalesce(sum(i.attempts), 0) FROM "
    "install i WHERE i.device_id = d.id)",
    "SELECT count(*) FROM (SELECT 1 FROM device WHERE serial <> '' AND is_replaced = 0 GROUP BY "
    "product_id, serial HAVING count(*) > 1)",
    /* A device has one per-device unit, and with nothing else each device is one unit. */
    "SELECT count(*) FROM (SELECT 1 FROM charge WHERE policy = 1 GROUP BY device_id HAVING "
    "count(*) > 1)",
    "SELECT count(*) FROM product p WHERE p.used <> (SELECT count(DISTINCT u.device_id) FROM unit "
    "u WHERE u.product_id = p.id) AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.product_id = p.id "
    "AND c.policy = 2)",
    /* rows and leaves */
    "SELECT count(*) - coalesce(max(idx) + 1, 0) FROM journal",
    "SELECT (SELECT count(*) FROM install) <> (SELECT count(*) FROM leaf WHERE type = "
    "'license-issued')",
    "SELECT count(*) FROM install i JOIN unit u ON u.id = i.charge_id LEFT JOIN leaf l ON l.idx = "
    "i.leaf WHERE l.type IS NOT 'license-issued' OR l.install IS NOT lower(hex(i.uuid)) OR "
    "l.charged IS NOT (i.id = u.first) OR l.unit IS NOT (SELECT lower(hex(f.uuid)) FROM install f "
    "WHERE f.id = u.first AND i.id <> u.first)",
    "SELECT (SELECT coalesce(sum(attempts - 1), 0) FROM install) <> (SELECT count(*) FROM leaf "
    "WHERE type = 'license-reissued')",
    "SELECT (SELECT coalesce(sum(scrap_drawn), 0) FROM product) <> (SELECT count(*) FROM leaf "
    "WHERE type = 'install-outcome' AND drawn = 1)",
    /* units and where they came from */
    "SELECT count(*) FROM product p WHERE p.is_governed = 0 AND (p.revoked <> 0 OR p.sequence <> 0 "
    "OR p.accepted <> (SELECT coalesce(sum(coalesce(l.units, l.quota)), 0)" LEAF
    " AND l.type IN ('product-created', 'quota-added')) OR p.scrap_allowance <> "
    "(SELECT coalesce(sum(l.units), 0)" LEAF " AND l.type = 'scrap-allowance-added') OR EXISTS "
    "(SELECT 1" DOCUMENT "))",
    "SELECT count(*) FROM product p WHERE p.is_governed = 1 AND ("
    "p.accepted <> (SELECT coalesce(sum(d.units), 0)" DOCUMENT " AND d.kind = 1) OR "
    "p.scrap_allowance <> (SELECT coalesce(sum(d.units), 0)" DOCUMENT " AND d.kind = 2) OR "
    "p.revoked <> (SELECT coalesce(sum(d.taken), 0)" DOCUMENT " AND d.kind = 3) OR "
    "p.sequence <> (SELECT coalesce(max(d.sequence), 0)" DOCUMENT ") OR "
    "p.sequence <> (SELECT count(*)" DOCUMENT " AND d.kind IN (4, 6, 7)) OR "
    "p.authorities = x'')",
    "SELECT (SELECT count(*) FROM document) <> (SELECT count(*) FROM leaf WHERE type = 'grant')",
    "SELECT count(*) FROM document d JOIN product p ON p.id = d.product_id LEFT JOIN leaf l ON "
    "l.idx = d.leaf WHERE l.type IS NOT 'grant' OR l.document IS NOT lower(hex(d.uuid)) OR "
    "l.product IS NOT p.name OR coalesce(l.units, 0) <> d.units",
    "SELECT count(*) FROM pragma_foreign_key_check",
    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
};

static int64_t wrong_rows(sqlite3 *db, const char *query)
{
    sqlite3_stmt *row = NULL;
    ck_assert_msg(sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK, "%s: %s", query,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    int64_t rows = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return rows;
}

void world_check_account(const struct world *world)
{
    sqlite3 *db = world_raw(world);
    ck_assert_msg(sqlite3_exec(db, RECOUNT, NULL, NULL, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        ck_assert_msg(wrong_rows(db, WRONG[i]) == 0, "%s", WRONG[i]);
    (void)sqlite3_close(db);
    naive_tree_check(world);
}

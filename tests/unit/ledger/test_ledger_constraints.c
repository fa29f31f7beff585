/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the database refuses by itself of units, scrap, documents and shares: as test_ledger_schema,
 * past the ledger's code.
 */
#include <sqlite3.h>

#include "maker.h"

static struct world world;

/* Governed; 2 units accepted and used; device 1 is scrapped and drew the one scrap unit: granted
 * are 3. Documents 1 to 3: policy, install, scrap. */
static void setup(void)
{
    struct ledger_issued issued;
    const struct ledger_grant scrap = maker_units(LEDGER_GRANT_SCRAP, 1);
    maker_make(&world, 2);
    (void)maker_must(&world, &scrap);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
    (void)world_add_image(&world, 2);
}

/* Whatever was tried, the account is as it was. */
static void teardown(void)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.charged, 2);
    ck_assert_int_eq(usage.granted, 3);
    ck_assert_int_eq(usage.scrap_drawn, 1);
    world_check_account(&world);
    world_end(&world);
}

/* A device, or a unit of either policy for a new one; each in the transaction of a test. */
#define ROOM   "UPDATE product SET installs = 99;"
#define DEVICE "INSERT INTO device (product_id, spki, serial) VALUES (1, randomblob(32), '');"
#define CHARGE(device, policy)                                                                 \
    "INSERT INTO charge (product_id, device_id, installed_unix_ms, policy) VALUES (1, " device \
    ", 0, " policy ");"
#define NEWEST "(SELECT max(id) FROM device)"
#define DOCUMENT(uuid, kind, units, taken, document)                                     \
    "INSERT INTO document (uuid, product_id, kind, units, taken, lot, sequence, "        \
    "accepted_unix_ms, leaf, document) VALUES (" uuid ", 1, " kind ", " units ", " taken \
    ", '', 0, 0, 0, " document ");"

/* The transaction is rolled back in any case; what fails is the last statement. */
static void try(const char *sql, int code)
{
    char text[4096];
    (void)sqlite3_snprintf(sizeof text, text, "BEGIN; %s ROLLBACK;", sql);
    int rc = world_execute(&world, text);
    ck_assert_msg(rc == code, "%s: %d, not %d", sql, rc, code);
}

static void allowed(const char *sql)
{
    try(sql, SQLITE_OK);
}

START_TEST(used_never_exceeds_accepted_less_revoked_plus_drawn)
{
    allowed(ROOM DEVICE CHARGE(NEWEST, "1"));
    try(ROOM DEVICE CHARGE(NEWEST, "1") DEVICE CHARGE(NEWEST, "1"), SQLITE_CONSTRAINT_CHECK);
    try(ROOM DEVICE CHARGE(NEWEST, "2") DEVICE CHARGE(NEWEST, "2"), SQLITE_CONSTRAINT_CHECK);
    allowed("UPDATE product SET accepted = 1;");
    try("UPDATE product SET accepted = 0;", SQLITE_CONSTRAINT_CHECK);
    allowed("UPDATE product SET revoked = 1;");
    try("UPDATE product SET revoked = 2;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET accepted = 5, revoked = 6;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET accepted = 1000000000001;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET quota = 9;", SQLITE_ERROR); /* it is computed */
}
END_TEST

START_TEST(a_device_draws_one_scrap_unit_within_the_allowance)
{
    try("UPDATE device SET is_scrap_drawn = 0 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE device SET is_scrap_drawn = 2 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE device SET is_scrap_drawn = 1 WHERE id = 2;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE device SET is_scrapped = 1, is_scrap_drawn = 1 WHERE id = 2;",
        SQLITE_CONSTRAINT_CHECK);
    allowed("UPDATE product SET scrap_allowance = 2;"
            "UPDATE device SET is_scrapped = 1, is_scrap_drawn = 1 WHERE id = 2;"
            "UPDATE device SET is_scrap_drawn = 1 WHERE id = 2;" /* moves nothing more */
            "UPDATE device SET is_scrap_drawn = 1 WHERE id = 1;");
    try("UPDATE product SET scrap_drawn = 0;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE product SET scrap_drawn = 2;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET scrap_allowance = 0;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE device SET is_scrapped = 0 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(a_draw_by_the_device_moves_the_products_count)
{
    ck_assert_int_eq(
        world_execute(&world, "BEGIN; UPDATE product SET scrap_allowance = 2; UPDATE device SET "
                              "is_scrapped = 1, is_scrap_drawn = 1 WHERE id = 2; "
                              "UPDATE product SET used = iif(scrap_drawn = 2, used, NULL); "
                              "ROLLBACK;"),
        SQLITE_OK);
}
END_TEST

START_TEST(replaced_is_final_and_frees_the_serial)
{
    static const char SAME[] =
        "INSERT INTO device (product_id, spki, serial) VALUES (1, zeroblob(32), 'SN-2');";
    char text[512];
    try(SAME, SQLITE_CONSTRAINT_UNIQUE);
    (void)sqlite3_snprintf(sizeof text, text, "UPDATE device SET is_replaced = 1 WHERE id = 2; %s",
                           SAME);
    allowed(text);
    try("UPDATE device SET is_replaced = 1 WHERE id = 2;"
        "UPDATE device SET is_replaced = 0 WHERE id = 2;",
        SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE device SET is_replaced = 2 WHERE id = 2;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(a_device_has_one_per_device_unit_and_any_number_of_others)
{
    try("UPDATE product SET accepted = 9, installs = 99;" CHARGE("1", "1"),
        SQLITE_CONSTRAINT_UNIQUE);
    allowed("UPDATE product SET accepted = 9, installs = 99;" CHARGE("1", "2") CHARGE("1", "2"));
    try("UPDATE product SET accepted = 9, installs = 99;" CHARGE("1", "3"),
        SQLITE_CONSTRAINT_CHECK);
    try("UPDATE charge SET policy = 2 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(an_install_stays_with_its_unit_and_its_leaf)
{
    static const char INSTALL[] =
        "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, "
        "attempted_unix_ms, lot, line, work_order, operator, socket, charge_id, product_id, "
        "is_charged, leaf) VALUES (randomblob(16), 2, 2, 1, x'00', 0, 0, '', '', '', '', '', %d, "
        "1, 0, 0);";
    char text[512];
    (void)sqlite3_snprintf(sizeof text, text, INSTALL, 1);
    try(text, SQLITE_CONSTRAINT_TRIGGER);
    (void)sqlite3_snprintf(sizeof text, text, INSTALL, 2);
    allowed(text);
    try("UPDATE install SET charge_id = 2 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE install SET leaf = 0 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE install SET receipt = zeroblob(145) WHERE id = 1;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(only_a_success_is_proven)
{
    try("UPDATE charge SET is_proven = 1 WHERE id = 2;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE charge SET result = 2, is_proven = 1 WHERE id = 2;", SQLITE_CONSTRAINT_CHECK);
    allowed("UPDATE charge SET result = 1, is_proven = 1 WHERE id = 2;");
    try("UPDATE product SET proven = 1;", SQLITE_CONSTRAINT_CHECK);
    allowed("UPDATE product SET succeeded = 1, proven = 1;");
    try("UPDATE product SET succeeded = 2;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(an_accepted_document_stays_and_counts_once)
{
    try("UPDATE document SET units = 9 WHERE kind = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("UPDATE document SET document = x'00' WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    try("DELETE FROM document WHERE id = 3;", SQLITE_CONSTRAINT_TRIGGER);
    try("REPLACE INTO document SELECT * FROM document WHERE id = 2;", SQLITE_CONSTRAINT_TRIGGER);
    try(DOCUMENT("(SELECT uuid FROM document WHERE id = 2)", "1", "5", "0", "x'00'"),
        SQLITE_CONSTRAINT_UNIQUE);
    allowed(DOCUMENT("randomblob(16)", "3", "5", "5", "zeroblob(114688)"));
    try(DOCUMENT("randomblob(16)", "3", "5", "6", "x'00'"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(16)", "3", "-1", "-1", "x'00'"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(16)", "0", "5", "0", "x'00'"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(16)", "8", "5", "0", "x'00'"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(15)", "1", "5", "0", "x'00'"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(16)", "1", "5", "0", "x''"), SQLITE_CONSTRAINT_CHECK);
    try(DOCUMENT("randomblob(16)", "1", "5", "0", "zeroblob(114689)"), SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(a_governed_product_has_authorities_and_a_number)
{
    try("UPDATE product SET authorities = x'';", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET is_governed = 0;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET sequence = 0;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET policy = 3;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET attempts_max = -1;", SQLITE_CONSTRAINT_CHECK);
    try("UPDATE product SET attempts_max = 1000001;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(a_share_has_a_period_of_a_week_at_most)
{
    static const char SHARE[] = "INSERT INTO budget (product_id, principal_id, units, "
                                "period_minutes, offset_minutes) VALUES (%s);";
    static const char *const WRONG[] = {"1, 0, -1, 60, 0", "1, 0, 1, 0, 0", "1, 0, 1, 10081, 0",
                                        "1, 0, 1, 60, 60", "1, 0, 1, 60, -1"};
    char text[512];
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)sqlite3_snprintf(sizeof text, text, SHARE, WRONG[i]);
        try(text, SQLITE_CONSTRAINT_CHECK);
    }
    (void)sqlite3_snprintf(sizeof text, text, SHARE, "1, 0, 0, 10080, 10079");
    allowed(text);
    (void)sqlite3_snprintf(sizeof text, text, SHARE, "9, 0, 0, 60, 0");
    ck_assert_int_eq(world_execute(&world, text), SQLITE_CONSTRAINT_FOREIGNKEY);
}
END_TEST

START_TEST(consent_is_of_a_known_breach_and_product)
{
    ck_assert_int_eq(world_execute(&world, "INSERT INTO consent (breach_id, product_id) VALUES "
                                           "(1, 1)"),
                     SQLITE_CONSTRAINT_FOREIGNKEY);
    allowed("INSERT INTO breach (anchor_size, anchor_root, found_size, found_root) VALUES (1, "
            "zeroblob(32), 1, zeroblob(32));"
            "INSERT INTO consent (breach_id, product_id) VALUES (1, 1);");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("constraints");
    TCase *tcase = tcase_create("constraints");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, used_never_exceeds_accepted_less_revoked_plus_drawn);
    tcase_add_test(tcase, a_device_draws_one_scrap_unit_within_the_allowance);
    tcase_add_test(tcase, a_draw_by_the_device_moves_the_products_count);
    tcase_add_test(tcase, replaced_is_final_and_frees_the_serial);
    tcase_add_test(tcase, a_device_has_one_per_device_unit_and_any_number_of_others);
    tcase_add_test(tcase, an_install_stays_with_its_unit_and_its_leaf);
    tcase_add_test(tcase, only_a_success_is_proven);
    tcase_add_test(tcase, an_accepted_document_stays_and_counts_once);
    tcase_add_test(tcase, a_governed_product_has_authorities_and_a_number);
    tcase_add_test(tcase, a_share_has_a_period_of_a_week_at_most);
    tcase_add_test(tcase, consent_is_of_a_known_breach_and_product);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

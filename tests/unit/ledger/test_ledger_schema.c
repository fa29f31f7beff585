/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the database refuses by itself: every attempt here goes past the ledger's code, by SQL on a
 * connection of its own.
 */
#include <sqlite3.h>

#include "world.h"

static struct world world;

/* Device 1 is charged (install 1), device 2 too (install 2): the quota of 2 is spent. */
static void setup(void)
{
    struct ledger_issued issued;
    world_make(&world, 2);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
    (void)world_add_image(&world, 2);
}

/* Whatever was tried, the account is as it was. */
static void teardown(void)
{
    ck_assert_int_eq(world_usage(&world).charged, 2);
    ck_assert_int_eq(world_usage(&world).granted, 2);
    world_check_account(&world);
    world_end(&world);
}

#define NEW_DEVICE "INSERT INTO device (product_id, spki, serial) VALUES (1, zeroblob(32), 'SN-3');"
#define NEW_INSTALL(device, image, charge)                                                      \
    "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, " \
    "attempted_unix_ms, lot, line, work_order, operator, socket, charge_id, product_id, "       \
    "is_charged, leaf) VALUES (randomblob(16), " device ", " image                              \
    ", 1, x'00', 0, 0, '', '', '', '', '', " charge ", 1, 1, 0);"
#define NEW_CHARGE(product, device)                                                          \
    "INSERT INTO charge (product_id, device_id, installed_unix_ms, policy) VALUES (" product \
    ", " device ", 0, 1);"
#define NEW_PRINCIPAL(name, role)                                                               \
    "INSERT INTO principal (name, role, is_enabled, products, lines) VALUES ('" name "', " role \
    ", 1, '', '');"

/* In a transaction, so that the parts before the refused one leave nothing. */
static void assert_refused(const char *sql, int code)
{
    char text[2048];
    (void)sqlite3_snprintf(sizeof text, text, "BEGIN; %s COMMIT;", sql);
    int rc = world_execute(&world, text);
    ck_assert_msg(rc == code, "%s: %d, not %d", sql, rc, code);
}

START_TEST(a_second_charge_of_a_device_is_refused)
{
    assert_refused("UPDATE product SET accepted = 9, installs = 9;" NEW_CHARGE("1", "1"),
                   SQLITE_CONSTRAINT_UNIQUE);
}
END_TEST

START_TEST(a_charge_beyond_the_quota_is_refused)
{
    assert_refused("UPDATE product SET installs = 9;" NEW_DEVICE NEW_CHARGE("1", "3"),
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE product SET used = 3, installs = 3;", SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE product SET accepted = 1;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(a_unit_is_never_given_back)
{
    assert_refused("UPDATE product SET used = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM charge;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE charge SET device_id = 2 WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("REPLACE INTO charge (id, product_id, device_id, installed_unix_ms, policy) "
                   "VALUES (1, 1, 1, 0, 1);",
                   SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(more_outcomes_than_units_are_refused)
{
    assert_refused("UPDATE product SET succeeded = 3;", SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE product SET succeeded = 1, failed = 1, scrapped = 1;",
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE product SET failed = -1;", SQLITE_CONSTRAINT_CHECK);
}
END_TEST

START_TEST(a_leaf_is_never_changed_or_deleted_or_skipped)
{
    assert_refused("UPDATE journal SET entry = x'0000' WHERE idx = 0;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE journal SET idx = 1000 WHERE idx = 0;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM journal WHERE idx = (SELECT max(idx) FROM journal);",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("REPLACE INTO journal (idx, entry) VALUES (0, x'0000');",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("INSERT INTO journal (idx, entry) SELECT max(idx) + 2, x'0000' FROM journal;",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("INSERT INTO journal (idx, entry) VALUES (-1, x'0000');",
                   SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(an_issued_license_stays)
{
    assert_refused("UPDATE install SET license = x'00' WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM install WHERE id = 2;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused(NEW_INSTALL("1", "1", "1"), SQLITE_CONSTRAINT_UNIQUE);
}
END_TEST

START_TEST(a_device_keeps_its_identity)
{
    assert_refused("UPDATE device SET serial = 'SN-9' WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM device WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("INSERT INTO device (product_id, spki, serial) SELECT 1, spki, 'SN-9' FROM "
                   "device WHERE id = 1;",
                   SQLITE_CONSTRAINT_UNIQUE);
    assert_refused("INSERT INTO device (product_id, spki, serial) VALUES (1, zeroblob(32), "
                   "'SN-1');",
                   SQLITE_CONSTRAINT_UNIQUE);
    assert_refused("UPDATE device SET is_scrapped = 1 WHERE id = 1; "
                   "UPDATE device SET is_scrapped = 0 WHERE id = 1;",
                   SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(one_session_key_is_one_image)
{
    assert_refused("INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
                   "created_unix_ms, is_enabled) SELECT 1, zeroblob(32), 1, '', session_key, iv, "
                   "tag, 0, 1 FROM image WHERE id = 1;",
                   SQLITE_CONSTRAINT_UNIQUE);
}
END_TEST

START_TEST(one_name_is_one_image)
{
    assert_refused("UPDATE image SET alias = 'current';", SQLITE_CONSTRAINT_UNIQUE);
    assert_refused("UPDATE image SET alias = 'current' WHERE id = 1; UPDATE image SET alias = "
                   "'CurrenT' WHERE id = 2;",
                   SQLITE_CONSTRAINT_UNIQUE);
    assert_refused("UPDATE image SET alias = NULL;", SQLITE_CONSTRAINT_NOTNULL);
}
END_TEST

START_TEST(a_principal_keeps_its_name_and_role)
{
    assert_refused("UPDATE principal SET role = 2;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE principal SET name = 'st-9' WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM principal WHERE id = 2;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused(NEW_PRINCIPAL("st-2", "1"), SQLITE_CONSTRAINT_UNIQUE);
    assert_refused(NEW_PRINCIPAL("st-3", "0"), SQLITE_CONSTRAINT_CHECK);
    assert_refused(NEW_PRINCIPAL("st-3", "6"), SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE principal_key SET spki = zeroblob(32);", SQLITE_CONSTRAINT_UNIQUE);
    assert_refused("UPDATE principal_key SET principal_id = 9;", SQLITE_CONSTRAINT_FOREIGNKEY);
}
END_TEST

START_TEST(device_image_and_charge_are_of_one_product)
{
    static const char GADGET[] =
        "INSERT INTO product (name, profile, policy, firmware_key, accepted) VALUES ('gadget', "
        "'p', "
        "1, zeroblob(16), 9);"
        "INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
        "created_unix_ms, is_enabled) VALUES (2, zeroblob(32), 1, '', x'77', x'', zeroblob(16), 0, "
        "1);";
    char text[1024];
    (void)sqlite3_snprintf(sizeof text, text, "%s%s", GADGET, NEW_INSTALL("1", "3", "1"));
    assert_refused(text, SQLITE_CONSTRAINT_TRIGGER);
    (void)sqlite3_snprintf(sizeof text, text, "%s%s", GADGET, NEW_CHARGE("2", "1"));
    assert_refused(text, SQLITE_CONSTRAINT_TRIGGER);
    /* Nor does an install belong to another device's unit. */
    assert_refused(NEW_INSTALL("1", "2", "2"), SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

START_TEST(columns_hold_their_own_kind_only)
{
    assert_refused("UPDATE product SET accepted = 'many';", SQLITE_CONSTRAINT_DATATYPE);
    assert_refused("UPDATE product SET allows_key_exposure = 2;", SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE product SET options = printf('%.*c', 1025, 'x');",
                   SQLITE_CONSTRAINT_CHECK);
    /* Bytes count, not characters. */
    assert_refused("UPDATE product SET options = printf('%.*c', 1023, 'x') || char(8364);",
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE principal SET is_enabled = 2;", SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE principal SET lines = printf('%.*c', 2079, 'x') || char(8364);",
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE principal_key SET spki = x'00';", SQLITE_CONSTRAINT_CHECK);
    assert_refused("INSERT INTO meta (id, site, hsm_identity) VALUES (2, 'x', zeroblob(32));",
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("INSERT INTO consent (breach_id, product_id) VALUES (99, 1);",
                   SQLITE_CONSTRAINT_FOREIGNKEY);
}
END_TEST

/* The controls: what is allowed passes the same way, so that a refusal above means something. */
START_TEST(an_honest_charge_is_accepted)
{
    static const char HONEST[] =
        "BEGIN; UPDATE product SET accepted = 3, installs = installs + 1;" NEW_DEVICE NEW_CHARGE(
            "1", "3") NEW_INSTALL("3", "1", "3") "ROLLBACK;";
    ck_assert_int_eq(world_execute(&world, HONEST), SQLITE_OK);
    ck_assert_int_eq(world_execute(&world, "BEGIN; INSERT INTO journal (idx, entry) SELECT "
                                           "max(idx) + 1, x'0000' FROM journal; ROLLBACK;"),
                     SQLITE_OK);
    ck_assert_int_eq(world_execute(&world, "BEGIN; " NEW_PRINCIPAL("st-3", "5") "ROLLBACK;"),
                     SQLITE_OK);
    ck_assert_int_eq(world_execute(&world, "BEGIN; UPDATE image SET alias = ''; UPDATE image SET "
                                           "alias = 'current' WHERE id = 1; UPDATE product SET "
                                           "options = printf('%.*c', 1024, 'x'); ROLLBACK;"),
                     SQLITE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *tcase = tcase_create("schema");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_second_charge_of_a_device_is_refused);
    tcase_add_test(tcase, a_charge_beyond_the_quota_is_refused);
    tcase_add_test(tcase, a_unit_is_never_given_back);
    tcase_add_test(tcase, more_outcomes_than_units_are_refused);
    tcase_add_test(tcase, a_leaf_is_never_changed_or_deleted_or_skipped);
    tcase_add_test(tcase, an_issued_license_stays);
    tcase_add_test(tcase, a_device_keeps_its_identity);
    tcase_add_test(tcase, one_session_key_is_one_image);
    tcase_add_test(tcase, one_name_is_one_image);
    tcase_add_test(tcase, a_principal_keeps_its_name_and_role);
    tcase_add_test(tcase, device_image_and_charge_are_of_one_product);
    tcase_add_test(tcase, columns_hold_their_own_kind_only);
    tcase_add_test(tcase, an_honest_charge_is_accepted);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

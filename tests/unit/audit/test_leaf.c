/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One leaf: its fields, its flaws, and a device's receipt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "audit/leaf.h"
#include "judge.h"
#include "support/run.h"

#define HEX    "5f0cb3e1a7d9c2b45f0cb3e1a7d9c2b45f0cb3e1a7d9c2b45f0cb3e1a7d9c2b4"
#define UUID   "019ab3c2-7c1e-7d3a-9a55-0c2f6c1f7a10"
#define BEHIND "\"time\":\"2026-11-23T22:05:36.123Z\",\"type\":"

static struct leaf leaf;

static void read_leaf(const char *text)
{
    leaf_read(bytes_of(text, strlen(text)), 7, &leaf);
}

static void assert_raw(enum leaf_field field, const char *text)
{
    ck_assert_msg(leaf_text_is(&leaf, field, text), "%s", leaf_field_name(field));
}

START_TEST(fields_of_a_license_are_found)
{
    read_leaf("{\"charged\":false,\"device\":\"" HEX "\",\"image\":\"sha256:" HEX
              "\",\"install\":\"" UUID "\",\"license\":\"" HEX
              "\",\"line\":\"2\",\"lot\":\"L-7\",\"product\":\"widget\",\"serial\":\"\\u00E9\","
              "\"station\":\"st-1\"," BEHIND "\"license-issued\",\"unit\":\"" UUID "\",\"v\":1}");
    ck_assert_int_eq(leaf.flaw, LEAF_SOUND);
    ck_assert_int_eq(leaf.type, LEAF_LICENSE_ISSUED);
    ck_assert_int_eq(leaf.index, 7);
    ck_assert_int_eq(leaf.time_unix_ms, INT64_C(1795471536123));
    ck_assert(!leaf_flag(&leaf, FIELD_CHARGED));
    ck_assert(!leaf_has(&leaf, FIELD_GRANT));
    assert_raw(FIELD_LOT, "L-7");
    assert_raw(FIELD_SERIAL, "\\u00E9");
    const struct sha256 device = leaf_digest(&leaf, FIELD_DEVICE);
    const struct sha256 image = leaf_digest(&leaf, FIELD_IMAGE);
    const struct uuid unit = leaf_uuid(&leaf, FIELD_UNIT);
    ck_assert_uint_eq(device.bytes[0], 0x5f);
    ck_assert(sha256_equal(&device, &image));
    ck_assert_uint_eq(unit.bytes[15], 0x10);
}
END_TEST

/* The reader walks through leaf and table together. */
START_TEST(table_of_fields_is_sorted)
{
    for (int field = 1; field < FIELD_COUNT; field++)
        ck_assert_str_lt(leaf_field_name((enum leaf_field)(field - 1)),
                         leaf_field_name((enum leaf_field)field));
}
END_TEST

START_TEST(every_type_is_known_by_its_name)
{
    for (int type = LEAF_UNKNOWN + 1; type < LEAF_TYPES; type++) {
        char text[256];
        (void)snprintf(text, sizeof text, "{" BEHIND "\"%s\",\"v\":1}",
                       leaf_type_name((enum leaf_type)type));
        read_leaf(text);
        ck_assert_int_eq((int)leaf.type, type);
    }
}
END_TEST

static const struct {
    enum leaf_flaw flaw;
    enum leaf_field field;
    const char *text;
} FLAWS[] = {
    {LEAF_NOT_CANONICAL, FIELD_TYPE, "{" BEHIND "\"stop\",\"v\":1} "},
    {LEAF_OTHER_VERSION, FIELD_TYPE, "{" BEHIND "\"stop\",\"v\":2}"},
    {LEAF_FIELD_MISSING, FIELD_V, "{" BEHIND "\"stop\"}"},
    {LEAF_FIELD_MISSING, FIELD_TIME, "{\"type\":\"stop\",\"v\":1}"},
    {LEAF_FIELD_MISSING, FIELD_TYPE, "{\"time\":\"2026-11-23T22:05:36.123Z\",\"v\":1}"},
    {LEAF_FIELD_MISSING, FIELD_CLEAN, "{" BEHIND "\"start\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_CLEAN, "{\"clean\":1," BEHIND "\"start\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_V, "{" BEHIND "\"stop\",\"v\":\"1\"}"},
    {LEAF_FIELD_WRONG, FIELD_TIME,
     "{\"time\":\"2026-11-31T22:05:36.123Z\",\"type\":\"stop\","
     "\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_TIME, "{\"time\":\"2026-11-23T22:05:36Z\",\"type\":\"stop\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_HSM,
     "{\"hsm\":\"abc\",\"site\":\"x\"," BEHIND "\"initialised\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_SITE,
     "{\"hsm\":\"" HEX "\",\"site\":\"x y\"," BEHIND "\"initialised\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_IMAGE,
     "{\"image\":\"" HEX "\",\"product\":\"x\"," BEHIND "\"image-enabled\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_QUOTA,
     "{\"product\":\"x\",\"quota\":-1," BEHIND "\"quota-added\",\"units\":1,\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_RESULT,
     "{\"attempt\":1,\"install\":\"" UUID "\",\"result\":\"lost\",\"station\":\"s\"," BEHIND
     "\"install-outcome\",\"v\":1}"},
    {LEAF_FIELD_WRONG, FIELD_INSTALL,
     "{\"attempt\":1,\"install\":\"019ab3c2\",\"result\":"
     "\"failed\",\"station\":\"s\"," BEHIND "\"install-outcome\",\"v\":1}"},
};

START_TEST(flaw_is_told_with_its_field)
{
    read_leaf(FLAWS[_i].text);
    ck_assert_msg(leaf.flaw == FLAWS[_i].flaw, "%d: %s", (int)leaf.flaw, FLAWS[_i].text);
    ck_assert_str_eq(leaf_field_name(leaf.flaw_field), leaf_field_name(FLAWS[_i].field));
    ck_assert(leaf.has == 0);
}
END_TEST

START_TEST(field_of_another_type_is_not_judged)
{
    read_leaf("{\"hsm\":7," BEHIND "\"stop\",\"v\":1}");
    ck_assert_int_eq(leaf.flaw, LEAF_SOUND);
}
END_TEST

/* ---- receipts of devices ---- */

static struct judge judge;
static struct maker *maker;
static struct signer device; /* its key in the place of a device's */

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    signer_make(&device, "P-256");
    maker_local_product(maker, "widget", 3, "per-device");
    maker_station(maker, "st-1");
    maker_image(maker, "widget", 1);
}

static void tear_down(void)
{
    signer_clear(&device);
    judge_clear(&judge);
}

static void license_device(void)
{
    char number[SHA256_HEX_SIZE], hex[SHA256_HEX_SIZE];
    const struct sha256 key = sha256_of(signer_spki(&device));
    size_t license = maker_license(
        maker, &(struct maker_license){.product = "widget", .device = 1, .image = 1, .install = 1});
    hex_encode(bytes_of(key.bytes, SHA256_SIZE), hex);
    maker_replace(maker, license, maker_digest("device", 1, number), hex);
}

static void report(const struct signer *signer, const char *message, const char *result)
{
    uint8_t signature[CHECKPOINT_DER_MAX];
    char *receipt = NULL;
    char *key = NULL;
    size_t length = signer_sign(signer, bytes_of(message, strlen(message)), signature);
    ck_assert_int_eq(base64_encode(bytes_of(signature, length), &receipt), ERR_OK);
    ck_assert_int_eq(base64_encode(signer_spki(signer), &key), ERR_OK);
    maker_leaf(maker, "install-outcome",
               MAKER_FORMAT("\"attempt\":1,\"install\":\"00000000-0000-7000-8000-000000000001\","
                            "\"key\":\"%s\",\"receipt\":\"%s\",\"result\":\"%s\","
                            "\"station\":\"st-1\",",
                            key, receipt, result),
               "");
    free(receipt);
    free(key);
}

#define INSTALL "ins-00000000-0000-7000-8000-000000000001"

START_TEST(receipt_of_the_device_proves_its_install)
{
    license_device();
    report(&device, INSTALL, "succeeded");
    *maker_account(maker, "widget") = (struct export_account){.product = "widget",
                                                              .accepted = 3,
                                                              .granted = 3,
                                                              .charged = 1,
                                                              .remaining = 2,
                                                              .licensed = 1,
                                                              .succeeded = 1,
                                                              .proven = 1};
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    /* A later report that says the same takes no proof away, another one does. */
    maker_outcome(maker, 1, "succeeded", 1, ",\"site\":7");
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    maker_outcome(maker, 1, "failed", 1, "");
    maker_outcome(maker, 1, "succeeded", 1, "");
    judge_seal_and_run(&judge);
    ck_assert_found_only(&judge, "ledger-account");
}
END_TEST

START_TEST(receipt_over_another_install_is_found)
{
    license_device();
    report(&device, "ins-00000000-0000-7000-8000-000000000002", "succeeded");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "receipt-signature");
}
END_TEST

START_TEST(receipt_of_another_key_is_found)
{
    license_device();
    signer_clear(&device);
    signer_make(&device, "P-256");
    report(&device, INSTALL, "succeeded");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "receipt-key");
}
END_TEST

START_TEST(receipt_for_a_failure_is_found)
{
    license_device();
    report(&device, INSTALL, "failed");
    judge_seal_and_run(&judge);
    ck_assert_found(&judge, "receipt-result");
}
END_TEST

START_TEST(receipt_that_is_none_is_found)
{
    license_device();
    report(&device, INSTALL, "succeeded");
    maker_replace(maker, maker->leaf_count - 1, "\"receipt\":\"", "\"receipt\":\"!");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "receipt-signature");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leaf");
    TCase *form = tcase_create("form");
    TCase *receipts = tcase_create("receipts");
    tcase_add_test(form, fields_of_a_license_are_found);
    tcase_add_test(form, table_of_fields_is_sorted);
    tcase_add_test(form, every_type_is_known_by_its_name);
    tcase_add_loop_test(form, flaw_is_told_with_its_field, 0, sizeof FLAWS / sizeof FLAWS[0]);
    tcase_add_test(form, field_of_another_type_is_not_judged);
    tcase_add_checked_fixture(receipts, set_up, tear_down);
    tcase_add_test(receipts, receipt_of_the_device_proves_its_install);
    tcase_add_test(receipts, receipt_over_another_install_is_found);
    tcase_add_test(receipts, receipt_of_another_key_is_found);
    tcase_add_test(receipts, receipt_for_a_failure_is_found);
    tcase_add_test(receipts, receipt_that_is_none_is_found);
    suite_add_tcase(suite, form);
    suite_add_tcase(suite, receipts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Devices' receipts: when a success is proven, what the leaf keeps, what takes the proof away; and
 * what is kept of a device to check them. The signatures themselves are checked by the caller. */
#include <jansson.h>
#include <string.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct uuid install(int64_t n)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    return issued.install;
}

static struct ledger_outcome outcome_of(const struct uuid *id, enum ledger_result result)
{
    return (struct ledger_outcome){
        .install = *id, .principal_id = world.station_id, .result = result};
}

/* A success with the receipt of that many bytes. */
static struct ledger_outcome proven(const struct uuid *id, size_t receipt_length)
{
    struct ledger_outcome outcome = outcome_of(id, LEDGER_SUCCEEDED);
    memset(outcome.receipt, 0x30, sizeof outcome.receipt);
    memset(outcome.key, 0xfb, sizeof outcome.key);
    outcome.receipt_length = receipt_length;
    outcome.key_length = 91;
    return outcome;
}

static struct ledger_recorded record(const struct ledger_outcome *outcome)
{
    struct ledger_recorded recorded;
    ck_assert_msg(ledger_outcome_record(world.ledger, outcome, &recorded, &world.fault) == ERR_OK,
                  "%s: %s", world.fault.reason, world.fault.detail);
    return recorded;
}

static void assert_counts(int64_t succeeded, int64_t proven_units)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.succeeded, succeeded);
    ck_assert_int_eq(usage.proven, proven_units);
}

static int64_t outcome_leaves(void)
{
    return world_leaves_with(&world, "\"type\":\"install-outcome\"");
}

/* ---- proof ---- */

START_TEST(a_success_with_a_receipt_is_proven)
{
    const struct uuid one = install(1);
    const struct uuid two = install(2);
    const struct ledger_outcome with = proven(&one, 71);
    const struct ledger_outcome without = outcome_of(&two, LEDGER_SUCCEEDED);
    ck_assert(record(&with).is_proven);
    ck_assert(!record(&without).is_proven);
    assert_counts(2, 1);
}
END_TEST

START_TEST(a_receipt_may_come_later)
{
    const struct uuid id = install(1);
    const struct ledger_outcome without = outcome_of(&id, LEDGER_SUCCEEDED);
    const struct ledger_outcome with = proven(&id, 71);
    ck_assert(!record(&without).is_proven);
    assert_counts(1, 0);
    ck_assert(record(&with).is_proven);
    assert_counts(1, 1);
    ck_assert_int_eq(outcome_leaves(), 2);
}
END_TEST

START_TEST(the_same_outcome_without_a_receipt_takes_no_proof_away)
{
    const struct uuid id = install(1);
    const struct ledger_outcome with = proven(&id, 71);
    struct ledger_outcome without = outcome_of(&id, LEDGER_SUCCEEDED);
    struct ledger_outcome other = proven(&id, 72); /* signatures differ each time */
    (void)record(&with);
    ck_assert(record(&without).is_proven);
    ck_assert(record(&other).is_proven);
    ck_assert_int_eq(outcome_leaves(), 1);
    strcpy(without.detail, "slow"); /* news, and no other result */
    ck_assert(record(&without).is_proven);
    ck_assert_int_eq(outcome_leaves(), 2);
    ck_assert_int_eq(world_leaves_with(&world, "\"receipt\""), 1);
    ck_assert_int_eq(world_number(&world, "SELECT length(receipt) FROM install"), 71);
    assert_counts(1, 1);
}
END_TEST

START_TEST(another_result_takes_the_proof_away)
{
    const struct uuid id = install(1);
    const struct ledger_outcome with = proven(&id, 71);
    const struct ledger_outcome failed = outcome_of(&id, LEDGER_FAILED);
    const struct ledger_outcome without = outcome_of(&id, LEDGER_SUCCEEDED);
    const struct ledger_outcome scrapped = outcome_of(&id, LEDGER_SCRAPPED);
    (void)record(&with);
    ck_assert(!record(&failed).is_proven);
    assert_counts(0, 0);
    ck_assert(!record(&without).is_proven);
    assert_counts(1, 0);
    ck_assert(record(&with).is_proven);
    ck_assert(!record(&scrapped).is_proven);
    assert_counts(0, 0);
    ck_assert_int_eq(world_number(&world, "SELECT length(receipt) FROM install"), 0);
}
END_TEST

START_TEST(a_new_install_of_the_unit_has_to_be_proven_anew)
{
    struct ledger_issued second;
    const struct ledger_device device = world_device(1);
    const struct uuid first = install(1);
    const struct ledger_outcome old = proven(&first, 71);
    int64_t image = world_add_image(&world, 2);
    (void)record(&old);
    assert_counts(1, 1);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &second), ERR_OK);
    assert_counts(0, 0);
    const struct ledger_outcome new = outcome_of(&second.install, LEDGER_SUCCEEDED);
    ck_assert(!record(&new).is_proven);
    assert_counts(1, 0);
    /* What is said of the older install moves nothing. */
    struct ledger_outcome late = proven(&first, 70);
    strcpy(late.code, "late");
    ck_assert(record(&late).is_proven);
    assert_counts(1, 0);
    const struct ledger_outcome with = proven(&second.install, 71);
    ck_assert(record(&with).is_proven);
    assert_counts(1, 1);
}
END_TEST

/* ---- leaf ---- */

static json_t *newest_leaf(void)
{
    int64_t index = world_number(&world, "SELECT max(idx) FROM journal");
    json_t *leaf = json_loads(world_leaf(&world, index), 0, NULL);
    ck_assert_ptr_nonnull(leaf);
    return leaf;
}

START_TEST(the_leaf_keeps_receipt_and_key)
{
    uint8_t bytes[LEDGER_SPKI_MAX];
    size_t length = 0;
    const struct uuid id = install(1);
    const struct ledger_outcome with = proven(&id, LEDGER_RECEIPT_MAX);
    (void)record(&with);
    json_t *leaf = newest_leaf();
    const char *receipt = json_string_value(json_object_get(leaf, "receipt"));
    const char *key = json_string_value(json_object_get(leaf, "key"));
    ck_assert_int_eq(base64_decode(receipt, bytes, sizeof bytes, &length), ERR_OK);
    ck_assert_uint_eq(length, LEDGER_RECEIPT_MAX);
    ck_assert_mem_eq(bytes, with.receipt, length);
    ck_assert_int_eq(base64_decode(key, bytes, sizeof bytes, &length), ERR_OK);
    ck_assert_uint_eq(length, with.key_length);
    ck_assert_mem_eq(bytes, with.key, length);
    json_decref(leaf);
}
END_TEST

START_TEST(the_leaf_says_how_often_the_license_was_asked_for)
{
    const struct uuid id = install(1);
    const struct ledger_outcome failed = outcome_of(&id, LEDGER_FAILED);
    const struct ledger_outcome without = outcome_of(&id, LEDGER_SUCCEEDED);
    ck_assert_int_eq(record(&failed).attempt, 1);
    (void)install(1);
    (void)install(1);
    (void)install(2);
    ck_assert_int_eq(record(&without).attempt, 3);
    json_t *leaf = newest_leaf();
    ck_assert_int_eq(json_integer_value(json_object_get(leaf, "attempt")), 3);
    ck_assert_ptr_null(json_object_get(leaf, "receipt"));
    ck_assert_ptr_null(json_object_get(leaf, "key"));
    ck_assert_ptr_null(json_object_get(leaf, "scrap_drawn"));
    json_decref(leaf);
}
END_TEST

START_TEST(a_receipt_out_of_place_is_refused)
{
    const struct uuid id = install(1);
    struct ledger_outcome wrong[] = {proven(&id, 71), proven(&id, 71), proven(&id, 71),
                                     proven(&id, LEDGER_RECEIPT_MAX + 1), proven(&id, 71)};
    wrong[0].result = LEDGER_FAILED;
    wrong[1].result = LEDGER_SCRAPPED;
    wrong[2].key_length = 0;
    wrong[4].key_length = LEDGER_SPKI_MAX + 1;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_eq(ledger_outcome_record(world.ledger, &wrong[i], NULL, &world.fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "receipt");
    }
    ck_assert_int_eq(outcome_leaves(), 0);
}
END_TEST

/* ---- the device ---- */

static struct ledger_device with_point(int64_t n, uint8_t byte, bool can_sign)
{
    struct ledger_device device = world_device(n);
    memset(device.point, byte, 65);
    device.point_length = 65;
    device.can_sign = can_sign;
    return device;
}

static struct ledger_device device_of(const struct uuid *id)
{
    struct ledger_device device;
    ck_assert_int_eq(ledger_install_device(world.ledger, id, &device, &world.fault), ERR_OK);
    return device;
}

static struct uuid install_device(const struct ledger_device *device)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue_image(&world, device, world.image_id, &issued), ERR_OK);
    return issued.install;
}

START_TEST(a_device_is_kept_with_what_checks_its_receipts)
{
    const struct ledger_device device = with_point(1, 4, true);
    const struct uuid id = install_device(&device);
    const struct ledger_device found = device_of(&id);
    ck_assert(sha256_equal(&found.spki, &device.spki));
    ck_assert_str_eq(found.serial, "SN-1");
    ck_assert_uint_eq(found.point_length, 65);
    ck_assert_mem_eq(found.point, device.point, 65);
    ck_assert(found.can_sign);
    const struct uuid none = {{1, 2, 3}};
    struct ledger_device unknown;
    ck_assert_int_eq(ledger_install_device(world.ledger, &none, &unknown, &world.fault),
                     ERR_INSTALL_UNKNOWN);
}
END_TEST

START_TEST(a_point_that_was_not_known_is_learnt_with_the_next_request)
{
    const struct ledger_device bare = world_device(1);
    const struct ledger_device full = with_point(1, 4, true);
    const struct uuid id = install_device(&bare);
    ck_assert_uint_eq(device_of(&id).point_length, 0);
    ck_assert(!device_of(&id).can_sign);
    (void)install_device(&full);
    ck_assert_uint_eq(device_of(&id).point_length, 65);
    ck_assert(device_of(&id).can_sign);
    (void)install_device(&bare); /* and not forgotten */
    ck_assert_uint_eq(device_of(&id).point_length, 65);
    ck_assert(device_of(&id).can_sign);
}
END_TEST

START_TEST(a_point_beyond_its_limit_is_refused)
{
    struct ledger_device device = with_point(1, 4, true);
    struct ledger_issued issued;
    device.point_length = LEDGER_POINT_MAX + 1;
    ck_assert_int_eq(world_issue_image(&world, &device, world.image_id, &issued), ERR_BAD_REQUEST);
    device.point_length = LEDGER_POINT_MAX;
    ck_assert_int_eq(world_issue_image(&world, &device, world.image_id, &issued), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("receipts");
    TCase *tcase = tcase_create("receipts");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_success_with_a_receipt_is_proven);
    tcase_add_test(tcase, a_receipt_may_come_later);
    tcase_add_test(tcase, the_same_outcome_without_a_receipt_takes_no_proof_away);
    tcase_add_test(tcase, another_result_takes_the_proof_away);
    tcase_add_test(tcase, a_new_install_of_the_unit_has_to_be_proven_anew);
    tcase_add_test(tcase, the_leaf_keeps_receipt_and_key);
    tcase_add_test(tcase, the_leaf_says_how_often_the_license_was_asked_for);
    tcase_add_test(tcase, a_receipt_out_of_place_is_refused);
    tcase_add_test(tcase, a_device_is_kept_with_what_checks_its_receipts);
    tcase_add_test(tcase, a_point_that_was_not_known_is_learnt_with_the_next_request);
    tcase_add_test(tcase, a_point_beyond_its_limit_is_refused);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

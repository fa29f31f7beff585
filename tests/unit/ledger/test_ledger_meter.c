/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Metering: charges, repeats, identities, scrapped devices, outcomes. */
#include <stdio.h>
#include <string.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 2);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- charges ---- */

START_TEST(the_first_license_of_a_device_takes_one_unit)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_charged);
    ck_assert(!issued.is_repeat);
    ck_assert_int_eq(issued.attempt, 1);
    ck_assert_int_eq(issued.remaining, 1);
    ck_assert_uint_eq(issued.license_length, strlen("license-SN-1-1"));
    ck_assert_mem_eq(issued.license, "license-SN-1-1", issued.license_length);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, issued.journal_index), "license-issued"));
    ck_assert_int_eq(world_usage(&world).remaining, 1);
}
END_TEST

START_TEST(a_repeat_returns_the_stored_bytes_and_takes_nothing)
{
    struct ledger_issued first;
    struct ledger_issued again;
    const struct ledger_device device = world_device(1);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_OK);
    const struct ledger_issue other = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .device = device,
                                       .license = bytes_of("another wrap", 12)};
    ck_assert_int_eq(ledger_issue(world.ledger, &other, &again, &world.fault), ERR_OK);
    ck_assert(again.is_repeat);
    ck_assert(!again.is_charged);
    ck_assert_int_eq(again.attempt, 2);
    ck_assert_uint_eq(again.license_length, first.license_length);
    ck_assert_mem_eq(again.license, first.license, first.license_length);
    ck_assert_mem_eq(again.install.bytes, first.install.bytes, UUID_SIZE);
    ck_assert_int_eq(again.journal_index, first.journal_index + 1);
    ck_assert_int_eq(again.remaining, 1);
}
END_TEST

START_TEST(the_stored_license_is_given_without_bytes)
{
    struct ledger_issued first;
    struct ledger_issued again;
    struct ledger_issue ask = {.product_id = world.product_id,
                               .image_id = world.image_id,
                               .principal_id = world.station_id,
                               .device = world_device(1)};
    ck_assert_int_eq(ledger_issue(world.ledger, &ask, &again, &world.fault), ERR_INTERNAL);
    ck_assert_str_eq(world.fault.reason, "license-missing");
    ck_assert_int_eq(world_usage(&world).charged, 0);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_OK);
    ck_assert_int_eq(ledger_issue(world.ledger, &ask, &again, &world.fault), ERR_OK);
    ck_assert_mem_eq(again.license, first.license, first.license_length);
}
END_TEST

START_TEST(charge_is_refused_when_the_quota_is_spent)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    const struct ledger_device third = world_device(3);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
    ck_assert_int_eq(world_standing(&world, &third, &standing), ERR_QUOTA_SPENT);
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_QUOTA_SPENT);
    ck_assert_int_eq(world_usage(&world).charged, 2);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM device"), 2);
}
END_TEST

START_TEST(a_charged_device_is_served_although_the_quota_is_spent)
{
    struct ledger_issued issued;
    const struct ledger_device device = world_device(1);
    int64_t second = world_add_image(&world, 2);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
    ck_assert_int_eq(world_issue_image(&world, &device, second, &issued), ERR_OK);
    ck_assert(!issued.is_charged);
    ck_assert(!issued.is_repeat);
    ck_assert_int_eq(world_usage(&world).licensed, 3);
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(more_quota_lets_the_next_device_in)
{
    struct ledger_issued issued;
    int64_t quota = 0;
    for (int64_t n = 1; n <= 2; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_QUOTA_SPENT);
    ck_assert_int_eq(
        ledger_quota_add(world.ledger, WORLD_PRODUCT, 1, WORLD_BY, &quota, &world.fault), ERR_OK);
    ck_assert_int_eq(quota, 3);
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_OK);
    ck_assert_int_eq(issued.remaining, 0);
}
END_TEST

START_TEST(standing_says_what_issue_will_do)
{
    struct ledger_issued issued;
    enum ledger_standing standing = 0;
    const struct ledger_device device = world_device(1);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_OK);
    ck_assert_int_eq(standing, LEDGER_MAY_ISSUE);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_OK);
    ck_assert_int_eq(standing, LEDGER_LICENSED);
}
END_TEST

START_TEST(a_device_is_charged_once_per_product)
{
    struct ledger_issued issued;
    struct ledger_product_new product = {.name = "gadget",
                                         .profile = "sealed-v1",
                                         .policy = LEDGER_PER_DEVICE,
                                         .quota = 1,
                                         .anchors = bytes_of("x", 1)};
    struct ledger_product found;
    struct ledger_image image = world_image(9);
    struct world other = world;
    ck_assert_int_eq(ledger_product_create(world.ledger, &product, WORLD_BY, &world.fault), 0);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &found, &world.fault), 0);
    ck_assert_int_eq(ledger_image_add(world.ledger, "gadget", &image, WORLD_BY, &world.fault), 0);
    ck_assert_int_eq(ledger_image_get(world.ledger, found.id, NULL, &image, &world.fault), 0);
    other.product_id = found.id;
    other.image_id = image.id;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&other, 1, &issued), ERR_OK);
    ck_assert(issued.is_charged);
    /* An image of the other product is none of ours. */
    other.product_id = world.product_id;
    ck_assert_int_eq(world_issue(&other, 1, &issued), ERR_IMAGE_UNKNOWN);
}
END_TEST

/* ---- identities ---- */

static void assert_conflict(const struct ledger_device *device, const char *reason)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    ck_assert_int_eq(world_standing(&world, device, &standing), ERR_DEVICE_IDENTITY_CONFLICT);
    ck_assert_str_eq(world.fault.reason, reason);
    ck_assert_int_eq(world_issue_image(&world, device, world.image_id, &issued),
                     ERR_DEVICE_IDENTITY_CONFLICT);
    ck_assert_int_eq(world_usage(&world).charged, 1);
}

START_TEST(a_key_under_another_serial_is_refused)
{
    struct ledger_issued issued;
    struct ledger_device device = world_device(1);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    strcpy(device.serial, "SN-77");
    assert_conflict(&device, "key-has-other-serial");
    strcpy(device.serial, "");
    assert_conflict(&device, "key-has-other-serial");
}
END_TEST

START_TEST(a_serial_under_another_key_is_refused)
{
    struct ledger_issued issued;
    struct ledger_device device = world_device(1);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    device.spki = world_digest('d', 77);
    assert_conflict(&device, "serial-has-other-key");
}
END_TEST

START_TEST(a_device_without_serial_cannot_grow_one)
{
    struct ledger_issued issued;
    struct ledger_device device = world_device(1);
    strcpy(device.serial, "");
    ck_assert_int_eq(world_issue_image(&world, &device, world.image_id, &issued), ERR_OK);
    strcpy(device.serial, "SN-1");
    assert_conflict(&device, "key-has-other-serial");
}
END_TEST

START_TEST(devices_without_serial_are_told_apart_by_their_keys)
{
    struct ledger_issued issued;
    for (int64_t n = 1; n <= 2; n++) {
        struct ledger_device device = world_device(n);
        strcpy(device.serial, "");
        ck_assert_int_eq(world_issue_image(&world, &device, world.image_id, &issued), ERR_OK);
        ck_assert(issued.is_charged);
    }
}
END_TEST

/* ---- outcomes ---- */

START_TEST(scrapped_is_final_for_the_device)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    const struct ledger_device device = world_device(1);
    int64_t second = world_add_image(&world, 2);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_issue_image(&world, &device, second, &issued), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
    ck_assert_int_eq(world_usage(&world).remaining, 1);
}
END_TEST

START_TEST(an_outcome_counts_once_and_may_be_replaced)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_usage(&world).unreported, 1);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).failed, 1);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).failed, 0);
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
    ck_assert_int_eq(world_usage(&world).unreported, 0);
}
END_TEST

START_TEST(the_same_outcome_again_leaves_no_second_leaf)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"install-outcome\""), 1);
    struct ledger_outcome other = {.install = issued.install,
                                   .principal_id = world.station_id,
                                   .result = LEDGER_FAILED,
                                   .code = "E42"};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &other, NULL, &world.fault), ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"code\":\"E42\""), 1);
    ck_assert_int_eq(world_usage(&world).failed, 1);
}
END_TEST

START_TEST(a_new_image_makes_the_unit_unreported_again)
{
    struct ledger_issued first;
    struct ledger_issued second;
    const struct ledger_device device = world_device(1);
    int64_t image = world_add_image(&world, 2);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_OK);
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &second), ERR_OK);
    ck_assert_int_eq(world_usage(&world).succeeded, 0);
    ck_assert_int_eq(world_usage(&world).unreported, 1);
    /* An outcome of the older install is kept and moves nothing. */
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).failed, 0);
    ck_assert_int_eq(world_report(&world, &second.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
}
END_TEST

START_TEST(scrapping_by_an_older_install_marks_the_device)
{
    struct ledger_issued first;
    struct ledger_issued second;
    const struct ledger_device device = world_device(1);
    int64_t image = world_add_image(&world, 2);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_OK);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &second), ERR_OK);
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_SCRAPPED), ERR_OK);
    /* The board is dead whichever install it was reported for. */
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
    ck_assert_int_eq(world_report(&world, &second.install, LEDGER_SUCCEEDED), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_report(&world, &second.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_DEVICE_SCRAPPED);
}
END_TEST

START_TEST(an_unknown_install_is_refused)
{
    const struct uuid none = {{1, 2, 3}};
    ck_assert_int_eq(world_report(&world, &none, LEDGER_FAILED), ERR_INSTALL_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "install-unknown");
}
END_TEST

/* ---- what was switched off since the snapshot ---- */

START_TEST(a_disabled_image_or_station_gets_nothing_any_more)
{
    struct ledger_issued issued;
    const struct sha256 digest = world_digest('i', 1);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(
        ledger_image_enable(world.ledger, WORLD_PRODUCT, &digest, false, WORLD_BY, &world.fault),
        ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_IMAGE_UNKNOWN);
    ck_assert_int_eq(
        ledger_image_enable(world.ledger, WORLD_PRODUCT, &digest, true, WORLD_BY, &world.fault),
        ERR_OK);
    ck_assert_int_eq(world_switch(&world, "st-1", false), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_FORBIDDEN);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_FORBIDDEN);
    world.station_id = 4711;
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_FORBIDDEN);
    ck_assert_int_eq(world_usage(&world).charged, 1);
}
END_TEST

static void add_charges(TCase *tcase)
{
    tcase_add_test(tcase, the_first_license_of_a_device_takes_one_unit);
    tcase_add_test(tcase, a_repeat_returns_the_stored_bytes_and_takes_nothing);
    tcase_add_test(tcase, the_stored_license_is_given_without_bytes);
    tcase_add_test(tcase, charge_is_refused_when_the_quota_is_spent);
    tcase_add_test(tcase, a_charged_device_is_served_although_the_quota_is_spent);
    tcase_add_test(tcase, more_quota_lets_the_next_device_in);
    tcase_add_test(tcase, standing_says_what_issue_will_do);
    tcase_add_test(tcase, a_device_is_charged_once_per_product);
    tcase_add_test(tcase, a_key_under_another_serial_is_refused);
    tcase_add_test(tcase, a_serial_under_another_key_is_refused);
    tcase_add_test(tcase, a_device_without_serial_cannot_grow_one);
    tcase_add_test(tcase, devices_without_serial_are_told_apart_by_their_keys);
}

int main(void)
{
    Suite *suite = suite_create("metering");
    TCase *tcase = tcase_create("metering");
    tcase_add_checked_fixture(tcase, setup, teardown);
    add_charges(tcase);
    tcase_add_test(tcase, scrapped_is_final_for_the_device);
    tcase_add_test(tcase, an_outcome_counts_once_and_may_be_replaced);
    tcase_add_test(tcase, the_same_outcome_again_leaves_no_second_leaf);
    tcase_add_test(tcase, a_new_image_makes_the_unit_unreported_again);
    tcase_add_test(tcase, scrapping_by_an_older_install_marks_the_device);
    tcase_add_test(tcase, an_unknown_install_is_refused);
    tcase_add_test(tcase, a_disabled_image_or_station_gets_nothing_any_more);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

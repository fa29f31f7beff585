/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of devices: a list counts as a whole or not at all, and each change is one leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define MANY 3000

static struct world world;
static uint8_t packed[MANY * LEDGER_LISTED_PACKED];
static size_t length;
static int64_t count;

static void set_up(void)
{
    world_make(&world, 10);
    length = 0;
    count = 0;
}

static void tear_down(void)
{
    world_check_account(&world);
    world_end(&world);
}

static void put(int64_t key, const char *serial)
{
    struct ledger_listed device = {.spki = world_digest('k', key)};
    strcpy(device.serial, serial);
    length += ledger_listed_pack(&device, packed + length);
    count++;
}

/* What was put since, as list n of that signer. */
static enum error allow_of(int64_t n, int64_t signer, struct ledger_listing_result *ret_result)
{
    const struct ledger_listing listing = {
        .product = WORLD_PRODUCT,
        .list = {.digest = world_digest('l', n),
                 .signer = world_digest('s', signer),
                 .devices = count},
        .packed = bytes_of(packed, length),
    };
    enum error e = ledger_devices_allow(world.ledger, &listing, WORLD_BY, ret_result, &world.fault);
    length = 0;
    count = 0;
    return e;
}

static enum error allow(int64_t n, struct ledger_listing_result *ret_result)
{
    return allow_of(n, n, ret_result);
}

static bool is_listed(int64_t key, struct ledger_listed *ret_device)
{
    const struct sha256 spki = world_digest('k', key);
    struct ledger_product product;
    bool found = false;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &product, NULL), ERR_OK);
    ck_assert_int_eq(
        ledger_listed_get(world.ledger, product.id, &spki, &found, ret_device, &world.fault),
        ERR_OK);
    return found;
}

static int64_t leaves(void)
{
    return world_leaves_with(&world, "devices-allowed");
}

START_TEST(a_list_is_taken_once_with_one_leaf)
{
    struct ledger_listing_result result;
    struct ledger_listed device;
    const struct sha256 signer = world_digest('s', 1);
    put(1, "A");
    put(2, "B");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    ck_assert_int_eq(result.added, 2);
    ck_assert(is_listed(2, &device));
    ck_assert_str_eq(device.serial, "B");
    ck_assert(sha256_equal(&device.signer, &signer));
    ck_assert(!is_listed(3, &device));
    put(1, "A");
    put(2, "B");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    ck_assert_int_eq(result.added + result.renewed, 0);
    ck_assert_int_eq(leaves(), 1);
    world_reopen(&world);
    ck_assert(is_listed(1, &device));
}
END_TEST

START_TEST(a_newer_list_renews_what_it_names)
{
    struct ledger_listing_result result;
    struct ledger_listed device;
    const struct sha256 old = world_digest('s', 1);
    const struct sha256 new = world_digest('s', 2);
    put(1, "A");
    put(2, "B");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    put(1, "A");
    put(3, "C");
    ck_assert_int_eq(allow(2, &result), ERR_OK);
    ck_assert_int_eq(result.added, 1);
    ck_assert_int_eq(result.renewed, 1);
    ck_assert(is_listed(1, &device) && sha256_equal(&device.signer, &new));
    ck_assert(is_listed(2, &device) && sha256_equal(&device.signer, &old));
    ck_assert_int_eq(leaves(), 2);
}
END_TEST

START_TEST(one_conflict_refuses_the_whole_list)
{
    struct ledger_listing_result result;
    struct ledger_listed device;
    put(1, "A");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    put(2, "B");
    put(1, "C");
    ck_assert_int_eq(allow(2, &result), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "key-has-other-serial");
    ck_assert_int_eq(world.fault.native, 2);
    put(3, "A");
    put(2, "B");
    ck_assert_int_eq(allow(2, &result), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "serial-has-other-key");
    ck_assert_int_eq(world.fault.native, 1);
    put(4, "D");
    put(5, "D");
    ck_assert_int_eq(allow(2, &result), ERR_CONFLICT);
    ck_assert(!is_listed(2, &device) && !is_listed(4, &device));
    ck_assert_int_eq(leaves(), 1);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM device_list"), 1);
}
END_TEST

START_TEST(a_device_that_is_taken_off_is_on_no_list)
{
    struct ledger_listing_result result;
    struct ledger_listed device;
    const struct sha256 spki = world_digest('k', 1);
    put(1, "A");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    ck_assert_int_eq(
        ledger_device_disallow(world.ledger, WORLD_PRODUCT, &spki, WORLD_BY, &world.fault), ERR_OK);
    ck_assert(!is_listed(1, &device));
    ck_assert_int_eq(
        ledger_device_disallow(world.ledger, WORLD_PRODUCT, &spki, WORLD_BY, &world.fault),
        ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "device-not-listed");
    ck_assert_int_eq(world_leaves_with(&world, "device-disallowed"), 1);
    put(1, "A");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    ck_assert_int_eq(result.added, 1);
    ck_assert_int_eq(leaves(), 2);
}
END_TEST

static struct sha256 state(void)
{
    struct sha256 now;
    struct ledger_product product;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &product, NULL), ERR_OK);
    ck_assert_int_eq(ledger_listed_state(world.ledger, product.id, &now, &world.fault), ERR_OK);
    return now;
}

START_TEST(each_leaf_says_which_devices_are_listed)
{
    struct ledger_listing_result result;
    char hex[2 * SHA256_SIZE + 1];
    const struct sha256 none = {{0}};
    const struct sha256 spki = world_digest('k', 1);
    struct sha256 now = state();
    ck_assert(sha256_equal(&now, &none));
    put(1, "A");
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    now = state();
    hex_encode(bytes_of(now.bytes, SHA256_SIZE), hex);
    ck_assert_int_eq(world_leaves_with(&world, hex), 1);
    put(2, "B");
    ck_assert_int_eq(allow(2, &result), ERR_OK);
    const struct sha256 both = state();
    ck_assert(!sha256_equal(&both, &now));
    ck_assert_int_eq(
        ledger_device_disallow(world.ledger, WORLD_PRODUCT, &spki, WORLD_BY, &world.fault), ERR_OK);
    now = state();
    ck_assert(!sha256_equal(&both, &now));
    hex_encode(bytes_of(now.bytes, SHA256_SIZE), hex);
    ck_assert_int_eq(world_leaves_with(&world, hex), 1);
}
END_TEST

/* Of what a row says the other parts are the same. */
START_TEST(the_digest_of_the_listed_covers_their_serials)
{
    const struct sha256 key = world_digest('k', 1);
    struct ledger_listing_result result;
    put(1, "SN-1");
    ck_assert_int_eq(allow_of(1, 1, &result), ERR_OK);
    const struct sha256 one = state();
    ck_assert_int_eq(
        ledger_device_disallow(world.ledger, WORLD_PRODUCT, &key, WORLD_BY, &world.fault), ERR_OK);
    put(1, "SN-2");
    ck_assert_int_eq(allow_of(2, 1, &result), ERR_OK);
    const struct sha256 other = state();
    ck_assert(!sha256_equal(&one, &other));
}
END_TEST

START_TEST(bytes_that_are_no_devices_are_refused)
{
    struct ledger_listing_result result;
    ck_assert_int_eq(allow(1, &result), ERR_BAD_REQUEST);
    put(1, "A");
    length--;
    ck_assert_int_eq(allow(1, &result), ERR_BAD_REQUEST);
    put(1, "A");
    count++;
    ck_assert_int_eq(allow(1, &result), ERR_BAD_REQUEST);
    ck_assert_int_eq(leaves(), 0);
}
END_TEST

START_TEST(a_long_list_is_one_change)
{
    struct ledger_listing_result result;
    for (int64_t i = 0; i < MANY; i++) {
        char serial[24];
        (void)snprintf(serial, sizeof serial, "SN-%lld", (long long)i);
        put(i, serial);
    }
    ck_assert_int_eq(allow(1, &result), ERR_OK);
    ck_assert_int_eq(result.added, MANY);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM listed_device"), MANY);
    ck_assert_int_eq(leaves(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger lists");
    TCase *all = tcase_create("lists");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, a_list_is_taken_once_with_one_leaf);
    tcase_add_test(all, a_newer_list_renews_what_it_names);
    tcase_add_test(all, one_conflict_refuses_the_whole_list);
    tcase_add_test(all, a_device_that_is_taken_off_is_on_no_list);
    tcase_add_test(all, each_leaf_says_which_devices_are_listed);
    tcase_add_test(all, the_digest_of_the_listed_covers_their_serials);
    tcase_add_test(all, bytes_that_are_no_devices_are_refused);
    tcase_add_test(all, a_long_list_is_one_change);
    suite_add_tcase(suite, all);
    return world_run(suite);
}

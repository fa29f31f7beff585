/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Board rework: a serial number goes over to another key, by hand or by document. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "maker.h"

#define THREADS 16

static struct world world;

static void setup_local(void)
{
    world_make(&world, 10);
}

static void setup_governed(void)
{
    maker_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* The device of the serial SN-n with the key of device `key`. */
static struct ledger_device device_of(int64_t n, int64_t key)
{
    struct ledger_device device = world_device(n);
    device.spki = world_digest('d', key);
    return device;
}

static enum error ask(int64_t n, int64_t key, struct ledger_issued *ret_issued)
{
    const struct ledger_device device = device_of(n, key);
    return world_issue_image(&world, &device, world.image_id, ret_issued);
}

static void must(int64_t n, int64_t key, bool is_charged)
{
    struct ledger_issued issued;
    ck_assert_int_eq(ask(n, key, &issued), ERR_OK);
    ck_assert_int_eq(issued.is_charged, is_charged);
}

static void assert_conflict(int64_t n, int64_t key, const char *reason)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    const struct ledger_device device = device_of(n, key);
    ck_assert_int_eq(ask(n, key, &issued), ERR_DEVICE_IDENTITY_CONFLICT);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_DEVICE_IDENTITY_CONFLICT);
    ck_assert_str_eq(world.fault.reason, reason);
}

static enum error rebind(int64_t n, int64_t old_key, int64_t new_key)
{
    const struct ledger_rebinding rebinding = maker_rebinding(n, old_key, new_key);
    return ledger_device_rebind(world.ledger, WORLD_PRODUCT, &rebinding, WORLD_BY, &world.fault);
}

/* ---- by hand ---- */

START_TEST(the_new_key_is_a_new_device_and_the_old_one_is_out)
{
    must(1, 1, true);
    assert_conflict(1, 101, "serial-has-other-key");
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    assert_conflict(1, 1, "key-was-replaced");
    assert_conflict(2, 1, "key-was-replaced"); /* under any serial number */
    must(1, 101, true);
    must(1, 101, false);
    assert_conflict(2, 101, "key-has-other-serial");
    assert_conflict(1, 102, "serial-has-other-key");
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(a_serial_goes_from_key_to_key_and_never_back)
{
    must(1, 1, true);
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    ck_assert_int_eq(rebind(1, 101, 102), ERR_OK); /* one that was never licensed */
    must(1, 102, true);
    ck_assert_int_eq(rebind(1, 102, 103), ERR_OK);
    must(1, 103, true);
    ck_assert_int_eq(rebind(1, 103, 1), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "key-taken");
    ck_assert_int_eq(rebind(1, 1, 104), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "device-unknown");
    assert_conflict(1, 1, "key-was-replaced");
    assert_conflict(1, 101, "key-was-replaced");
    assert_conflict(1, 102, "key-was-replaced");
    ck_assert_int_eq(world_usage(&world).charged, 3);
}
END_TEST

START_TEST(a_rebinding_that_fits_no_device_is_refused)
{
    struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    must(1, 1, true);
    must(2, 2, true);
    ck_assert_int_eq(rebind(1, 2, 101), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "device-unknown");
    ck_assert_int_eq(rebind(3, 3, 101), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "device-unknown");
    ck_assert_int_eq(rebind(1, 1, 2), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "key-taken");
    ck_assert_int_eq(rebind(1, 1, 1), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "key-taken");
    ck_assert_int_eq(ledger_device_rebind(world.ledger, "none", &rebinding, WORLD_BY, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
    rebinding.serial[0] = '\0';
    ck_assert_int_eq(
        ledger_device_rebind(world.ledger, WORLD_PRODUCT, &rebinding, WORLD_BY, &world.fault),
        ERR_BAD_REQUEST);
    strcpy(rebinding.serial, "\xff");
    ck_assert_int_eq(
        ledger_device_rebind(world.ledger, WORLD_PRODUCT, &rebinding, WORLD_BY, &world.fault),
        ERR_BAD_REQUEST);
    ck_assert_int_eq(world_leaves_with(&world, "device-rebound"), 0);
    must(1, 1, false);
}
END_TEST

START_TEST(a_scrapped_device_can_be_rebound)
{
    struct ledger_issued issued;
    int64_t allowance = 0;
    ck_assert_int_eq(
        ledger_scrap_add(world.ledger, WORLD_PRODUCT, 5, WORLD_BY, &allowance, &world.fault),
        ERR_OK);
    ck_assert_int_eq(ask(1, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    assert_conflict(1, 1, "key-was-replaced");
    ck_assert_int_eq(ask(1, 101, &issued), ERR_OK);
    ck_assert(issued.is_charged);
    /* A device of its own, which may die in its turn. */
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 2);
    ck_assert_int_eq(world_usage(&world).scrapped, 2);
}
END_TEST

START_TEST(what_became_of_the_old_key_can_still_be_told)
{
    struct ledger_issued issued;
    struct ledger_device device;
    ck_assert_int_eq(ask(1, 1, &issued), ERR_OK);
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).failed, 1);
    ck_assert_int_eq(ledger_install_device(world.ledger, &issued.install, &device, &world.fault),
                     ERR_OK);
    const struct sha256 old = world_digest('d', 1);
    ck_assert(sha256_equal(&device.spki, &old));
}
END_TEST

START_TEST(attempts_begin_anew_with_the_new_key)
{
    must(1, 1, true);
    must(1, 1, false);
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    ck_assert_int_eq(world_number(&world, "SELECT attempts FROM device WHERE id = 1"), 2);
    ck_assert_int_eq(world_number(&world, "SELECT attempts FROM device WHERE id = 2"), 0);
    must(1, 101, true);
    ck_assert_int_eq(world_number(&world, "SELECT attempts FROM device WHERE id = 2"), 1);
}
END_TEST

START_TEST(the_leaf_names_serial_and_keys)
{
    char old_key[SHA256_HEX_SIZE];
    char new_key[SHA256_HEX_SIZE];
    char wanted[512];
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    must(1, 1, true);
    ck_assert_int_eq(rebind(1, 1, 101), ERR_OK);
    hex_encode(bytes_of(rebinding.old_key.bytes, SHA256_SIZE), old_key);
    hex_encode(bytes_of(rebinding.new_key.bytes, SHA256_SIZE), new_key);
    (void)snprintf(wanted, sizeof wanted,
                   "{\"by\":\"uid:0\",\"new_key\":\"%s\",\"old_key\":\"%s\",\"product\":\"widget\","
                   "\"serial\":\"SN-1\",\"time\":",
                   new_key, old_key);
    const char *leaf = world_leaf(&world, world_number(&world, "SELECT max(idx) FROM journal"));
    ck_assert_msg(strncmp(leaf, wanted, strlen(wanted)) == 0, "%s", leaf);
    ck_assert_ptr_nonnull(strstr(leaf, "\"type\":\"device-rebound\",\"v\":1}"));
}
END_TEST

struct rework {
    int64_t new_key;
    enum error code;
};

static void *rework(void *argument)
{
    struct rework *asked = argument;
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, asked->new_key);
    struct fault fault;
    asked->code = ledger_device_rebind(world.ledger, WORLD_PRODUCT, &rebinding, WORLD_BY, &fault);
    return NULL;
}

START_TEST(of_many_at_once_one_key_gets_the_serial)
{
    pthread_t threads[THREADS];
    struct rework asked[THREADS];
    int done = 0;
    must(1, 1, true);
    for (int i = 0; i < THREADS; i++) {
        asked[i].new_key = 100 + i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, rework, &asked[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(asked[i].code == ERR_OK || asked[i].code == ERR_CONFLICT);
        done += asked[i].code == ERR_OK;
    }
    ck_assert_int_eq(done, 1);
    ck_assert_int_eq(world_leaves_with(&world, "device-rebound"), 1);
}
END_TEST

/* ---- by document ---- */

START_TEST(a_document_rebinds_as_a_hand_does)
{
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    const struct ledger_grant grant = maker_rebind(2, &rebinding);
    must(1, 1, true);
    struct ledger_granted granted = maker_must(&world, &grant);
    ck_assert_int_eq(granted.sequence, 2);
    ck_assert_int_eq(granted.granted, 10);
    ck_assert_int_eq(granted.remaining, 9);
    assert_conflict(1, 1, "key-was-replaced");
    must(1, 101, true);
    ck_assert_int_eq(world_leaves_with(&world, "device-rebound"), 0);
}
END_TEST

START_TEST(a_document_that_fits_no_device_is_refused_and_keeps_its_number)
{
    const struct ledger_rebinding unknown = maker_rebinding(1, 3, 101);
    const struct ledger_rebinding taken = maker_rebinding(1, 1, 2);
    const struct ledger_rebinding right = maker_rebinding(1, 1, 101);
    must(1, 1, true);
    must(2, 2, true);
    const struct ledger_grant first = maker_rebind(2, &unknown);
    const struct ledger_grant second = maker_rebind(2, &taken);
    const struct ledger_grant third = maker_rebind(2, &right);
    maker_must_not(&world, &first, ERR_GRANT_REFUSED, "device-unknown");
    ck_assert_ptr_nonnull(strstr(world.fault.detail, "serial number"));
    maker_must_not(&world, &second, ERR_GRANT_REFUSED, "key-taken");
    (void)maker_must(&world, &third);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rebinding");
    TCase *local = tcase_create("by hand");
    TCase *governed = tcase_create("by document");
    tcase_add_checked_fixture(local, setup_local, teardown);
    tcase_add_checked_fixture(governed, setup_governed, teardown);
    tcase_add_test(local, the_new_key_is_a_new_device_and_the_old_one_is_out);
    tcase_add_test(local, a_serial_goes_from_key_to_key_and_never_back);
    tcase_add_test(local, a_rebinding_that_fits_no_device_is_refused);
    tcase_add_test(local, a_scrapped_device_can_be_rebound);
    tcase_add_test(local, what_became_of_the_old_key_can_still_be_told);
    tcase_add_test(local, attempts_begin_anew_with_the_new_key);
    tcase_add_test(local, the_leaf_names_serial_and_keys);
    tcase_add_test(local, of_many_at_once_one_key_gets_the_serial);
    tcase_add_test(governed, a_document_rebinds_as_a_hand_does);
    tcase_add_test(governed, a_document_that_fits_no_device_is_refused_and_keeps_its_number);
    suite_add_tcase(suite, local);
    suite_add_tcase(suite, governed);
    return world_run(suite);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Charging policies, a product that changes from one to the other, and the limit on attempts. */
#include <pthread.h>
#include <string.h>

#include "maker.h"

#define THREADS 120
#define DEVICES 20
#define IMAGES  3
#define UNITS   40

static struct world world;
static int64_t images[IMAGES];

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static void add_images(void)
{
    images[0] = world.image_id;
    for (int64_t n = 1; n < IMAGES; n++)
        images[n] = world_add_image(&world, n + 1);
}

static void set_policy(int64_t sequence, enum ledger_policy policy, int64_t attempts_max)
{
    struct ledger_settings settings = maker_settings(policy);
    settings.attempts_max = attempts_max;
    const struct ledger_grant grant = maker_policy(sequence, &settings);
    (void)maker_must(&world, &grant);
}

/* Governed, because only a document changes a policy. */
static void setup(void)
{
    maker_make(&world, UNITS);
    add_images();
}

static enum error ask(int64_t device_number, int image, struct ledger_issued *ret_issued)
{
    const struct ledger_device device = world_device(device_number);
    return world_issue_image(&world, &device, images[image], ret_issued);
}

/* Licenses of one device; whether each took a unit. */
static struct ledger_issued must(int64_t device_number, int image, bool is_charged)
{
    struct ledger_issued issued;
    ck_assert_int_eq(ask(device_number, image, &issued), ERR_OK);
    ck_assert_int_eq(issued.is_charged, is_charged);
    ck_assert(!issued.is_repeat);
    return issued;
}

/* The install that the leaf names as its unit's. */
static void assert_joins(const struct ledger_issued *issued, const struct ledger_issued *unit)
{
    char text[64];
    uuid_format(&unit->install, "\"unit\":\"", text, sizeof text);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, issued->journal_index), text));
}

/* ---- per-license ---- */

START_TEST(per_license_takes_a_unit_for_each_new_license)
{
    struct ledger_issued again;
    set_policy(2, LEDGER_PER_LICENSE, 0);
    must(1, 0, true);
    must(1, 1, true);
    must(2, 0, true);
    ck_assert_int_eq(world_usage(&world).charged, 3);
    ck_assert_int_eq(world_usage(&world).policy, LEDGER_PER_LICENSE);
    /* A repeat is free and the same. */
    ck_assert_int_eq(ask(1, 1, &again), ERR_OK);
    ck_assert(again.is_repeat && !again.is_charged);
    ck_assert_mem_eq(again.license, "license-SN-1-2", again.license_length);
    ck_assert_int_eq(world_usage(&world).charged, 3);
    ck_assert_int_eq(world_usage(&world).licensed, 3);
}
END_TEST

START_TEST(per_license_refuses_the_next_license_when_the_quota_is_spent)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    const struct ledger_device device = world_device(1);
    const struct ledger_grant revoke = maker_units(LEDGER_GRANT_REVOKE, UNITS - 1);
    set_policy(2, LEDGER_PER_LICENSE, 0);
    (void)maker_must(&world, &revoke);
    must(1, 1, true);
    ck_assert_int_eq(ask(1, 0, &issued), ERR_QUOTA_SPENT);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_QUOTA_SPENT);
    ck_assert_int_eq(ask(1, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
}
END_TEST

START_TEST(per_license_each_unit_has_its_own_outcome)
{
    set_policy(2, LEDGER_PER_LICENSE, 0);
    struct ledger_issued first = must(1, 0, true);
    struct ledger_issued second = must(1, 1, true);
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
    ck_assert_int_eq(world_usage(&world).unreported, 1);
    must(1, 2, true); /* makes none of the others unreported */
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
    ck_assert_int_eq(world_report(&world, &second.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
    /* Final for the device all the same. */
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_FAILED), ERR_DEVICE_SCRAPPED);
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).scrapped, 2);
    ck_assert_int_eq(world_usage(&world).succeeded, 0);
}
END_TEST

START_TEST(a_local_product_may_be_per_license_from_the_start)
{
    const struct ledger_product_new product = {.name = "local",
                                               .profile = "sealed-v1",
                                               .policy = LEDGER_PER_LICENSE,
                                               .quota = 5,
                                               .anchors = bytes_of("PEM", 3),
                                               .attempts_max = 9};
    struct ledger_product found;
    ck_assert_int_eq(ledger_product_create(world.ledger, &product, WORLD_BY, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_product_get(world.ledger, "local", &found, &world.fault), ERR_OK);
    ck_assert_int_eq(found.policy, LEDGER_PER_LICENSE);
    ck_assert_int_eq(found.attempts_max, 9);
    ck_assert(!found.is_governed);
    ck_assert_int_eq(world_leaves_with(&world, "\"policy\":\"per-license\""), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"attempts_max\":9,\"by\":\"uid:0\",\"firmware_"),
                     1);
    ck_assert_int_eq(world_leaves_with(&world, "\"governed\":false"), 1);
}
END_TEST

/* ---- from one policy to the other ---- */

START_TEST(back_to_per_device_a_license_joins_the_devices_own_unit)
{
    struct ledger_issued own = must(1, 0, true);
    set_policy(2, LEDGER_PER_LICENSE, 0);
    must(1, 1, true); /* a newer unit, which is not joined */
    set_policy(3, LEDGER_PER_DEVICE, 0);
    struct ledger_issued third = must(1, 2, false);
    assert_joins(&third, &own);
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(a_device_without_its_own_unit_joins_its_newest)
{
    set_policy(2, LEDGER_PER_LICENSE, 0);
    struct ledger_issued first = must(1, 0, true);
    struct ledger_issued newest = must(1, 1, true);
    ck_assert_int_eq(world_report(&world, &newest.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_report(&world, &first.install, LEDGER_FAILED), ERR_OK);
    set_policy(3, LEDGER_PER_DEVICE, 0);
    struct ledger_issued third = must(1, 2, false);
    assert_joins(&third, &newest);
    /* That unit is unreported again, the other is as it was. */
    ck_assert_int_eq(world_usage(&world).succeeded, 0);
    ck_assert_int_eq(world_usage(&world).failed, 1);
    ck_assert_int_eq(world_usage(&world).unreported, 1);
    ck_assert_int_eq(world_report(&world, &third.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).succeeded, 1);
    must(2, 0, true); /* a new device takes a unit as ever */
}
END_TEST

/* ---- attempts ---- */

static void assert_spent(int64_t device_number, int image)
{
    struct ledger_issued issued;
    enum ledger_standing standing;
    const struct ledger_device device = world_device(device_number);
    ck_assert_int_eq(ask(device_number, image, &issued), ERR_ATTEMPTS_SPENT);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_ATTEMPTS_SPENT);
    ck_assert_str_eq(world.fault.reason, "attempts-spent");
}

START_TEST(a_device_gets_as_many_attempts_as_its_product_allows)
{
    struct ledger_issued issued;
    set_policy(2, LEDGER_PER_DEVICE, 3);
    for (int64_t n = 1; n <= 3; n++) {
        ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
        ck_assert_int_eq(issued.attempt, n);
    }
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    assert_spent(1, 0);
    assert_spent(1, 1);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    ck_assert_int_eq(ask(2, 0, &issued), ERR_OK);
    /* Its outcome can still be told. */
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
}
END_TEST

START_TEST(attempts_count_over_all_installs_of_the_device)
{
    struct ledger_issued issued;
    set_policy(2, LEDGER_PER_LICENSE, 3);
    ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
    ck_assert_int_eq(ask(1, 1, &issued), ERR_OK);
    ck_assert_int_eq(issued.attempt, 1); /* of its own install */
    ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
    assert_spent(1, 1);
    assert_spent(1, 2);
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(another_limit_counts_what_was_asked_before)
{
    struct ledger_issued issued;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
    set_policy(2, LEDGER_PER_DEVICE, 5);
    assert_spent(1, 0);
    set_policy(3, LEDGER_PER_DEVICE, 6);
    ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
    assert_spent(1, 0);
    set_policy(4, LEDGER_PER_DEVICE, 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ask(1, 0, &issued), ERR_OK);
}
END_TEST

/* ---- at once ---- */

struct request {
    int64_t device;
    int image;
    enum error code;
    struct ledger_issued issued;
};

static struct request requests[THREADS];
static pthread_barrier_t start;

static void *send(void *argument)
{
    struct request *request = argument;
    (void)pthread_barrier_wait(&start);
    request->code = ask(request->device, request->image, &request->issued);
    return NULL;
}

/* Every device and image twice, more than there are units. */
static void send_all(void)
{
    pthread_t threads[THREADS];
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        requests[i].device = i % DEVICES;
        requests[i].image = i / DEVICES % IMAGES;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send, &requests[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&start);
}

static int count_charges(enum error refused)
{
    int charges = 0;
    for (int i = 0; i < THREADS; i++) {
        ck_assert(requests[i].code == ERR_OK || requests[i].code == refused);
        charges += requests[i].code == ERR_OK && requests[i].issued.is_charged;
    }
    return charges;
}

START_TEST(per_license_a_race_takes_every_unit_once)
{
    set_policy(2, LEDGER_PER_LICENSE, 0);
    send_all();
    ck_assert_int_eq(count_charges(ERR_QUOTA_SPENT), UNITS);
    ck_assert_int_eq(world_usage(&world).licensed, UNITS);
    ck_assert_int_eq(world_usage(&world).remaining, 0);
}
END_TEST

START_TEST(per_device_a_race_takes_one_unit_per_device)
{
    send_all();
    ck_assert_int_eq(count_charges(ERR_OK), DEVICES);
    ck_assert_int_eq(world_usage(&world).licensed, DEVICES * IMAGES);
    ck_assert_int_eq(world_usage(&world).remaining, UNITS - DEVICES);
}
END_TEST

START_TEST(a_race_gives_no_attempt_more_than_allowed)
{
    int answered[DEVICES] = {0};
    set_policy(2, LEDGER_PER_DEVICE, 2);
    send_all();
    for (int i = 0; i < THREADS; i++)
        answered[i % DEVICES] += requests[i].code == ERR_OK;
    for (int i = 0; i < DEVICES; i++)
        ck_assert_int_eq(answered[i], 2);
    ck_assert_int_eq(count_charges(ERR_ATTEMPTS_SPENT), DEVICES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policies");
    TCase *tcase = tcase_create("policies");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, per_license_takes_a_unit_for_each_new_license);
    tcase_add_test(tcase, per_license_refuses_the_next_license_when_the_quota_is_spent);
    tcase_add_test(tcase, per_license_each_unit_has_its_own_outcome);
    tcase_add_test(tcase, a_local_product_may_be_per_license_from_the_start);
    tcase_add_test(tcase, back_to_per_device_a_license_joins_the_devices_own_unit);
    tcase_add_test(tcase, a_device_without_its_own_unit_joins_its_newest);
    tcase_add_test(tcase, a_device_gets_as_many_attempts_as_its_product_allows);
    tcase_add_test(tcase, attempts_count_over_all_installs_of_the_device);
    tcase_add_test(tcase, another_limit_counts_what_was_asked_before);
    tcase_add_test(tcase, per_license_a_race_takes_every_unit_once);
    tcase_add_test(tcase, per_device_a_race_takes_one_unit_per_device);
    tcase_add_test(tcase, a_race_gives_no_attempt_more_than_allowed);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

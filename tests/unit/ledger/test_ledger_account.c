/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The account under many threads and after long random histories, recounted from raw rows. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define THREADS 200
#define DEVICES 100
#define QUOTA   60

static struct world world;

/* ---- a race for the quota ---- */

struct request {
    int64_t device;
    enum error code;
    struct ledger_issued issued;
};

static struct request requests[THREADS];
static pthread_barrier_t start;

static void *ask(void *argument)
{
    struct request *request = argument;
    (void)pthread_barrier_wait(&start);
    request->code = world_issue(&world, request->device, &request->issued);
    return NULL;
}

static void ask_all(void)
{
    pthread_t threads[THREADS];
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        requests[i].device = i % DEVICES;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &requests[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&start);
}

/* Both requests of a device end alike; with a license it is the same one, charged once. */
static void check_pair(const struct request *one, const struct request *two)
{
    ck_assert_int_eq(one->code, two->code);
    if (one->code != ERR_OK)
        return;
    ck_assert_int_ne(one->issued.is_charged, two->issued.is_charged);
    ck_assert_int_ne(one->issued.is_repeat, two->issued.is_repeat);
    ck_assert_int_eq(one->issued.attempt + two->issued.attempt, 3);
    ck_assert_mem_eq(&one->issued.install, &two->issued.install, sizeof(struct uuid));
    ck_assert_uint_eq(one->issued.license_length, two->issued.license_length);
    ck_assert_mem_eq(one->issued.license, two->issued.license, one->issued.license_length);
    ck_assert_int_ne(one->issued.journal_index, two->issued.journal_index);
}

START_TEST(two_hundred_requests_share_sixty_units)
{
    int refused = 0;
    world_make(&world, QUOTA);
    ask_all();
    for (int i = 0; i < THREADS; i++) {
        refused += requests[i].code == ERR_QUOTA_SPENT;
        ck_assert(requests[i].code == ERR_OK || requests[i].code == ERR_QUOTA_SPENT);
    }
    for (int i = 0; i < DEVICES; i++)
        check_pair(&requests[i], &requests[i + DEVICES]);
    ck_assert_int_eq(refused, THREADS - 2 * QUOTA);
    ck_assert_int_eq(world_usage(&world).charged, QUOTA);
    ck_assert_int_eq(world_usage(&world).remaining, 0);
    ck_assert_int_eq(world_usage(&world).licensed, QUOTA);
    world_check_account(&world);
    world_end(&world);
}
END_TEST

/* ---- random histories ---- */

#define STEPS       400
#define KNOWN_MAX   STEPS
#define SMALL_QUOTA 12

struct history {
    unsigned seed;
    int64_t images[3];
    struct uuid installs[KNOWN_MAX];
    int count;
};

static unsigned draw(struct history *history, unsigned below)
{
    return (unsigned)rand_r(&history->seed) % below;
}

static void issue_some(struct history *history)
{
    struct ledger_issued issued;
    struct ledger_device device = world_device(draw(history, 20));
    if (draw(history, 10) == 0)
        strcpy(device.serial, "SN-5"); /* now and then a wrong one */
    enum error e = world_issue_image(&world, &device, history->images[draw(history, 3)], &issued);
    if (e == ERR_OK && !issued.is_repeat)
        history->installs[history->count++] = issued.install;
    ck_assert(e == ERR_OK || e == ERR_QUOTA_SPENT || e == ERR_DEVICE_SCRAPPED ||
              e == ERR_DEVICE_IDENTITY_CONFLICT);
}

static void report_some(struct history *history)
{
    static const enum ledger_result RESULTS[] = {
        LEDGER_SUCCEEDED, LEDGER_SUCCEEDED, LEDGER_SUCCEEDED, LEDGER_FAILED,
        LEDGER_FAILED,    LEDGER_FAILED,    LEDGER_FAILED,    LEDGER_SCRAPPED};
    if (history->count == 0)
        return;
    const struct uuid *install = &history->installs[draw(history, (unsigned)history->count)];
    enum error e = world_report(&world, install, RESULTS[draw(history, 8)]);
    ck_assert(e == ERR_OK || e == ERR_DEVICE_SCRAPPED);
}

static void step(struct history *history)
{
    int64_t quota = 0;
    unsigned kind = draw(history, 100);
    if (kind < 60)
        issue_some(history);
    else if (kind < 98)
        report_some(history);
    else
        ck_assert_int_eq(
            ledger_quota_add(world.ledger, WORLD_PRODUCT, 1, WORLD_BY, &quota, &world.fault), 0);
}

static void check_usage(void)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.granted, usage.remaining + usage.charged);
    ck_assert_int_eq(usage.charged,
                     usage.succeeded + usage.failed + usage.scrapped + usage.unreported);
    ck_assert_int_ge(usage.remaining, 0);
    ck_assert_int_ge(usage.unreported, 0);
    ck_assert_int_eq(usage.charged, world_number(&world, "SELECT count(*) FROM charge"));
    ck_assert_int_eq(usage.licensed, world_number(&world, "SELECT count(*) FROM install"));
    world_check_account(&world);
}

START_TEST(the_account_holds_after_any_history)
{
    struct history history = {.seed = (unsigned)_i * 7919 + 1};
    world_make(&world, SMALL_QUOTA);
    history.images[0] = world.image_id;
    history.images[1] = world_add_image(&world, 2);
    history.images[2] = world_add_image(&world, 3);
    for (int i = 0; i < STEPS; i++) {
        step(&history);
        if (i % 50 == 0)
            check_usage();
    }
    check_usage();
    /* The history really met every kind of unit. */
    ck_assert_int_gt(world_usage(&world).scrapped, 0);
    ck_assert_int_gt(world_usage(&world).succeeded + world_usage(&world).failed, 0);
    world_end(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account");
    TCase *tcase = tcase_create("account");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, two_hundred_requests_share_sixty_units);
    tcase_add_loop_test(tcase, the_account_holds_after_any_history, 0, 5);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

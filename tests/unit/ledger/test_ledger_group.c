/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Group commit, seen from below: how many syncs so many changes cost. */
#include <pthread.h>
#include <stdint.h>

#include "fault_vfs.h"
#include "world.h"

#define THREADS 32
#define EACH    40

static struct world world;

static void setup(void)
{
    fault_vfs_register();
    world_make(&world, 100000);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static void *issue_many(void *argument)
{
    struct ledger_issued issued;
    for (int64_t i = 0; i < EACH; i++)
        ck_assert_int_eq(world_issue(&world, (int64_t)(intptr_t)argument * EACH + i, &issued),
                         ERR_OK);
    return NULL;
}

START_TEST(changes_that_wait_together_share_a_sync)
{
    pthread_t threads[THREADS];
    long before = fault_vfs_count(FAULT_SYNC);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, issue_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_eq(world_usage(&world).charged, THREADS * EACH);
    ck_assert_int_lt(fault_vfs_count(FAULT_SYNC) - before, THREADS * EACH / 2);
}
END_TEST

/* The control: alone, each change pays for its own sync, at once. */
START_TEST(a_lone_change_is_synced_before_it_returns)
{
    struct ledger_issued issued;
    for (int64_t n = 0; n < 20; n++) {
        long before = fault_vfs_count(FAULT_SYNC);
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
        ck_assert_int_ge(fault_vfs_count(FAULT_SYNC) - before, 1);
    }
}
END_TEST

START_TEST(what_changes_nothing_costs_no_sync)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    long before = fault_vfs_count(FAULT_SYNC);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(fault_vfs_count(FAULT_SYNC), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group commit");
    TCase *tcase = tcase_create("group commit");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, changes_that_wait_together_share_a_sync);
    tcase_add_test(tcase, a_lone_change_is_synced_before_it_returns);
    tcase_add_test(tcase, what_changes_nothing_costs_no_sync);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

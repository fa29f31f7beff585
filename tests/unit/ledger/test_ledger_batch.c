/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Licenses issued together: one transaction, each with its own answer. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

#include "fault_vfs.h"
#include "world.h"

#define QUOTA 300

static struct world world;
static struct ledger_issue issues[LEDGER_BATCH_MAX + 1];
static struct ledger_batch_item items[LEDGER_BATCH_MAX + 1];

/* The batch of devices first to first + count - 1. */
static void prepare(int64_t first, size_t count)
{
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < count; i++) {
        issues[i] = (struct ledger_issue){.product_id = world.product_id,
                                          .image_id = world.image_id,
                                          .principal_id = world.station_id,
                                          .device = world_device(first + (int64_t)i),
                                          .license = bytes_of("a license", 9)};
        items[i].issue = &issues[i];
    }
}

static enum error run(size_t count)
{
    return ledger_issue_batch(world.ledger, items, count, &world.fault);
}

static void setup(void)
{
    fault_vfs_register();
    world_make(&world, QUOTA);
    prepare(1, LEDGER_BATCH_MAX + 1);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

START_TEST(the_largest_batch_costs_one_sync)
{
    struct ledger_issued issued;
    long before = fault_vfs_count(FAULT_SYNC);
    ck_assert_int_eq(world_issue(&world, 1000, &issued), ERR_OK);
    long lone = fault_vfs_count(FAULT_SYNC) - before;
    ck_assert_int_eq(run(LEDGER_BATCH_MAX), ERR_OK);
    ck_assert_int_eq(fault_vfs_count(FAULT_SYNC) - before, 2 * lone);
    for (size_t i = 0; i < LEDGER_BATCH_MAX; i++) {
        ck_assert_int_eq(items[i].code, ERR_OK);
        ck_assert(items[i].issued.is_charged);
        ck_assert_int_eq(items[i].issued.remaining, QUOTA - 2 - (int64_t)i);
        ck_assert_int_eq(items[i].issued.journal_index, items[0].issued.journal_index + (int64_t)i);
    }
    ck_assert_int_eq(world_usage(&world).charged, LEDGER_BATCH_MAX + 1);
}
END_TEST

START_TEST(each_item_has_its_own_answer_as_if_they_came_one_by_one)
{
    issues[1].image_id = 4711;
    issues[2].device.serial[0] = (char)0xff;
    items[3].issue = NULL;
    items[3].code = ERR_QUOTA_SPENT; /* of its own: it is not touched */
    issues[4] = issues[0];           /* the same device again */
    issues[5].principal_id = 4711;
    strcpy(issues[6].device.serial, issues[0].device.serial);
    ck_assert_int_eq(run(8), ERR_OK);
    static const enum error CODES[] = {ERR_OK,
                                       ERR_IMAGE_UNKNOWN,
                                       ERR_BAD_REQUEST,
                                       ERR_QUOTA_SPENT,
                                       ERR_OK,
                                       ERR_FORBIDDEN,
                                       ERR_DEVICE_IDENTITY_CONFLICT,
                                       ERR_OK};
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++)
        ck_assert_msg(items[i].code == CODES[i], "item %zu: %s", i, error_name(items[i].code));
    ck_assert(!items[0].issued.is_repeat);
    ck_assert(items[4].issued.is_repeat);
    ck_assert_int_eq(items[4].issued.attempt, 2);
    ck_assert_mem_eq(&items[4].issued.install, &items[0].issued.install, sizeof(struct uuid));
    ck_assert_str_eq(items[1].fault.reason, "image-unknown");
    ck_assert_str_eq(items[2].fault.reason, "serial");
    ck_assert_str_eq(items[5].fault.reason, "principal-unknown");
    ck_assert_str_eq(items[6].fault.reason, "serial-has-other-key");
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(the_quota_is_spent_up_to_the_item_that_exceeds_it)
{
    ck_assert_int_eq(run(200), ERR_OK);
    prepare(1001, 200);
    ck_assert_int_eq(run(200), ERR_OK);
    for (size_t i = 0; i < 200; i++)
        ck_assert_int_eq(items[i].code, i < 100 ? ERR_OK : ERR_QUOTA_SPENT);
    ck_assert_int_eq(world_usage(&world).remaining, 0);
}
END_TEST

START_TEST(what_awaits_the_anchor_is_given_again)
{
    struct ledger_head head;
    ck_assert_int_eq(ledger_head(world.ledger, &head, &world.fault), ERR_OK);
    ledger_set_anchored(world.ledger, head.size, 5);
    ck_assert_int_eq(run(8), ERR_OK);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(items[i].code, i < 5 ? ERR_OK : ERR_BUSY);
    ck_assert_str_eq(items[7].fault.reason, LEDGER_AWAITS_ANCHOR);
    ledger_set_anchored(world.ledger, head.size + 5, 5);
    for (size_t i = 0; i < 5; i++)
        items[i].issue = NULL;
    ck_assert_int_eq(run(8), ERR_OK);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(items[i].code, ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 8);
}
END_TEST

START_TEST(when_the_commit_fails_nothing_of_it_happened)
{
    fault_vfs_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false);
    ck_assert_int_eq(run(20), ERR_LEDGER_UNAVAILABLE);
    ck_assert(fault_vfs_is_spent());
    fault_vfs_arm(FAULT_SYNC, 0, SQLITE_OK, false);
    ck_assert_int_eq(world_usage(&world).charged, 0);
    ck_assert_int_eq(run(20), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 20);
}
END_TEST

START_TEST(a_batch_has_one_to_256_licenses)
{
    ck_assert_int_eq(run(0), ERR_BAD_REQUEST);
    ck_assert_int_eq(run(LEDGER_BATCH_MAX + 1), ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "batch");
    ck_assert_int_eq(run(1), ERR_OK);
    ck_assert_int_eq(items[0].code, ERR_OK);
    /* None to be issued. */
    items[0].issue = NULL;
    ck_assert_int_eq(run(1), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 1);
}
END_TEST

/* ---- among others ---- */

static atomic_bool is_over;

static void *issue_alone(void *argument)
{
    struct ledger_issued issued;
    for (int64_t n = 5000; !atomic_load(&is_over) && n < 5040; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    return argument;
}

START_TEST(nothing_comes_between_the_licenses_of_a_batch)
{
    pthread_t other;
    atomic_store(&is_over, false);
    ck_assert_int_eq(pthread_create(&other, NULL, issue_alone, NULL), 0);
    for (int64_t batch = 0; batch < 5; batch++) {
        prepare(1 + 50 * batch, 50);
        ck_assert_int_eq(run(50), ERR_OK);
        for (size_t i = 1; i < 50; i++)
            ck_assert_int_eq(items[i].issued.journal_index, items[i - 1].issued.journal_index + 1);
    }
    atomic_store(&is_over, true);
    (void)pthread_join(other, NULL);
}
END_TEST

/* ---- how commits are counted ---- */

static uint64_t commits_in(const struct histogram_counts *durations)
{
    uint64_t commits = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        commits += durations->counts[i];
    return commits;
}

START_TEST(commits_and_their_changes_are_counted)
{
    struct ledger_commits before;
    struct ledger_commits after;
    ledger_commits_get(world.ledger, &before);
    issues[3].image_id = 4711; /* what is refused is no change */
    ck_assert_int_eq(run(10), ERR_OK);
    ledger_commits_get(world.ledger, &after);
    ck_assert_uint_eq(commits_in(&after.durations), commits_in(&before.durations) + 1);
    ck_assert_uint_eq(after.changes, before.changes + 9);
    ck_assert_uint_gt(after.durations.sum_us, before.durations.sum_us);
    fault_vfs_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, false);
    ck_assert_int_eq(world_switch(&world, "st-1", false), ERR_LEDGER_UNAVAILABLE);
    fault_vfs_arm(FAULT_SYNC, 0, SQLITE_OK, false);
    ledger_commits_get(world.ledger, &before);
    ck_assert_uint_eq(commits_in(&before.durations), commits_in(&after.durations));
    ck_assert_uint_eq(before.changes, after.changes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batches");
    TCase *tcase = tcase_create("batches");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_largest_batch_costs_one_sync);
    tcase_add_test(tcase, each_item_has_its_own_answer_as_if_they_came_one_by_one);
    tcase_add_test(tcase, the_quota_is_spent_up_to_the_item_that_exceeds_it);
    tcase_add_test(tcase, what_awaits_the_anchor_is_given_again);
    tcase_add_test(tcase, when_the_commit_fails_nothing_of_it_happened);
    tcase_add_test(tcase, a_batch_has_one_to_256_licenses);
    tcase_add_test(tcase, nothing_comes_between_the_licenses_of_a_batch);
    tcase_add_test(tcase, commits_and_their_changes_are_counted);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

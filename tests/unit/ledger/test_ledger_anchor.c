/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* First licenses wait for the HSM's anchor; nothing else does. */
#include <pthread.h>
#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "world.h"

#define MANY 1000000

static struct world world;

static void setup(void)
{
    world_make(&world, 100000);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static int64_t size_now(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

/* A new process, before it knows the anchor. */
static void open_unanchored(void)
{
    ledger_close(world.ledger);
    ck_assert_int_eq(ledger_open(world.path, &world.ledger, &world.fault), ERR_OK);
}

static enum error issue(int64_t n)
{
    struct ledger_issued issued;
    return world_issue(&world, n, &issued);
}

START_TEST(nothing_is_licensed_before_the_anchor_is_known)
{
    const struct ledger_issue asked = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .device = world_device(1),
                                       .license = bytes_of("x", 1)};
    struct ledger_issued issued;
    open_unanchored();
    ck_assert_int_eq(ledger_issue(world.ledger, &asked, &issued, &world.fault), ERR_BUSY);
    ck_assert_str_eq(world.fault.reason, "awaits-anchor");
    ck_assert_int_eq(world_usage(&world).charged, 0);
    ledger_set_anchored(world.ledger, size_now(), 1);
    ck_assert_int_eq(ledger_issue(world.ledger, &asked, &issued, &world.fault), ERR_OK);
}
END_TEST

START_TEST(what_grants_nothing_waits_for_no_anchor)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    open_unanchored();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    (void)world_add_image(&world, 2);
    ck_assert_int_eq(issue(2), ERR_BUSY);
}
END_TEST

/* A license that needs no unit is a first license all the same. */
START_TEST(a_second_image_of_a_device_waits_too)
{
    struct ledger_issued issued;
    const struct ledger_device device = world_device(1);
    int64_t image = world_add_image(&world, 2);
    ck_assert_int_eq(issue(1), ERR_OK);
    open_unanchored();
    ck_assert_int_eq(world_issue_image(&world, &device, image, &issued), ERR_BUSY);
    ledger_set_anchored(world.ledger, size_now(), 1);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &issued), ERR_OK);
    ck_assert(!issued.is_charged);
}
END_TEST

START_TEST(the_start_leaf_is_anchored_first)
{
    open_unanchored();
    ledger_set_anchored(world.ledger, ledger_opened_size(world.ledger), MANY);
    ck_assert_int_eq(issue(1), ERR_BUSY);
    ledger_set_anchored(world.ledger, ledger_opened_size(world.ledger) + 1, MANY);
    ck_assert_int_eq(issue(1), ERR_OK);
}
END_TEST

START_TEST(so_many_leaves_go_without_an_anchor_and_no_more)
{
    ledger_set_anchored(world.ledger, size_now(), 3);
    for (int64_t n = 1; n <= 3; n++)
        ck_assert_int_eq(issue(n), ERR_OK);
    ck_assert_int_eq(issue(4), ERR_BUSY);
    ck_assert_int_eq(issue(3), ERR_OK); /* a repeat, one more leaf */
    ledger_set_anchored(world.ledger, size_now() - 2, 3);
    ck_assert_int_eq(issue(4), ERR_OK);
    ck_assert_int_eq(issue(5), ERR_BUSY);
}
END_TEST

START_TEST(with_room_for_none_none_is_licensed)
{
    ledger_set_anchored(world.ledger, size_now(), 0);
    ck_assert_int_eq(issue(1), ERR_BUSY);
}
END_TEST

START_TEST(a_token_without_an_anchor_lets_all_through)
{
    open_unanchored();
    ledger_set_anchored(world.ledger, LEDGER_NO_ANCHOR, 0);
    for (int64_t n = 1; n <= 10; n++)
        ck_assert_int_eq(issue(n), ERR_OK);
}
END_TEST

/* ---- a barrier that a change raises, as an accepted document does ---- */

struct raising {
    enum error end; /* how the change ends after it raised the barrier */
};

static enum error apply_raising(struct change_context *context, void *body, struct fault *fault)
{
    const struct raising *raising = body;
    int64_t index = 0;
    struct leaf leaf = leaf_new(context, "raising");
    enum error e = leaf_append(&leaf, &index, fault);
    if (e != ERR_OK)
        return e;
    change_raise_barrier(context, index);
    return raising->end;
}

static enum error raise_barrier(enum error end)
{
    CHANGE_AUTO *change = ledger_change(apply_raising, sizeof(struct raising), &world.fault);
    ck_assert_ptr_nonnull(change);
    ((struct raising *)(void *)change->body)->end = end;
    return commit_run(world.ledger->committer, change, &world.fault);
}

START_TEST(a_raised_barrier_must_be_anchored_first)
{
    ledger_set_anchored(world.ledger, size_now(), MANY);
    ck_assert_int_eq(issue(1), ERR_OK);
    ck_assert_int_eq(raise_barrier(ERR_OK), ERR_OK);
    ck_assert_int_eq(issue(2), ERR_BUSY);
    ledger_set_anchored(world.ledger, size_now() - 1, MANY);
    ck_assert_int_eq(issue(2), ERR_BUSY);
    ledger_set_anchored(world.ledger, size_now(), MANY);
    ck_assert_int_eq(issue(2), ERR_OK);
}
END_TEST

START_TEST(a_barrier_of_a_change_that_was_undone_stops_nobody)
{
    ledger_set_anchored(world.ledger, size_now(), MANY);
    ck_assert_int_eq(raise_barrier(ERR_CONFLICT), ERR_CONFLICT);
    ck_assert_int_eq(issue(1), ERR_OK);
}
END_TEST

static enum error apply_lower(struct change_context *context, void *body, struct fault *fault)
{
    (void)body;
    (void)fault;
    change_raise_barrier(context, 0);
    return ERR_OK;
}

START_TEST(a_barrier_only_rises)
{
    int64_t before = size_now();
    ck_assert_int_eq(raise_barrier(ERR_OK), ERR_OK);
    CHANGE_AUTO *change = ledger_change(apply_lower, 0, &world.fault);
    ck_assert_int_eq(commit_run(world.ledger->committer, change, &world.fault), ERR_OK);
    ledger_set_anchored(world.ledger, before, MANY);
    ck_assert_int_eq(issue(1), ERR_BUSY);
}
END_TEST

/* ---- many at once ---- */

#define THREADS 16
#define EACH    20
#define ROOM    50

static void *ask_many(void *argument)
{
    intptr_t first = (intptr_t)argument * EACH;
    intptr_t licensed = 0;
    for (intptr_t i = 0; i < EACH; i++)
        licensed += issue(first + i) == ERR_OK;
    return (void *)licensed;
}

/* Leaves of the same group count before the next is judged. */
START_TEST(changes_of_one_group_do_not_pass_the_anchors_reach_together)
{
    pthread_t threads[THREADS];
    intptr_t licensed = 0;
    ledger_set_anchored(world.ledger, size_now(), ROOM);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        void *count = NULL;
        (void)pthread_join(threads[i], &count);
        licensed += (intptr_t)count;
    }
    ck_assert_int_eq(licensed, ROOM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("anchor");
    TCase *tcase = tcase_create("anchor");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, nothing_is_licensed_before_the_anchor_is_known);
    tcase_add_test(tcase, what_grants_nothing_waits_for_no_anchor);
    tcase_add_test(tcase, a_second_image_of_a_device_waits_too);
    tcase_add_test(tcase, the_start_leaf_is_anchored_first);
    tcase_add_test(tcase, so_many_leaves_go_without_an_anchor_and_no_more);
    tcase_add_test(tcase, with_room_for_none_none_is_licensed);
    tcase_add_test(tcase, a_token_without_an_anchor_lets_all_through);
    tcase_add_test(tcase, a_raised_barrier_must_be_anchored_first);
    tcase_add_test(tcase, a_barrier_of_a_change_that_was_undone_stops_nobody);
    tcase_add_test(tcase, a_barrier_only_rises);
    tcase_add_test(tcase, changes_of_one_group_do_not_pass_the_anchors_reach_together);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

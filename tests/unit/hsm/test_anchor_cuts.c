/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Workers and masters die while they write anchors: what was acknowledged is there. */
#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm_rig.h"
#include "note.h"
#include "support/sizes.h"
#include "token.h"

#define ANCHOR_LABEL "provisiond-anchor"
#define PAUSE_MAX_MS 40

static struct hsm_rig rig;

static void set_up(void)
{
    hsm_rig_make(&rig);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

static void serve(void)
{
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

static void put_well(int64_t size, bool replaces_larger)
{
    struct note note = note_make(size, 1);
    struct fault fault = {0};
    ck_assert_msg(note_put(rig.client, &note, replaces_larger, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

static int64_t kept_size(void)
{
    int64_t size = 0;
    struct hsm_anchor anchor;
    struct fault fault = {0};
    ck_assert_msg(hsm_anchor_read(rig.client, &anchor, &fault) == ERR_OK, "%s %lx", fault.reason,
                  fault.native);
    if (anchor.length > 0)
        ck_assert_int_eq(sscanf(anchor.note, "%*[^\n]\n%" SCNd64 "\n", &size), 1);
    return size;
}

static size_t count_anchors(void)
{
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    size_t count = token_count_data(&token, ANCHOR_LABEL);
    token_close(&token);
    return count;
}

/* ---- a cut between the new object and the end of the old one ---- */

static void cut_between(bool is_once)
{
    char once[TEMP_PATH_MAX];
    temp_dir_path(&rig.dir, "once", once);
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_AT", "hsm-worker.between-anchors", 1), 0);
    if (is_once)
        ck_assert_int_eq(setenv("PROVISIOND_CRASH_ONCE", once, 1), 0);
}

START_TEST(a_write_that_is_cut_once_is_finished_by_the_next_worker)
{
    serve();
    put_well(10, false); /* no old one yet: nothing to cut between */
    hsm_rig_kill_master(&rig);
    cut_between(true);
    serve();
    put_well(11, false);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 1);
    ck_assert_int_eq(kept_size(), 11);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

static void put_cut(int64_t size, bool replaces_larger)
{
    struct note note = note_make(size, 1);
    struct fault fault;
    ck_assert_int_eq(note_put(rig.client, &note, replaces_larger, &fault), ERR_HSM_UNAVAILABLE);
    hsm_rig_await_workers(&rig, rig.workers);
}

/* As cut off power leaves it: the token after the last write, and a service that begins anew. */
static void serve_without_cuts(void)
{
    hsm_rig_kill_master(&rig);
    ck_assert_int_eq(unsetenv("PROVISIOND_CRASH_AT"), 0);
    serve();
}

START_TEST(after_a_cut_there_are_two_and_the_larger_counts)
{
    serve();
    put_well(10, false);
    hsm_rig_kill_master(&rig);
    cut_between(false);
    serve();
    put_cut(11, false);
    ck_assert_uint_eq(count_anchors(), 2);
    serve_without_cuts();
    ck_assert_int_eq(kept_size(), 11);
    put_well(12, false);
    ck_assert_int_eq(kept_size(), 12);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

/* Refused again is better than forgotten. */
START_TEST(an_override_that_is_cut_changes_nothing)
{
    serve();
    put_well(100, false);
    hsm_rig_kill_master(&rig);
    cut_between(false);
    serve();
    put_cut(50, true);
    ck_assert_uint_eq(count_anchors(), 2);
    serve_without_cuts();
    ck_assert_int_eq(kept_size(), 100);
    put_well(50, true);
    ck_assert_int_eq(kept_size(), 50);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

/* ---- deaths at random moments ---- */

struct writer {
    pthread_t thread;
    atomic_bool is_over;
    _Atomic int64_t asked;
    _Atomic int64_t acknowledged;
};

static void *write_on(void *argument)
{
    struct writer *writer = argument;
    struct fault fault;
    while (!atomic_load(&writer->is_over)) {
        int64_t size = atomic_fetch_add(&writer->asked, 1) + 1;
        struct note note = note_make(size, 1);
        if (note_put(rig.client, &note, false, &fault) == ERR_OK)
            atomic_store(&writer->acknowledged, size);
        else
            hsm_rig_pause(5);
    }
    return NULL;
}

static void start_writer(struct writer *writer)
{
    ck_assert_int_eq(pthread_create(&writer->thread, NULL, write_on, writer), 0);
}

static void stop_writer(struct writer *writer)
{
    atomic_store(&writer->is_over, true);
    (void)pthread_join(writer->thread, NULL);
}

static void await_progress(struct writer *writer, int64_t beyond)
{
    for (int waited = 0; atomic_load(&writer->acknowledged) <= beyond; waited++) {
        ck_assert_int_lt(waited, RIG_WAIT_MS);
        hsm_rig_pause(1);
    }
}

static void pause_at_random(void)
{
    hsm_rig_pause((int)(random() % PAUSE_MAX_MS));
}

static void kill_a_worker(void)
{
    pid_t workers[RIG_WORKERS_MAX];
    hsm_rig_await_workers(&rig, rig.workers); /* never while one logs in */
    size_t count = hsm_rig_workers(&rig, workers);
    pid_t worker = workers[(size_t)random() % count];
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    hsm_rig_await_end(worker);
}

START_TEST(an_acknowledged_anchor_survives_the_death_of_workers)
{
    struct writer writer = {.asked = 0};
    size_t cuts = test_size("workers killed while they write anchors", 20, 200);
    srandom(4711);
    serve();
    start_writer(&writer);
    for (size_t i = 0; i < cuts; i++) {
        await_progress(&writer, atomic_load(&writer.acknowledged));
        pause_at_random();
        kill_a_worker();
        int64_t acknowledged = atomic_load(&writer.acknowledged);
        ck_assert_int_ge(kept_size(), acknowledged);
    }
    stop_writer(&writer);
    put_well(atomic_load(&writer.asked) + 1, false);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

START_TEST(an_acknowledged_anchor_survives_the_death_of_masters)
{
    struct writer writer = {.asked = 0};
    size_t cuts = test_size("masters killed while anchors are written", 10, 100);
    srandom(815);
    serve();
    start_writer(&writer);
    for (size_t i = 0; i < cuts; i++) {
        await_progress(&writer, atomic_load(&writer.acknowledged));
        pause_at_random();
        hsm_rig_kill_master(&rig);
        int64_t acknowledged = atomic_load(&writer.acknowledged);
        serve();
        ck_assert_int_ge(kept_size(), acknowledged);
    }
    stop_writer(&writer);
    put_well(atomic_load(&writer.asked) + 1, false);
    ck_assert_uint_eq(count_anchors(), 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("anchor cuts");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_write_that_is_cut_once_is_finished_by_the_next_worker);
    tcase_add_test(tests, after_a_cut_there_are_two_and_the_larger_counts);
    tcase_add_test(tests, an_override_that_is_cut_changes_nothing);
    tcase_add_test(tests, an_acknowledged_anchor_survives_the_death_of_workers);
    tcase_add_test(tests, an_acknowledged_anchor_survives_the_death_of_masters);
    return hsm_rig_run_tests(tests);
}

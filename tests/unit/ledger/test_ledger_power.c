/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The power fails, at any write, sync, truncate, new or deleted file: under load, while the ledger
 * closes, while it recovers from the cut before. Whatever was answered is there afterwards, with
 * its leaf, and the tree and the account are right. Controls take the syncs away and must be seen
 * to lose answers.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/handle.h"
#include "ledger/sqlite_store.h"
#include "power_vfs.h"
#include "support/sizes.h"
#include "world.h"

#define THREADS         8
#define EACH            150 /* requests per thread and round, when the power holds so long */
#define CUTS_PER_LEDGER 10
#define ANSWERS_MAX     (THREADS * EACH * CUTS_PER_LEDGER)
#define DEVICES         1000000

struct answer {
    int64_t device;
    struct uuid install;
    int64_t leaf;
    bool is_reported; /* as succeeded */
};

static struct world world;
static unsigned seed;
static atomic_long next_device;
static struct answer answers[ANSWERS_MAX]; /* of this ledger */
static atomic_size_t answer_count;

static void begin_ledger(void)
{
    power_vfs_forget();
    atomic_store(&answer_count, 0);
    atomic_store(&next_device, 0);
    world_make(&world, DEVICES);
}

static void end_ledger(void)
{
    world_check_account(&world);
    world_end(&world);
}

static void setup(void)
{
    seed = (unsigned)getpid();
    printf("seed: %u\n", seed);
    (void)fflush(stdout);
    power_vfs_register();
    begin_ledger();
}

/* ---- load ---- */

/* With a fault of its own: all threads fail at once. */
static bool report_success(const struct uuid *install)
{
    const struct ledger_outcome outcome = {
        .install = *install, .principal_id = world.station_id, .result = LEDGER_SUCCEEDED};
    struct fault fault;
    return ledger_outcome_record(world.ledger, &outcome, NULL, &fault) == ERR_OK;
}

/* Whether the power held. Every third device is asked for twice, every fifth reported. */
static bool serve_one(void)
{
    struct ledger_issued issued;
    struct answer answer = {.device = atomic_fetch_add(&next_device, 1)};
    if (world_issue(&world, answer.device, &issued) != ERR_OK)
        return false;
    answer.install = issued.install;
    answer.leaf = issued.journal_index;
    bool holds = true;
    if (answer.device % 3 == 0)
        holds = world_issue(&world, answer.device, &issued) == ERR_OK;
    if (holds && answer.device % 5 == 0)
        holds = answer.is_reported = report_success(&answer.install);
    answers[atomic_fetch_add(&answer_count, 1)] = answer;
    return holds;
}

static void *serve(void *argument)
{
    (void)argument;
    for (int i = 0; i < EACH && serve_one(); i++)
        continue;
    return NULL;
}

static void serve_together(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- the cut and what is left ---- */

static void close_ledger(void)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
}

/* Serves until the power fails: at one of the next `span` changes, or when all is served and
 * closed. */
static void serve_until_cut(long span)
{
    power_vfs_cut_at(rand_r(&seed) % span + 1);
    serve_together();
    close_ledger();
    power_vfs_cut_now();
}

/* The power may fail again while the ledger recovers. */
static void recover(void)
{
    for (;;) {
        power_vfs_restore(&seed);
        power_vfs_cut_at(rand_r(&seed) % 3 == 0 ? rand_r(&seed) % 40 + 1 : 0);
        enum error e = world_open(&world);
        if (e == ERR_OK && !power_vfs_is_cut())
            break;
        ck_assert_msg(power_vfs_is_cut(), "%s: %s", world.fault.reason, world.fault.detail);
        close_ledger();
    }
    power_vfs_cut_at(0);
}

/* Whether the row and the leaf of an answer are as they were answered. */
static bool is_kept(sqlite3_stmt *row, const struct answer *answer)
{
    char license[64];
    char id[37];
    (void)snprintf(license, sizeof license, "license-SN-%lld-%lld", (long long)answer->device,
                   (long long)world.image_id);
    uuid_format(&answer->install, "", id, sizeof id);
    (void)sqlite3_reset(row);
    (void)sqlite3_bind_blob(row, 1, answer->install.bytes, UUID_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(row, 2, answer->leaf);
    (void)sqlite3_bind_text(row, 3, license, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(row, 4, id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(row, 5, answer->is_reported);
    return sqlite3_step(row) == SQLITE_ROW;
}

static size_t count_lost(void)
{
    sqlite3 *db = world_raw(&world);
    sqlite3_stmt *row = NULL;
    size_t lost = 0;
    if (sqlite3_prepare_v2(db,
                           "SELECT 1 FROM install i JOIN journal j ON j.idx = i.leaf "
                           "JOIN charge c ON c.id = i.charge_id "
                           "WHERE i.uuid = ?1 AND i.leaf = ?2 AND CAST(i.license AS TEXT) = ?3 "
                           "AND instr(CAST(j.entry AS TEXT), ?4) > 0 "
                           "AND (?5 = 0 OR (i.result = 1 AND c.result = 1))",
                           -1, &row, NULL) != SQLITE_OK)
        lost = answer_count;
    for (size_t i = 0; lost < answer_count && i < answer_count; i++)
        lost += !is_kept(row, &answers[i]);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return lost;
}

/* Few changes: the start of the load. Many: its end, checkpoints, the closing. */
static long random_span(void)
{
    static const long SPANS[] = {20, 400, 4000, 20000};
    return SPANS[(size_t)rand_r(&seed) % (sizeof SPANS / sizeof SPANS[0])];
}

START_TEST(what_was_answered_survives_a_power_cut_at_any_moment)
{
    size_t cuts = test_size("power cuts under load", 20, 400);
    size_t checked = 0;
    for (size_t i = 1; i <= cuts; i++) {
        serve_until_cut(random_span());
        recover();
        ck_assert_uint_eq(count_lost(), 0);
        world_check_account(&world);
        checked += answer_count;
        if (i % CUTS_PER_LEDGER != 0)
            continue;
        end_ledger();
        begin_ledger();
    }
    ck_assert_uint_gt(checked, cuts);
    end_ledger();
}
END_TEST

/* The log goes back into the file every 4,000 pages: often, so that cuts meet it. */
START_TEST(a_power_cut_while_the_log_is_folded_back_loses_nothing)
{
    size_t cuts = test_size("power cuts while the log is folded back", 10, 150);
    for (size_t i = 1; i <= cuts; i++) {
        ck_assert_int_eq(sqlite3_wal_autocheckpoint(world.ledger->store->writer.handle, 20),
                         SQLITE_OK);
        serve_until_cut(random_span());
        recover();
        ck_assert_uint_eq(count_lost(), 0);
        world_check_account(&world);
        if (i % CUTS_PER_LEDGER != 0)
            continue;
        end_ledger();
        begin_ledger();
    }
    end_ledger();
}
END_TEST

/* Whether the power failed at the n-th change of making a ledger; afterwards it can be made. */
static bool cut_making_at(long n)
{
    power_vfs_forget();
    world = (struct world){0};
    temp_dir_make(&world.dir);
    temp_dir_path(&world.dir, "ledger.db", world.path);
    power_vfs_cut_at(n);
    enum error e = world_open(&world);
    bool is_cut = power_vfs_is_cut();
    ck_assert_msg(is_cut || e == ERR_OK, "%s: %s", world.fault.reason, world.fault.detail);
    close_ledger();
    power_vfs_cut_now();
    recover();
    world_fill(&world, 10);
    end_ledger();
    return is_cut;
}

START_TEST(a_power_cut_while_the_ledger_is_made_leaves_one_that_can_be_made)
{
    long n = 1;
    end_ledger();
    while (cut_making_at(n))
        n++;
    ck_assert_int_gt(n, 10);
}
END_TEST

/* ---- controls ---- */

/* How many of `rounds` fresh ledgers lost an answer, or all of themselves. */
static int count_losing_rounds(int rounds, void (*spoil)(void))
{
    int losing = 0;
    for (int i = 0; i < rounds; i++) {
        spoil();
        serve_together();
        power_vfs_cut_now();
        close_ledger();
        power_vfs_restore(&seed);
        bool is_open = world_open(&world) == ERR_OK;
        losing += !is_open || count_lost() > 0;
        world_end(&world);
        begin_ledger();
    }
    return losing;
}

static void turn_synchronous_off(void)
{
    ck_assert_int_eq(sqlite3_exec(world.ledger->store->writer.handle, "PRAGMA synchronous = OFF",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

START_TEST(control_without_syncs_answers_are_lost)
{
    int losing = count_losing_rounds(12, turn_synchronous_off);
    printf("synchronous=OFF: %d of 12 cuts lost what was answered\n", losing);
    ck_assert_int_gt(losing, 0);
    end_ledger();
}
END_TEST

/* The log is a new file of this start; nobody made its name durable. */
static void ignore_folders(void)
{
    close_ledger();
    power_vfs_ignore_folders(true);
    ck_assert_int_eq(world_open(&world), ERR_OK);
}

START_TEST(control_without_syncs_of_the_folder_answers_are_lost)
{
    int losing = count_losing_rounds(12, ignore_folders);
    printf("folder never synced: %d of 12 cuts lost what was answered\n", losing);
    ck_assert_int_gt(losing, 0);
    end_ledger();
}
END_TEST

static void leave_as_it_is(void)
{
}

START_TEST(control_with_all_syncs_nothing_is_lost)
{
    ck_assert_int_eq(count_losing_rounds(12, leave_as_it_is), 0);
    end_ledger();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("power");
    TCase *tcase = tcase_create("power");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 1200);
    tcase_add_test(tcase, what_was_answered_survives_a_power_cut_at_any_moment);
    tcase_add_test(tcase, a_power_cut_while_the_log_is_folded_back_loses_nothing);
    tcase_add_test(tcase, a_power_cut_while_the_ledger_is_made_leaves_one_that_can_be_made);
    tcase_add_test(tcase, control_without_syncs_answers_are_lost);
    tcase_add_test(tcase, control_without_syncs_of_the_folder_answers_are_lost);
    tcase_add_test(tcase, control_with_all_syncs_nothing_is_lost);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

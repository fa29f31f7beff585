/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A million leaves. What is judged is work that can be counted (SQLite's virtual machine steps,
 * pages written, pages read, hashes read); seconds are printed.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "fault_vfs.h"
#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/sqlite_store.h"
#include "naive_tree.h"
#include "support/sizes.h"
#include "world.h"

#define THOUSAND       1000
#define RATIO_MAX      1.2
#define FILL_PER_GROUP 1000
#define START_READS    100 /* pages that a start may read; far below a percent of the log */
#define PROOF_HASHES   1000

static struct world world;

static void setup(void)
{
    fault_vfs_register();
    world_make(&world, 1000000);
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

/* ---- many leaves at once ---- */

struct filling {
    int64_t first;
    int64_t count;
};

static enum error apply_filling(struct change_context *context, void *body, struct fault *fault)
{
    const struct filling *filling = body;
    enum error e = ERR_OK;
    for (int64_t i = 0; i < filling->count && e == ERR_OK; i++) {
        struct leaf leaf = leaf_new(context, "filling");
        leaf_put_number(&leaf, "number", filling->first + i);
        leaf_put_text(&leaf, "text",
                      "as long as what a license writes, or nearly so: padding, "
                      "padding, padding, padding, padding, padding, padding, and "
                      "padding, padding, padding, padding, padding, padding");
        e = leaf_append(&leaf, NULL, fault);
    }
    return e;
}

static void fill_to(int64_t size)
{
    for (int64_t first = size_now(); first < size; first += FILL_PER_GROUP) {
        CHANGE_AUTO *change = ledger_change(apply_filling, sizeof(struct filling), &world.fault);
        ck_assert_ptr_nonnull(change);
        struct filling *filling = (void *)change->body;
        filling->first = first;
        filling->count = size - first < FILL_PER_GROUP ? size - first : FILL_PER_GROUP;
        ck_assert_int_eq(commit_run(world.ledger->committer, change, &world.fault), ERR_OK);
    }
}

/* ---- what a thousand cost ---- */

struct work {
    int64_t steps;   /* of SQLite's virtual machine */
    int64_t written; /* pages */
    int64_t cpu_us;
    int64_t us;
};

static int64_t cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The writer rests between two calls, so that its counters may be read. */
static struct work work_now(void)
{
    struct db *db = &world.ledger->store->writer;
    struct work work = {.cpu_us = cpu_us(), .us = clock_monotonic_us()};
    int written = 0;
    int highest = 0;
    for (enum sql i = 0; i < SQL_COUNT; i++)
        work.steps += sqlite3_stmt_status(db->statements[i], SQLITE_STMTSTATUS_VM_STEP, 0);
    (void)sqlite3_db_status(db->handle, SQLITE_DBSTATUS_CACHE_WRITE, &written, &highest, 0);
    work.written = written;
    return work;
}

static struct work work_since(const struct work *before, const char *what)
{
    struct work now = work_now();
    struct work work = {.steps = now.steps - before->steps,
                        .written = now.written - before->written,
                        .cpu_us = now.cpu_us - before->cpu_us,
                        .us = now.us - before->us};
    printf("%s: %lld steps, %lld pages, %.1f ms of CPU, %.1f ms\n", what, (long long)work.steps,
           (long long)work.written, (double)work.cpu_us / 1e3, (double)work.us / 1e3);
    (void)fflush(stdout);
    return work;
}

static struct work append_thousand(const char *what)
{
    int64_t nonce = size_now();
    int64_t index = 0;
    struct work before = work_now();
    for (int i = 0; i < THOUSAND; i++, nonce++)
        ck_assert_int_eq(ledger_challenge(world.ledger, bytes_of(&nonce, sizeof nonce), WORLD_BY,
                                          &index, &world.fault),
                         ERR_OK);
    return work_since(&before, what);
}

static struct work license_thousand(const char *what)
{
    struct ledger_issued issued;
    int64_t device = size_now();
    struct work before = work_now();
    for (int i = 0; i < THOUSAND; i++)
        ck_assert_int_eq(world_issue(&world, device++, &issued), ERR_OK);
    return work_since(&before, what);
}

static void assert_no_more(const struct work *first, const struct work *next)
{
    ck_assert_double_le((double)next->steps / (double)first->steps, RATIO_MAX);
    ck_assert_double_le((double)next->written / (double)first->written, RATIO_MAX);
}

/* ---- starting ---- */

static long count_start_reads(const char *what)
{
    long before = fault_vfs_count(FAULT_READ);
    int64_t since = clock_monotonic_us();
    ck_assert_int_eq(world_open(&world), ERR_OK);
    long reads = fault_vfs_count(FAULT_READ) - before;
    printf("%s: %ld reads, %.3f s\n", what, reads, (double)(clock_monotonic_us() - since) / 1e6);
    (void)fflush(stdout);
    return reads;
}

static void close_ledger(void)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
}

/* ---- proofs ---- */

static enum error count_and_read(void *context, unsigned level, int64_t first, size_t count,
                                 struct sha256 *out, struct fault *fault)
{
    *(size_t *)context += count;
    return ledger_hashes(world.ledger, level, first, count, out, fault);
}

/* The proof that the ledger gives, from so many hashes. */
static size_t count_proof_hashes(int64_t index, int64_t size)
{
    size_t count = 0;
    const struct tree_source source = {.read = count_and_read, .context = &count};
    struct tree_proof counted;
    struct tree_proof given;
    ck_assert_int_eq(tree_inclusion(&source, index, size, &counted, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_inclusion(world.ledger, index, size, &given, &world.fault), ERR_OK);
    ck_assert_uint_eq(counted.count, given.count);
    ck_assert_mem_eq(counted.hashes, given.hashes, given.count * sizeof given.hashes[0]);
    return count;
}

static void check_proofs(int64_t size)
{
    size_t most = 0;
    unsigned seed = 1;
    for (int i = 0; i < 200; i++) {
        size_t count = count_proof_hashes((int64_t)rand_r(&seed) % size, size);
        most = count > most ? count : most;
    }
    printf("a proof at %lld leaves: at most %zu hashes\n", (long long)size, most);
    ck_assert_uint_le(most, PROOF_HASHES);
}

START_TEST(a_long_journal_costs_no_more_than_a_short_one)
{
    int64_t leaves = (int64_t)test_size("leaves of a long journal", 100000, 1000000);
    struct work first_leaves = append_thousand("first thousand leaves");
    struct work first_licenses = license_thousand("first thousand licenses");
    close_ledger();
    (void)count_start_reads("start of a short journal");
    struct work before = work_now();
    fill_to(leaves);
    (void)work_since(&before, "filling");
    struct work next_leaves = append_thousand("next thousand leaves");
    struct work next_licenses = license_thousand("next thousand licenses");
    assert_no_more(&first_leaves, &next_leaves);
    assert_no_more(&first_licenses, &next_licenses);
    close_ledger();
    ck_assert_int_le(count_start_reads("start of a long journal"), START_READS);
    check_proofs(size_now());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("size");
    TCase *tcase = tcase_create("size");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 1200);
    tcase_add_test(tcase, a_long_journal_costs_no_more_than_a_short_one);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kill -9 while documents are accepted and devices scrapped, as test_ledger_crash for licenses:
 * whatever was answered is there, once, and what was not answered is there whole or not at all.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maker.h"
#include "support/sizes.h"

#define MAKERS  3 /* threads that bring documents */
#define LINES   5 /* threads that issue and scrap */
#define THREADS (MAKERS + LINES)

/* One answer; far below PIPE_BUF, so that threads do not mix theirs. */
struct answer {
    bool is_grant; /* a document, else an outcome */
    bool is_scrap_drawn;
    struct uuid id; /* of the document or the install */
    int64_t journal_index;
};

static struct world world;
static int pipe_write = -1;
static atomic_long next_device;

/* ---- the child ---- */

static bool tell(const struct answer *answer)
{
    return write(pipe_write, answer, sizeof *answer) == (ssize_t)sizeof *answer;
}

static void *bring(void *argument)
{
    static const enum ledger_grant_kind KINDS[] = {LEDGER_GRANT_INSTALL, LEDGER_GRANT_SCRAP,
                                                   LEDGER_GRANT_REVOKE, LEDGER_GRANT_INSTALL};
    (void)argument;
    for (unsigned i = 0;; i++) {
        const struct ledger_grant grant = maker_units(KINDS[i % 4], 1 + i % 3);
        struct ledger_granted granted;
        struct fault fault;
        if (ledger_grant_apply(world.ledger, &grant, WORLD_BY, &granted, &fault) != ERR_OK)
            return NULL;
        const struct answer answer = {
            .is_grant = true, .id = grant.id, .journal_index = granted.journal_index};
        if (!tell(&answer))
            return NULL;
    }
}

static void *scrap(void *argument)
{
    (void)argument;
    for (;;) {
        struct ledger_issued issued;
        struct ledger_recorded recorded;
        struct fault fault;
        if (world_issue(&world, atomic_fetch_add(&next_device, 1), &issued) != ERR_OK)
            continue; /* no unit now */
        const struct ledger_outcome outcome = {
            .install = issued.install, .principal_id = world.station_id, .result = LEDGER_SCRAPPED};
        if (ledger_outcome_record(world.ledger, &outcome, &recorded, &fault) != ERR_OK)
            return NULL;
        const struct answer answer = {.id = issued.install,
                                      .is_scrap_drawn = recorded.is_scrap_drawn,
                                      .journal_index = issued.journal_index};
        if (!tell(&answer))
            return NULL;
    }
}

static _Noreturn void run_child(const char *crash_at)
{
    pthread_t threads[THREADS];
    if (crash_at != NULL)
        (void)setenv("PROVISIOND_CRASH_AT", crash_at, 1);
    if (world_open(&world) != ERR_OK)
        _exit(1);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_create(&threads[i], NULL, i < MAKERS ? bring : scrap, NULL);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    _exit(2);
}

/* ---- the parent ---- */

#define ANSWERS_MAX 65536

static struct answer answers[ANSWERS_MAX];
static size_t answer_count;

static void collect(int fd, pid_t child, long kill_after)
{
    answer_count = 0;
    while (read(fd, &answers[answer_count], sizeof answers[0]) == (ssize_t)sizeof answers[0]) {
        ck_assert_uint_lt(++answer_count, ANSWERS_MAX);
        if ((long)answer_count == kill_after)
            (void)kill(child, SIGKILL);
    }
}

static void run_and_kill(const char *crash_at, long kill_after)
{
    int fds[2];
    int status = 0;
    ck_assert_int_eq(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(fds[0]);
        pipe_write = fds[1];
        run_child(crash_at);
    }
    (void)close(fds[1]);
    collect(fds[0], child, kill_after);
    (void)close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
}

/* A document that was answered is used, and its leaf is where the answer said. */
static void check_grant(const struct answer *answer)
{
    struct ledger_grant again = maker_units(LEDGER_GRANT_INSTALL, 1000);
    char id[37];
    again.id = answer->id;
    maker_must_not(&world, &again, ERR_CONFLICT, "grant-used");
    uuid_format(&answer->id, "", id, sizeof id);
    const char *leaf = world_leaf(&world, answer->journal_index);
    ck_assert_ptr_nonnull(strstr(leaf, id));
    ck_assert_ptr_nonnull(strstr(leaf, "\"type\":\"grant\""));
}

/* A device that was answered as scrapped is, and drew what the answer said. */
static void check_scrap(const struct answer *answer)
{
    struct ledger_recorded recorded;
    const struct ledger_outcome again = {
        .install = answer->id, .principal_id = world.station_id, .result = LEDGER_SCRAPPED};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &again, &recorded, &world.fault), ERR_OK);
    ck_assert(recorded.is_scrapped);
    ck_assert_int_eq(recorded.is_scrap_drawn, answer->is_scrap_drawn);
    ck_assert_int_eq(world_report(&world, &answer->id, LEDGER_FAILED), ERR_DEVICE_SCRAPPED);
}

static void check_answers(void)
{
    for (size_t i = 0; i < answer_count; i++) {
        if (answers[i].is_grant)
            check_grant(&answers[i]);
        else
            check_scrap(&answers[i]);
    }
}

static void round_of(const char *crash_at, long kill_after)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
    atomic_store(&next_device, world_number(&world, "SELECT count(*) FROM device"));
    run_and_kill(crash_at, kill_after);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    check_answers();
    world_check_account(&world);
}

static void setup(void)
{
    const struct ledger_grant scrap_units = maker_units(LEDGER_GRANT_SCRAP, 20);
    maker_make(&world, 1000);
    (void)maker_must(&world, &scrap_units);
}

static void teardown(void)
{
    world_end(&world);
}

START_TEST(documents_and_scrap_units_survive_kill_at_any_moment)
{
    size_t rounds = test_size("kills under documents", 12, 60);
    unsigned seed = (unsigned)getpid();
    for (size_t i = 0; i < rounds; i++)
        round_of(NULL, rand_r(&seed) % 150 + 1);
    ck_assert_int_gt(world_usage(&world).scrap_drawn, 20);
}
END_TEST

#ifdef PROVISIOND_CRASH_POINTS
START_TEST(documents_and_scrap_units_survive_kill_at_a_commit)
{
    static const char *const LABELS[] = {"ledger.before-commit", "ledger.after-commit"};
    char crash_at[64];
    for (int n = 2; n < 30; n += 4) {
        (void)snprintf(crash_at, sizeof crash_at, "%s:%d", LABELS[n / 4 % 2], n);
        round_of(crash_at, -1);
    }
}
END_TEST

/* A child applies the document and dies at that point; what it leaves is known. */
static void kill_at(const char *crash_at, const struct ledger_grant *grant)
{
    int status = 0;
    ledger_close(world.ledger);
    world.ledger = NULL;
    pid_t child = fork();
    if (child == 0) {
        struct ledger_granted granted;
        if (world_open(&world) != ERR_OK)
            _exit(1);
        (void)setenv("PROVISIOND_CRASH_AT", crash_at, 1);
        _exit(maker_apply(&world, grant, &granted) == ERR_OK ? 2 : 3);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(world_open(&world), ERR_OK);
    world_check_account(&world);
}

/* The whole of a first policy: product, anchors, document and both leaves. */
START_TEST(a_product_is_made_whole_or_not_at_all)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    struct ledger_product made;
    policy.product = "gadget";
    kill_at("ledger.before-commit", &policy);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &made, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(world_leaves_with(&world, "gadget"), 0);
    kill_at("ledger.after-commit", &policy);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &made, &world.fault), ERR_OK);
    ck_assert(made.is_governed);
    ck_assert_int_eq(world_leaves_with(&world, "\"product\":\"gadget\""), 2);
    maker_must_not(&world, &policy, ERR_CONFLICT, "grant-used");
}
END_TEST

START_TEST(a_documents_units_are_counted_with_it_or_not_at_all)
{
    const struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    kill_at("ledger.before-commit", &grant);
    ck_assert_int_eq(world_usage(&world).granted, 1000);
    kill_at("ledger.after-commit", &grant);
    ck_assert_int_eq(world_usage(&world).granted, 1005);
    maker_must_not(&world, &grant, ERR_CONFLICT, "grant-used");
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("crash of documents");
    TCase *tcase = tcase_create("crash of documents");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, documents_and_scrap_units_survive_kill_at_any_moment);
#ifdef PROVISIOND_CRASH_POINTS
    tcase_add_test(tcase, documents_and_scrap_units_survive_kill_at_a_commit);
    tcase_add_test(tcase, a_product_is_made_whole_or_not_at_all);
    tcase_add_test(tcase, a_documents_units_are_counted_with_it_or_not_at_all);
#endif
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

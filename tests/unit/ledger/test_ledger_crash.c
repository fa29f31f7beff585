/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kill -9 at the worst moments. A child serves many threads and writes each answer to a pipe before
 * anybody could use it; it dies; the ledger is opened again, and whatever was answered must be
 * there, once. The account is recounted, and the journal's tree recomputed from all its leaves.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sizes.h"
#include "world.h"

#define THREADS         8
#define CUTS_PER_LEDGER 20     /* then a new one, so that the recount stays quick */
#define DEVICES         100000 /* quota; more than a child serves before it dies */

/* One answer; far below PIPE_BUF, so that threads do not mix theirs. */
struct answer {
    int64_t device;
    struct uuid install;
    int64_t journal_index;
};

static struct world world;
static int pipe_write = -1;
static atomic_long next_device;

/* ---- the child ---- */

static void *serve(void *argument)
{
    struct ledger_issued issued;
    (void)argument;
    for (;;) {
        /* Every third request repeats an older device. */
        long n = atomic_fetch_add(&next_device, 1);
        struct answer answer = {.device = n % 3 == 2 ? n - 2 : n};
        if (world_issue(&world, answer.device, &issued) != ERR_OK)
            return NULL;
        if (n % 5 == 1 && world_report(&world, &issued.install, LEDGER_SUCCEEDED) != ERR_OK)
            return NULL;
        answer.install = issued.install;
        answer.journal_index = issued.journal_index;
        if (write(pipe_write, &answer, sizeof answer) != (ssize_t)sizeof answer)
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
        (void)pthread_create(&threads[i], NULL, serve, NULL);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    _exit(2);
}

/* ---- the parent ---- */

struct answers {
    struct answer list[65536];
    size_t count;
};

static struct answers answers;

/* Reads until the pipe ends; kills after kill_after_answers of them when that is not negative. */
static void collect(int fd, pid_t child, long kill_after_answers)
{
    struct answer answer;
    answers.count = 0;
    if (kill_after_answers == 0)
        (void)kill(child, SIGKILL);
    while (read(fd, &answer, sizeof answer) == (ssize_t)sizeof answer) {
        ck_assert_uint_lt(answers.count, sizeof answers.list / sizeof answers.list[0]);
        answers.list[answers.count++] = answer;
        if ((long)answers.count == kill_after_answers)
            (void)kill(child, SIGKILL);
    }
}

static void run_and_kill(const char *crash_at, long kill_after_answers)
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
    collect(fds[0], child, kill_after_answers);
    (void)close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
}

/* Everything answered is stored: the same install, the same bytes, its leaf at its index. */
static void check_answers(void)
{
    for (size_t i = 0; i < answers.count; i++) {
        const struct answer *answer = &answers.list[i];
        struct ledger_issued issued;
        char license[64];
        ck_assert_int_eq(world_issue(&world, answer->device, &issued), ERR_OK);
        ck_assert(issued.is_repeat);
        ck_assert_mem_eq(issued.install.bytes, answer->install.bytes, UUID_SIZE);
        ck_assert_int_gt(issued.journal_index, answer->journal_index);
        int length = snprintf(license, sizeof license, "license-SN-%lld-%lld",
                              (long long)answer->device, (long long)world.image_id);
        ck_assert_uint_eq(issued.license_length, (size_t)length);
        ck_assert_mem_eq(issued.license, license, (size_t)length);
        i += i < 20 ? 0 : 10; /* all of the first, then samples */
    }
}

/* The leaf behind each answer names the install of that answer. */
static void check_leaves(void)
{
    char text[37];
    for (size_t i = answers.count > 20 ? answers.count - 20 : 0; i < answers.count; i++) {
        uuid_format(&answers.list[i].install, "", text, sizeof text);
        ck_assert_ptr_nonnull(strstr(world_leaf(&world, answers.list[i].journal_index), text));
    }
}

static void reopen_and_check(void)
{
    struct ledger_info info;
    ck_assert_int_eq(world_open(&world), ERR_OK);
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    const char *start = world_leaf(&world, info.journal_size - 1);
    ck_assert_ptr_nonnull(strstr(start, "\"type\":\"start\""));
    check_leaves();
    check_answers();
    world_check_account(&world);
}

static void round_of(const char *crash_at, long kill_after_answers)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
    atomic_store(&next_device, world_number(&world, "SELECT count(*) FROM device") * 3);
    run_and_kill(crash_at, kill_after_answers);
    reopen_and_check();
}

static void setup(void)
{
    world_make(&world, DEVICES);
}

static void teardown(void)
{
    world_end(&world);
}

START_TEST(what_was_answered_survives_kill_at_any_moment)
{
    unsigned seed = (unsigned)getpid();
    size_t cuts = test_size("kill -9 under load", 20, 240);
    for (size_t i = 1; i <= cuts; i++) {
        round_of(NULL, rand_r(&seed) % 400 + 1);
        if (i % CUTS_PER_LEDGER != 0)
            continue;
        ck_assert_int_eq(world_leaves_with(&world, "\"clean\":false"), CUTS_PER_LEDGER);
        teardown();
        setup();
    }
}
END_TEST

#ifdef PROVISIOND_CRASH_POINTS
/* The first passings are the start leaf's, so N begins where charges are under way. */
static void crash_rounds(const char *label)
{
    char crash_at[64];
    for (int n = 2; n < 40; n += 5) {
        (void)snprintf(crash_at, sizeof crash_at, "%s:%d", label, n);
        round_of(crash_at, -1);
    }
}

START_TEST(what_was_answered_survives_kill_before_the_commit)
{
    crash_rounds("ledger.before-commit");
}
END_TEST

START_TEST(what_was_answered_survives_kill_after_the_commit)
{
    crash_rounds("ledger.after-commit");
}
END_TEST

/* Exactly one lone charge reaches the crash point: what it leaves is known. */
static void kill_lone_charge(const char *crash_at)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
    pid_t child = fork();
    if (child == 0) {
        struct ledger_issued issued;
        if (world_open(&world) != ERR_OK)
            _exit(1);
        (void)setenv("PROVISIOND_CRASH_AT", crash_at, 1);
        _exit(world_issue(&world, 1, &issued) == ERR_OK ? 2 : 3);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(world_open(&world), ERR_OK);
}

START_TEST(before_the_commit_nothing_is_charged)
{
    kill_lone_charge("ledger.before-commit");
    ck_assert_int_eq(world_usage(&world).charged, 0);
    world_check_account(&world);
}
END_TEST

START_TEST(after_the_commit_the_retry_gets_the_charged_license)
{
    struct ledger_issued issued;
    kill_lone_charge("ledger.after-commit");
    ck_assert_int_eq(world_usage(&world).charged, 1);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
    ck_assert_int_eq(world_usage(&world).charged, 1);
    world_check_account(&world);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tcase = tcase_create("crash");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 1200);
    tcase_add_test(tcase, what_was_answered_survives_kill_at_any_moment);
#ifdef PROVISIOND_CRASH_POINTS
    tcase_add_test(tcase, what_was_answered_survives_kill_before_the_commit);
    tcase_add_test(tcase, what_was_answered_survives_kill_after_the_commit);
    tcase_add_test(tcase, before_the_commit_nothing_is_charged);
    tcase_add_test(tcase, after_the_commit_the_retry_gets_the_charged_license);
#endif
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* SIGHUP: each program reads its configuration again, and nobody who asks it notices. */
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/manager.h"
#include "support/run.h"

#define SOON_MS     30000 /* for a machine that is busy */
#define REQUESTS    100
#define PAUSE_US    20000
#define DESCRIPTORS 8448 /* what the 4096 connections of the rig need */

static const char *const LOGS[RIG_PROGRAMS] = {"provision-hsm", "provision-vault", "provisiond"};

static struct rig rig;
static struct manager manager;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 10);
    manager_open(&manager, 0);
}

static void tear_down(void)
{
    manager_close(&manager);
    rig_down(&rig);
}

static void restart(enum rig_program program)
{
    rig_kill(&rig, program, SIGTERM);
    rig_start(&rig, program, NULL);
    ck_assert(manager_hears(&manager, "READY=1", SOON_MS));
}

static void append(const char *lines)
{
    ck_assert_int_eq(rig_shell(&rig, "printf '%s' >>$RIG_CONFIG", lines), 0);
}

static void reload(enum rig_program program)
{
    ck_assert_int_eq(kill(rig.pids[program], SIGHUP), 0);
    ck_assert(manager_hears(&manager, "RELOADING=1", SOON_MS));
    ck_assert_ptr_nonnull(strstr(manager.text, "MONOTONIC_USEC="));
    ck_assert(manager_hears(&manager, "READY=1", SOON_MS));
    ck_assert(rig_is_running(&rig, program));
}

static void expect_lines(enum rig_program program, const char *pattern, int count)
{
    ck_assert_int_eq(rig_shell(&rig, "test $(grep -cE '%s' $DIR/log/%s.log) = %d", pattern,
                               LOGS[program], count),
                     0);
}

START_TEST(misspelt_file_changes_nothing_and_is_one_line)
{
    restart((enum rig_program)_i);
    append("[log]\\nlevl = error\\n");
    reload((enum rig_program)_i);
    expect_lines((enum rig_program)_i,
                 "reload-refused.*provisiond.conf:[0-9]+: unknown key `levl` in \\[log\\]; did you "
                 "mean `level`",
                 1);
    expect_lines((enum rig_program)_i, "\"event\":\"reloaded\"", 0);
}
END_TEST

START_TEST(level_changes_at_once_and_what_needs_a_restart_is_named)
{
    static const char *const keys[RIG_PROGRAMS] = {"\\[hsm\\] workers, \\[hsm\\] call_timeout_ms",
                                                   "\\[vault\\] threads",
                                                   "\\[api\\] header_max_bytes"};
    restart((enum rig_program)_i);
    append("[hsm]\\nworkers = 3\\ncall_timeout_ms = 3000\\n[vault]\\nthreads = 9\\n"
           "[api]\\nheader_max_bytes = 9000\\nidle_timeout_s = 50\\n");
    reload((enum rig_program)_i);
    char pattern[200];
    (void)snprintf(pattern, sizeof pattern, "restart-needed.*\"keys\":\"%s\"", keys[_i]);
    expect_lines((enum rig_program)_i, pattern, 1);
    append("[log]\\nlevel = error\\n");
    reload((enum rig_program)_i);
    expect_lines((enum rig_program)_i, "\"event\":\"reloaded\"", 1);
}
END_TEST

START_TEST(more_connections_than_descriptors_change_nothing)
{
    const struct rlimit just_enough = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &just_enough), 0);
    restart(RIG_API);
    ck_assert_int_eq(
        rig_shell(&rig, "sed -i 's/^connections = .*/connections = 4097/' $RIG_CONFIG"), 0);
    reload(RIG_API);
    expect_lines(RIG_API,
                 "reload-refused.*few-descriptors.*connections = 4097 needs 8450 descriptors, and "
                 "this process may have 8448: set it to 4096 at most",
                 1);
    expect_lines(RIG_API, "\"event\":\"reloaded\"", 0);
}
END_TEST

static atomic_bool is_over;

/* Another limit each time, so that there is something to take over. */
static void *reload_all_the_time(void *unused)
{
    for (int i = 0; !atomic_load(&is_over); i++) {
        (void)rig_shell(&rig,
                        "grep -v '^body_max_bytes' $RIG_CONFIG >$DIR/plain && "
                        "sed '/^key = /a body_max_bytes = %d' $DIR/plain >$DIR/next && "
                        "mv $DIR/next $RIG_CONFIG",
                        90000 + i);
        for (int program = 0; program < RIG_PROGRAMS; program++)
            (void)kill(rig.pids[program], SIGHUP);
        (void)usleep(PAUSE_US);
    }
    return unused;
}

START_TEST(no_request_is_lost_over_many_reloads)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, reload_all_the_time, NULL), 0);
    for (int i = 0; i < REQUESTS; i++) {
        struct http_answer answer;
        http_send(&rig, &(struct http_request){.method = "GET", .path = "/v1/self"}, &answer);
        ck_assert_int_eq(answer.status, 200);
        http_answer_clear(&answer);
    }
    atomic_store(&is_over, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    for (int i = 0; i < RIG_PROGRAMS; i++) {
        ck_assert(rig_is_running(&rig, (enum rig_program)i));
        expect_lines((enum rig_program)i, "reload-refused", 0);
        ck_assert_int_eq(
            rig_shell(&rig, "grep -q '\"event\":\"reloaded\"' $DIR/log/%s.log", LOGS[i]), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/reload");
    TCase *tcase = tcase_create("reload");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, misspelt_file_changes_nothing_and_is_one_line, 0, RIG_PROGRAMS);
    tcase_add_loop_test(tcase, level_changes_at_once_and_what_needs_a_restart_is_named, 0,
                        RIG_PROGRAMS);
    tcase_add_test(tcase, more_connections_than_descriptors_change_nothing);
    tcase_add_test(tcase, no_request_is_lost_over_many_reloads);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

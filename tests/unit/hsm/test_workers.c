/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Workers die, hang and leak, tokens go away: service goes on or returns by itself. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wraps.h"

static struct hsm_rig rig;

static void set_up(void)
{
    hsm_rig_make(&rig);
    rig.call_timeout_ms = 500;
    wraps_make(&rig);
}

static void tear_down(void)
{
    wraps_free();
    hsm_rig_remove(&rig);
}

START_TEST(wraps_survive_the_death_of_workers)
{
    struct load load = {0};
    pid_t workers[RIG_WORKERS_MAX];
    wraps_serve();
    load_start(&load);
    for (unsigned round = 1; round <= 10; round++) {
        load_await(&load, atomic_load(&load.done) + 100); /* so that no wrap dies twice */
        ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 2);
        ck_assert_int_eq(kill(workers[round % 2], SIGKILL), 0);
        hsm_rig_await_end(workers[round % 2]);
        hsm_rig_await_workers(&rig, 2);
    }
    load_stop(&load);
    ck_assert_uint_eq(load.failed, 0);
    ck_assert_uint_ge(load.done, 1000);
    ck_assert_uint_ge(hsm_rig_count_events(&rig, "hsm-worker-lost"), 10);
}
END_TEST

START_TEST(a_single_worker_that_dies_loses_no_wrap)
{
    struct load load = {0};
    pid_t workers[RIG_WORKERS_MAX];
    rig.workers = 1;
    wraps_serve();
    load_start(&load);
    for (unsigned round = 1; round <= 5; round++) {
        load_await(&load, atomic_load(&load.done) + 100); /* so that no wrap dies twice */
        ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
        (void)kill(workers[0], SIGKILL);
        hsm_rig_await_end(workers[0]);
        hsm_rig_await_workers(&rig, 1);
    }
    load_stop(&load);
    ck_assert_uint_eq(load.failed, 0);
}
END_TEST

START_TEST(no_worker_outlives_its_master)
{
    pid_t workers[RIG_WORKERS_MAX];
    wraps_serve();
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 2);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0); /* as good as hung in its module */
    hsm_rig_kill_master(&rig);
    hsm_rig_await_end(workers[0]);
    hsm_rig_await_end(workers[1]);
}
END_TEST

START_TEST(a_hung_worker_is_killed_and_service_goes_on)
{
    pid_t workers[RIG_WORKERS_MAX];
    wraps_serve();
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 2);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    for (int i = 0; i < 50; i++)
        wraps_do();
    hsm_rig_await_end(workers[0]);
    hsm_rig_await_workers(&rig, 2);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "worker-hung"), 1);
}
END_TEST

START_TEST(a_wrap_that_hangs_is_done_by_a_fresh_worker)
{
    pid_t workers[RIG_WORKERS_MAX];
    rig.workers = 1;
    wraps_serve();
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    wraps_do();
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "worker-hung"), 1);
}
END_TEST

/* ---- encryption ---- */

static struct hsm_status status_now(void)
{
    struct hsm_status status;
    struct fault fault;
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    return status;
}

static void *wrap_main(void *argument)
{
    wraps_do();
    return argument;
}

START_TEST(status_counts_busy_workers_and_those_that_were_replaced)
{
    pid_t workers[RIG_WORKERS_MAX];
    pthread_t thread;
    rig.workers = 1;
    wraps_serve();
    ck_assert_uint_eq(status_now().workers_busy, 0);
    ck_assert_uint_eq(status_now().worker_restarts, 0);
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wrap_main, NULL), 0);
    while (status_now().workers_busy == 0)
        hsm_rig_pause(1);
    ck_assert_uint_eq(status_now().workers_busy, 1);
    (void)pthread_join(thread, NULL);
    ck_assert_uint_eq(status_now().workers_busy, 0);
    ck_assert_uint_eq(status_now().worker_restarts, 1);
}
END_TEST

struct encryption {
    int clear;
    int cipher;
    enum error result;
    struct fault fault;
};

static void *encrypt_main(void *argument)
{
    struct encryption *encryption = argument;
    struct hsm_content content;
    const struct hsm_encryption asked =
        hsm_rig_encryption(wraps_keys(), encryption->clear, encryption->cipher);
    encryption->result = hsm_encrypt(rig.client, &asked, &content, &encryption->fault);
    return NULL;
}

START_TEST(an_encryption_that_hangs_is_given_up_and_not_repeated)
{
    struct encryption encryption = {.clear = memfd_create("clear", MFD_CLOEXEC),
                                    .cipher = memfd_create("cipher", MFD_CLOEXEC)};
    pid_t workers[RIG_WORKERS_MAX];
    pthread_t thread;
    rig.workers = 1;
    wraps_serve();
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
    ck_assert_int_eq(ftruncate(encryption.clear, (off_t)512 << 20), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, encrypt_main, &encryption), 0);
    while (lseek(encryption.clear, 0, SEEK_CUR) == 0)
        hsm_rig_pause(1);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(encryption.result, ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(encryption.fault.reason, "worker-hung");
    ck_assert_int_lt(lseek(encryption.clear, 0, SEEK_CUR), (off_t)512 << 20);
    hsm_rig_await_workers(&rig, 1);
    wraps_do();
}
END_TEST

/* ---- the token ---- */

/* Killed, with its descriptors closed; whether its master knows or not. */
static void await_death(pid_t process)
{
    char path[64];
    char line[256];
    char state = 'R';
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    while (state != 'Z') {
        FILE *file = fopen(path, "re");
        if (file == NULL)
            return;
        if (fgets(line, sizeof line, file) == NULL || sscanf(line, "%*d (%*[^)]) %c", &state) != 1)
            state = 'Z'; /* gone while it was read */
        (void)fclose(file);
    }
}

/* Its worker died while it was idle: nothing of the file was read yet. */
START_TEST(an_encryption_that_has_not_begun_is_done_by_the_next_worker)
{
    pid_t workers[RIG_WORKERS_MAX];
    struct hsm_content content;
    struct fault fault = {0};
    rig.workers = 1;
    wraps_serve();
    for (int i = 0; i < 5; i++) {
        int in = hsm_rig_make_file("clear", 5);
        int out = hsm_rig_make_file(NULL, 0);
        struct hsm_encryption encryption = hsm_rig_encryption(wraps_keys(), in, out);
        ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
        (void)kill(workers[0], SIGKILL);
        await_death(workers[0]);
        ck_assert_msg(hsm_encrypt(rig.client, &encryption, &content, &fault) == ERR_OK, "%s",
                      fault.reason);
        ck_assert_uint_eq(content.length, 5);
        (void)close(in);
        (void)close(out);
        hsm_rig_await_workers(&rig, 1);
    }
}
END_TEST

START_TEST(a_token_that_goes_away_comes_back_by_itself)
{
    char away[TEMP_PATH_MAX];
    struct fault fault;
    wraps_serve();
    temp_dir_path(&rig.dir, "away", away);
    ck_assert_int_eq(rename(rig.token.tokens, away), 0);
    fault = hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE);
    ck_assert_msg(strcmp(fault.reason, "token-not-found") == 0 ||
                      strcmp(fault.reason, "module-not-loadable") == 0 ||
                      strcmp(fault.reason, "slots-unreadable") == 0,
                  "%s", fault.reason);
    ck_assert_int_eq(rename(away, rig.token.tokens), 0);
    hsm_rig_await_workers(&rig, 2);
    wraps_do();
}
END_TEST

START_TEST(a_missing_token_is_named_as_the_reason)
{
    struct fault fault;
    rig.label = "no such token";
    hsm_rig_start(&rig);
    fault = hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "token-not-found");
    ck_assert_ptr_nonnull(strstr(fault.detail, "is the device plugged in"));
    ck_assert_int_eq(wraps_try(&fault), ERR_BAD_REQUEST); /* there are no keys yet */
    ck_assert_int_eq(hsm_generate_firmware_key(rig.client, &wraps_keys()->firmware_key,
                                               "provisiond-fk:x", &fault),
                     ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "token-not-found");
}
END_TEST

START_TEST(a_module_that_cannot_be_loaded_is_named_as_the_reason)
{
    struct fault fault;
    rig.module = _i == 0 ? "/nonexistent/module.so" : "/etc/passwd";
    hsm_rig_start(&rig);
    fault = hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, _i == 0 ? "module-missing" : "module-not-loadable");
}
END_TEST

/* SoftHSM leaves a token of no bytes when a process dies inside C_Login. */
START_TEST(a_master_killed_while_workers_log_in_leaves_the_token_whole)
{
    hsm_rig_start(&rig); /* its PIN is accepted once: the kills below count for nothing then */
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_rig_kill_master(&rig);
    for (int round = 0; round < 60; round++) {
        hsm_rig_start(&rig);
        hsm_rig_pause(round); /* every moment of the first worker's start */
        hsm_rig_kill_master(&rig);
    }
    wraps_serve();
    wraps_do();
}
END_TEST

/* ---- recycling and crashes ---- */

START_TEST(ten_thousand_wraps_with_recycling_stay_correct)
{
    struct load load = {0};
    rig.recycle_after = 500;
    rig.call_timeout_ms = 10000; /* nothing hangs here, however busy the machine is */
    wraps_serve();
    load_start(&load);
    load_await(&load, 10000);
    load_stop(&load);
    ck_assert_uint_eq(load.failed, 0);
    ck_assert_uint_ge(load.done, 10000);
    ck_assert_uint_ge(hsm_rig_count_events(&rig, "hsm-worker-recycled"), 5);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

static void crash_once_at(const char *label)
{
    char once[TEMP_PATH_MAX];
    temp_dir_path(&rig.dir, "crashed", once);
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_ONCE", once, 1), 0);
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_AT", label, 1), 0);
}

static const char *const worker_steps[] = {"hsm-worker.before-wrap", "hsm-worker.after-wrap"};

START_TEST(a_wrap_whose_worker_crashes_is_done_by_another)
{
    crash_once_at(worker_steps[_i]);
    wraps_serve();
    wraps_do();
    hsm_rig_await_event(&rig, "hsm-worker-lost");
}
END_TEST

static enum error seal_once(struct fault *fault)
{
    struct hsm_sealed sealed;
    uint8_t text[HSM_SEALED_MAX];
    struct hsm_seal seal = device_seal(wraps_device(), wraps_keys(), bytes_of("i", 1));
    enum error e = hsm_seal_key(rig.client, &seal, &sealed, fault);
    if (e == ERR_OK) {
        ck_assert_uint_eq(device_seal_open(wraps_device(), &sealed, &seal, text), 32);
        wraps_check_key(text);
    }
    return e;
}

/* The crash is set for a second master, because serve wraps. */
START_TEST(a_seal_whose_worker_crashes_or_hangs_is_done_by_another)
{
    pid_t workers[RIG_WORKERS_MAX];
    struct fault fault = {0};
    rig.workers = 1;
    wraps_serve();
    hsm_rig_kill_master(&rig);
    crash_once_at(worker_steps[_i]);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 1);
    ck_assert_msg(seal_once(&fault) == ERR_OK, "%s", fault.reason);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "worker-crashed"), 1);
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 1);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    ck_assert_msg(seal_once(&fault) == ERR_OK, "%s", fault.reason);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "worker-hung"), 1);
}
END_TEST

START_TEST(a_master_that_crashes_during_a_seal_is_unavailable_until_it_is_back)
{
    struct fault fault = {0};
    wraps_serve();
    hsm_rig_kill_master(&rig);
    crash_once_at("hsm-master.before-reply");
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_int_eq(seal_once(&fault), ERR_HSM_UNAVAILABLE);
    hsm_rig_await_crash(&rig);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_msg(seal_once(&fault) == ERR_OK, "%s", fault.reason);
}
END_TEST

START_TEST(a_master_that_crashes_is_unavailable_until_it_is_back)
{
    struct fault fault;
    crash_once_at("hsm-master.before-reply");
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    wraps_make_keys();
    ck_assert_int_eq(wraps_try(&fault), ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "hsm-unreachable");
    hsm_rig_await_crash(&rig);
    wraps_serve();
    wraps_do();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("workers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, wraps_survive_the_death_of_workers);
    tcase_add_test(tests, a_single_worker_that_dies_loses_no_wrap);
    tcase_add_test(tests, no_worker_outlives_its_master);
    tcase_add_test(tests, a_hung_worker_is_killed_and_service_goes_on);
    tcase_add_test(tests, a_wrap_that_hangs_is_done_by_a_fresh_worker);
    tcase_add_test(tests, status_counts_busy_workers_and_those_that_were_replaced);
    tcase_add_test(tests, an_encryption_that_hangs_is_given_up_and_not_repeated);
    tcase_add_test(tests, an_encryption_that_has_not_begun_is_done_by_the_next_worker);
    tcase_add_test(tests, a_token_that_goes_away_comes_back_by_itself);
    tcase_add_test(tests, a_missing_token_is_named_as_the_reason);
    tcase_add_loop_test(tests, a_module_that_cannot_be_loaded_is_named_as_the_reason, 0, 2);
    tcase_add_test(tests, a_master_killed_while_workers_log_in_leaves_the_token_whole);
    tcase_add_test(tests, ten_thousand_wraps_with_recycling_stay_correct);
    tcase_add_loop_test(tests, a_wrap_whose_worker_crashes_is_done_by_another, 0, 2);
    tcase_add_loop_test(tests, a_seal_whose_worker_crashes_or_hangs_is_done_by_another, 0, 2);
    tcase_add_test(tests, a_master_that_crashes_during_a_seal_is_unavailable_until_it_is_back);
    tcase_add_test(tests, a_master_that_crashes_is_unavailable_until_it_is_back);
    return hsm_rig_run_tests(tests);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An HSM that answers with every return value that the table knows, that hangs, crashes, lies and
 * goes away: what is answered is right, and service returns by itself. How long that took is
 * printed, from the moment at which the HSM is well again.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

#include "core/clock.h"
#include "hsm/ckr.h"
#include "note.h"
#include "support/hsm_faults.h"
#include "wraps.h"

#define OUTAGE_MS 1200 /* long enough for several starts that fail */

static struct hsm_rig rig;
static struct hsm_faults *faults;

static void set_up(void)
{
    char path[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    rig.call_timeout_ms = 500;
    rig.module = MODULE_FAULTS;
    temp_dir_path(&rig.dir, "faults", path);
    faults = hsm_faults_new(path);
    wraps_make(&rig);
}

static void tear_down(void)
{
    hsm_faults_clear(faults);
    wraps_free();
    hsm_rig_remove(&rig);
    hsm_faults_free(faults);
}

static void add(const char *function, enum hsm_fault_action action, uint32_t value, uint32_t times)
{
    struct hsm_fault fault = {.times = times, .action = action, .value = value};
    ck_assert_uint_lt(strlen(function), sizeof fault.function);
    strcpy(fault.function, function);
    hsm_faults_add(faults, &fault);
}

/* It looks as one that hangs, until it was given time. */
START_TEST(a_start_with_slow_calls_is_given_more_time_each_time)
{
    rig.workers = 1;
    add("C_GenerateKey", HSM_FAULT_SLOW, 1500, HSM_FAULTS_ALWAYS);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 1);
    ck_assert_uint_le(hsm_rig_count_events(&rig, "hsm-worker-stuck"), 2);
}
END_TEST

static uint64_t restarts(void)
{
    struct hsm_status status;
    struct fault fault;
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    return status.worker_restarts;
}

/* The HSM is well from now on: until all workers serve. */
static int64_t recover(void)
{
    int64_t begin = clock_monotonic_ms();
    hsm_faults_clear(faults);
    hsm_rig_await_workers(&rig, rig.workers);
    int64_t took = clock_monotonic_ms() - begin;
    wraps_do();
    return took;
}

/* ---- the notary's questions ---- */

/* One worker has a queue of slow wraps: a signature waits for the one under way, not for them. */
START_TEST(a_checkpoint_is_signed_before_the_wraps_that_wait)
{
    const struct note body = note_body(7, 1);
    struct load load = {0};
    struct hsm_spki spki;
    struct hsm_signature signature;
    struct fault fault;
    rig.workers = 1;
    rig.call_timeout_ms = 10000;
    wraps_serve();
    ck_assert_int_eq(hsm_init(rig.client, &spki, &spki, &fault), ERR_OK);
    add("C_WrapKey", HSM_FAULT_SLOW, 100, HSM_FAULTS_ALWAYS);
    load_start(&load);
    load_await(&load, LOAD_THREADS);
    unsigned before = atomic_load(&load.done);
    ck_assert_int_eq(hsm_sign_checkpoint(rig.client, note_bytes(&body), NULL, &signature, &fault),
                     ERR_OK);
    ck_assert_uint_le(atomic_load(&load.done) - before, LOAD_THREADS / 2);
    load_stop(&load);
    ck_assert_uint_eq(load.failed, 0);
}
END_TEST

/* ---- the table ---- */

static void check_answer(unsigned long rv, const struct ckr_meaning *meaning)
{
    struct fault fault = {0};
    uint64_t before = restarts();
    add("C_WrapKey", HSM_FAULT_RETURN, (uint32_t)rv, 1);
    enum error e = wraps_try(&fault);
    ck_assert_uint_eq(hsm_faults_done(faults), 1);
    switch (meaning->action) {
    case CKR_ANSWER: /* told to whoever asked, and the worker goes on */
        ck_assert_int_eq(e, meaning->code);
        ck_assert_str_eq(fault.reason, meaning->reason);
        ck_assert_uint_eq((unsigned long)fault.native, rv);
        ck_assert_uint_eq(restarts(), before);
        break;
    case CKR_FORGET: /* the same worker finds its keys again */
        ck_assert_msg(e == ERR_OK, "%s", fault.reason);
        ck_assert_uint_eq(restarts(), before);
        break;
    case CKR_REPLACE: /* another worker does it */
        ck_assert_msg(e == ERR_OK, "%s", fault.reason);
        ck_assert_uint_eq(restarts(), before + 1);
        break;
    case CKR_GIVE_UP:
        ck_abort_msg("not here");
    }
}

START_TEST(each_value_of_the_table_is_answered_as_the_table_says)
{
    wraps_serve();
    for (unsigned i = 0; ckr_value(i) != CKR_VALUES_END; i++) {
        const struct ckr_meaning *meaning = ckr_meaning(ckr_value(i));
        if (meaning->action == CKR_GIVE_UP)
            continue;
        check_answer(ckr_value(i), meaning);
        (void)printf("recovery: %-38s %5lld ms\n", ckr_name(ckr_value(i)), (long long)recover());
    }
}
END_TEST

/* Whatever the value, a token that says nothing else has no workers, and gets them back. */
START_TEST(a_token_that_answers_nothing_else_for_a_while_comes_back)
{
    static const CK_RV values[] = {CKR_DEVICE_ERROR, CKR_SESSION_COUNT, CKR_KEY_HANDLE_INVALID,
                                   CKR_MECHANISM_INVALID, CKR_VENDOR_DEFINED | 0x42};
    struct fault fault = {0};
    wraps_serve();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        add("", HSM_FAULT_RETURN, (uint32_t)values[i], HSM_FAULTS_ALWAYS);
        for (deadline_ms end = deadline_in(OUTAGE_MS); deadline_left_ms(end) > 0;) {
            enum error e = wraps_try(&fault);
            ck_assert_msg(e == ERR_HSM_UNAVAILABLE || e == ckr_meaning(values[i])->code, "%d %s", e,
                          fault.reason);
        }
        (void)printf("recovery: all %-34s %5lld ms\n", ckr_name(values[i]), (long long)recover());
    }
}
END_TEST

/* ---- each function of a license ---- */

static const char *const FUNCTIONS[] = {"C_GetSessionInfo",   "C_GetTokenInfo", "C_OpenSession",
                                        "C_FindObjectsInit",  "C_FindObjects",  "C_UnwrapKey",
                                        "C_CreateObject",     "C_WrapKey",      "C_DestroyObject",
                                        "C_GetAttributeValue"};
#define FUNCTIONS_COUNT (sizeof FUNCTIONS / sizeof FUNCTIONS[0])

/* From a fresh worker, so that nothing is cached. */
static void make_fresh(void)
{
    pid_t workers[RIG_WORKERS_MAX];
    size_t count = hsm_rig_workers(&rig, workers);
    for (size_t i = 0; i < count; i++) {
        (void)kill(workers[i], SIGKILL);
        hsm_rig_await_end(workers[i]);
    }
    hsm_rig_await_workers(&rig, rig.workers);
}

static void misbehave(const char *function, enum hsm_fault_action action, uint32_t value)
{
    struct fault fault = {0};
    make_fresh();
    add(function, action, value, 1);
    enum error e = wraps_try(&fault); /* opens to the session key when it is answered */
    ck_assert_msg(e == ERR_OK || e == ERR_HSM_UNAVAILABLE, "%s: %d %s", function, e, fault.reason);
    (void)recover();
}

START_TEST(no_function_that_misbehaves_once_makes_a_wrong_wrap_or_ends_service)
{
    static const struct {
        enum hsm_fault_action action;
        uint32_t value;
    } ways[] = {{HSM_FAULT_RETURN, CKR_GENERAL_ERROR},
                {HSM_FAULT_RETURN, CKR_OBJECT_HANDLE_INVALID},
                {HSM_FAULT_LATE_RETURN, CKR_DEVICE_ERROR},
                {HSM_FAULT_HANG, 0},
                {HSM_FAULT_CRASH, 0},
                {HSM_FAULT_HANDLE, 0}};
    rig.workers = 1;
    wraps_serve();
    for (size_t i = 0; i < FUNCTIONS_COUNT; i++)
        misbehave(FUNCTIONS[i], ways[_i].action, ways[_i].value);
}
END_TEST

START_TEST(a_handle_that_is_none_is_not_kept)
{
    rig.workers = 1;
    wraps_serve();
    make_fresh();
    uint64_t before = restarts();
    add("C_UnwrapKey", HSM_FAULT_HANDLE, 0, 1);
    wraps_do(); /* unwrapped once more */
    ck_assert_uint_eq(hsm_faults_done(faults), 1);
    wraps_do();
    ck_assert_uint_eq(restarts(), before);
}
END_TEST

/* ---- one that hangs ---- */

static void *hang_main(void *argument)
{
    *(enum error *)argument = wraps_try(&(struct fault){0});
    return NULL;
}

/* The other worker answers meanwhile. */
START_TEST(a_call_that_hangs_holds_up_nobody_else)
{
    pthread_t thread;
    enum error result = ERR_INTERNAL;
    unsigned others = 0;
    rig.call_timeout_ms = 2000;
    wraps_serve();
    add("C_WrapKey", HSM_FAULT_HANG, 0, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, hang_main, &result), 0);
    while (hsm_faults_done(faults) == 0)
        hsm_rig_pause(1);
    for (; hsm_rig_count_events(&rig, "worker-hung") == 0; others++)
        wraps_do();
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(result, ERR_OK); /* by a worker that does not hang */
    ck_assert_uint_gt(others, 10);
}
END_TEST

START_TEST(a_module_that_hangs_always_is_unavailable_and_comes_back)
{
    struct fault fault = {0};
    wraps_serve();
    add("C_WrapKey", HSM_FAULT_HANG, 0, HSM_FAULTS_ALWAYS);
    ck_assert_int_eq(wraps_try(&fault), ERR_HSM_UNAVAILABLE);
    (void)printf("recovery: a module that hung %21lld ms\n", (long long)recover());
}
END_TEST

/* ---- one that does not wrap as the standard says ---- */

START_TEST(a_token_whose_wrap_no_device_opens_is_not_used)
{
    add("C_WrapKey", HSM_FAULT_GARBLE, 0, HSM_FAULTS_ALWAYS);
    hsm_rig_start(&rig);
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_UNSUPPORTED).reason, "wrap-not-standard");
    hsm_faults_clear(faults);
    hsm_rig_await_workers(&rig, rig.workers);
}
END_TEST

/* ---- one that leaks ---- */

START_TEST(a_module_that_leaks_is_replaced_before_it_has_grown_much)
{
    struct load load = {0};
    rig.recycle_mb = 16;
    wraps_serve();
    add("C_WrapKey", HSM_FAULT_LEAK, 256, HSM_FAULTS_ALWAYS); /* KiB for each license */
    load_start(&load);
    for (unsigned done = 100; hsm_rig_count_events(&rig, "hsm-worker-recycled") < 4; done += 100)
        load_await(&load, done);
    load_stop(&load);
    ck_assert_uint_eq(load.failed, 0);
    ck_assert_uint_eq(restarts(), 0);
}
END_TEST

/* ---- the token ---- */

START_TEST(a_token_that_goes_and_returns_serves_again)
{
    struct fault fault = {0};
    wraps_serve();
    for (int i = 0; i < 3; i++) {
        hsm_faults_set_token(faults, HSM_TOKEN_GONE);
        for (deadline_ms end = deadline_in(OUTAGE_MS); deadline_left_ms(end) > 0;)
            ck_assert_int_eq(wraps_try(&fault), ERR_HSM_UNAVAILABLE);
        (void)printf("recovery: a token that was away %18lld ms\n", (long long)recover());
    }
}
END_TEST

/* Both workers' sessions end at once: who asks waits for the first new one, for a second at most.
 */
START_TEST(a_token_that_blinks_is_served_from_again)
{
    struct load load = {0};
    wraps_serve();
    load_start(&load);
    load_await(&load, 200);
    hsm_faults_set_token(faults, HSM_TOKEN_OTHER); /* sessions end here */
    hsm_faults_set_token(faults, HSM_TOKEN_PRESENT);
    load_await(&load, atomic_load(&load.done) + 200);
    load_stop(&load);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_uint_ge(hsm_rig_count_events(&rig, "hsm-worker-lost"), 2);
    wraps_do();
}
END_TEST

START_TEST(another_token_of_the_same_name_is_not_served_from)
{
    struct fault fault = {0};
    wraps_serve();
    hsm_faults_set_token(faults, HSM_TOKEN_OTHER);
    fault = hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "token-other");
    ck_assert_int_eq(wraps_try(&fault), ERR_HSM_UNAVAILABLE);
    (void)printf("recovery: the right token again %18lld ms\n", (long long)recover());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("faults");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_checkpoint_is_signed_before_the_wraps_that_wait);
    tcase_add_test(tests, each_value_of_the_table_is_answered_as_the_table_says);
    tcase_add_test(tests, a_token_that_answers_nothing_else_for_a_while_comes_back);
    tcase_add_loop_test(tests, no_function_that_misbehaves_once_makes_a_wrong_wrap_or_ends_service,
                        0, 6);
    tcase_add_test(tests, a_handle_that_is_none_is_not_kept);
    tcase_add_test(tests, a_call_that_hangs_holds_up_nobody_else);
    tcase_add_test(tests, a_start_with_slow_calls_is_given_more_time_each_time);
    tcase_add_test(tests, a_module_that_hangs_always_is_unavailable_and_comes_back);
    tcase_add_test(tests, a_token_whose_wrap_no_device_opens_is_not_used);
    tcase_add_test(tests, a_module_that_leaks_is_replaced_before_it_has_grown_much);
    tcase_add_test(tests, a_token_that_goes_and_returns_serves_again);
    tcase_add_test(tests, a_token_that_blinks_is_served_from_again);
    tcase_add_test(tests, another_token_of_the_same_name_is_not_served_from);
    return hsm_rig_run_tests(tests);
}

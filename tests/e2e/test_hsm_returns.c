/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What lasts until somebody acts, and what nobody need notice, while a factory works (steady.h
 * judges every answer): a wrong PIN, a module that is not installed yet, a module that leaks.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "e2e/faulty.h"
#include "e2e/memory.h"
#include "support/run.h"
#include "support/sizes.h"

#define WORKERS     4
#define REFUSALS    50
#define LEAK_KIB    64
#define RECYCLE_MB  4
#define KIB_PER_MIB 1024
/* A worker goes after 64 licenses; it serves while its successor waits for its turn and starts. */
#define LICENSES_MAX 256
#define SLACK_MIB    8 /* what workers do while their successors start */

static struct faulty faulty;

static void set_up(void)
{
    faulty_set_up(&faulty);
}

static void tear_down(void)
{
    faulty_tear_down(&faulty);
}

static void await_refusals(void)
{
    const struct steady_view *view = steady_view(faulty.steady);
    size_t refused = view->refused;
    FAULTY_DRIVE_WHILE(&faulty, view->refused < refused + REFUSALS);
}

/* ---- a wrong PIN ---- */

static void restart_hsm(int signal)
{
    rig_kill(&faulty.rig, RIG_HSM, signal);
    rig_start(&faulty.rig, RIG_HSM, NULL);
    steady_forget_counts(faulty.steady);
}

/* Whoever looks, wherever, reads the word and what to do. */
static void expect_advice(const char *word)
{
    ck_assert_ptr_nonnull(strstr(steady_view(faulty.steady)->detail, "pin-state"));
    ck_assert_int_eq(rig_shell(&faulty.rig,
                               "for i in $(seq 50); do "
                               "$BIN/provctl --config $RIG_CONFIG status >$DIR/said 2>&1; "
                               "grep -q '%s' $DIR/said && grep -q 'remove the file pin-state' "
                               "$DIR/said && exit 0; sleep 0.1; done; cat $DIR/said >&2; exit 1",
                               word),
                     0);
    ck_assert_uint_gt(faulty_count_lines(&faulty, word), 0);
}

START_TEST(a_wrong_pin_is_tried_once_until_the_operator_acts)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGKILL, SIGKILL};
    faulty_begin(&faulty, "workers = 4");
    ck_assert_int_eq(
        rig_shell(&faulty.rig, "cp $RIG_PIN_FILE $DIR/right && echo 0000-wrong >$RIG_PIN_FILE"), 0);
    unsigned logins = atomic_load(&faulty.faults->logins);
    steady_expect(faulty.steady, "hsm-unavailable");
    rig_kill(&faulty.rig, RIG_HSM, SIGKILL);
    steady_await_word(faulty.steady, "hsm-unreachable");
    rig_start(&faulty.rig, RIG_HSM, NULL);
    steady_forget_counts(faulty.steady);
    steady_expect(faulty.steady, "hsm-unavailable hsm-pin-refused");
    steady_await_word(faulty.steady, "pin-refused");
    expect_advice("pin-refused");
    await_refusals(); /* those under way may still have the word before */
    steady_expect(faulty.steady, "hsm-pin-refused");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        await_refusals();
        ck_assert_uint_eq(atomic_load(&faulty.faults->logins), logins + 1);
        steady_expect(faulty.steady, "hsm-unavailable hsm-pin-refused");
        restart_hsm(signals[i]);
        steady_await_word(faulty.steady, "pin-refused-before");
        expect_advice("pin-refused-before");
        await_refusals();
        steady_expect(faulty.steady, "hsm-pin-refused");
    }
    await_refusals();
    ck_assert_uint_eq(atomic_load(&faulty.faults->logins), logins + 1);
    /* The operator does what was said. */
    steady_expect(faulty.steady, "hsm-unavailable hsm-pin-refused");
    ck_assert_int_eq(rig_shell(&faulty.rig, "cp $DIR/right $RIG_PIN_FILE && rm $DIR/pin-state"), 0);
    restart_hsm(SIGTERM);
    steady_await_word(faulty.steady, "ok");
    steady_await_issued(faulty.steady, 10);
    steady_end(faulty.steady);
}
END_TEST

/* ---- a module that comes late ---- */

START_TEST(a_module_that_is_missing_at_the_start_is_loaded_when_it_is_there)
{
    char module[TEMP_PATH_MAX + 16];
    faulty_begin(&faulty, "workers = 2");
    (void)snprintf(module, sizeof module, "%s/module.so", faulty.rig.dir);
    steady_expect(faulty.steady, "hsm-unavailable");
    faulty_configure(&faulty, module, "");
    rig_start(&faulty.rig, RIG_HSM, NULL);
    steady_forget_counts(faulty.steady);
    steady_await_word(faulty.steady, "module-missing");
    await_refusals();
    ck_assert_int_eq(rig_shell(&faulty.rig, "cp %s %s", MODULE_FAULTS, module), 0);
    steady_await_word(faulty.steady, "ok");
    faulty_await_workers(&faulty, 2);
    steady_await_issued(faulty.steady, 10);
    steady_end(faulty.steady);
}
END_TEST

/* ---- a module that leaks ---- */

static int64_t workers_bytes(void)
{
    struct memory memory;
    memory_read(&faulty.rig, &memory);
    return memory.bytes[MEMORY_WORKERS];
}

START_TEST(a_module_that_leaks_costs_no_answer_and_a_bounded_memory)
{
    unsigned exchanges = (unsigned)test_size("workers exchanged under load", 8, 100);
    faulty_begin(&faulty, "workers = 4\\nrecycle_mb = 4\\ncall_timeout_ms = 20000");
    const struct steady_view *view = steady_view(faulty.steady);
    int64_t fresh = workers_bytes();
    int64_t most = 0;
    steady_expect(faulty.steady, "");
    faulty_add(&faulty, "C_WrapKey", HSM_FAULT_LEAK, LEAK_KIB, HSM_FAULTS_ALWAYS);
    size_t limit = view->issued + (size_t)exchanges * LICENSES_MAX;
    while (faulty_count_lines(&faulty, "hsm-worker-recycled") < exchanges) {
        ck_assert_msg(view->issued < limit, "workers leak and are not exchanged");
        steady_await_issued(faulty.steady, 10);
        int64_t now = workers_bytes();
        most = now > most ? now : most;
    }
    hsm_faults_clear(faulty.faults);
    faulty_await_workers(&faulty, WORKERS);
    (void)rig_shell(&faulty.rig, "grep hsm-worker-lost $DIR/log/provision-hsm.log | tail -n 3 >&2");
    ck_assert_uint_eq(view->restarts, 0);
    (void)printf("memory of all workers: %lld KiB, at most %lld KiB; leaked: %zu KiB\n",
                 (long long)fresh / KIB_PER_MIB, (long long)most / KIB_PER_MIB,
                 view->issued * LEAK_KIB);
    if (memory_is_measurable())
        ck_assert_int_lt(most - fresh,
                         (int64_t)WORKERS * (RECYCLE_MB + SLACK_MIB) * KIB_PER_MIB * KIB_PER_MIB);
    steady_end(faulty.steady);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_wrong_pin_is_tried_once_until_the_operator_acts,
        a_module_that_is_missing_at_the_start_is_loaded_when_it_is_there,
        a_module_that_leaks_costs_no_answer_and_a_bounded_memory,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "an HSM that needs care, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}

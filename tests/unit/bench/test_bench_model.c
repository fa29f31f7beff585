/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The model of an HSM behind a network: so long for each call, so many at once. */
#include <sys/wait.h>
#include <unistd.h>

#include "bench/rig_token.h"
#include "core/clock.h"
#include "support/hsm_faults.h"
#include "support/run.h"
#include "support/softhsm.h"
#include "unit/hsm/token.h"

#define LATENCY_US 20000
#define PROCESSES  4
#define EACH       3 /* calls of a process */

static struct temp_dir dir;
static struct softhsm softhsm;
static struct hsm_faults *faults;

static void setup(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_make(&dir);
    softhsm_make(&dir, &softhsm);
    temp_dir_path(&dir, "faults", path);
    faults = hsm_faults_new(path);
}

static void teardown(void)
{
    hsm_faults_free(faults);
    temp_dir_remove(&dir);
}

/* Calls that work with a key, in a process of their own; it says when it is ready and waits. */
static void be_caller(int ready, int go)
{
    struct token token;
    char byte = 0;
    token_open(&token, MODULE_FAULTS, softhsm.token, softhsm.pin);
    if (write(ready, "r", 1) != 1 || read(go, &byte, 1) != 1)
        _exit(1);
    for (int i = 0; i < EACH; i++)
        (void)rig_token_make_key(&token, CKA_ENCRYPT, false);
    token_close(&token);
    _exit(0);
}

/* How long all calls of all processes took together. */
static int64_t run_callers(void)
{
    int ready[2];
    int go[2];
    char byte = 0;
    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(go), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0)
            be_caller(ready[1], go[0]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    }
    int64_t begin_us = clock_monotonic_us();
    ck_assert_int_eq(write(go[1], "gggg", PROCESSES), PROCESSES);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    return clock_monotonic_us() - begin_us;
}

START_TEST(no_more_go_on_at_once_than_the_model_has_places)
{
    hsm_faults_set_model(faults, LATENCY_US, 2);
    ck_assert_int_ge(run_callers(), LATENCY_US * PROCESSES * EACH / 2);
    ck_assert_uint_eq(atomic_load(&faults->served), PROCESSES * EACH);
}
END_TEST

START_TEST(every_call_takes_its_time_where_all_have_a_place)
{
    hsm_faults_set_model(faults, LATENCY_US, PROCESSES);
    ck_assert_int_ge(run_callers(), LATENCY_US * EACH);
    ck_assert_uint_eq(atomic_load(&faults->served), PROCESSES * EACH);
}
END_TEST

/* Each place's time ends when so many calls have had theirs, one directly after the other. */
START_TEST(a_queue_leaves_no_place_idle)
{
    hsm_faults_set_model(faults, LATENCY_US, 1);
    int64_t begin_us = clock_monotonic_us();
    (void)run_callers();
    int64_t busy_until_us = atomic_load(&faults->free_at_ns[0]) / 1000;
    int64_t end_us = clock_monotonic_us();
    ck_assert_int_ge(busy_until_us, begin_us + LATENCY_US * PROCESSES * EACH);
    ck_assert_int_le(busy_until_us, end_us);
}
END_TEST

START_TEST(without_a_model_nothing_is_counted)
{
    hsm_faults_set_model(faults, 0, 0);
    (void)run_callers();
    ck_assert_uint_eq(atomic_load(&faults->served), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {no_more_go_on_at_once_than_the_model_has_places,
                            every_call_takes_its_time_where_all_have_a_place,
                            a_queue_leaves_no_place_idle, without_a_model_nothing_is_counted, NULL};
    return run_suite(&(struct run_case){
        .name = "model", .set_up = setup, .tear_down = teardown, .timeout_s = 30, .tests = tests});
}

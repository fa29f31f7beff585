/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kill -9 at each step of the recipe, in each program: nothing leaves before it is counted, nothing
 * is counted twice, the others stay up, and the retry gets the license.
 */
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "support/run.h"
#include "support/sizes.h"

#define GOVERNED_UNITS 50 /* fewer than the devices that ask for one */

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 100000, GOVERNED_UNITS);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- at each labelled step ---- */

/* Where each program can be cut off, and whether the charge is durable by then. */
static const struct step {
    enum rig_program program;
    const char *label;
    bool is_charged;
} STEPS[] = {
    {RIG_API, "api.before-vault", false},         {RIG_API, "api.before-answer", true},
    {RIG_VAULT, "vault.before-wrap", false},      {RIG_VAULT, "vault.after-wrap", false},
    {RIG_VAULT, "ledger.before-commit:4", false}, {RIG_VAULT, "ledger.after-commit:4", true},
    {RIG_VAULT, "vault.before-reply", true},      {RIG_HSM, "hsm-master.before-reply", false},
};

static void restart_with_crash(enum rig_program program, const char *label)
{
    rig_kill(&rig, program, SIGTERM);
    rig_start(&rig, program, label);
    rig_wait_ready(&rig);
}

static void others_are_running(enum rig_program crashed)
{
    for (int i = 0; i < RIG_PROGRAMS; i++) {
        if (i != (int)crashed)
            ck_assert_msg(rig_is_running(&rig, (enum rig_program)i), "program %d died too", i);
    }
}

static int64_t charges(void)
{
    return rig_query(&rig, "SELECT count(*) FROM charge");
}

static void cut_off_at(const struct step *step, size_t n)
{
    struct floor_device device;
    struct http_answer cut;
    struct http_answer again;
    char name[32];
    (void)snprintf(name, sizeof name, "device-%zu", n);
    floor_device_make(&rig, name, NULL, &device);
    int64_t before = charges();
    restart_with_crash(step->program, step->label);
    http_license(&rig, device.pem, NULL, &cut);
    ck_assert_msg(cut.status == 0 || cut.status == 503, "%s: status %ld", step->label, cut.status);
    rig_wait_for_death(&rig, step->program);
    others_are_running(step->program);
    ck_assert_msg(charges() == before + step->is_charged, "%s", step->label);
    rig_start(&rig, step->program, NULL);
    rig_wait_ready(&rig);
    http_license(&rig, device.pem, NULL, &again);
    ck_assert_msg(again.status == (step->is_charged ? 200 : 201), "%s: status %ld", step->label,
                  again.status);
    ck_assert_int_eq(charges(), before + 1);
    ck_assert_int_eq(floor_opens(&rig, http_text(&again, "license"), name), 1);
    http_answer_clear(&cut);
    http_answer_clear(&again);
}

START_TEST(killed_at_each_step_of_the_recipe_no_program_loses_or_doubles_a_charge)
{
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
        cut_off_at(&STEPS[i], i);
}
END_TEST

/* A worker's death is not even seen by the station: the master asks another one. */
static void lose_worker_at(const char *label, size_t n)
{
    struct floor_device device;
    struct http_answer answer;
    char name[32];
    (void)snprintf(name, sizeof name, "worker-%zu", n);
    floor_device_make(&rig, name, NULL, &device);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, label);
    rig_wait_ready(&rig);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_msg(answer.status == 201, "%s: status %ld", label, answer.status);
    ck_assert_msg(rig_shell(&rig, "test -e $DIR/crashed") == 0, "%s was not reached", label);
    others_are_running(RIG_PROGRAMS);
    http_answer_clear(&answer);
}

START_TEST(killed_worker_costs_no_request_and_no_charge)
{
    lose_worker_at("hsm-worker.before-wrap", 0);
    lose_worker_at("hsm-worker.after-wrap", 1);
    ck_assert_int_eq(charges(), 2);
}
END_TEST

/* ---- at random moments under load ---- */

#define LOAD_THREADS 4
#define LOAD_DEVICES 40

/* What a station holds in its hands: acknowledged licenses must never change or vanish. */
struct station {
    pthread_t thread;
    const char *product;
    size_t first;
    struct http_answer held[LOAD_DEVICES];
};

static struct floor_device load_devices[LOAD_THREADS * LOAD_DEVICES];
static atomic_bool is_load_over;

static void ask_once(struct station *station, size_t i)
{
    struct http_answer answer;
    http_license_of(&rig, station->product, load_devices[station->first + i].pem, NULL, &answer);
    bool is_license = answer.status == 200 || answer.status == 201;
    bool is_spent = answer.status == 409 && strcmp(http_problem(&answer), "quota-spent") == 0;
    ck_assert_msg(is_license || answer.status == 0 || answer.status == 503 ||
                      (is_spent && strcmp(station->product, "rig-governed") == 0),
                  "status %ld: %s", answer.status, answer.body);
    if (is_license && station->held[i].status == 0) {
        station->held[i] = answer;
        return;
    }
    if (is_license) {
        ck_assert_str_eq(http_text(&answer, "license"), http_text(&station->held[i], "license"));
        ck_assert_int_eq(http_number(&answer, "charged"), 0);
    }
    http_answer_clear(&answer);
}

static void *keep_asking(void *argument)
{
    struct station *station = argument;
    for (size_t i = 0; !atomic_load(&is_load_over); i = (i + 1) % LOAD_DEVICES)
        ask_once(station, i);
    return NULL;
}

static void kill_and_restart_at_random(size_t cuts)
{
    for (size_t i = 0; i < cuts; i++) {
        enum rig_program victim = (enum rig_program)(random() % RIG_PROGRAMS);
        (void)usleep((useconds_t)(random() % 300) * 1000);
        rig_kill(&rig, victim, SIGKILL);
        rig_start(&rig, victim, NULL);
    }
    rig_wait_ready(&rig);
}

/* How many devices hold a license after all have asked once more. */
static int64_t count_held(struct station *station)
{
    int64_t held = 0;
    for (size_t i = 0; i < LOAD_DEVICES; i++) {
        ask_once(station, i);
        held += station->held[i].status != 0;
        http_answer_clear(&station->held[i]);
    }
    return held;
}

static int64_t charges_of(const char *product)
{
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM charge c JOIN product p ON p.id = c.product_id "
                   "WHERE p.name = '%s'",
                   product);
    return rig_query(&rig, query);
}

START_TEST(killed_at_random_moments_under_load_no_acknowledged_license_is_lost)
{
    static struct station stations[LOAD_THREADS];
    size_t cuts = test_size("random kills under load", 15, 200);
    srandom((unsigned)getpid());
    floor_devices_make(&rig, "load", LOAD_THREADS * LOAD_DEVICES, load_devices);
    for (size_t i = 0; i < LOAD_THREADS; i++) {
        stations[i].product = i % 2 == 0 ? "rig-gateway" : "rig-governed";
        stations[i].first = i * LOAD_DEVICES;
        ck_assert_int_eq(pthread_create(&stations[i].thread, NULL, keep_asking, &stations[i]), 0);
    }
    kill_and_restart_at_random(cuts);
    atomic_store(&is_load_over, true);
    for (size_t i = 0; i < LOAD_THREADS; i++)
        ck_assert_int_eq(pthread_join(stations[i].thread, NULL), 0);
    ck_assert_int_eq(count_held(&stations[0]) + count_held(&stations[2]), 2 * LOAD_DEVICES);
    ck_assert_int_eq(count_held(&stations[1]) + count_held(&stations[3]), GOVERNED_UNITS);
    ck_assert_int_eq(charges_of("rig-gateway"), 2 * LOAD_DEVICES);
    ck_assert_int_eq(charges_of("rig-governed"), GOVERNED_UNITS);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        killed_at_each_step_of_the_recipe_no_program_loses_or_doubles_a_charge,
        killed_worker_costs_no_request_and_no_charge,
        killed_at_random_moments_under_load_no_acknowledged_license_is_lost,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "crash, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 1200,
                                        .tests = tests});
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An HSM that hangs, fails, crashes, goes away and returns while a factory works (steady.h judges
 * every answer): what one worker meets, no station sees; what all meet is said by name, and ends by
 * itself. How long that took is printed, from the moment at which the HSM is well again.
 */
#include <stdio.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "core/clock.h"
#include "e2e/faulty.h"
#include "support/run.h"
#include "support/sizes.h"

#define RULES         2
#define WORKERS       2                      /* of a configuration that says nothing else */
#define STALE         CKR_KEY_HANDLE_INVALID /* the same worker looks for its keys again */
#define REFUSALS      50                     /* the least of an outage */
#define BREAKER_TRIES 10
#define UNAVAILABLE   "hsm-unavailable"
#define START_LATE    "worker-start-hung"

static struct faulty faulty;

static void set_up(void)
{
    faulty_set_up(&faulty);
}

static void tear_down(void)
{
    faulty_tear_down(&faulty);
}

/* ---- one worker ---- */

static const struct {
    const char *name;
    enum hsm_fault_action action;
    uint32_t value;
} WAYS[] = {
    {"hangs", HSM_FAULT_HANG, 0},
    {"crashes", HSM_FAULT_CRASH, 0},
    {"CKR_SESSION_HANDLE_INVALID", HSM_FAULT_RETURN, CKR_SESSION_HANDLE_INVALID},
    {"CKR_KEY_HANDLE_INVALID", HSM_FAULT_RETURN, STALE},
    {"CKR_DEVICE_ERROR", HSM_FAULT_RETURN, CKR_DEVICE_ERROR},
    {"CKR_DEVICE_REMOVED", HSM_FAULT_RETURN, CKR_DEVICE_REMOVED},
    {"CKR_DEVICE_MEMORY", HSM_FAULT_RETURN, CKR_DEVICE_MEMORY},
    {"CKR_SESSION_COUNT", HSM_FAULT_RETURN, CKR_SESSION_COUNT},
    {"does it and says CKR_DEVICE_ERROR", HSM_FAULT_LATE_RETURN, CKR_DEVICE_ERROR},
};
#define WAYS_COUNT (sizeof WAYS / sizeof WAYS[0])

static const char *const HOT_CALLS[] = {"C_WrapKey", "C_CreateObject", "C_DestroyObject"};
#define HOT_CALLS_COUNT (sizeof HOT_CALLS / sizeof HOT_CALLS[0])

/* Whether it costs the worker: a stale handle does not, nor an object that is not destroyed. */
static bool is_loss(const char *function, size_t way)
{
    bool is_refusal =
        WAYS[way].action == HSM_FAULT_RETURN || WAYS[way].action == HSM_FAULT_LATE_RETURN;
    return !is_refusal || (WAYS[way].value != STALE && strcmp(function, "C_DestroyObject") != 0);
}

static void meet_once(const char *function, size_t way)
{
    const struct steady_view *view = steady_view(faulty.steady);
    unsigned long restarts = view->restarts + (is_loss(function, way) ? 1 : 0);
    hsm_faults_clear(faulty.faults);
    faulty_add(&faulty, function, WAYS[way].action, WAYS[way].value, 1);
    FAULTY_DRIVE_WHILE(&faulty, hsm_faults_done(faulty.faults) == 0 || view->restarts < restarts);
    faulty_await_workers(&faulty, WORKERS);
    ck_assert_uint_eq(view->restarts, restarts);
}

START_TEST(what_one_worker_meets_no_station_sees)
{
    size_t calls = test_size("functions that misbehave once", 1, HOT_CALLS_COUNT);
    faulty_begin(&faulty, "workers = 2");
    for (size_t call = 0; call < calls; call++) {
        /* The anchor is written by the others, too: new licenses wait for it, 5 s at most. */
        steady_expect(faulty.steady, call == 0 ? "" : UNAVAILABLE);
        for (size_t way = 0; way < WAYS_COUNT; way++)
            meet_once(HOT_CALLS[call], way);
    }
    steady_end(faulty.steady);
}
END_TEST

/* ---- what is told to whoever asked ---- */

static const struct {
    uint32_t value;
    long status;
    const char *problem;
} ANSWERS[] = {
    {CKR_MECHANISM_INVALID, 501, "unsupported"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, 501, "unsupported"},
    {CKR_DATA_INVALID, 500, "internal"}, /* never the station's fault: its request was good */
    {CKR_WRAPPED_KEY_INVALID, 500, "internal"},
    {CKR_PIN_EXPIRED, 503, "hsm-pin-refused"},
};

START_TEST(what_no_worker_can_mend_is_told_and_costs_nothing)
{
    struct floor_device device;
    struct http_answer answer;
    faulty_configure(&faulty, MODULE_FAULTS, "");
    rig_start(&faulty.rig, RIG_HSM, NULL);
    rig_wait_ready(&faulty.rig);
    floor_device_make(&faulty.rig, "one", NULL, &device);
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        faulty_add(&faulty, "C_WrapKey", HSM_FAULT_RETURN, ANSWERS[i].value, 1);
        http_license(&faulty.rig, device.pem, NULL, &answer);
        ck_assert_msg(answer.status == ANSWERS[i].status, "%s", answer.body);
        ck_assert_str_eq(http_problem(&answer), ANSWERS[i].problem);
        ck_assert_int_eq(http_number(&answer, "native"), ANSWERS[i].value);
        ck_assert_ptr_nonnull(strstr(http_text(&answer, "detail"), "all the operator"));
        http_answer_clear(&answer);
        hsm_faults_clear(faulty.faults);
    }
    ck_assert_int_eq(rig_query(&faulty.rig, "SELECT count(*) FROM charge"), 0);
    http_license(&faulty.rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}
END_TEST

/* ---- calls that hang ---- */

/* Three of four calls under way never return: until the first of them is given up, and that takes
 * call_timeout_ms, the fourth worker licenses for all. */
START_TEST(calls_that_hang_hold_up_nobody_else)
{
    faulty_begin(&faulty, "workers = 4\\ncall_timeout_ms = 3000");
    const struct steady_view *view = steady_view(faulty.steady);
    steady_expect(faulty.steady, "");
    faulty_add(&faulty, "C_WrapKey", HSM_FAULT_HANG, 0, 3);
    FAULTY_DRIVE_WHILE(&faulty, hsm_faults_done(faulty.faults) < 3);
    size_t issued = view->issued;
    FAULTY_DRIVE_WHILE(&faulty, faulty_count_lines(&faulty, "worker-hung") == 0);
    (void)printf("licenses beside three calls that hang: %zu\n", view->issued - issued);
    ck_assert_uint_gt(view->issued, issued + 20);
    FAULTY_DRIVE_WHILE(&faulty, view->restarts < 3);
    faulty_await_workers(&faulty, 4);
    steady_end(faulty.steady);
}
END_TEST

/* A start that never ends holds the token's lock, which the anchor needs: the workers that serve
 * are held up by neither for longer than they stand it. */
START_TEST(a_start_that_stands_still_holds_up_nobody_else)
{
    faulty_begin(&faulty, "workers = 2");
    const struct steady_view *view = steady_view(faulty.steady);
    steady_expect(faulty.steady, "");
    faulty_add(&faulty, "C_Initialize", HSM_FAULT_STUCK, 0, 1);
    faulty_add(&faulty, "C_WrapKey", HSM_FAULT_RETURN, CKR_DEVICE_REMOVED, 1);
    FAULTY_DRIVE_WHILE(&faulty, faulty_count_lines(&faulty, "hsm-worker-stuck") == 0);
    faulty_await_workers(&faulty, 2);
    ck_assert_uint_eq(view->restarts, 1);
    ck_assert_uint_eq(faulty_count_lines(&faulty, START_LATE), 0);
    steady_end(faulty.steady);
}
END_TEST

/* ---- all workers ---- */

struct outage {
    const char *name;
    struct {
        const char *function; /* NULL: no rule */
        enum hsm_fault_action action;
        uint32_t value;
    } rules[RULES];
    enum hsm_token_state token;
    const char *word; /* what /readyz says while it lasts */
};

/* So that workers start anew, into what waits there. */
#define LOSE_WORKERS                                      \
    {                                                     \
        "C_WrapKey", HSM_FAULT_RETURN, CKR_DEVICE_REMOVED \
    }
/* clang-format off */
static const struct outage OUTAGES[] = {
    {"a token that is away", {{NULL, 0, 0}}, HSM_TOKEN_GONE, "token-not-found"},
    {"another token", {{NULL, 0, 0}}, HSM_TOKEN_OTHER, "token-other"},
    {"C_WrapKey hangs", {{"C_WrapKey", HSM_FAULT_HANG, 0}}, 0, "worker-starting"},
    {"all CKR_DEVICE_ERROR", {{"", HSM_FAULT_RETURN, CKR_DEVICE_ERROR}}, 0, "token-lost"},
    {"C_Login CKR_DEVICE_ERROR", {LOSE_WORKERS, {"C_Login", HSM_FAULT_RETURN, CKR_DEVICE_ERROR}}, 0,
     "token-lost"},
    {"C_Initialize fails", {LOSE_WORKERS, {"C_Initialize", HSM_FAULT_RETURN, CKR_GENERAL_ERROR}}, 0,
     "module-not-loadable"},
    {"C_Initialize never ends", {LOSE_WORKERS, {"C_Initialize", HSM_FAULT_STUCK, 0}}, 0,
     "worker-starting"},
    {"C_OpenSession never ends", {LOSE_WORKERS, {"C_OpenSession", HSM_FAULT_STUCK, 0}}, 0,
     "worker-starting"},
    {"C_FindObjects never ends", {LOSE_WORKERS, {"C_FindObjects", HSM_FAULT_STUCK, 0}}, 0,
     "worker-starting"},
    /* From here on with --long. */
    {"C_WrapKey crashes", {{"C_WrapKey", HSM_FAULT_CRASH, 0}}, 0, "worker-start-crashed"},
    {"all hang", {{"", HSM_FAULT_HANG, 0}}, 0, "worker-starting"},
    {"C_GenerateKey never ends", {LOSE_WORKERS, {"C_GenerateKey", HSM_FAULT_STUCK, 0}}, 0,
     "worker-starting"},
    {"all never end", {{"", HSM_FAULT_STUCK, 0}}, 0, "worker-starting"},
    {"C_Initialize hangs", {LOSE_WORKERS, {"C_Initialize", HSM_FAULT_HANG, 0}}, 0,
     "worker-starting"},
    {"C_Login hangs", {LOSE_WORKERS, {"C_Login", HSM_FAULT_HANG, 0}}, 0, "worker-starting"},
    {"C_GetSlotList fails", {LOSE_WORKERS, {"C_GetSlotList", HSM_FAULT_RETURN, CKR_DEVICE_ERROR}}, 0,
     "slots-unreadable"},
    {"all CKR_DEVICE_REMOVED", {{"", HSM_FAULT_RETURN, CKR_DEVICE_REMOVED}}, 0, "token-lost"},
    {"all CKR_SESSION_HANDLE_INVALID", {{"", HSM_FAULT_RETURN, CKR_SESSION_HANDLE_INVALID}}, 0,
     "token-lost"},
    {"all CKR_KEY_HANDLE_INVALID", {{"", HSM_FAULT_RETURN, CKR_KEY_HANDLE_INVALID}}, 0,
     "key-handle-stale"},
    {"all CKR_DEVICE_MEMORY", {{"", HSM_FAULT_RETURN, CKR_DEVICE_MEMORY}}, 0, "token-full"},
    {"all CKR_SESSION_COUNT", {{"", HSM_FAULT_RETURN, CKR_SESSION_COUNT}}, 0, "token-full"},
    {"C_Login CKR_FUNCTION_FAILED",
     {LOSE_WORKERS, {"C_Login", HSM_FAULT_RETURN, CKR_FUNCTION_FAILED}}, 0, "token-lost"},
    {"C_Login CKR_SESSION_COUNT", {LOSE_WORKERS, {"C_Login", HSM_FAULT_RETURN, CKR_SESSION_COUNT}},
     0, "token-full"},
};
/* clang-format on */
#define OUTAGES_COUNT (sizeof OUTAGES / sizeof OUTAGES[0])

/* Until the counts in view are those of now. */
static void await_scrape(void)
{
    size_t scrapes = steady_view(faulty.steady)->scrapes;
    FAULTY_DRIVE_WHILE(&faulty, steady_view(faulty.steady)->scrapes < scrapes + 2);
}

static void begin_outage(const struct outage *outage)
{
    hsm_faults_clear(faulty.faults);
    for (size_t i = 0; i < RULES && outage->rules[i].function != NULL; i++)
        faulty_add(&faulty, outage->rules[i].function, outage->rules[i].action,
                   outage->rules[i].value, HSM_FAULTS_ALWAYS);
    if (outage->token != HSM_TOKEN_PRESENT)
        hsm_faults_set_token(faulty.faults, outage->token);
}

/* Whether so many were refused, and stored licenses served, while the HSM was not asked once. */
static bool is_left_alone(void)
{
    const struct steady_view *view = steady_view(faulty.steady);
    await_scrape();
    unsigned long calls = view->calls;
    size_t refused = view->refused;
    size_t repeats = view->repeats;
    FAULTY_DRIVE_WHILE(&faulty, view->refused < refused + REFUSALS || view->repeats == repeats);
    await_scrape();
    return view->calls == calls;
}

/* Nobody waits for the HSM; questions that were under way when it went end first. */
static void check_breaker(void)
{
    const struct steady_view *view = steady_view(faulty.steady);
    size_t issued = view->issued;
    unsigned tries = 1;
    while (!is_left_alone())
        ck_assert_msg(tries++ < BREAKER_TRIES, "the HSM that is away is asked again and again");
    ck_assert_uint_eq(view->issued, issued);
    ck_assert_uint_eq(view->idle + view->busy, 0);
    ck_assert_uint_eq(view->starting, WORKERS);
}

static void live_through(const struct outage *outage)
{
    begin_outage(outage);
    steady_await_word(faulty.steady, outage->word);
    /* The word may be that of the first to go. */
    FAULTY_DRIVE_WHILE(&faulty, steady_view(faulty.steady)->starting < WORKERS);
    check_breaker();
    steady_await_word(faulty.steady, outage->word);
    ck_assert_str_ne(steady_view(faulty.steady)->detail, "");
    unsigned late = faulty_count_lines(&faulty, START_LATE);
    int64_t back = clock_monotonic_ms();
    hsm_faults_clear(faulty.faults);
    steady_await_issued(faulty.steady, 1);
    int64_t took = clock_monotonic_ms() - back;
    /* What stood still when the HSM was well again was not waited for. */
    ck_assert_uint_eq(faulty_count_lines(&faulty, START_LATE), late);
    steady_await_word(faulty.steady, "ok");
    faulty_await_workers(&faulty, WORKERS);
    (void)printf("recovery: %-34s first license after %5lld ms, all well after %5lld ms\n",
                 outage->name, (long long)took, (long long)(clock_monotonic_ms() - back));
}

START_TEST(an_outage_is_said_by_name_and_ends_by_itself)
{
    size_t outages = test_size("outages", 9, OUTAGES_COUNT);
    faulty_begin(&faulty, "call_timeout_ms = 300");
    steady_expect(faulty.steady, UNAVAILABLE " busy"); /* the end of a batch that was late */
    for (size_t i = 0; i < outages; i++)
        live_through(&OUTAGES[i]);
    steady_end(faulty.steady);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_one_worker_meets_no_station_sees,
        what_no_worker_can_mend_is_told_and_costs_nothing,
        calls_that_hang_hold_up_nobody_else,
        a_start_that_stands_still_holds_up_nobody_else,
        an_outage_is_said_by_name_and_ends_by_itself,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "an HSM that fails, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}

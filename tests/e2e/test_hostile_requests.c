/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Thousands of hostile requests on every route with the certificate of every role, and with none:
 * afterwards the same three programs run, more of the same costs them no memory, nobody saw an
 * error of the server but a documented "not now", and the account is in balance.
 *
 * The seed is printed; PROVISIOND_TEST_SEED=N makes the same requests again.
 */
#include "e2e/floor.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "e2e/hostile_world.h"
#include "e2e/memory.h"
#include "e2e/workload.h"
#include "support/run.h"
#include "support/sizes.h"

#define THREADS            12
#define QUOTA              100
#define DEVICES            200 /* more than the quota: it is spent on the way */
#define STATUSES_MAX       600
#define RECYCLE_AFTER      ((size_t)100) /* calls of a worker */
#define RECYCLE_TIMEOUT_MS 20000
#define LONG_BYTES         60000
#define POLL_US            100000

static struct rig rig;
static struct hostile_site site;
static uint64_t seed;
static size_t end;
static atomic_size_t next;
static atomic_size_t statuses[STATUSES_MAX];

static void choose_seed(void)
{
    const char *wanted = getenv("PROVISIOND_TEST_SEED");
    random_fill(&seed, sizeof seed);
    if (wanted != NULL)
        seed = strtoull(wanted, NULL, 10);
    (void)printf("seed: PROVISIOND_TEST_SEED=%" PRIu64 "\n", seed);
    (void)fflush(stdout);
}

static void set_up(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    memory_set_up();
    rig_up(&rig, QUOTA);
    hostile_site_make(&rig, DEVICES, &site);
    choose_seed();
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    hostile_site_clear(&site);
    rig_down(&rig);
}

/* ---- the attack ---- */

/* What each answer says is held against the contract later (tests/contract/bodies.py); 505 is the
 * HTTP library's. */
static bool is_documented(const struct hostile_answer *answer)
{
    return answer->status < 500 || answer->status == 505 ||
           (answer->status == 503 && answer->has_retry_after);
}

static void judge(size_t n, const struct hostile_identity *identity,
                  const struct hostile_request *request, const struct hostile_answer *answer)
{
    ck_assert_msg(is_documented(answer), "request %zu as %s: %.200s\n%.600s", n, identity->name,
                  answer->head.data, request->bytes.data);
    ck_assert_msg(!request->is_untouched || answer->status != 0,
                  "request %zu as %s has no answer:\n%.600s", n, identity->name,
                  request->bytes.data);
    if (answer->status > 0 && answer->status < STATUSES_MAX)
        (void)atomic_fetch_add(&statuses[answer->status], 1);
}

/* The station may do most, so it is asked for most. */
static const struct hostile_identity *choose_identity(struct dice *dice)
{
    return &site.identities[dice_in_100(dice, 30) ? HOSTILE_STATION
                                                  : dice_roll(dice, HOSTILE_IDENTITIES)];
}

static void *attack(void *unused)
{
    for (size_t n = atomic_fetch_add(&next, 1); n < end; n = atomic_fetch_add(&next, 1)) {
        struct hostile_request request;
        struct hostile_answer answer;
        struct dice dice = dice_of(seed, n);
        const struct hostile_identity *identity = choose_identity(&dice);
        hostile_request_make(&site.world, &dice, &request);
        hostile_send(&rig, identity, &request, &answer);
        judge(n, identity, &request, &answer);
        hostile_answer_clear(&answer);
        hostile_request_clear(&request);
    }
    return unused;
}

static void attack_with(size_t first, size_t last)
{
    pthread_t threads[THREADS];
    atomic_store(&next, first);
    end = last;
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, attack, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- what the HTTP library answers ---- */

#define TO_SELF     "GET /v1/self HTTP/1.1\r\n"
#define TO_LICENSES "POST /v1/licenses HTTP/1.1\r\nHost: x\r\n"

/* One for each row of docs/problems.md; LONG stands for more than api.header_max_bytes. */
static const struct {
    const char *before;
    bool is_long;
    const char *after;
    long status;
} LIBRARY_ANSWERS[] = {
    {"GET /v1/self HTTP/x.1\r\nHost: x\r\n\r\n", false, "", 400},
    {TO_SELF "\r\n", false, "", 400},
    {TO_SELF "Host: x\r\nno colon\r\n\r\n", false, "", 400},
    {TO_LICENSES "Content-Length: x\r\n\r\n", false, "", 400},
    {TO_LICENSES "Transfer-Encoding: chunked\r\n\r\nx\r\n", false, "", 400},
    {TO_LICENSES "Content-Length: 99999999999999999999\r\n\r\n", false, "", 413},
    {TO_LICENSES "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", false, "", 413},
    {"GET /", true, " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
    {TO_SELF "Host: x\r\nX: ", true, "\r\n\r\n", 431},
    {"GET /v1/self HTTP/0.9\r\nHost: x\r\n\r\n", false, "", 505},
    {"GET /v1/self HTTP/2.0\r\nHost: x\r\n\r\n", false, "", 505},
};

static void expect_library_answer(size_t i)
{
    struct hostile_answer answer;
    struct hostile_request request = {.way = HOSTILE_WHOLE, .is_untouched = true};
    text_print(&request.bytes, "%s", LIBRARY_ANSWERS[i].before);
    if (LIBRARY_ANSWERS[i].is_long)
        text_fill(&request.bytes, 'x', LONG_BYTES);
    text_print(&request.bytes, "%s", LIBRARY_ANSWERS[i].after);
    hostile_send(&rig, &site.identities[HOSTILE_STATION], &request, &answer);
    ck_assert_msg(answer.status == LIBRARY_ANSWERS[i].status, "request %zu: status %ld", i,
                  answer.status);
    ck_assert_ptr_null(strcasestr(answer.head.data, "X-Request-Id"));
    ck_assert_ptr_null(strcasestr(answer.head.data, "Content-Type"));
    ck_assert_ptr_nonnull(strcasestr(answer.head.data, "\r\nConnection: close\r\n"));
    hostile_answer_clear(&answer);
    hostile_request_clear(&request);
}

static void expect_library_answers(void)
{
    for (size_t i = 0; i < sizeof LIBRARY_ANSWERS / sizeof LIBRARY_ANSWERS[0]; i++)
        expect_library_answer(i);
}

/* ---- what is left of it ---- */

static void print_statuses(void)
{
    for (int i = 0; i < STATUSES_MAX; i++) {
        if (statuses[i] > 0)
            (void)printf("answers %d: %zu\n", i, (size_t)statuses[i]);
    }
}

static void expect_service(void)
{
    struct http_answer answer;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ck_assert_msg(rig_is_running(&rig, (enum rig_program)i), "program %d died", i);
    rig_wait_ready(&rig);
    http_send(&rig,
              &(struct http_request){
                  .method = "POST", .path = "/v1/licenses", .body = site.devices.bodies[0]},
              &answer);
    ck_assert_msg(answer.status == 200 || answer.status == 409, "status %ld", answer.status);
    http_answer_clear(&answer);
}

/* ---- what it costs ---- */

static size_t round_attacks;
static size_t round_licenses;

/* The same attacks each time, and as many new devices. */
static void ask_round(size_t round)
{
    char prefix[32];
    (void)snprintf(prefix, sizeof prefix, "round-%zu", round);
    attack_with(0, round_attacks);
    workload_license(&rig, prefix, round_licenses);
}

static void expect_flat_memory(void)
{
    round_attacks = test_size("hostile requests of each round", 60, 600);
    round_licenses = test_size("licenses of each round", 1000, 5000);
    memory_expect_flat(&rig, round_licenses, ask_round);
}

static void restart_hsm(void)
{
    ck_assert_int_eq(rig_shell(&rig, "sed -i 's/^\\[hsm\\]/&\\nrecycle_after = %zu/' $RIG_CONFIG",
                               RECYCLE_AFTER),
                     0);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
}

/* A worker that is replaced gives back what SoftHSM never does. */
static void expect_recycled_memory(void)
{
    struct memory fresh;
    struct memory now;
    deadline_ms deadline = deadline_in(RECYCLE_TIMEOUT_MS);
    restart_hsm();
    workload_license(&rig, "fresh", RECYCLE_AFTER);
    memory_read(&rig, &fresh);
    workload_license(&rig, "recycled", 10 * RECYCLE_AFTER);
    memory_read(&rig, &now);
    while (memory_is_grown(&fresh, &now, MEMORY_WORKERS, 2 * RECYCLE_AFTER)) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "what the workers leaked stays");
        (void)usleep(POLL_US);
        memory_read(&rig, &now);
    }
}

START_TEST(hostile_requests_leave_the_service_and_the_account_as_they_were)
{
    expect_library_answers();
    attack_with(0, test_size("hostile requests", 1500, 10000));
    print_statuses();
    expect_service();
    ck_assert_uint_gt(statuses[200], 0); /* else nobody came through the door at all */
    ck_assert_uint_gt(statuses[201], 0);
    ck_assert_uint_gt(statuses[400], 0);
    ck_assert_uint_gt(statuses[401], 0);
    ck_assert_uint_gt(statuses[403], 0);
    if (memory_is_measurable()) {
        expect_flat_memory();
        expect_recycled_memory();
        expect_service();
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        hostile_requests_leave_the_service_and_the_account_as_they_were,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "hostile requests, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 1800,
                                        .tests = tests});
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Thousands of hostile requests on every route with the certificate of every role, and with none:
 * afterwards the same three programs run, they hold no more memory than half-way, nobody saw an
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

#include "bench/meter.h"
#include "bench/stations.h"
#include "core/bytes.h"
#include "e2e/hostile_wire.h"
#include "support/run.h"
#include "support/sizes.h"

#define THREADS      12
#define QUOTA        100
#define DEVICES      200 /* more than the quota: it is spent on the way */
#define IDENTITIES   9
#define SETTLE_US    1500000
#define MIB          ((int64_t)1024 * 1024)
#define STATUSES_MAX 600

/*
 * What the second half may add to a program's memory: what malloc and the caches of SQLite's
 * readers round up. In the full run less than a KiB for each request. A sanitizer rounds up more,
 * and tells of leaks itself when a program stops.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GROWTH_MAX_BYTES (32 * MIB)
#endif
#endif
#ifndef GROWTH_MAX_BYTES
#define GROWTH_MAX_BYTES (3 * MIB)
#endif

static struct rig rig;
static struct hostile_world world;
static struct hostile_identity identities[IDENTITIES];
static struct devices devices;
static uint64_t seed;
static size_t end;
static atomic_size_t next;
static atomic_size_t statuses[STATUSES_MAX];

/* ---- who asks ---- */

static void add_role(size_t i, const char *name, const char *variable)
{
    char wanted[64];
    identities[i].name = name;
    (void)snprintf(wanted, sizeof wanted, "RIG_%s_CERT", variable);
    rig_value(&rig, wanted, identities[i].cert);
    (void)snprintf(wanted, sizeof wanted, "RIG_%s_KEY", variable);
    rig_value(&rig, wanted, identities[i].key);
}

static void add_client(size_t i, const char *name, const struct pki *ca)
{
    struct hostile_identity *identity = &identities[i];
    struct pki *client = pki_client(ca, name);
    identity->name = name;
    (void)snprintf(identity->cert, sizeof identity->cert, "%s/tls/%s.pem", rig.dir, name);
    (void)snprintf(identity->key, sizeof identity->key, "%s/tls/%s.key", rig.dir, name);
    pki_write_certificate(client, identity->cert);
    pki_write_key(client, identity->key);
    pki_free(client);
}

static void make_identities(void)
{
    char cert[RIG_VALUE_MAX];
    char key[RIG_VALUE_MAX];
    (void)snprintf(cert, sizeof cert, "%s/tls/ca.pem", rig.dir);
    (void)snprintf(key, sizeof key, "%s/tls/ca.key", rig.dir);
    struct pki *ca = pki_load(cert, key);
    struct pki *stranger = pki_root("Somebody else's CA");
    add_role(0, "station", "STATION");
    add_role(1, "operator", "OPERATOR");
    add_role(2, "auditor", "AUDITOR");
    add_role(3, "administrator", "ADMIN");
    add_role(4, "metrics", "METRICS");
    add_client(5, "unknown", ca);
    add_client(6, "disabled", ca);
    add_client(7, "stranger", stranger);
    identities[8].name = "nobody";
    pki_free(ca);
    pki_free(stranger);
    ck_assert_int_eq(rig_shell(&rig, "$BIN/provctl --config $RIG_CONFIG station add disabled "
                                     "--certificate $DIR/tls/disabled.pem >/dev/null && "
                                     "$BIN/provctl --config $RIG_CONFIG station disable disabled "
                                     ">/dev/null"),
                     0);
}

/* ---- what they ask ---- */

static void add_value(const char *name, const char *value)
{
    size_t i = 0;
    while (world.values[i].name != NULL)
        i++;
    ck_assert_uint_lt(i + 1, HOSTILE_VALUES_MAX);
    world.values[i].name = name;
    (void)snprintf(world.values[i].value, sizeof world.values[i].value, "%s", value);
}

static void make_world(void)
{
    struct http_answer answer;
    char source[RIG_VALUE_MAX];
    (void)snprintf(source, sizeof source, "%s/api/openapi.yaml", PROVISIOND_SOURCE_DIR);
    world.route_count = hostile_routes_read(source, world.routes);
    devices_make(&rig, "hostile", DEVICES, &devices);
    world.devices = &devices;
    http_send(
        &rig,
        &(struct http_request){.method = "POST", .path = "/v1/licenses", .body = devices.bodies[0]},
        &answer);
    ck_assert_int_eq(answer.status, 201);
    add_value("{license_id}", http_text(&answer, "license_id"));
    add_value("{install_id}", http_text(&answer, "install_id"));
    add_value("{product}", rig.product);
    add_value("{digest}", rig.image);
    add_value("{FwId}", rig.st_fwid);
    add_value("{tile}", "0/000.p/1");
    add_value("{station}", "station-1");
    add_value("{grant_id}", "01900000-0000-7000-8000-000000000000");
    add_value("{problem}", "quota-spent");
    http_answer_clear(&answer);
}

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
    /*
     * What was freed and is kept is no growth: a sanitizer keeps it for a while, and malloc in an
     * arena for each thread, each of which grows to the largest need that it met.
     */
    ck_assert_int_eq(setenv("ASAN_OPTIONS", "quarantine_size_mb=1", 0), 0);
    ck_assert_int_eq(setenv("MALLOC_ARENA_MAX", "1", 1), 0);
    rig_up(&rig, QUOTA);
    make_identities();
    make_world();
    choose_seed();
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    devices_clear(&devices);
    rig_down(&rig);
}

/* ---- the attack ---- */

/* 505 is HTTP's own word for a version that nobody speaks here. */
static bool is_documented(const struct hostile_answer *answer)
{
    return answer->status < 500 || answer->status == 505 ||
           (answer->status == 503 && answer->has_retry_after);
}

static void judge(size_t n, const struct hostile_identity *identity,
                  const struct hostile_request *request, const struct hostile_answer *answer)
{
    ck_assert_msg(is_documented(answer), "request %zu as %s: %.200s\n%.600s", n, identity->name,
                  answer->head, request->bytes.data);
    ck_assert_msg(!request->is_untouched || answer->status != 0,
                  "request %zu as %s has no answer:\n%.600s", n, identity->name,
                  request->bytes.data);
    if (answer->status > 0 && answer->status < STATUSES_MAX)
        (void)atomic_fetch_add(&statuses[answer->status], 1);
}

/* The station may do most, so it is asked for most. */
static const struct hostile_identity *choose_identity(struct dice *dice)
{
    return &identities[dice_in_100(dice, 30) ? 0 : dice_roll(dice, IDENTITIES)];
}

static void *attack(void *unused)
{
    for (size_t n = atomic_fetch_add(&next, 1); n < end; n = atomic_fetch_add(&next, 1)) {
        struct hostile_request request;
        struct hostile_answer answer;
        struct dice dice = dice_of(seed, n);
        const struct hostile_identity *identity = choose_identity(&dice);
        hostile_request_make(&world, &dice, &request);
        hostile_send(&rig, identity, &request, &answer);
        judge(n, identity, &request, &answer);
        hostile_request_clear(&request);
    }
    return unused;
}

static void attack_until(size_t last)
{
    pthread_t threads[THREADS];
    end = last;
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, attack, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&next, last); /* the threads have counted beyond it */
    (void)usleep(SETTLE_US);
}

/* ---- what is left of it ---- */

static void read_memory(int64_t memory[RIG_PROGRAMS])
{
    for (int i = 0; i < RIG_PROGRAMS; i++)
        memory[i] = meter_rss_bytes(&rig, (enum rig_program)i);
}

static void expect_flat_memory(const int64_t before[RIG_PROGRAMS],
                               const int64_t after[RIG_PROGRAMS])
{
    static const char *const names[RIG_PROGRAMS] = {"provision-hsm", "provision-vault",
                                                    "provisiond"};
    for (int i = 0; i < RIG_PROGRAMS; i++)
        (void)printf("memory of %s: %" PRId64 " KiB half-way, %" PRId64 " KiB at the end\n",
                     names[i], before[i] / 1024, after[i] / 1024);
    (void)fflush(stdout);
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ck_assert_msg(after[i] <= before[i] + GROWTH_MAX_BYTES, "%s grew by %" PRId64 " KiB",
                      names[i], (after[i] - before[i]) / 1024);
}

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
    http_send(
        &rig,
        &(struct http_request){.method = "POST", .path = "/v1/licenses", .body = devices.bodies[0]},
        &answer);
    ck_assert_msg(answer.status == 200 || answer.status == 409, "status %ld", answer.status);
    http_answer_clear(&answer);
}

START_TEST(hostile_requests_leave_the_programs_their_memory_and_the_account_as_they_were)
{
    int64_t half_way[RIG_PROGRAMS];
    int64_t at_the_end[RIG_PROGRAMS];
    size_t count = test_size("hostile requests", 1500, 10000);
    attack_until(count / 2);
    read_memory(half_way);
    attack_until(count);
    read_memory(at_the_end);
    print_statuses();
    expect_service();
    expect_flat_memory(half_way, at_the_end);
    ck_assert_uint_gt(statuses[200], 0); /* else nobody came through the door at all */
    ck_assert_uint_gt(statuses[201], 0);
    ck_assert_uint_gt(statuses[400], 0);
    ck_assert_uint_gt(statuses[401], 0);
    ck_assert_uint_gt(statuses[403], 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        hostile_requests_leave_the_programs_their_memory_and_the_account_as_they_were,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "hostile requests, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 1800,
                                        .tests = tests});
}

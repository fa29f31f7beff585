/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Stopping with requests under way. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "front.h"
#include "suites.h"
#include "wire.h"

#define STOP_CLIENTS 20
#define LOAD_THREADS 4
#define LOAD_ROUNDS  20

static struct answer answer;

static struct calls *start_held(void)
{
    struct calls *calls = calls_start(
        &(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, STOP_CLIENTS);
    while (vault_peer_held(front.vault) < STOP_CLIENTS)
        ck_assert_uint_eq(calls_pump(calls), STOP_CLIENTS);
    return calls;
}

static void stop_api(void)
{
    api_free(front.api);
    front.api = NULL;
}

START_TEST(a_stop_ends_requests_that_the_vault_never_answers_with_a_problem)
{
    struct calls *calls = start_held();
    stop_api();
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 503), STOP_CLIENTS);
    calls_free(calls);
}
END_TEST

static void *release_soon(void *context)
{
    (void)usleep(300 * 1000); /* most likely during the stop; right in either case */
    vault_peer_release(context);
    return NULL;
}

START_TEST(a_stop_lets_requests_under_way_finish)
{
    pthread_t thread;
    struct calls *calls = start_held();
    ck_assert_int_eq(pthread_create(&thread, NULL, release_soon, front.vault), 0);
    stop_api();
    (void)pthread_join(thread, NULL);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 201), STOP_CLIENTS);
    calls_free(calls);
}
END_TEST

static void *stop_in_thread(void *context)
{
    (void)context;
    stop_api();
    return NULL;
}

START_TEST(a_kept_connection_is_refused_and_closed_during_a_stop)
{
    pthread_t thread;
    struct calls *calls = start_held(); /* keeps the stop waiting */
    struct kept *kept = kept_open("/v1/products/widget/usage");
    kept_send(kept, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_in_thread, NULL), 0);
    /* The last good answer may be the one that closes; after it nobody accepts a new connection. */
    while (answer.status == 200 && strcmp(answer_header(&answer, "Connection"), "close") != 0) {
        answer_clear(&answer);
        kept_send(kept, &answer);
    }
    if (answer.status != 200)
        answer_expect_problem(&answer, 503, "vault-unavailable");
    ck_assert_str_eq(answer_header(&answer, "Connection"), "close");
    answer_clear(&answer);
    vault_peer_release(front.vault);
    (void)pthread_join(thread, NULL);
    kept_close(kept);
    calls_free(calls);
}
END_TEST

START_TEST(a_stop_answers_who_has_connected_and_asks_then)
{
    pthread_t thread;
    struct wire *wire = wire_connect_tls();
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_in_thread, NULL), 0);
    (void)usleep(100 * 1000); /* most likely during the stop; right in either case */
    wire_exchange(wire, "GET /livez HTTP/1.1\r\nHost: front\r\n\r\n", "HTTP/1.1 200");
    (void)pthread_join(thread, NULL);
    wire_close(wire);
}
END_TEST

START_TEST(a_stop_with_clients_that_left_ends)
{
    struct calls *calls = start_held();
    calls_free(calls);
    stop_api();
}
END_TEST

/* Asks on a kept connection until it is refused. */
static void *ask_until_refused(void *context)
{
    struct answer own = {0};
    struct kept *kept = context;
    do {
        answer_clear(&own);
        kept_send(kept, &own);
    } while (own.status == 200 && strcmp(answer_header(&own, "Connection"), "close") != 0);
    answer_clear(&own);
    kept_close(kept);
    return NULL;
}

START_TEST(a_stop_under_load_is_clean)
{
    pthread_t threads[LOAD_THREADS];
    for (int i = 0; i < LOAD_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_until_refused, kept_open("/livez")),
                         0);
    (void)usleep(100 * 1000); /* most likely they are under way then; right in either case */
    stop_api();
    for (int i = 0; i < LOAD_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(a_stop_frees_the_port_for_the_next_start)
{
    call_license("widget", &answer);
    answer_clear(&answer);
    (void)snprintf(front.config.api.listen, sizeof front.config.api.listen, "127.0.0.1:%u",
                   (unsigned)api_port(front.api));
    stop_api();
    front_start_api();
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

START_TEST(stop_of_nothing_is_nothing)
{
    api_free(NULL);
}
END_TEST

Suite *stop_suite(void)
{
    Suite *suite = suite_create("api/stop");
    TCase *tcase = tcase_create("stop");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_stop_ends_requests_that_the_vault_never_answers_with_a_problem);
    tcase_add_test(tcase, a_stop_lets_requests_under_way_finish);
    tcase_add_test(tcase, a_kept_connection_is_refused_and_closed_during_a_stop);
    tcase_add_test(tcase, a_stop_answers_who_has_connected_and_asks_then);
    tcase_add_test(tcase, a_stop_with_clients_that_left_ends);
    tcase_add_loop_test(tcase, a_stop_under_load_is_clean, 0, LOAD_ROUNDS);
    tcase_add_test(tcase, a_stop_frees_the_port_for_the_next_start);
    tcase_add_test(tcase, stop_of_nothing_is_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

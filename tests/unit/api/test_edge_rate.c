/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What one caller may ask, over HTTP. */
#include <string.h>

#include "api/penance.h"
#include "call.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "front.h"

#define BURST     10
#define UNDER_WAY 3

static struct answer answer;

static void start(void)
{
    front_configure();
    front.config.api.requests_per_second = 1;
    front.config.api.request_burst = BURST;
    front.config.api.requests_waiting = UNDER_WAY;
    front_start_api();
    front_start_vault();
}

/* Sends the call until it is refused, which a slow machine delays; a burst is served at least. */
static void send_until_refused(const struct call *call, long status)
{
    unsigned served = 0;
    for (;;) {
        unsigned asked = vault_peer_seen(front.vault).count;
        call_send(call, &answer);
        if (answer.status == 429) {
            ck_assert_uint_eq(vault_peer_seen(front.vault).count, asked);
            break;
        }
        ck_assert_int_eq(answer.status, status);
        answer_clear(&answer);
        served++;
    }
    ck_assert_uint_ge(served, BURST);
    answer_expect_problem(&answer, 429, "too-many-requests");
    ck_assert_str_eq(answer_header(&answer, "Retry-After"), "1");
    ck_assert(json_is_true(json_object_get(answer.json, "retryable")));
    answer_clear(&answer);
}

START_TEST(who_asks_too_often_is_told_when_to_come_back_and_others_are_served)
{
    send_until_refused(&(struct call){.path = "/v1/licenses", .body = call_license_body("widget")},
                       201);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz", .client = "rsa"}), 200);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

START_TEST(refusal_waits_so_that_a_connection_gets_few_of_them)
{
    for (int i = 0; i < BURST; i++)
        ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
    int64_t start = clock_monotonic_ms();
    ck_assert_int_eq(call_status(&(struct call){.path = "/nothing"}), 429);
    ck_assert_int_ge(clock_monotonic_ms() - start, PENANCE_MS);
}
END_TEST

START_TEST(stop_lets_those_go_who_wait_for_their_refusal)
{
    for (int i = 0; i < BURST; i++)
        ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
    struct calls *calls = calls_start(&(struct call){.path = "/readyz"}, UNDER_WAY);
    for (deadline_ms end = deadline_in(PENANCE_MS / 2); deadline_left_ms(end) > 0;)
        ck_assert_uint_eq(calls_pump(calls), UNDER_WAY); /* nobody has an answer yet */
    api_free(front.api);
    front.api = NULL;
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 429), UNDER_WAY);
    calls_free(calls);
}
END_TEST

START_TEST(unknown_paths_count_as_well)
{
    send_until_refused(&(struct call){.path = "/nothing"}, 404);
}
END_TEST

static const char *batch_of(size_t count)
{
    static char text[4096];
    strcpy(text, "{\"licenses\":[");
    for (size_t i = 0; i < count; i++) {
        strcat(text, i > 0 ? "," : "");
        strcat(text, call_license_body("widget"));
    }
    strcat(text, "]}");
    return text;
}

START_TEST(a_batch_counts_as_its_licenses)
{
    struct call call = {.path = "/v1/licenses/batch", .body = batch_of(BURST - 1)};
    ck_assert_int_eq(call_status(&call), 200);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
    unsigned asked = vault_peer_seen(front.vault).count;
    call.body = batch_of(3);
    call_send(&call, &answer);
    answer_expect_problem(&answer, 429, "too-many-requests");
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, asked);
}
END_TEST

START_TEST(a_caller_has_so_many_requests_under_way_and_others_are_served)
{
    struct calls *calls = calls_start(
        &(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, UNDER_WAY);
    while (vault_peer_held(front.vault) < UNDER_WAY)
        ck_assert_uint_eq(calls_pump(calls), UNDER_WAY);
    call_license("widget", &answer);
    answer_expect_problem(&answer, 503, "busy");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "of this caller"));
    answer_clear(&answer);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz", .client = "rsa"}), 200);
    vault_peer_release(front.vault);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 201), UNDER_WAY);
    calls_free(calls);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
}
END_TEST

START_TEST(a_client_that_leaves_is_not_under_way_any_more)
{
    for (int round = 0; round < 2; round++) {
        struct calls *calls = calls_start(
            &(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, UNDER_WAY);
        while (vault_peer_held(front.vault) < UNDER_WAY)
            ck_assert_uint_eq(calls_pump(calls), UNDER_WAY);
        calls_free(calls);
        vault_peer_release(front.vault);
        while (call_status(&(struct call){.path = "/nothing", .client = "station"}) == 503)
            continue;
    }
}
END_TEST

Suite *metered_suite(void)
{
    Suite *suite = suite_create("api/metered");
    TCase *tcase = tcase_create("metered");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, who_asks_too_often_is_told_when_to_come_back_and_others_are_served);
    tcase_add_test(tcase, refusal_waits_so_that_a_connection_gets_few_of_them);
    tcase_add_test(tcase, stop_lets_those_go_who_wait_for_their_refusal);
    tcase_add_test(tcase, unknown_paths_count_as_well);
    tcase_add_test(tcase, a_batch_counts_as_its_licenses);
    tcase_add_test(tcase, a_caller_has_so_many_requests_under_way_and_others_are_served);
    tcase_add_test(tcase, a_client_that_leaves_is_not_under_way_any_more);
    suite_add_tcase(suite, tcase);
    return suite;
}

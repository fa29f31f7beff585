/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies of the wrong size or type, deadlines, many clients, clients that leave. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "front.h"
#include "suites.h"

#define MIB                (1024 * 1024)
#define CONCURRENT_CLIENTS 200

static struct answer answer;

/* A body of that many spaces around nothing. */
static void send_large(size_t length, bool is_chunked, const char *header)
{
    char *body = malloc(length);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', length);
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = body,
                             .body_length = length,
                             .is_chunked = is_chunked,
                             .headers = {header}},
              &answer);
    free(body);
}

static void expect_too_large(void)
{
    answer_expect_problem(&answer, 413, "request-too-large");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "98304 bytes"));
    answer_clear(&answer);
}

START_TEST(a_body_that_is_too_large_is_read_to_its_end_and_refused)
{
    send_large(96 * 1024 + 1, false, NULL);
    expect_too_large();
    send_large(96 * 1024 + 1, true, NULL);
    expect_too_large();
    send_large(2 * MIB, false, "Expect:");
    expect_too_large();
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(a_body_of_exactly_the_limit_is_read)
{
    send_large(96 * 1024, false, NULL);
    answer_expect_problem(&answer, 400, "bad-request");
    answer_clear(&answer);
    send_large(96 * 1024, true, NULL);
    answer_expect_problem(&answer, 400, "bad-request");
    answer_clear(&answer);
}
END_TEST

START_TEST(a_client_that_waits_for_100_continue_is_refused_before_it_sends)
{
    send_large(2 * MIB, false, "Expect: 100-continue");
    expect_too_large();
}
END_TEST

START_TEST(a_body_without_end_is_cut_off_and_others_are_served)
{
    send_large(12 * MIB, true, "Expect:");
    ck_assert(answer.status == 0 || answer.status == 413);
    answer_clear(&answer);
    send_large(12 * MIB, false, "Expect:");
    ck_assert(answer.status == 0 || answer.status == 413);
    answer_clear(&answer);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

START_TEST(a_chain_that_is_too_large_is_told_its_place)
{
    static char body[48 * 1024];
    strcpy(body, "{\"product\":\"w\",\"device\":{\"certificate_chain\":\"");
    memset(body + strlen(body), 'A', 32 * 1024 + 1);
    strcat(body, "\"}}");
    call_send(&(struct call){.path = "/v1/licenses", .body = body}, &answer);
    answer_expect_problem(&answer, 413, "request-too-large");
    ck_assert_str_eq(answer_text(&answer, "path"), "$.device.certificate_chain");
    answer_clear(&answer);
}
END_TEST

START_TEST(only_json_is_taken_as_a_body)
{
    static const char *const wrong[] = {"Content-Type: text/plain",
                                        "Content-Type: application/jsonx",
                                        "Content-Type: application/x-www-form-urlencoded"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        call_send(&(struct call){.path = "/v1/licenses",
                                 .body = call_license_body("widget"),
                                 .headers = {wrong[i]}},
                  &answer);
        answer_expect_problem(&answer, 415, "unsupported-media-type");
        ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "application/json"));
        answer_clear(&answer);
    }
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = call_license_body("widget"),
                             .has_no_media_type = true},
              &answer);
    answer_expect_problem(&answer, 415, "unsupported-media-type");
    answer_clear(&answer);
    ck_assert_int_eq(
        call_status(&(struct call){.path = "/v1/licenses",
                                   .body = call_license_body("widget"),
                                   .headers = {"Content-Type: Application/JSON; charset=utf-8"}}),
        201);
}
END_TEST

START_TEST(headers_that_are_too_large_end_the_request_only)
{
    static char header[64 * 1024] = "X-Filler: ";
    memset(header + strlen(header), 'a', sizeof header - strlen(header) - 1);
    long status = call_status(&(struct call){.path = "/livez", .headers = {header}});
    ck_assert(status == 0 || status == 431 || status == 413 || status == 400);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

START_TEST(a_vault_that_is_absent_is_a_problem_until_it_comes)
{
    call_license("widget", &answer);
    answer_expect_problem(&answer, 503, "vault-unavailable");
    answer_clear(&answer);
    call_send(&(struct call){.path = "/readyz"}, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_ptr_nonnull(strstr(answer.body, "\"vault\":\"vault-unavailable\""));
    answer_clear(&answer);
    front_start_vault();
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_vault_that_is_slow_is_a_timeout)
{
    front_configure();
    front.config.api.vault_timeout_ms = 100;
    front_start_api();
    front_start_vault();
    call_license("held", &answer);
    answer_expect_problem(&answer, 503, "timeout");
    ck_assert(json_is_true(json_object_get(answer.json, "retryable")));
    answer_clear(&answer);
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

static struct calls *start_held(size_t count)
{
    struct calls *calls = calls_start(
        &(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, count);
    while (vault_peer_held(front.vault) < count)
        ck_assert_uint_eq(calls_pump(calls), count);
    return calls;
}

START_TEST(two_hundred_requests_wait_for_the_vault_at_the_same_time)
{
    struct calls *calls = start_held(CONCURRENT_CLIENTS);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
    vault_peer_release(front.vault);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 201), CONCURRENT_CLIENTS);
    calls_free(calls);
}
END_TEST

START_TEST(a_client_that_leaves_while_the_vault_is_asked_harms_nobody)
{
    struct calls *calls = start_held(8);
    calls_free(calls);
    vault_peer_release(front.vault);
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

Suite *limits_suite(void)
{
    Suite *suite = suite_create("api/limits");
    TCase *tcase = tcase_create("limits");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_body_that_is_too_large_is_read_to_its_end_and_refused);
    tcase_add_test(tcase, a_body_of_exactly_the_limit_is_read);
    tcase_add_test(tcase, a_client_that_waits_for_100_continue_is_refused_before_it_sends);
    tcase_add_test(tcase, a_body_without_end_is_cut_off_and_others_are_served);
    tcase_add_test(tcase, a_chain_that_is_too_large_is_told_its_place);
    tcase_add_test(tcase, only_json_is_taken_as_a_body);
    tcase_add_test(tcase, headers_that_are_too_large_end_the_request_only);
    tcase_add_test(tcase, two_hundred_requests_wait_for_the_vault_at_the_same_time);
    tcase_add_test(tcase, a_client_that_leaves_while_the_vault_is_asked_harms_nobody);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("vault");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, front_start_without_vault, front_stop);
    tcase_add_test(tcase, a_vault_that_is_absent_is_a_problem_until_it_comes);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("deadline");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, NULL, front_stop);
    tcase_add_test(tcase, a_vault_that_is_slow_is_a_timeout);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Licenses, outcomes, usage, and the problems that the vault may answer. */
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "call.h"
#include "front.h"
#include "core/clock.h"
#include "peer_reply.h"
#include "suites.h"

#define UUID_TEXT "77777777-7777-7777-b777-777777777777"

static struct answer answer;

static json_int_t number(const char *member)
{
    return json_integer_value(json_object_get(answer.json, member));
}

START_TEST(a_spent_budget_says_until_when)
{
    call_license("fault-budget-spent", &answer);
    answer_expect_problem(&answer, 409, "budget-spent");
    ck_assert_str_eq(answer_text(&answer, "until"), "2100-01-01T00:00:00.000Z");
    ck_assert(json_is_false(json_object_get(answer.json, "retryable")));
    const char *wait = answer_header(&answer, "Retry-After");
    int64_t left_s = (PEER_UNTIL_UNIX_MS - clock_unix_ms()) / 1000;
    ck_assert_int_ge(strtoll(wait, NULL, 10), left_s);
    ck_assert_int_le(strtoll(wait, NULL, 10), left_s + 60);
    answer_clear(&answer);
    call_license("fault-quota-spent", &answer);
    ck_assert_ptr_null(json_object_get(answer.json, "until"));
    ck_assert_ptr_null(strstr(answer.headers, "Retry-After"));
    answer_clear(&answer);
}
END_TEST

START_TEST(a_first_license_is_created_with_all_its_members)
{
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_text(&answer, "license_id"), "lic-" UUID_TEXT);
    ck_assert_str_eq(answer_text(&answer, "install_id"), "ins-" UUID_TEXT);
    ck_assert_str_eq(answer_text(&answer, "profile"), "cms");
    ck_assert_uint_eq(strlen(answer_text(&answer, "license")), 400);
    ck_assert_int_eq(strncmp(answer_text(&answer, "image"), "sha256:abab", 11), 0);
    ck_assert(json_is_true(json_object_get(answer.json, "charged")));
    ck_assert_int_eq(number("attempt"), 1);
    ck_assert_int_eq(number("remaining"), 41);
    ck_assert_int_eq(number("journal_index"), 7);
    ck_assert_uint_eq(json_object_size(answer.json), 9);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_repeated_license_is_ok_and_not_charged)
{
    call_license("again", &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert(json_is_false(json_object_get(answer.json, "charged")));
    ck_assert_int_eq(number("attempt"), 2);
    answer_clear(&answer);
}
END_TEST

START_TEST(the_context_and_the_chain_reach_the_vault)
{
    call_license("widget", &answer);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_str_eq(seen.product, "widget");
    ck_assert_str_eq(seen.lot, "L7");
    ck_assert_str_eq(seen.operator_name, "ann");
    ck_assert_uint_eq(seen.chain_length, 3);
    ck_assert_uint_eq(seen.image_length, 0);
}
END_TEST

static void send_accept(const char *accept)
{
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = call_license_body("widget"),
                             .headers = {accept}},
              &answer);
}

START_TEST(a_license_comes_as_bytes_when_asked_for)
{
    send_accept("Accept: application/octet-stream");
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    ck_assert_uint_eq(answer.length, 300);
    ck_assert_int_eq(answer.body[299], 0x5a);
    ck_assert_str_eq(answer_header(&answer, "Provision-License-Id"), "lic-" UUID_TEXT);
    ck_assert_str_eq(answer_header(&answer, "Provision-Install-Id"), "ins-" UUID_TEXT);
    ck_assert_uint_eq(strlen(answer_header(&answer, "Provision-Image")), 71);
    ck_assert_str_eq(answer_header(&answer, "Provision-Charged"), "true");
    ck_assert_str_eq(answer_header(&answer, "Provision-Remaining"), "41");
    ck_assert_str_eq(answer_header(&answer, "Provision-Attempt"), "1");
    ck_assert_str_eq(answer_header(&answer, "Provision-Profile"), "cms");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    answer_clear(&answer);
}
END_TEST

START_TEST(accept_chooses_the_first_form_that_exists)
{
    send_accept("Accept: text/html, application/json;q=0.9, */*;q=0.1");
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/json");
    answer_clear(&answer);
    send_accept("Accept: application/cbor,application/octet-stream");
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    answer_clear(&answer);
    send_accept("Accept: text/html");
    answer_expect_problem(&answer, 406, "not-acceptable");
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 2);
}
END_TEST

static void ask_for_image(const char *word)
{
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = call_license_body("widget"),
                             .headers = {"Accept: application/vnd.provisiond.device-image", word}},
              &answer);
}

/* More than a block of either. */
START_TEST(an_image_of_a_device_is_a_files_beginning_and_a_tail)
{
    ask_for_image(NULL);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"),
                     "application/vnd.provisiond.device-image");
    ck_assert_str_eq(answer_header(&answer, "Content-Length"), "135536");
    ck_assert_str_eq(answer_header(&answer, "Provision-License-Id"), "lic-" UUID_TEXT);
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    ck_assert_uint_eq(answer.length, PEER_TAIL_AT + PEER_TAIL_BYTES);
    for (size_t i = 0; i < answer.length; i++)
        ck_assert_int_eq((unsigned char)answer.body[i], i < PEER_TAIL_AT ? (int)(i % 251) : 0x5b);
    answer_clear(&answer);
}
END_TEST

START_TEST(an_image_of_a_device_that_breaks_its_limits_is_an_internal_problem)
{
    static const char *const words[] = {"X-Request-Id: no-file", "X-Request-Id: no-tail",
                                        "X-Request-Id: long-tail", "X-Request-Id: outside"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        ask_for_image(words[i]);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
END_TEST

static enum error fault_of(int index)
{
    return (enum error)index;
}

START_TEST(each_fault_of_the_vault_is_its_problem)
{
    char product[64];
    enum error code = fault_of(_i);
    const char *name = error_name(code);
    if (!problem_exists(code))
        return;
    (void)snprintf(product, sizeof product, "fault-%s", name);
    call_license(product, &answer);
    answer_expect_problem(&answer, problem_of(code)->status, name);
    ck_assert_int_eq(number("native"), 48);
    ck_assert_int_eq(strncmp(answer_text(&answer, "detail"), "The peer says no. ", 18), 0);
    bool has_check = code == ERR_DEVICE_NOT_GENUINE || code == ERR_DEVICE_IDENTITY_CONFLICT ||
                     code == ERR_GRANT_REFUSED || code == ERR_CONFLICT || code == ERR_FORBIDDEN;
    ck_assert_str_eq(answer_text(&answer, "check"), has_check ? "peer-reason" : "");
    ck_assert_int_eq(json_is_true(json_object_get(answer.json, "retryable")),
                     error_is_retryable(code));
    answer_clear(&answer);
}
END_TEST

START_TEST(an_answer_that_breaks_its_limits_is_an_internal_problem)
{
    call_license("other-type", &answer);
    answer_expect_problem(&answer, 500, "internal");
    answer_clear(&answer);
    call_license("bad-license", &answer);
    answer_expect_problem(&answer, 500, "internal");
    answer_clear(&answer);
}
END_TEST

START_TEST(a_vault_that_hangs_up_is_unavailable_and_the_next_request_works)
{
    call_license("hang-up", &answer);
    answer_expect_problem(&answer, 503, "vault-unavailable");
    answer_clear(&answer);
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_wrong_body_is_told_its_place_and_never_asked)
{
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = "{\"product\":\"w\",\"device\":{\"certificate_chain\":7}}"},
              &answer);
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$.device.certificate_chain");
    answer_clear(&answer);
    call_send(&(struct call){.path = "/v1/licenses", .body = "", .method = "POST"}, &answer);
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$");
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

static void call_chip(const char *product)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"product\":\"%s\",\"device\":{\"st_certificate\":\"AAEC/w==\"}}", product);
    call_send(&(struct call){.path = "/v1/licenses", .body = body}, &answer);
}

START_TEST(a_chips_certificate_reaches_the_vault)
{
    call_chip("widget");
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_str_eq(seen.product, "widget");
    ck_assert_uint_eq(seen.st_length, 4);
    ck_assert_int_eq(memcmp(seen.st_certificate, "\x00\x01\x02\xff", 4), 0);
    ck_assert_uint_eq(seen.chain_length, 0);
    ck_assert_str_eq(seen.alias, "");
}
END_TEST

START_TEST(what_the_vault_finds_wrong_lies_in_the_certificate_that_was_shown)
{
    static const char *const names[] = {"fault-bad-request", "fault-request-too-large"};
    for (size_t i = 0; i < 2; i++) {
        call_license(names[i], &answer);
        ck_assert_str_eq(answer_text(&answer, "path"), "$.device.certificate_chain");
        answer_clear(&answer);
        call_chip(names[i]);
        ck_assert_str_eq(answer_text(&answer, "path"), "$.device.st_certificate");
        answer_clear(&answer);
    }
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = "{\"product\":\"fault-bad-request\",\"device\":"
                                     "{\"public_key\":\"PEM\"}}"},
              &answer);
    ck_assert_str_eq(answer_text(&answer, "path"), "$.device.public_key");
    answer_clear(&answer);
    call_chip("fault-quota-spent");
    ck_assert_str_eq(answer_text(&answer, "path"), "");
    answer_clear(&answer);
}
END_TEST

START_TEST(an_outcome_reaches_the_vault)
{
    call_send(&(struct call){.path = "/v1/installs/ins-" UUID_TEXT "/outcome",
                             .body = "{\"result\":\"failed\",\"code\":\"E7\"}"},
              &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "{\"install_id\":\"ins-" UUID_TEXT
                                  "\",\"result\":\"failed\",\"proven\":false,\"attempt\":3}");
    answer_clear(&answer);
    ck_assert_int_eq(vault_peer_seen(front.vault).outcome, 2);
    ck_assert_str_eq(vault_peer_seen(front.vault).code, "E7");
    ck_assert_uint_eq(vault_peer_seen(front.vault).receipt_length, 0);
}
END_TEST

START_TEST(an_install_id_that_is_none_is_unknown)
{
    call_send(&(struct call){.path = "/v1/installs/lic-" UUID_TEXT "/outcome",
                             .body = "{\"result\":\"failed\"}"},
              &answer);
    answer_expect_problem(&answer, 404, "install-unknown");
    answer_clear(&answer);
}
END_TEST

START_TEST(usage_is_the_account_of_the_product)
{
    call_send(&(struct call){.path = "/v1/products/widget/usage"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body,
                     "{\"product\":\"widget\",\"governed\":true,\"policy\":\"per-device\","
                     "\"anchor\":\"none\",\"unreported_age\":{\"under_1h\":11,\"under_1d\":12,"
                     "\"under_7d\":13,\"older\":14},\"granted\":100,\"charged\":59,"
                     "\"remaining\":41,\"licensed\":60,\"succeeded\":50,\"failed\":4,"
                     "\"scrapped\":2,\"unreported\":3,\"accepted\":108,\"revoked\":9,"
                     "\"scrap_allowance\":5,\"scrap_drawn\":1,\"proven\":48}");
    answer_clear(&answer);
    call_send(&(struct call){.path = "/v1/products/.hidden/usage"}, &answer);
    answer_expect_problem(&answer, 404, "product-unknown");
    answer_clear(&answer);
}
END_TEST

START_TEST(account_that_breaks_its_limits_is_an_internal_problem)
{
    static const char *const words[] = {
        "X-Request-Id: negative-count", "X-Request-Id: negative-age",
        "X-Request-Id: unknown-policy", "X-Request-Id: no-anchor", "X-Request-Id: other-type"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        call_send(&(struct call){.path = "/v1/products/widget/usage", .headers = {words[i]}},
                  &answer);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
END_TEST

Suite *license_suite(void)
{
    Suite *suite = suite_create("api/license");
    TCase *tcase = tcase_create("license");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_first_license_is_created_with_all_its_members);
    tcase_add_test(tcase, a_spent_budget_says_until_when);
    tcase_add_test(tcase, a_repeated_license_is_ok_and_not_charged);
    tcase_add_test(tcase, the_context_and_the_chain_reach_the_vault);
    tcase_add_test(tcase, a_license_comes_as_bytes_when_asked_for);
    tcase_add_test(tcase, accept_chooses_the_first_form_that_exists);
    tcase_add_test(tcase, an_image_of_a_device_is_a_files_beginning_and_a_tail);
    tcase_add_test(tcase, an_image_of_a_device_that_breaks_its_limits_is_an_internal_problem);
    tcase_add_loop_test(tcase, each_fault_of_the_vault_is_its_problem, 1, ERR_COUNT);
    tcase_add_test(tcase, an_answer_that_breaks_its_limits_is_an_internal_problem);
    tcase_add_test(tcase, a_vault_that_hangs_up_is_unavailable_and_the_next_request_works);
    tcase_add_test(tcase, a_wrong_body_is_told_its_place_and_never_asked);
    tcase_add_test(tcase, a_chips_certificate_reaches_the_vault);
    tcase_add_test(tcase, what_the_vault_finds_wrong_lies_in_the_certificate_that_was_shown);
    tcase_add_test(tcase, an_outcome_reaches_the_vault);
    tcase_add_test(tcase, an_install_id_that_is_none_is_unknown);
    tcase_add_test(tcase, usage_is_the_account_of_the_product);
    tcase_add_test(tcase, account_that_breaks_its_limits_is_an_internal_problem);
    suite_add_tcase(suite, tcase);
    return suite;
}

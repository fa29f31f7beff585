/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Batches: one question, one result for each device, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_limits.h"
#include "call.h"
#include "front.h"
#include "suites.h"

#define PATH "/v1/licenses/batch"
#define PEM  "\"device\":{\"certificate_chain\":\"PEM\"}"
#define CHIP "\"device\":{\"st_certificate\":\"AAECAw==\"}"

static struct answer answer;

static void send_batch(const char *body, const char *word)
{
    char header[64];
    (void)snprintf(header, sizeof header, "X-Request-Id: %s", word);
    call_send(&(struct call){.path = PATH, .body = body, .headers = {header}}, &answer);
}

static json_t *result_at(size_t index)
{
    return json_array_get(json_object_get(answer.json, "results"), index);
}

static json_int_t status_at(size_t index)
{
    return json_integer_value(json_object_get(result_at(index), "status"));
}

static const char *problem_text(size_t index, const char *member)
{
    json_t *problem = json_object_get(result_at(index), "problem");
    const char *text = json_string_value(json_object_get(problem, member));
    return text != NULL ? text : "";
}

/* count requests for a product, the caller's to free. */
static char *many(size_t count, const char *product)
{
    size_t size = count * 256 + 64;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    size_t length = (size_t)snprintf(text, size, "{\"licenses\":[");
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, size - length, "%s{\"product\":\"%s\"," PEM "}",
                                   i > 0 ? "," : "", product);
    (void)snprintf(text + length, size - length, "]}");
    return text;
}

START_TEST(each_device_gets_what_a_request_of_its_own_would_get)
{
    send_batch("{\"licenses\":["
               "{\"product\":\"widget\"," PEM "},"
               "{\"product\":\"again\"," PEM "},"
               "{\"product\":\"fault-quota-spent\"," PEM "},"
               "{\"product\":\"fault-device-not-genuine\"," CHIP "},"
               "{\"product\":\"fault-hsm-unavailable\"," PEM "},"
               "{\"product\":\"widget\",\"image\":\"latest\"," CHIP "}]}",
               "batch-1");
    static const json_int_t statuses[] = {201, 200, 409, 422, 503, 201};
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "results")), 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(status_at(i), statuses[i]);
    ck_assert_uint_eq(json_object_size(json_object_get(result_at(0), "license")), 9);
    ck_assert_uint_eq(json_object_size(result_at(0)), 2);
    ck_assert_str_eq(problem_text(2, "type"), "/problems/quota-spent");
    ck_assert_str_eq(problem_text(3, "check"), "peer-reason");
    ck_assert_str_eq(problem_text(2, "check"), "");
    ck_assert_str_eq(problem_text(4, "request_id"), "batch-1");
    ck_assert(json_is_true(json_object_get(json_object_get(result_at(4), "problem"), "retryable")));
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 1);
}
END_TEST

/* What a single request answers, and what the batch says of the same one, are the same document. */
START_TEST(problem_of_a_device_is_the_single_requests_problem)
{
    static const char body[] = "{\"product\":\"fault-device-scrapped\"," PEM "}";
    char batch[256];
    call_send(
        &(struct call){.path = "/v1/licenses", .body = body, .headers = {"X-Request-Id: same"}},
        &answer);
    json_t *single = json_incref(answer.json);
    answer_clear(&answer);
    (void)snprintf(batch, sizeof batch, "{\"licenses\":[%s]}", body);
    send_batch(batch, "same");
    ck_assert(json_equal(single, json_object_get(result_at(0), "problem")));
    json_decref(single);
    answer_clear(&answer);
}
END_TEST

START_TEST(what_the_vault_finds_wrong_lies_in_that_devices_certificate)
{
    send_batch("{\"licenses\":[{\"product\":\"widget\"," PEM "},"
               "{\"product\":\"fault-bad-request\"," CHIP "},"
               "{\"product\":\"fault-bad-request\"," PEM "},"
               "{\"product\":\"fault-bad-request\",\"device\":{\"public_key\":\"PEM\"}}]}",
               "x");
    ck_assert_str_eq(problem_text(3, "path"), "$.licenses[3].device.public_key");
    ck_assert_str_eq(problem_text(1, "path"), "$.licenses[1].device.st_certificate");
    ck_assert_str_eq(problem_text(2, "path"), "$.licenses[2].device.certificate_chain");
    answer_clear(&answer);
}
END_TEST

START_TEST(every_member_of_a_request_reaches_the_vault)
{
    send_batch("{\"licenses\":[{\"product\":\"again\"," PEM "},{\"product\":\"widget\",\"image\":"
               "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"," CHIP
               ",\"context\":{\"lot\":\"L7\",\"operator\":\"ann\"}}]}",
               "x");
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_uint_eq(seen.batch, 2);
    ck_assert_str_eq(seen.product, "widget");
    ck_assert_str_eq(seen.lot, "L7");
    ck_assert_str_eq(seen.operator_name, "ann");
    ck_assert_uint_eq(seen.image_length, SHA256_SIZE);
    ck_assert_uint_eq(seen.chain_length, 0);
    ck_assert_uint_eq(seen.st_length, 4);
    ck_assert_int_eq(seen.st_certificate[3], 3);
}
END_TEST

START_TEST(batch_that_is_wrong_anywhere_is_refused_as_a_whole_with_the_place)
{
    static const struct {
        const char *body;
        const char *path;
    } cases[] = {
        {"", "$"},
        {"[]", "$"},
        {"{}", "$.licenses"},
        {"{\"licenses\":{}}", "$.licenses"},
        {"{\"licenses\":[]}", "$.licenses"},
        {"{\"licenses\":null}", "$.licenses"},
        {"{\"licenses\":[1]}", "$.licenses[0]"},
        {"{\"licenses\":[[]]}", "$.licenses[0]"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "}],\"dry_run\":true}", "$.dry_run"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "}],\"licenses\":[]}", "$.licenses"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "},{\"product\":\"w\"," PEM
         ",\"product\":\"w\"}]}",
         "$.licenses[1].product"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "},{\"product\":\"w\"," PEM
         "},{\"product\":7," PEM "}]}",
         "$.licenses[2].product"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "},{\"product\":\"w\"}]}",
         "$.licenses[1].device"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM "},{\"product\":\"w\",\"device\":{}}]}",
         "$.licenses[1].device"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM ",\"image\":\"newest\"}]}",
         "$.licenses[0].image"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM ",\"quota\":1}]}", "$.licenses[0].quota"},
        {"{\"licenses\":[{\"product\":\"w\"," PEM ",\"context\":{\"lot\":\"\\n\"}}]}",
         "$.licenses[0].context.lot"},
        {"{\"licenses\":[{\"product\":\"w\",\"device\":{\"st_certificate\":\"a\"}}]}",
         "$.licenses[0].device.st_certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call_send(&(struct call){.path = PATH, .body = cases[i].body, .method = "POST"}, &answer);
        ck_assert_msg(answer.status == 400, "%s: %s", cases[i].body, answer.body);
        answer_expect_problem(&answer, 400, "bad-request");
        ck_assert_msg(strcmp(answer_text(&answer, "path"), cases[i].path) == 0, "%s: %s",
                      cases[i].body, answer_text(&answer, "path"));
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(batch_takes_256_devices_and_not_one_more)
{
    char *most = many(API_BATCH_MAX, "largest");
    send_batch(most, "x");
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "results")), API_BATCH_MAX);
    ck_assert_int_eq(status_at(API_BATCH_MAX - 1), 201);
    answer_clear(&answer);
    free(most);
    char *more = many(API_BATCH_MAX + 1, "widget");
    send_batch(more, "x");
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$.licenses");
    answer_clear(&answer);
    free(more);
}
END_TEST

/* Each empty array costs the parser forty times its bytes. */
START_TEST(body_of_countless_small_values_is_refused_before_it_is_parsed)
{
    size_t length = (size_t)API_JSON_VALUES_MAX * 3;
    char *body = malloc(length + 64);
    ck_assert_ptr_nonnull(body);
    strcpy(body, "{\"licenses\":[[]");
    for (size_t at = strlen(body); at < length; at += 3)
        strcpy(body + at, ",[]");
    strcat(body, "]}");
    send_batch(body, "x");
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$");
    answer_clear(&answer);
    free(body);
}
END_TEST

START_TEST(body_of_a_batch_may_be_a_megabyte_and_not_a_byte_more)
{
    char *body = malloc(API_BATCH_MAX_BYTES + 2);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', API_BATCH_MAX_BYTES + 1);
    body[API_BATCH_MAX_BYTES + 1] = '\0';
    call_send(&(struct call){.path = PATH, .body = body}, &answer);
    answer_expect_problem(&answer, 413, "request-too-large");
    answer_clear(&answer);
    char *request = many(1, "widget");
    memcpy(body, request, strlen(request));
    body[API_BATCH_MAX_BYTES] = '\0';
    call_send(&(struct call){.path = PATH, .body = body}, &answer);
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
    free(request);
    free(body);
}
END_TEST

START_TEST(chain_that_is_too_large_is_told_with_its_place)
{
    size_t size = API_CHAIN_MAX_BYTES + 256;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    int length = snprintf(body, size,
                          "{\"licenses\":[{\"product\":\"w\",\"device\":{\"certificate_chain\":\"");
    memset(body + length, 'a', API_CHAIN_MAX_BYTES + 1);
    strcpy(body + length + API_CHAIN_MAX_BYTES + 1, "\"}}]}");
    send_batch(body, "x");
    answer_expect_problem(&answer, 413, "request-too-large");
    ck_assert_str_eq(answer_text(&answer, "path"), "$.licenses[0].device.certificate_chain");
    answer_clear(&answer);
    free(body);
}
END_TEST

START_TEST(reply_to_a_batch_that_breaks_its_limits_is_an_internal_problem)
{
    static const char *const words[] = {"fewer", "more", "other-type"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        send_batch("{\"licenses\":[{\"product\":\"widget\"," PEM "}]}", words[i]);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
    send_batch("{\"licenses\":[{\"product\":\"widget\"," PEM "},{\"product\":\"bad-license\"," PEM
               "}]}",
               "x");
    answer_expect_problem(&answer, 500, "internal");
    answer_clear(&answer);
    send_batch("{\"licenses\":[{\"product\":\"nothing\"," PEM "}]}", "x");
    answer_expect_problem(&answer, 500, "internal");
    answer_clear(&answer);
    send_batch("{\"licenses\":[{\"product\":\"widget\"," PEM "}]}", "fault-forbidden");
    answer_expect_problem(&answer, 403, "forbidden");
    ck_assert_str_eq(answer_text(&answer, "check"), "peer-reason");
    answer_clear(&answer);
}
END_TEST

Suite *batch_suite(void)
{
    Suite *suite = suite_create("api/batch");
    TCase *tcase = tcase_create("batch");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, each_device_gets_what_a_request_of_its_own_would_get);
    tcase_add_test(tcase, problem_of_a_device_is_the_single_requests_problem);
    tcase_add_test(tcase, what_the_vault_finds_wrong_lies_in_that_devices_certificate);
    tcase_add_test(tcase, every_member_of_a_request_reaches_the_vault);
    tcase_add_test(tcase, batch_that_is_wrong_anywhere_is_refused_as_a_whole_with_the_place);
    tcase_add_test(tcase, batch_takes_256_devices_and_not_one_more);
    tcase_add_test(tcase, body_of_countless_small_values_is_refused_before_it_is_parsed);
    tcase_add_test(tcase, body_of_a_batch_may_be_a_megabyte_and_not_a_byte_more);
    tcase_add_test(tcase, chain_that_is_too_large_is_told_with_its_place);
    tcase_add_test(tcase, reply_to_a_batch_that_breaks_its_limits_is_an_internal_problem);
    suite_add_tcase(suite, tcase);
    return suite;
}

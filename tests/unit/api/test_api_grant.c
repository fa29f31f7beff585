/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signed documents: their bytes reach the vault as they came, and its refusals the client. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "front.h"
#include "suites.h"

#define DOCUMENT_MAX (112 * 1024)
#define SIGNER       "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static struct answer answer;
static char document[DOCUMENT_MAX + 1];

/* Bytes of every value, as in DER. */
static void fill_document(void)
{
    for (size_t i = 0; i < sizeof document; i++)
        document[i] = (char)(i % 256);
}

static const char *id_header(const char *word)
{
    static char id[128];
    (void)snprintf(id, sizeof id, "X-Request-Id: %s", word);
    return id;
}

static struct call call_of(size_t length)
{
    return (struct call){.path = "/v1/grants",
                         .method = "POST",
                         .body = length > 0 ? document : "",
                         .body_length = length,
                         .media_type = "application/cms"};
}

static void apply(const char *word)
{
    struct call call = call_of(300);
    call.headers[0] = id_header(word);
    call_send(&call, &answer);
}

static void expect_document_seen(size_t length)
{
    struct peer_seen seen = vault_peer_seen(front.vault);
    struct sha256 wanted = sha256_of(bytes_of(document, length));
    ck_assert_uint_eq(seen.document_length, length);
    ck_assert(sha256_equal(&seen.document, &wanted));
}

START_TEST(accepted_document_is_answered_with_what_it_did)
{
    apply("some");
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/json");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    ck_assert_str_eq(answer.body,
                     "{\"kind\":\"revoke\",\"grant_id\":\"42424242-4242-4242-4242-424242424242\","
                     "\"product\":\"widget\",\"units\":500,\"taken\":41,\"granted\":59,"
                     "\"remaining\":0,\"sequence\":4,\"journal_index\":17,"
                     "\"signers\":[\"" SIGNER "\",\"" SIGNER "\"]}");
    answer_clear(&answer);
    expect_document_seen(300);
    apply("most-signers");
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "signers")), 16);
    answer_clear(&answer);
}
END_TEST

START_TEST(document_of_exactly_the_limit_reaches_the_vault_unchanged)
{
    struct call call = call_of(DOCUMENT_MAX);
    ck_assert_int_eq(call_status(&call), 201);
    expect_document_seen(DOCUMENT_MAX);
    call.is_chunked = true;
    ck_assert_int_eq(call_status(&call), 201);
    expect_document_seen(DOCUMENT_MAX);
}
END_TEST

START_TEST(document_of_a_byte_too_many_is_refused)
{
    struct call call = call_of(DOCUMENT_MAX + 1);
    for (int i = 0; i < 2; i++) {
        call.is_chunked = i == 1;
        call_send(&call, &answer);
        answer_expect_problem(&answer, 413, "request-too-large");
        ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "114688 bytes"));
        ck_assert_str_eq(answer_text(&answer, "check"), "");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(slow_document_arrives_whole)
{
    struct call call = call_of(5000);
    call.piece = 7;
    ck_assert_int_eq(call_status(&call), 201);
    expect_document_seen(5000);
    call.piece = 100;
    call.is_chunked = true;
    ck_assert_int_eq(call_status(&call), 201);
    expect_document_seen(5000);
}
END_TEST

START_TEST(empty_body_is_no_document)
{
    struct call call = call_of(0);
    for (int i = 0; i < 2; i++) {
        call.is_chunked = i == 1;
        call_send(&call, &answer);
        answer_expect_problem(&answer, 400, "bad-request");
        ck_assert_str_eq(answer_text(&answer, "check"), "not-signed-data");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(document_comes_under_three_names)
{
    static const char *const taken[] = {
        "application/cms", "Application/PKCS7-mime; smime-type=signed-data; name=\"g.p7m\"",
        "application/x-pkcs7-mime"};
    static const char *const refused[] = {
        "application/pkcs7-signature", "application/json", "application/cmsx",
        "application/octet-stream", "multipart/signed; protocol=\"application/pkcs7-signature\""};
    struct call call = call_of(300);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        call.media_type = taken[i];
        ck_assert_int_eq(call_status(&call), 201);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        call.media_type = refused[i];
        call_send(&call, &answer);
        answer_expect_problem(&answer, 415, "unsupported-media-type");
        ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "application/cms"));
        answer_clear(&answer);
    }
    call.has_no_media_type = true;
    ck_assert_int_eq(call_status(&call), 415);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 3);
}
END_TEST

START_TEST(refusal_says_which_check_said_no)
{
    static const struct {
        const char *word;
        const char *name;
        long status;
        const char *check;
    } cases[] = {
        {"fault-grant-refused", "grant-refused", 422, "peer-reason"},
        {"fault-conflict", "conflict", 409, "peer-reason"},
        {"fault-bad-request", "bad-request", 400, "peer-reason"},
        {"fault-request-too-large", "request-too-large", 413, ""},
        {"fault-product-unknown", "product-unknown", 404, ""},
        {"fault-hsm-unavailable", "hsm-unavailable", 503, ""},
        {"fault-anchor-mismatch", "anchor-mismatch", 503, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        apply(cases[i].word);
        answer_expect_problem(&answer, cases[i].status, cases[i].name);
        ck_assert_str_eq(answer_text(&answer, "check"), cases[i].check);
        ck_assert_str_eq(answer_text(&answer, "path"), "");
        answer_clear(&answer);
    }
}
END_TEST

START_TEST(reply_that_breaks_its_limits_is_refused)
{
    static const char *const words[] = {"other-kind",     "short-id",           "no-product",
                                        "negative-units", "negative-remaining", "more-taken",
                                        "negative-index", "no-signers",         "too-many-signers",
                                        "short-signer",   "other-type"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        apply(words[i]);
        ck_assert_msg(answer.status == 500, "%s: %ld", words[i], answer.status);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
END_TEST

START_TEST(nobody_without_a_certificate_brings_a_document)
{
    struct call call = call_of(300);
    call.client = "";
    ck_assert_int_eq(call_status(&call), 401);
    call.client = "stranger";
    ck_assert_int_eq(call_status(&call), 401);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
    call_send(&(struct call){.path = "/v1/grants", .method = "PUT"}, &answer);
    answer_expect_problem(&answer, 405, "method-not-allowed");
    ck_assert_str_eq(answer_header(&answer, "Allow"), "GET, HEAD, POST");
    answer_clear(&answer);
}
END_TEST

Suite *grant_suite(void)
{
    Suite *suite = suite_create("api/grant");
    TCase *tcase = tcase_create("grant");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_add_checked_fixture(tcase, fill_document, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, accepted_document_is_answered_with_what_it_did);
    tcase_add_test(tcase, document_of_exactly_the_limit_reaches_the_vault_unchanged);
    tcase_add_test(tcase, document_of_a_byte_too_many_is_refused);
    tcase_add_test(tcase, slow_document_arrives_whole);
    tcase_add_test(tcase, empty_body_is_no_document);
    tcase_add_test(tcase, document_comes_under_three_names);
    tcase_add_test(tcase, refusal_says_which_check_said_no);
    tcase_add_test(tcase, reply_that_breaks_its_limits_is_refused);
    tcase_add_test(tcase, nobody_without_a_certificate_brings_a_document);
    suite_add_tcase(suite, tcase);
    return suite;
}

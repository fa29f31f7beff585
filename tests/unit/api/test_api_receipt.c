/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Receipts: that a license is in the journal; and a device's own, with its outcome. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "front.h"
#include "peer_reply.h"
#include "suites.h"

#define UUID_TEXT "01890a5d-ac96-774b-bcce-b302099a8057"
#define PATH      "/v1/licenses/lic-" UUID_TEXT "/receipt"
#define OUTCOME   "/v1/installs/ins-" UUID_TEXT "/outcome"

static struct answer answer;

static json_t *member(const char *name)
{
    return json_object_get(answer.json, name);
}

static const char *id_header(const char *word)
{
    static char id[128];
    (void)snprintf(id, sizeof id, "X-Request-Id: %s", word);
    return id;
}

static void get(const char *word)
{
    call_send(&(struct call){.path = PATH, .headers = {id_header(word)}}, &answer);
}

/* ---- of a license ---- */

START_TEST(receipt_holds_leaf_proof_and_checkpoint)
{
    get("some");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/json");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    ck_assert_str_eq(answer_text(&answer, "license_id"), "lic-" UUID_TEXT);
    ck_assert_str_eq(answer_text(&answer, "leaf"), PEER_LEAF);
    ck_assert_str_eq(answer_text(&answer, "checkpoint"), PEER_NOTE);
    ck_assert_int_eq(json_integer_value(member("index")), 7);
    ck_assert_int_eq(json_integer_value(member("tree_size")), 1042);
    ck_assert_uint_eq(json_array_size(member("proof")), 3);
    ck_assert_str_eq(json_string_value(json_array_get(member("proof"), 1)),
                     "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    ck_assert_uint_eq(json_object_size(answer.json), 6);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_int_eq(memcmp(seen.install.bytes, "\x01\x89\x0a\x5d\xac\x96\x77\x4b\xbc\xce", 10), 0);
}
END_TEST

START_TEST(receipt_may_be_as_large_as_the_journal_allows)
{
    get("most-hashes");
    ck_assert_uint_eq(json_array_size(member("proof")), 64);
    answer_clear(&answer);
    get("no-hashes");
    ck_assert(json_is_array(member("proof")));
    ck_assert_uint_eq(json_array_size(member("proof")), 0);
    answer_clear(&answer);
    get("largest-leaf");
    ck_assert_uint_eq(json_string_length(member("leaf")), 8192);
    answer_clear(&answer);
    get("largest-note");
    ck_assert_uint_eq(json_string_length(member("checkpoint")), 4095);
    answer_clear(&answer);
}
END_TEST

START_TEST(head_has_no_body)
{
    call_send(&(struct call){.path = PATH, .method = "HEAD"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, 0);
    answer_clear(&answer);
}
END_TEST

START_TEST(receipt_that_no_checkpoint_covers_is_to_be_asked_for_again)
{
    get("fault-not-covered-yet");
    answer_expect_problem(&answer, 503, "not-covered-yet");
    ck_assert_str_eq(answer_header(&answer, "Retry-After"), "1");
    ck_assert(json_is_true(member("retryable")));
    answer_clear(&answer);
}
END_TEST

START_TEST(license_id_that_is_none_is_never_asked_for)
{
    static const char *const paths[] = {
        "/v1/licenses/ins-" UUID_TEXT "/receipt", "/v1/licenses/" UUID_TEXT "/receipt",
        "/v1/licenses/lic-01890A5D-AC96-774B-BCCE-B302099A8057/receipt",
        "/v1/licenses/lic-01890a5d-ac96-474b-bcce-b302099a8057/receipt",
        "/v1/licenses/lic-/receipt"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        call_send(&(struct call){.path = paths[i]}, &answer);
        answer_expect_problem(&answer, 404, "install-unknown");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(receipt_that_breaks_its_limits_is_refused)
{
    static const char *const words[] = {
        "too-many-hashes", "short-hash",      "long-hash",     "empty-leaf",     "long-leaf",
        "nul-in-leaf",     "control-in-leaf", "bad-utf8-leaf", "negative-index", "index-outside",
        "empty-note",      "long-note",       "nul-in-note",   "bad-utf8-note",  "other-type"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        get(words[i]);
        ck_assert_msg(answer.status == 500, "%s: %ld", words[i], answer.status);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
END_TEST

/* ---- of a device ---- */

static void report(const char *body, const char *word)
{
    call_send(&(struct call){.path = OUTCOME, .body = body, .headers = {id_header(word)}}, &answer);
}

START_TEST(device_receipt_reaches_the_vault_and_proves_the_install)
{
    report("{\"result\":\"succeeded\",\"device_receipt\":\"MAYCAQECAQI=\"}", "proven");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "{\"install_id\":\"ins-" UUID_TEXT
                                  "\",\"result\":\"succeeded\",\"proven\":true,\"attempt\":3}");
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_uint_eq(seen.receipt_length, 8);
    ck_assert_int_eq(memcmp(seen.receipt, "\x30\x06\x02\x01\x01\x02\x01\x02", 8), 0);
}
END_TEST

START_TEST(device_receipt_of_a_byte_too_many_is_told_its_place)
{
    static const struct {
        size_t digits; /* of base64 before the last group */
        const char *end;
        long status;
    } cases[] = {{188, "AAAA", 200}, {192, "AA==", 413}, {40000, "AAAA", 413}};
    static char body[65536];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strcpy(body, "{\"result\":\"succeeded\",\"device_receipt\":\"");
        memset(body + strlen(body), 'A', cases[i].digits);
        body[strlen("{\"result\":\"succeeded\",\"device_receipt\":\"") + cases[i].digits] = '\0';
        strcat(body, cases[i].end);
        strcat(body, "\"}");
        report(body, "some");
        ck_assert_int_eq(answer.status, cases[i].status);
        ck_assert_str_eq(answer_text(&answer, "path"),
                         cases[i].status == 413 ? "$.device_receipt" : "");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).receipt_length, 144);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 1);
}
END_TEST

START_TEST(what_the_vault_finds_wrong_lies_in_the_receipt_that_was_sent)
{
    report("{\"result\":\"succeeded\",\"device_receipt\":\"AAAA\"}", "fault-bad-request");
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$.device_receipt");
    ck_assert_str_eq(answer_text(&answer, "check"), "");
    answer_clear(&answer);
    report("{\"result\":\"succeeded\"}", "fault-bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "");
    answer_clear(&answer);
    report("{\"result\":\"succeeded\",\"device_receipt\":\"AAAA\"}", "fault-install-unknown");
    ck_assert_str_eq(answer_text(&answer, "path"), "");
    answer_clear(&answer);
}
END_TEST

START_TEST(scrap_says_whether_a_unit_was_drawn)
{
    static const char body[] = "{\"result\":\"scrapped\"}";
    report(body, "drawn");
    ck_assert_int_eq(answer.status, 200);
    ck_assert(json_is_true(member("scrap_drawn")));
    ck_assert(json_is_false(member("proven")));
    answer_clear(&answer);
    report(body, "some");
    ck_assert(json_is_false(member("scrap_drawn")));
    answer_clear(&answer);
    report("{\"result\":\"failed\"}", "drawn");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_null(member("scrap_drawn"));
    answer_clear(&answer);
}
END_TEST

START_TEST(outcome_without_an_attempt_is_refused)
{
    static const char *const words[] = {"no-attempt", "other-type"};
    for (size_t i = 0; i < 2; i++) {
        report("{\"result\":\"failed\"}", words[i]);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
END_TEST

Suite *receipt_suite(void)
{
    Suite *suite = suite_create("api/receipt");
    TCase *tcase = tcase_create("receipt");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, receipt_holds_leaf_proof_and_checkpoint);
    tcase_add_test(tcase, receipt_may_be_as_large_as_the_journal_allows);
    tcase_add_test(tcase, head_has_no_body);
    tcase_add_test(tcase, receipt_that_no_checkpoint_covers_is_to_be_asked_for_again);
    tcase_add_test(tcase, license_id_that_is_none_is_never_asked_for);
    tcase_add_test(tcase, receipt_that_breaks_its_limits_is_refused);
    tcase_add_test(tcase, device_receipt_reaches_the_vault_and_proves_the_install);
    tcase_add_test(tcase, device_receipt_of_a_byte_too_many_is_told_its_place);
    tcase_add_test(tcase, what_the_vault_finds_wrong_lies_in_the_receipt_that_was_sent);
    tcase_add_test(tcase, scrap_says_whether_a_unit_was_drawn);
    tcase_add_test(tcase, outcome_without_an_attempt_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

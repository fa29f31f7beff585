/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists and records: what reaches the vault, what is shown, and what is not believed. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "front.h"
#include "peer_reads.h"
#include "suites.h"
#include "vault.pb-c.h"

#define UUID_TEXT  "77777777-7777-7777-b777-777777777777"
#define DIGEST_HEX "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define TIME_TEXT  "2026-11-27T09:14:27.123Z"

#define LICENSE_MEMBERS                                                            \
    "\"license_id\":\"lic-" UUID_TEXT "\",\"install_id\":\"ins-" UUID_TEXT         \
    "\",\"product\":\"widget\",\"profile\":\"cms\",\"image\":\"sha256:" DIGEST_HEX \
    "\",\"device_key\":\"" DIGEST_HEX "\",\"device_serial\":\"SN-1\",\"station\":" \
    "\"station-1\",\"charged\":true,\"license_sha256\":\"" DIGEST_HEX              \
    "\",\"journal_index\":8,\"issued_at\":\"" TIME_TEXT "\",\"attempts\":2,"       \
    "\"last_attempt_at\":\"2026-11-27T09:14:27.124Z\""
#define INSTALL_MEMBERS                                                                     \
    LICENSE_MEMBERS                                                                         \
    ",\"context\":{\"lot\":\"L7\",\"line\":\"2\",\"work_order\":\"WO-1\",\"operator\":"     \
    "\"J\xc3\xb6rg\",\"socket\":\"4\"},\"result\":\"failed\",\"code\":\"E7\",\"detail\":"   \
    "\"It fell.\",\"reporter\":\"station-2\",\"reported_at\":\"2026-11-27T09:14:27.125Z\"," \
    "\"proven\":false"
#define PRODUCT_MEMBERS                                                                    \
    "\"name\":\"widget\",\"profile\":\"cms\",\"policy\":\"per-device\",\"enabled\":true,"  \
    "\"governed\":false,\"state\":\"ok\",\"granted\":100,\"charged\":59,\"remaining\":41," \
    "\"attempts_max\":5,\"session_key_exposure\":false"
#define IMAGE_MEMBERS                                                                     \
    "\"image\":\"sha256:" DIGEST_HEX "\",\"product\":\"widget\",\"label\":\"\",\"size\":" \
    "100000,\"enabled\":true,\"latest\":true,\"created_at\":\"" TIME_TEXT                 \
    "\",\"alias\":\"widget-fw\",\"content\":\"aes-256-gcm\",\"iv\":\"cdcd\",\"tag\":\"cdcd\""
#define GRANT_MEMBERS                                                                         \
    "\"grant_id\":\"" UUID_TEXT "\",\"product\":\"widget\",\"kind\":\"revoke\",\"units\":50," \
    "\"taken\":40,\"lot\":\"L7\",\"sequence\":2,\"accepted_at\":\"" TIME_TEXT                 \
    "\",\"journal_index\":6,\"document_sha256\":\"" DIGEST_HEX "\""
#define STATION_MEMBERS                                                                        \
    "\"name\":\"station-1\",\"role\":\"station\",\"enabled\":true,\"keys\":[{\"key\":"         \
    "\"" DIGEST_HEX "\",\"added_at\":\"" TIME_TEXT "\"}],\"products\":[\"widget\"],\"lines\":" \
    "[\"line 2\",\"line 2\"]"
#define SUMS                                                                                   \
    "\"charged\":6,\"licensed\":7,\"attempts\":9,\"succeeded\":4,\"failed\":1,\"scrapped\":0," \
    "\"unreported\":2,\"proven\":3"

#define GRANT_PATH "/v1/grants/0a1b2c3d-1111-4222-8333-444455556666"
#define IMAGE_PATH "/v1/images/sha256:" DIGEST_HEX

static struct answer answer;

static void get(const char *path, const char *word)
{
    char header[64];
    (void)snprintf(header, sizeof header, "X-Request-Id: %s", word);
    call_send(&(struct call){.path = path, .headers = {header}}, &answer);
}

static void expect_body(const char *path, const char *word, const char *body)
{
    get(path, word);
    ck_assert_msg(answer.status == 200, "%s: %ld %s", path, answer.status, answer.body);
    ck_assert_str_eq(answer.body, body);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/json");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    answer_clear(&answer);
}

static struct peer_seen seen(void)
{
    return vault_peer_seen(front.vault);
}

START_TEST(licenses_are_listed_without_what_became_of_them)
{
    expect_body("/v1/licenses", "last-page",
                "{\"licenses\":[{" LICENSE_MEMBERS "},{" LICENSE_MEMBERS "}]}");
    ck_assert_uint_eq(seen().limit, 100);
    ck_assert_uint_eq(seen().id_length, 0);
    ck_assert_int_eq(seen().before, 0);
    ck_assert_int_eq(seen().since, 0);
    ck_assert_int_eq(seen().until, 0);
    ck_assert_int_eq(seen().result, 0);
    ck_assert_uint_eq(seen().device_length, 0);
    expect_body("/v1/licenses/lic-" UUID_TEXT, "x", "{" LICENSE_MEMBERS "}");
    ck_assert_uint_eq(seen().id_length, UUID_SIZE);
    ck_assert_uint_eq(seen().limit, 1);
    expect_body("/v1/licenses", "nothing", "{\"licenses\":[],\"next_cursor\":\"aQAAAAAAAAAR\"}");
}
END_TEST

START_TEST(installs_are_listed_with_context_and_result)
{
    expect_body("/v1/installs", "last-page",
                "{\"installs\":[{" INSTALL_MEMBERS "},{" INSTALL_MEMBERS "}]}");
    expect_body("/v1/installs/ins-" UUID_TEXT, "x", "{" INSTALL_MEMBERS "}");
    ck_assert_uint_eq(seen().id_length, UUID_SIZE);
}
END_TEST

START_TEST(what_an_install_has_not_is_left_out)
{
    get("/v1/installs/ins-" UUID_TEXT, "plain");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_text(&answer, "result"), "unreported");
    ck_assert_uint_eq(json_object_size(json_object_get(answer.json, "context")), 0);
    ck_assert_uint_eq(json_object_size(answer.json), 16);
    answer_clear(&answer);
}
END_TEST

START_TEST(each_member_of_a_query_reaches_the_vault)
{
    get("/v1/installs?product=widget&lot=L%207+%C3%B6&station=s-1&device=" DIGEST_HEX
        "&result=scrapped&since=2026-11-27T09:14:27Z&until=2026-11-27T09:14:27.123Z&limit=256"
        "&cursor=aQAAAAAAAAAR",
        "x");
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    answer_clear(&answer);
    struct peer_seen last = seen();
    ck_assert_str_eq(last.product, "widget");
    ck_assert_str_eq(last.lot, "L 7 \xc3\xb6");
    ck_assert_str_eq(last.station, "s-1");
    ck_assert_uint_eq(last.device_length, SHA256_SIZE);
    ck_assert_int_eq(last.result, PROVISIOND__INSTALL_RESULT__INSTALL_SCRAPPED);
    ck_assert_int_eq(last.since, PEER_TIME_MS - 123);
    ck_assert_int_eq(last.until, PEER_TIME_MS);
    ck_assert_uint_eq(last.limit, 256);
    ck_assert_int_eq(last.before, 17);
}
END_TEST

START_TEST(until_the_first_moment_is_not_until_now)
{
    get("/v1/installs?until=1970-01-01T00:00:00Z", "x");
    answer_clear(&answer);
    ck_assert_int_eq(seen().until, 1);
}
END_TEST

START_TEST(pages_follow_one_another_by_their_cursors)
{
    char path[256];
    get("/v1/installs?limit=2", "x");
    (void)snprintf(path, sizeof path, "/v1/licenses?limit=2&cursor=%s",
                   answer_text(&answer, "next_cursor"));
    answer_clear(&answer);
    get(path, "last-page");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_null(json_object_get(answer.json, "next_cursor"));
    answer_clear(&answer);
    ck_assert_int_eq(seen().before, 17);
    get("/v1/grants", "x");
    (void)snprintf(path, sizeof path, "/v1/installs?cursor=%s",
                   answer_text(&answer, "next_cursor"));
    answer_clear(&answer);
    get(path, "x");
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "?cursor");
    answer_clear(&answer);
}
END_TEST

START_TEST(products_are_shown_with_their_units)
{
    expect_body("/v1/products", "x",
                "{\"products\":[{" PRODUCT_MEMBERS ",\"wrapping\":\"host\"},{" PRODUCT_MEMBERS
                ",\"wrapping\":\"host\"}]}");
    ck_assert_str_eq(seen().name, "");
    expect_body("/v1/products/widget", "x", "{" PRODUCT_MEMBERS ",\"wrapping\":\"host\"}");
    ck_assert_str_eq(seen().name, "widget");
    expect_body("/v1/products/widget", "no-crls", "{" PRODUCT_MEMBERS ",\"crls\":0}");
    expect_body("/v1/products/widget", "crls",
                "{" PRODUCT_MEMBERS
                ",\"crls\":2,\"crls_valid_until\":\"2025-11-28T00:00:00.000Z\"}");
    expect_body("/v1/products", "nothing", "{\"products\":[]}");
    get("/v1/products/widget", "governed");
    ck_assert_str_eq(answer_text(&answer, "state"), "tampered");
    ck_assert_str_eq(answer_text(&answer, "state_detail"), "The recount differs.");
    answer_clear(&answer);
}
END_TEST

#define DIGESTS \
    "\"authorities_sha256\":\"" DIGEST_HEX "\",\"first_authorities_sha256\":\"" DIGEST_HEX "\""
#define AUTHORITIES                                                          \
    "\"sequence\":3,\"threshold\":2,\"authorities\":[{\"key\":\"" DIGEST_HEX \
    "\",\"name\":\"CN=Officer 1\"},{\"key\":\"" DIGEST_HEX                   \
    "\",\"name\":\"CN=Officer 1\"}]," DIGESTS

/* The answer has all of these members, as they are here. */
static void expect_members(const char *path, const char *word, const char *json)
{
    json_t *wanted = json_loads(json, 0, NULL);
    const char *name = NULL;
    json_t *value = NULL;
    ck_assert_ptr_nonnull(wanted);
    get(path, word);
    ck_assert_int_eq(answer.status, 200);
    json_object_foreach(wanted, name, value)
        ck_assert_msg(json_equal(value, json_object_get(answer.json, name)), "%s: %s", path, name);
    json_decref(wanted);
}

START_TEST(product_and_policy_say_the_same_of_who_governs)
{
    static const char *const paths[] = {"/v1/products/widget", "/v1/products/widget/policy"};
    for (size_t i = 0; i < 2; i++) {
        expect_members(paths[i], "governed", "{" AUTHORITIES "}");
        answer_clear(&answer);
        expect_members(paths[i], "governed-unchecked",
                       "{\"sequence\":3,\"authorities_sha256\":\"" DIGEST_HEX "\"}");
        ck_assert_ptr_null(json_object_get(answer.json, "authorities"));
        ck_assert_ptr_null(json_object_get(answer.json, "threshold"));
        answer_clear(&answer);
    }
    get("/v1/products", "governed");
    const json_t *first = json_array_get(json_object_get(answer.json, "products"), 0);
    ck_assert_ptr_null(json_object_get(first, "authorities"));
    ck_assert_ptr_nonnull(json_object_get(first, "authorities_sha256"));
    ck_assert_int_eq(json_integer_value(json_object_get(first, "threshold")), 2);
    answer_clear(&answer);
}
END_TEST

START_TEST(policy_names_who_may_change_it)
{
    expect_body("/v1/products/widget/policy", "x",
                "{\"product\":\"widget\",\"profile\":\"cms\",\"policy\":\"per-device\","
                "\"session_key_exposure\":false,\"attempts_max\":5,\"governed\":false,"
                "\"anchors\":\"\\n\\n\\n\\n\"}");
    expect_body("/v1/products/widget/policy", "governed",
                "{\"product\":\"widget\",\"profile\":\"cms\",\"policy\":\"per-device\","
                "\"session_key_exposure\":false,\"attempts_max\":5,\"options\":{\"product_id\":"
                "\"45002001\"},\"governed\":true," AUTHORITIES ",\"anchors\":\"\\n\\n\\n\\n\"}");
    ck_assert_str_eq(seen().name, "widget");
}
END_TEST

START_TEST(images_are_shown_without_their_bytes)
{
    expect_body("/v1/images?product=widget", "x",
                "{\"images\":[{" IMAGE_MEMBERS "},{" IMAGE_MEMBERS "}]}");
    ck_assert_str_eq(seen().product, "widget");
    ck_assert_uint_eq(seen().id_length, 0);
    expect_body(IMAGE_PATH, "x", "{\"images\":[{" IMAGE_MEMBERS "},{" IMAGE_MEMBERS "}]}");
    ck_assert_uint_eq(seen().id_length, SHA256_SIZE);
    expect_body("/v1/images", "nothing", "{\"images\":[]}");
    get(IMAGE_PATH, "nothing");
    answer_expect_problem(&answer, 404, "image-unknown");
    answer_clear(&answer);
}
END_TEST

START_TEST(grants_are_listed_and_one_comes_with_its_document)
{
    expect_body("/v1/grants?limit=7&product=widget", "x",
                "{\"grants\":[{" GRANT_MEMBERS "},{" GRANT_MEMBERS
                "}],\"next_cursor\":\"ZwAAAAAAAAAJ\"}");
    ck_assert_uint_eq(seen().limit, 7);
    ck_assert_str_eq(seen().product, "widget");
    expect_body(GRANT_PATH, "x", "{" GRANT_MEMBERS ",\"document\":\"AAAA\"}");
    ck_assert_uint_eq(seen().id_length, UUID_SIZE);
    get(GRANT_PATH, "plain");
    ck_assert_ptr_null(json_object_get(answer.json, "lot"));
    ck_assert_ptr_null(json_object_get(answer.json, "sequence"));
    answer_clear(&answer);
}
END_TEST

START_TEST(stations_and_the_caller_are_shown_as_the_vault_knows_them)
{
    expect_body("/v1/stations", "x",
                "{\"stations\":[{" STATION_MEMBERS "},{" STATION_MEMBERS "}]}");
    ck_assert_int_eq(seen().role, PROVISIOND__ROLE__ROLE_STATION);
    expect_body("/v1/stations/station-1", "x", "{" STATION_MEMBERS "}");
    ck_assert_str_eq(seen().name, "station-1");
    ck_assert_int_eq(seen().role, PROVISIOND__ROLE__ROLE_STATION);
    expect_body("/v1/self", "plain",
                "{\"name\":\"station-1\",\"role\":\"metrics\",\"enabled\":true,\"keys\":[{\"key\":"
                "\"" DIGEST_HEX "\",\"added_at\":\"" TIME_TEXT
                "\"}],\"products\":[],\"lines\":[]}");
}
END_TEST

START_TEST(sums_come_by_lot_by_day_and_by_station)
{
    static const char *const words[] = {"lot", "day", "station"};
    char path[128];
    char body[1024];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "/v1/products/widget/usage/%ss?since=%s&until=%s",
                       words[i], TIME_TEXT, TIME_TEXT);
        (void)snprintf(body, sizeof body,
                       "{\"rows\":[{\"%s\":\"\"," SUMS "},{\"%s\":\"A\"," SUMS
                       "},{\"%s\":\"B\"," SUMS "}]}",
                       words[i], words[i], words[i]);
        expect_body(path, "x", body);
        ck_assert_int_eq(seen().by, i + 1);
        ck_assert_int_eq(seen().since, PEER_TIME_MS);
        ck_assert_int_eq(seen().until, PEER_TIME_MS);
        ck_assert_str_eq(seen().product, "widget");
    }
}
END_TEST

/* The row of the empty key comes first. */
START_TEST(each_row_of_sums_comes_once_whatever_the_limit_is)
{
    for (unsigned limit = 1; limit <= 3; limit++) {
        char path[192] = "";
        char keys[16] = "";
        char cursor[96] = "";
        for (int page = 0; page < 4; page++) {
            (void)snprintf(path, sizeof path, "/v1/products/widget/usage/lots?limit=%u%s", limit,
                           cursor);
            get(path, "x");
            ck_assert_msg(answer.status == 200, "%s", answer.body);
            json_t *rows = json_object_get(answer.json, "rows");
            ck_assert_uint_le(json_array_size(rows), limit);
            for (size_t i = 0; i < json_array_size(rows); i++) {
                const char *key =
                    json_string_value(json_object_get(json_array_get(rows, i), "lot"));
                strcat(keys, *key != '\0' ? key : "-");
            }
            bool has_more = answer_text(&answer, "next_cursor")[0] != '\0';
            (void)snprintf(cursor, sizeof cursor, "&cursor=%s",
                           answer_text(&answer, "next_cursor"));
            answer_clear(&answer);
            if (!has_more)
                break;
        }
        ck_assert_str_eq(keys, "-AB");
    }
}
END_TEST

START_TEST(too_long_a_time_for_sums_is_told_at_its_begin)
{
    get("/v1/products/widget/usage/days", "fault-bad-request");
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "?since");
    answer_clear(&answer);
}
END_TEST

START_TEST(name_in_a_path_that_can_be_none_is_unknown_and_never_asked)
{
    static const struct {
        const char *path;
        const char *problem;
    } cases[] = {
        {"/v1/licenses/ins-" UUID_TEXT, "install-unknown"},
        {"/v1/licenses/batches", "install-unknown"},
        {"/v1/installs/lic-" UUID_TEXT, "install-unknown"},
        {"/v1/installs/ins-" UUID_TEXT "0", "install-unknown"},
        {"/v1/images/latest", "image-unknown"},
        {"/v1/images/" DIGEST_HEX, "image-unknown"},
        {"/v1/products/-", "product-unknown"},
        {"/v1/products/a:b/policy", "product-unknown"},
        {"/v1/products/.a/usage/lots", "product-unknown"},
        {"/v1/grants/0a1b2c3d-1111-4222-8333-44445555666", "grant-unknown"},
        {"/v1/grants/0a1b2c3d-1111-4222-8333-44445555666A", "grant-unknown"},
        {"/v1/grants/0a1b2c3d-1111-4222-8333444455556666x", "grant-unknown"},
        {"/v1/stations/_", "principal-unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        get(cases[i].path, "x");
        answer_expect_problem(&answer, 404, cases[i].problem);
        answer_clear(&answer);
    }
    ck_assert_uint_eq(seen().count, 0);
}
END_TEST

/* Each word breaks one field of the vault's reply. */
static void expect_unsound(const char *path, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        get(path, words[i]);
        ck_assert_msg(answer.status == 500, "%s, %s: %s", path, words[i], answer.body);
        answer_expect_problem(&answer, 500, "internal");
        answer_clear(&answer);
    }
}
#define EXPECT_UNSOUND(path, ...)                                      \
    do {                                                               \
        static const char *const words[] = {__VA_ARGS__};              \
        expect_unsound((path), words, sizeof words / sizeof words[0]); \
    } while (0)

START_TEST(install_that_breaks_its_limits_is_not_shown)
{
    EXPECT_UNSOUND("/v1/licenses", "spoil-id", "spoil-product", "spoil-profile", "spoil-image",
                   "spoil-device", "spoil-serial", "spoil-station", "spoil-digest", "spoil-index",
                   "spoil-time", "spoil-far-time", "spoil-attempts", "spoil-next", "other-type");
    EXPECT_UNSOUND("/v1/installs", "spoil-id", "spoil-lot", "spoil-long-line", "spoil-result",
                   "spoil-no-result", "spoil-detail", "spoil-reporter");
    EXPECT_UNSOUND("/v1/installs/ins-" UUID_TEXT, "nothing", "spoil-time", "other-type");
    EXPECT_UNSOUND("/v1/licenses/lic-" UUID_TEXT, "nothing", "spoil-time");
}
END_TEST

START_TEST(product_that_breaks_its_limits_is_not_shown)
{
    EXPECT_UNSOUND("/v1/products", "spoil-name", "spoil-profile", "spoil-policy", "spoil-granted",
                   "spoil-charged", "spoil-limit", "spoil-state", "spoil-wrapping", "spoil-crls",
                   "spoil-a-sequence", "spoil-a-digest", "spoil-a-first", "other-type");
    EXPECT_UNSOUND("/v1/products/widget", "nothing", "spoil-name", "spoil-a-key", "spoil-a-members",
                   "spoil-a-nobody", "spoil-a-threshold", "other-type");
    EXPECT_UNSOUND("/v1/products/widget/policy", "spoil-name", "spoil-policy", "spoil-options",
                   "spoil-list-options", "spoil-a-key", "spoil-a-members", "spoil-a-nobody",
                   "spoil-a-threshold", "spoil-a-sequence", "spoil-no-product", "spoil-nul",
                   "spoil-anchors", "spoil-empty", "other-type");
}
END_TEST

START_TEST(image_grant_principal_or_sum_that_breaks_its_limits_is_not_shown)
{
    EXPECT_UNSOUND("/v1/images", "spoil-image", "spoil-product", "spoil-label", "spoil-size",
                   "spoil-time", "spoil-alias", "spoil-content", "spoil-iv", "spoil-tag",
                   "other-type");
    EXPECT_UNSOUND("/v1/grants", "spoil-id", "spoil-kind", "spoil-units", "spoil-taken",
                   "spoil-lot", "spoil-sequence", "spoil-time", "spoil-digest", "spoil-product",
                   "spoil-index", "spoil-next", "other-type");
    EXPECT_UNSOUND(GRANT_PATH, "nothing", "spoil-content", "spoil-empty", "spoil-id");
    EXPECT_UNSOUND("/v1/stations", "spoil-name", "spoil-role", "spoil-no-role", "spoil-key",
                   "spoil-time", "spoil-no-keys", "spoil-keys", "spoil-product", "spoil-line",
                   "spoil-products", "spoil-lines", "other-type");
    EXPECT_UNSOUND("/v1/stations/station-1", "nothing", "spoil-key");
    EXPECT_UNSOUND("/v1/self", "nothing", "spoil-keys", "other-type");
    EXPECT_UNSOUND("/v1/products/widget/usage/lots", "spoil-key", "spoil-count", "spoil-proven",
                   "spoil-more", "other-type");
}
END_TEST

START_TEST(head_of_a_list_has_its_length_and_no_body)
{
    call_send(&(struct call){.path = "/v1/products", .method = "HEAD"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, 0);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/json");
    ck_assert_str_ne(answer_header(&answer, "Content-Length"), "0");
    answer_clear(&answer);
}
END_TEST

Suite *reads_suite(void)
{
    Suite *suite = suite_create("api/reads");
    TCase *tcase = tcase_create("reads");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, licenses_are_listed_without_what_became_of_them);
    tcase_add_test(tcase, installs_are_listed_with_context_and_result);
    tcase_add_test(tcase, what_an_install_has_not_is_left_out);
    tcase_add_test(tcase, each_member_of_a_query_reaches_the_vault);
    tcase_add_test(tcase, until_the_first_moment_is_not_until_now);
    tcase_add_test(tcase, pages_follow_one_another_by_their_cursors);
    tcase_add_test(tcase, products_are_shown_with_their_units);
    tcase_add_test(tcase, product_and_policy_say_the_same_of_who_governs);
    tcase_add_test(tcase, policy_names_who_may_change_it);
    tcase_add_test(tcase, images_are_shown_without_their_bytes);
    tcase_add_test(tcase, grants_are_listed_and_one_comes_with_its_document);
    tcase_add_test(tcase, stations_and_the_caller_are_shown_as_the_vault_knows_them);
    tcase_add_test(tcase, sums_come_by_lot_by_day_and_by_station);
    tcase_add_test(tcase, each_row_of_sums_comes_once_whatever_the_limit_is);
    tcase_add_test(tcase, too_long_a_time_for_sums_is_told_at_its_begin);
    tcase_add_test(tcase, name_in_a_path_that_can_be_none_is_unknown_and_never_asked);
    tcase_add_test(tcase, install_that_breaks_its_limits_is_not_shown);
    tcase_add_test(tcase, product_that_breaks_its_limits_is_not_shown);
    tcase_add_test(tcase, image_grant_principal_or_sum_that_breaks_its_limits_is_not_shown);
    tcase_add_test(tcase, head_of_a_list_has_its_length_and_no_body);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What one caller may ask, over HTTP. */
#include <string.h>

#include "api/penance.h"
#include "call.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "front.h"
#include "peer_reply.h"

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

/* How many are served until one is refused, which a slow machine delays. */
static unsigned send_until_refused(const struct call *call, long status)
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
    answer_expect_problem(&answer, 429, "too-many-requests");
    ck_assert_str_eq(answer_header(&answer, "Retry-After"), "1");
    ck_assert(json_is_true(json_object_get(answer.json, "retryable")));
    answer_clear(&answer);
    return served;
}

START_TEST(who_asks_too_often_is_told_when_to_come_back_and_others_are_served)
{
    const struct call call = {.path = "/v1/licenses", .body = call_license_body("widget")};
    ck_assert_uint_ge(send_until_refused(&call, 201), BURST);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz", .client = "rsa"}), 200);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

/* A question that the peer answers, and whose turn it asked for. */
static struct sha256 lane_of(const char *client, const char *path)
{
    struct sha256 lane;
    ck_assert_int_eq(call_status(&(struct call){.path = path, .client = client}), 200);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_uint_eq(seen.lane_length, SHA256_SIZE);
    memcpy(lane.bytes, seen.lane, SHA256_SIZE);
    return lane;
}

START_TEST(keys_of_one_principal_share_a_burst_and_a_lane)
{
    static const char *const clients[] = {"station", "rsa", "p384"};
    struct sha256 lanes[3];
    peer_set_principal("line-1");
    for (size_t i = 0; i < 3; i++)
        (void)call_status(&(struct call){.path = "/v1/self", .client = clients[i]});
    for (size_t i = 0; i < 3; i++)
        lanes[i] = lane_of(clients[i], "/readyz");
    ck_assert(sha256_equal(&lanes[0], &lanes[1]));
    ck_assert(sha256_equal(&lanes[0], &lanes[2]));
    (void)send_until_refused(&(struct call){.path = "/readyz"}, 200);
    unsigned served = send_until_refused(&(struct call){.path = "/readyz", .client = "rsa"}, 200);
    ck_assert_uint_lt(served, BURST - 1); /* as many as were paid off meanwhile, no burst */
}
END_TEST

START_TEST(key_that_is_nobodys_has_a_lane_of_its_own)
{
    struct sha256 before = lane_of("station", "/readyz");
    struct sha256 other = lane_of("rsa", "/readyz");
    ck_assert(!sha256_equal(&before, &other));
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_mem_eq(other.bytes, seen.lane, SHA256_SIZE);
    peer_set_principal("line-1");
    (void)call_status(&(struct call){.path = "/v1/self"});
    struct sha256 known = lane_of("station", "/readyz");
    ck_assert(!sha256_equal(&before, &known));
    peer_set_principal(NULL); /* the vault says that it is nobody's now */
    ck_assert_int_eq(call_status(&(struct call){.path = "/v1/self",
                                                .headers = {"X-Request-Id: fault-forbidden"}}),
                     403);
    struct sha256 after = lane_of("station", "/readyz");
    ck_assert(sha256_equal(&before, &after));
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

#define REFUSALS_MAX 1000

/* The first refusals leave at once, so many that one waits come soon; what they say is the same. */
static void refuse_until_one_waits(struct call call, const char *const *clients, long status)
{
    int64_t took = 0;
    for (size_t i = 0; took < PENANCE_MS; i++) {
        ck_assert_uint_lt(i, REFUSALS_MAX);
        call.client = clients[i % 3];
        int64_t begun = clock_monotonic_ms();
        ck_assert_int_eq(call_status(&call), status);
        took = clock_monotonic_ms() - begun;
    }
}

START_TEST(refusals_of_clients_without_a_certificate_wait_when_they_are_many)
{
    static const char *const nobody[] = {"", "", ""};
    refuse_until_one_waits((struct call){.path = "/v1/self"}, nobody, 401);
    refuse_until_one_waits((struct call){.path = "/livez"}, nobody, 200); /* counts as well */
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
}
END_TEST

START_TEST(refusals_of_keys_that_the_vault_does_not_know_count_together_by_their_address)
{
    static const char *const keys[] = {"rsa", "p384", "ed25519"};
    struct call call = {.path = "/v1/products", .headers = {"X-Request-Id: principal-unknown"}};
    refuse_until_one_waits(call, keys, 403);
    ck_assert_uint_lt(vault_peer_seen(front.vault).count, 3UL * BURST);
    call_send(&call, &answer);
    answer_expect_problem(&answer, 403, "forbidden");
    ck_assert_str_eq(answer_text(&answer, "check"), "principal-unknown");
    answer_clear(&answer);
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
    ck_assert_uint_ge(send_until_refused(&(struct call){.path = "/nothing"}, 404), BURST);
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
    int64_t begun = clock_monotonic_ms();
    call_send(&call, &answer);
    ck_assert_int_ge(clock_monotonic_ms() - begun, PENANCE_MS);
    answer_expect_problem(&answer, 429, "too-many-requests");
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, asked);
}
END_TEST

START_TEST(a_list_counts_by_the_rows_that_are_asked_for)
{
    const struct call few = {.path = "/v1/licenses?limit=1"};
    const struct call many = {.path = "/v1/licenses?limit=256"}; /* 9 of a burst of 10 */
    ck_assert_int_eq(call_status(&many), 200);
    ck_assert_int_eq(call_status(&many), 429);
    ck_assert_int_eq(call_status(&(struct call){.path = few.path, .client = "rsa"}), 200);
}
END_TEST

/* Spaces before the JSON: a body is dear however it ends. */
START_TEST(a_body_counts_by_its_bytes)
{
    static char body[8 * 4096 + 3];
    memset(body, ' ', sizeof body - 1);
    memcpy(body + sizeof body - 3, "{}", 2);
    const struct call call = {.path = "/v1/licenses", .body = body};
    ck_assert_int_eq(call_status(&call), 400);
    ck_assert_int_eq(call_status(&call), 429);
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
    tcase_add_test(tcase, keys_of_one_principal_share_a_burst_and_a_lane);
    tcase_add_test(tcase, key_that_is_nobodys_has_a_lane_of_its_own);
    tcase_add_test(tcase, refusal_waits_so_that_a_connection_gets_few_of_them);
    tcase_add_test(tcase, refusals_of_clients_without_a_certificate_wait_when_they_are_many);
    tcase_add_test(tcase,
                   refusals_of_keys_that_the_vault_does_not_know_count_together_by_their_address);
    tcase_add_test(tcase, stop_lets_those_go_who_wait_for_their_refusal);
    tcase_add_test(tcase, unknown_paths_count_as_well);
    tcase_add_test(tcase, a_batch_counts_as_its_licenses);
    tcase_add_test(tcase, a_list_counts_by_the_rows_that_are_asked_for);
    tcase_add_test(tcase, a_body_counts_by_its_bytes);
    tcase_add_test(tcase, a_caller_has_so_many_requests_under_way_and_others_are_served);
    tcase_add_test(tcase, a_client_that_leaves_is_not_under_way_any_more);
    suite_add_tcase(suite, tcase);
    return suite;
}

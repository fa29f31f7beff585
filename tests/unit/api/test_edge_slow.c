/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Clients that say nothing, or a byte now and then. */
#include <string.h>
#include <unistd.h>

#include "api/api_limits.h"
#include "call.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "front.h"
#include "wire.h"

#define RECEIVE_TIMEOUT_MS 1000
#define IDLE_TIMEOUT_MS    2000
#define SLACK_MS           2500 /* of a loaded machine, and the keeper's pace */

#define REQUEST            "GET /livez HTTP/1.1\r\nHost: x\r\n"

static void start(void)
{
    front_configure();
    front.config.api.receive_timeout_s = RECEIVE_TIMEOUT_MS / 1000;
    front.config.api.idle_timeout_s = IDLE_TIMEOUT_MS / 1000;
    front_start_api();
    front_start_vault();
}

static void expect_cut(struct wire *wire, const char *text, int64_t after_ms)
{
    int64_t spent = wire_time_until_cut(wire, text);
    ck_assert_int_ge(spent, after_ms / 2); /* the time began before the handshake */
    ck_assert_int_le(spent, after_ms + SLACK_MS);
    wire_close(wire);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}

START_TEST(a_client_that_never_begins_the_handshake_is_cut_off)
{
    expect_cut(wire_connect(), NULL, RECEIVE_TIMEOUT_MS);
}
END_TEST

START_TEST(a_handshake_that_comes_byte_by_byte_is_cut_off)
{
    struct wire *wire = wire_connect();
    /* A handshake record of 512 bytes begins. */
    ck_assert(wire_send(wire, "\x16\x03\x01\x02"));
    expect_cut(wire, "\x01", RECEIVE_TIMEOUT_MS);
}
END_TEST

START_TEST(a_client_that_says_nothing_after_the_handshake_is_cut_off)
{
    expect_cut(wire_connect_tls(), NULL, RECEIVE_TIMEOUT_MS);
}
END_TEST

START_TEST(headers_that_come_byte_by_byte_are_cut_off)
{
    struct wire *wire = wire_connect_tls();
    ck_assert(wire_send(wire, REQUEST "X-Slow: "));
    expect_cut(wire, "a", RECEIVE_TIMEOUT_MS);
}
END_TEST

START_TEST(a_body_that_comes_byte_by_byte_is_cut_off)
{
    struct wire *wire = wire_connect_tls();
    ck_assert(wire_send(wire, "POST /v1/licenses HTTP/1.1\r\nHost: x\r\nContent-Type: "
                              "application/json\r\nContent-Length: 1000\r\n\r\n{"));
    expect_cut(wire, " ", RECEIVE_TIMEOUT_MS);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(the_next_request_of_a_kept_connection_may_not_come_byte_by_byte_for_ever)
{
    struct wire *wire = wire_connect_tls();
    wire_exchange(wire, REQUEST "\r\n", "HTTP/1.1 200");
    ck_assert(wire_send(wire, REQUEST "X-Slow: "));
    expect_cut(wire, "a", IDLE_TIMEOUT_MS + RECEIVE_TIMEOUT_MS);
}
END_TEST

START_TEST(a_kept_connection_may_rest_for_the_idle_time)
{
    struct wire *wire = wire_connect_tls();
    for (size_t i = 0; i < 3; i++) {
        wire_exchange(wire, REQUEST "\r\n", "HTTP/1.1 200");
        (void)usleep((IDLE_TIMEOUT_MS - 700) * 1000);
    }
    wire_exchange(wire, REQUEST "\r\n", "HTTP/1.1 200");
    expect_cut(wire, NULL, IDLE_TIMEOUT_MS);
}
END_TEST

START_TEST(who_waits_for_the_vault_is_not_cut_off)
{
    struct calls *calls =
        calls_start(&(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, 1);
    while (vault_peer_held(front.vault) < 1)
        ck_assert_uint_eq(calls_pump(calls), 1);
    (void)usleep((RECEIVE_TIMEOUT_MS + IDLE_TIMEOUT_MS + 1000) * 1000);
    vault_peer_release(front.vault);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 201), 1);
    calls_free(calls);
}
END_TEST

/* ---- answers ---- */

#define IMAGE_BYTES  33554432L /* more than lies in sockets */
#define READ_PACE_MS 100
/* A window of this host reopens by 64 KiB at a time, and a pace is short here. */
#define READ_BYTES ((size_t)READ_PACE_MS * 40 * API_ANSWER_BYTES_PER_S / 1000)

/* Not libmicrohttpd, for want of any progress, shall end what is too slow. */
static void start_patient(void)
{
    front_configure();
    front.config.api.receive_timeout_s = RECEIVE_TIMEOUT_MS / 1000;
    front_start_api();
    front_start_vault();
}

/* An image of zeros, and one who has asked for it. */
static struct wire *begin_download(void)
{
    ck_assert_int_eq(truncate(front.image_path, IMAGE_BYTES), 0);
    struct wire *wire = wire_connect_narrow();
    ck_assert(wire_send(
        wire, "GET "
              "/v1/images/sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/"
              "content HTTP/1.1\r\nHost: x\r\n\r\n"));
    return wire;
}

static bool is_somebody_cut_off(void)
{
    struct answer answer;
    call_send(&(struct call){.path = "/metrics"}, &answer);
    bool is_cut = strstr(answer.body, "\nprovisiond_connections_cut_off_total 0\n") == NULL;
    answer_clear(&answer);
    return is_cut;
}

START_TEST(who_reads_hardly_anything_of_an_answer_is_cut_off)
{
    struct wire *wire = begin_download();
    while (!is_somebody_cut_off()) {
        (void)wire_take(wire, 1);
        (void)usleep(READ_PACE_MS * 1000);
    }
    while (wire_take(wire, (size_t)IMAGE_BYTES) > 0)
        continue;
    ck_assert(wire_is_cut(wire));
    wire_close(wire);
}
END_TEST

START_TEST(who_reads_an_answer_slowly_has_the_time_for_it)
{
    struct wire *wire = begin_download();
    int64_t begun = clock_monotonic_ms();
    size_t taken = 0;
    while (clock_monotonic_ms() - begun < 4LL * RECEIVE_TIMEOUT_MS) {
        taken += wire_take(wire, READ_BYTES);
        (void)usleep(READ_PACE_MS * 1000);
    }
    ck_assert(!is_somebody_cut_off());
    ck_assert_uint_gt(taken, 3 * READ_BYTES);
    wire_close(wire);
}
END_TEST

Suite *slow_suite(void)
{
    Suite *suite = suite_create("api/slow");
    TCase *tcase = tcase_create("slow");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_client_that_never_begins_the_handshake_is_cut_off);
    tcase_add_test(tcase, a_handshake_that_comes_byte_by_byte_is_cut_off);
    tcase_add_test(tcase, a_client_that_says_nothing_after_the_handshake_is_cut_off);
    tcase_add_test(tcase, headers_that_come_byte_by_byte_are_cut_off);
    tcase_add_test(tcase, a_body_that_comes_byte_by_byte_is_cut_off);
    tcase_add_test(tcase, the_next_request_of_a_kept_connection_may_not_come_byte_by_byte_for_ever);
    tcase_add_test(tcase, a_kept_connection_may_rest_for_the_idle_time);
    tcase_add_test(tcase, who_waits_for_the_vault_is_not_cut_off);
    tcase_add_test(tcase, who_reads_an_answer_slowly_has_the_time_for_it);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("patient");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_patient, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, who_reads_hardly_anything_of_an_answer_is_cut_off);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The limits that the configuration sets: connections, sizes, depth, chains. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "edge_suites.h"
#include "front.h"
#include "wire.h"

#define PER_ADDRESS 4
#define PLACES_MAX  6

static struct answer answer;

static void start(void)
{
    front_configure();
    front.config.api.connections_per_address = PER_ADDRESS;
    front.config.api.header_max_bytes = 4096;
    front.config.api.body_max_bytes = 2048;
    front.config.api.json_depth_max = 4;
    front.config.api.chain_max_certificates = 2; /* libcurl sends the CA's */
    front_start_api();
    front_start_vault();
}

static bool is_cut_soon(struct wire *wire)
{
    for (int i = 0; i < 50; i++) {
        if (wire_is_cut(wire))
            return true;
        (void)poll(NULL, 0, 10);
    }
    return false;
}

/* As many connections as are allowed are served, one more is closed; a place that falls free
 * counts. */
static void expect_places(size_t count)
{
    struct wire *wires[PLACES_MAX];
    for (size_t i = 0; i < count; i++)
        wires[i] = wire_connect_tls();
    struct wire *surplus = wire_connect();
    ck_assert(is_cut_soon(surplus));
    wire_close(surplus);
    for (size_t i = 0; i < count; i++)
        ck_assert(!wire_is_cut(wires[i]));
    for (size_t i = 0; i < count; i++)
        wire_close(wires[i]);
    while (call_status(&(struct call){.path = "/livez"}) != 200)
        (void)poll(NULL, 0, 10);
}

START_TEST(an_address_has_so_many_connections_and_no_more)
{
    expect_places(PER_ADDRESS);
}
END_TEST

START_TEST(all_together_have_so_many_connections_and_no_more)
{
    front_configure();
    front.config.api.connections = PLACES_MAX;
    front_start_api();
    expect_places(PLACES_MAX);
}
END_TEST

static long status_with_header_of(size_t length)
{
    static char header[16384];
    strcpy(header, "X-Filler: ");
    memset(header + strlen(header), 'a', length);
    header[strlen("X-Filler: ") + length] = '\0';
    return call_status(&(struct call){.path = "/livez", .headers = {header}});
}

START_TEST(headers_have_the_configured_size)
{
    ck_assert_int_eq(status_with_header_of(3500), 200);
    ck_assert_int_eq(status_with_header_of(9000), 431);
    ck_assert_int_eq(status_with_header_of(3500), 200);
}
END_TEST

static void send_body(const char *body, size_t length)
{
    call_send(&(struct call){.path = "/v1/licenses", .body = body, .body_length = length}, &answer);
}

START_TEST(a_body_has_the_configured_size)
{
    static char body[2049];
    memset(body, ' ', sizeof body);
    send_body(body, 2048);
    answer_expect_problem(&answer, 400, "bad-request");
    answer_clear(&answer);
    send_body(body, 2049);
    answer_expect_problem(&answer, 413, "request-too-large");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "is set up to take"));
    answer_clear(&answer);
}
END_TEST

START_TEST(json_has_the_configured_depth)
{
    static const char deep[] = "{\"product\":[[[[]]]]}";
    static const char less[] = "{\"product\":[[[]]]}";
    send_body(deep, 0);
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_str_eq(answer_text(&answer, "path"), "$");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "nested deeper"));
    answer_clear(&answer);
    send_body(less, 0);
    ck_assert_str_eq(answer_text(&answer, "path"), "$.product");
    answer_clear(&answer);
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_client_sends_so_many_certificates_and_no_more)
{
    call_send(&(struct call){.path = "/readyz", .client = "station-chain"}, &answer);
    answer_expect_problem(&answer, 401, "unauthenticated");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "more certificates"));
    answer_clear(&answer);
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
}
END_TEST

/* ---- the bodies of all ---- */

#define MIB 1048576

static void start_small(void)
{
    front_configure();
    front.config.api.bodies_max_bytes = 2 * MIB;
    front_start_api();
    front_start_vault();
}

/* The number of that metric. */
static long long metric(const char *name)
{
    char wanted[64];
    call_send(&(struct call){.path = "/metrics"}, &answer);
    (void)snprintf(wanted, sizeof wanted, "\n%s ", name);
    const char *at = strstr(answer.body, wanted);
    ck_assert_ptr_nonnull(at);
    long long number = strtoll(at + strlen(wanted), NULL, 10);
    answer_clear(&answer);
    return number;
}

/* A batch of 1 MiB begins, and so many bytes of it are sent. */
static struct wire *begin_batch(size_t length)
{
    static char body[MIB];
    struct wire *wire = wire_connect_tls();
    ck_assert(wire_send(wire, "POST /v1/licenses/batch HTTP/1.1\r\nHost: x\r\nContent-Type: "
                              "application/json\r\nContent-Length: 1048576\r\n\r\n"));
    memset(body, ' ', length);
    body[length] = '\0';
    ck_assert(wire_send(wire, body));
    return wire;
}

static void wait_for_bytes(long long least)
{
    while (metric("provisiond_body_bytes") < least)
        (void)poll(NULL, 0, 10);
}

START_TEST(bodies_take_memory_as_their_bytes_come)
{
    struct wire *wire = begin_batch(1000);
    wait_for_bytes(1);
    ck_assert_int_lt(metric("provisiond_body_bytes"), 20000);
    wire_close(wire);
    while (metric("provisiond_body_bytes") > 0)
        (void)poll(NULL, 0, 10);
}
END_TEST

START_TEST(all_bodies_together_have_so_many_bytes_and_single_licenses_pass_batches)
{
    struct wire *first = begin_batch(MIB * 3 / 4);
    wait_for_bytes(MIB);
    struct wire *second = begin_batch(MIB - 1);
    wire_exchange(second, " ", "HTTP/1.1 503");
    ck_assert_int_eq(metric("provisiond_body_bytes"), MIB);
    ck_assert_int_eq(metric("provisiond_bodies_refused_total"), 1);
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
    wire_close(second);
    wire_close(first);
    while (metric("provisiond_body_bytes") > 0)
        (void)poll(NULL, 0, 10);
    struct wire *third = begin_batch(MIB - 1);
    wire_exchange(third, " ", "HTTP/1.1 400"); /* there is nothing in it */
    wire_close(third);
}
END_TEST

START_TEST(a_request_that_waits_for_the_vault_holds_no_body)
{
    struct calls *calls =
        calls_start(&(struct call){.path = "/v1/licenses", .body = call_license_body("held")}, 3);
    while (vault_peer_held(front.vault) < 3)
        ck_assert_uint_eq(calls_pump(calls), 3);
    ck_assert_int_eq(metric("provisiond_body_bytes"), 0);
    vault_peer_release(front.vault);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 201), 3);
    calls_free(calls);
}
END_TEST

Suite *bounds_suite(void)
{
    Suite *suite = suite_create("api/bounds");
    TCase *tcase = tcase_create("bounds");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_address_has_so_many_connections_and_no_more);
    tcase_add_test(tcase, headers_have_the_configured_size);
    tcase_add_test(tcase, a_body_has_the_configured_size);
    tcase_add_test(tcase, json_has_the_configured_depth);
    tcase_add_test(tcase, a_client_sends_so_many_certificates_and_no_more);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("connections");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, NULL, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_together_have_so_many_connections_and_no_more);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("bodies");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_small, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, bodies_take_memory_as_their_bytes_come);
    tcase_add_test(tcase, all_bodies_together_have_so_many_bytes_and_single_licenses_pass_batches);
    tcase_add_test(tcase, a_request_that_waits_for_the_vault_holds_no_body);
    suite_add_tcase(suite, tcase);
    return suite;
}

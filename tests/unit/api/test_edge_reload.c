/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Another configuration while requests go on, and the question that a server asks itself. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/keeper.h"
#include "api/listener.h"
#include "api/server.h"
#include "call.h"
#include "caught_log.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "../ledger/set_clock.h"
#include "front.h"

#define DAY_S        86400
#define PROBE_MS     10000 /* for a machine that is busy */
#define IMPATIENT_MS 300   /* for an answer that will not come */
#define BODY_BYTES   2000
#define MS_PER_S     INT64_C(1000)
#define POLL_US      20000
#define LOOKS_US     (4 * KEEPER_PACE_MS * 1000)

static struct answer answer;
static struct fault fault;
static struct config fresh; /* what the next reload brings */

static void start(void)
{
    front_configure();
    caught_log_start();
    front_start_api();
    front_start_vault();
    fresh = front.config;
}

static void stop(void)
{
    front_stop();
    caught_log_stop();
}

static long status_of(const char *client)
{
    return call_status(&(struct call){.path = "/readyz", .client = client});
}

static long kept_status(struct kept *kept)
{
    kept_send(kept, &answer);
    long status = answer.status;
    answer_clear(&answer);
    return status;
}

/* Connections that their clients have closed count until the server has noticed. */
static long status_once_there_is_room(struct kept *kept)
{
    long status = 0;
    for (deadline_ms end = deadline_in(PROBE_MS); status == 0 && deadline_left_ms(end) > 0;)
        status = kept_status(kept);
    return status;
}

static void reload(void)
{
    ck_assert_msg(api_reload(front.api, &fresh, &fault) == ERR_OK, "%s", fault.detail);
}

static long status_of_large_body(void)
{
    static char body[BODY_BYTES + 1];
    memset(body, ' ', BODY_BYTES);
    return call_status(&(struct call){.path = "/v1/licenses", .body = body});
}

/* ---- reload ---- */

START_TEST(another_client_ca_counts_on_open_connections_too)
{
    struct kept *kept = kept_open("/readyz");
    ck_assert_int_eq(kept_status(kept), 200);
    ck_assert_int_eq(status_of("stranger"), 401);
    strcpy(fresh.api.client_ca, front_pki_path("other-ca", "pem"));
    reload();
    ck_assert_int_eq(kept_status(kept), 401);
    ck_assert_int_eq(status_of("station"), 401);
    ck_assert_int_eq(status_of("stranger"), 200);
    strcpy(fresh.api.client_ca, front_pki_path("ca", "pem"));
    reload();
    ck_assert_int_eq(kept_status(kept), 200);
    ck_assert_int_eq(status_of("stranger"), 401);
    kept_close(kept);
}
END_TEST

START_TEST(another_server_certificate_is_shown)
{
    front_make_server("short", time(NULL) + DAY_S);
    strcpy(fresh.api.certificate, front_pki_path("short", "pem"));
    strcpy(fresh.api.key, front_pki_path("short", "key"));
    reload();
    call_send(&(struct call){.path = "/readyz"}, &answer);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(answer.json, "checks"), "certificate")),
        "expiring");
    answer_clear(&answer);
}
END_TEST

/* ---- the clock ---- */

static void expect_certificate(struct kept *kept, long status, const char *word)
{
    kept_send(kept, &answer);
    ck_assert_int_eq(answer.status, status);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(answer.json, "checks"), "certificate")),
        word);
    answer_clear(&answer);
}

static void await_lines(unsigned count)
{
    for (deadline_ms end = deadline_in(PROBE_MS);
         caught_log_count("server-certificate-invalid") < count && deadline_left_ms(end) > 0;)
        (void)usleep(POLL_US);
    (void)usleep(LOOKS_US);
    ck_assert_uint_eq(caught_log_count("server-certificate-invalid"), count);
}

START_TEST(a_certificate_out_of_its_time_is_told_once_and_makes_the_server_unready)
{
    front_make_server("short", time(NULL) + 30 * DAY_S);
    strcpy(fresh.api.certificate, front_pki_path("short", "pem"));
    strcpy(fresh.api.key, front_pki_path("short", "key"));
    reload();
    struct kept *kept = kept_open("/readyz");
    expect_certificate(kept, 200, "ok");
    set_clock_shift(31 * DAY_S * MS_PER_S);
    expect_certificate(kept, 503, "expired");
    await_lines(1);
    ck_assert_ptr_nonnull(strstr(caught_log_last("server-certificate-invalid"),
                                 "has expired, and stations refuse it: put a renewed one"));
    set_clock_shift(0);
    expect_certificate(kept, 200, "ok");
    await_lines(1); /* and it looks meanwhile */
    set_clock_shift(-3650 * DAY_S * MS_PER_S);
    expect_certificate(kept, 503, "not-yet-valid");
    await_lines(2);
    set_clock_shift(0);
    kept_close(kept);
}
END_TEST

START_TEST(limits_become_those_of_the_new_configuration)
{
    ck_assert_int_eq(status_of_large_body(), 400);
    fresh.api.body_max_bytes = 1024;
    reload();
    ck_assert_int_eq(status_of_large_body(), 413);
    fresh.api.body_max_bytes = 98304;
    fresh.api.requests_per_second = 1;
    fresh.api.request_burst = 1;
    reload();
    (void)status_of("rsa");
    ck_assert_int_eq(status_of("rsa"), 429);
    fresh.api.connections_per_address = 1;
    reload();
    struct kept *kept = kept_open("/livez");
    ck_assert_int_eq(status_once_there_is_room(kept), 200);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez", .client = ""}), 0);
    kept_close(kept);
}
END_TEST

/* The first thing is good, the last is not: nothing of it is in force. */
START_TEST(reload_with_a_bad_file_changes_nothing)
{
    static const char *const reasons[] = {"key-mismatch", "client-ca-file", "client-crl-file"};
    struct kept *kept = kept_open("/readyz");
    fresh.api.body_max_bytes = 1024;
    if (_i == 0)
        strcpy(fresh.api.key, front_pki_path("server-2", "key"));
    if (_i == 1)
        strcpy(fresh.api.client_ca, "/nonexistent");
    if (_i == 2) {
        strcpy(fresh.api.client_ca, front_pki_path("other-ca", "pem"));
        strcpy(fresh.api.client_crl, "/nonexistent");
    }
    ck_assert_int_eq(api_reload(front.api, &fresh, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, reasons[_i]);
    ck_assert_int_eq(kept_status(kept), 200);
    ck_assert_int_eq(status_of("station"), 200);
    ck_assert_int_eq(status_of("stranger"), 401);
    ck_assert_int_eq(status_of_large_body(), 400);
    kept_close(kept);
}
END_TEST

/* ---- probe ---- */

static enum error probe(int64_t timeout_ms)
{
    return api_probe(front.api, deadline_in(timeout_ms), &fault);
}

START_TEST(probe_is_answered_by_each_event_loop)
{
    for (int i = 0; i < 8; i++)
        ck_assert_msg(probe(PROBE_MS) == ERR_OK, "%s", fault.detail);
    ck_assert_uint_eq(caught_log_count("request"), 0);
}
END_TEST

START_TEST(no_limit_stands_in_the_way_of_the_probe)
{
    fresh.api.connections = 1;
    fresh.api.connections_per_address = 1;
    fresh.api.requests_per_second = 1;
    fresh.api.request_burst = 1;
    struct kept *kept = kept_open("/livez");
    ck_assert_int_eq(kept_status(kept), 200);
    reload();
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez", .client = ""}), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(probe(PROBE_MS) == ERR_OK, "%s", fault.detail);
    kept_close(kept);
}
END_TEST

/* Whoever begins a connection waits for the watch. */
START_TEST(probe_fails_while_the_event_loops_hang_and_not_after)
{
    (void)pthread_mutex_lock(&front.api->watch.lock);
    ck_assert_int_eq(probe(IMPATIENT_MS), ERR_TIMEOUT);
    ck_assert_str_eq(fault.reason, "no-answer");
    (void)pthread_mutex_unlock(&front.api->watch.lock);
    ck_assert_int_eq(probe(PROBE_MS), ERR_OK);
}
END_TEST

START_TEST(vault_that_is_away_is_no_reason_to_fail_the_probe)
{
    vault_peer_stop(front.vault);
    front.vault = NULL;
    ck_assert_msg(probe(PROBE_MS) == ERR_OK, "%s", fault.detail);
}
END_TEST

Suite *reload_suite(void)
{
    Suite *suite = suite_create("api/reload");
    TCase *tcase = tcase_create("reload");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, another_client_ca_counts_on_open_connections_too);
    tcase_add_test(tcase, another_server_certificate_is_shown);
    tcase_add_test(tcase, a_certificate_out_of_its_time_is_told_once_and_makes_the_server_unready);
    tcase_add_test(tcase, limits_become_those_of_the_new_configuration);
    tcase_add_loop_test(tcase, reload_with_a_bad_file_changes_nothing, 0, 3);
    tcase_add_test(tcase, probe_is_answered_by_each_event_loop);
    tcase_add_test(tcase, no_limit_stands_in_the_way_of_the_probe);
    tcase_add_test(tcase, probe_fails_while_the_event_loops_hang_and_not_after);
    tcase_add_test(tcase, vault_that_is_away_is_no_reason_to_fail_the_probe);
    suite_add_tcase(suite, tcase);
    return suite;
}

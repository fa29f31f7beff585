/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* /metrics, judged by promtool too. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "edge_suites.h"
#include "front.h"

#define EXAMPLE_RULES SOURCE_FOLDER "/docs/examples/alerts.yaml"
#define RULES_TEST    SOURCE_FOLDER "/tests/unit/api/alerts_test.yaml"
#define METRICS_PAGE  SOURCE_FOLDER "/docs/metrics.md"

static struct answer answer;

static void read_metrics(const char *word)
{
    char id[64];
    answer_clear(&answer);
    (void)snprintf(id, sizeof id, "X-Request-Id: %s", word);
    call_send(&(struct call){.path = "/metrics", .headers = {id}}, &answer);
}

/* Fails unless the text has that line. */
static void expect_line(const char *line)
{
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    ck_assert_msg(strstr(answer.body, wanted) != NULL, "%s is not in:\n%s", line, answer.body);
}

static void stop(void)
{
    answer_clear(&answer);
    front_stop();
}

/* ---- the form ---- */

static void expect_promtool_is_pleased(void)
{
    FILE *pipe = popen("promtool check metrics", "we");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fwrite(answer.body, 1, answer.length, pipe), answer.length);
    ck_assert_int_eq(pclose(pipe), 0);
}

START_TEST(promtool_finds_nothing_to_say)
{
    ck_assert_int_eq(call_status(&(struct call){.path = "/readyz"}), 200);
    read_metrics("sound");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"),
                     "text/plain; version=0.0.4; charset=utf-8");
    expect_promtool_is_pleased();
    vault_peer_stop(front.vault);
    front.vault = NULL;
    read_metrics("sound");
    ck_assert_int_eq(answer.status, 200);
    expect_promtool_is_pleased();
}
END_TEST

/* ---- a vault that hangs ---- */

/* A vault in a process of its own, which can be stopped; returns when it listens. */
static pid_t start_vault_process(void)
{
    int ready[2];
    char byte = 0;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        front_start_vault();
        (void)write(ready[1], "x", 1);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return process;
}

static long ready_status(void)
{
    return call_status(&(struct call){.path = "/readyz"});
}

/* The test's own time is less than vault_timeout_ms: an answer after that would be none. */
START_TEST(vault_that_is_stopped_does_not_stop_metrics_and_readyz)
{
    front.config.api.vault_timeout_ms = 600000;
    pid_t vault = start_vault_process();
    front_start_api();
    read_metrics("sound");
    expect_line("provisiond_vault_up 1");
    ck_assert_int_eq(ready_status(), 200);
    ck_assert_int_eq(kill(vault, SIGSTOP), 0);
    read_metrics("sound");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_nonnull(strstr(answer.body, "\nprovisiond_build_info{"));
    ck_assert_ptr_null(strstr(answer.body, "\nprovisiond_check_ok{"));
    ck_assert_ptr_nonnull(strstr(answer.body, "provisiond_vault_up 0\n"));
    answer_clear(&answer);
    call_send(&(struct call){.path = "/readyz"}, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(answer.json, "checks"), "vault")),
        "timeout");
    ck_assert_int_eq(kill(vault, SIGCONT), 0);
    ck_assert_int_eq(ready_status(), 200);
    ck_assert_int_eq(kill(vault, SIGKILL), 0);
    ck_assert_int_eq(waitpid(vault, NULL, 0), vault);
}
END_TEST

/* ---- what is counted ---- */

START_TEST(a_request_is_counted_by_its_route_method_and_status)
{
    call_license("widget", &answer);
    answer_clear(&answer);
    (void)call_status(&(struct call){.path = "/v1/licenses", .body = "{}"});
    (void)call_status(&(struct call){.path = "/livez", .method = "HEAD"});
    (void)call_status(&(struct call){.path = "/made-up", .method = "MADEUP"});
    read_metrics("sound");
    expect_line("provisiond_requests_total{route=\"/v1/licenses\",method=\"POST\",code=\"201\"} 1");
    expect_line("provisiond_requests_total{route=\"/v1/licenses\",method=\"POST\",code=\"400\"} 1");
    expect_line("provisiond_requests_total{route=\"/livez\",method=\"HEAD\",code=\"200\"} 1");
    expect_line("provisiond_requests_total{route=\"none\",method=\"OTHER\",code=\"404\"} 1");
    expect_line(
        "provisiond_request_duration_seconds_count{route=\"/v1/licenses\",method=\"POST\"} 2");
    expect_line("provisiond_request_duration_seconds_bucket{route=\"/v1/"
                "licenses\",method=\"POST\",le=\"+Inf\"} 2");
    expect_line("provisiond_requests_under_way 1");
    ck_assert_ptr_null(strstr(answer.body, "made-up"));
}
END_TEST

START_TEST(certificates_show_when_they_expire)
{
    read_metrics("sound");
    expect_line("provisiond_server_certificate_stale 0");
    ck_assert_ptr_nonnull(strstr(answer.body, "\nprovisiond_server_certificate_expiry_timestamp_"
                                              "seconds 2"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\nprovisiond_client_ca_expiry_timestamp_seconds 2"));
    ck_assert_ptr_null(strstr(answer.body, "client_crl")); /* none is configured */
}
END_TEST

START_TEST(the_vaults_numbers_are_shown)
{
    static const char *const lines[] = {
        "provisiond_check_ok{check=\"hsm\",reason=\"ok\"} 1",
        "provisiond_check_ok{check=\"anchor\",reason=\"none\"} 1",
        "provisiond_hsm_workers{state=\"idle\"} 2",
        "provisiond_hsm_workers{state=\"busy\"} 1",
        "provisiond_hsm_workers{state=\"starting\"} 1",
        "provisiond_hsm_worker_restarts_total 7",
        "provisiond_vault_queue_length 5",
        "provisiond_vault_queue_max 1024",
        "provisiond_vault_queue_refused_total 6",
        "provisiond_hsm_call_seconds_bucket{le=\"0.000250\"} 1",
        "provisiond_hsm_call_seconds_bucket{le=\"0.000500\"} 3",
        "provisiond_hsm_call_seconds_bucket{le=\"10.000000\"} 3",
        "provisiond_hsm_call_seconds_bucket{le=\"+Inf\"} 6",
        "provisiond_hsm_call_seconds_sum 30.000123",
        "provisiond_hsm_call_seconds_count 6",
        "provisiond_ledger_changes_total 12",
        "provisiond_journal_leaves 1042",
        "provisiond_journal_checkpoint_leaves 1041",
        "provisiond_journal_anchored_leaves 1000",
        "provisiond_products_tampered 1",
        "provisiond_product_info{product=\"widget\",governed=\"true\",state=\"ok\"} 1",
        "provisiond_product_granted_units{product=\"gadget\"} 100",
        "provisiond_product_charged_units{product=\"gadget\"} 59",
        "provisiond_product_remaining_units{product=\"widget\"} 41",
        "provisiond_product_unreported_units{product=\"widget\"} 3",
        "provisiond_product_scrap_left_units{product=\"widget\"} 4",
        "provisiond_product_charged_last_hour_units{product=\"widget\"} 20",
        "provisiond_product_crls_expiry_timestamp_seconds{product=\"widget\"} 1764288000",
        "provisiond_vault_up 1",
    };
    read_metrics("sound");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_line(lines[i]);
    ck_assert_ptr_null(strstr(answer.body, "crls_expiry_timestamp_seconds{product=\"gadget\""));
    read_metrics("no-anchor");
    ck_assert_ptr_null(strstr(answer.body, "anchored_leaves"));
}
END_TEST

/* ---- without the vault's answer ---- */

START_TEST(provisionds_own_numbers_do_not_need_the_vault)
{
    static const char *const words[] = {"other-type",   "short-histogram", "no-histogram",
                                        "busy-workers", "bad-product",     "fault-busy",
                                        "fault-timeout"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        read_metrics(words[i]);
        ck_assert_int_eq(answer.status, 200);
        expect_line("provisiond_vault_up 0");
        ck_assert_ptr_nonnull(strstr(answer.body, "provisiond_connections "));
        ck_assert_ptr_null(strstr(answer.body, "provisiond_hsm_workers"));
    }
}
END_TEST

START_TEST(whom_the_vault_refuses_gets_no_numbers)
{
    read_metrics("fault-forbidden");
    answer_expect_problem(&answer, 403, "forbidden");
}
END_TEST

/* ---- what stands beside ---- */

START_TEST(every_metric_is_in_the_page_and_in_no_other_form)
{
    char name[128];
    char entry[160];
    size_t length = 0;
    static char page[65536];
    FILE *file = fopen(METRICS_PAGE, "re");
    ck_assert_ptr_nonnull(file);
    length = fread(page, 1, sizeof page - 1, file);
    page[length] = '\0';
    (void)fclose(file);
    read_metrics("sound");
    for (const char *at = answer.body; (at = strstr(at, "# TYPE ")) != NULL; at++) {
        ck_assert_int_eq(sscanf(at, "# TYPE %127s", name), 1);
        (void)snprintf(entry, sizeof entry, "`%s", name);
        ck_assert_msg(strstr(page, entry) != NULL, "%s is not in docs/metrics.md", name);
    }
}
END_TEST

START_TEST(promtool_accepts_the_alert_rules_and_they_name_metrics_that_exist)
{
    char name[128];
    char line[1024];
    ck_assert_int_eq(system("promtool check rules " EXAMPLE_RULES " >/dev/null"), 0);
    read_metrics("sound");
    FILE *file = fopen(EXAMPLE_RULES, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        for (const char *at = line; (at = strstr(at, "provisiond_")) != NULL; at++) {
            ck_assert_int_eq(sscanf(at, "%127[a-z_]", name), 1);
            ck_assert_msg(strstr(answer.body, name) != NULL ||
                              strncmp(name, "provisiond_client_crl_", 22) == 0,
                          "%s", name);
        }
    }
    (void)fclose(file);
}
END_TEST

START_TEST(each_alert_fires_in_a_bad_hour_and_none_on_a_quiet_site)
{
    ck_assert_int_eq(system("promtool test rules " RULES_TEST), 0);
}
END_TEST

START_TEST(a_trace_goes_through_to_the_vault)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    char header[96];
    (void)snprintf(header, sizeof header, "traceparent: %s", trace);
    call_send(&(struct call){.path = "/v1/licenses",
                             .body = call_license_body("widget"),
                             .headers = {header}},
              &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_header(&answer, "traceparent"), trace);
    ck_assert_str_eq(vault_peer_seen(front.vault).traceparent, trace);
    answer_clear(&answer);
    call_license("widget", &answer);
    ck_assert_str_eq(vault_peer_seen(front.vault).traceparent, "");
}
END_TEST

Suite *metrics_suite(void)
{
    Suite *suite = suite_create("api/metrics");
    TCase *tcase = tcase_create("metrics");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, promtool_finds_nothing_to_say);
    tcase_add_test(tcase, a_request_is_counted_by_its_route_method_and_status);
    tcase_add_test(tcase, certificates_show_when_they_expire);
    tcase_add_test(tcase, the_vaults_numbers_are_shown);
    tcase_add_test(tcase, provisionds_own_numbers_do_not_need_the_vault);
    tcase_add_test(tcase, whom_the_vault_refuses_gets_no_numbers);
    tcase_add_test(tcase, every_metric_is_in_the_page_and_in_no_other_form);
    tcase_add_test(tcase, promtool_accepts_the_alert_rules_and_they_name_metrics_that_exist);
    tcase_add_test(tcase, each_alert_fires_in_a_bad_hour_and_none_on_a_quiet_site);
    tcase_add_test(tcase, a_trace_goes_through_to_the_vault);
    suite_add_tcase(suite, tcase);
    TCase *hung = tcase_create("hung vault");
    tcase_add_unchecked_fixture(hung, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(hung, front_configure, stop);
    tcase_set_timeout(hung, 60);
    tcase_add_test(hung, vault_that_is_stopped_does_not_stop_metrics_and_readyz);
    suite_add_tcase(suite, hung);
    return suite;
}

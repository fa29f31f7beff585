/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The one log line of each request. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "core/log.h"
#include "front.h"
#include "suites.h"

static char log_path[TEMP_PATH_MAX];
static int old_stderr;

static void start(void)
{
    front_start();
    temp_dir_path(&front.dir, "log", log_path);
    int file = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    old_stderr = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)close(file);
    log_init("test", LOG_LEVEL_INFO);
}

static void stop(void)
{
    front_stop();
    (void)dup2(old_stderr, STDERR_FILENO);
    (void)close(old_stderr);
}

/* The line of that request; it is written after the answer left, so wait for it. */
static json_t *line_of(const char *request_id)
{
    static char text[4096];
    for (;;) {
        FILE *file = fopen(log_path, "re");
        ck_assert_ptr_nonnull(file);
        while (fgets(text, sizeof text, file) != NULL) {
            json_t *line = json_loads(text, 0, NULL);
            const char *id = json_string_value(json_object_get(line, "request_id"));
            if (id != NULL && strcmp(id, request_id) == 0) {
                (void)fclose(file);
                return line;
            }
            json_decref(line);
        }
        (void)fclose(file);
        (void)usleep(10 * 1000);
    }
}

static const char *text_of(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text != NULL ? text : "";
}

START_TEST(a_request_is_one_line_with_its_principal_route_and_outcome)
{
    char principal[SHA256_HEX_SIZE];
    (void)call_status(&(struct call){.path = "/v1/licenses",
                                     .body = call_license_body("fault-quota-spent"),
                                     .headers = {"X-Request-Id: one"}});
    json_t *line = line_of("one");
    hex_encode(bytes_of(vault_peer_seen(front.vault).spki, 8), principal);
    ck_assert_str_eq(text_of(line, "event"), "request");
    ck_assert_str_eq(text_of(line, "peer"), "127.0.0.1");
    ck_assert_str_eq(text_of(line, "principal"), principal);
    ck_assert_str_eq(text_of(line, "method"), "POST");
    ck_assert_str_eq(text_of(line, "route"), "/v1/licenses");
    ck_assert_str_eq(text_of(line, "problem"), "quota-spent");
    ck_assert_str_eq(text_of(line, "reason"), "peer-reason");
    ck_assert_str_eq(text_of(line, "end"), "complete");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 409);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "native")), 48);
    ck_assert_int_gt(json_integer_value(json_object_get(line, "duration_us")), 0);
    json_decref(line);
}
END_TEST

START_TEST(what_a_client_made_up_is_not_in_the_line)
{
    (void)call_status(&(struct call){
        .path = "/v1/products/made-up/usage", .client = "", .headers = {"X-Request-Id: two"}});
    (void)call_status(&(struct call){
        .path = "/made-up%0a", .method = "MADEUP", .headers = {"X-Request-Id: three"}});
    json_t *second = line_of("two");
    json_t *third = line_of("three");
    ck_assert_str_eq(text_of(second, "route"), "/v1/products/{product}/usage");
    ck_assert_str_eq(text_of(second, "principal"), "-");
    ck_assert_str_eq(text_of(second, "reason"), "no-certificate");
    ck_assert_str_eq(text_of(third, "route"), "-");
    ck_assert_str_eq(text_of(third, "method"), "OTHER");
    json_decref(second);
    json_decref(third);
}
END_TEST

START_TEST(a_request_whose_client_left_has_its_line_too)
{
    struct calls *calls = calls_start(&(struct call){.path = "/v1/licenses",
                                                     .body = call_license_body("held"),
                                                     .headers = {"X-Request-Id: four"}},
                                      1);
    while (vault_peer_held(front.vault) < 1)
        (void)calls_pump(calls);
    calls_free(calls);
    vault_peer_release(front.vault);
    json_t *line = line_of("four");
    ck_assert_str_eq(text_of(line, "route"), "/v1/licenses");
    json_decref(line);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("api/log");
    TCase *tcase = tcase_create("log");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_request_is_one_line_with_its_principal_route_and_outcome);
    tcase_add_test(tcase, what_a_client_made_up_is_not_in_the_line);
    tcase_add_test(tcase, a_request_whose_client_left_has_its_line_too);
    suite_add_tcase(suite, tcase);
    return suite;
}

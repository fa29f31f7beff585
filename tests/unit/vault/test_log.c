/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One line per question: always when it failed, on the level debug for each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "core/log.h"
#include "support/run.h"
#include "vault_rig.h"

#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct vault_rig rig;
static char path[TEMP_PATH_MAX];

static void set_up(void)
{
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    temp_dir_path(&rig.hsm.dir, "vault.log", path);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)close(file);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

/* Asks for a product's account. */
static void ask(const char *product, const char *request_id, const char *traceparent)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageRequest asked = PROVISIOND__USAGE_REQUEST__INIT;
    asked.product = (char *)(uintptr_t)product;
    request.request_id = (char *)(uintptr_t)request_id;
    request.traceparent = (char *)(uintptr_t)traceparent;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE;
    request.usage = &asked;
    vault_rig_free(vault_rig_ask(&rig, &rig.station, &request));
}

/* The lines of station requests so far; the last one into *ret_last, which the caller frees. */
static unsigned read_lines(json_t **ret_last)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        ck_assert_msg(json != NULL, "%s", line);
        const char *event = json_string_value(json_object_get(json, "event"));
        if (strcmp(event, "station-request") != 0) {
            json_decref(json);
            continue;
        }
        json_decref(*ret_last);
        *ret_last = json;
        count++;
    }
    (void)fclose(file);
    return count;
}

static void expect_text(const json_t *line, const char *name, const char *value)
{
    ck_assert_str_eq(json_string_value(json_object_get(line, name)), value);
}

START_TEST(failed_question_has_its_line)
{
    json_t *line = NULL;
    log_init("test", LOG_LEVEL_INFO);
    ask("gizmo", "req-1", TRACEPARENT);
    ask("widget", "req-2", TRACEPARENT);
    ck_assert_uint_eq(read_lines(&line), 1);
    expect_text(line, "level", "info");
    expect_text(line, "request_id", "req-1");
    expect_text(line, "traceparent", TRACEPARENT);
    expect_text(line, "operation", "usage");
    expect_text(line, "principal", "first");
    expect_text(line, "code", "product-unknown");
    ck_assert_int_ge(json_integer_value(json_object_get(line, "duration_us")), 1);
    ck_assert(json_is_integer(json_object_get(line, "queue_wait_us")));
    json_decref(line);
}
END_TEST

START_TEST(every_question_has_its_line_on_the_level_debug)
{
    json_t *line = NULL;
    log_init("test", LOG_LEVEL_DEBUG);
    ask("widget", "req-3", "");
    ck_assert_uint_eq(read_lines(&line), 1);
    expect_text(line, "level", "debug");
    expect_text(line, "request_id", "req-3");
    expect_text(line, "traceparent", "");
    expect_text(line, "code", "ok");
    json_decref(line);
}
END_TEST

/* What is too long is neither taken nor written. */
START_TEST(marks_that_are_too_long_are_refused_and_not_written)
{
    char id[66];
    json_t *line = NULL;
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    log_init("test", LOG_LEVEL_INFO);
    ask("widget", id, "");
    ck_assert_uint_eq(read_lines(&line), 1);
    expect_text(line, "code", "bad-request");
    expect_text(line, "reason", "request_id");
    expect_text(line, "request_id", "");
    ask("widget", "", TRACEPARENT "0");
    ask("widget", "", "00");
    ck_assert_uint_eq(read_lines(&line), 3);
    expect_text(line, "reason", "traceparent");
    expect_text(line, "traceparent", "");
    json_decref(line);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        failed_question_has_its_line,
        every_question_has_its_line_on_the_level_debug,
        marks_that_are_too_long_are_refused_and_not_written,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "log of the vault",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}

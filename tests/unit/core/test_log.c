/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Log lines with hostile texts in them. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "core/log.h"

#define OUTPUT_MAX  65536
#define LENGTHS_MIN 1850 /* around what fits into a plain line */
#define LENGTHS_MAX 2060

static int output;
static char text[OUTPUT_MAX];

/* Standard error becomes a pipe; check reports through another descriptor. */
static void set_up(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(ends[1]), 0);
    output = ends[0];
    log_init("test", LOG_LEVEL_INFO);
}

/* Everything that was logged; nothing can be logged after it. */
static const char *logged(void)
{
    size_t length = 0;
    ck_assert_int_eq(close(STDERR_FILENO), 0);
    for (ssize_t n; (n = read(output, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    return text;
}

/* The only line, as JSON; the caller drops it. */
static json_t *logged_line(void)
{
    const char *lines = logged();
    size_t length = strlen(lines);
    ck_assert_uint_gt(length, 0);
    ck_assert_ptr_eq(strchr(lines, '\n'), lines + length - 1);
    json_t *line = json_loads(lines, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(line);
    return line;
}

static const char *field(const json_t *line, const char *name)
{
    const char *value = json_string_value(json_object_get(line, name));
    ck_assert_msg(value != NULL, "%s", name);
    return value;
}

START_TEST(event_is_one_json_line)
{
    log_event(LOG_LEVEL_WARNING, "request", LOG_TEXT("route", "/v1"), LOG_NUMBER("status", 201));
    json_t *line = logged_line();
    ck_assert_str_eq(field(line, "level"), "warning");
    ck_assert_str_eq(field(line, "program"), "test");
    ck_assert_str_eq(field(line, "event"), "request");
    ck_assert_str_eq(field(line, "route"), "/v1");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 201);
    ck_assert_uint_eq(strlen(field(line, "time")), 24);
    json_decref(line);
}
END_TEST

START_TEST(text_of_a_client_cannot_make_a_line_or_a_field)
{
    static const char *const hostile[] = {"a\nb", "\"}\n{\"event\":\"x\"", "\\", "\x1b[2J\r",
                                          "\x01"};
    log_event(LOG_LEVEL_INFO, "request", LOG_TEXT("route", hostile[_i]));
    json_t *line = logged_line();
    ck_assert_str_eq(field(line, "route"), hostile[_i]);
    ck_assert_str_eq(field(line, "event"), "request");
    json_decref(line);
}
END_TEST

START_TEST(line_holds_printable_ascii_only)
{
    log_event(LOG_LEVEL_INFO, "request",
              LOG_TEXT("name", "\xc3\xa4 \xc2\x9b"
                               "2J \xe2\x80\xae"),
              LOG_TEXT("other", "\x1b\n"));
    const char *lines = logged();
    for (size_t i = 0; i + 1 < strlen(lines); i++)
        ck_assert_msg(lines[i] >= 0x20 && lines[i] < 0x7f, "byte %zu of %s", i, lines);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_shown_as_hex)
{
    log_event(LOG_LEVEL_INFO, "request", LOG_TEXT("name", "a\xff"));
    json_t *line = logged_line();
    ck_assert_str_eq(field(line, "name"), "hex:61ff");
    json_decref(line);
}
END_TEST

/* Either way of writing a line, and where one gives way to the other. */
START_TEST(texts_of_any_length_are_whole)
{
    char long_text[LENGTHS_MAX + 1];
    size_t length = (size_t)_i;
    memset(long_text, 'x', length);
    long_text[length] = '\0';
    log_event(LOG_LEVEL_INFO, "request", LOG_TEXT("name", long_text), LOG_NUMBER("number", -7),
              LOG_NUMBER("least", INT64_MIN), LOG_TEXT("empty", ""));
    json_t *line = logged_line();
    ck_assert_str_eq(field(line, "name"), long_text);
    ck_assert_str_eq(field(line, "empty"), "");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "number")), -7);
    ck_assert(json_integer_value(json_object_get(line, "least")) == INT64_MIN);
    ck_assert_uint_eq(json_object_size(line), 8);
    json_decref(line);
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    log_event(LOG_LEVEL_DEBUG, "noise", LOG_TEXT("a", "b"));
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(fault_becomes_fields)
{
    struct fault fault;
    (void)!fault_set(&fault, ERR_QUOTA_SPENT, "spent", "No unit is left.", 5);
    log_fault(LOG_LEVEL_ERROR, "refused", &fault);
    json_t *line = logged_line();
    ck_assert_str_eq(field(line, "code"), "quota-spent");
    ck_assert_str_eq(field(line, "reason"), "spent");
    ck_assert_str_eq(field(line, "detail"), "No unit is left.");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "native")), 5);
    json_decref(line);
}
END_TEST

static void *log_some(void *argument)
{
    for (int64_t i = 0; i < 50; i++)
        log_event(LOG_LEVEL_INFO, "tick", LOG_NUMBER("number", i));
    return argument;
}

START_TEST(lines_of_several_threads_stay_whole)
{
    pthread_t threads[4];
    size_t count = 0;
    char *rest = NULL;
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_some, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    (void)logged();
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *whole = json_loads(line, 0, NULL);
        ck_assert_ptr_nonnull(whole);
        json_decref(whole);
        count++;
    }
    ck_assert_uint_eq(count, 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core log");
    TCase *all = tcase_create("log");
    tcase_add_checked_fixture(all, set_up, NULL);
    tcase_add_test(all, event_is_one_json_line);
    tcase_add_loop_test(all, text_of_a_client_cannot_make_a_line_or_a_field, 0, 5);
    tcase_add_test(all, line_holds_printable_ascii_only);
    tcase_add_test(all, text_that_is_not_utf8_is_shown_as_hex);
    tcase_add_loop_test(all, texts_of_any_length_are_whole, LENGTHS_MIN, LENGTHS_MAX);
    tcase_add_test(all, lines_below_the_level_are_dropped);
    tcase_add_test(all, fault_becomes_fields);
    tcase_add_test(all, lines_of_several_threads_stay_whole);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

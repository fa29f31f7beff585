/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* CSV as RFC 4180 has it, and the list of what was shipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "audit/csv.h"
#include "audit/shipped.h"
#include "support/run.h"
#include "support/sizes.h"
#include "support/temp_dir.h"

static struct csv csv;
static struct csv_record record;
static struct fault fault;
static uint8_t text[4096];

static void begin(const char *content)
{
    memcpy(text, content, strlen(content) + 1);
    csv_init(&csv, text, strlen(content));
}

static bool next(void)
{
    bool has_record = false;
    ck_assert_msg(csv_next(&csv, &record, &has_record, &fault) == ERR_OK, "%s", fault.reason);
    return has_record;
}

static void assert_field(size_t i, const char *expected)
{
    ck_assert_uint_lt(i, record.count);
    ck_assert_msg(bytes_equal(record.fields[i], bytes_of(expected, strlen(expected))), "%.*s",
                  (int)record.fields[i].length, (const char *)record.fields[i].data);
}

START_TEST(records_are_read_in_every_form)
{
    begin("\xef\xbb\xbf"
          "a,b\r\n\r\n\"1,2\",\"say \"\"so\"\"\"\n\"two\r\nlines\",\n,x");
    ck_assert(next());
    assert_field(0, "a");
    assert_field(1, "b");
    ck_assert(next());
    ck_assert_int_eq(record.line, 3);
    assert_field(0, "1,2");
    assert_field(1, "say \"so\"");
    ck_assert(next());
    ck_assert_int_eq(record.line, 4);
    assert_field(0, "two\r\nlines");
    assert_field(1, "");
    ck_assert(next());
    ck_assert_int_eq(record.line, 6);
    assert_field(0, "");
    assert_field(1, "x");
    ck_assert(!next());
}
END_TEST

START_TEST(misplaced_quotes_are_refused_with_their_line)
{
    static const char *const WRONG[] = {"a\n\"b", "a\nb\"c", "a\n\"b\"c", "a\n\"b\"\rc",
                                        "a\n\"b\"\""};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        bool has_record = false;
        begin(WRONG[i]);
        ck_assert(next());
        ck_assert_int_eq(csv_next(&csv, &record, &has_record, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "csv-quote");
        ck_assert_int_eq(fault.native, 2);
    }
}
END_TEST

/* Random texts of the bytes that mean something: a record is read or refused, nothing else. */
START_TEST(no_text_brings_the_reader_down)
{
    static const char BYTES[] = "\"\",,\r\n\n ab\xff";
    size_t rounds = test_size("random CSV texts", 50000, 2000000);
    srand(3);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = (size_t)rand() % 40;
        uint8_t *random = malloc(length + 1); /* its own, so that a sanitizer knows its end */
        bool has_record = true;
        for (size_t k = 0; k < length; k++)
            random[k] = (uint8_t)BYTES[(size_t)rand() % (sizeof BYTES - 1)];
        csv_init(&csv, random, length);
        while (has_record && csv_next(&csv, &record, &has_record, &fault) == ERR_OK)
            continue;
        free(random);
    }
}
END_TEST

/* ---- the list ---- */

#define KEY "5F0CB3e1a7d9c2b45f0cb3e1a7d9c2b45f0cb3e1a7d9c2b45f0cb3e1a7d9c2b4"

static struct temp_dir dir;
static char path[TEMP_PATH_MAX];
static struct shipped shipped;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "mes.csv", path);
}

static void tear_down(void)
{
    shipped_clear(&shipped);
    temp_dir_remove(&dir);
}

static enum error read_list(const char *content)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, strlen(content), file), strlen(content));
    (void)fclose(file);
    shipped_clear(&shipped);
    return shipped_read(path, &shipped, &fault);
}

static void assert_text(struct bytes raw, const char *expected)
{
    ck_assert(bytes_equal(raw, bytes_of(expected, strlen(expected))));
}

START_TEST(columns_are_found_by_their_names)
{
    ck_assert_int_eq(read_list("Order, SHIPPED ,device,Lot,Serial,Product\r\n"
                               "17,2026-11-27," KEY ",L-7,SN-1,widget\r\n"
                               "18,2026-11-28T23:59:59Z,,,\"Gr\xc3\xbc\xc3\x9f\"\"e\",widget\r\n"),
                     ERR_OK);
    ck_assert_uint_eq(shipped.count, 2);
    assert_text(shipped.devices[0].product, "widget");
    assert_text(shipped.devices[0].serial, "SN-1");
    assert_text(shipped.devices[0].lot, "L-7");
    ck_assert(shipped.devices[0].has_key);
    ck_assert_uint_eq(shipped.devices[0].key.bytes[0], 0x5f);
    ck_assert_int_eq(shipped.devices[0].day, 20784);
    ck_assert_int_eq(shipped.devices[0].line, 2);
    assert_text(shipped.devices[1].serial, "Gr\\u00FC\\u00DF\\\"e");
    ck_assert(!shipped.devices[1].has_key);
    ck_assert_int_eq(shipped.devices[1].day, 20785);
}
END_TEST

#define HEADER "product,serial,shipped\n"
#define LONG   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *content;
    const char *reason;
    long line;
} WRONG[] = {
    {"", "mes-header", 1},
    {"product;serial;shipped\n", "mes-header", 1},
    {"serial,shipped\n", "mes-header", 1},
    {"product,shipped\n", "mes-header", 1},
    {"product,serial\n", "mes-header", 1},
    {"product,serial,shipped,serial\n", "mes-header", 1},
    {HEADER "widget,SN-1\n", "mes-columns", 2},
    {HEADER "widget,SN-1,2026-11-27,more\n", "mes-columns", 2},
    {HEADER "widget,SN-1,2026-11-27\n,SN-2,2026-11-27\n", "mes-product", 3},
    {HEADER "widget,,2026-11-27\n", "mes-device", 2},
    {HEADER "widget," LONG ",2026-11-27\n", "mes-text", 2},
    {HEADER "widget,\xff,2026-11-27\n", "mes-text", 2},
    {HEADER "widget,SN-1,27.11.2026\n", "mes-shipped", 2},
    {HEADER "widget,SN-1,2026-02-30\n", "mes-shipped", 2},
    {HEADER "widget,SN-1,\n", "mes-shipped", 2},
    {HEADER "widget,\"SN-1,2026-11-27\n", "csv-quote", 2},
    {"product,device,shipped\nwidget,abc,2026-11-27\n", "mes-device", 2},
};

START_TEST(wrong_list_is_refused_with_its_line)
{
    ck_assert_int_eq(read_list(WRONG[_i].content), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, WRONG[_i].reason);
    ck_assert_int_eq(fault.native, WRONG[_i].line);
    ck_assert_int_eq(fault.detail[strlen(fault.detail) - 1], '.');
}
END_TEST

START_TEST(file_that_is_not_there_is_an_answer)
{
    ck_assert_int_eq(shipped_read("/nowhere/mes.csv", &shipped, &fault), ERR_CONFIG);
    ck_assert_int_eq(shipped_read(dir.path, &shipped, &fault), ERR_CONFIG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *form = tcase_create("form");
    TCase *list = tcase_create("list");
    tcase_set_timeout(form, 120);
    tcase_add_test(form, records_are_read_in_every_form);
    tcase_add_test(form, misplaced_quotes_are_refused_with_their_line);
    tcase_add_test(form, no_text_brings_the_reader_down);
    tcase_add_checked_fixture(list, set_up, tear_down);
    tcase_add_test(list, columns_are_found_by_their_names);
    tcase_add_loop_test(list, wrong_list_is_refused_with_its_line, 0,
                        sizeof WRONG / sizeof WRONG[0]);
    tcase_add_test(list, file_that_is_not_there_is_an_answer);
    suite_add_tcase(suite, form);
    suite_add_tcase(suite, list);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

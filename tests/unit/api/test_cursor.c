/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Cursors. */
#include <stdio.h>
#include <string.h>

#include "api/cursor.h"
#include "suites.h"

static char cursor[CURSOR_SIZE];

START_TEST(number_comes_back_from_its_cursor)
{
    static const int64_t numbers[] = {1, 255, 256, INT64_C(1) << 40, INT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number = 0;
        ck_assert(cursor_of_number(CURSOR_INSTALLS, numbers[i], cursor));
        ck_assert(cursor_number(cursor, CURSOR_INSTALLS, &number));
        ck_assert_int_eq(number, numbers[i]);
        ck_assert(!cursor_number(cursor, CURSOR_GRANTS, &number));
    }
}
END_TEST

START_TEST(text_of_every_length_comes_back_from_its_cursor)
{
    char text[API_NAME_MAX_BYTES + 1] = "";
    char again[API_NAME_MAX_BYTES + 1];
    for (size_t length = 0; length <= API_NAME_MAX_BYTES; length++) {
        memset(text, '~', length); /* gives both characters that base64url has for itself */
        ck_assert(cursor_of_text(CURSOR_LOTS, text, cursor));
        ck_assert_ptr_null(strpbrk(cursor, "+/="));
        ck_assert(cursor_text(cursor, CURSOR_LOTS, again));
        ck_assert_str_eq(again, text);
        ck_assert(!cursor_text(cursor, CURSOR_DAYS, again));
    }
}
END_TEST

START_TEST(what_is_no_cursor_is_refused)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "aQ",
                                        "aQA",
                                        "aQAAAAAAAAA=",
                                        "aQAAAAAAAAA+",
                                        "aQAAAAAAAAAAAA",
                                        "\xc3\xb6\xc3\xb6",
                                        "aQ AAAAAAAAA"};
    char out[API_NAME_MAX_BYTES + 1];
    int64_t number = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_msg(!cursor_number(texts[i], CURSOR_INSTALLS, &number), "%s", texts[i]);
    ck_assert(!cursor_text("bAA", CURSOR_LOTS, out)); /* NUL */
    ck_assert(!cursor_text("bP8", CURSOR_LOTS, out)); /* 0xff */
    ck_assert(!cursor_text("", CURSOR_LOTS, out));
    memset(cursor, 'A', sizeof cursor);
    cursor[0] = 'b';
    cursor[sizeof cursor - 1] = '\0';
    ck_assert(!cursor_text(cursor, CURSOR_LOTS, out)); /* a byte more than a name has */
}
END_TEST

Suite *cursor_suite(void)
{
    Suite *suite = suite_create("api/cursor");
    TCase *tcase = tcase_create("cursor");
    tcase_add_test(tcase, number_comes_back_from_its_cursor);
    tcase_add_test(tcase, text_of_every_length_comes_back_from_its_cursor);
    tcase_add_test(tcase, what_is_no_cursor_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

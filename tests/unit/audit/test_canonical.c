/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reader of the canonical form against the library that writes leaves: what is read without a
 * complaint is what jansson writes again as the same bytes, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "audit/canonical.h"
#include "support/run.h"
#include "support/sizes.h"

#define FORM     (JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII)
#define TEXT_MAX 4096

static bool is_read(const char *text, size_t length)
{
    return canonical_read(bytes_of(text, length), NULL, NULL);
}

/* ---- what it takes ---- */

START_TEST(documented_example_is_canonical)
{
    static const char EXAMPLE[] =
        "{\"charged\":true,\"device\":\"5f0c\",\"lot\":\"L-7\",\"time\":"
        "\"2026-11-23T22:05:36.123Z\",\"type\":\"license-issued\",\"v\":1}";
    ck_assert(is_read(EXAMPLE, strlen(EXAMPLE)));
    ck_assert(is_read("{}", 2));
}
END_TEST

static const char *const WRONG[] = {
    "",
    "[]",
    "{",
    "{}}",
    "{} ",
    " {}",
    "{\"a\":1,}",
    "{\"a\": 1}",
    "{\"a\":1 }",
    "{\"b\":1,\"a\":2}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":01}",
    "{\"a\":-0}",
    "{\"a\":-}",
    "{\"a\":1.0}",
    "{\"a\":1e3}",
    "{\"a\":9223372036854775808}",
    "{\"a\":-9223372036854775809}",
    "{\"a\":99999999999999999999}",
    "{\"a\":tru}",
    "{\"a\":nil}",
    "{\"a\":\"}",
    "{\"a\":\"\\\"}",
    "{\"a\":\"\xc3\xa9\"}",
    "{\"a\":\"\\u00e9\"}",
    "{\"a\":\"\\u0041\"}",
    "{\"a\":\"\\u000A\"}",
    "{\"a\":\"\\u007F\"}",
    "{\"a\":\"\\/\"}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\uD800\"}",
    "{\"a\":\"\\uD800\\u0041\"}",
    "{\"a\":\"\\uDC00\"}",
    "{\"a\":\"\n\"}",
    "{a:1}",
    "{\"a\":[1,]}",
    "{\"a\":[1}",
    "{\"a\":{\"b\":1,\"a\":1}}",
    "{\"a\":[[[[[[[[[1]]]]]]]]]}",
};

START_TEST(any_other_form_is_refused)
{
    ck_assert_msg(!is_read(WRONG[_i], strlen(WRONG[_i])), "%s", WRONG[_i]);
}
END_TEST

static const char *const RIGHT[] = {
    "{\"\":0}",
    "{\"a\":-9223372036854775808,\"b\":9223372036854775807}",
    "{\"a\":\"\\u00E9\\uD83D\\uDE00\\b\\f\\n\\r\\t\\\\\\\"/\\u001F\x7f\"}",
    "{\"a\":[],\"b\":{},\"c\":[1,\"x\",null,false,[{\"d\":1}]]}",
    "{\"a\":1,\"aa\":2,\"ab\":3,\"b\":4}",
    "{\"a\":[[[[[[[[1]]]]]]]]}",
};

START_TEST(every_right_form_is_read)
{
    ck_assert_msg(is_read(RIGHT[_i], strlen(RIGHT[_i])), "%s", RIGHT[_i]);
}
END_TEST

/* ---- members ---- */

static struct canonical_field fields[8];
static size_t field_count;

static void note(void *context, const struct canonical_field *field)
{
    ck_assert_ptr_eq(context, fields);
    if (field_count < 8)
        fields[field_count++] = *field;
}

static void assert_text(struct bytes raw, const char *text)
{
    ck_assert(bytes_equal(raw, bytes_of(text, strlen(text))));
}

START_TEST(members_of_the_outermost_object_are_told)
{
    static const char TEXT[] =
        "{\"a\":{\"x\":1},\"b\":-7,\"c\":\"\\u00E9\",\"d\":false,\"e\":null}";
    field_count = 0;
    ck_assert(canonical_read(bytes_of(TEXT, strlen(TEXT)), note, fields));
    ck_assert_uint_eq(field_count, 5);
    assert_text(fields[0].key, "a");
    assert_text(fields[0].value, "{\"x\":1}");
    ck_assert_int_eq(fields[0].kind, CANONICAL_OTHER);
    ck_assert_int_eq(fields[1].kind, CANONICAL_NUMBER);
    ck_assert_int_eq(canonical_number(fields[1].value), -7);
    ck_assert_int_eq(fields[2].kind, CANONICAL_TEXT);
    assert_text(fields[2].value, "\\u00E9");
    ck_assert_int_eq(fields[3].kind, CANONICAL_FLAG);
    ck_assert_int_eq(fields[4].kind, CANONICAL_OTHER);
}
END_TEST

START_TEST(numbers_have_their_limits)
{
    static const char LEAST[] = "-9223372036854775808";
    static const char MOST[] = "9223372036854775807";
    ck_assert(canonical_number(bytes_of(LEAST, strlen(LEAST))) == INT64_MIN);
    ck_assert(canonical_number(bytes_of(MOST, strlen(MOST))) == INT64_MAX);
}
END_TEST

/* ---- texts ---- */

START_TEST(texts_are_decoded_and_encoded_again)
{
    static const char *const TEXTS[] = {"", "SN-1", "Grüße", "日本", "😀 \\ \" / \t\x01\x7f"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        char raw[256], again[256];
        ck_assert(canonical_encode(TEXTS[i], raw, sizeof raw));
        ck_assert(canonical_decode(bytes_of(raw, strlen(raw)), again, sizeof again));
        ck_assert_str_eq(again, TEXTS[i]);
    }
}
END_TEST

START_TEST(what_is_no_utf8_is_not_encoded)
{
    static const char *const TEXTS[] = {"\xff",         "\x80",
                                        "\xc3",         "\xc0\x80",
                                        "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xe2\x82",     "\xf8\x88\x80\x80\x80"};
    char raw[256];
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        ck_assert_msg(!canonical_encode(TEXTS[i], raw, sizeof raw), "text %zu", i);
}
END_TEST

START_TEST(texts_that_do_not_fit_are_refused)
{
    char out[6];
    ck_assert(canonical_encode("12345", out, sizeof out));
    ck_assert(!canonical_encode("123456", out, sizeof out));
    ck_assert(!canonical_encode("é", out, sizeof out));
    ck_assert(canonical_decode(bytes_of("12345", 5), out, sizeof out));
    ck_assert(!canonical_decode(bytes_of("123456", 6), out, sizeof out));
    ck_assert(!canonical_decode(bytes_of("\\u0000", 6), out, sizeof out));
}
END_TEST

/* ---- against jansson ---- */

static json_t *random_text(void)
{
    static const char *const PARTS[] = {"a",    "SN-1", "\\", "\"", "/",  "é",    "日", "😀",
                                        "\x01", "\x7f", "\n", "\t", "\b", "\x1f", " ",  "}"};
    char text[128] = "";
    for (int parts = rand() % 6; parts > 0; parts--)
        (void)strcat(text, PARTS[(size_t)rand() % (sizeof PARTS / sizeof PARTS[0])]);
    return json_string(text);
}

static json_t *random_value(int depth)
{
    json_t *value = NULL;
    switch (rand() % (depth > 3 ? 5 : 7)) {
    case 0:
        return json_integer(rand() % 100 - 50);
    case 1:
        return json_integer((json_int_t)rand() << 32 | rand());
    case 2:
        return json_boolean(rand() % 2);
    case 3:
        return json_null();
    case 4:
        return random_text();
    case 5:
        value = json_array();
        for (int count = rand() % 4; count > 0; count--)
            json_array_append_new(value, random_value(depth + 1));
        return value;
    default:
        value = json_object();
        for (int count = rand() % 6; count > 0; count--) {
            json_t *key = random_text();
            json_object_set_new(value, json_string_value(key), random_value(depth + 1));
            json_decref(key);
        }
        return value;
    }
}

static size_t random_object(char out[TEXT_MAX])
{
    json_t *object = NULL;
    do {
        json_decref(object);
        object = random_value(0);
    } while (!json_is_object(object));
    size_t length = json_dumpb(object, out, TEXT_MAX, FORM);
    json_decref(object);
    return length;
}

START_TEST(everything_that_jansson_writes_is_read)
{
    char text[TEXT_MAX];
    size_t rounds = test_size("random objects", 20000, 1000000);
    srand(1);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = random_object(text);
        if (length <= TEXT_MAX)
            ck_assert_msg(is_read(text, length), "%.*s", (int)length, text);
    }
}
END_TEST

static bool has_real(const json_t *value)
{
    size_t i = 0;
    json_t *child = NULL;
    const char *key = NULL;
    if (json_is_real(value))
        return true;
    json_array_foreach(value, i, child)
    {
        if (has_real(child))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        if (has_real(child))
            return true;
    }
    return false;
}

/* Read by jansson and written again as the same bytes. */
static bool is_same_again(const char *text, size_t length)
{
    char again[TEXT_MAX];
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    bool is_same = json_is_object(value) && !has_real(value) &&
                   json_dumpb(value, again, sizeof again, FORM) == length &&
                   memcmp(text, again, length) == 0;
    json_decref(value);
    return is_same;
}

START_TEST(changed_texts_are_read_only_when_they_are_canonical)
{
    static const char BYTES[] = "{}[]\",:\\u0019AFaf+-.eE tn\x01\x7f\xc3\xa9";
    char text[TEXT_MAX];
    size_t rounds = test_size("changed objects", 100000, 5000000);
    size_t still_right = 0;
    srand(2);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = random_object(text);
        if (length > TEXT_MAX - 1)
            continue;
        size_t at = (size_t)rand() % length;
        text[at] = BYTES[(size_t)rand() % (sizeof BYTES - 1)];
        if (memmem(text, length, "\\u0000", 6) != NULL)
            continue; /* jansson takes it in texts and not in keys */
        bool is_right = is_same_again(text, length);
        still_right += is_right ? 1 : 0;
        ck_assert_msg(is_read(text, length) == is_right, "%.*s", (int)length, text);
    }
    ck_assert_uint_gt(still_right, rounds / 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("canonical");
    TCase *all = tcase_create("canonical");
    tcase_set_timeout(all, 600);
    tcase_add_test(all, documented_example_is_canonical);
    tcase_add_loop_test(all, any_other_form_is_refused, 0, sizeof WRONG / sizeof WRONG[0]);
    tcase_add_loop_test(all, every_right_form_is_read, 0, sizeof RIGHT / sizeof RIGHT[0]);
    tcase_add_test(all, members_of_the_outermost_object_are_told);
    tcase_add_test(all, numbers_have_their_limits);
    tcase_add_test(all, texts_are_decoded_and_encoded_again);
    tcase_add_test(all, what_is_no_utf8_is_not_encoded);
    tcase_add_test(all, texts_that_do_not_fit_are_refused);
    tcase_add_test(all, everything_that_jansson_writes_is_read);
    tcase_add_test(all, changed_texts_are_read_only_when_they_are_canonical);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

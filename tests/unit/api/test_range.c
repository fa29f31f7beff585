/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Range, If-None-Match and If-Range. */
#include "api/range.h"
#include "suites.h"

#define ETAG "\"sha256:00\""

static struct range range;

static void expect_part(const char *header, uint64_t size, uint64_t first, uint64_t length)
{
    ck_assert_msg(range_parse(header, size, &range) == RANGE_PART, "%s", header);
    ck_assert_msg(range.first == first && range.length == length, "%s: %llu+%llu", header,
                  (unsigned long long)range.first, (unsigned long long)range.length);
}

START_TEST(a_single_range_is_cut_to_the_content)
{
    expect_part("bytes=0-0", 100, 0, 1);
    expect_part("bytes=0-99", 100, 0, 100);
    expect_part("bytes=10-19", 100, 10, 10);
    expect_part("bytes=90-1000", 100, 90, 10);
    expect_part("bytes=99-", 100, 99, 1);
    expect_part("bytes=0-", 100, 0, 100);
    expect_part("bytes=-1", 100, 99, 1);
    expect_part("bytes=-500", 100, 0, 100);
    expect_part("bytes=1-18446744073709551615", 100, 1, 99);
    expect_part("Bytes=1-1", 100, 1, 1);
}
END_TEST

START_TEST(a_range_outside_the_content_is_told_so)
{
    static const char *const outside[] = {"bytes=100-", "bytes=100-200", "bytes=-0"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        ck_assert_msg(range_parse(outside[i], 100, &range) == RANGE_OUTSIDE, "%s", outside[i]);
    ck_assert_int_eq(range_parse("bytes=0-", 0, &range), RANGE_OUTSIDE);
    ck_assert_int_eq(range_parse("bytes=-1", 0, &range), RANGE_OUTSIDE);
}
END_TEST

START_TEST(what_is_no_single_byte_range_means_the_whole_content)
{
    static const char *const whole[] = {"bytes=",
                                        "bytes=-",
                                        "bytes=a-b",
                                        "bytes=5-4",
                                        "bytes=0-1,3-4",
                                        "items=0-1",
                                        "bytes=0 -1",
                                        "bytes=0-1x",
                                        "bytes=--1",
                                        "bytes=+1-2",
                                        "bytes 0-1",
                                        "",
                                        "bytes=18446744073709551616-",
                                        "bytes=-99999999999999999999"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        ck_assert_msg(range_parse(whole[i], 100, &range) == RANGE_WHOLE, "%s", whole[i]);
        ck_assert_uint_eq(range.first, 0);
        ck_assert_uint_eq(range.length, 100);
    }
    ck_assert_int_eq(range_parse(NULL, 100, &range), RANGE_WHOLE);
}
END_TEST

START_TEST(an_entity_tag_is_found_in_its_list)
{
    ck_assert(etag_is_listed(ETAG, ETAG));
    ck_assert(etag_is_listed("W/" ETAG, ETAG));
    ck_assert(etag_is_listed("\"a\", " ETAG, ETAG));
    ck_assert(etag_is_listed("*", ETAG));
    ck_assert(!etag_is_listed(NULL, ETAG));
    ck_assert(!etag_is_listed("", ETAG));
    ck_assert(!etag_is_listed("\"sha256:001\"", ETAG));
    ck_assert(!etag_is_listed("sha256:00", ETAG));
}
END_TEST

START_TEST(if_range_wants_the_same_strong_tag)
{
    ck_assert(etag_allows_range(NULL, ETAG));
    ck_assert(etag_allows_range(ETAG, ETAG));
    ck_assert(!etag_allows_range("W/" ETAG, ETAG));
    ck_assert(!etag_allows_range("Wed, 21 Oct 2015 07:28:00 GMT", ETAG));
}
END_TEST

Suite *range_suite(void)
{
    Suite *suite = suite_create("api/range");
    TCase *tcase = tcase_create("range");
    tcase_add_test(tcase, a_single_range_is_cut_to_the_content);
    tcase_add_test(tcase, a_range_outside_the_content_is_told_so);
    tcase_add_test(tcase, what_is_no_single_byte_range_means_the_whole_content);
    tcase_add_test(tcase, an_entity_tag_is_found_in_its_list);
    tcase_add_test(tcase, if_range_wants_the_same_strong_tag);
    suite_add_tcase(suite, tcase);
    return suite;
}

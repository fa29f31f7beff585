/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Image content: the bytes of the descriptor that the vault passes, whole and in ranges. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "front.h"
#include "suites.h"

#define NAME "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PATH "/v1/images/" NAME "/content"
#define ETAG "\"" NAME "\""

static struct answer answer;

static void get(const char *header, const char *second_header)
{
    call_send(&(struct call){.path = PATH, .headers = {header, second_header}}, &answer);
}

static void expect_bytes(size_t first, size_t length)
{
    ck_assert_uint_eq(answer.length, length);
    for (size_t i = 0; i < length; i++)
        ck_assert_int_eq((unsigned char)answer.body[i], (int)((first + i) % 251));
}

START_TEST(an_image_comes_whole)
{
    get(NULL, NULL);
    ck_assert_int_eq(answer.status, 200);
    expect_bytes(0, FRONT_IMAGE_BYTES);
    ck_assert_str_eq(answer_header(&answer, "ETag"), ETAG);
    ck_assert_str_eq(answer_header(&answer, "Accept-Ranges"), "bytes");
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    ck_assert_str_eq(answer_header(&answer, "Content-Length"), "100000");
    ck_assert_str_ne(answer_header(&answer, "Cache-Control"), "no-store");
    answer_clear(&answer);
}
END_TEST

START_TEST(head_tells_the_size_without_the_bytes)
{
    call_send(&(struct call){.path = PATH, .method = "HEAD", .headers = {"Range: bytes=0-9"}},
              &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, 0);
    ck_assert_str_eq(answer_header(&answer, "Content-Length"), "100000");
    ck_assert_str_eq(answer_header(&answer, "ETag"), ETAG);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_range_comes_as_partial_content)
{
    get("Range: bytes=1000-51999", NULL);
    ck_assert_int_eq(answer.status, 206);
    expect_bytes(1000, 51000);
    ck_assert_str_eq(answer_header(&answer, "Content-Range"), "bytes 1000-51999/100000");
    answer_clear(&answer);
    get("Range: bytes=-7", NULL);
    ck_assert_int_eq(answer.status, 206);
    expect_bytes(FRONT_IMAGE_BYTES - 7, 7);
    answer_clear(&answer);
    get("Range: bytes=99999-", NULL);
    ck_assert_int_eq(answer.status, 206);
    expect_bytes(99999, 1);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_range_outside_is_a_problem_with_the_size)
{
    get("Range: bytes=100000-", NULL);
    answer_expect_problem(&answer, 416, "range-not-satisfiable");
    ck_assert_str_eq(answer_header(&answer, "Content-Range"), "bytes */100000");
    answer_clear(&answer);
}
END_TEST

START_TEST(several_ranges_come_as_the_whole)
{
    get("Range: bytes=0-1,5-6", NULL);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, FRONT_IMAGE_BYTES);
    answer_clear(&answer);
}
END_TEST

START_TEST(if_range_gives_the_part_of_the_same_image_only)
{
    get("Range: bytes=0-9", "If-Range: " ETAG);
    ck_assert_int_eq(answer.status, 206);
    answer_clear(&answer);
    get("Range: bytes=0-9", "If-Range: \"other\"");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, FRONT_IMAGE_BYTES);
    answer_clear(&answer);
}
END_TEST

START_TEST(an_image_that_the_client_has_is_not_sent)
{
    get("If-None-Match: " ETAG, NULL);
    ck_assert_int_eq(answer.status, 304);
    ck_assert_uint_eq(answer.length, 0);
    ck_assert_str_eq(answer_header(&answer, "ETag"), ETAG);
    answer_clear(&answer);
    get("If-None-Match: \"other\"", NULL);
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
}
END_TEST

START_TEST(an_unknown_image_is_a_problem)
{
    call_send(&(struct call){.path = "/v1/images/sha256:00/content"}, &answer);
    answer_expect_problem(&answer, 404, "image-unknown");
    answer_clear(&answer);
    ck_assert_int_eq(unlink(front.image_path), 0);
    get(NULL, NULL);
    answer_expect_problem(&answer, 404, "image-unknown");
    answer_clear(&answer);
}
END_TEST

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

START_TEST(descriptors_do_not_leak_whether_or_not_the_bytes_are_sent)
{
    size_t before = open_descriptors();
    for (int i = 0; i < 30; i++) {
        get("If-None-Match: *", NULL);
        answer_clear(&answer);
        get("Range: bytes=100000-", NULL);
        answer_clear(&answer);
        get("Range: bytes=5-9", NULL);
        answer_clear(&answer);
    }
    /* The server's ends of the last connections may still be open, ninety files would show. */
    ck_assert_uint_lt(open_descriptors(), before + 20);
}
END_TEST

Suite *content_suite(void)
{
    Suite *suite = suite_create("api/content");
    TCase *tcase = tcase_create("content");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, an_image_comes_whole);
    tcase_add_test(tcase, head_tells_the_size_without_the_bytes);
    tcase_add_test(tcase, a_range_comes_as_partial_content);
    tcase_add_test(tcase, a_range_outside_is_a_problem_with_the_size);
    tcase_add_test(tcase, several_ranges_come_as_the_whole);
    tcase_add_test(tcase, if_range_gives_the_part_of_the_same_image_only);
    tcase_add_test(tcase, an_image_that_the_client_has_is_not_sent);
    tcase_add_test(tcase, an_unknown_image_is_a_problem);
    tcase_add_test(tcase, descriptors_do_not_leak_whether_or_not_the_bytes_are_sent);
    suite_add_tcase(suite, tcase);
    return suite;
}

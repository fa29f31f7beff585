/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The route table. */
#include <string.h>

#include "api/handler.h"
#include "api/route.h"
#include "suites.h"

static struct route_match match;
static struct fault fault;

static enum error find(const char *method, const char *path)
{
    return route_find(method, path, &match, &fault);
}

START_TEST(each_route_is_found_with_its_segment)
{
    ck_assert_int_eq(find("POST", "/v1/licenses"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &LICENSE_HANDLER);
    ck_assert_int_eq(find("POST", "/v1/installs/ins-1/outcome"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &OUTCOME_HANDLER);
    ck_assert_str_eq(match.segment, "ins-1");
    ck_assert_int_eq(find("GET", "/v1/products/widget/usage"), ERR_OK);
    ck_assert_str_eq(match.segment, "widget");
    ck_assert_int_eq(find("GET", "/v1/images/sha256:00/content"), ERR_OK);
    ck_assert_str_eq(match.segment, "sha256:00");
    ck_assert_int_eq(find("POST", "/fw/sfi/pump-7.2/get/license"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &FW_LICENSE_HANDLER);
    ck_assert_str_eq(match.segment, "pump-7.2");
    ck_assert_int_eq(find("GET", "/fw/sfi/pump-7.2/get/image"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &FW_IMAGE_HANDLER);
    ck_assert_int_eq(find("GET", "/v1/licenses/lic-1/receipt"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &RECEIPT_HANDLER);
    ck_assert_str_eq(match.segment, "lic-1");
    ck_assert_int_eq(find("POST", "/v1/grants"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &GRANT_HANDLER);
    ck_assert_int_eq(find("GET", "/v1/journal/checkpoint"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &CHECKPOINT_HANDLER);
    ck_assert_int_eq(find("GET", "/v1/journal/key"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &KEY_HANDLER);
    ck_assert_int_eq(find("GET", "/livez"), ERR_OK);
    ck_assert_int_eq(find("GET", "/readyz"), ERR_OK);
}
END_TEST

START_TEST(rest_of_a_path_is_taken_with_its_slashes)
{
    ck_assert_int_eq(find("GET", "/v1/journal/tile/0/x001/067.p/12"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &TILE_HANDLER);
    ck_assert_str_eq(match.segment, "0/x001/067.p/12");
    ck_assert_int_eq(find("GET", "/v1/journal/tile/one"), ERR_OK);
    ck_assert_str_eq(match.segment, "one");
    ck_assert_int_eq(find("GET", "/v1/journal/tile/%61/%2e%2E/b"), ERR_OK);
    ck_assert_str_eq(match.segment, "a/../b");
    ck_assert_int_eq(find("HEAD", "/v1/journal/tile/0/000"), ERR_OK);
    ck_assert_int_eq(find("POST", "/v1/journal/tile/0/000"), ERR_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(match.allow, "GET, HEAD");
}
END_TEST

START_TEST(rest_of_a_path_with_an_empty_part_or_a_hidden_slash_names_nothing)
{
    static const char *const paths[] = {
        "/v1/journal/tile",          "/v1/journal/tile/",      "/v1/journal/tile//",
        "/v1/journal/tile//0",       "/v1/journal/tile/0/",    "/v1/journal/tile/0//1",
        "/v1/journal/tile/0%2f1",    "/v1/journal/tile/0/%2F", "/v1/journal/tile/0/%00",
        "/v1/journal/tile/0/a b",    "/v1/journal/tile/0/%",   "/v1/journal/tile/0/%4",
        "/v1/journal/tile/\xc3\xb6", "/v1/journal/tile/0/\x7f"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(find("GET", paths[i]) == ERR_ROUTE_UNKNOWN, "%s", paths[i]);
}
END_TEST

/* Parts of every length, so that the last byte is a character, a slash, the first of a part. */
START_TEST(rest_of_a_path_that_is_too_long_names_nothing)
{
    for (size_t part = 1; part < ROUTE_SEGMENT_SIZE; part++) {
        char path[512] = "/v1/journal/tile/";
        size_t start = strlen(path);
        for (size_t i = 0; i < ROUTE_SEGMENT_SIZE + 2; i++)
            path[start + i] = i % (part + 1) == part ? '/' : 'a';
        for (size_t length = 1; length < ROUTE_SEGMENT_SIZE + 2; length++) {
            char kept = path[start + length];
            path[start + length] = '\0';
            bool is_whole = path[start + length - 1] != '/';
            bool fits = is_whole && length < ROUTE_SEGMENT_SIZE;
            ck_assert_int_eq(find("GET", path), fits ? ERR_OK : ERR_ROUTE_UNKNOWN);
            path[start + length] = kept;
        }
    }
}
END_TEST

START_TEST(percent_escapes_of_a_segment_are_decoded)
{
    ck_assert_int_eq(find("GET", "/v1/images/sha256%3A0%61/content"), ERR_OK);
    ck_assert_str_eq(match.segment, "sha256:0a");
}
END_TEST

START_TEST(a_segment_with_a_hidden_character_names_nothing)
{
    static const char *const paths[] = {"/v1/products/a%00b/usage",
                                        "/v1/products/a%2Fb/usage",
                                        "/v1/products/a%2fb/usage",
                                        "/v1/products/a%/usage",
                                        "/v1/products/a%4/usage",
                                        "/v1/products/a%zz/usage",
                                        "/v1/products/a%0Ab/usage",
                                        "/v1/products/a b/usage",
                                        "/v1/products/\xc3\xb6/usage",
                                        "/v1/products/a%ff/usage",
                                        "/v1/products/%"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(find("GET", paths[i]) == ERR_ROUTE_UNKNOWN, "%s", paths[i]);
}
END_TEST

START_TEST(only_the_exact_path_is_known)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "*",
                                        "livez",
                                        "/livez/",
                                        "/Livez",
                                        "//livez",
                                        "/live",
                                        "/livezz",
                                        "/v1/products//usage",
                                        "/v1/products/a/b/usage",
                                        "/v1/products/a/",
                                        "/v1/products/a/policies",
                                        "/v1/products/../products/a/usage",
                                        "/v1/%6cicenses",
                                        "/fw/smi/a/get/image",
                                        "/fw/sfi//get/image",
                                        "/fw/sfi/a/get/image/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(find("GET", paths[i]) == ERR_ROUTE_UNKNOWN, "%s", paths[i]);
}
END_TEST

START_TEST(a_segment_that_is_too_long_names_nothing)
{
    char path[512] = "/v1/products/";
    memset(path + strlen(path), 'a', ROUTE_SEGMENT_SIZE);
    strcat(path, "/usage");
    ck_assert_int_eq(find("GET", path), ERR_ROUTE_UNKNOWN);
    memmove(path + 13, path + 14, strlen(path + 14) + 1);
    ck_assert_int_eq(find("GET", path), ERR_OK);
}
END_TEST

START_TEST(a_wrong_method_is_told_the_right_ones)
{
    ck_assert_int_eq(find("DELETE", "/v1/licenses"), ERR_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(match.allow, "POST, GET, HEAD");
    ck_assert_int_eq(find("DELETE", "/livez"), ERR_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(match.allow, "GET, HEAD");
    ck_assert_ptr_null(match.route);
    ck_assert_int_eq(find("get", "/livez"), ERR_METHOD_NOT_ALLOWED);
}
END_TEST

START_TEST(head_stands_beside_each_get)
{
    ck_assert_int_eq(find("HEAD", "/v1/images/x/content"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &CONTENT_HANDLER);
    ck_assert_int_eq(find("HEAD", "/v1/licenses"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &LICENSE_LIST_HANDLER);
    ck_assert_int_eq(find("HEAD", "/v1/licenses/batch"), ERR_METHOD_NOT_ALLOWED);
}
END_TEST

START_TEST(path_that_is_written_out_is_no_segment_of_another_route)
{
    ck_assert_int_eq(find("POST", "/v1/licenses/batch"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &BATCH_HANDLER);
    ck_assert_int_eq(find("GET", "/v1/licenses/batch"), ERR_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(match.allow, "POST");
    ck_assert_int_eq(find("GET", "/v1/licenses/batc%68"), ERR_OK);
    ck_assert_ptr_eq(match.route->handler, &LICENSE_READ_HANDLER);
}
END_TEST

START_TEST(each_route_takes_the_body_of_its_method)
{
    size_t count = 0;
    const struct route *routes = route_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_post = strcmp(routes[i].method, "POST") == 0;
        bool is_form = strncmp(routes[i].pattern, "/fw/", 4) == 0;
        bool is_document = strcmp(routes[i].pattern, "/v1/grants") == 0;
        bool is_batch = strcmp(routes[i].pattern, "/v1/licenses/batch") == 0;
        const struct route_body *taken = is_form       ? &ROUTE_FORM
                                         : is_document ? &ROUTE_DOCUMENT
                                         : is_batch    ? &ROUTE_BATCH
                                                       : &ROUTE_JSON;
        ck_assert_ptr_eq(routes[i].body, is_post ? taken : NULL);
    }
}
END_TEST

START_TEST(livez_alone_is_public)
{
    size_t count = 0;
    const struct route *routes = route_table(&count);
    ck_assert_uint_eq(count, 33);
    for (size_t i = 0; i < count; i++)
        ck_assert(routes[i].is_public == (strcmp(routes[i].pattern, "/livez") == 0));
}
END_TEST

Suite *route_suite(void)
{
    Suite *suite = suite_create("api/route");
    TCase *tcase = tcase_create("route");
    tcase_add_test(tcase, each_route_is_found_with_its_segment);
    tcase_add_test(tcase, rest_of_a_path_is_taken_with_its_slashes);
    tcase_add_test(tcase, rest_of_a_path_with_an_empty_part_or_a_hidden_slash_names_nothing);
    tcase_add_test(tcase, rest_of_a_path_that_is_too_long_names_nothing);
    tcase_add_test(tcase, percent_escapes_of_a_segment_are_decoded);
    tcase_add_test(tcase, a_segment_with_a_hidden_character_names_nothing);
    tcase_add_test(tcase, only_the_exact_path_is_known);
    tcase_add_test(tcase, a_segment_that_is_too_long_names_nothing);
    tcase_add_test(tcase, a_wrong_method_is_told_the_right_ones);
    tcase_add_test(tcase, head_stands_beside_each_get);
    tcase_add_test(tcase, path_that_is_written_out_is_no_segment_of_another_route);
    tcase_add_test(tcase, each_route_takes_the_body_of_its_method);
    tcase_add_test(tcase, livez_alone_is_public);
    suite_add_tcase(suite, tcase);
    return suite;
}

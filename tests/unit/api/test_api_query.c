/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What stands in a query, at every route. */
#include <stdio.h>
#include <string.h>

#include "api/route.h"
#include "call.h"
#include "front.h"
#include "suites.h"

#define UUID_TEXT "77777777-7777-7777-b777-777777777777"
#define HEX       "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static struct answer answer;

static void expect_refused(const char *path, const char *place)
{
    call_send(&(struct call){.path = path}, &answer);
    ck_assert_msg(answer.status == 400, "%s: %ld %s", path, answer.status, answer.body);
    answer_expect_problem(&answer, 400, "bad-request");
    ck_assert_msg(strcmp(answer_text(&answer, "path"), place) == 0, "%s: %s", path,
                  answer_text(&answer, "path"));
    answer_clear(&answer);
}

/* A path that fits the route's pattern. */
static const char *path_of(const struct route *route)
{
    static const struct {
        const char *segment;
        const char *value;
    } values[] = {{"{license_id}", "lic-" UUID_TEXT},
                  {"{install_id}", "ins-" UUID_TEXT},
                  {"{digest}", "sha256:" HEX},
                  {"{grant_id}", UUID_TEXT},
                  {"{+tile}", "0/000"},
                  {"{problem}", "busy"}};
    static char path[256];
    const char *begin = strchr(route->pattern, '{');
    if (begin == NULL)
        return route->pattern;
    const char *end = strchr(begin, '}') + 1;
    const char *value = "widget";
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (strncmp(values[i].segment, begin, (size_t)(end - begin)) == 0)
            value = values[i].value;
    }
    (void)snprintf(path, sizeof path, "%.*s%s%s", (int)(begin - route->pattern), route->pattern,
                   value, end);
    return path;
}

static struct call call_of(const struct route *route, const char *path)
{
    struct call call = {.path = path, .method = route->method};
    if (route->body == NULL)
        return call;
    call.media_type = route->body->media_types[0];
    call.body = route->body == &ROUTE_DOCUMENT ? "document" : call_license_body("widget");
    if (strstr(path, "/outcome") != NULL)
        call.body = "{\"result\":\"failed\"}";
    return call;
}

/* Those of ST's early server may say more than we know. */
START_TEST(member_that_a_route_does_not_take_is_refused_at_each_route)
{
    char path[300];
    size_t count = 0;
    const struct route *routes = route_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(routes[i].pattern, "/fw/", 4) == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s?colour=red", path_of(&routes[i]));
        struct call call = call_of(&routes[i], path);
        call_send(&call, &answer);
        ck_assert_msg(answer.status == 400, "%s: %ld", path, answer.status);
        answer_expect_problem(&answer, 400, "bad-request");
        ck_assert_str_eq(answer_text(&answer, "path"), "?colour");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(malformed_member_is_refused_at_its_name)
{
    static const struct {
        const char *query;
        const char *place;
    } cases[] = {
        {"limit=0", "?limit"},
        {"limit=257", "?limit"},
        {"limit=99999999999999999999", "?limit"},
        {"limit=-1", "?limit"},
        {"limit=+1", "?limit"},
        {"limit=010", "?limit"},
        {"limit=1.0", "?limit"},
        {"limit=", "?limit"},
        {"limit", "?limit"},
        {"limit=1&limit=1", "?limit"},
        {"limit=1&li%6dit=1", "?limit"},
        {"cursor=", "?cursor"},
        {"cursor=aQ", "?cursor"},
        {"cursor=aQAAAAAAAAAA", "?cursor"},
        {"cursor=aYAAAAAAAAAA", "?cursor"},
        {"cursor=ZwAAAAAAAAAJ", "?cursor"},
        {"cursor=aQAAAAAAAAAR%3D", "?cursor"},
        {"cursor=!!", "?cursor"},
        {"product=", "?product"},
        {"product=a%20b", "?product"},
        {"product=.a", "?product"},
        {"lot=", "?lot"},
        {"lot=%0a", "?lot"},
        {"lot=%00", "?lot"},
        {"lot=%ff", "?lot"},
        {"lot=%zz", "?lot"},
        {"lot=%4", "?lot"},
        {"lot=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "?lot"},
        {"station=%C3%B6", "?station"},
        {"device=cd", "?device"},
        {"device=CDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCD", "?device"},
        {"result=", "?result"},
        {"result=Failed", "?result"},
        {"since=yesterday", "?since"},
        {"since=2026-11-27", "?since"},
        {"since=2026-11-27T09:14:27+01:00", "?since"},
        {"since=1969-12-31T23:59:59Z", "?since"},
        {"until=2026-02-30T00:00:00Z", "?until"},
        {"since=2026-11-27T09:14:27.001Z&until=2026-11-27T09:14:27Z", "?until"},
        {"until=1970-01-01T00:00:00Z&since=2026-11-27T09:14:27Z", "?until"},
        {"Limit=1", "?Limit"},
        {"=1", "?"},
        {"a%20b=1", "?"},
        {"%zz=1", "?"},
        {"limit=1&x", "?x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "/v1/installs?%s", cases[i].query);
        expect_refused(path, cases[i].place);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(member_of_another_list_is_not_taken)
{
    expect_refused("/v1/licenses?result=failed", "?result");
    expect_refused("/v1/images?limit=1", "?limit");
    expect_refused("/v1/grants?lot=L7", "?lot");
    expect_refused("/v1/products/widget/usage/lots?product=widget", "?product");
    expect_refused("/v1/products/widget/usage/days?cursor=bEE", "?cursor");
}
END_TEST

START_TEST(empty_query_is_none)
{
    call_send(&(struct call){.path = "/v1/installs?"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
    call_send(&(struct call){.path = "/livez?"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
}
END_TEST

Suite *query_suite(void)
{
    Suite *suite = suite_create("api/query");
    TCase *tcase = tcase_create("query");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, member_that_a_route_does_not_take_is_refused_at_each_route);
    tcase_add_test(tcase, malformed_member_is_refused_at_its_name);
    tcase_add_test(tcase, member_of_another_list_is_not_taken);
    tcase_add_test(tcase, empty_query_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}

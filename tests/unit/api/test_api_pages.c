/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The pages that say what problems mean. */
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "call.h"
#include "front.h"
#include "suites.h"

static struct answer answer;

START_TEST(type_of_each_problem_is_the_path_of_its_page)
{
    char type[PROBLEM_TYPE_SIZE];
    char begin[128];
    for (int code = 1; code < ERR_COUNT; code++) {
        if (!problem_exists((enum error)code))
            continue;
        problem_type((enum error)code, type);
        call_send(&(struct call){.path = type}, &answer);
        ck_assert_msg(answer.status == 200, "%s: %ld", type, answer.status);
        (void)snprintf(begin, sizeof begin, "## %s\n\nStatus %u.", error_name((enum error)code),
                       problem_of((enum error)code)->status);
        ck_assert_int_eq(strncmp(answer.body, begin, strlen(begin)), 0);
        ck_assert_ptr_null(strstr(answer.body, "\n## "));
        ck_assert_str_eq(answer_header(&answer, "Content-Type"), "text/markdown; charset=utf-8");
        answer_clear(&answer);
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

static void expect_no_page(const char *path)
{
    call_send(&(struct call){.path = path}, &answer);
    answer_expect_problem(&answer, 404, "route-unknown");
    answer_clear(&answer);
}

START_TEST(name_of_no_problem_has_no_page)
{
    char path[128] = "/problems/";
    expect_no_page("/problems/quota");
    expect_no_page("/problems/quota-spen%74s");
    expect_no_page("/problems/BUSY");
    expect_no_page("/problems/busy%0A");
    expect_no_page("/problems/%23");
    memset(path + strlen(path), 'a', 90);
    expect_no_page(path);
    ck_assert_int_eq(call_status(&(struct call){.path = "/problems/busy", .client = ""}), 401);
}
END_TEST

Suite *pages_suite(void)
{
    Suite *suite = suite_create("api/pages");
    TCase *tcase = tcase_create("pages");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, type_of_each_problem_is_the_path_of_its_page);
    tcase_add_test(tcase, name_of_no_problem_has_no_page);
    suite_add_tcase(suite, tcase);
    return suite;
}

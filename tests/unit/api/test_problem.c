/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The problem table, and that the documents tell the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "api/route.h"
#include "suites.h"

static char *read_document(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", SOURCE_FOLDER, name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    static char text[256 * 1024];
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    return text;
}

START_TEST(every_error_code_has_a_row_and_no_gap_has_one)
{
    for (int code = 0; code < ERR_COUNT; code++) {
        bool is_wanted = code != ERR_OK && error_is_known(code);
        ck_assert_msg(problem_exists((enum error)code) == is_wanted, "code %d", code);
    }
    ck_assert(!problem_exists((enum error)ERR_COUNT));
    ck_assert(!problem_exists((enum error) - 1));
}
END_TEST

START_TEST(every_row_is_whole_and_says_when_to_retry)
{
    for (int code = 1; code < ERR_COUNT; code++) {
        if (!problem_exists((enum error)code))
            continue;
        const struct problem *problem = problem_of((enum error)code);
        bool asks_to_wait = problem->status == 503 || problem->status == 429;
        ck_assert_uint_ge(problem->status, 400);
        ck_assert_uint_lt(problem->status, 600);
        ck_assert_uint_gt(strlen(problem->title), 0);
        ck_assert_uint_gt(strlen(problem->action), 0);
        ck_assert_msg(asks_to_wait == (problem->retry_after_s > 0), "code %d", code);
        ck_assert_msg(!error_is_retryable((enum error)code) || asks_to_wait, "code %d", code);
    }
}
END_TEST

START_TEST(a_code_that_is_no_error_is_an_internal_problem)
{
    char type[PROBLEM_TYPE_SIZE];
    ck_assert_uint_eq(problem_of(ERR_OK)->status, 500);
    ck_assert_uint_eq(problem_of((enum error)9999)->status, 500);
    problem_type((enum error)9999, type);
    ck_assert_str_eq(type, "/problems/internal");
    problem_type(ERR_QUOTA_SPENT, type);
    ck_assert_str_eq(type, "/problems/quota-spent");
}
END_TEST

static void expect_each_problem(const char *document, const char *before, const char *after)
{
    char wanted[PROBLEM_TYPE_SIZE + 32];
    const char *text = read_document(document);
    for (int code = 1; code < ERR_COUNT; code++) {
        if (!problem_exists((enum error)code))
            continue;
        (void)snprintf(wanted, sizeof wanted, "%s%s%s", before, error_name((enum error)code),
                       after);
        ck_assert_msg(strstr(text, wanted) != NULL, "%s lacks \"%s\"", document, wanted);
    }
}

START_TEST(docs_problems_md_has_a_section_for_each_type_with_its_status)
{
    char wanted[160];
    expect_each_problem("docs/problems.md", "\n## ", "\n");
    const char *text = read_document("docs/problems.md");
    for (int code = 1; code < ERR_COUNT; code++) {
        if (!problem_exists((enum error)code))
            continue;
        (void)snprintf(wanted, sizeof wanted, "\n## %s\n\nStatus %u.", error_name((enum error)code),
                       problem_of((enum error)code)->status);
        ck_assert_msg(strstr(text, wanted) != NULL, "docs/problems.md lacks \"%s\"", wanted);
    }
}
END_TEST

/* Up to the next heading. */
static const char *section_of(const char *text, const char *name)
{
    static char section[16 * 1024];
    char heading[96];
    (void)snprintf(heading, sizeof heading, "\n## %s\n", name);
    const char *begin = strstr(text, heading);
    ck_assert_msg(begin != NULL, "docs/problems.md lacks %s", name);
    const char *end = strstr(begin + 1, "\n## ");
    int length = (int)(end != NULL ? end - begin : (long)strlen(begin));
    ck_assert_int_lt(length, (int)sizeof section);
    (void)snprintf(section, sizeof section, "%.*s", length, begin);
    return section;
}

START_TEST(each_section_of_docs_problems_md_says_what_to_do_on_the_line_and_at_the_server)
{
    const char *text = read_document("docs/problems.md");
    for (int code = 1; code < ERR_COUNT; code++) {
        if (!problem_exists((enum error)code))
            continue;
        const char *section = section_of(text, error_name((enum error)code));
        const char *line = strstr(section, "\n\n**On the line:** ");
        ck_assert_msg(line != NULL, "%s", section);
        ck_assert_msg(strstr(line, "\n\n**The operator:** ") != NULL, "%s", section);
    }
}
END_TEST

static void expect_advice(enum error code, const char *const *checks, size_t count)
{
    static char section[16 * 1024];
    char row[96];
    (void)snprintf(section, sizeof section, "%s",
                   section_of(read_document("docs/problems.md"), error_name(code)));
    const char *contract = read_document("api/openapi.yaml");
    for (size_t i = 0; i < count; i++) {
        const char *advice = problem_advice(code, checks[i]);
        ck_assert_str_ne(advice, problem_of(code)->action);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(advice, problem_advice(code, checks[j]));
        (void)snprintf(row, sizeof row, "\n| `%s` | ", checks[i]);
        ck_assert_msg(strstr(section, row) != NULL, "docs/problems.md lacks %s", row);
        (void)snprintf(row, sizeof row, "\n            - %s\n", checks[i]);
        ck_assert_msg(strstr(contract, row) != NULL, "api/openapi.yaml lacks %s", row);
    }
}

START_TEST(each_check_of_a_caller_has_advice_of_its_own)
{
    static const char *const checks[] = {"principal-unknown", "principal-disabled",
                                         "role-not-allowed",  "product-not-allowed",
                                         "line-not-allowed",  "line-missing"};
    static const char *const conflicts[] = {"grant-used"};
    expect_advice(ERR_FORBIDDEN, checks, sizeof checks / sizeof checks[0]);
    expect_advice(ERR_CONFLICT, conflicts, 1);
    ck_assert_str_eq(problem_advice(ERR_FORBIDDEN, "anything"), problem_of(ERR_FORBIDDEN)->action);
    ck_assert_str_eq(problem_advice(ERR_BUSY, "line-missing"), problem_of(ERR_BUSY)->action);
}
END_TEST

/* OpenAPI has no word for the rest of a path: "{+tile}" is "{tile}" there. */
static const char *openapi_path(const char *pattern)
{
    static char path[128];
    size_t length = 0;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '+')
            path[length++] = *pattern;
    }
    path[length] = '\0';
    return path;
}

START_TEST(openapi_yaml_names_each_problem_type_and_each_route_with_its_operation)
{
    char wanted[160];
    size_t count = 0;
    const struct route *routes = route_table(&count);
    expect_each_problem("api/openapi.yaml", "- /problems/", "\n");
    const char *text = read_document("api/openapi.yaml");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(wanted, sizeof wanted, "\n  %s:\n", openapi_path(routes[i].pattern));
        const char *path = strstr(text, wanted);
        ck_assert_msg(path != NULL, "api/openapi.yaml lacks %s", routes[i].pattern);
        (void)snprintf(wanted, sizeof wanted, "\n    %s:\n      operationId: %s\n      x-roles: [",
                       strcmp(routes[i].method, "GET") == 0 ? "get" : "post", routes[i].operation);
        const char *operation = strstr(path, wanted);
        const char *next = strstr(path + 1, "\n  /");
        ck_assert_msg(operation != NULL && (next == NULL || operation < next), "%s",
                      routes[i].operation);
    }
}
END_TEST

START_TEST(each_check_word_of_openapi_yaml_has_its_row_in_docs_problems_md)
{
    static char words[4096];
    char wanted[96];
    unsigned count = 0;
    const char *list = strstr(read_document("api/openapi.yaml"), "\n        check:\n");
    ck_assert_ptr_nonnull(list);
    list = strstr(list, "enum:\n");
    (void)snprintf(words, sizeof words, "%.*s", (int)(strstr(list, "\n        native:") - list),
                   list);
    const char *text = read_document("docs/problems.md");
    char *rest = NULL;
    for (char *word = strtok_r(words, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (strcmp(word, "enum:") == 0 || strcmp(word, "-") == 0)
            continue;
        (void)snprintf(wanted, sizeof wanted, "\n| `%s` |", word);
        ck_assert_msg(strstr(text, wanted) != NULL, "docs/problems.md lacks %s", word);
        count++;
    }
    ck_assert_uint_eq(count, 54);
}
END_TEST

Suite *problem_suite(void)
{
    Suite *suite = suite_create("api/problem");
    TCase *tcase = tcase_create("problem");
    tcase_add_test(tcase, every_error_code_has_a_row_and_no_gap_has_one);
    tcase_add_test(tcase, every_row_is_whole_and_says_when_to_retry);
    tcase_add_test(tcase, a_code_that_is_no_error_is_an_internal_problem);
    tcase_add_test(tcase, docs_problems_md_has_a_section_for_each_type_with_its_status);
    tcase_add_test(tcase, each_check_of_a_caller_has_advice_of_its_own);
    tcase_add_test(tcase,
                   each_section_of_docs_problems_md_says_what_to_do_on_the_line_and_at_the_server);
    tcase_add_test(tcase, each_check_word_of_openapi_yaml_has_its_row_in_docs_problems_md);
    tcase_add_test(tcase, openapi_yaml_names_each_problem_type_and_each_route_with_its_operation);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of names and the line that is recorded. */
#include "vault/scope.h"

#include <string.h>

#include <check.h>

#include "support/run.h"

static struct ledger_principal caller;
static struct ledger_context context;
static struct fault fault;

static void set_up(void)
{
    caller = (struct ledger_principal){0};
    context = (struct ledger_context){0};
}

static void expect_line(enum error code, const char *result)
{
    ck_assert_int_eq(scope_take_line(&caller, &context, &fault), code);
    ck_assert_str_eq(code == ERR_OK ? context.line : fault.reason, result);
}

START_TEST(who_is_narrowed_to_no_line_says_what_he_likes)
{
    expect_line(ERR_OK, "");
    strcpy(context.line, "any");
    expect_line(ERR_OK, "any");
}
END_TEST

START_TEST(only_line_is_recorded_when_none_is_said)
{
    strcpy(caller.scope.lines, "one\n");
    expect_line(ERR_OK, "one");
    strcpy(context.line, "two");
    expect_line(ERR_FORBIDDEN, "line-not-allowed");
    strcpy(context.line, "on");
    expect_line(ERR_FORBIDDEN, "line-not-allowed");
}
END_TEST

START_TEST(one_of_several_lines_must_be_said)
{
    strcpy(caller.scope.lines, "one\ntwo\n");
    expect_line(ERR_FORBIDDEN, "line-missing");
    strcpy(context.line, "two");
    expect_line(ERR_OK, "two");
    strcpy(context.line, "one\ntwo");
    expect_line(ERR_FORBIDDEN, "line-not-allowed");
}
END_TEST

START_TEST(product_outside_the_scope_is_refused_whether_it_exists_or_not)
{
    ck_assert_int_eq(scope_check_product(&caller, "widget", &fault), ERR_OK);
    strcpy(caller.scope.products, "widget\n");
    ck_assert_int_eq(scope_check_product(&caller, "widget", &fault), ERR_OK);
    static const char *const others[] = {"widge", "widgets", "gadget", "", "widget\n", "Widget"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ck_assert_int_eq(scope_check_product(&caller, others[i], &fault), ERR_FORBIDDEN);
        ck_assert_str_eq(fault.reason, "product-not-allowed");
    }
}
END_TEST

START_TEST(list_gives_back_the_names_that_were_added)
{
    char list[LEDGER_SCOPE_MAX + 1] = "";
    char name[LEDGER_NAME_MAX + 1];
    char longest[LEDGER_NAME_MAX + 1];
    const char *position = list;
    memset(longest, 'x', LEDGER_NAME_MAX);
    longest[LEDGER_NAME_MAX] = '\0';
    ck_assert(scope_add(list, "a line with spaces"));
    for (int i = 1; i < LEDGER_SCOPE_NAMES_MAX; i++)
        ck_assert(scope_add(list, longest));
    ck_assert(scope_next(&position, name));
    ck_assert_str_eq(name, "a line with spaces");
    for (int i = 1; i < LEDGER_SCOPE_NAMES_MAX; i++) {
        ck_assert(scope_next(&position, name));
        ck_assert_str_eq(name, longest);
    }
    ck_assert(!scope_next(&position, name));
}
END_TEST

START_TEST(names_that_would_break_the_list_are_not_added)
{
    char list[LEDGER_SCOPE_MAX + 1] = "";
    char too_long[LEDGER_NAME_MAX + 2];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    static const char *const bad[] = {"", "a\nb", "a\tb", "\x1b[1m", "\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert(!scope_add(list, bad[i]));
    ck_assert(!scope_add(list, too_long));
    ck_assert_str_eq(list, "");
    while (scope_add(list, too_long + 1))
        ;
    ck_assert_uint_le(strlen(list), LEDGER_SCOPE_MAX);
}
END_TEST

static bool meet(const char *a, const char *b)
{
    struct ledger_scope one = {.products = ""};
    struct ledger_scope other = {.products = ""};
    strcpy(one.products, a);
    strcpy(other.products, b);
    return scope_products_meet(&one, &other) && scope_products_meet(&other, &one);
}

START_TEST(scopes_meet_in_a_product_or_when_one_has_all)
{
    ck_assert(meet("", ""));
    ck_assert(meet("", "a\n"));
    ck_assert(meet("a\nb\n", "b\nc\n"));
    ck_assert(!meet("a\n", "b\n"));
    ck_assert(!meet("a\n", "aa\n"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_is_narrowed_to_no_line_says_what_he_likes,
        only_line_is_recorded_when_none_is_said,
        one_of_several_lines_must_be_said,
        product_outside_the_scope_is_refused_whether_it_exists_or_not,
        list_gives_back_the_names_that_were_added,
        names_that_would_break_the_list_are_not_added,
        scopes_meet_in_a_product_or_when_one_has_all,
        NULL,
    };
    return run_suite(
        &(struct run_case){.name = "scope", .set_up = set_up, .timeout_s = 60, .tests = tests});
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the bench takes as arguments. */
#include "bench/options.h"
#include "support/run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const WORDS[] = {"licenses", "model", "flood"};
static struct options options;

static bool take(size_t count, const char *const arguments[])
{
    return options_take((int)count, arguments, WORDS, COUNT(WORDS), &options);
}

#define ARGUMENTS(...) ((const char *[]){"bench", __VA_ARGS__})
#define TAKE(...)      take(COUNT(ARGUMENTS(__VA_ARGS__)), ARGUMENTS(__VA_ARGS__))

START_TEST(without_a_word_none_is_chosen)
{
    ck_assert(TAKE("--quick"));
    ck_assert(options.is_quick);
    ck_assert(!options.has_words);
    ck_assert_ptr_null(options.json);
}
END_TEST

START_TEST(words_and_flags_come_in_any_order)
{
    ck_assert(TAKE("model", "--json", "out.json", "licenses"));
    ck_assert(options.has_words);
    ck_assert(options.is_chosen[0] && options.is_chosen[1] && !options.is_chosen[2]);
    ck_assert(!options.is_quick);
    ck_assert_str_eq(options.json, "out.json");
}
END_TEST

START_TEST(what_is_neither_is_refused)
{
    ck_assert(!TAKE("licences"));
    ck_assert(!TAKE("--fast"));
    ck_assert(!TAKE(""));
    ck_assert(!TAKE("licenses", "--json"));
    ck_assert(!TAKE("--json", ""));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {without_a_word_none_is_chosen, words_and_flags_come_in_any_order,
                            what_is_neither_is_refused, NULL};
    return run_suite(&(struct run_case){.name = "options", .timeout_s = 4, .tests = tests});
}

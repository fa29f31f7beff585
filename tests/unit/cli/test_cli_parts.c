/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of provctl that need no other program: options, codes, texts, files. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/answer.h"
#include "cli/arguments.h"
#include "cli/exit_code.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/problem.h"
#include "cli/progress.h"
#include "cli/rest_retry.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "provctl.h"
#include "suite.h"

static struct temp_dir dir;
static struct failure failure;

static void set_up(void)
{
    (void)unsetenv("PROVCTL_PRODUCT");
    temp_dir_make(&dir);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

/* ---- exit codes ---- */

START_TEST(every_error_has_an_exit_code)
{
    for (int code = 0; code < ERR_COUNT; code++)
        ck_assert_msg(exit_code_has_row((enum error)code) == error_is_known(code), "code %d", code);
}
END_TEST

START_TEST(every_error_has_a_sentence)
{
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        if (error_is_known(code))
            ck_assert_str_ne(failure_sentence((enum error)code), "It failed");
    }
}
END_TEST

START_TEST(retryable_errors_and_no_others_exit_with_20)
{
    for (int code = 0; code < ERR_COUNT; code++)
        ck_assert_int_eq(exit_code_of((enum error)code) == EXIT_CODE_TRY_AGAIN,
                         error_is_retryable((enum error)code));
}
END_TEST

START_TEST(exit_codes_are_those_of_the_manual)
{
    ck_assert_int_eq(exit_code_of(ERR_OK), 0);
    ck_assert_int_eq(exit_code_of(ERR_QUOTA_SPENT), 10);
    ck_assert_int_eq(exit_code_of(ERR_FORBIDDEN), 11);
    ck_assert_int_eq(exit_code_of(ERR_UNAUTHENTICATED), 11);
    ck_assert_int_eq(exit_code_of(ERR_DEVICE_NOT_GENUINE), 12);
    ck_assert_int_eq(exit_code_of(ERR_DEVICE_IDENTITY_CONFLICT), 13);
    ck_assert_int_eq(exit_code_of(ERR_DEVICE_SCRAPPED), 13);
    ck_assert_int_eq(exit_code_of(ERR_PRODUCT_UNKNOWN), 1);
    ck_assert_int_eq(exit_code_of((enum error)7777), 1);
}
END_TEST

/* ---- options ---- */

static const struct arguments_form FORM = {.name = "try",
                                           .operands = "NAME",
                                           .operand_count = 1,
                                           .required = OPTIONS(OPTION_PRODUCT),
                                           .optional = OPTIONS(OPTION_UNITS, OPTION_CERT)};

/* Parses a line that ends in NULL. */
static enum error parse(struct arguments *ret_arguments, const char **words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    return arguments_parse(&FORM, count, (char **)words, ret_arguments, &failure);
}
#define PARSE(ret_arguments, ...) parse((ret_arguments), (const char *[]){"try", __VA_ARGS__, NULL})

static void claim_usage(enum error e, const char *message)
{
    ck_assert_int_eq(e, ERR_BAD_REQUEST);
    ck_assert_int_eq(failure.exit, EXIT_CODE_USAGE);
    ck_assert_str_eq(failure.what, message);
}

START_TEST(options_and_operands_may_stand_in_any_order)
{
    struct arguments arguments;
    ck_assert_int_eq(PARSE(&arguments, "n1", "--product", "p", "--json", "--units=5"), ERR_OK);
    ck_assert_str_eq(arguments.operands[0], "n1");
    ck_assert_str_eq(arguments_get(&arguments, OPTION_PRODUCT), "p");
    ck_assert_str_eq(arguments_get(&arguments, OPTION_UNITS), "5");
    ck_assert(arguments_has(&arguments, OPTION_JSON));
    ck_assert(!arguments_has(&arguments, OPTION_HELP));
}
END_TEST

START_TEST(an_unknown_option_is_named_and_the_nearest_suggested)
{
    struct arguments arguments;
    claim_usage(PARSE(&arguments, "--prodcut=p", "n"),
                "Unknown option --prodcut; did you mean --product?");
    claim_usage(PARSE(&arguments, "n", "--quota", "5"),
                "Unknown option --quota. See provctl try --help");
    claim_usage(PARSE(&arguments, "n", "-p", "x"), "Unknown option -p. See provctl try --help");
}
END_TEST

START_TEST(an_incomplete_line_says_what_is_missing)
{
    struct arguments arguments;
    claim_usage(PARSE(&arguments, "n"),
                "The option --product NAME is missing (or set PROVCTL_PRODUCT)");
    claim_usage(PARSE(&arguments, "--product", "p"), "Missing argument: provctl try NAME");
    claim_usage(PARSE(&arguments, "n", "--product"), "The option --product wants a value");
    claim_usage(PARSE(&arguments, "n", "m", "--product", "p"),
                "Unexpected argument m. See provctl try --help");
}
END_TEST

START_TEST(an_option_given_twice_is_refused)
{
    struct arguments arguments;
    claim_usage(PARSE(&arguments, "n", "--product", "a", "--product", "b"),
                "The option --product is given twice");
    claim_usage(PARSE(&arguments, "n", "--json=yes", "--product", "a"),
                "The option --json takes no value");
}
END_TEST

START_TEST(help_demands_nothing_else)
{
    struct arguments arguments;
    ck_assert_int_eq(PARSE(&arguments, "--help"), ERR_OK);
    ck_assert(arguments_has(&arguments, OPTION_HELP));
}
END_TEST

START_TEST(the_environment_is_a_default_and_an_empty_one_is_none)
{
    struct arguments arguments;
    ck_assert_int_eq(setenv("PROVCTL_CERT", "from-environment", 1), 0);
    ck_assert_int_eq(PARSE(&arguments, "n", "--product", "p"), ERR_OK);
    ck_assert_str_eq(arguments_get(&arguments, OPTION_CERT), "from-environment");
    ck_assert(!arguments_has(&arguments, OPTION_CERT));
    ck_assert_int_eq(setenv("PROVCTL_CERT", "", 1), 0);
    ck_assert_ptr_null(arguments_get(&arguments, OPTION_CERT));
    ck_assert_int_eq(PARSE(&arguments, "n", "--product", "p", "--cert", "given"), ERR_OK);
    ck_assert_str_eq(arguments_get(&arguments, OPTION_CERT), "given");
}
END_TEST

/* Like FORM, with one option that is checked. */
static enum error parse_value(enum option_id option, const char *word, const char *value)
{
    struct arguments arguments;
    const struct arguments_form form = {
        .name = "try", .operands = "DIGEST", .operand_count = 1, .optional = OPTIONS(option)};
    const char *words[] = {"try", "n", word, value, NULL};
    return arguments_parse(&form, 4, (char **)words, &arguments, &failure);
}

START_TEST(a_product_of_the_environment_counts_and_is_checked)
{
    struct arguments arguments;
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "meter", 1), 0);
    ck_assert_int_eq(PARSE(&arguments, "n"), ERR_OK);
    ck_assert_str_eq(arguments_get(&arguments, OPTION_PRODUCT), "meter");
    ck_assert_int_eq(PARSE(&arguments, "n", "--product", "given"), ERR_OK);
    ck_assert_str_eq(arguments_get(&arguments, OPTION_PRODUCT), "given");
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "a b", 1), 0);
    claim_usage(PARSE(&arguments, "n"),
                "PROVCTL_PRODUCT is not a name: \"a b\". A name is 1 to 64 of A-Z a-z 0-9 . _ - "
                "and begins with a letter or a digit");
    /* Nobody asks the environment of a command that takes no product. */
    ck_assert_int_eq(parse_value(OPTION_LOT, "--lot", "L"), ERR_OK);
}
END_TEST

START_TEST(addresses_are_hex_with_0x)
{
    static const char *const wrong[] = {"",
                                        "0x",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "8k",
                                        "0xg",
                                        "x10",
                                        "0x 1",
                                        "0x10000000000000000",
                                        "18446744073709551616",
                                        "08000000",
                                        "8000000",
                                        "10",
                                        "0"};
    uint64_t address = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!text_parse_address(wrong[i], &address), "%s", wrong[i]);
    ck_assert_uint_eq(address, 7);
    ck_assert(text_parse_address("0x08000000", &address));
    ck_assert_uint_eq(address, 0x08000000);
    ck_assert(text_parse_address("0XfFfFfFfFfFfFfFfF", &address));
    ck_assert_uint_eq(address, UINT64_MAX);
    ck_assert(text_parse_address("0x0", &address));
    ck_assert_uint_eq(address, 0);
}
END_TEST

START_TEST(numbers_are_whole_and_within_their_limits)
{
    static const char *const wrong[] = {"",     "-1",  "+1", " 1", "1 ",
                                        "0x10", "1e3", "11", "0",  "99999999999999999999999999"};
    int64_t number = -1;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!text_parse_number(wrong[i], 1, 10, &number), "%s", wrong[i]);
    ck_assert_int_eq(number, -1);
    ck_assert(text_parse_number("10", 1, 10, &number));
    ck_assert_int_eq(number, 10);
    ck_assert(!text_parse_number("9223372036854775808", 0, INT64_MAX, &number));
    ck_assert(text_parse_number("9223372036854775807", 0, INT64_MAX, &number));
}
END_TEST

START_TEST(a_text_is_as_long_as_the_services_take_it)
{
    char text[258];
    memset(text, 'x', sizeof text);
    text[257] = '\0';
    claim_usage(parse_value(OPTION_DETAIL, "--detail", text), "--detail is at most 256 bytes");
    ck_assert_int_eq(parse_value(OPTION_DETAIL, "--detail", text + 1), ERR_OK);
    text[65] = '\0';
    claim_usage(parse_value(OPTION_LOT, "--lot", text), "--lot is at most 64 bytes");
    ck_assert_int_eq(parse_value(OPTION_LOT, "--lot", text + 1), ERR_OK);
    claim_usage(parse_value(OPTION_CODE, "--code", text), "--code is at most 64 bytes");
    claim_usage(parse_value(OPTION_LABEL, "--label", "a\tb"), "--label holds a control character");
    claim_usage(parse_value(OPTION_LINE, "--line", "\x7f"), "--line holds a control character");
}
END_TEST

START_TEST(a_name_is_checked_before_anybody_is_asked)
{
    static const char *const wrong[] = {"", "a b", "-a", ".a", "a/b", "\xc3\xbc"};
    struct arguments arguments;
    char long_name[66];
    memset(long_name, 'x', 65);
    long_name[65] = '\0';
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_ne(parse_value(OPTION_PRODUCT, "--product", wrong[i]), ERR_OK);
        ck_assert_int_eq(failure.exit, EXIT_CODE_USAGE);
    }
    ck_assert_int_ne(parse_value(OPTION_SITE, "--site", long_name), ERR_OK);
    ck_assert_int_eq(parse_value(OPTION_SITE, "--site", long_name + 1), ERR_OK);
    claim_usage(PARSE(&arguments, "a b", "--product", "p"),
                "NAME is not a name: \"a b\". A name is 1 to 64 of A-Z a-z 0-9 . _ - and begins "
                "with a letter or a digit");
}
END_TEST

/* ---- foreign text ---- */

static const char *escaped(const char *text)
{
    static char out[256];
    text_escape(text, out, sizeof out);
    return out;
}

START_TEST(control_characters_never_reach_the_terminal)
{
    ck_assert_str_eq(escaped("a\033[2Jb"), "a\\x1b[2Jb");
    ck_assert_str_eq(escaped("a\r\nb\tc\177"), "a\\x0d\\x0ab\\x09c\\x7f");
    ck_assert_str_eq(escaped("\xc2\x9b"
                             "31m"),
                     "\\xc2\\x9b31m"); /* C1: the 8-bit CSI */
    ck_assert_str_eq(escaped("\xe2\x80\xae"
                             "txt"),
                     "\\xe2\\x80\\xaetxt"); /* right-to-left override */
}
END_TEST

START_TEST(text_that_is_not_utf8_is_shown_as_hex)
{
    ck_assert_str_eq(escaped("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
    ck_assert_str_eq(escaped("\xff\xfe"), "\\xff\\xfe");
    ck_assert_str_eq(escaped("\xc0\xaf"), "\\xc0\\xaf");                   /* overlong */
    ck_assert_str_eq(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");          /* surrogate */
    ck_assert_str_eq(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* beyond the last */
    ck_assert_str_eq(escaped("end\xe2\x82"), "end\\xe2\\x82");             /* cut short */
}
END_TEST

START_TEST(escaping_cuts_at_a_whole_character)
{
    char out[8];
    text_escape("abcde\033", out, sizeof out);
    ck_assert_str_eq(out, "abcde");
    text_escape("abcdef\xc3\xbc", out, sizeof out);
    ck_assert_str_eq(out, "abcdef");
    text_escape("abcde\xc3\xbcz", out, sizeof out);
    ck_assert_str_eq(out, "abcde\xc3\xbc");
}
END_TEST

START_TEST(the_distance_of_words_counts_edits)
{
    ck_assert_uint_eq(text_distance("license", "license"), 0);
    ck_assert_uint_eq(text_distance("licence", "license"), 1);
    ck_assert_uint_eq(text_distance("", "abc"), 3);
    ck_assert_uint_eq(text_distance("statsu", "status"), 2);
}
END_TEST

START_TEST(hex_is_whole_bytes_in_either_case_up_to_the_limit)
{
    static const char *const wrong[] = {"",    "0",   "000",  "0g",        "g0",
                                        " 00", "00 ", "0x00", "0000000000"};
    uint8_t bytes[4] = {9, 9, 9, 9};
    size_t length = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!text_parse_hex(wrong[i], bytes, 4, &length), "%s", wrong[i]);
    ck_assert_uint_eq(length, 7);
    ck_assert_mem_eq(bytes, "\x09\x09\x09\x09", 4);
    ck_assert(text_parse_hex("00aAFf7e", bytes, 4, &length));
    ck_assert_uint_eq(length, 4);
    ck_assert_mem_eq(bytes, "\x00\xaa\xff\x7e", 4);
}
END_TEST

START_TEST(waiting_times_are_rounded_up_to_what_people_count_in)
{
    static const struct {
        int64_t seconds;
        const char *words;
    } rows[] = {{1, "1 s"},
                {119, "119 s"},
                {120, "2 min"},
                {121, "3 min"},
                {7140, "119 min"},
                {7141, "2 h"},
                {11500, "3 h 12 min"},
                {172740, "47 h 59 min"},
                {172800, "2 d"},
                {180000, "2 d 2 h"},
                {INT64_MAX, "106751991167300 d 15 h"}};
    char text[TEXT_DURATION_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_str_eq(text_duration(rows[i].seconds, text), rows[i].words);
}
END_TEST

START_TEST(times_are_read_and_written_in_one_unit)
{
    static const struct {
        const char *read;
        uint32_t minutes;
        const char *written;
    } rows[] = {{"0m", 0, "0h"},         {"0d", 0, "0h"},     {"1m", 1, "1m"},
                {"60m", 60, "1h"},       {"8h", 480, "8h"},   {"24h", 1440, "1d"},
                {"90m", 90, "90m"},      {"7d", 10080, "7d"}, {"25h", 1500, "25h"},
                {"10080m", 10080, "7d"}, {"0008h", 480, "8h"}};
    static const char *const wrong[] = {"",     "h",      "8",  "8w",  "8d",
                                        "169h", "10081m", "h8", "8h ", "-1h"};
    char text[NUMBER_TEXT_SIZE];
    uint32_t minutes = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(text_parse_minutes(rows[i].read, 10080, &minutes), "%s", rows[i].read);
        ck_assert_uint_eq(minutes, rows[i].minutes);
        ck_assert_str_eq(text_minutes(minutes, text), rows[i].written);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!text_parse_minutes(wrong[i], 10080, &minutes), "%s", wrong[i]);
}
END_TEST

/* ---- tables ---- */

START_TEST(a_table_aligns_numbers_to_the_right_and_escapes)
{
    static const struct table_column columns[] = {
        {"PRODUCT", false}, {"QUOTA", true}, {"STATE", false}};
    static const char golden[] = "PRODUCT    QUOTA  STATE\n"
                                 "meter          7  enabled\n"
                                 "a\\x1bb   1000000  disabled\n";
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    TABLE_AUTO table = table_new(columns, 3);
    table_add_row(table, (const char *[]){"meter", "7", "enabled"});
    table_add_row(table, (const char *[]){"a\033b", "1000000", "disabled"});
    ck_assert_int_eq(table_print(table, out), ERR_OK);
    (void)fclose(out);
    ck_assert_str_eq(text, golden);
    free(text);
}
END_TEST

/* ---- problems ---- */

static enum error problem(long status, const char *body, bool *ret_retryable)
{
    return problem_to_failure(status, bytes_of(body, strlen(body)), ret_retryable, &failure);
}

START_TEST(every_error_name_is_understood_as_a_problem_type)
{
    char body[128];
    bool is_retryable = false;
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        if (!error_is_known(code))
            continue;
        (void)snprintf(body, sizeof body, "{\"type\":\"/problems/%s\"}",
                       error_name((enum error)code));
        ck_assert_int_eq(problem(418, body, &is_retryable), code);
        ck_assert_int_eq(failure.exit, exit_code_of((enum error)code));
        ck_assert_int_eq(is_retryable, error_is_retryable((enum error)code));
    }
}
END_TEST

START_TEST(a_problem_keeps_the_servers_words_and_the_request_id)
{
    bool is_retryable = true;
    ck_assert_int_eq(problem(422,
                             "{\"type\":\"https://x.example/problems/device-not-genuine\","
                             "\"title\":\"T\",\"detail\":\"The chain ends nowhere.\","
                             "\"check\":\"chain\",\"request_id\":\"r-1\",\"retryable\":false}",
                             &is_retryable),
                     ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(failure.what, "The chain ends nowhere (check chain).");
    ck_assert_str_eq(failure.check, "chain");
    ck_assert_str_eq(failure.advice, "");
    ck_assert_str_eq(failure.request_id, "r-1");
    ck_assert(!is_retryable);
}
END_TEST

START_TEST(a_reason_has_its_own_advice_in_place_of_the_codes)
{
    bool is_retryable = false;
    ck_assert_int_eq(problem(422,
                             "{\"type\":\"/problems/device-not-genuine\",\"detail\":\"The path is "
                             "wrong. Set it aside.\",\"check\":\"chain-invalid\",\"native\":24}",
                             &is_retryable),
                     ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(failure.what, "The path is wrong (check chain-invalid, number 24).");
    ck_assert_str_eq(failure.advice, "Set this device aside, and tell the operator the number.");
    (void)problem(403, "{\"type\":\"/problems/forbidden\",\"check\":\"line-missing\"}",
                  &is_retryable);
    ck_assert_ptr_nonnull(strstr(failure.advice, "--line TEXT"));
    (void)problem(403, "{\"type\":\"/problems/forbidden\",\"check\":\"expired\"}", &is_retryable);
    ck_assert_str_eq(failure.advice, failure_advice(ERR_FORBIDDEN));
}
END_TEST

START_TEST(an_unknown_problem_goes_by_its_retryable_member)
{
    bool is_retryable = false;
    ck_assert_int_eq(
        problem(400, "{\"type\":\"/problems/new-one\",\"retryable\":true}", &is_retryable),
        ERR_BAD_REQUEST);
    ck_assert_int_eq(failure.exit, EXIT_CODE_TRY_AGAIN);
    ck_assert(is_retryable);
    (void)problem(503, "{\"type\":\"/problems/new-one\",\"retryable\":false}", &is_retryable);
    ck_assert_int_eq(failure.exit, EXIT_CODE_OTHER);
    ck_assert(!is_retryable);
}
END_TEST

START_TEST(a_body_that_is_no_problem_falls_back_to_the_status)
{
    static const char *const bodies[] = {
        "",     "<html>502</html>",          "[]",
        "null", "{\"type\":7,\"title\":[]}", "{\"type\":\"/problems/ok\"}",
        "{",    "{\"a\":1,\"a\":2}",         "{\"type\":\"/problems/\"}"};
    bool is_retryable = false;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        ck_assert_int_eq(problem(502, bodies[i], &is_retryable), ERR_VAULT_UNAVAILABLE);
        ck_assert_int_eq(problem(401, bodies[i], &is_retryable), ERR_UNAUTHENTICATED);
        ck_assert_int_eq(problem(302, bodies[i], &is_retryable), ERR_INTERNAL);
    }
}
END_TEST

/* ---- answers ---- */

#define DIGEST "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum error read_usage(const char *body, struct answer_usage *usage)
{
    return answer_read_usage(bytes_of(body, strlen(body)), usage, &failure);
}

/* An account, charged as it is given. */
#define USAGE(charged)                                                                       \
    "{\"granted\":9,\"charged\":" charged ",\"remaining\":5,\"licensed\":4,\"succeeded\":1," \
    "\"failed\":1,\"scrapped\":1,\"unreported\":1,\"accepted\":9,\"revoked\":1,"             \
    "\"scrap_allowance\":2,\"scrap_drawn\":1,\"proven\":1,\"governed\":true,"                \
    "\"policy\":\"per-device\",\"anchor\":\"ok\",\"unreported_age\":{\"under_1h\":1,"        \
    "\"under_1d\":2,\"under_7d\":3,\"older\":4},\"new\":\"x\"}"

START_TEST(an_account_wants_whole_numbers_of_every_name)
{
    static const char *const wrong[] = {"4.0", "\"4\"", "true", "null", "[4]", "-4"};
    struct answer_usage usage;
    char body[1024];
    ck_assert_int_eq(read_usage(USAGE("4"), &usage), ERR_OK);
    ck_assert_int_eq(usage.remaining, 5);
    ck_assert_int_eq(usage.scrap_drawn, 1);
    ck_assert_int_eq(usage.age[AGE_WEEK], 3);
    ck_assert(usage.is_governed);
    ck_assert_str_eq(usage.policy, "per-device");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(body, sizeof body, USAGE("%s"), wrong[i]);
        ck_assert_msg(read_usage(body, &usage) == ERR_INTERNAL, "%s", body);
    }
    ck_assert_int_eq(read_usage("{\"granted\":9}", &usage), ERR_INTERNAL);
}
END_TEST

/* True when an object that differs in that member is still an account. */
static bool is_account(const json_t *whole, const char *name, json_t *value)
{
    struct answer_usage usage;
    json_t *other = json_copy((json_t *)(uintptr_t)whole);
    if (value == NULL)
        (void)json_object_del(other, name);
    else
        (void)json_object_set_new(other, name, value);
    char *body = json_dumps(other, 0);
    const bool is_read = read_usage(body, &usage) == ERR_OK;
    free(body);
    json_decref(other);
    return is_read;
}

START_TEST(an_account_without_a_member_is_none)
{
    json_t *whole = json_loads(USAGE("4"), 0, NULL);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(whole, name, value)
    {
        const bool is_extra = strcmp(name, "new") == 0;
        ck_assert_msg(is_account(whole, name, NULL) == is_extra, "%s", name);
        ck_assert_msg(is_account(whole, name, json_array()) == is_extra, "%s", name);
    }
    ck_assert(!is_account(whole, "anchor", json_string("two words")));
    ck_assert(
        !is_account(whole, "policy", json_string("a-word-that-has-more-than-39-bytes-is-none")));
    json_decref(whole);
}
END_TEST

START_TEST(a_digest_is_read_with_and_without_its_prefix)
{
    struct sha256 a;
    struct sha256 b;
    ck_assert(answer_parse_digest(DIGEST, &a));
    ck_assert(answer_parse_digest(&DIGEST[7], &b));
    ck_assert(sha256_equal(&a, &b));
    ck_assert(!answer_parse_digest("sha256:00", &a));
    ck_assert(!answer_parse_digest("latest", &a));
}
END_TEST

/* ---- files ---- */

static char target[TEMP_PATH_MAX];

START_TEST(an_output_is_there_after_the_commit_only)
{
    struct file_output output;
    char found[16];
    temp_dir_path(&dir, "license.bin", target);
    write_file(&dir, "license.bin", "old", 3);
    ck_assert_int_eq(file_output_open(target, &output, &failure), ERR_OK);
    ck_assert_int_eq((int)read_file(&dir, "license.bin", found, sizeof found), 3);
    ck_assert_int_eq(file_output_commit(&output, bytes_of("new one", 7), &failure), ERR_OK);
    file_output_clear(&output);
    ck_assert_int_eq((int)read_file(&dir, "license.bin", found, sizeof found), 7);
    ck_assert_str_eq(found, "new one");
    ck_assert_uint_eq(count_files(&dir), 1);
}
END_TEST

START_TEST(an_output_that_is_not_committed_leaves_nothing)
{
    struct file_output output;
    temp_dir_path(&dir, "license.bin", target);
    ck_assert_int_eq(file_output_open(target, &output, &failure), ERR_OK);
    ck_assert_uint_eq(count_files(&dir), 1);
    file_output_clear(&output);
    ck_assert_uint_eq(count_files(&dir), 0);
}
END_TEST

START_TEST(an_output_has_the_mode_of_the_umask)
{
    struct file_output output;
    struct stat info;
    temp_dir_path(&dir, "license.bin", target);
    (void)umask(027);
    ck_assert_int_eq(file_output_open(target, &output, &failure), ERR_OK);
    ck_assert_int_eq(file_output_commit(&output, bytes_of("x", 1), &failure), ERR_OK);
    file_output_clear(&output);
    ck_assert_int_eq(stat(target, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
}
END_TEST

START_TEST(an_output_never_replaces_what_is_no_plain_file)
{
    struct file_output output;
    temp_dir_path(&dir, "pipe", target);
    ck_assert_int_eq(mkfifo(target, 0600), 0);
    ck_assert_int_eq(file_output_open(target, &output, &failure), ERR_CONFIG);
    ck_assert_int_eq(file_output_open("/dev/null", &output, &failure), ERR_CONFIG);
    ck_assert_int_eq(file_output_open(dir.path, &output, &failure), ERR_CONFIG);
    ck_assert_int_eq(file_output_open("/nowhere/at/all", &output, &failure), ERR_CONFIG);
    ck_assert_uint_eq(count_files(&dir), 1);
}
END_TEST

static enum error read_pem(const char *text, size_t length)
{
    char *found = NULL;
    temp_dir_path(&dir, "in.pem", target);
    write_file(&dir, "in.pem", text, length);
    enum error e = file_input_read_pem(target, &found, &failure);
    free(found);
    return e;
}

START_TEST(an_input_is_certificates_and_nothing_else)
{
    static const char good[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    static const char key[] = "-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n";
    ck_assert_int_eq(read_pem(good, sizeof good - 1), ERR_OK);
    ck_assert_int_eq(read_pem(key, sizeof key - 1), ERR_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.what, "private key"));
    ck_assert_int_eq(read_pem("\x30\x82\x01\x00", 4), ERR_BAD_REQUEST);
    ck_assert_int_eq(read_pem(good, sizeof good), ERR_BAD_REQUEST); /* a NUL */
    ck_assert_int_eq(read_pem("", 0), ERR_BAD_REQUEST);
}
END_TEST

static enum error read_keys(const char *text)
{
    char *found = NULL;
    temp_dir_path(&dir, "in.pem", target);
    write_file(&dir, "in.pem", text, strlen(text));
    enum error e = file_input_read_public_keys(target, &found, &failure);
    free(found);
    return e;
}

START_TEST(an_input_of_keys_is_public_keys_and_nothing_else)
{
    static const char good[] = "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n";
    char text[256];
    ck_assert_int_eq(read_keys(good), ERR_OK);
    (void)snprintf(text, sizeof text, "%s-----BEGIN CERTIFICATE-----\n", good);
    ck_assert_int_eq(read_keys(text), ERR_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.what, "openssl x509 -pubkey -noout"));
    (void)snprintf(text, sizeof text, "%s-----BEGIN EC PRIVATE KEY-----\n", good);
    ck_assert_int_eq(read_keys(text), ERR_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.what, "private key"));
    ck_assert_int_eq(read_keys("-----BEGIN PUBLIC KEY-----\n\xc3\xbc"), ERR_BAD_REQUEST);
    ck_assert_int_eq(read_keys(""), ERR_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.what, "openssl pkey -pubin"));
}
END_TEST

START_TEST(bytes_are_read_up_to_their_limit)
{
    uint8_t *data = NULL;
    size_t length = 0;
    temp_dir_path(&dir, "in.bin", target);
    write_file(&dir, "in.bin", "a\0b\xff", 4);
    ck_assert_int_eq(file_input_read_bytes(target, 4, &data, &length, &failure), ERR_OK);
    ck_assert_uint_eq(length, 4);
    ck_assert_mem_eq(data, "a\0b\xff", 4);
    free(data);
    ck_assert_int_eq(file_input_read_bytes(target, 3, &data, &length, &failure), ERR_TOO_LARGE);
    write_file(&dir, "in.bin", "", 0);
    ck_assert_int_eq(file_input_read_bytes(target, 4, &data, &length, &failure), ERR_BAD_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.what, "in.bin is empty"));
}
END_TEST

START_TEST(an_input_of_64_kib_is_the_largest)
{
    static char text[FILE_INPUT_PEM_MAX_BYTES + 1];
    memset(text, '\n', sizeof text);
    memcpy(text, "-----BEGIN CERTIFICATE-----", 27);
    ck_assert_int_eq(read_pem(text, FILE_INPUT_PEM_MAX_BYTES), ERR_OK);
    ck_assert_int_eq(read_pem(text, sizeof text), ERR_TOO_LARGE);
}
END_TEST

/* ---- pauses and progress ---- */

START_TEST(pauses_grow_and_stay_bounded)
{
    struct rest_retry retry = rest_retry_start(INT64_C(1000) * 1000);
    int64_t least = REST_RETRY_PAUSE_MIN_MS;
    for (int i = 0; i < 12; i++) {
        int64_t pause = rest_retry_next_pause_ms(&retry, 0);
        ck_assert_int_ge(pause, least);
        ck_assert_int_le(pause, least + least / 2);
        least = 2 * least < REST_RETRY_PAUSE_MAX_MS ? 2 * least : REST_RETRY_PAUSE_MAX_MS;
    }
}
END_TEST

START_TEST(the_servers_pause_counts_within_limits)
{
    struct rest_retry retry = rest_retry_start(INT64_C(1000) * 1000);
    int64_t pause = rest_retry_next_pause_ms(&retry, 7);
    ck_assert(pause >= 7000 && pause <= 7000 + REST_RETRY_PAUSE_MIN_MS / 2);
    pause = rest_retry_next_pause_ms(&retry, INT64_MAX);
    ck_assert(pause >= 30000 && pause <= 30000 + REST_RETRY_PAUSE_MIN_MS);
    retry = rest_retry_start(6000);
    ck_assert_int_eq(rest_retry_next_pause_ms(&retry, 7), -1);
    ck_assert_int_eq(rest_retry_wait(&retry, 7), false);
}
END_TEST

/* Stations that were all told the same time must not come back in step. */
START_TEST(the_servers_pause_has_jitter)
{
    bool differ = false;
    struct rest_retry first = rest_retry_start(INT64_C(1000) * 1000);
    int64_t pause = rest_retry_next_pause_ms(&first, 7);
    for (int i = 0; i < 20 && !differ; i++) {
        struct rest_retry other = rest_retry_start(INT64_C(1000) * 1000);
        differ = rest_retry_next_pause_ms(&other, 7) != pause;
    }
    ck_assert(differ);
}
END_TEST

START_TEST(the_progress_bar_shows_part_and_whole)
{
    char line[PROGRESS_LINE_MAX];
    progress_format(INT64_C(12) << 20, INT64_C(24) << 20, line);
    ck_assert_str_eq(line, "[####################                    ]  50 %  12 of 24 MiB");
    progress_format(-1, 0, line);
    ck_assert_str_eq(line, "[                                        ]   0 %  0 of 0 MiB");
    progress_format(9, 5, line);
    ck_assert_str_eq(line, "[########################################] 100 %  0 of 1 MiB");
    progress_format_written(INT64_MAX, INT64_C(5) << 20, line);
    ck_assert_str_eq(line, "9223372036854775807 lines, 5 MiB");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {every_error_has_an_exit_code,
                                  every_error_has_a_sentence,
                                  retryable_errors_and_no_others_exit_with_20,
                                  exit_codes_are_those_of_the_manual,
                                  options_and_operands_may_stand_in_any_order,
                                  an_unknown_option_is_named_and_the_nearest_suggested,
                                  an_incomplete_line_says_what_is_missing,
                                  an_option_given_twice_is_refused,
                                  help_demands_nothing_else,
                                  the_environment_is_a_default_and_an_empty_one_is_none,
                                  a_product_of_the_environment_counts_and_is_checked,
                                  addresses_are_hex_with_0x,
                                  numbers_are_whole_and_within_their_limits,
                                  a_text_is_as_long_as_the_services_take_it,
                                  a_name_is_checked_before_anybody_is_asked,
                                  control_characters_never_reach_the_terminal,
                                  text_that_is_not_utf8_is_shown_as_hex,
                                  escaping_cuts_at_a_whole_character,
                                  the_distance_of_words_counts_edits,
                                  hex_is_whole_bytes_in_either_case_up_to_the_limit,
                                  waiting_times_are_rounded_up_to_what_people_count_in,
                                  times_are_read_and_written_in_one_unit,
                                  a_table_aligns_numbers_to_the_right_and_escapes,
                                  every_error_name_is_understood_as_a_problem_type,
                                  a_problem_keeps_the_servers_words_and_the_request_id,
                                  a_reason_has_its_own_advice_in_place_of_the_codes,
                                  an_unknown_problem_goes_by_its_retryable_member,
                                  a_body_that_is_no_problem_falls_back_to_the_status,
                                  an_account_wants_whole_numbers_of_every_name,
                                  an_account_without_a_member_is_none,
                                  a_digest_is_read_with_and_without_its_prefix,
                                  an_output_is_there_after_the_commit_only,
                                  an_output_that_is_not_committed_leaves_nothing,
                                  an_output_has_the_mode_of_the_umask,
                                  an_output_never_replaces_what_is_no_plain_file,
                                  an_input_is_certificates_and_nothing_else,
                                  an_input_of_keys_is_public_keys_and_nothing_else,
                                  bytes_are_read_up_to_their_limit,
                                  an_input_of_64_kib_is_the_largest,
                                  pauses_grow_and_stay_bounded,
                                  the_servers_pause_counts_within_limits,
                                  the_servers_pause_has_jitter,
                                  the_progress_bar_shows_part_and_whole,
                                  NULL};
    return suite_run("cli parts", set_up, tear_down, tests);
}

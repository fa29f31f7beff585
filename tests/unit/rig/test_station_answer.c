/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Answers of a service that may be hostile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig/station/option_number.h"
#include "rig/station/answer.h"
#include "support/run.h"

#define LICENSE_TEXT                                                               \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define INSTALL "ins-018f3c6e-0b7a-7a5c-9c3d-2f6f0a1b2c3d"
#define IMAGE   "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static const char GOOD[] =
    "{\"license_id\":\"lic-018f3c6e-0b7a-7a5c-9c3d-2f6f0a1b2c3d\",\"install_id\":\"" INSTALL
    "\",\"license\":\"" LICENSE_TEXT "\",\"profile\":\"st-sfi\",\"charged\":true,\"image\":\"" IMAGE
    "\",\"attempt\":1,\"remaining\":7,\"journal_index\":3}";

static enum error read_license(const char *text)
{
    struct station_license license;
    return station_answer_license(bytes_of(text, strlen(text)), &license);
}

/* GOOD with one text in the place of another. */
static enum error read_changed(const char *from, const char *to)
{
    char text[2048];
    const char *at = strstr(GOOD, from);
    ck_assert_ptr_nonnull(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
    return read_license(text);
}

START_TEST(a_whole_license_is_read)
{
    struct station_license license;
    ck_assert_int_eq(station_answer_license(bytes_of(GOOD, strlen(GOOD)), &license), ERR_OK);
    ck_assert_str_eq(license.install_id, INSTALL);
    ck_assert(license.is_charged);
    ck_assert(!license.is_repeat);
    ck_assert_int_eq(license.remaining, 7);
    ck_assert_uint_eq(license.image.bytes[31], 0x11);
}
END_TEST

START_TEST(a_later_attempt_is_a_repeat)
{
    char text[2048];
    struct station_license license;
    const char *at = strstr(GOOD, "\"attempt\":1");
    (void)snprintf(text, sizeof text, "%.*s\"attempt\":2%s", (int)(at - GOOD), GOOD,
                   at + strlen("\"attempt\":1"));
    ck_assert_int_eq(station_answer_license(bytes_of(text, strlen(text)), &license), ERR_OK);
    ck_assert(license.is_repeat);
}
END_TEST

START_TEST(a_license_that_lacks_a_member_is_none)
{
    static const char *const members[] = {"\"install_id\"", "\"license\":", "\"profile\"",
                                          "\"charged\"",    "\"image\"",    "\"attempt\"",
                                          "\"remaining\""};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        ck_assert_msg(read_changed(members[i], i == 1 ? "\"x\":" : "\"x\"") == ERR_BAD_REQUEST,
                      "%s", members[i]);
}
END_TEST

START_TEST(a_license_with_a_wrong_member_is_none)
{
    static const char *const changes[][2] = {
        {INSTALL, "ins-../../x"},
        {INSTALL, "lic-018f3c6e-0b7a-7a5c-9c3d-2f6f0a1b2c3d"},
        {LICENSE_TEXT, ""},
        {LICENSE_TEXT, "AAAA"},
        {LICENSE_TEXT, LICENSE_TEXT "AAAA"},
        {"st-sfi", "cms"},
        {"\"charged\":true", "\"charged\":1"},
        {IMAGE, "latest"},
        {"\"attempt\":1", "\"attempt\":0"},
        {"\"attempt\":1", "\"attempt\":1.0"},
        {"\"remaining\":7", "\"remaining\":-1"},
        {"\"remaining\":7", "\"remaining\":\"7\""},
        {"\"remaining\":7", "\"remaining\":99999999999999999999"},
        {"\"attempt\":1", "\"attempt\":1,\"attempt\":1"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        ck_assert_msg(read_changed(changes[i][0], changes[i][1]) == ERR_BAD_REQUEST, "%s",
                      changes[i][1]);
}
END_TEST

START_TEST(a_license_cut_anywhere_is_none)
{
    for (size_t cut = 0; cut < strlen(GOOD); cut++) {
        struct station_license license;
        char *text = malloc(cut + 1); /* its exact size, for the sanitizer */
        ck_assert_ptr_nonnull(text);
        memcpy(text, GOOD, cut);
        ck_assert_int_eq(station_answer_license(bytes_of(text, cut), &license), ERR_BAD_REQUEST);
        free(text);
    }
}
END_TEST

START_TEST(no_flipped_bit_makes_the_reader_fall)
{
    char text[sizeof GOOD];
    struct station_license license;
    struct station_problem problem;
    struct station_usage usage;
    memcpy(text, GOOD, sizeof GOOD);
    for (size_t bit = 0; bit < strlen(GOOD) * 8; bit++) {
        struct bytes body = bytes_of(text, strlen(GOOD));
        text[bit / 8] ^= (char)(1 << bit % 8);
        (void)!station_answer_license(body, &license);
        (void)!station_answer_usage(body, &usage);
        station_answer_problem(409, body, &problem);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(an_answer_beyond_the_limit_is_not_looked_at)
{
    size_t size = STATION_ANSWER_MAX_BYTES + 1;
    char *text = malloc(size);
    struct station_license license;
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', size);
    memcpy(text, GOOD, strlen(GOOD));
    ck_assert_int_eq(station_answer_license(bytes_of(text, size - 1), &license), ERR_OK);
    ck_assert_int_eq(station_answer_license(bytes_of(text, size), &license), ERR_BAD_REQUEST);
    free(text);
}
END_TEST

START_TEST(deep_nesting_is_refused_not_followed)
{
    size_t size = STATION_ANSWER_MAX_BYTES;
    char *text = malloc(size);
    struct station_license license;
    ck_assert_ptr_nonnull(text);
    memset(text, '[', size);
    ck_assert_int_eq(station_answer_license(bytes_of(text, size), &license), ERR_BAD_REQUEST);
    free(text);
}
END_TEST

static struct station_problem read_problem(long status, const char *text)
{
    struct station_problem problem;
    station_answer_problem(status, bytes_of(text, strlen(text)), &problem);
    return problem;
}

START_TEST(a_refusal_is_reduced_to_its_words)
{
    struct station_problem problem =
        read_problem(422, "{\"type\":\"https://x/problems/device-not-genuine\","
                          "\"check\":\"st-signature\",\"retryable\":false}");
    ck_assert_str_eq(problem.name, "device-not-genuine");
    ck_assert_str_eq(problem.check, "st-signature");
    ck_assert(!problem.is_retryable);
}
END_TEST

START_TEST(words_that_could_forge_an_event_are_not_taken)
{
    struct station_problem problem =
        read_problem(409, "{\"type\":\"/problems/x\\nsocket-01 chip succeeded\","
                          "\"check\":\"a b\"}");
    ck_assert_str_eq(problem.name, "http-409");
    ck_assert_str_eq(problem.check, "");
}
END_TEST

START_TEST(an_unreadable_refusal_goes_by_its_status)
{
    ck_assert(read_problem(503, "<html>").is_retryable);
    ck_assert(!read_problem(404, "<html>").is_retryable);
    ck_assert_str_eq(read_problem(503, "").name, "http-503");
}
END_TEST

START_TEST(a_final_503_is_not_retryable)
{
    ck_assert(!read_problem(503, "{\"type\":\"/problems/hsm-pin-refused\",\"retryable\":false}")
                   .is_retryable);
}
END_TEST

START_TEST(an_account_needs_all_its_numbers)
{
    struct station_usage usage;
    static const char whole[] = "{\"granted\":9,\"charged\":2,\"remaining\":7,\"succeeded\":1,"
                                "\"failed\":0,\"scrapped\":0,\"unreported\":1}";
    static const char less[] = "{\"granted\":9,\"charged\":2,\"remaining\":7,\"succeeded\":1,"
                               "\"failed\":0,\"scrapped\":0}";
    ck_assert_int_eq(station_answer_usage(bytes_of(whole, strlen(whole)), &usage), ERR_OK);
    ck_assert_int_eq(usage.remaining, 7);
    ck_assert_int_eq(station_answer_usage(bytes_of(less, strlen(less)), &usage), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(a_number_on_the_command_line_is_digits_within_its_limits)
{
    static const char *const wrong[] = {"",   "0",  "10",  "-1",  "+1",
                                        " 1", "1 ", "0x1", "1e0", "99999999999999999999"};
    uint64_t number = 5;
    ck_assert(option_number(NULL, 1, 9, &number));
    ck_assert_uint_eq(number, 5);
    ck_assert(option_number("9", 1, 9, &number));
    ck_assert_uint_eq(number, 9);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!option_number(wrong[i], 1, 9, &number), "%s", wrong[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_whole_license_is_read,
                                  a_later_attempt_is_a_repeat,
                                  a_license_that_lacks_a_member_is_none,
                                  a_license_with_a_wrong_member_is_none,
                                  a_license_cut_anywhere_is_none,
                                  no_flipped_bit_makes_the_reader_fall,
                                  an_answer_beyond_the_limit_is_not_looked_at,
                                  deep_nesting_is_refused_not_followed,
                                  a_refusal_is_reduced_to_its_words,
                                  words_that_could_forge_an_event_are_not_taken,
                                  an_unreadable_refusal_goes_by_its_status,
                                  a_final_503_is_not_retryable,
                                  an_account_needs_all_its_numbers,
                                  a_number_on_the_command_line_is_digits_within_its_limits,
                                  NULL};
    return run_suite(&(struct run_case){.name = "station_answer", .timeout_s = 60, .tests = tests});
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the line plans by its seed, and that its closing account can say no. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig/line/checks.h"
#include "rig/line/state.h"
#include "support/run.h"

static struct line line;
static struct line_chip *planned; /* of the last plan; global, so that it is no leak */

/* Two closed chips, one that waits for quota, and a clone; the account agrees. */
static void set_up(void)
{
    static struct line_chip chips[] = {
        {.name = "a",
         .fate = LINE_SUCCEEDED,
         .is_made = true,
         .is_licensed = true,
         .is_closed = true,
         .holds_firmware = true},
        {.name = "b",
         .fate = LINE_SUCCEEDED,
         .is_made = true,
         .is_licensed = true,
         .is_closed = true,
         .holds_firmware = true},
        {.name = "c", .fate = LINE_NO_QUOTA, .is_made = true, .is_erased = true},
        {.name = "d",
         .kind = LINE_CLONE,
         .fate = LINE_ASIDE,
         .is_made = true,
         .is_licensed = true,
         .is_erased = true,
         .reason = "license-refused"},
    };
    line.chips = chips;
    line.chip_count = sizeof chips / sizeof chips[0];
    line.before = (struct station_usage){
        .granted = 50, .charged = 10, .remaining = 40, .succeeded = 9, .unreported = 1};
    line.after = (struct station_usage){
        .granted = 50, .charged = 12, .remaining = 38, .succeeded = 11, .unreported = 1};
}

static struct line_checks make_checks(void)
{
    struct line_checks checks = {.count = 0};
    line_checks_make(&line, &checks);
    return checks;
}

/* Exactly the check of that name says no. */
static bool only_fails(const char *name)
{
    struct line_checks checks = make_checks();
    bool is_only = !line_checks_hold(&checks);
    for (size_t i = 0; i < checks.count; i++)
        is_only = is_only && checks.list[i].holds == (strcmp(checks.list[i].name, name) != 0);
    return is_only;
}

START_TEST(an_account_that_agrees_holds)
{
    struct line_checks checks = make_checks();
    ck_assert_uint_eq(checks.count, 9);
    ck_assert(line_checks_hold(&checks));
}
END_TEST

START_TEST(a_unit_that_is_nowhere_is_seen)
{
    line.after.remaining--;
    ck_assert(only_fails("granted-is-remaining-plus-charged"));
}
END_TEST

START_TEST(an_install_that_is_nowhere_is_seen)
{
    line.after.unreported--;
    ck_assert(only_fails("charged-is-all-outcomes"));
}
END_TEST

START_TEST(a_chip_that_was_charged_twice_is_seen)
{
    line.after.charged++;
    line.after.remaining--;
    line.after.unreported++;
    ck_assert(only_fails("each-chip-charged-once"));
}
END_TEST

START_TEST(a_success_that_was_not_reported_is_seen)
{
    line.after.succeeded--;
    line.after.unreported++;
    ck_assert(only_fails("closed-chips-are-succeeded"));
}
END_TEST

START_TEST(a_closed_chip_with_another_firmware_is_seen)
{
    line.chips[1].holds_firmware = false;
    ck_assert(only_fails("closed-chips-hold-the-firmware"));
}
END_TEST

START_TEST(what_is_left_in_an_open_chip_is_seen)
{
    line.chips[2].is_erased = false;
    ck_assert(only_fails("open-chips-are-erased"));
}
END_TEST

START_TEST(a_clone_with_the_firmware_is_seen)
{
    line.chips[3].is_closed = true;
    ck_assert(only_fails("strangers-got-nothing"));
}
END_TEST

/* The text of the check of that name. */
static const char *text_of(const struct line_checks *checks, const char *name)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (strcmp(checks->list[i].name, name) == 0)
            return checks->list[i].text;
    }
    return "";
}

static void end_chip(size_t chip, enum line_fate fate, const char *reason)
{
    line.chips[chip].fate = fate;
    (void)snprintf(line.chips[chip].reason, sizeof line.chips[chip].reason, "%s", reason);
}

START_TEST(a_genuine_chip_that_failed_is_seen)
{
    end_chip(2, LINE_FAILED, "image-unknown");
    ck_assert(only_fails("genuine-chips-are-installed"));
}
END_TEST

START_TEST(a_genuine_chip_that_was_set_aside_is_seen)
{
    end_chip(2, LINE_ASIDE, "st-family");
    ck_assert(only_fails("genuine-chips-are-installed"));
}
END_TEST

START_TEST(a_genuine_chip_that_only_claims_to_be_installed_is_seen)
{
    end_chip(2, LINE_SUCCEEDED, "");
    ck_assert(only_fails("genuine-chips-are-installed"));
}
END_TEST

START_TEST(a_license_that_the_station_could_not_keep_was_paid_for)
{
    end_chip(2, LINE_FAILED, "license-not-kept");
    line.after.charged++;
    line.after.remaining--;
    line.after.unreported++;
    ck_assert(only_fails("genuine-chips-are-installed"));
}
END_TEST

START_TEST(a_stranger_that_failed_is_no_chip_of_this_line)
{
    struct line_checks checks;
    end_chip(3, LINE_FAILED, "image-unknown");
    checks = make_checks();
    ck_assert(line_checks_hold(&checks));
}
END_TEST

START_TEST(the_most_frequent_reason_is_told_of_genuine_chips_only)
{
    size_t count = 7;
    end_chip(3, LINE_FAILED, "of-a-clone");
    ck_assert_str_eq(line_checks_reason(&line, LINE_FAILED, &count), "");
    ck_assert_uint_eq(count, 0);
    end_chip(0, LINE_FAILED, "unreachable");
    ck_assert_str_eq(line_checks_reason(&line, LINE_FAILED, &count), "unreachable");
    end_chip(1, LINE_FAILED, "image-unknown");
    end_chip(2, LINE_FAILED, "image-unknown");
    ck_assert_str_eq(line_checks_reason(&line, LINE_FAILED, &count), "image-unknown");
    ck_assert_uint_eq(count, 2);
    end_chip(0, LINE_FAILED, "image-unknown");
    end_chip(2, LINE_FAILED, "unreachable");
    ck_assert_str_eq(line_checks_reason(&line, LINE_FAILED, &count), "image-unknown");
}
END_TEST

START_TEST(a_line_that_stopped_early_is_seen_with_its_cause)
{
    struct line_checks checks;
    end_chip(2, LINE_WAITING, "");
    line.is_broken = true;
    (void)snprintf(line.cause, sizeof line.cause, "%s", "c cannot be made (the disk is full)");
    ck_assert(only_fails("line-ran-to-its-end"));
    checks = make_checks();
    ck_assert_str_eq(
        text_of(&checks, "line-ran-to-its-end"),
        "the line stopped early: c cannot be made (the disk is full), 1 chip was never "
        "seated");
}
END_TEST

START_TEST(only_the_first_cause_of_a_broken_line_is_kept_with_the_logs_last_line)
{
    FILE *log = tmpfile();
    ck_assert_ptr_nonnull(log);
    (void)fputs("rig-chip: first\nrig-chip: No room.\n", log);
    (void)fflush(log);
    (void)snprintf(line.dir, sizeof line.dir, "%s", "/dev/shm");
    line.log = fileno(log);
    line_break(&line, "%s cannot be made", "chip-0001");
    line_break(&line, "%s", "another thing");
    (void)fclose(log);
    ck_assert(line.is_broken);
    ck_assert_str_eq(line.cause, "chip-0001 cannot be made (rig-chip: No room.)");
}
END_TEST

/* ---- children ---- */

START_TEST(a_child_has_a_process_group_of_its_own_that_dies_with_it)
{
    char digits[32] = "";
    const char *const argv[] = {"/bin/sh", "-c", "sleep 600 & echo $!; wait", NULL};
    const struct line_process_options options = {
        .argv = argv, .has_output = true, .error = STDERR_FILENO};
    struct line_process process = LINE_PROCESS_NONE;
    ck_assert_int_eq(line_process_start(&options, &process), ERR_OK);
    ck_assert_int_eq(getpgid(process.pid), process.pid);
    struct pollfd wait = {.fd = process.output, .events = POLLIN};
    ck_assert_int_eq(poll(&wait, 1, 30000), 1);
    ck_assert_int_gt(read(process.output, digits, sizeof digits - 1), 1);
    pid_t grandchild = (pid_t)strtol(digits, NULL, 10);
    ck_assert_int_gt(grandchild, 1);
    /* Its end of the pipe is closed when the last one that holds it is gone. */
    int output = dup(process.output);
    line_process_kill(&process);
    wait = (struct pollfd){.fd = output, .events = POLLIN};
    ck_assert_int_eq(poll(&wait, 1, 30000), 1);
    ck_assert_int_eq(read(output, digits, sizeof digits), 0);
    (void)close(output);
}
END_TEST

/* ---- options ---- */

/* What the reader of the options says to a number that does not fit; the usage follows. */
static bool complains(const char *option, const char *value, const char *wanted)
{
    char text[1024] = "";
    const char *argv[] = {
        "rig-line", "--bin",   "b", "--url",        "u",        "--ca",    "c",      "--cert",
        "c",        "--key",   "k", "--product",    "p",        "--image", "latest", "--firmware",
        "f",        "--st-ca", "s", "--product-id", "45002001", "--dir",   "d",      option,
        value,      NULL};
    struct line_options options;
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    (void)dup2(fileno(file), STDERR_FILENO);
    optind = 0; /* getopt begins anew */
    bool is_read =
        line_options_read((int)(sizeof argv / sizeof argv[0]) - 1, (char **)argv, &options);
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    rewind(file);
    (void)!fgets(text, sizeof text, file);
    (void)fclose(file);
    return !is_read && strcmp(text, wanted) == 0;
}

START_TEST(a_wrong_option_is_named_with_its_limits)
{
    ck_assert(complains("--sockets", "200",
                        "rig-line: --sockets 200: a number from 1 to 99 is wanted\n"));
    ck_assert(
        complains("--chips", "0", "rig-line: --chips 0: a number from 1 to 5000 is wanted\n"));
    ck_assert(complains("--faults", "many",
                        "rig-line: --faults many: none, demo or a number up to 5000 is wanted\n"));
    ck_assert(
        complains("--product-id", "1", "rig-line: --product-id 1: 8 characters are wanted\n"));
}
END_TEST

/* ---- the plan ---- */

static void plan(uint64_t seed, unsigned chips, unsigned faults)
{
    free(planned);
    memset(&line, 0, sizeof line);
    line.options.chips = chips;
    line.options.fault_count = faults;
    line.options.seed = seed;
    line.options.firmware = "/proc/self/exe";
    ck_assert_int_eq(line_roster_make(&line), ERR_OK);
    planned = line.chips;
}

/* The steps of all faults in a row, as a text. */
static void describe(char out[8192])
{
    size_t length = 0;
    for (size_t i = 0; i < line.chip_count; i++)
        length += (size_t)snprintf(out + length, 8192 - length, "%s %lu %lu %zu\n",
                                   line.chips[i].name, line.chips[i].cut_at_step,
                                   line.chips[i].cut_link_at_step, line.chips[i].original);
    for (size_t i = 0; i < line.kill_count; i++)
        length += (size_t)snprintf(out + length, 8192 - length, "%lu ", line.kill_at[i]);
}

START_TEST(the_same_seed_has_the_same_accidents)
{
    char first[8192];
    char second[8192];
    char other[8192];
    plan(7, 100, 20);
    describe(first);
    plan(7, 100, 20);
    describe(second);
    plan(8, 100, 20);
    describe(other);
    ck_assert_str_eq(first, second);
    ck_assert_str_ne(first, other);
}
END_TEST

START_TEST(as_many_accidents_as_wanted_and_one_for_a_chip_at_most)
{
    for (unsigned faults = 0; faults <= 50; faults++) {
        unsigned cuts = 0;
        unsigned pulls = 0;
        plan(faults, 30, faults);
        for (size_t i = 0; i < line.chip_count; i++) {
            const struct line_chip *chip = &line.chips[i];
            cuts += chip->cut_at_step > 0;
            pulls += chip->cut_link_at_step > 0;
            ck_assert(chip->cut_at_step == 0 || chip->cut_link_at_step == 0);
        }
        ck_assert_uint_eq(cuts + pulls, faults < 30 ? faults : 30);
        ck_assert_uint_eq(line.chip_count, faults > 0 ? 33 : 30);
        ck_assert_uint_eq(line.kill_count, faults > 0 ? 1 : 0);
    }
}
END_TEST

START_TEST(station_kills_come_one_after_the_other)
{
    plan(3, 1000, 10);
    ck_assert_uint_eq(line.kill_count, 11);
    for (size_t i = 1; i < line.kill_count; i++)
        ck_assert_uint_ge(line.kill_at[i], line.kill_at[i - 1]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_account_that_agrees_holds,
        a_unit_that_is_nowhere_is_seen,
        an_install_that_is_nowhere_is_seen,
        a_chip_that_was_charged_twice_is_seen,
        a_success_that_was_not_reported_is_seen,
        a_closed_chip_with_another_firmware_is_seen,
        what_is_left_in_an_open_chip_is_seen,
        a_clone_with_the_firmware_is_seen,
        a_genuine_chip_that_failed_is_seen,
        a_genuine_chip_that_was_set_aside_is_seen,
        a_genuine_chip_that_only_claims_to_be_installed_is_seen,
        a_license_that_the_station_could_not_keep_was_paid_for,
        a_stranger_that_failed_is_no_chip_of_this_line,
        the_most_frequent_reason_is_told_of_genuine_chips_only,
        a_line_that_stopped_early_is_seen_with_its_cause,
        only_the_first_cause_of_a_broken_line_is_kept_with_the_logs_last_line,
        a_child_has_a_process_group_of_its_own_that_dies_with_it,
        a_wrong_option_is_named_with_its_limits,
        the_same_seed_has_the_same_accidents,
        as_many_accidents_as_wanted_and_one_for_a_chip_at_most,
        station_kills_come_one_after_the_other,
        NULL};
    return run_suite(
        &(struct run_case){.name = "line", .set_up = set_up, .timeout_s = 60, .tests = tests});
}

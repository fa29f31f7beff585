/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the line plans by its seed, and that its closing account can say no. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig/line/checks.h"
#include "rig/line/state.h"
#include "support/run.h"

static struct line line;
static struct line_chip *planned; /* of the last plan; global, so that it is no leak */

/* Two closed chips, one that failed and a clone; the account agrees. */
static void set_up(void)
{
    static struct line_chip chips[] = {
        {.name = "a",
         .is_made = true,
         .is_licensed = true,
         .is_closed = true,
         .holds_firmware = true},
        {.name = "b",
         .is_made = true,
         .is_licensed = true,
         .is_closed = true,
         .holds_firmware = true},
        {.name = "c", .is_made = true, .is_licensed = true, .is_erased = true},
        {.name = "d", .kind = LINE_CLONE, .is_made = true, .is_licensed = true, .is_erased = true},
    };
    line.chips = chips;
    line.chip_count = sizeof chips / sizeof chips[0];
    line.before = (struct station_usage){
        .granted = 50, .charged = 10, .remaining = 40, .succeeded = 9, .unreported = 1};
    line.after = (struct station_usage){.granted = 50,
                                        .charged = 13,
                                        .remaining = 37,
                                        .succeeded = 11,
                                        .failed = 1,
                                        .unreported = 1};
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
    ck_assert_uint_eq(checks.count, 7);
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
    const TTest *const tests[] = {an_account_that_agrees_holds,
                                  a_unit_that_is_nowhere_is_seen,
                                  an_install_that_is_nowhere_is_seen,
                                  a_chip_that_was_charged_twice_is_seen,
                                  a_success_that_was_not_reported_is_seen,
                                  a_closed_chip_with_another_firmware_is_seen,
                                  what_is_left_in_an_open_chip_is_seen,
                                  a_clone_with_the_firmware_is_seen,
                                  the_same_seed_has_the_same_accidents,
                                  as_many_accidents_as_wanted_and_one_for_a_chip_at_most,
                                  station_kills_come_one_after_the_other,
                                  NULL};
    return run_suite(
        &(struct run_case){.name = "line", .set_up = set_up, .timeout_s = 60, .tests = tests});
}

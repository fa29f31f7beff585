/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each part is a test of the check framework: it fails when an answer is wrong, not when it is
 * slow. */
#include "parts.h"

#include <assert.h>
#include <signal.h>

#include <check.h>

#include "compare.h"
#include "crowded.h"
#include "limits.h"
#include "load.h"
#include "memory.h"
#include "model.h"
#include "scale.h"
#include "support/http.h"
#include "support/rig.h"
#include "support/run.h"

#define QUOTA       10000000
#define PART_TIME_S 7200

static struct rig rig;
static struct report *report;
static bool is_quick;

/* ---- rigs ---- */

static void set_up_open(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    report_progress("a rig starts");
    rig_up(&rig, QUOTA);
}

/* By the limits that the product has by default, which a rig has not. */
static void set_up_limited(void)
{
    set_up_open();
    limits_restore(&rig);
}

static void tear_down(void)
{
    report_progress("the rig's journal is verified");
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- parts ---- */

START_TEST(a_license_beside_the_least_it_could_cost)
{
    compare_run(&rig, is_quick, report);
}
END_TEST

START_TEST(how_long_a_license_takes_by_what_is_asked_for)
{
    load_run(&rig, is_quick, report);
}
END_TEST

START_TEST(an_hsm_behind_a_network)
{
    model_run(&rig, is_quick, report);
}
END_TEST

START_TEST(how_cost_grows)
{
    scale_run(&rig, is_quick, report);
}
END_TEST

START_TEST(memory_over_many_licenses)
{
    memory_run(&rig, is_quick, report);
}
END_TEST

START_TEST(stations_connected_at_once)
{
    crowded_connections(&rig, report);
}
END_TEST

START_TEST(quiet_stations_beside_a_flood)
{
    crowded_floods(&rig, report);
}
END_TEST

static const struct {
    const TTest *const *test;
    void (*set_up)(void);
    void (*tear_down)(void);
    bool is_quick;
} PARTS[] = {
    {&a_license_beside_the_least_it_could_cost, set_up_open, tear_down, true},
    {&how_long_a_license_takes_by_what_is_asked_for, set_up_open, tear_down, true},
    {&an_hsm_behind_a_network, set_up_open, tear_down, true},
    {&how_cost_grows, set_up_open, tear_down, true},
    {&memory_over_many_licenses, set_up_open, tear_down, true},
    {&stations_connected_at_once, set_up_limited, tear_down, false},
    {&quiet_stations_beside_a_flood, set_up_limited, tear_down, false},
};

const char *const PARTS_WORDS[] = {"licenses", "load",        "model", "scale",
                                   "memory",   "connections", "flood"};
const size_t PARTS_COUNT = sizeof PARTS_WORDS / sizeof PARTS_WORDS[0];
static_assert(sizeof PARTS_WORDS / sizeof PARTS_WORDS[0] == sizeof PARTS / sizeof PARTS[0],
              "each part has a word");

bool parts_is_quick(size_t part)
{
    return PARTS[part].is_quick;
}

int parts_run(size_t part, bool is_quick_run, struct report *ret_report)
{
    const TTest *tests[] = {*PARTS[part].test, NULL};
    is_quick = is_quick_run;
    report = ret_report;
    return run_suite(&(struct run_case){.name = PARTS_WORDS[part],
                                        .set_up = PARTS[part].set_up,
                                        .tear_down = PARTS[part].tear_down,
                                        .timeout_s = PART_TIME_S,
                                        .tests = tests});
}

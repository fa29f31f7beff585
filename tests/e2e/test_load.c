/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many stations at once, and one that floods beside quiet ones: all are served, nobody loses a
 * connection or a license, and the account holds. How fast is a question for `./dev bench`.
 */
#include "e2e/floor.h"

#include <signal.h>

#include "bench/flood.h"
#include "bench/limits.h"
#include "bench/many.h"
#include "support/run.h"
#include "support/sizes.h"

#define QUOTA 100000

static struct rig rig;

static void set_up(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    rig_up(&rig, QUOTA);
    limits_restore(&rig);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

START_TEST(stations_that_are_all_connected_at_once_are_all_served)
{
    struct many_result r;
    const struct many many = {.stations = test_size("stations connected at once", 100, 1000),
                              .devices_each = test_size("devices of each active one", 2, 8)};
    many_run(&rig, &many, &r);
    ck_assert_msg(r.refused == 0, "%zu were refused, the last one with %ld", r.refused, r.refusal);
    ck_assert_uint_eq(r.reconnects, 0);
    ck_assert_uint_eq(r.licensed, r.active * many.devices_each);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), (int64_t)r.licensed);
    samples_clear(&r.licenses);
}
END_TEST

START_TEST(quiet_stations_are_all_served_beside_one_that_floods)
{
    struct flood_result r;
    const struct flood flood = {.rounds = 1,
                                .quiet_stations = 4,
                                .round_ms = test_size("milliseconds of flood", 1500, 10000),
                                .pause_ms = 100,
                                .connections = 64};
    flood_run(&rig, &flood, &r);
    ck_assert_uint_eq(r.quiet_refused, 0);
    ck_assert_uint_gt(r.quiet_asked, 0);
    ck_assert_uint_gt(r.flooder.served, 0); /* it may ask, too */
    ck_assert_uint_eq(r.flooder.others, 0);
    samples_clear(&r.quiet);
    samples_clear(&r.rising);
    samples_clear(&r.flooded);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        stations_that_are_all_connected_at_once_are_all_served,
        quiet_stations_are_all_served_beside_one_that_floods,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "load, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}

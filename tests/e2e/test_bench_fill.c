/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ledger that `./dev bench` fills for the question how cost grows: it is what the vault would
 * have written, and the service goes on from there.
 */
#include <signal.h>

#include "bench/fill.h"
#include "bench/serve.h"
#include "bench/stations.h"
#include "support/http.h"
#include "support/rig.h"
#include "support/run.h"
#include "support/sizes.h"

#define QUOTA 10000000
#define FIRST 300 /* more than a batch */

static struct rig rig;
static struct stations stations;

static void license(const char *prefix, size_t count)
{
    struct devices devices;
    struct serve_result result;
    devices_make(&rig, prefix, count, &devices);
    serve_run(
        &(const struct serve){.rig = &rig, .stations = &stations, .devices = &devices, .batch = 1},
        &result);
    ck_assert_uint_eq(result.licensed, count);
    samples_clear(&result.requests);
    devices_clear(&devices);
}

static void set_up(void)
{
    http_init();
    rig_up(&rig, QUOTA);
    stations_enrol(&rig, "fill", 1, &stations);
    license("first", 1);
}

static void tear_down(void)
{
    stations_clear(&stations);
    rig_down(&rig);
}

static void fill(int64_t first, int64_t count)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    (void)fill_ledger(&rig, first, count);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

/* Of a row that was filled in and of the one that a station asked for, all that has a size. */
static int64_t count_sizes(void)
{
    return rig_query(&rig, "SELECT count(*) FROM (SELECT DISTINCT length(n.license), "
                           "length(n.uuid), length(d.spki), length(d.point), d.can_sign, "
                           "n.is_charged, n.attempts, n.result IS NULL, c.policy, n.image_id, "
                           "n.product_id FROM install n JOIN device d ON d.id = "
                           "n.device_id JOIN charge c ON c.id = n.charge_id)");
}

START_TEST(a_filled_ledger_is_what_the_vault_would_have_written)
{
    int64_t more = (int64_t)test_size("devices filled in", 2 * FIRST, 100000);
    fill(0, FIRST);
    license("between", 3);
    fill(FIRST, more - FIRST);
    license("last", 3);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM install"), more + 7);
    ck_assert_int_le(count_sizes(), 2); /* a DER integer may have a byte less */
    rig_check_invariants(&rig);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {a_filled_ledger_is_what_the_vault_would_have_written, NULL};
    return run_suite(&(struct run_case){.name = "bench_fill",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}

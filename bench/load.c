/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

#include "load.h"

#include "open_loop.h"
#include "serve.h"

#define STATIONS      64
#define EAGER         16   /* of them, which ask as fast as they can: all get what they ask for */
#define MAXIMUM_OF    4000 /* devices */
#define MAXIMUM_QUICK 1000
#define SECONDS       10
#define SECONDS_QUICK 4
#define US_PER_S      1e6
#define US_PER_MS     1e3
#define PERCENT       100.0
#define P50           50.0
#define P99           99.0

static const unsigned SHARES[] = {25, 50, 75, 90};
static const unsigned SHARES_QUICK[] = {50, 90};

static double maximum_per_s(const struct rig *rig, const struct stations *stations, size_t count)
{
    const struct stations eager = {.list = stations->list, .count = EAGER};
    struct devices devices;
    struct serve_result result;
    devices_make(rig, "load-most", count, &devices);
    serve_run(
        &(const struct serve){.rig = rig, .stations = &eager, .devices = &devices, .batch = 1},
        &result);
    devices_clear(&devices);
    samples_clear(&result.requests);
    return serve_per_s(&result);
}

static void offer(const struct rig *rig, const struct stations *stations, unsigned share,
                  double per_s, unsigned seconds, struct report *report)
{
    char label[REPORT_LABEL_MAX];
    struct devices devices;
    struct open_loop_result result;
    report_progress("load: %u %% of the maximum, %.0f/s", share, per_s);
    (void)snprintf(label, sizeof label, "load-%u", share);
    devices_make(rig, label, (size_t)(per_s * seconds) + 1, &devices);
    open_loop_run(
        &(const struct open_loop){
            .rig = rig, .stations = stations, .devices = &devices, .per_s = per_s},
        &result);
    (void)snprintf(label, sizeof label, "%u %%", share);
    report_add(report, REPORT_LOAD, label,
               (const double[]){per_s, (double)devices.count * US_PER_S / (double)result.took_us,
                                (double)samples_percentile(&result.samples, P50) / US_PER_MS,
                                (double)samples_percentile(&result.samples, P99) / US_PER_MS});
    samples_clear(&result.samples);
    devices_clear(&devices);
}

void load_run(const struct rig *rig, bool is_quick, struct report *report)
{
    struct stations stations;
    const unsigned *shares = is_quick ? SHARES_QUICK : SHARES;
    size_t count =
        is_quick ? sizeof SHARES_QUICK / sizeof SHARES_QUICK[0] : sizeof SHARES / sizeof SHARES[0];
    stations_enrol(rig, "load", STATIONS, &stations);
    report_progress("load: the most that can be served");
    double most = maximum_per_s(rig, &stations, is_quick ? MAXIMUM_QUICK : MAXIMUM_OF);
    for (size_t i = 0; i < count; i++)
        offer(rig, &stations, shares[i], most * shares[i] / PERCENT,
              is_quick ? SECONDS_QUICK : SECONDS, report);
    stations_clear(&stations);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* many.h and flood.h in full sizes. */
#include "crowded.h"

#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "flood.h"
#include "many.h"
#include "meter.h"

#define US_PER_S     1e6
#define US_PER_MS    1e3
#define MANY         1000
#define DEVICES_EACH 16
#define P50          50.0
#define P99          99.0

/* In a process of its own: the module shall not stay in this one. */
static double bare_wraps_per_s(const struct rig *rig)
{
    int ends[2];
    double rate = 0;
    int status = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        rate = meter_bare_wraps_per_s(rig);
        _exit(write(ends[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
    }
    (void)close(ends[1]);
    ck_assert_int_eq(read(ends[0], &rate, sizeof rate), sizeof rate);
    (void)close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return rate;
}

void crowded_connections(const struct rig *rig, struct report *report)
{
    struct many_result r;
    const struct many many = {.stations = MANY, .devices_each = DEVICES_EACH};
    report_progress("connections: %d stations connect and %d work", MANY, MANY / 4);
    double bare = bare_wraps_per_s(rig);
    many_run(rig, &many, &r);
    double rate = (double)r.licensed * US_PER_S / (double)r.license_us;
    report_add(report, REPORT_CONNECTIONS, "1000",
               (const double[]){(double)r.connect_us / US_PER_S, rate, rate / bare,
                                (double)r.server_cpu_us / (double)r.licensed, (double)r.waits,
                                (double)samples_percentile(&r.licenses, P50) / US_PER_MS,
                                (double)samples_percentile(&r.licenses, P99) / US_PER_MS});
    ck_assert_msg(r.refused == 0, "%zu were refused, the last one with %ld", r.refused, r.refusal);
    samples_clear(&r.licenses);
}

static double p99(struct samples *samples)
{
    return (double)samples_percentile(samples, P99);
}

static void add_flood(const struct flood *flood, struct flood_result *r, struct report *report)
{
    struct samples all = {0};
    double seconds = (double)(flood->rounds * flood->round_ms) / 1e3;
    samples_add_all(&all, &r->rising);
    samples_add_all(&all, &r->flooded);
    double quiet = p99(&r->quiet);
    report_add(report, REPORT_FLOOD, flood_kind_name(flood->kind),
               (const double[]){p99(&all) / quiet, p99(&r->rising) / quiet,
                                p99(&r->flooded) / quiet, quiet / US_PER_MS,
                                (double)r->flooder.served / seconds,
                                (double)r->flooder.told_to_wait / seconds,
                                (double)r->flooder.refused / seconds, (double)r->quiet_refused});
    samples_clear(&all);
    samples_clear(&r->quiet);
    samples_clear(&r->rising);
    samples_clear(&r->flooded);
}

void crowded_floods(const struct rig *rig, struct report *report)
{
    struct flood flood = {
        .rounds = 3, .quiet_stations = 8, .round_ms = 5000, .pause_ms = 100, .connections = 64};
    for (int kind = 0; kind < FLOOD_KINDS; kind++) {
        struct flood_result result;
        flood.kind = (enum flood_kind)kind;
        report_progress("flood: %s", flood_kind_name(flood.kind));
        flood_run(rig, &flood, &result);
        add_flood(&flood, &result, report);
    }
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Everything here is CPU time per answer, divided. */
#include "compare.h"

#include <check.h>

#include "bare.h"
#include "peer.h"
#include "serve.h"
#include "tang.h"

#define STATIONS       16
#define BATCH          32
#define BARE_PROCESSES 2 /* as the rig has HSM workers */
#define PROCESS_RUNS   20
#define TANG_RUNS      400
#define US_PER_S       1e6

/* ---- the least it could cost ---- */

static void add_bare(const struct rig *rig, const struct devices *devices, struct bare_result *sum)
{
    struct bare_result once;
    const struct bare bare = {.rig = rig, .devices = devices, .processes = BARE_PROCESSES};
    report_progress("licenses: the bare chain");
    ck_assert_int_eq(rig_shell(rig, "rm -f $DIR/bare-*.db*"), 0);
    bare_run(&bare, &once);
    sum->licensed += once.licensed;
    sum->took_us += once.took_us;
    sum->cpu_us += once.cpu_us;
}

/* ---- the product ---- */

static void serve(const struct rig *rig, const struct stations *stations, const char *prefix,
                  size_t count, size_t batch, struct serve_result *ret_result)
{
    struct devices devices;
    report_progress("licenses: making %zu devices", count);
    devices_make(rig, prefix, count, &devices);
    report_progress(batch > 1 ? "licenses: batches of %zu" : "licenses: single ones", batch);
    serve_run(
        &(const struct serve){
            .rig = rig, .stations = stations, .devices = &devices, .batch = batch},
        ret_result);
    devices_clear(&devices);
}

/* first: the key of the sum, followed by those of the programs. */
static void set_cpu(struct report *report, enum report_key first, const struct serve_result *result)
{
    report_set(report, first, serve_cpu_each_us(result));
    for (int i = 0; i < RIG_PROGRAMS; i++)
        report_set(report, (enum report_key)((int)first + 1 + i),
                   (double)result->cpu_us[i] / (double)result->licensed);
}

static void report_product(struct report *report, double bare_cpu_us, struct serve_result *single,
                           struct serve_result *batch)
{
    set_cpu(report, REPORT_CPU_US_SINGLE, single);
    set_cpu(report, REPORT_CPU_US_BATCH, batch);
    report_set(report, REPORT_CPU_RATIO_SINGLE, serve_cpu_each_us(single) / bare_cpu_us);
    report_set(report, REPORT_CPU_RATIO_BATCH, serve_cpu_each_us(batch) / bare_cpu_us);
    report_set(report, REPORT_LICENSES_PER_S, serve_per_s(single));
    report_set(report, REPORT_LICENSES_PER_S_BATCH, serve_per_s(batch));
    samples_clear(&single->requests);
    samples_clear(&batch->requests);
}

/* ---- what others cost ---- */

static void compare_processes(const struct rig *rig, const struct devices *devices,
                              struct report *report)
{
    report_progress("licenses: a process per license");
    double cpu_us = peer_process_cpu_us(rig, devices, PROCESS_RUNS);
    report_set(report, REPORT_CPU_US_PROCESS, cpu_us);
    report_set(report, REPORT_PEER_PROCESS_RATIO,
               cpu_us / report_get(report, REPORT_CPU_US_SINGLE));
}

static void compare_tang(const struct rig *rig, struct report *report)
{
    struct tang_result fresh;
    struct tang_result kept;
    report_progress("licenses: tang");
    if (!tang_run(rig, TANG_RUNS, false, &fresh) || !tang_run(rig, TANG_RUNS, true, &kept)) {
        report_progress("tang is not measured: install tang-common, jose and systemd");
        return;
    }
    double single_us = report_get(report, REPORT_CPU_US_SINGLE);
    double fresh_us = (double)fresh.cpu_us / (double)fresh.exchanges;
    double kept_us = (double)kept.cpu_us / (double)kept.exchanges;
    double per_s = (double)fresh.exchanges * US_PER_S / (double)fresh.took_us;
    report_set(report, REPORT_CPU_US_TANG, fresh_us);
    report_set(report, REPORT_CPU_US_TANG_KEPT, kept_us);
    report_set(report, REPORT_TANG_PER_S, per_s);
    report_set(report, REPORT_TANG_KEPT_PER_S,
               (double)kept.exchanges * US_PER_S / (double)kept.took_us);
    report_set(report, REPORT_PEER_TANG_RATIO, fresh_us / single_us);
    report_set(report, REPORT_PEER_TANG_KEPT_RATIO, kept_us / single_us);
    report_set(report, REPORT_PEER_TANG_RATE_RATIO,
               report_get(report, REPORT_LICENSES_PER_S) / per_s);
}

void compare_run(const struct rig *rig, bool is_quick, struct report *report)
{
    struct stations stations;
    struct devices devices;
    struct bare_result bare = {0};
    struct serve_result single;
    struct serve_result batch;
    size_t count = is_quick ? COMPARE_DEVICES_QUICK : COMPARE_DEVICES;
    stations_enrol(rig, "compare", STATIONS, &stations);
    devices_make(rig, "bare", count, &devices);
    add_bare(rig, &devices, &bare);
    serve(rig, &stations, "single", count, 1, &single);
    serve(rig, &stations, "batch", count / BATCH * BATCH, BATCH, &batch);
    add_bare(rig, &devices, &bare);
    double bare_cpu_us = (double)bare.cpu_us / (double)bare.licensed;
    report_set(report, REPORT_CPU_US_BARE, bare_cpu_us);
    report_set(report, REPORT_BARE_CHAIN_PER_S,
               (double)bare.licensed * US_PER_S / (double)bare.took_us);
    report_product(report, bare_cpu_us, &single, &batch);
    compare_processes(rig, &devices, report);
    compare_tang(rig, report);
    devices_clear(&devices);
    stations_clear(&stations);
}

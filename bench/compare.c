/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The bare chain runs before and after the product: a machine's speed drifts. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "bare.h"
#include "peer.h"
#include "serve.h"

#define STATIONS       16
#define BATCH          32
#define BARE_PROCESSES 2 /* as the rig has HSM workers */
#define PROCESS_RUNS   20
#define TANG_RUNS      400
#define US_PER_S       1e6
#define US_PER_MS      1e3
#define P50            50.0
#define P99            99.0

struct measured {
    double bare_cpu_us; /* per license */
    double bare_per_s;
    struct serve_result single;
    struct serve_result batch;
    double process_cpu_us;
    bool has_tang;
    double tang_per_s;
};

static double cpu_each(const struct serve_result *result)
{
    return (double)serve_cpu_us(result) / (double)result->licensed;
}

static double per_s(const struct serve_result *result)
{
    return (double)result->licensed * US_PER_S / (double)result->took_us;
}

/* ---- measuring ---- */

static void progress(const char *what)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K%s", what);
}

static void add_bare(const struct rig *rig, const struct devices *devices, struct bare_result *sum)
{
    struct bare_result once;
    const struct bare bare = {.rig = rig, .devices = devices, .processes = BARE_PROCESSES};
    progress("the bare chain");
    ck_assert_int_eq(rig_shell(rig, "rm -f $DIR/bare-*.db*"), 0);
    bare_run(&bare, &once);
    sum->licensed += once.licensed;
    sum->took_us += once.took_us;
    sum->cpu_us += once.cpu_us;
}

static void serve(const struct rig *rig, const struct stations *stations, const char *prefix,
                  size_t count, size_t batch, struct serve_result *ret_result)
{
    struct devices devices;
    progress("making devices");
    devices_make(rig, prefix, count, &devices);
    progress(batch > 1 ? "batches" : "single licenses");
    serve_run(
        &(const struct serve){
            .rig = rig, .stations = stations, .devices = &devices, .batch = batch},
        ret_result);
    devices_clear(&devices);
}

static void measure(const struct rig *rig, size_t count, struct measured *m)
{
    struct stations stations;
    struct devices devices;
    struct bare_result bare = {0};
    stations_enrol(rig, "compare", STATIONS, &stations);
    devices_make(rig, "bare", count, &devices);
    add_bare(rig, &devices, &bare);
    serve(rig, &stations, "single", count, 1, &m->single);
    serve(rig, &stations, "batch", count / BATCH * BATCH, BATCH, &m->batch);
    add_bare(rig, &devices, &bare);
    progress("a process per license");
    m->process_cpu_us = peer_process_cpu_us(rig, &devices, PROCESS_RUNS);
    progress("tang");
    m->has_tang = peer_tang_per_s(rig, TANG_RUNS, &m->tang_per_s);
    progress("");
    m->bare_cpu_us = (double)bare.cpu_us / (double)bare.licensed;
    m->bare_per_s = (double)bare.licensed * US_PER_S / (double)bare.took_us;
    devices_clear(&devices);
    stations_clear(&stations);
}

/* ---- showing ---- */

static void print_row(const char *what, double ratio, double cpu_us, double rate)
{
    (void)printf("  %-38s %9.2f %12.0f %12.0f\n", what, ratio, cpu_us, rate);
}

static void print_programs(const char *what, const struct serve_result *result)
{
    double n = (double)result->licensed;
    (void)printf("  %-38s hsm %.0f, vault %.0f, provisiond %.0f\n", what,
                 (double)result->cpu_us[RIG_HSM] / n, (double)result->cpu_us[RIG_VAULT] / n,
                 (double)result->cpu_us[RIG_API] / n);
}

static void print_table(struct measured *m)
{
    (void)printf("a license, on %ld processors that the load shares\n",
                 sysconf(_SC_NPROCESSORS_ONLN));
    (void)printf("  %-38s %9s %12s %12s\n", "", "ratio", "CPU time us", "per second");
    print_row("the bare chain", 1, m->bare_cpu_us, m->bare_per_s);
    print_row("the product, single", cpu_each(&m->single) / m->bare_cpu_us, cpu_each(&m->single),
              per_s(&m->single));
    print_row("the product, batches of 32", cpu_each(&m->batch) / m->bare_cpu_us,
              cpu_each(&m->batch), per_s(&m->batch));
    print_row("a process per license", m->process_cpu_us / m->bare_cpu_us, m->process_cpu_us,
              US_PER_S / m->process_cpu_us * (double)sysconf(_SC_NPROCESSORS_ONLN));
    if (m->has_tang)
        (void)printf("  %-38s %9s %12s %12.0f\n", "tang, one recovery", "-", "-", m->tang_per_s);
    else
        (void)printf("  tang is not measured: install tang, jose and socat\n");
    print_programs("CPU time us by program, single", &m->single);
    print_programs("CPU time us by program, batches", &m->batch);
    (void)printf("  %-38s p50 %.1f ms, p99 %.1f ms\n", "a request, single",
                 (double)samples_percentile(&m->single.requests, P50) / US_PER_MS,
                 (double)samples_percentile(&m->single.requests, P99) / US_PER_MS);
}

static json_t *machine(void)
{
    struct utsname name;
    double load = 0;
    ck_assert_int_eq(uname(&name), 0);
    (void)getloadavg(&load, 1);
    return json_pack("{ss si sf}", "kernel", name.release, "processors",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "load", load);
}

static void write_json(const struct measured *m, const char *path)
{
    double single = cpu_each(&m->single);
    json_t *all = json_pack(
        "{sf sf sf sf sf so sn sn sn so}", "cpu_ratio_single", single / m->bare_cpu_us,
        "cpu_ratio_batch", cpu_each(&m->batch) / m->bare_cpu_us, "licenses_per_s",
        per_s(&m->single), "bare_chain_per_s", m->bare_per_s, "peer_process_ratio",
        m->process_cpu_us / single, "peer_tang_ratio",
        m->has_tang ? json_real(per_s(&m->single) / m->tang_per_s) : json_null(),
        "hsm_model_utilisation", "scale_ratio_1e7", "rss_growth_1e6", "machine", machine());
    ck_assert_ptr_nonnull(all);
    ck_assert_int_eq(json_dump_file(all, path, JSON_INDENT(2)), 0);
    json_decref(all);
}

void compare_run(const struct rig *rig, bool is_quick, const char *json_path)
{
    struct measured m = {0};
    measure(rig, is_quick ? COMPARE_DEVICES_QUICK : COMPARE_DEVICES, &m);
    print_table(&m);
    (void)fflush(stdout);
    if (json_path != NULL)
        write_json(&m, json_path);
    samples_clear(&m.single.requests);
    samples_clear(&m.batch.requests);
}

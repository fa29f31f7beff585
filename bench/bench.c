/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `./dev bench`: how fast a rig is on this machine. Absolute numbers belong to the machine and to
 * what else it does; the ratios are what can be compared, so each is taken within one run.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <check.h>

#include "compare.h"
#include "flood.h"
#include "limits.h"
#include "many.h"
#include "meter.h"
#include "support/http.h"
#include "support/run.h"

#define QUOTA         1000000
#define US_PER_S      1e6
#define US_PER_MS     1e3
#define BENCH_TIME_S  900
#define CLAIMED_RATIO 2.0
#define MANY_STATIONS 1000
#define DEVICES_EACH  16
#define P99           99.0
#define P50           50.0

static struct rig rig;
static bool is_quick;
static const char *json_path;

static void set_up_open(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    rig_up(&rig, QUOTA);
}

static void set_up(void)
{
    set_up_open();
    limits_restore(&rig);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* In a process of its own: the module shall not stay in this one. */
static double bare_wraps_per_s(void)
{
    int ends[2];
    double rate = 0;
    int status = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        rate = meter_bare_wraps_per_s(&rig);
        _exit(write(ends[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
    }
    (void)close(ends[1]);
    ck_assert_int_eq(read(ends[0], &rate, sizeof rate), sizeof rate);
    (void)close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return rate;
}

static void print_percentiles(const char *what, struct samples *samples)
{
    (void)printf("  %-34s p50 %8.1f ms, p99 %8.1f ms of %zu\n", what,
                 (double)samples_percentile(samples, P50) / US_PER_MS,
                 (double)samples_percentile(samples, P99) / US_PER_MS, samples->count);
}

/* What else the machine does makes all numbers worse, and a tail most of all. */
static void print_machine(void)
{
    double load = 0;
    (void)getloadavg(&load, 1);
    (void)printf("on %ld processors; load average %.1f\n", sysconf(_SC_NPROCESSORS_ONLN), load);
}

static double ratio(struct samples *samples, struct samples *quiet)
{
    return (double)samples_percentile(samples, P99) / (double)samples_percentile(quiet, P99);
}

START_TEST(stations_connected_at_once)
{
    struct many_result r;
    const struct many many = {.stations = MANY_STATIONS, .devices_each = DEVICES_EACH};
    double bare = bare_wraps_per_s();
    many_run(&rig, &many, &r);
    double rate = (double)r.licensed * US_PER_S / (double)r.license_us;
    print_machine();
    (void)printf("%zu stations connected at once, %zu of them at work\n", many.stations, r.active);
    (void)printf("  connected and served once in         %8.1f s\n",
                 (double)r.connect_us / US_PER_S);
    (void)printf("  new licenses                         %8.0f /s (%zu; \"later\" %zu times)\n",
                 rate, r.licensed, r.waits);
    (void)printf("  bare wraps of the token, one session %8.0f /s\n", bare);
    (void)printf("  licenses per bare wrap               %8.4f\n", rate / bare);
    (void)printf("  CPU time of the server per license   %8.2f ms\n",
                 (double)r.server_cpu_us / US_PER_MS / (double)r.licensed);
    print_percentiles("a license", &r.licenses);
    (void)fflush(stdout);
    ck_assert_msg(r.refused == 0, "%zu were refused, the last one with %ld", r.refused, r.refusal);
    samples_clear(&r.licenses);
}
END_TEST

static void print_flood(const struct flood *flood, struct flood_result *r)
{
    double seconds = (double)(flood->rounds * flood->round_ms) / 1e3;
    (void)printf("%s:\n", flood_kind_name(flood->kind));
    print_percentiles("quiet, without the flood", &r->quiet);
    print_percentiles("quiet, while the flood connects", &r->rising);
    print_percentiles("quiet, beside the flood", &r->flooded);
    (void)printf("  the flooder: %.0f/s served, %.0f/s told to wait, %.0f/s refused, %zu others\n",
                 (double)r->flooder.served / seconds, (double)r->flooder.told_to_wait / seconds,
                 (double)r->flooder.refused / seconds, r->flooder.others);
    (void)printf("  processors that the server kept busy: %.2f without the flood, %.2f beside it\n",
                 (double)r->quiet_cpu_us / US_PER_S / seconds,
                 (double)r->flooded_cpu_us / US_PER_S / seconds);
    (void)printf("  quiet requests refused: %zu of %zu\n", r->quiet_refused, r->quiet_asked);
}

static void print_ratios(struct flood_result *results)
{
    (void)printf("p99 with a flood / p99 without (claim for all of it: at most %.1f)\n",
                 CLAIMED_RATIO);
    (void)printf("  %-12s %10s %10s %10s\n", "flood of", "all of it", "its rise", "after that");
    for (int kind = 0; kind < FLOOD_KINDS; kind++) {
        struct flood_result *r = &results[kind];
        struct samples all = {0};
        samples_add_all(&all, &r->rising);
        samples_add_all(&all, &r->flooded);
        (void)printf("  %-12s %10.2f %10.2f %10.2f\n", flood_kind_name((enum flood_kind)kind),
                     ratio(&all, &r->quiet), ratio(&r->rising, &r->quiet),
                     ratio(&r->flooded, &r->quiet));
        samples_clear(&all);
        samples_clear(&r->quiet);
        samples_clear(&r->rising);
        samples_clear(&r->flooded);
    }
}

START_TEST(quiet_stations_beside_a_flood)
{
    struct flood_result results[FLOOD_KINDS];
    struct flood flood = {
        .rounds = 3, .quiet_stations = 8, .round_ms = 5000, .pause_ms = 100, .connections = 64};
    print_machine();
    (void)printf("%zu quiet stations beside one that floods with %zu connections\n",
                 flood.quiet_stations, flood.connections);
    for (int kind = 0; kind < FLOOD_KINDS; kind++) {
        flood.kind = (enum flood_kind)kind;
        flood_run(&rig, &flood, &results[kind]);
        print_flood(&flood, &results[kind]);
        (void)fflush(stdout);
    }
    print_machine();
    print_ratios(results);
    (void)fflush(stdout);
}
END_TEST

START_TEST(a_license_beside_the_least_it_could_cost)
{
    compare_run(&rig, is_quick, json_path);
}
END_TEST

static const struct {
    const char *word;
    const TTest *const *test;
    bool is_limited; /* by the limits that the product has by default, which a rig has not */
} BENCHES[] = {
    {"licenses", &a_license_beside_the_least_it_could_cost, false},
    {"connections", &stations_connected_at_once, true},
    {"flood", &quiet_stations_beside_a_flood, true},
};
#define BENCHES_COUNT (sizeof BENCHES / sizeof BENCHES[0])

static int run_bench(size_t place)
{
    const TTest *tests[] = {*BENCHES[place].test, NULL};
    return run_suite(&(struct run_case){.name = BENCHES[place].word,
                                        .set_up = BENCHES[place].is_limited ? set_up : set_up_open,
                                        .tear_down = tear_down,
                                        .timeout_s = BENCH_TIME_S,
                                        .tests = tests});
}

/* ---- what was asked for ---- */

static bool is_chosen[BENCHES_COUNT];

static bool choose(const char *word)
{
    for (size_t i = 0; i < BENCHES_COUNT; i++) {
        if (strcmp(word, BENCHES[i].word) == 0)
            return is_chosen[i] = true;
    }
    return false;
}

static bool take_arguments(int argc, char **argv)
{
    bool has_word = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            is_quick = true;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            json_path = argv[++i];
        else if (choose(argv[i]))
            has_word = true;
        else
            return false;
    }
    for (size_t i = 0; i < BENCHES_COUNT && !has_word; i++)
        is_chosen[i] = !is_quick || !BENCHES[i].is_limited;
    return true;
}

/* bench [licenses|connections|flood]... [--quick] [--json FILE]: all without a word. */
int main(int argc, char **argv)
{
    int failed = 0;
    if (!take_arguments(argc, argv)) {
        (void)fputs("bench: licenses, connections, flood; --quick; --json FILE\n", stderr);
        return EX_USAGE;
    }
    for (size_t i = 0; i < BENCHES_COUNT; i++)
        failed |= is_chosen[i] ? run_bench(i) : 0;
    return failed;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Ratios are taken between neighbours in time. */
#include "scale.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"
#include "fill.h"
#include "serve.h"

#define STATIONS      16
#define SCALE_QUOTA   20000000
#define FEW           1000
#define LARGEST       10000000
#define LARGEST_QUICK 10000
#define TEN           10
#define ROUNDS        3
#define READ_BYTES    (1 << 20)
#define ROUND_OF      2000 /* devices */
#define ROUND_QUICK   500
#define NAME_SIZE     64
#define US_PER_S      1e6
#define US_PER_MS     1e3
#define MB            1e6
#define P50           50.0
#define P99           99.0

/* ---- devices in the ledger ---- */

/* A rig and what it did in all of its turns at one size. */
struct side {
    struct rig *rig;
    struct stations stations;
    unsigned turns; /* so far, for the names of devices */
    int64_t devices;
    struct serve_result sum;
};

static void take_turn(struct side *side, const struct stations *stations, size_t count)
{
    char prefix[NAME_SIZE];
    struct devices devices;
    struct serve_result result;
    (void)snprintf(prefix, sizeof prefix, "turn-%u", side->turns++);
    devices_make(side->rig, prefix, count, &devices);
    serve_run(
        &(const struct serve){
            .rig = side->rig, .stations = stations, .devices = &devices, .batch = 1},
        &result);
    side->sum.licensed += result.licensed;
    side->sum.took_us += result.took_us;
    side->sum.waits += result.waits;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        side->sum.cpu_us[i] += result.cpu_us[i];
    samples_add_all(&side->sum.requests, &result.requests);
    side->devices += (int64_t)result.licensed;
    samples_clear(&result.requests);
    devices_clear(&devices);
}

static void forget_turns(struct side *side)
{
    samples_clear(&side->sum.requests);
    side->sum = (struct serve_result){0};
}

/* As after a boot: none of the ledger is in memory. */
static void drop_cache(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    (void)fsync(file);
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(file);
}

/* As after days of work: what fits is in memory, so that no turn waits for the disk's first reads.
 */
static void warm_cache(const char *path)
{
    static char bytes[READ_BYTES];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    while (read(file, bytes, sizeof bytes) > 0)
        continue;
    (void)close(file);
}

/* Fills while the vault is down, then waits until it serves again; seconds of that wait. */
static double fill_to(struct side *side, int64_t size, double *ret_made_per_s)
{
    int64_t more = size - side->devices;
    rig_kill(side->rig, RIG_VAULT, SIGTERM);
    *ret_made_per_s = NAN;
    if (more > 0) {
        int64_t took_us = fill_ledger(side->rig, side->devices, more);
        *ret_made_per_s = (double)more * US_PER_S / (double)took_us;
        side->devices = size;
        rig_start(side->rig, RIG_VAULT, NULL); /* counts what came, as it would have at its stop */
        rig_wait_ready(side->rig);
        rig_kill(side->rig, RIG_VAULT, SIGTERM);
    }
    drop_cache(side->rig->ledger);
    int64_t begin_us = clock_monotonic_us();
    rig_start(side->rig, RIG_VAULT, NULL);
    rig_wait_ready(side->rig);
    return (double)(clock_monotonic_us() - begin_us) / US_PER_S;
}

static double ledger_mb(const struct rig *rig)
{
    struct stat info;
    ck_assert_int_eq(stat(rig->ledger, &info), 0);
    return (double)info.st_size / MB;
}

/* A rig of its own with its first license, whose form all that are filled in have. */
static void open_side(struct side *side, struct rig *rig)
{
    *side = (struct side){.rig = rig};
    rig_up(rig, SCALE_QUOTA);
    stations_enrol(rig, "scale", STATIONS, &side->stations);
    take_turn(side, &side->stations, STATIONS);
    forget_turns(side);
}

static void close_side(struct side *side)
{
    stations_clear(&side->stations);
    rig_down(side->rig);
}

static void add_size(int64_t size, double start_s, double made_per_s, struct side *few,
                     struct side *many, struct report *report)
{
    char label[REPORT_LABEL_MAX];
    struct serve_result *sum = &many->sum;
    double rate_ratio = serve_per_s(sum) / serve_per_s(&few->sum);
    (void)snprintf(label, sizeof label, "10^%.0f", log10((double)size));
    report_add(report, REPORT_DEVICES, label,
               (const double[]){(double)size, ledger_mb(many->rig), made_per_s, start_s,
                                serve_per_s(sum), serve_cpu_each_us(sum),
                                (double)samples_percentile(&sum->requests, P99) / US_PER_MS,
                                rate_ratio, serve_cpu_each_us(sum) / serve_cpu_each_us(&few->sum)});
    if (size == LARGEST) {
        report_set(report, REPORT_SCALE_RATIO_1E7, rate_ratio);
        report_set(report, REPORT_START_1E7_S, start_s);
    }
}

static void measure_size(struct side *many, int64_t size, bool is_quick, struct report *report)
{
    struct rig rig;
    struct side few;
    double made_per_s = NAN;
    double few_made_per_s = NAN;
    report_progress("scale: making a ledger of %lld devices", (long long)size);
    double start_s = fill_to(many, size, &made_per_s);
    open_side(&few, &rig);
    (void)fill_to(&few, FEW, &few_made_per_s);
    report_progress("scale: %lld devices", (long long)size);
    warm_cache(many->rig->ledger);
    for (int i = 0; i < ROUNDS; i++) {
        take_turn(&few, &few.stations, is_quick ? ROUND_QUICK : ROUND_OF);
        take_turn(many, &many->stations, is_quick ? ROUND_QUICK : ROUND_OF);
    }
    add_size(size, start_s, made_per_s, &few, many, report);
    forget_turns(&few);
    forget_turns(many);
    close_side(&few);
}

static void measure_sizes(bool is_quick, struct report *report)
{
    struct rig rig;
    struct side many;
    open_side(&many, &rig);
    for (int64_t size = FEW; size <= (is_quick ? LARGEST_QUICK : LARGEST); size *= TEN)
        measure_size(&many, size, is_quick, report);
    close_side(&many);
}

/* ---- stations ---- */

static void measure_stations(struct side *side, const struct stations *all, size_t count,
                             size_t devices, struct report *report)
{
    char label[REPORT_LABEL_MAX];
    const struct stations some = {.list = all->list, .count = count};
    report_progress("scale: %zu stations at once", count);
    take_turn(side, &some, devices);
    (void)snprintf(label, sizeof label, "%zu", count);
    report_add(report, REPORT_STATIONS, label,
               (const double[]){(double)count, serve_per_s(&side->sum),
                                serve_cpu_each_us(&side->sum), (double)side->sum.waits,
                                (double)samples_percentile(&side->sum.requests, P50) / US_PER_MS,
                                (double)samples_percentile(&side->sum.requests, P99) / US_PER_MS});
    forget_turns(side);
}

static void measure_all_stations(struct side *side, bool is_quick, struct report *report)
{
    static const size_t COUNTS[] = {1, 4, 16, 64, 256, 1000};
    static const size_t QUICK = 4; /* of them */
    size_t count = is_quick ? QUICK : sizeof COUNTS / sizeof COUNTS[0];
    struct stations all;
    stations_enrol(side->rig, "crowd", COUNTS[count - 1], &all);
    for (size_t i = 0; i < count; i++)
        measure_stations(side, &all, COUNTS[i], is_quick ? ROUND_QUICK : 2 * ROUND_OF, report);
    stations_clear(&all);
}

/* ---- products ---- */

/* Products first to first + count - 1 with an image each, on the anchors of the rig's own. */
static void make_products(const struct rig *rig, size_t first, size_t count)
{
    ck_assert_int_eq(rig_shell(rig,
                               "i=%zu; while [ $i -lt %zu ]; do "
                               "$BIN/provctl --config $RIG_CONFIG product create scale-$i "
                               "--anchors $RIG_DEVICE_CA_CERT --quota 1000000 >/dev/null && "
                               "$BIN/provctl --config $RIG_CONFIG image encrypt --product scale-$i "
                               "$RIG_FIRMWARE >/dev/null 2>&1 || exit 1; i=$((i+1)); done",
                               first, first + count),
                     0);
}

/* One after the other: each next request is for the next product. */
static void make_devices_of(const struct rig *rig, size_t products, size_t count,
                            struct devices *ret_devices)
{
    char prefix[NAME_SIZE];
    struct rig other = *rig;
    *ret_devices = (struct devices){.bodies = calloc(count, sizeof(char *)), .count = count};
    ck_assert_ptr_nonnull(ret_devices->bodies);
    for (size_t product = 0; product < products; product++) {
        struct devices devices;
        size_t share = (count - product + products - 1) / products;
        (void)snprintf(other.product, sizeof other.product, "scale-%zu", product);
        (void)snprintf(prefix, sizeof prefix, "of-%zu-%zu", products, product);
        devices_make(&other, prefix, share, &devices);
        for (size_t i = 0; i < share; i++)
            ret_devices->bodies[product + i * products] = devices.bodies[i];
        free(devices.bodies);
    }
}

static void measure_products(struct side *side, size_t products, size_t count,
                             struct report *report)
{
    char label[REPORT_LABEL_MAX];
    struct devices devices;
    struct serve_result result;
    report_progress("scale: %zu products", products);
    make_devices_of(side->rig, products, count, &devices);
    serve_run(
        &(const struct serve){
            .rig = side->rig, .stations = &side->stations, .devices = &devices, .batch = 1},
        &result);
    (void)snprintf(label, sizeof label, "%zu", products);
    report_add(report, REPORT_PRODUCTS, label,
               (const double[]){(double)products, serve_per_s(&result), serve_cpu_each_us(&result),
                                (double)samples_percentile(&result.requests, P50) / US_PER_MS,
                                (double)samples_percentile(&result.requests, P99) / US_PER_MS});
    samples_clear(&result.requests);
    devices_clear(&devices);
}

static void measure_all_products(struct side *side, bool is_quick, struct report *report)
{
    static const size_t COUNTS[] = {1, 4, 16, 64};
    static const size_t QUICK = 2; /* of them */
    size_t count = is_quick ? QUICK : sizeof COUNTS / sizeof COUNTS[0];
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        make_products(side->rig, made, COUNTS[i] - made);
        made = COUNTS[i];
        measure_products(side, COUNTS[i], is_quick ? ROUND_QUICK : 2 * ROUND_OF, report);
    }
}

void scale_run(struct rig *rig, bool is_quick, struct report *report)
{
    struct side side = {.rig = rig};
    measure_sizes(is_quick, report);
    stations_enrol(rig, "scale", STATIONS, &side.stations);
    measure_all_stations(&side, is_quick, report);
    measure_all_products(&side, is_quick, report);
    stations_clear(&side.stations);
}

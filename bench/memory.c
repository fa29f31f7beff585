/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Looks between rounds of requests: nothing is under way then. */
#include "memory.h"

#include <string.h>

#include <check.h>

#include "meter.h"
#include "serve.h"

#define STATIONS      16
#define BATCH         32
#define ROUND_OF      ((size_t)BATCH * 313) /* ten thousand, in whole batches */
#define ROUNDS        10                    /* of a window */
#define WINDOWS       10                    /* of a hundred thousand licenses */
#define COMPARED      1                     /* with this one: the second */
#define WINDOWS_QUICK 1
#define ROUNDS_QUICK  2
#define ROUND_QUICK   ((size_t)BATCH * 32)
#define MB            1e6
#define RECYCLED      "\"hsm-worker-recycled\""
#define LINE_SIZE     1024
#define NAME_SIZE     64

struct size {
    size_t windows;
    size_t rounds;
    size_t round_of;
};

/* Means of a window's looks, in MB. */
struct window {
    double mb[RIG_PROGRAMS];
    double sum_mb;
};

static void license(const struct rig *rig, const struct stations *stations, unsigned round,
                    size_t count)
{
    char prefix[NAME_SIZE];
    struct devices devices;
    struct serve_result result;
    (void)snprintf(prefix, sizeof prefix, "memory-%u", round);
    devices_make(rig, prefix, count, &devices);
    serve_run(
        &(const struct serve){
            .rig = rig, .stations = stations, .devices = &devices, .batch = BATCH},
        &result);
    samples_clear(&result.requests);
    devices_clear(&devices);
}

static void look(const struct rig *rig, size_t looks, struct window *window)
{
    for (int i = 0; i < RIG_PROGRAMS; i++) {
        double mb = (double)meter_program_pss_bytes(rig, (enum rig_program)i) / MB;
        window->mb[i] += mb / (double)looks;
        window->sum_mb += mb / (double)looks;
    }
}

/* How often a worker was replaced because it had grown or was old. */
static double count_recycled(const struct rig *rig)
{
    char path[TEMP_PATH_MAX + NAME_SIZE];
    char line[LINE_SIZE];
    double count = 0;
    (void)snprintf(path, sizeof path, "%s/log/provision-hsm.log", rig->dir);
    FILE *log = fopen(path, "re");
    ck_assert_ptr_nonnull(log);
    while (fgets(line, sizeof line, log) != NULL)
        count += strstr(line, RECYCLED) != NULL;
    (void)fclose(log);
    return count;
}

static void add_window(const struct rig *rig, size_t licenses, const struct window *window,
                       struct report *report)
{
    char label[REPORT_LABEL_MAX];
    (void)snprintf(label, sizeof label, "%zu", licenses);
    report_add(report, REPORT_MEMORY, label,
               (const double[]){(double)licenses, window->mb[RIG_HSM], window->mb[RIG_VAULT],
                                window->mb[RIG_API], window->sum_mb, count_recycled(rig)});
}

void memory_run(const struct rig *rig, bool is_quick, struct report *report)
{
    const struct size size = is_quick ? (struct size){WINDOWS_QUICK, ROUNDS_QUICK, ROUND_QUICK}
                                      : (struct size){WINDOWS, ROUNDS, ROUND_OF};
    struct window windows[WINDOWS] = {0};
    struct stations stations;
    unsigned round = 0;
    stations_enrol(rig, "memory", STATIONS, &stations);
    for (size_t i = 0; i < size.windows; i++) {
        for (size_t j = 0; j < size.rounds; j++) {
            report_progress("memory: %zu licenses", round * size.round_of);
            license(rig, &stations, round++, size.round_of);
            look(rig, size.rounds, &windows[i]);
        }
        add_window(rig, round * size.round_of, &windows[i], report);
    }
    if (!is_quick)
        report_set(report, REPORT_RSS_GROWTH_1E6,
                   windows[WINDOWS - 1].sum_mb / windows[COMPARED].sum_mb - 1);
    stations_clear(&stations);
}

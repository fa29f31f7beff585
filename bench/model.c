/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The model's clock is this machine's; its places are free again by themselves. */
#include "model.h"

#include <math.h>
#include <signal.h>

#include <check.h>

#include "core/clock.h"
#include "open_loop.h"
#include "serve.h"
#include "support/hsm_faults.h"

#define STATIONS    128 /* with one request under way each */
#define THREADS     192 /* of the vault: each waits for one call of the HSM */
#define WORKERS_MAX 64  /* [hsm] workers */
#define SPARE_MIN   2   /* workers that hold the next call ready while others are in the HSM */
#define WARM_MS     1000
#define RUN_MS      4000
#define HALF_MS     5000
#define DRIVE_MS    10
#define FREE_OF     3000 /* devices, to learn what the programs serve at most */
#define LIMIT_SHARE 0.5
#define MS_PER_S    1e3
#define US_PER_S    1e6
#define US_PER_MS   1e3
#define P50         50.0
#define P99         99.0

struct setting {
    unsigned parallel;
    unsigned latency_ms;
    bool is_quick;
};

/*
 * Those of one `parallel` share their workers. With a single place the HSM's own queue is longer
 * than what is asked of p99 (four times its time at half load), but for a fast one.
 */
static const struct setting SETTINGS[] = {
    {1, 1, false},  {4, 1, false},   {4, 5, true},    {4, 20, true},
    {16, 5, false}, {16, 20, false}, {64, 20, false},
};

struct model {
    struct rig *rig;
    struct hsm_faults *faults;
    struct stations stations;
    unsigned workers;
    unsigned made; /* sets of devices so far, for their names */
    double free_per_s;
    struct report *report;
};

/* ---- the rig ---- */

static unsigned workers_for(unsigned parallel)
{
    unsigned spare = parallel / 2 > SPARE_MIN ? parallel / 2 : SPARE_MIN;
    return parallel + spare < WORKERS_MAX ? parallel + spare : WORKERS_MAX;
}

static void restart(struct model *model, unsigned workers)
{
    struct rig *rig = model->rig;
    hsm_faults_set_model(model->faults, 0, 0);
    for (int i = RIG_PROGRAMS - 1; i >= 0; i--)
        rig_kill(rig, (enum rig_program)i, SIGTERM);
    ck_assert_int_eq(rig_shell(rig,
                               "sed -i -e '/^workers/d' -e '/^threads/d' -e '/^sandbox/d' "
                               "-e 's,^module = .*,module = %s,' "
                               "-e '/^\\[hsm\\]/a workers = %u\\nsandbox = module' "
                               "-e '/^\\[vault\\]/a threads = %d' $RIG_CONFIG",
                               BENCH_MODULE_FAULTS, workers, THREADS),
                     0);
    for (int i = 0; i < RIG_PROGRAMS; i++)
        rig_start(rig, (enum rig_program)i, NULL);
    rig_wait_ready(rig);
    model->workers = workers;
}

static void make_devices(struct model *model, double count, struct devices *ret_devices)
{
    char prefix[REPORT_LABEL_MAX];
    (void)snprintf(prefix, sizeof prefix, "model-%u", model->made++);
    devices_make(model->rig, prefix, (size_t)count, ret_devices);
}

static void measure_free(struct model *model)
{
    struct devices devices;
    struct serve_result result;
    make_devices(model, FREE_OF, &devices);
    serve_run(
        &(const struct serve){
            .rig = model->rig, .stations = &model->stations, .devices = &devices, .batch = 1},
        &result);
    model->free_per_s = serve_per_s(&result);
    samples_clear(&result.requests);
    devices_clear(&devices);
}

/* ---- one setting ---- */

struct counts {
    int64_t at_us;
    unsigned long calls;
    size_t licenses;
};

/* What the HSM did between two looks. */
struct window {
    const struct model *model;
    int64_t from_us;
    int64_t to_us;
    struct counts first;
    struct counts last;
};

static bool look(void *context, size_t licensed)
{
    struct window *window = context;
    struct counts now = {clock_monotonic_us(), atomic_load(&window->model->faults->served),
                         licensed};
    if (window->from_us == 0) {
        window->from_us = now.at_us + WARM_MS * (int64_t)US_PER_MS;
        window->to_us = window->from_us + RUN_MS * (int64_t)US_PER_MS;
    }
    if (window->first.at_us == 0 && now.at_us >= window->from_us)
        window->first = now;
    window->last = now;
    return now.at_us < window->to_us;
}

static void saturate(struct model *model, double capacity_per_s, struct window *ret_window)
{
    struct devices devices;
    struct serve_result result;
    double most = fmin(capacity_per_s, 2 * model->free_per_s) * (WARM_MS + RUN_MS) / MS_PER_S;
    *ret_window = (struct window){.model = model};
    make_devices(model, most + STATIONS, &devices);
    serve_run(&(const struct serve){.rig = model->rig,
                                    .stations = &model->stations,
                                    .devices = &devices,
                                    .batch = 1,
                                    .look = look,
                                    .look_context = ret_window},
              &result);
    ck_assert_int_gt(ret_window->first.at_us, 0);
    samples_clear(&result.requests);
    devices_clear(&devices);
}

static void offer_half(struct model *model, double per_s, double *ret_p50_ms, double *ret_p99_ms)
{
    struct devices devices;
    struct open_loop_result result;
    make_devices(model, per_s * HALF_MS / MS_PER_S + 1, &devices);
    open_loop_run(
        &(const struct open_loop){
            .rig = model->rig, .stations = &model->stations, .devices = &devices, .per_s = per_s},
        &result);
    *ret_p50_ms = (double)samples_percentile(&result.samples, P50) / US_PER_MS;
    *ret_p99_ms = (double)samples_percentile(&result.samples, P99) / US_PER_MS;
    samples_clear(&result.samples);
    devices_clear(&devices);
}

/* The worst of those whose limit is the HSM. */
static void judge(struct model *model, const struct setting *setting, double utilisation,
                  double p99_ms)
{
    double worst = report_get(model->report, REPORT_MODEL_UTILISATION);
    double excess = report_get(model->report, REPORT_MODEL_P99_EXCESS_MS);
    report_set(model->report, REPORT_MODEL_UTILISATION, fmin(worst, utilisation));
    report_set(model->report, REPORT_MODEL_P99_EXCESS_MS,
               fmax(excess, p99_ms - 2.0 * setting->latency_ms));
}

static void measure(struct model *model, const struct setting *setting)
{
    char label[REPORT_LABEL_MAX];
    struct window window;
    double p50_ms = NAN;
    double p99_ms = NAN;
    double calls_per_s = setting->parallel * MS_PER_S / setting->latency_ms;
    report_progress("model: %u ms, %u at once", setting->latency_ms, setting->parallel);
    hsm_faults_set_model(model->faults, setting->latency_ms * (unsigned)US_PER_MS,
                         setting->parallel);
    saturate(model, calls_per_s, &window);
    double seconds = (double)(window.last.at_us - window.first.at_us) / US_PER_S;
    double calls = (double)(window.last.calls - window.first.calls);
    double licenses = (double)(window.last.licenses - window.first.licenses);
    double utilisation = calls / seconds / calls_per_s;
    bool is_limit = calls_per_s <= LIMIT_SHARE * model->free_per_s;
    if (is_limit) {
        offer_half(model, calls_per_s * licenses / calls / 2, &p50_ms, &p99_ms);
        judge(model, setting, utilisation, p99_ms);
    }
    (void)snprintf(label, sizeof label, "%u ms, %u", setting->latency_ms, setting->parallel);
    report_add(model->report, REPORT_MODEL, label,
               (const double[]){setting->latency_ms, setting->parallel, model->workers,
                                calls / licenses, calls_per_s, licenses / seconds, utilisation,
                                is_limit, p50_ms, p99_ms});
}

void model_run(struct rig *rig, bool is_quick, struct report *report)
{
    char path[TEMP_PATH_MAX];
    struct model model = {.rig = rig, .report = report};
    temp_dir_path(&rig->temp, "hsm-faults", path);
    model.faults = hsm_faults_new(path);
    stations_enrol(rig, "model", STATIONS, &model.stations);
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++) {
        const struct setting *setting = &SETTINGS[i];
        if (is_quick && !setting->is_quick)
            continue;
        if (model.workers != workers_for(setting->parallel))
            restart(&model, workers_for(setting->parallel));
        if (model.free_per_s == 0)
            measure_free(&model);
        measure(&model, setting);
    }
    hsm_faults_set_model(model.faults, 0, 0);
    stations_clear(&model.stations);
    hsm_faults_free(model.faults);
}

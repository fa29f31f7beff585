/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The flooder tells its counts through a pipe when it is told to stop. */
#include "flood.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"
#include "crowd.h"
#include "meter.h"
#include "stations.h"

#define FLOOD_DEVICES   FLOOD_BATCH /* licensed once, then asked for again and again */
#define FLOOD_NICE      10
#define RISE_MS         1500 /* until the flood has risen */
#define FLOODER_ADDRESS 60000
#define DRIVE_MS        5
#define US_PER_MS       1000

/* ---- the flooder ---- */

/* What each kind sends; bodies NULL: it gets. */
struct ammunition {
    const char *path;
    char **bodies;
    size_t count;
};

struct flooder {
    struct crowd *crowd;
    const struct ammunition *ammunition;
    size_t next;
    struct flood_counts counts;
};

static volatile sig_atomic_t is_flood_over;

static void end_flood(int signal)
{
    (void)signal;
    is_flood_over = 1;
}

static void flood_send(struct flooder *flooder, size_t connection)
{
    const struct ammunition *ammunition = flooder->ammunition;
    char *body =
        ammunition->count > 0 ? ammunition->bodies[flooder->next++ % ammunition->count] : NULL;
    crowd_send(flooder->crowd, connection, ammunition->path, body);
}

static void take_flood(void *context, const struct crowd_answer *answer)
{
    struct flooder *flooder = context;
    switch (answer->status) {
    case 200:
    case 201:
        flooder->counts.served++;
        break;
    case 429:
    case 503:
        flooder->counts.told_to_wait++;
        break;
    case 400:
        flooder->counts.refused++;
        break;
    default:
        flooder->counts.others++;
        break;
    }
    if (!is_flood_over)
        flood_send(flooder, answer->member);
}

struct flood_setting {
    const struct rig *rig;
    const struct pki *station;
    struct ammunition ammunition;
    size_t connections;
    bool is_fresh;
};

static void be_flooder(const struct flood_setting *setting, int counts)
{
    struct flooder flooder = {.ammunition = &setting->ammunition};
    (void)nice(FLOOD_NICE);
    flooder.crowd = crowd_new(setting->rig->url, setting->rig->ca, take_flood, &flooder);
    for (size_t i = 0; i < setting->connections; i++) {
        crowd_join(flooder.crowd,
                   &(struct crowd_member){.certificate = pki_certificate(setting->station),
                                          .key = pki_key(setting->station),
                                          .is_fresh = setting->is_fresh,
                                          .address = FLOODER_ADDRESS});
        flood_send(&flooder, i);
    }
    while (crowd_busy(flooder.crowd) > 0)
        crowd_drive(flooder.crowd, DRIVE_MS);
    _exit(write(counts, &flooder.counts, sizeof flooder.counts) == sizeof flooder.counts ? 0 : 1);
}

struct flood_process {
    pid_t pid;
    int counts;
};

static struct flood_process start_flood(const struct flood_setting *setting)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    (void)signal(SIGTERM, end_flood); /* before the fork: the flooder may be stopped at once */
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        be_flooder(setting, ends[1]);
    (void)signal(SIGTERM, SIG_DFL);
    (void)close(ends[1]);
    return (struct flood_process){.pid = pid, .counts = ends[0]};
}

static void stop_flood(const struct flood_process *process, struct flood_counts *sum)
{
    struct flood_counts counts = {0};
    int status = 0;
    (void)kill(process->pid, SIGTERM);
    ck_assert_int_eq(read(process->counts, &counts, sizeof counts), sizeof counts);
    ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
    (void)close(process->counts);
    sum->served += counts.served;
    sum->told_to_wait += counts.told_to_wait;
    sum->refused += counts.refused;
    sum->others += counts.others;
}

/* ---- what it sends ---- */

static const char *const NAMES[FLOOD_KINDS] = {"licenses", "batches", "malformed", "lists",
                                               "fresh"};

const char *flood_kind_name(enum flood_kind kind)
{
    return NAMES[kind];
}

/* One body of all devices. */
static char *batch_of(const struct devices *devices)
{
    size_t size = sizeof "{\"licenses\":[]}";
    for (size_t i = 0; i < devices->count; i++)
        size += strlen(devices->bodies[i]) + 1;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    char *at = stpcpy(body, "{\"licenses\":[");
    for (size_t i = 0; i < devices->count; i++) {
        at = stpcpy(at, i > 0 ? "," : "");
        at = stpcpy(at, devices->bodies[i]);
    }
    (void)stpcpy(at, "]}");
    return body;
}

/* The reader finds out at the last byte. */
static char *malformed(void)
{
    char *body = malloc(FLOOD_MALFORMED_BYTES + 1);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', FLOOD_MALFORMED_BYTES);
    body[0] = '{';
    body[FLOOD_MALFORMED_BYTES - 1] = ']';
    body[FLOOD_MALFORMED_BYTES] = '\0';
    return body;
}

/* ret_single: a body that only this kind has; free it. */
static struct ammunition load(enum flood_kind kind, const struct devices *devices,
                              char **ret_single)
{
    switch (kind) {
    case FLOOD_BATCHES:
        *ret_single = batch_of(devices);
        return (struct ammunition){"/v1/licenses/batch", ret_single, 1};
    case FLOOD_MALFORMED:
        *ret_single = malformed();
        return (struct ammunition){"/v1/licenses", ret_single, 1};
    case FLOOD_LISTS:
        return (struct ammunition){.path = "/v1/installs?limit=256"};
    default:
        return (struct ammunition){"/v1/licenses", devices->bodies, devices->count};
    }
}

/* ---- the quiet ones ---- */

struct quiet {
    struct crowd *crowd;
    const struct devices *devices;
    size_t next_device;
    int64_t *due_us; /* of each station's next request, or of the one under way */
    size_t stations;
    int64_t pause_us;
    struct samples *samples;
    struct flood_result *result;
};

static void take_quiet(void *context, const struct crowd_answer *answer)
{
    struct quiet *quiet = context;
    int64_t now = clock_monotonic_us();
    quiet->result->quiet_refused += answer->status != 201;
    samples_add(quiet->samples, now - quiet->due_us[answer->member]);
    quiet->due_us[answer->member] += quiet->pause_us;
}

static void send_due(struct quiet *quiet)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < quiet->stations; i++) {
        if (quiet->due_us[i] > now || crowd_is_waiting(quiet->crowd, i) ||
            quiet->next_device == quiet->devices->count)
            continue;
        quiet->result->quiet_asked++;
        crowd_send(quiet->crowd, i, "/v1/licenses", quiet->devices->bodies[quiet->next_device++]);
    }
}

static void be_quiet(struct quiet *quiet, size_t round_ms, struct samples *samples)
{
    quiet->samples = samples;
    for (size_t i = 0; i < quiet->stations; i++)
        quiet->due_us[i] =
            clock_monotonic_us() + quiet->pause_us * (int64_t)i / (int64_t)quiet->stations;
    for (deadline_ms end = deadline_in((int64_t)round_ms); deadline_left_ms(end) > 0;) {
        send_due(quiet);
        crowd_drive(quiet->crowd, 1);
    }
    while (crowd_busy(quiet->crowd) > 0)
        crowd_drive(quiet->crowd, DRIVE_MS);
}

static void join_quiet(struct quiet *quiet, const struct stations *stations)
{
    for (size_t i = 0; i < quiet->stations; i++)
        crowd_join(quiet->crowd,
                   &(struct crowd_member){.certificate = pki_certificate(stations->list[i]),
                                          .key = pki_key(stations->list[i]),
                                          .address = (unsigned)i});
}

static size_t quiet_devices(const struct flood *flood)
{
    size_t ms = 2 * flood->round_ms + RISE_MS;
    return flood->rounds * flood->quiet_stations * (ms / flood->pause_ms + 3);
}

size_t flood_quota(const struct flood *flood)
{
    return quiet_devices(flood) + FLOOD_DEVICES;
}

/* Connects the quiet ones, so that no handshake is among their samples. */
static void warm_up(struct quiet *quiet)
{
    struct samples dropped = {0};
    be_quiet(quiet, (size_t)(quiet->pause_us / US_PER_MS), &dropped);
    samples_clear(&dropped);
}

static void take_turns(struct quiet *quiet, const struct flood *flood,
                       const struct flood_setting *setting)
{
    for (size_t i = 0; i < flood->rounds; i++) {
        int64_t begin_us = meter_cpu_us(setting->rig);
        be_quiet(quiet, flood->round_ms, &quiet->result->quiet);
        quiet->result->quiet_cpu_us += meter_cpu_us(setting->rig) - begin_us;
        struct flood_process flooder = start_flood(setting);
        be_quiet(quiet, RISE_MS, &quiet->result->rising);
        begin_us = meter_cpu_us(setting->rig);
        be_quiet(quiet, flood->round_ms, &quiet->result->flooded);
        quiet->result->flooded_cpu_us += meter_cpu_us(setting->rig) - begin_us;
        stop_flood(&flooder, &quiet->result->flooder);
    }
}

static void make_all(const struct rig *rig, const struct flood *flood, struct stations *stations,
                     struct devices *devices, struct devices *flood_devices)
{
    char prefix[32];
    const char *name = flood_kind_name(flood->kind);
    stations_enrol(rig, name, flood->quiet_stations + 1, stations);
    (void)snprintf(prefix, sizeof prefix, "quiet-%s", name);
    devices_make(rig, prefix, quiet_devices(flood), devices);
    (void)snprintf(prefix, sizeof prefix, "flood-%s", name);
    devices_make(rig, prefix, FLOOD_DEVICES, flood_devices);
}

static void run_quiet(const struct flood *flood, const struct flood_setting *setting,
                      const struct stations *stations, struct quiet *quiet)
{
    quiet->due_us = calloc(flood->quiet_stations, sizeof *quiet->due_us);
    ck_assert_ptr_nonnull(quiet->due_us);
    quiet->crowd = crowd_new(setting->rig->url, setting->rig->ca, take_quiet, quiet);
    join_quiet(quiet, stations);
    warm_up(quiet);
    take_turns(quiet, flood, setting);
    crowd_free(quiet->crowd);
    free(quiet->due_us);
}

void flood_run(const struct rig *rig, const struct flood *flood, struct flood_result *ret_result)
{
    struct stations stations;
    struct devices devices;
    struct devices flood_devices;
    char *single = NULL;
    *ret_result = (struct flood_result){0};
    make_all(rig, flood, &stations, &devices, &flood_devices);
    struct quiet quiet = {.devices = &devices,
                          .stations = flood->quiet_stations,
                          .pause_us = (int64_t)flood->pause_ms * US_PER_MS,
                          .result = ret_result};
    struct flood_setting setting = {.rig = rig,
                                    .station = stations.list[flood->quiet_stations],
                                    .ammunition = load(flood->kind, &flood_devices, &single),
                                    .is_fresh = flood->kind == FLOOD_FRESH,
                                    .connections = flood->connections};
    run_quiet(flood, &setting, &stations, &quiet);
    free(single);
    devices_clear(&devices);
    devices_clear(&flood_devices);
    stations_clear(&stations);
}

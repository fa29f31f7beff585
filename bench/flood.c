/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The flooder tells its counts through a pipe when it is told to stop. */
#include "flood.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"
#include "crowd.h"
#include "stations.h"

#define FLOOD_DEVICES   64 /* licensed once, then asked for again and again */
#define FLOOD_NICE      10
#define RISE_MS         1500 /* until the flood has risen */
#define FLOODER_ADDRESS 60000
#define DRIVE_MS        5
#define US_PER_MS       1000

/* ---- the flooder ---- */

struct flooder {
    struct crowd *crowd;
    const struct devices *devices;
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
    size_t device = flooder->next++ % flooder->devices->count;
    crowd_send(flooder->crowd, connection, "/v1/licenses", flooder->devices->bodies[device]);
}

static void take_flood(void *context, const struct crowd_answer *answer)
{
    struct flooder *flooder = context;
    switch (answer->status) {
    case 200:
    case 201:
        flooder->counts.licenses++;
        break;
    case 429:
    case 503:
        flooder->counts.told_to_wait++;
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
    const struct devices *devices;
    size_t connections;
};

static void be_flooder(const struct flood_setting *setting, int counts)
{
    struct flooder flooder = {.devices = setting->devices};
    (void)nice(FLOOD_NICE);
    flooder.crowd = crowd_new(setting->rig->url, setting->rig->ca, take_flood, &flooder);
    for (size_t i = 0; i < setting->connections; i++) {
        crowd_join(flooder.crowd,
                   &(struct crowd_member){.certificate = pki_certificate(setting->station),
                                          .key = pki_key(setting->station),
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
    sum->licenses += counts.licenses;
    sum->told_to_wait += counts.told_to_wait;
    sum->others += counts.others;
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
        be_quiet(quiet, flood->round_ms, &quiet->result->quiet);
        struct flood_process flooder = start_flood(setting);
        be_quiet(quiet, RISE_MS, &quiet->result->rising);
        be_quiet(quiet, flood->round_ms, &quiet->result->flooded);
        stop_flood(&flooder, &quiet->result->flooder);
    }
}

void flood_run(const struct rig *rig, const struct flood *flood, struct flood_result *ret_result)
{
    struct stations stations;
    struct devices devices;
    struct devices flood_devices;
    *ret_result = (struct flood_result){0};
    stations_enrol(rig, "flood", flood->quiet_stations + 1, &stations);
    devices_make(rig, "quiet", quiet_devices(flood), &devices);
    devices_make(rig, "flooded", FLOOD_DEVICES, &flood_devices);
    struct quiet quiet = {.devices = &devices,
                          .stations = flood->quiet_stations,
                          .pause_us = (int64_t)flood->pause_ms * US_PER_MS,
                          .result = ret_result};
    struct flood_setting setting = {.rig = rig,
                                    .station = stations.list[flood->quiet_stations],
                                    .devices = &flood_devices,
                                    .connections = flood->connections};
    quiet.due_us = calloc(flood->quiet_stations, sizeof *quiet.due_us);
    ck_assert_ptr_nonnull(quiet.due_us);
    quiet.crowd = crowd_new(rig->url, rig->ca, take_quiet, &quiet);
    join_quiet(&quiet, &stations);
    warm_up(&quiet);
    take_turns(&quiet, flood, &setting);
    crowd_free(quiet.crowd);
    free(quiet.due_us);
    devices_clear(&devices);
    devices_clear(&flood_devices);
    stations_clear(&stations);
}

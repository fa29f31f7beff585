/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Three phases over one crowd: connect, license, ask again. */
#include "many.h"

#include <stdlib.h>

#include <check.h>

#include "core/clock.h"
#include "crowd.h"
#include "meter.h"
#include "stations.h"

#define ASKING_MAX     128 /* at the same time, when all are asked */
#define DRIVE_MS       50
#define ACTIVE_EACH    4 /* every fourth station works */
#define FIRST_PATH     "/v1/products/rig-gateway/usage"
#define OK             200
#define CREATED        201
#define TOO_MANY       429
#define UNAVAILABLE    503
#define RETRY_AFTER_US 1000000

/* What a station asks, until it has an answer that is not "later". */
struct question {
    const char *path;
    const char *body;
    int64_t asked_us;
    int64_t again_us; /* when to ask again; 0: there is nothing to ask */
};

struct run {
    struct crowd *crowd;
    const struct devices *devices;
    size_t next_device;
    bool is_connected; /* every answer from now on belongs to an old connection */
    bool is_licensing;
    size_t stations;
    size_t waiting; /* stations that will ask again */
    struct question *questions;
    struct many_result *result;
};

static void ask(struct run *run, size_t member, const char *path, const char *body)
{
    run->questions[member] =
        (struct question){.path = path, .body = body, .asked_us = clock_monotonic_us()};
    crowd_send(run->crowd, member, path, body);
}

static void send_next(struct run *run, size_t member)
{
    if (run->next_device < run->devices->count)
        ask(run, member, "/v1/licenses", run->devices->bodies[run->next_device++]);
}

static void wait_a_little(struct run *run, size_t member)
{
    run->questions[member].again_us = clock_monotonic_us() + RETRY_AFTER_US;
    run->waiting++;
    run->result->waits++;
}

static void count(struct run *run, const struct crowd_answer *answer)
{
    if (answer->status != (run->is_licensing ? CREATED : OK)) {
        run->result->refused++;
        run->result->refusal = answer->status;
    } else if (run->is_licensing) {
        run->result->licensed++;
        samples_add(&run->result->licenses,
                    clock_monotonic_us() - run->questions[answer->member].asked_us);
    }
}

static void take(void *context, const struct crowd_answer *answer)
{
    struct run *run = context;
    run->result->reconnects += run->is_connected && answer->is_connection_new;
    if (answer->status == TOO_MANY || answer->status == UNAVAILABLE) {
        wait_a_little(run, answer->member);
        return;
    }
    count(run, answer);
    if (run->is_licensing)
        send_next(run, answer->member);
}

static void ask_again(struct run *run)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < run->stations && run->waiting > 0; i++) {
        struct question *question = &run->questions[i];
        if (question->again_us == 0 || question->again_us > now)
            continue;
        question->again_us = 0;
        run->waiting--;
        crowd_send(run->crowd, i, question->path, question->body);
    }
}

static void drive(struct run *run)
{
    ask_again(run);
    crowd_drive(run->crowd, DRIVE_MS);
}

static void drive_to_end(struct run *run)
{
    while (crowd_busy(run->crowd) > 0 || run->waiting > 0)
        drive(run);
}

/* A handshake has a deadline on the server, and this one thread does all of the clients' halves. */
static void ask_all(struct run *run)
{
    for (size_t i = 0; i < run->stations; i++) {
        while (crowd_busy(run->crowd) >= ASKING_MAX)
            drive(run);
        ask(run, i, FIRST_PATH, NULL);
    }
    drive_to_end(run);
}

static void join_all(struct run *run, const struct stations *stations)
{
    for (size_t i = 0; i < stations->count; i++)
        crowd_join(run->crowd,
                   &(struct crowd_member){.certificate = pki_certificate(stations->list[i]),
                                          .key = pki_key(stations->list[i]),
                                          .address = (unsigned)i});
}

static void license(struct run *run, const struct rig *rig)
{
    int64_t cpu_us = meter_cpu_us(rig);
    int64_t start_us = clock_monotonic_us();
    run->is_licensing = true;
    for (size_t i = 0; i < run->stations; i += ACTIVE_EACH)
        send_next(run, i);
    drive_to_end(run);
    run->result->license_us = clock_monotonic_us() - start_us;
    run->result->server_cpu_us = meter_cpu_us(rig) - cpu_us;
    run->is_licensing = false;
}

void many_run(const struct rig *rig, const struct many *many, struct many_result *ret_result)
{
    struct stations stations;
    struct devices devices;
    size_t active = (many->stations + ACTIVE_EACH - 1) / ACTIVE_EACH;
    *ret_result = (struct many_result){.active = active};
    stations_enrol(rig, "crowd", many->stations, &stations);
    devices_make(rig, "crowd", active * many->devices_each, &devices);
    struct run run = {.devices = &devices, .stations = many->stations, .result = ret_result};
    run.questions = calloc(many->stations, sizeof *run.questions);
    ck_assert_ptr_nonnull(run.questions);
    run.crowd = crowd_new(rig->url, rig->ca, take, &run);
    join_all(&run, &stations);
    int64_t start_us = clock_monotonic_us();
    ask_all(&run);
    ret_result->connect_us = clock_monotonic_us() - start_us;
    run.is_connected = true;
    license(&run, rig);
    ask_all(&run);
    crowd_free(run.crowd);
    free(run.questions);
    devices_clear(&devices);
    stations_clear(&stations);
}

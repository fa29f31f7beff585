/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One thread drives all stations. */
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"
#include "crowd.h"
#include "meter.h"

#define DRIVE_MS    10
#define US_PER_S    1e6
#define OK          200
#define TOO_MANY    429
#define UNAVAILABLE 503
#define LATER_US    1000000
#define CREATED     201
#define HEAD        "{\"licenses\":["
#define TAIL        "]}"

/* What a station asked for, and when it asks again, because it was told to: 0: never. */
struct question {
    const char *body;
    int64_t again_us;
};

struct run {
    const struct serve *serve;
    struct question *questions;
    size_t late; /* stations that will ask again */
    struct crowd *crowd;
    char **bodies; /* of the requests, each of serve->batch devices */
    size_t count;
    size_t next;
    struct serve_result *result;
};

/* ---- the bodies, made before anything is measured ---- */

static char *join_bodies(const struct devices *devices, size_t first, size_t count)
{
    size_t size = sizeof HEAD + sizeof TAIL;
    for (size_t i = first; i < first + count; i++)
        size += strlen(devices->bodies[i]) + 1;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    char *at = stpcpy(body, HEAD);
    for (size_t i = first; i < first + count; i++) {
        at = stpcpy(at, i > first ? "," : "");
        at = stpcpy(at, devices->bodies[i]);
    }
    (void)stpcpy(at, TAIL);
    return body;
}

static void make_bodies(struct run *run)
{
    const struct serve *serve = run->serve;
    run->count = serve->devices->count / serve->batch;
    run->bodies = calloc(run->count, sizeof *run->bodies);
    ck_assert_ptr_nonnull(run->bodies);
    for (size_t i = 0; i < run->count; i++)
        run->bodies[i] = serve->batch > 1
                             ? join_bodies(serve->devices, i * serve->batch, serve->batch)
                             : strdup(serve->devices->bodies[i]);
}

static void free_bodies(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        free(run->bodies[i]);
    free(run->bodies);
}

/* ---- the stations ---- */

static void ask(struct run *run, size_t member)
{
    const char *path = run->serve->batch > 1 ? "/v1/licenses/batch" : "/v1/licenses";
    run->questions[member].again_us = 0;
    crowd_send(run->crowd, member, path, run->questions[member].body);
}

static void send_next(struct run *run, size_t member)
{
    if (run->next == run->count)
        return;
    run->questions[member].body = run->bodies[run->next++];
    ask(run, member);
}

static void ask_later(struct run *run, size_t member)
{
    run->questions[member].again_us = clock_monotonic_us() + LATER_US;
    run->late++;
    run->result->waits++;
}

static void ask_again(struct run *run)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < run->serve->stations->count && run->late > 0; i++) {
        if (run->questions[i].again_us == 0 || run->questions[i].again_us > now)
            continue;
        run->late--;
        ask(run, i);
    }
}

static size_t count_words(const char *body, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(body, word); at != NULL; at = strstr(at + 1, word))
        count++;
    return count;
}

/* Told to wait: as a whole, or some devices of a batch, which has the licenses of the others when
 * it is asked for again. */
static bool is_late(const struct run *run, const struct crowd_answer *answer)
{
    if (answer->status == TOO_MANY || answer->status == UNAVAILABLE)
        return true;
    size_t retryable = count_words(answer->body, "\"retryable\":true");
    return retryable > 0 &&
           count_words(answer->body, "\"license_id\"") + retryable == run->serve->batch;
}

static void take(void *context, const struct crowd_answer *answer)
{
    struct run *run = context;
    if (run->result == NULL) { /* only a connection */
        ck_assert_int_eq(answer->status, OK);
        return;
    }
    if (is_late(run, answer)) {
        ask_later(run, answer->member);
        return;
    }
    ck_assert_msg(answer->status == (run->serve->batch > 1 ? OK : CREATED), "%ld %s",
                  answer->status, answer->body);
    ck_assert_uint_eq(count_words(answer->body, "\"license_id\""), run->serve->batch);
    run->result->licensed += run->serve->batch;
    samples_add(&run->result->requests, answer->took_us);
    const struct serve *serve = run->serve;
    if (serve->look != NULL && !serve->look(serve->look_context, run->result->licensed))
        run->next = run->count;
    send_next(run, answer->member);
}

static void drive_to_end(struct run *run)
{
    while (crowd_busy(run->crowd) > 0 || run->late > 0) {
        crowd_drive(run->crowd, DRIVE_MS);
        ask_again(run);
    }
}

static void connect_all(struct run *run)
{
    const struct stations *stations = run->serve->stations;
    for (size_t i = 0; i < stations->count; i++) {
        crowd_join(run->crowd,
                   &(struct crowd_member){.certificate = pki_certificate(stations->list[i]),
                                          .key = pki_key(stations->list[i]),
                                          .address = (unsigned)i});
        crowd_send(run->crowd, i, "/v1/self", NULL);
    }
    drive_to_end(run);
}

void serve_run(const struct serve *serve, struct serve_result *ret_result)
{
    struct run run = {.serve = serve};
    *ret_result = (struct serve_result){0};
    make_bodies(&run);
    run.questions = calloc(serve->stations->count, sizeof *run.questions);
    ck_assert_ptr_nonnull(run.questions);
    run.crowd = crowd_new(serve->rig->url, serve->rig->ca, take, &run);
    connect_all(&run);
    run.result = ret_result;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ret_result->cpu_us[i] = -meter_program_cpu_us(serve->rig, (enum rig_program)i);
    int64_t begin_us = clock_monotonic_us();
    for (size_t i = 0; i < serve->stations->count; i++)
        send_next(&run, i);
    drive_to_end(&run);
    ret_result->took_us = clock_monotonic_us() - begin_us;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        ret_result->cpu_us[i] += meter_program_cpu_us(serve->rig, (enum rig_program)i);
    crowd_free(run.crowd);
    free(run.questions);
    free_bodies(&run);
}

int64_t serve_cpu_us(const struct serve_result *result)
{
    int64_t sum = 0;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        sum += result->cpu_us[i];
    return sum;
}

double serve_cpu_each_us(const struct serve_result *result)
{
    return (double)serve_cpu_us(result) / (double)result->licensed;
}

double serve_per_s(const struct serve_result *result)
{
    return (double)result->licensed * US_PER_S / (double)result->took_us;
}

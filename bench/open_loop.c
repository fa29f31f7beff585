/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Three queues in fixed order: what is to come, what is to be asked again, and free stations. */
#include "open_loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include <check.h>

#include "arrivals.h"
#include "core/clock.h"
#include "crowd.h"

#define LATER_US    1000000
#define IDLE_US     1000000
#define OK          200
#define CREATED     201
#define TOO_MANY    429
#define UNAVAILABLE 503

struct again {
    size_t request;
    int64_t at_us;
};

struct run {
    const struct open_loop *loop;
    struct crowd *crowd;
    bool is_begun;
    int64_t *due_us;
    size_t next;        /* the request that comes next */
    struct again *late; /* those to be asked again, the soonest first: a ring */
    size_t late_first;
    size_t late_count;
    size_t *under_way; /* each station's request */
    size_t *free;      /* stations, as a stack */
    size_t free_count;
    struct open_loop_result *result;
};

/* ---- answers ---- */

static void ask_later(struct run *run, size_t request)
{
    size_t room = run->loop->devices->count;
    run->late[(run->late_first + run->late_count++) % room] =
        (struct again){request, clock_monotonic_us() + LATER_US};
    run->result->waits++;
}

static void take(void *context, const struct crowd_answer *answer)
{
    struct run *run = context;
    size_t request = run->under_way[answer->member];
    run->free[run->free_count++] = answer->member;
    if (!run->is_begun) {
        ck_assert_int_eq(answer->status, OK);
    } else if (answer->status == TOO_MANY || answer->status == UNAVAILABLE) {
        ask_later(run, request);
    } else {
        ck_assert_msg(answer->status == CREATED, "%ld %s", answer->status, answer->body);
        samples_add(&run->result->samples, clock_monotonic_us() - run->due_us[request]);
    }
}

/* ---- requests ---- */

static void send(struct run *run, size_t request)
{
    size_t station = run->free[--run->free_count];
    run->under_way[station] = request;
    crowd_send(run->crowd, station, "/v1/licenses", run->loop->devices->bodies[request]);
}

/* When the next request is due; far away when there is none. */
static int64_t next_due_us(const struct run *run)
{
    int64_t due_us = clock_monotonic_us() + IDLE_US;
    if (run->next < run->loop->devices->count && run->due_us[run->next] < due_us)
        due_us = run->due_us[run->next];
    if (run->late_count > 0 && run->late[run->late_first].at_us < due_us)
        due_us = run->late[run->late_first].at_us;
    return due_us;
}

/* What is due, as long as a station is free. */
static void send_due(struct run *run)
{
    size_t count = run->loop->devices->count;
    int64_t now = clock_monotonic_us();
    while (run->free_count > 0 && run->late_count > 0 && run->late[run->late_first].at_us <= now) {
        send(run, run->late[run->late_first].request);
        run->late_first = (run->late_first + 1) % count;
        run->late_count--;
    }
    while (run->free_count > 0 && run->next < count && run->due_us[run->next] <= now)
        send(run, run->next++);
}

static void drive(struct run *run)
{
    send_due(run);
    /* Without a free station only an answer helps. */
    crowd_drive_until(run->crowd,
                      run->free_count > 0 ? next_due_us(run) : clock_monotonic_us() + IDLE_US);
}

static bool is_over(const struct run *run)
{
    return run->next == run->loop->devices->count && run->late_count == 0 &&
           crowd_busy(run->crowd) == 0;
}

/* ---- the run ---- */

static void connect_all(struct run *run)
{
    const struct stations *stations = run->loop->stations;
    for (size_t i = 0; i < stations->count; i++) {
        crowd_join(run->crowd,
                   &(struct crowd_member){.certificate = pki_certificate(stations->list[i]),
                                          .key = pki_key(stations->list[i]),
                                          .address = (unsigned)i});
        crowd_send(run->crowd, i, "/v1/self", NULL);
    }
    while (crowd_busy(run->crowd) > 0)
        crowd_drive_until(run->crowd, clock_monotonic_us() + IDLE_US);
}

static void make(struct run *run)
{
    size_t count = run->loop->devices->count;
    size_t stations = run->loop->stations->count;
    run->due_us = arrivals_make(count, run->loop->per_s);
    run->late = calloc(count, sizeof *run->late);
    run->under_way = calloc(stations, sizeof *run->under_way);
    run->free = calloc(stations, sizeof *run->free);
    ck_assert(run->late != NULL && run->under_way != NULL && run->free != NULL);
    run->crowd = crowd_new(run->loop->rig->url, run->loop->rig->ca, take, run);
}

static void clear(struct run *run)
{
    crowd_free(run->crowd);
    free(run->due_us);
    free(run->late);
    free(run->under_way);
    free(run->free);
}

void open_loop_run(const struct open_loop *loop, struct open_loop_result *ret_result)
{
    struct run run = {.loop = loop, .result = ret_result};
    *ret_result = (struct open_loop_result){0};
    make(&run);
    connect_all(&run);
    run.is_begun = true;
    int64_t begin_us = clock_monotonic_us();
    for (size_t i = 0; i < loop->devices->count; i++)
        run.due_us[i] += begin_us;
    while (!is_over(&run))
        drive(&run);
    ret_result->took_us = clock_monotonic_us() - begin_us;
    clear(&run);
}

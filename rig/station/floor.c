/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Bench threads over one queue of seats. */
#include "rig/station/floor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/queue.h"
#include "rig/station/control.h"

#define QUEUE_LOOK_MS 60000 /* a closed queue and a stop wake everybody at once */

struct bench_thread {
    struct station_floor *floor;
    struct station_bench bench;
    pthread_t thread;
};

struct station_floor {
    struct station_shared shared;
    struct station_memory *memory;
    struct queue *seats;
    int done_fd;
    atomic_uint benches_left;
    atomic_ulong ends[STATION_ENDS];
    unsigned bench_count;
    struct bench_thread benches[STATION_SOCKETS_MAX];
};

static void *run_bench(void *context)
{
    struct bench_thread *bench = context;
    struct station_floor *floor = bench->floor;
    struct station_seat *seat = NULL;
    const uint64_t one = 1;
    while (!station_control_is_stopping()) {
        seat = queue_pop(floor->seats, deadline_in(QUEUE_LOOK_MS));
        if (seat == NULL && queue_is_closed(floor->seats))
            break;
        if (seat == NULL)
            continue;
        atomic_fetch_add(&floor->ends[station_install_chip(&bench->bench, seat)], 1);
        free(seat);
    }
    if (atomic_fetch_sub(&floor->benches_left, 1) == 1)
        (void)!write(floor->done_fd, &one, sizeof one);
    return NULL;
}

static enum error start_bench(struct station_floor *floor, const struct station_options *options,
                              struct fault *fault)
{
    struct bench_thread *bench = &floor->benches[floor->bench_count];
    bench->floor = floor;
    bench->bench =
        (struct station_bench){.shared = &floor->shared, .number = floor->bench_count + 1};
    enum error e = station_rest_new(&options->rest, &bench->bench.rest, fault);
    if (e != ERR_OK)
        return e;
    if (pthread_create(&bench->thread, NULL, run_bench, bench) != 0) {
        station_rest_free(bench->bench.rest);
        return fault_set(fault, ERR_INTERNAL, "thread", "A thread cannot be started.", 0);
    }
    floor->bench_count++;
    return ERR_OK;
}

/* A download may take as long as its retries; who waits for it waits a little longer. */
static enum error open_stores(struct station_floor *floor, const struct station_options *options,
                              struct fault *fault)
{
    enum error e = station_memory_open(options->work, &floor->memory, fault);
    if (e != ERR_OK)
        return e;
    floor->shared.memory = floor->memory;
    floor->done_fd = eventfd(0, EFD_CLOEXEC);
    if (station_images_new(floor->memory, options->rest.retry_ms + 30000, &floor->shared.images) !=
            ERR_OK ||
        queue_new(STATION_SEATS_MAX, &floor->seats) != ERR_OK || floor->done_fd < 0)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is no memory.", 0);
    return ERR_OK;
}

enum error station_floor_new(const struct station_options *options,
                             struct station_floor **ret_floor, struct fault *fault)
{
    struct station_tally tally;
    struct station_floor *floor = calloc(1, sizeof *floor);
    if (floor == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is no memory.", 0);
    floor->shared.product = options->product;
    floor->shared.tries = options->tries;
    floor->shared.has_image = options->has_image;
    floor->shared.image = options->image;
    floor->done_fd = -1;
    (void)pthread_mutex_init(&floor->shared.lock, NULL);
    enum error e = open_stores(floor, options, fault);
    atomic_store(&floor->benches_left, options->sockets);
    for (unsigned i = 0; e == ERR_OK && i < options->sockets; i++)
        e = start_bench(floor, options, fault);
    if (e != ERR_OK) {
        station_floor_free(floor, &tally);
        return e;
    }
    *ret_floor = floor;
    return ERR_OK;
}

bool station_floor_seat(struct station_floor *floor, const struct station_seat *seat)
{
    struct station_seat *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return false;
    *copy = *seat;
    if (queue_push(floor->seats, copy))
        return true;
    free(copy);
    return false;
}

void station_floor_close(struct station_floor *floor)
{
    queue_close(floor->seats);
}

int station_floor_fd(const struct station_floor *floor)
{
    return floor->done_fd;
}

void station_floor_free(struct station_floor *floor, struct station_tally *ret_tally)
{
    struct station_seat *seat = NULL;
    if (floor->seats != NULL)
        queue_close(floor->seats);
    for (unsigned i = 0; i < floor->bench_count; i++) {
        (void)pthread_join(floor->benches[i].thread, NULL);
        station_rest_free(floor->benches[i].bench.rest);
    }
    for (size_t i = 0; i < STATION_ENDS; i++)
        ret_tally->ends[i] = atomic_load(&floor->ends[i]);
    while (floor->seats != NULL && (seat = queue_try_pop(floor->seats)) != NULL)
        free(seat);
    queue_free(floor->seats);
    station_images_free(floor->shared.images);
    station_memory_free(floor->memory);
    if (floor->done_fd >= 0)
        (void)close(floor->done_fd);
    (void)pthread_mutex_destroy(&floor->shared.lock);
    free(floor);
}

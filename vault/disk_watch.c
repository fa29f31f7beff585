/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The watching thread; `lock` guards is_ending. */
#include "vault/disk_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"

#define LOOK_INTERVAL_MS 1000
#define BYTES_PER_MIB    (INT64_C(1024) * 1024)

struct disk_watch {
    struct ledger *ledger;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    bool is_ending;
};

const char *disk_word(enum ledger_room_state state)
{
    switch (state) {
    case LEDGER_ROOM_LOW:
        return "disk-low";
    case LEDGER_ROOM_SPENT:
        return LEDGER_DISK_NEARLY_FULL;
    default:
        return "ok";
    }
}

enum error disk_fault(struct ledger *ledger, struct fault *fault)
{
    struct ledger_room room;
    ledger_room(ledger, &room);
    if (room.state == LEDGER_ROOM_SPENT)
        return ledger_room_fault(fault);
    if (room.state == LEDGER_ROOM_LOW)
        return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "disk-low",
                         "The ledger's disk has less room than twice vault.disk_reserve_mb: make "
                         "room there before new licenses stop.",
                         0);
    return ERR_OK;
}

static void tell(const struct ledger_room *room)
{
    log_event(room->state == LEDGER_ROOM_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "ledger-disk",
              LOG_TEXT("state", disk_word(room->state)),
              LOG_NUMBER("free_mib", room->free_bytes / BYTES_PER_MIB),
              LOG_NUMBER("reserve_mib", room->reserve_bytes / BYTES_PER_MIB));
}

static bool sleep_until_next(struct disk_watch *watch)
{
    struct timespec until = deadline_timespec(deadline_in(LOOK_INTERVAL_MS));
    (void)pthread_mutex_lock(&watch->lock);
    if (!watch->is_ending)
        (void)pthread_cond_clockwait(&watch->has_ended, &watch->lock, CLOCK_MONOTONIC, &until);
    bool is_ending = watch->is_ending;
    (void)pthread_mutex_unlock(&watch->lock);
    return !is_ending;
}

static void *watch_main(void *argument)
{
    struct disk_watch *watch = argument;
    enum ledger_room_state told = LEDGER_ROOM_OK;
    do {
        struct ledger_room room;
        ledger_room(watch->ledger, &room);
        if (room.state != told)
            tell(&room);
        told = room.state;
    } while (sleep_until_next(watch));
    return NULL;
}

enum error disk_watch_new(struct ledger *ledger, struct disk_watch **ret_watch)
{
    struct disk_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return ERR_INTERNAL;
    watch->ledger = ledger;
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_cond_init(&watch->has_ended, NULL);
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
        free(watch);
        return ERR_INTERNAL;
    }
    *ret_watch = watch;
    return ERR_OK;
}

void disk_watch_free(struct disk_watch *watch)
{
    if (watch == NULL)
        return;
    (void)pthread_mutex_lock(&watch->lock);
    watch->is_ending = true;
    (void)pthread_cond_signal(&watch->has_ended);
    (void)pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    (void)pthread_mutex_destroy(&watch->lock);
    (void)pthread_cond_destroy(&watch->has_ended);
    free(watch);
}

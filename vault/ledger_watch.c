/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The watching thread; `lock` guards is_ending. */
#include "vault/ledger_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"

#define LOOK_INTERVAL_MS 1000
#define BYTES_PER_MIB    (INT64_C(1024) * 1024)
#define MS_PER_S         1000

struct ledger_watch {
    struct ledger *ledger;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    bool is_ending;
};

const char *ledger_watch_room(enum ledger_room_state state)
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

static bool is_set_back(int64_t behind_ms)
{
    return behind_ms > LEDGER_CLOCK_TOLERANCE_MS;
}

enum error ledger_watch_fault(struct ledger *ledger, struct fault *fault)
{
    struct ledger_room room;
    if (is_set_back(ledger_behind_ms(ledger)))
        return ledger_clock_fault(fault);
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

static void tell_room(const struct ledger_room *room)
{
    log_event(room->state == LEDGER_ROOM_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "ledger-disk",
              LOG_TEXT("state", ledger_watch_room(room->state)),
              LOG_NUMBER("free_mib", room->free_bytes / BYTES_PER_MIB),
              LOG_NUMBER("reserve_mib", room->reserve_bytes / BYTES_PER_MIB));
}

static void tell_clock(int64_t behind_ms)
{
    struct fault fault = {0};
    if (!is_set_back(behind_ms)) {
        log_event(LOG_LEVEL_INFO, "clock-right", LOG_TEXT("detail", "Licenses are issued again."));
        return;
    }
    (void)ledger_clock_fault(&fault);
    log_event(LOG_LEVEL_ERROR, fault.reason, LOG_NUMBER("behind_s", behind_ms / MS_PER_S),
              LOG_TEXT("detail", fault.detail));
}

static bool sleep_until_next(struct ledger_watch *watch)
{
    struct timespec until = deadline_timespec(deadline_in(LOOK_INTERVAL_MS));
    (void)pthread_mutex_lock(&watch->lock);
    if (!watch->is_ending)
        (void)pthread_cond_clockwait(&watch->has_ended, &watch->lock, CLOCK_MONOTONIC, &until);
    bool is_ending = watch->is_ending;
    (void)pthread_mutex_unlock(&watch->lock);
    return !is_ending;
}

/* What the log says already. */
struct told {
    enum ledger_room_state room;
    bool is_set_back;
};

static void look(struct ledger *ledger, struct told *told)
{
    struct ledger_room room;
    int64_t behind_ms = ledger_behind_ms(ledger);
    ledger_room(ledger, &room);
    if (room.state != told->room)
        tell_room(&room);
    if (is_set_back(behind_ms) != told->is_set_back)
        tell_clock(behind_ms);
    *told = (struct told){room.state, is_set_back(behind_ms)};
}

static void *watch_main(void *argument)
{
    struct ledger_watch *watch = argument;
    struct told told = {LEDGER_ROOM_OK, false};
    do {
        look(watch->ledger, &told);
    } while (sleep_until_next(watch));
    return NULL;
}

enum error ledger_watch_new(struct ledger *ledger, struct ledger_watch **ret_watch)
{
    struct ledger_watch *watch = calloc(1, sizeof *watch);
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

void ledger_watch_free(struct ledger_watch *watch)
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

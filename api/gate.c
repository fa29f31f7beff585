/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Counters under one lock. */
#include "api/gate.h"

#include <assert.h>
#include <time.h>

void gate_init(struct gate *gate)
{
    *gate = (struct gate){0};
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_cond_init(&gate->has_left, NULL);
}

void gate_clear(struct gate *gate)
{
    (void)pthread_mutex_destroy(&gate->lock);
    (void)pthread_cond_destroy(&gate->has_left);
}

void gate_enter(struct gate *gate, enum gate_count count)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->counts[count]++;
    (void)pthread_mutex_unlock(&gate->lock);
}

void gate_leave(struct gate *gate, enum gate_count count)
{
    (void)pthread_mutex_lock(&gate->lock);
    assert(gate->counts[count] > 0);
    if (--gate->counts[count] == 0)
        (void)pthread_cond_broadcast(&gate->has_left);
    (void)pthread_mutex_unlock(&gate->lock);
}

bool gate_enter_question(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    bool is_open = !gate->is_shut;
    if (is_open) {
        gate->counts[GATE_SENDING]++;
        gate->counts[GATE_WAITING]++;
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return is_open;
}

void gate_shut(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->is_shut = true;
    (void)pthread_mutex_unlock(&gate->lock);
}

bool gate_is_shut(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    bool is_shut = gate->is_shut;
    (void)pthread_mutex_unlock(&gate->lock);
    return is_shut;
}

unsigned gate_count(struct gate *gate, enum gate_count count)
{
    (void)pthread_mutex_lock(&gate->lock);
    unsigned now = gate->counts[count];
    (void)pthread_mutex_unlock(&gate->lock);
    return now;
}

bool gate_wait(struct gate *gate, enum gate_count count, deadline_ms deadline)
{
    const struct timespec until = deadline_timespec(deadline);
    int rc = 0;
    (void)pthread_mutex_lock(&gate->lock);
    while (gate->counts[count] > 0 && rc == 0)
        rc = pthread_cond_clockwait(&gate->has_left, &gate->lock, CLOCK_MONOTONIC, &until);
    bool is_zero = gate->counts[count] == 0;
    (void)pthread_mutex_unlock(&gate->lock);
    return is_zero;
}

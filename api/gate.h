/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is under way, so that a stop can wait for it: requests between their first and last
 * callback, threads inside a send to the vault, and questions that wait for its answer.
 *
 * After gate_shut no question begins. Threads: safe from any thread; gate_clear when nothing is
 * under way any more.
 */
#ifndef API_GATE_H
#define API_GATE_H

#include <pthread.h>
#include <stdbool.h>

#include "core/clock.h"
#include "core/error.h"

enum gate_count { GATE_REQUESTS, GATE_SENDING, GATE_WAITING, GATE_COUNTS };

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t has_left;
    bool is_shut; /* guarded by lock, as the counts */
    unsigned counts[GATE_COUNTS];
};

void gate_init(struct gate *gate);
void gate_clear(struct gate *gate);

void gate_enter(struct gate *gate, enum gate_count count);
void gate_leave(struct gate *gate, enum gate_count count);

/* Enters sending and waiting together; false, with nothing entered, when the gate is shut. */
bool gate_enter_question(struct gate *gate) MUST_USE;
void gate_shut(struct gate *gate);
bool gate_is_shut(struct gate *gate);
unsigned gate_count(struct gate *gate, enum gate_count count);

/* Waits until the count is 0 or the deadline passes; true when it is 0. */
bool gate_wait(struct gate *gate, enum gate_count count, deadline_ms deadline);

#endif

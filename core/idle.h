/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that wait for something to do, of which the one that began to wait last is called first:
 * its stack and memory are still in the processor's cache, while those that are not needed sleep
 * on.
 *
 * A part of whatever the threads wait at: its lock guards all of this, and is held for each call
 * but idle_call, which comes after the lock was given back, so that whoever is woken does not run
 * into it. Threads: as said.
 */
#ifndef CORE_IDLE_H
#define CORE_IDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/clock.h"
#include "core/error.h"

struct idle;
struct idle_thread;

/* For at most threads threads at a time; ERR_INTERNAL when memory is out. */
enum error idle_new(size_t threads, struct idle **ret_idle) MUST_USE;
/* When no thread waits. NULL is allowed. */
void idle_free(struct idle *idle);

/* A thread begins to wait, waits until it is called or the deadline passes (false), as often as it
 * likes, and leaves. It may wake for nothing. */
struct idle_thread *idle_enter(struct idle *idle) MUST_USE;
bool idle_wait(struct idle *idle, struct idle_thread *thread, pthread_mutex_t *lock,
               deadline_ms deadline) MUST_USE;
void idle_leave(struct idle *idle, struct idle_thread *thread);

/* Whom to call, or NULL: nobody waits. */
struct idle_thread *idle_next(struct idle *idle) MUST_USE;
/* NULL is allowed. */
void idle_call(struct idle_thread *thread);
void idle_call_all(struct idle *idle);

#endif

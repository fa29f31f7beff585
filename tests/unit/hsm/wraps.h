/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One device and one session key for it: wraps that are opened and compared each time, one by one
 * or from several threads. There is one set per test program; wraps_make comes first.
 */
#ifndef TESTS_UNIT_HSM_WRAPS_H
#define TESTS_UNIT_HSM_WRAPS_H

#include <pthread.h>
#include <stdatomic.h>

#include "device_key.h"
#include "hsm_rig.h"

#define LOAD_THREADS 4

/* The device; nothing runs yet. The rig is borrowed. */
void wraps_make(struct hsm_rig *rig);
void wraps_free(void);

/* Starts the rig's master, waits for its workers, makes the keys and learns the session key. */
void wraps_serve(void);
/* Only the keys, for a master that runs. */
void wraps_make_keys(void);
/* The device and its keys, for what a test does beside wraps. */
struct device_key *wraps_device(void);
const struct rig_keys *wraps_keys(void);

/* One wrap. An answer that is given must open to the session key. */
enum error wraps_try(struct fault *fault);
/* One that must be answered. */
void wraps_do(void);
/* Whether these bytes are the session key. */
void wraps_check_key(const uint8_t *bytes);

/* Wraps from LOAD_THREADS threads until load_stop. */
struct load {
    atomic_bool is_over;
    atomic_uint done;
    atomic_uint failed; /* without an answer; one that opens to something else fails the test */
    pthread_t threads[LOAD_THREADS];
};
void load_start(struct load *load);
void load_stop(struct load *load);
/* Until so many are done, or one has failed. */
void load_await(struct load *load, unsigned done);

#endif

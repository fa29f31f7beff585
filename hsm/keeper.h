/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A keeper: the thread that keeps one worker alive and gives it jobs. Internal to hsm/.
 *
 * It starts its worker, hands it jobs, waits for each answer until the call's deadline, kills and
 * replaces a worker that hangs, crashes or says that its session is lost, asks it once a
 * second whether the token is still there, and recycles it after so many calls or when it has
 * grown. The keepers write the log of the workers' lives.
 */
#ifndef HSM_KEEPER_H
#define HSM_KEEPER_H

#include "config/config.h"
#include "core/error.h"
#include "core/secret.h"
#include "hsm/pin_guard.h"
#include "hsm/pool.h"

struct keeper;

/* What all keepers of a master have; borrowed for their lives. */
struct keeper_options {
    const struct config_hsm *config;
    const struct secret *pin;
    struct pin_guard *pin_guard;
    struct pool *pool;
};

/* Starts the thread. */
enum error keeper_new(const struct keeper_options *options, struct keeper **ret_keeper) MUST_USE;
/* Waits for the thread, which ends after pool_stop, and frees. NULL is allowed. */
void keeper_free(struct keeper *keeper);

#endif

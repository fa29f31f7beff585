/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Knows whether the HSM before us is the one that this ledger belongs to.
 *
 * A thread asks provision-hsm for its status every HSM_WATCH_INTERVAL_MS and compares the
 * checkpoint key's identity with the ledger's. While it finds no HSM, or a foreign one, requests
 * that need it are refused at once instead of waiting one after the other for a dead HSM; the look
 * after its return lets them through again. Threads: safe from any.
 */
#ifndef VAULT_HSM_WATCH_H
#define VAULT_HSM_WATCH_H

#include "core/error.h"
#include "hsm/hsm_client.h"
#include "ledger/ledger.h"

#define HSM_WATCH_INTERVAL_MS 500

struct hsm_watch;

enum error hsm_watch_new(struct hsm_client *hsm, struct ledger *ledger,
                         struct hsm_watch **ret_watch) MUST_USE;
/* NULL is allowed. */
void hsm_watch_free(struct hsm_watch *watch);

/* What is known of the HSM: ERR_OK with *ret_status, or the fault that stands in the way. */
enum error hsm_watch_get(struct hsm_watch *watch, struct hsm_status *ret_status,
                         struct fault *fault) MUST_USE;

/* Whether the HSM may be used now: ERR_OK, or the fault that stands in the way. Never waits. */
enum error hsm_watch_permits(struct hsm_watch *watch, struct fault *fault) MUST_USE;

/* A call just failed like this: nobody shall wait for the same before the next look. */
void hsm_watch_note(struct hsm_watch *watch, const struct fault *fault);

/* Looks again now: after `provctl hsm init`, and for whoever asks about readiness. */
void hsm_watch_refresh(struct hsm_watch *watch);

#endif

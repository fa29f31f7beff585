/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sends a hostile request over a connection of its own, reads the answer and keeps both for the
 * judge of the contract (rig/exchange.h). Every wait ends after seconds. Threads: independent calls
 * may run in parallel after http_init.
 */
#ifndef TESTS_E2E_HOSTILE_WIRE_H
#define TESTS_E2E_HOSTILE_WIRE_H

#include <stdbool.h>

#include "e2e/hostile_request.h"
#include "support/rig.h"

struct hostile_identity {
    const char *name;
    char cert[RIG_VALUE_MAX]; /* a PEM file; "" for no certificate */
    char key[RIG_VALUE_MAX];
};

struct hostile_answer {
    long status; /* 0: none */
    bool has_retry_after;
    struct text head; /* as it came, with the empty line at its end; no interim answer before it */
    struct text body;
    size_t body_length; /* as announced; the body itself is not read when it is large */
};

/* Clear with hostile_answer_clear. */
void hostile_send(const struct rig *rig, const struct hostile_identity *identity,
                  const struct hostile_request *request, struct hostile_answer *ret_answer);
void hostile_answer_clear(struct hostile_answer *answer);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sends a hostile request over a connection of its own and reads the answer's head. Every wait ends
 * after seconds. Threads: independent calls may run in parallel after http_init.
 */
#ifndef TESTS_E2E_HOSTILE_WIRE_H
#define TESTS_E2E_HOSTILE_WIRE_H

#include <stdbool.h>

#include "e2e/hostile_request.h"
#include "support/rig.h"

#define HOSTILE_HEAD_MAX 4096

struct hostile_identity {
    const char *name;
    char cert[RIG_VALUE_MAX]; /* a PEM file; "" for no certificate */
    char key[RIG_VALUE_MAX];
};

struct hostile_answer {
    long status; /* 0: none */
    bool has_retry_after;
    char head[HOSTILE_HEAD_MAX]; /* as it came, cut off */
};

void hostile_send(const struct rig *rig, const struct hostile_identity *identity,
                  const struct hostile_request *request, struct hostile_answer *ret_answer);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a station or a test sent to provisiond and got, kept for a judge.
 *
 * When the environment's PROVISIOND_EXCHANGES names a folder, each exchange becomes one line of
 * JSON in FOLDER/<pid>.jsonl, which tests/contract/bodies.py holds against api/openapi.yaml;
 * without it nothing is kept. No key and no PIN passes here: a request has a device's certificate,
 * an answer a wrapped license. Threads: any, each line is one write.
 */
#ifndef RIG_EXCHANGE_H
#define RIG_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

struct exchange {
    const char *method;
    const char *path;     /* with its query, as sent */
    struct bytes request; /* of JSON; data NULL: no body */
    long status;          /* 0: there was no answer, nothing is kept */
    struct bytes headers; /* of the answer, as they came, with its first line */
    struct bytes body;    /* of the answer; data NULL: none, or not at hand */
    int64_t length;       /* of the answer's body */
    bool is_raw; /* bytes that need not be HTTP; method and path are what they begin with */
};

/* False when it should have been kept and could not. */
bool exchange_keep(const struct exchange *exchange) MUST_USE;

#endif

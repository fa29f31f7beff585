/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who is at the other end of one connection: looked up once, then cached with the connection.
 *
 * Threads: owned by the event loop of its connection.
 */
#ifndef API_CALLER_H
#define API_CALLER_H

#include <stdbool.h>

#include <microhttpd.h>

#include "api/tls.h"
#include "core/error.h"

#define CALLER_ADDRESS_SIZE   64
#define CALLER_PRINCIPAL_SIZE 17 /* the first 16 hex digits of the SPKI's hash, and NUL */

struct caller {
    char address[CALLER_ADDRESS_SIZE]; /* of the TCP peer, numeric */
    bool is_checked;
    struct fault fault; /* ERR_OK: peer is set */
    struct tls_peer peer;
    char principal[CALLER_PRINCIPAL_SIZE]; /* "-" without a valid certificate */
};

/* NULL when memory is out. */
struct caller *caller_new(struct MHD_Connection *connection);
void caller_free(struct caller *caller);

/* Verifies the client's certificate at the first call, and its validity's end at each. */
enum error caller_check(struct caller *caller, struct MHD_Connection *connection,
                        struct fault *fault) MUST_USE;

#endif

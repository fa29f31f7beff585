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
#include "api/watch.h"
#include "core/error.h"

struct api;

#define CALLER_ADDRESS_SIZE   64
#define CALLER_PRINCIPAL_SIZE 17 /* the first 16 hex digits of the SPKI's hash, and NUL */

struct caller {
    struct watch_entry watched;        /* until when the connection must have got on */
    char address[CALLER_ADDRESS_SIZE]; /* of the TCP peer, numeric */
    bool is_checked;
    struct fault fault; /* ERR_OK: peer is set */
    struct tls_peer peer;
    unsigned crl_generation; /* of the lists that is_revoked is by; 0: not looked up yet */
    bool is_revoked;
    char principal[CALLER_PRINCIPAL_SIZE]; /* "-" without a valid certificate */
};

/* NULL when memory is out. */
struct caller *caller_new(struct MHD_Connection *connection, struct api *api);
void caller_free(struct caller *caller);

/*
 * Verifies the client's certificate at the first call; at each one, that it has not expired and has
 * not been revoked meanwhile.
 */
enum error caller_check(struct caller *caller, struct MHD_Connection *connection, struct api *api,
                        struct fault *fault) MUST_USE;

#endif

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
struct sockaddr;

#define CALLER_ADDRESS_SIZE   64
#define CALLER_PRINCIPAL_SIZE 17 /* the first 16 hex digits of the SPKI's hash, and NUL */

struct caller {
    struct watch_entry watched;        /* until when the connection must have got on */
    char address[CALLER_ADDRESS_SIZE]; /* of the TCP peer, numeric */
    struct sha256 place;               /* that all of its address have in api->strangers */
    struct trust *trust;               /* that the client is verified by; held */
    unsigned idle_timeout_s;           /* as libmicrohttpd has it; 0: as it was started with */
    bool is_own;                       /* this program's own, see api/probe.c */
    bool is_checked;
    struct fault fault; /* ERR_OK: peer is set */
    struct tls_peer peer;
    struct tls_watched watched_tls;
    unsigned crl_generation; /* of the lists that is_revoked is by; 0: not looked up yet */
    bool is_revoked;
    char principal[CALLER_PRINCIPAL_SIZE]; /* "-" without a valid certificate */
};

/* Numeric; "-" for what is no address of IP. */
void caller_format_address(const struct sockaddr *address, char out[CALLER_ADDRESS_SIZE]);

int caller_socket(struct MHD_Connection *connection);

/* NULL when memory is out: the handshake will fail. */
struct caller *caller_new(struct MHD_Connection *connection, struct api *api);
void caller_free(struct caller *caller, struct api *api);

/*
 * Verifies the client's certificate at the first call, and again when another client CA is in
 * force; at each one, that it has not expired and has not been revoked meanwhile.
 */
enum error caller_check(struct caller *caller, struct MHD_Connection *connection, struct api *api,
                        struct fault *fault) MUST_USE;

/*
 * The caller is refused for who it is, or gets what anybody gets. That counts against its address
 * as requests do against a caller: returns whether there are too many of them, and in
 * *ret_is_repeated whether that is no news.
 */
bool caller_is_tiresome(const struct caller *caller, struct api *api, bool *ret_is_repeated);

#endif

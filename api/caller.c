/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The cached identity of a connection's client. */
#include "api/caller.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/crl.h"
#include "api/lobby.h"
#include "api/rate.h"
#include "api/server.h"
#include "core/clock.h"

void caller_format_address(const struct sockaddr *address, char out[CALLER_ADDRESS_SIZE])
{
    char host[CALLER_ADDRESS_SIZE];
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    strcpy(out, "-");
    if (getnameinfo(address, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0)
        strcpy(out, host);
}

int caller_socket(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL ? info->tls_session : NULL;
}

static void watch_handshake(struct MHD_Connection *connection, struct tls_watched *watched)
{
    gnutls_session_t session = session_of(connection);
    if (session != NULL)
        tls_watch_client(session, watched);
}

/* The newest client CA is the session's; without a session there is nothing to verify. */
static bool renew_trust(struct caller *caller, struct MHD_Connection *connection, struct api *api)
{
    gnutls_session_t session = session_of(connection);
    trusts_let_go(&api->trusts, caller->trust);
    caller->trust = trusts_hold(&api->trusts);
    return session == NULL || trust_apply(caller->trust, session);
}

static void note_address(struct caller *caller, const struct sockaddr *address)
{
    uint8_t key[LOBBY_KEY_SIZE];
    caller->is_own = address->sa_family == AF_UNIX;
    if (!caller->is_own)
        caller_format_address(address, caller->address);
    lobby_key(address, key);
    caller->place = sha256_of(bytes_of(key, sizeof key));
}

struct caller *caller_new(struct MHD_Connection *connection, struct api *api)
{
    struct caller *caller = calloc(1, sizeof *caller);
    if (caller == NULL) {
        watch_handshake(connection, NULL);
        return NULL;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    strcpy(caller->principal, "-");
    strcpy(caller->address, "-");
    if (info != NULL && info->client_addr != NULL)
        note_address(caller, info->client_addr);
    caller->watched_tls = (struct tls_watched){
        .certificate = api->certificate, .lobby = api->lobby, .socket = caller_socket(connection)};
    watch_handshake(connection, renew_trust(caller, connection, api) ? &caller->watched_tls : NULL);
    return caller;
}

void caller_free(struct caller *caller, struct api *api)
{
    trusts_let_go(&api->trusts, caller->trust);
    free(caller);
}

static void look_up(struct caller *caller, struct MHD_Connection *connection, struct api *api)
{
    gnutls_session_t session = session_of(connection);
    caller->is_checked = true;
    caller->crl_generation = 0;
    caller->fault = (struct fault){0};
    strcpy(caller->principal, "-");
    if (session == NULL) {
        (void)fault_set(&caller->fault, ERR_UNAUTHENTICATED, "no-tls",
                        "The connection has no TLS session.", 0);
        return;
    }
    if (tls_identify_peer(session, api->config->chain_max_certificates, &caller->peer,
                          &caller->fault) == ERR_OK)
        hex_encode(bytes_of(caller->peer.spki.bytes, (CALLER_PRINCIPAL_SIZE - 1) / 2),
                   caller->principal);
}

static bool is_revoked(struct caller *caller, struct crl *crl)
{
    unsigned generation = crl_generation(crl);
    if (caller->crl_generation != generation) {
        caller->is_revoked = crl_holds_any(crl, caller->peer.names, caller->peer.name_count);
        caller->crl_generation = generation;
    }
    return caller->is_revoked;
}

enum error caller_check(struct caller *caller, struct MHD_Connection *connection, struct api *api,
                        struct fault *fault)
{
    if (!trusts_is_newest(&api->trusts, caller->trust)) {
        caller->is_checked = false;
        if (!renew_trust(caller, connection, api))
            return fault_set(fault, ERR_BUSY, "memory", "The server is out of memory.", 0);
    }
    if (!caller->is_checked)
        look_up(caller, connection, api);
    /* A kept connection may outlive its certificate. */
    if (caller->fault.code == ERR_OK && clock_unix_ms() / 1000 > caller->peer.expires_unix_s)
        (void)fault_set(&caller->fault, ERR_UNAUTHENTICATED, "expired-certificate",
                        "The client certificate has expired.", 0);
    if (caller->fault.code != ERR_OK)
        *fault = caller->fault;
    else if (is_revoked(caller, api->crl))
        return fault_set(fault, ERR_UNAUTHENTICATED, "revoked-certificate",
                         "The client certificate was revoked by its CA.", 0);
    return caller->fault.code;
}

bool caller_is_tiresome(const struct caller *caller, struct api *api, bool *ret_is_repeated)
{
    struct rate_refusal refusal = {0};
    struct fault fault = {0};
    struct sha256 place;
    if (rate_enter(api->strangers, &caller->place, clock_monotonic_us(), &place, &refusal,
                   &fault) == ERR_OK) {
        rate_leave(api->strangers, &place);
        return false;
    }
    *ret_is_repeated = refusal.is_repeated;
    return true;
}

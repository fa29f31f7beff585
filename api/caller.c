/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The cached identity of a connection's client. */
#include "api/caller.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/crl.h"
#include "api/server.h"
#include "api/server_certificate.h"
#include "core/clock.h"

static void format_address(const struct sockaddr *address, char out[CALLER_ADDRESS_SIZE])
{
    char host[CALLER_ADDRESS_SIZE];
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    strcpy(out, "-");
    if (getnameinfo(address, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0)
        strcpy(out, host);
}

struct caller *caller_new(struct MHD_Connection *connection, struct api *api)
{
    struct caller *caller = calloc(1, sizeof *caller);
    if (caller == NULL)
        return NULL;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    strcpy(caller->principal, "-");
    strcpy(caller->address, "-");
    if (info != NULL && info->client_addr != NULL)
        format_address(info->client_addr, caller->address);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info != NULL && info->tls_session != NULL) {
        server_certificate_attach(api->certificate, info->tls_session);
        tls_watch_client(info->tls_session);
    }
    return caller;
}

void caller_free(struct caller *caller)
{
    free(caller);
}

static void look_up(struct caller *caller, struct MHD_Connection *connection, struct api *api)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    caller->is_checked = true;
    if (info == NULL || info->tls_session == NULL) {
        (void)fault_set(&caller->fault, ERR_UNAUTHENTICATED, "no-tls",
                        "The connection has no TLS session.", 0);
        return;
    }
    if (tls_identify_peer(info->tls_session, api->config->chain_max_certificates, &caller->peer,
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

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one running front end owns. Immutable after api_new but for what guards itself.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdatomic.h>
#include <stdint.h>

#include <microhttpd.h>

#include "api/budget.h"
#include "api/gate.h"
#include "api/penance.h"
#include "api/trust.h"
#include "api/watch.h"
#include "config/config.h"
#include "vault/vault_client.h"

struct api {
    const struct config_api *_Atomic config; /* the newest */
    struct setting *settings;                /* of reloads, the newest first */
    struct vault_client *vault;
    struct MHD_Daemon *daemon;
    struct lobby *lobby;
    struct acceptor *acceptor;
    unsigned loops;       /* event loops */
    unsigned probed_loop; /* the probe's: which one it asks next */
    struct keeper *keeper;
    int64_t looked_ms;      /* the keeper's: when it looked at the files and the watch */
    struct rate *rate;      /* of callers, by their keys */
    struct rate *strangers; /* of those who are refused for who they are, by their addresses */
    struct metrics *metrics;
    struct server_certificate *certificate;
    struct crl *crl;
    struct trusts trusts;
    pthread_mutex_t
        files; /* held while the files of [api] are looked at, or others take their place */
    struct gate gate;
    struct watch watch;
    struct penance penance;
    struct budget bodies;         /* bytes of all requests' bodies */
    atomic_uint_fast64_t refused; /* connections */
    int listener;
    uint16_t port;
};

/* libmicrohttpd's three callbacks (api/server.c). */
enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state);
void server_note_completed(void *cls, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode code);
void server_note_connection(void *cls, struct MHD_Connection *connection, void **caller,
                            enum MHD_ConnectionNotificationCode code);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one running front end owns. Immutable after api_new but for what guards itself.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdint.h>

#include <microhttpd.h>

#include "api/gate.h"
#include "config/config.h"
#include "vault/vault_client.h"

struct api {
    const struct config_api *config;
    struct vault_client *vault;
    struct MHD_Daemon *daemon;
    struct acceptor *acceptor;
    struct gate gate;
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

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting and stopping the front end. The order of the stop is the point of this file: no question
 * may be sent to a client that is freed, and no connection may be suspended when libmicrohttpd
 * stops.
 */
#include "api/api.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_limits.h"
#include "api/acceptor.h"
#include "api/listener.h"
#include "api/server.h"
#include "api/tls.h"

static_assert(API_CHAIN_MAX_BYTES + 16 * 1024 < VAULT_REQUEST_MAX_BYTES,
              "the largest request fits one question to the vault");
static_assert(API_DOCUMENT_MAX_BYTES + 1024 < VAULT_REQUEST_MAX_BYTES,
              "the largest document fits one question to the vault");
static_assert(API_CHAIN_MAX_BYTES < API_BODY_MAX_BYTES, "a chain fits a body");

/* ---- start ---- */

/* Paths are unescaped by the route table, segment by segment. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    size_t length = 0;
    (void)cls;
    (void)connection;
    while (text[length] != '\0')
        length++;
    return length;
}

/* One event loop per core; libmicrohttpd takes 0 for a single one. */
static unsigned pool_size(unsigned connections)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned size = cores > API_THREADS_MAX ? API_THREADS_MAX : (unsigned)(cores > 0 ? cores : 1);
    if (size > connections)
        size = connections;
    return size > 1 ? size : 0;
}

static struct MHD_Daemon *start_daemon(struct api *api, const struct tls_material *material)
{
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)pool_size(api->config->connections), NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)api->config->connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)api->config->idle_timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, API_CONNECTION_MEMORY_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, material->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, material->key},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, material->client_ca},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)server_note_completed, api},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)server_note_connection, api},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TLS |
                                MHD_ALLOW_SUSPEND_RESUME,
                            0, NULL, NULL, server_handle, api, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

static enum error serve(struct api *api, struct fault *fault)
{
    struct tls_material material = {0};
    enum error e = tls_material_load(api->config, &material, fault);
    if (e != ERR_OK)
        return e;
    api->daemon = start_daemon(api, &material);
    tls_material_clear(&material); /* libmicrohttpd has its own form of it by now */
    if (api->daemon != NULL && acceptor_new(api->listener, api->daemon, &api->acceptor) == ERR_OK)
        return ERR_OK;
    int reason = errno;
    return fault_set(fault, ERR_INTERNAL, "http-start", "The HTTPS server cannot be started.",
                     reason);
}

static enum error listen_somewhere(struct api *api, struct fault *fault)
{
    enum error e = api->listener >= 0 ? listener_adopt(api->listener, fault)
                                      : listener_open(api->config->listen, &api->listener, fault);
    if (e == ERR_OK)
        api->port = listener_port(api->listener);
    return e;
}

static enum error reach_vault(struct api *api, const char *socket, struct fault *fault)
{
    enum error e = vault_client_new(socket, &api->vault);
    if (e != ERR_OK)
        return fault_set(fault, e, "vault-client",
                         "The link to the vault cannot be made: [vault] socket may be too long.",
                         0);
    return ERR_OK;
}

enum error api_new(const struct config *config, int listen_fd, struct api **ret_api,
                   struct fault *fault)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        if (listen_fd >= 0)
            (void)close(listen_fd);
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    }
    api->config = &config->api;
    api->listener = listen_fd;
    gate_init(&api->gate);
    enum error e = tls_keep_off_pkcs11(fault);
    if (e == ERR_OK)
        e = listen_somewhere(api, fault);
    if (e == ERR_OK)
        e = reach_vault(api, config->vault.socket, fault);
    if (e == ERR_OK)
        e = serve(api, fault);
    if (e != ERR_OK) {
        api_free(api);
        return e;
    }
    *ret_api = api;
    return ERR_OK;
}

uint16_t api_port(const struct api *api)
{
    return api->port;
}

/* ---- stop ---- */

/* Until no question is under way and no thread inside a send. */
static void drain(struct api *api)
{
    acceptor_stop(api->acceptor);
    gate_shut(&api->gate);
    (void)gate_wait(&api->gate, GATE_WAITING, deadline_in(API_DRAIN_TIMEOUT_MS));
    /* A send has its own deadline: this wait ends. */
    while (!gate_wait(&api->gate, GATE_SENDING, deadline_in(API_DRAIN_TIMEOUT_MS)))
        continue;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    if (api->daemon != NULL)
        drain(api);
    vault_client_free(api->vault); /* ends the last questions, which resumes their connections */
    if (api->daemon != NULL) {
        (void)gate_wait(&api->gate, GATE_REQUESTS, deadline_in(API_LEAVE_TIMEOUT_MS));
        MHD_stop_daemon(api->daemon);
    }
    acceptor_free(api->acceptor);
    if (api->listener >= 0)
        (void)close(api->listener);
    gate_clear(&api->gate);
    free(api);
}

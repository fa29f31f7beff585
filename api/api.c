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
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_limits.h"
#include "api/acceptor.h"
#include "api/crl.h"
#include "api/keeper.h"
#include "api/listener.h"
#include "api/lobby.h"
#include "api/metrics.h"
#include "api/rate.h"
#include "api/request_limits.h"
#include "api/server.h"
#include "api/server_certificate.h"
#include "api/settings.h"
#include "api/tls.h"
#include "api/tls_files.h"
#include "core/log.h"

#define GREET_PACE_MS 5

static_assert(API_CHAIN_MAX_BYTES + 16 * 1024 < VAULT_REQUEST_MAX_BYTES,
              "the largest request fits one question to the vault");
static_assert(API_DOCUMENT_MAX_BYTES + 1024 < VAULT_REQUEST_MAX_BYTES,
              "the largest document fits one question to the vault");
static_assert(API_BATCH_MAX_BYTES + 16 * 1024 < VAULT_REQUEST_MAX_BYTES,
              "the largest batch fits one question to the vault");
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

/* The lobby keeps the limits. An event loop must never find one connection too many (api/lobby.h):
 * each could take them all, as many as a reload may allow, those that it is about to close beside
 * them. */
static intptr_t connection_limit(unsigned loops)
{
    return ((intptr_t)API_CONNECTIONS_MAX + 1) * (loops > 0 ? loops : 1);
}

static struct MHD_Daemon *start_daemon(struct api *api, const char *client_ca)
{
    const struct config_api *config = api->config;
    const intptr_t memory = (intptr_t)config->header_max_bytes + API_ANSWER_HEAD_BYTES;
    const unsigned loops = pool_size(config->connections);
    api->loops = loops > 0 ? loops : 1;
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)loops, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, connection_limit(loops), NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)config->idle_timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)client_ca},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)server_note_completed, api},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)server_note_connection, api},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TLS |
                                MHD_ALLOW_SUSPEND_RESUME,
                            0, NULL, NULL, server_handle, api, MHD_OPTION_HTTPS_CERT_CALLBACK2,
                            server_certificate_retrieve, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* On the keeper's thread. */
static int64_t look_after(void *context)
{
    struct api *api = context;
    int64_t now_ms = clock_monotonic_ms();
    int64_t pause_ms = penance_look(&api->penance, now_ms);
    if (now_ms < api->looked_ms + KEEPER_PACE_MS - PENANCE_PACE_MS)
        return pause_ms;
    api->looked_ms = now_ms;
    watch_sweep(&api->watch, now_ms);
    (void)pthread_mutex_lock(&api->files);
    crl_look(api->crl);
    server_certificate_look(api->certificate);
    (void)pthread_mutex_unlock(&api->files);
    return pause_ms;
}

static enum error start_threads(struct api *api, const char *client_ca, struct fault *fault)
{
    api->daemon = start_daemon(api, client_ca);
    const struct acceptor_setting setting = {.listener = api->listener,
                                             .daemon = api->daemon,
                                             .lobby = api->lobby,
                                             .refused = &api->refused};
    if (api->daemon != NULL && keeper_new(look_after, api, &api->keeper) == ERR_OK &&
        acceptor_new(&setting, &api->acceptor) == ERR_OK)
        return ERR_OK;
    int reason = errno;
    return fault_set(fault, ERR_INTERNAL, "http-start",
                     "The HTTPS server cannot be started: raise the unit's TasksMax=, LimitNOFILE= "
                     "or MemoryMax=.",
                     reason);
}

static enum error serve(struct api *api, struct fault *fault)
{
    struct tls_files files = {0};
    enum error e = tls_files_load(api->config, &files, fault);
    if (e != ERR_OK)
        return e;
    api->certificate = files.certificate;
    api->crl = files.crl;
    trusts_put(&api->trusts, files.trust);
    files.certificate = NULL;
    files.crl = NULL;
    files.trust = NULL;
    e = start_threads(api, files.ca.text, fault);
    tls_files_clear(&files); /* libmicrohttpd has its own form of the CA by now */
    return e;
}

static enum error listen_somewhere(struct api *api, struct fault *fault)
{
    enum error e = api->listener >= 0 ? listener_adopt(api->listener, fault)
                                      : listener_open(api->config->listen, &api->listener, fault);
    if (e == ERR_OK)
        api->port = listener_port(api->listener);
    return e;
}

static enum error make_lobby(struct api *api)
{
    const struct lobby_options options = settings_lobby(api->config);
    return lobby_new(&options, &api->lobby);
}

static enum error make_rates(struct api *api)
{
    const struct rate_options rate = settings_rate(api->config);
    const struct rate_options strangers = settings_strangers(api->config);
    enum error e = rate_new(&rate, &api->rate);
    return e == ERR_OK ? rate_new(&strangers, &api->strangers) : e;
}

static enum error make_counters(struct api *api, struct fault *fault)
{
    if (make_rates(api) != ERR_OK || metrics_new(&api->metrics) != ERR_OK ||
        make_lobby(api) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return ERR_OK;
}

static enum error reach_vault(struct api *api, const char *socket, struct fault *fault)
{
    enum error e = vault_client_new(socket, &api->vault);
    if (e != ERR_OK)
        return fault_set(fault, e, "vault-client",
                         "The link to the vault cannot be made: shorten [vault] socket to 107 "
                         "bytes or less, or raise the unit's TasksMax=.",
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
    trusts_init(&api->trusts);
    (void)pthread_mutex_init(&api->files, NULL);
    watch_init(&api->watch, limits_receive_ms(&config->api), API_ANSWER_BYTES_PER_S);
    penance_init(&api->penance);
    budget_init(&api->bodies, config->api.bodies_max_bytes);
    enum error e = tls_keep_off_pkcs11(fault);
    if (e == ERR_OK)
        e = listen_somewhere(api, fault);
    if (e == ERR_OK)
        e = reach_vault(api, config->vault.socket, fault);
    if (e == ERR_OK)
        e = make_counters(api, fault);
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

/* Who has connected could not know better, and a request on a new connection that gets no answer is
 * lost for a client that does not ask again. A kept connection may be closed between two. */
static void answer_newcomers(struct api *api)
{
    deadline_ms deadline = deadline_in(API_GREET_TIMEOUT_MS);
    acceptor_close(api->acceptor);
    while (lobby_newcomers(api->lobby) > 0 && deadline_left_ms(deadline) > 0)
        (void)poll(NULL, 0, GREET_PACE_MS);
}

/* Until no question is under way and no thread inside a send. */
static void drain(struct api *api)
{
    answer_newcomers(api);
    acceptor_stop(api->acceptor);
    gate_shut(&api->gate);
    penance_end(&api->penance);
    (void)gate_wait(&api->gate, GATE_WAITING, deadline_in(API_DRAIN_TIMEOUT_MS));
    /* A send has its own deadline: this wait ends. */
    while (!gate_wait(&api->gate, GATE_SENDING, deadline_in(API_DRAIN_TIMEOUT_MS)))
        continue;
}

static void free_settings(struct setting *setting)
{
    while (setting != NULL) {
        struct setting *next = setting->next;
        free(setting);
        setting = next;
    }
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
    keeper_free(api->keeper);
    acceptor_free(api->acceptor);
    lobby_free(api->lobby);
    if (api->listener >= 0)
        (void)close(api->listener);
    rate_free(api->rate);
    rate_free(api->strangers);
    metrics_free(api->metrics);
    crl_free(api->crl);
    server_certificate_free(api->certificate);
    watch_clear(&api->watch);
    penance_clear(&api->penance);
    gate_clear(&api->gate);
    trusts_clear(&api->trusts);
    (void)pthread_mutex_destroy(&api->files);
    free_settings(api->settings);
    free(api);
}

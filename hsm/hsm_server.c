/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The master's front: who may connect, what is a request, and what the master answers itself. The
 * struct is immutable after hsm_server_new; everything that changes is in the pool.
 */
#include "hsm/hsm_server.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/rpc_server.h"
#include "hsm/hsm_message.h"
#include "hsm/hsm_request.h"
#include "hsm/keeper.h"
#include "hsm/pool.h"
#include "hsm/state_room.h"
#include "hsm/wrap_batch.h"

#define WORKERS_MAX 64
/* Anybody may open the socket; the kernel says who it is, and is_allowed decides. */
#define SOCKET_MODE 0666

struct hsm_server {
    const struct config_hsm *config;
    struct pool *pool;
    struct pin_guard *pin_guard;
    struct rpc_server *socket;
    struct keeper *keepers[WORKERS_MAX];
    bool has_client_user;
    uid_t client_user;
};

static void find_client_user(struct hsm_server *server)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char text[4096];
    if (getpwnam_r(server->config->client_user, &entry, text, sizeof text, &found) == 0 &&
        found != NULL) {
        server->has_client_user = true;
        server->client_user = found->pw_uid;
    } else {
        log_event(LOG_LEVEL_WARNING, "hsm-client-user-unknown",
                  LOG_TEXT("user", server->config->client_user));
    }
}

static bool is_allowed(void *context, const struct rpc_peer *peer)
{
    const struct hsm_server *server = context;
    return peer->uid == 0 || peer->uid == geteuid() ||
           (server->has_client_user && peer->uid == server->client_user);
}

static void answer_status(struct hsm_server *server, struct rpc_call *call)
{
    struct hsm_status status;
    struct hsm_status_message message;
    struct fault fault;
    Provisiond__HsmReply reply = PROVISIOND__HSM_REPLY__INIT;
    if (pool_get_status(server->pool, &status, &fault) != ERR_OK) {
        pool_send_fault(call, &fault);
        return;
    }
    hsm_status_to_message(&status, &message);
    reply.result_case = PROVISIOND__HSM_REPLY__RESULT_STATUS;
    reply.status = &message.message;
    pool_send(call, &reply);
}

static bool adds_objects(const Provisiond__HsmRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__HSM_REQUEST__OP_INIT:
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY:
    case PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY:
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE:
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE:
        return true;
    default:
        return false;
    }
}

/* The call is answered later, or by the fault. */
static enum error submit(struct hsm_server *server, struct rpc_call *call,
                         const Provisiond__HsmRequest *request, struct fault *fault)
{
    struct wrap_batch *batch = NULL;
    if (request->op_case != PROVISIOND__HSM_REQUEST__OP_WRAP_BATCH)
        return pool_submit(server->pool, call, request->op_case, fault);
    if (wrap_batch_new(call, request->wrap_batch, &batch) != ERR_OK)
        return fault_set(fault, ERR_BUSY, "memory", "Out of memory.", 0);
    pool_submit_batch(server->pool, batch);
    return ERR_OK;
}

static void handle(void *context, struct rpc_call *call)
{
    struct hsm_server *server = context;
    struct fault fault;
    unsigned fd_count = 0;
    const int *fds = rpc_call_fds(call, &fd_count);
    struct bytes payload = rpc_call_request(call);
    Provisiond__HsmRequest *request =
        provisiond__hsm_request__unpack(NULL, payload.length, payload.data);
    if (request == NULL) {
        rpc_hang_up(call);
        return;
    }
    enum error e = hsm_request_check(request, fds, fd_count, &fault);
    if (e == ERR_OK && adds_objects(request))
        e = state_room_check(server->config->state, &fault);
    if (e == ERR_OK && request->op_case == PROVISIOND__HSM_REQUEST__OP_STATUS)
        answer_status(server, call);
    else if (e == ERR_OK)
        e = submit(server, call, request, &fault);
    if (e != ERR_OK)
        pool_send_fault(call, &fault);
    provisiond__hsm_request__free_unpacked(request, NULL);
}

static enum error start(struct hsm_server *server, const struct secret *pin, struct fault *fault)
{
    const struct rpc_server_options options = {.path = server->config->socket,
                                               .mode = SOCKET_MODE,
                                               .request_max = HSM_REQUEST_MAX_BYTES,
                                               .accepts_fds = true,
                                               .is_allowed = is_allowed,
                                               .handle = handle,
                                               .context = server};
    if (pool_new(server->config->workers, &server->pool) != ERR_OK ||
        pin_guard_new(server->config->state, &server->pin_guard) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    const struct keeper_options keeper = {
        .config = server->config, .pin = pin, .pin_guard = server->pin_guard, .pool = server->pool};
    enum error e = rpc_server_new(&options, &server->socket, fault);
    for (unsigned i = 0; i < server->config->workers && e == ERR_OK; i++) {
        e = keeper_new(&keeper, &server->keepers[i]);
        if (e != ERR_OK)
            (void)fault_set(fault, e, "thread",
                            "A thread cannot be started: raise the unit's TasksMax=.", 0);
    }
    return e;
}

enum error hsm_server_new(const struct config_hsm *config, const struct secret *pin,
                          struct hsm_server **ret_server, struct fault *fault)
{
    if (config->workers == 0 || config->workers > WORKERS_MAX)
        return fault_set(fault, ERR_CONFIG, "workers",
                         "There are 1 to 64 workers: correct [hsm] workers.", 0);
    enum error e = hsm_check_state(fault);
    if (e != ERR_OK)
        return e;
    struct hsm_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    server->config = config;
    find_client_user(server);
    e = start(server, pin, fault);
    if (e != ERR_OK) {
        hsm_server_free(server);
        return e;
    }
    *ret_server = server;
    return ERR_OK;
}

void hsm_server_free(struct hsm_server *server)
{
    if (server == NULL)
        return;
    if (server->socket != NULL)
        rpc_server_stop(server->socket);
    if (server->pool != NULL)
        pool_stop(server->pool);
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        keeper_free(server->keepers[i]);
    pool_free(server->pool);
    pin_guard_free(server->pin_guard);
    rpc_server_free(server->socket);
    free(server);
}

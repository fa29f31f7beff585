/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The vault's end of the station socket. Counters and held calls are guarded by one lock. */
#include "vault_peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/fault_message.h"
#include "core/rpc_server.h"
#include "vault.pb-c.h"
#include "vault/vault_client.h"

#define HELD_MAX 512

struct vault_peer {
    struct rpc_server *server;
    char image_path[128];
    char hsm[PEER_TEXT_SIZE];
    pthread_mutex_t lock;
    struct peer_seen seen;
    struct rpc_call *held[HELD_MAX];
    size_t held_count;
};

static void reply_with_file(struct rpc_call *call, const Provisiond__StationReply *reply, int file)
{
    size_t length = provisiond__station_reply__get_packed_size(reply);
    uint8_t *payload = malloc(length + 1);
    ck_assert_ptr_nonnull(payload);
    /* An empty message is no frame: a reply always has its result or its fault. */
    provisiond__station_reply__pack(reply, payload);
    rpc_reply(call, bytes_of(payload, length), &file, file >= 0);
    free(payload);
}

static void reply_fault(struct rpc_call *call, enum error code)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__FaultMessage message;
    struct fault fault;
    (void)fault_set(&fault, code, "peer-reason", "The peer says no.", 48);
    fault_to_message(&fault, &message);
    reply.fault = &message;
    reply_with_file(call, &reply, -1);
}

static void reply_license(struct rpc_call *call, bool is_repeat, size_t license_length)
{
    uint8_t install[UUID_SIZE];
    uint8_t image[SHA256_SIZE];
    uint8_t license[8192];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__LicenseReply result = PROVISIOND__LICENSE_REPLY__INIT;
    memset(install, 0x77, sizeof install);
    install[8] = 0xb7; /* the variant of RFC 9562 */
    memset(image, 0xab, sizeof image);
    memset(license, 0x5a, sizeof license);
    result.install_id = (ProtobufCBinaryData){.data = install, .len = sizeof install};
    result.image = (ProtobufCBinaryData){.data = image, .len = sizeof image};
    result.license = (ProtobufCBinaryData){.data = license, .len = license_length};
    result.profile = (char *)(uintptr_t) "cms";
    result.charged = !is_repeat;
    result.repeat = is_repeat;
    result.attempt = is_repeat ? 2 : 1;
    result.remaining = 41;
    result.journal_index = 7;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE;
    reply.license = &result;
    reply_with_file(call, &reply, -1);
}

static void reply_outcome(struct rpc_call *call)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__OutcomeReply result = PROVISIOND__OUTCOME_REPLY__INIT;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_OUTCOME;
    reply.outcome = &result;
    reply_with_file(call, &reply, -1);
}

static void reply_usage(struct rpc_call *call)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__UsageReply result = PROVISIOND__USAGE_REPLY__INIT;
    result.granted = 100;
    result.charged = 59;
    result.remaining = 41;
    result.licensed = 60;
    result.succeeded = 50;
    result.failed = 4;
    result.scrapped = 2;
    result.unreported = 3;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE;
    reply.usage = &result;
    reply_with_file(call, &reply, -1);
}

static void reply_ready(struct vault_peer *peer, struct rpc_call *call)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ReadyReply result = PROVISIOND__READY_REPLY__INIT;
    result.hsm = peer->hsm;
    result.ledger = (char *)(uintptr_t) "ok";
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_READY;
    reply.ready = &result;
    reply_with_file(call, &reply, -1);
}

static void reply_content(struct vault_peer *peer, struct rpc_call *call, const char *alias)
{
    uint8_t image[SHA256_SIZE];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ImageContentReply result = PROVISIOND__IMAGE_CONTENT_REPLY__INIT;
    int file = open(peer->image_path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        reply_fault(call, ERR_IMAGE_UNKNOWN);
        return;
    }
    memset(image, 0xab, sizeof image);
    if (strcmp(alias, "no-digest") != 0)
        result.image = (ProtobufCBinaryData){.data = image, .len = sizeof image};
    result.size = (uint64_t)lseek(file, 0, SEEK_END);
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT;
    reply.image_content = &result;
    reply_with_file(call, &reply, file);
    (void)close(file);
}

static void hold(struct vault_peer *peer, struct rpc_call *call)
{
    (void)pthread_mutex_lock(&peer->lock);
    ck_assert_uint_lt(peer->held_count, HELD_MAX);
    peer->held[peer->held_count++] = call;
    (void)pthread_mutex_unlock(&peer->lock);
}

static enum error fault_named(const char *name)
{
    for (int code = 1; code < ERR_COUNT; code++) {
        if (strcmp(error_name((enum error)code), name) == 0)
            return (enum error)code;
    }
    return ERR_INTERNAL;
}

static void obey(struct vault_peer *peer, struct rpc_call *call, const char *product)
{
    if (strncmp(product, "fault-", 6) == 0)
        reply_fault(call, fault_named(product + 6));
    else if (strcmp(product, "held") == 0)
        hold(peer, call);
    else if (strcmp(product, "other-type") == 0)
        reply_outcome(call);
    else if (strcmp(product, "bad-license") == 0)
        reply_license(call, false, 4097);
    else if (strcmp(product, "hang-up") == 0)
        rpc_hang_up(call);
    else
        reply_license(call, strcmp(product, "again") == 0, 300);
}

static void obey_content(struct vault_peer *peer, struct rpc_call *call, const char *alias)
{
    if (strncmp(alias, "fault-", 6) == 0)
        reply_fault(call, fault_named(alias + 6));
    else
        reply_content(peer, call, alias);
}

static void copy_text(char out[PEER_TEXT_SIZE], const char *text)
{
    (void)snprintf(out, PEER_TEXT_SIZE, "%s", text);
}

static void see_license(struct peer_seen *seen, const Provisiond__LicenseRequest *license)
{
    copy_text(seen->product, license->product);
    copy_text(seen->lot, license->context != NULL ? license->context->lot : "");
    copy_text(seen->operator_name, license->context != NULL ? license->context->operator_name : "");
    seen->image_length = license->image.len;
    seen->chain_length = license->certificate_chain.len;
    copy_text(seen->alias, license->alias);
    seen->st_length = license->st_certificate.len;
    ck_assert_uint_le(seen->st_length, sizeof seen->st_certificate);
    if (seen->st_length > 0)
        memcpy(seen->st_certificate, license->st_certificate.data, seen->st_length);
}

static void see(struct vault_peer *peer, const Provisiond__StationRequest *request)
{
    (void)pthread_mutex_lock(&peer->lock);
    struct peer_seen *seen = &peer->seen;
    seen->count++;
    seen->spki_length = request->station_spki.len;
    if (request->station_spki.len == SHA256_SIZE)
        memcpy(seen->spki, request->station_spki.data, SHA256_SIZE);
    copy_text(seen->request_id, request->request_id);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_LICENSE)
        see_license(seen, request->license);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_OUTCOME) {
        seen->outcome = (int)request->outcome->result;
        copy_text(seen->code, request->outcome->code);
    }
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT) {
        copy_text(seen->alias, request->image_content->alias);
        seen->image_length = request->image_content->image.len;
    }
    (void)pthread_mutex_unlock(&peer->lock);
}

static void answer(struct vault_peer *peer, struct rpc_call *call,
                   const Provisiond__StationRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__STATION_REQUEST__OP_LICENSE:
        obey(peer, call,
             request->license->alias[0] != '\0' ? request->license->alias
                                                : request->license->product);
        break;
    case PROVISIOND__STATION_REQUEST__OP_OUTCOME:
        reply_outcome(call);
        break;
    case PROVISIOND__STATION_REQUEST__OP_USAGE:
        reply_usage(call);
        break;
    case PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT:
        obey_content(peer, call, request->image_content->alias);
        break;
    case PROVISIOND__STATION_REQUEST__OP_READY:
        reply_ready(peer, call);
        break;
    default:
        rpc_hang_up(call);
    }
}

static void handle(void *context, struct rpc_call *call)
{
    struct vault_peer *peer = context;
    struct bytes bytes = rpc_call_request(call);
    Provisiond__StationRequest *request =
        provisiond__station_request__unpack(NULL, bytes.length, bytes.data);
    ck_assert_ptr_nonnull(request);
    see(peer, request);
    answer(peer, call, request);
    provisiond__station_request__free_unpacked(request, NULL);
}

struct vault_peer *vault_peer_start(const char *socket, const char *image_path, const char *hsm)
{
    struct fault fault = {0};
    struct vault_peer *peer = calloc(1, sizeof *peer);
    ck_assert_ptr_nonnull(peer);
    (void)snprintf(peer->image_path, sizeof peer->image_path, "%s", image_path);
    copy_text(peer->hsm, hsm);
    (void)pthread_mutex_init(&peer->lock, NULL);
    const struct rpc_server_options options = {.path = socket,
                                               .mode = 0600,
                                               .request_max = VAULT_REQUEST_MAX_BYTES,
                                               .handle = handle,
                                               .context = peer};
    ck_assert_msg(rpc_server_new(&options, &peer->server, &fault) == ERR_OK, "%s", fault.detail);
    return peer;
}

void vault_peer_stop(struct vault_peer *peer)
{
    if (peer == NULL)
        return;
    rpc_server_stop(peer->server);
    vault_peer_release(peer);
    rpc_server_free(peer->server);
    (void)pthread_mutex_destroy(&peer->lock);
    free(peer);
}

struct peer_seen vault_peer_seen(struct vault_peer *peer)
{
    (void)pthread_mutex_lock(&peer->lock);
    struct peer_seen seen = peer->seen;
    (void)pthread_mutex_unlock(&peer->lock);
    return seen;
}

size_t vault_peer_held(struct vault_peer *peer)
{
    (void)pthread_mutex_lock(&peer->lock);
    size_t count = peer->held_count;
    (void)pthread_mutex_unlock(&peer->lock);
    return count;
}

void vault_peer_release(struct vault_peer *peer)
{
    (void)pthread_mutex_lock(&peer->lock);
    for (size_t i = 0; i < peer->held_count; i++)
        reply_license(peer->held[i], false, 300);
    peer->held_count = 0;
    (void)pthread_mutex_unlock(&peer->lock);
}

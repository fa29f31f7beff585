/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The vault's end of the station socket. Counters and held calls are guarded by one lock. */
#include "vault_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/rpc_server.h"
#include "peer_reads.h"
#include "peer_reply.h"
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

static void hold(struct vault_peer *peer, struct rpc_call *call)
{
    (void)pthread_mutex_lock(&peer->lock);
    ck_assert_uint_lt(peer->held_count, HELD_MAX);
    peer->held[peer->held_count++] = call;
    (void)pthread_mutex_unlock(&peer->lock);
}

static void obey(struct vault_peer *peer, struct rpc_call *call, const char *product)
{
    if (strncmp(product, "fault-", 6) == 0)
        peer_send_fault(call, peer_fault_named(product + 6));
    else if (strcmp(product, "held") == 0)
        hold(peer, call);
    else if (strcmp(product, "other-type") == 0)
        peer_send_outcome(call, "");
    else if (strcmp(product, "bad-license") == 0)
        peer_send_license(call, false, 4097);
    else if (strcmp(product, "hang-up") == 0)
        rpc_hang_up(call);
    else
        peer_send_license(call, strcmp(product, "again") == 0, 300);
}

static void obey_content(struct vault_peer *peer, struct rpc_call *call, const char *alias)
{
    if (strncmp(alias, "fault-", 6) == 0)
        peer_send_fault(call, peer_fault_named(alias + 6));
    else
        peer_send_content(call, peer->image_path, alias);
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

static void see_install(struct peer_seen *seen, const ProtobufCBinaryData *install)
{
    ck_assert_uint_eq(install->len, UUID_SIZE);
    memcpy(seen->install.bytes, install->data, UUID_SIZE);
}

static void see_outcome(struct peer_seen *seen, const Provisiond__OutcomeRequest *outcome)
{
    see_install(seen, &outcome->install_id);
    seen->outcome = (int)outcome->result;
    copy_text(seen->code, outcome->code);
    seen->receipt_length = outcome->device_receipt.len;
    ck_assert_uint_le(seen->receipt_length, sizeof seen->receipt);
    if (seen->receipt_length > 0)
        memcpy(seen->receipt, outcome->device_receipt.data, seen->receipt_length);
}

static void see_tile(struct peer_seen *seen, const Provisiond__TileRequest *tile)
{
    seen->is_entries = tile->entries;
    seen->level = tile->level;
    seen->index = tile->index;
    seen->width = tile->width;
}

static void see_installs(struct peer_seen *seen, const Provisiond__InstallListRequest *list)
{
    seen->id_length = list->install_id.len;
    if (list->install_id.len > 0)
        see_install(seen, &list->install_id);
    copy_text(seen->product, list->product);
    copy_text(seen->lot, list->lot);
    copy_text(seen->station, list->station);
    seen->device_length = list->device.len;
    seen->result = (int)list->result;
    seen->since = list->since_unix_ms;
    seen->until = list->until_unix_ms;
    seen->before = list->before;
    seen->limit = list->limit;
}

static void see_sums(struct peer_seen *seen, const Provisiond__UsageByRequest *usage)
{
    copy_text(seen->product, usage->product);
    seen->by = (int)usage->by;
    seen->since = usage->since_unix_ms;
    seen->until = usage->until_unix_ms;
    copy_text(seen->after, usage->after);
    seen->limit = usage->limit;
}

static void see_grants(struct peer_seen *seen, const Provisiond__GrantReadRequest *read)
{
    seen->id_length = read->grant_id.len;
    copy_text(seen->product, read->product);
    seen->before = read->before;
    seen->limit = read->limit;
}

/* What lists, sums and batches say. */
static void see_read(struct peer_seen *seen, const Provisiond__StationRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__STATION_REQUEST__OP_INSTALL_LIST:
        see_installs(seen, request->install_list);
        break;
    case PROVISIOND__STATION_REQUEST__OP_PRODUCT_READ:
        copy_text(seen->name, request->product_read->name);
        break;
    case PROVISIOND__STATION_REQUEST__OP_POLICY_READ:
        copy_text(seen->name, request->policy_read->product);
        break;
    case PROVISIOND__STATION_REQUEST__OP_IMAGE_READ:
        seen->id_length = request->image_read->image.len;
        copy_text(seen->product, request->image_read->product);
        break;
    case PROVISIOND__STATION_REQUEST__OP_GRANT_READ:
        see_grants(seen, request->grant_read);
        break;
    case PROVISIOND__STATION_REQUEST__OP_PRINCIPAL_LIST:
        copy_text(seen->name, request->principal_list->name);
        seen->role = (int)request->principal_list->role;
        break;
    case PROVISIOND__STATION_REQUEST__OP_USAGE_BY:
        see_sums(seen, request->usage_by);
        break;
    case PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH:
        seen->batch = request->license_batch->n_licenses;
        for (size_t i = 0; i < seen->batch; i++)
            see_license(seen, request->license_batch->licenses[i]);
        break;
    default:
        break;
    }
}

static void see(struct vault_peer *peer, const Provisiond__StationRequest *request)
{
    (void)pthread_mutex_lock(&peer->lock);
    struct peer_seen *seen = &peer->seen;
    seen->count++;
    seen->spki_length = request->caller_spki.len;
    if (request->caller_spki.len == SHA256_SIZE)
        memcpy(seen->spki, request->caller_spki.data, SHA256_SIZE);
    seen->lane_length = request->lane.len;
    if (request->lane.len == SHA256_SIZE)
        memcpy(seen->lane, request->lane.data, SHA256_SIZE);
    copy_text(seen->request_id, request->request_id);
    copy_text(seen->traceparent, request->traceparent);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_LICENSE)
        see_license(seen, request->license);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_OUTCOME)
        see_outcome(seen, request->outcome);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_TILE)
        see_tile(seen, request->tile);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_RECEIPT)
        see_install(seen, &request->receipt->install_id);
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_GRANT_APPLY) {
        const ProtobufCBinaryData *document = &request->grant_apply->document;
        seen->document = sha256_of(bytes_of(document->data, document->len));
        seen->document_length = document->len;
    }
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT) {
        copy_text(seen->alias, request->image_content->alias);
        seen->image_length = request->image_content->image.len;
    }
    see_read(seen, request);
    (void)pthread_mutex_unlock(&peer->lock);
}

/* A request that names neither product nor alias says by its id what it wants. */
static void answer_by_word(struct vault_peer *peer, struct rpc_call *call,
                           const Provisiond__StationRequest *request)
{
    const char *word = request->request_id;
    switch (request->op_case) {
    case PROVISIOND__STATION_REQUEST__OP_OUTCOME:
        peer_send_outcome(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_USAGE:
        peer_send_usage(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_READY:
        peer_send_ready(call, peer->hsm, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_CHECKPOINT:
        peer_send_checkpoint(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_TILE:
        peer_send_tile(call, request->tile, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_JOURNAL_KEY:
        peer_send_key(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_RECEIPT:
        peer_send_receipt(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_GRANT_APPLY:
        peer_send_grant(call, word);
        break;
    case PROVISIOND__STATION_REQUEST__OP_METRICS:
        peer_send_metrics(call, word);
        break;
    default:
        if (!peer_send_read(call, request, word))
            rpc_hang_up(call);
    }
}

static void answer(struct vault_peer *peer, struct rpc_call *call,
                   const Provisiond__StationRequest *request)
{
    if (request->op_case == PROVISIOND__STATION_REQUEST__OP_LICENSE &&
        request->license->device_image)
        peer_send_device_image(call, peer->image_path, request->request_id);
    else if (request->op_case == PROVISIOND__STATION_REQUEST__OP_LICENSE)
        obey(peer, call,
             request->license->alias[0] != '\0' ? request->license->alias
                                                : request->license->product);
    else if (request->op_case == PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT)
        obey_content(peer, call, request->image_content->alias);
    else if (!peer_send_by_word(call, request->request_id))
        answer_by_word(peer, call, request);
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
        peer_send_license(peer->held[i], false, 300);
    peer->held_count = 0;
    (void)pthread_mutex_unlock(&peer->lock);
}

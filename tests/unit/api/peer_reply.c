/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Replies about licenses, outcomes, products, images and health. Owns no state. */
#include "peer_reply.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/bytes.h"
#include "core/fault_message.h"

static bool is(const char *word, const char *wanted)
{
    return strcmp(word, wanted) == 0;
}

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static struct sha256 principal; /* of every caller; written before the peer is asked */
static atomic_bool has_principal;

void peer_set_principal(const char *name)
{
    atomic_store(&has_principal, false);
    if (name != NULL)
        principal = sha256_of(bytes_of(name, strlen(name)));
    atomic_store(&has_principal, name != NULL);
}

void peer_send(struct rpc_call *call, const Provisiond__StationReply *plain, int file)
{
    Provisiond__StationReply with = *plain;
    const Provisiond__StationReply *reply = &with;
    if (atomic_load(&has_principal))
        with.principal = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = principal.bytes};
    size_t length = provisiond__station_reply__get_packed_size(reply);
    uint8_t *payload = malloc(length + 1);
    ck_assert_ptr_nonnull(payload);
    /* An empty message is no frame: a reply always has its result or its fault. */
    provisiond__station_reply__pack(reply, payload);
    rpc_reply(call, bytes_of(payload, length), &file, file >= 0);
    free(payload);
}

/* ---- faults ---- */

static void send_fault(struct rpc_call *call, enum error code, const char *reason)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__FaultMessage message;
    struct fault fault;
    (void)fault_set(&fault, code, reason, "The peer says no.", 48);
    fault_set_until(&fault, code == ERR_BUDGET_SPENT ? PEER_UNTIL_UNIX_MS : 0);
    fault_to_message(&fault, &message);
    reply.fault = &message;
    peer_send(call, &reply, -1);
}

void peer_send_fault(struct rpc_call *call, enum error code)
{
    send_fault(call, code, "peer-reason");
}

enum error peer_fault_named(const char *name)
{
    for (int code = 1; code < ERR_COUNT; code++) {
        if (strcmp(error_name((enum error)code), name) == 0)
            return (enum error)code;
    }
    return ERR_INTERNAL;
}

bool peer_send_by_word(struct rpc_call *call, const char *word)
{
    if (strncmp(word, "fault-", 6) == 0)
        peer_send_fault(call, peer_fault_named(word + 6));
    else if (is(word, "principal-unknown"))
        send_fault(call, ERR_FORBIDDEN, word);
    else if (is(word, "other-type"))
        peer_send_license(call, false, 300);
    else
        return false;
    return true;
}

/* ---- results ---- */

void peer_fill_license(Provisiond__LicenseReply *result, bool is_repeat, size_t license_length)
{
    static uint8_t install[UUID_SIZE];
    static uint8_t image[SHA256_SIZE];
    static uint8_t license[8192];
    memset(install, 0x77, sizeof install);
    install[8] = 0xb7; /* the variant of RFC 9562 */
    memset(image, 0xab, sizeof image);
    memset(license, 0x5a, sizeof license);
    provisiond__license_reply__init(result);
    result->install_id = (ProtobufCBinaryData){.data = install, .len = sizeof install};
    result->image = (ProtobufCBinaryData){.data = image, .len = sizeof image};
    result->license = (ProtobufCBinaryData){.data = license, .len = license_length};
    result->profile = literal("cms");
    result->charged = !is_repeat;
    result->repeat = is_repeat;
    result->attempt = is_repeat ? 2 : 1;
    result->remaining = 41;
    result->journal_index = 7;
}

void peer_send_license(struct rpc_call *call, bool is_repeat, size_t license_length)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__LicenseReply result;
    peer_fill_license(&result, is_repeat, license_length);
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE;
    reply.license = &result;
    peer_send(call, &reply, -1);
}

void peer_send_device_image(struct rpc_call *call, const char *image_path, const char *word)
{
    static uint8_t tail[PEER_TAIL_BYTES + 1];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__LicenseReply result;
    int file = open(image_path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    memset(tail, 0x5b, sizeof tail);
    peer_fill_license(&result, false, 300);
    result.image_tail = (ProtobufCBinaryData){.data = tail, .len = PEER_TAIL_BYTES};
    result.image_tail_at = PEER_TAIL_AT;
    if (is(word, "no-tail"))
        result.image_tail.len = 0;
    if (is(word, "long-tail"))
        result.image_tail.len++;
    if (is(word, "outside"))
        result.image_tail_at = (uint64_t)lseek(file, 0, SEEK_END) + 1;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE;
    reply.license = &result;
    peer_send(call, &reply, is(word, "no-file") ? -1 : file);
    (void)close(file);
}

void peer_send_outcome(struct rpc_call *call, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__OutcomeReply result = PROVISIOND__OUTCOME_REPLY__INIT;
    result.proven = is(word, "proven");
    result.scrap_drawn = is(word, "drawn");
    result.attempt = is(word, "no-attempt") ? 0 : 3;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_OUTCOME;
    reply.outcome = &result;
    peer_send(call, &reply, -1);
}

static void fill_usage(Provisiond__UsageReply *result)
{
    provisiond__usage_reply__init(result);
    result->granted = 100;
    result->charged = 59;
    result->remaining = 41;
    result->licensed = 60;
    result->succeeded = 50;
    result->failed = 4;
    result->scrapped = 2;
    result->unreported = 3;
    result->accepted = 108;
    result->revoked = 9;
    result->scrap_allowance = 5;
    result->scrap_drawn = 1;
    result->proven = 48;
    result->governed = true;
    result->policy = literal("per-device");
    result->anchor = literal("none");
    result->unreported_hour = 11;
    result->unreported_day = 12;
    result->unreported_week = 13;
    result->unreported_older = 14;
}

void peer_send_usage(struct rpc_call *call, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__UsageReply result;
    fill_usage(&result);
    if (is(word, "negative-count"))
        result.proven = -1;
    if (is(word, "negative-age"))
        result.unreported_older = -1;
    if (is(word, "unknown-policy"))
        result.policy = literal("per-moon");
    if (is(word, "no-anchor"))
        result.anchor = literal("");
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE;
    reply.usage = &result;
    peer_send(call, &reply, -1);
}

void peer_send_ready(struct rpc_call *call, const char *hsm, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ReadyReply result = PROVISIOND__READY_REPLY__INIT;
    result.hsm = literal(hsm);
    result.ledger = literal("ok");
    result.anchor = literal(is(word, "no-anchor") ? "" : "ok");
    if (!is(hsm, "ok"))
        result.hsm_detail = literal("The peer's HSM is away.");
    if (strncmp(word, "anchor-", 7) == 0) {
        result.anchor = literal(word + 7);
        result.anchor_detail = literal("The peer's anchor is odd.");
    }
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_READY;
    reply.ready = &result;
    peer_send(call, &reply, -1);
}

void peer_send_content(struct rpc_call *call, const char *image_path, const char *alias)
{
    uint8_t image[SHA256_SIZE];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ImageContentReply result = PROVISIOND__IMAGE_CONTENT_REPLY__INIT;
    int file = open(image_path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        peer_send_fault(call, ERR_IMAGE_UNKNOWN);
        return;
    }
    memset(image, 0xab, sizeof image);
    if (!is(alias, "no-digest"))
        result.image = (ProtobufCBinaryData){.data = image, .len = sizeof image};
    result.size = (uint64_t)lseek(file, 0, SEEK_END);
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT;
    reply.image_content = &result;
    peer_send(call, &reply, file);
    (void)close(file);
}

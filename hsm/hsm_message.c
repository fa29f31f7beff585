/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Conversions between value structs and messages. Owns no state. */
#include "hsm/hsm_message.h"

#include <string.h>

#define P256_POINT_BYTES   65
#define P384_POINT_BYTES   97
#define X25519_POINT_BYTES 32
#define POINT_PLAIN        0x04
#define RSA_MIN_BYTES      256

ProtobufCBinaryData hsm_binary(const void *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static char *borrow_text(const char *text)
{
    return (char *)(uintptr_t)text; /* protobuf-c's packing side reads only */
}

void hsm_weak_key_to_message(const struct hsm_weak_key *weak, Provisiond__HsmWeakKey *out)
{
    provisiond__hsm_weak_key__init(out);
    out->key_id = hsm_binary(weak->id.bytes, sizeof weak->id.bytes);
    out->label = borrow_text(weak->label);
    out->attribute = borrow_text(weak->attribute);
}

void hsm_status_to_message(const struct hsm_status *status, struct hsm_status_message *out)
{
    Provisiond__HsmStatusReply *message = &out->message;
    provisiond__hsm_status_reply__init(message);
    message->workers_ready = status->workers_ready;
    message->workers_total = status->workers_total;
    message->workers_busy = status->workers_busy;
    message->worker_restarts = status->worker_restarts;
    message->token_label = borrow_text(status->token_label);
    message->token_serial = borrow_text(status->token_serial);
    message->token_model = borrow_text(status->token_model);
    message->mode = (Provisiond__HsmMode)status->mode;
    message->keeps_data = status->keeps_data;
    message->checkpoint_spki = hsm_binary(status->checkpoint.der, status->checkpoint.length);
    message->transport_spki = hsm_binary(status->transport.der, status->transport.length);
    for (size_t i = 0; i < status->successor_count; i++)
        out->successors[i] = hsm_binary(status->successors[i].der, status->successors[i].length);
    message->n_checkpoint_successors = status->successor_count;
    message->checkpoint_successors = out->successors;
    for (size_t i = 0; i < status->weak_key_count; i++) {
        hsm_weak_key_to_message(&status->weak_keys[i], &out->weak_keys[i]);
        out->weak_key_list[i] = &out->weak_keys[i];
    }
    message->n_weak_keys = status->weak_key_count;
    message->weak_keys = out->weak_key_list;
}

static bool take_text(const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    if (length >= size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

bool hsm_weak_key_from_message(const Provisiond__HsmWeakKey *message, struct hsm_weak_key *ret_weak)
{
    struct hsm_weak_key weak = {0};
    if (message->key_id.len != sizeof weak.id.bytes ||
        !take_text(message->label, weak.label, sizeof weak.label) ||
        !take_text(message->attribute, weak.attribute, sizeof weak.attribute))
        return false;
    memcpy(weak.id.bytes, message->key_id.data, sizeof weak.id.bytes);
    *ret_weak = weak;
    return true;
}

bool hsm_spki_from_message(ProtobufCBinaryData message, struct hsm_spki *ret_spki)
{
    if (message.len > sizeof ret_spki->der)
        return false;
    if (message.len > 0)
        memcpy(ret_spki->der, message.data, message.len);
    ret_spki->length = message.len;
    return true;
}

bool hsm_wrapped_key_from_message(ProtobufCBinaryData message, struct hsm_wrapped_key *ret_key)
{
    if (message.len != 16 + 8 && message.len != 32 + 8)
        return false;
    memcpy(ret_key->bytes, message.data, message.len);
    ret_key->length = message.len;
    return true;
}

static bool take_successors(const Provisiond__HsmStatusReply *message, struct hsm_status *status)
{
    if (message->n_checkpoint_successors >= HSM_CHECKPOINT_KEYS_MAX)
        return false;
    for (size_t i = 0; i < message->n_checkpoint_successors; i++) {
        if (!hsm_spki_from_message(message->checkpoint_successors[i], &status->successors[i]) ||
            status->successors[i].length == 0)
            return false;
    }
    status->successor_count = message->n_checkpoint_successors;
    return true;
}

void hsm_wrap_to_message(const struct hsm_wrap *wrap, Provisiond__HsmWrapRequest *out)
{
    provisiond__hsm_wrap_request__init(out);
    out->firmware_key_id = hsm_binary(wrap->firmware_key.bytes, sizeof wrap->firmware_key.bytes);
    out->wrapped_session_key = hsm_binary(wrap->session_key.bytes, wrap->session_key.length);
    out->curve = (Provisiond__HsmCurve)wrap->curve;
    out->peer_point = hsm_binary(wrap->peer_point.data, wrap->peer_point.length);
    out->kdf = (Provisiond__HsmKdf)wrap->kdf;
    out->shared_info = hsm_binary(wrap->shared_info.data, wrap->shared_info.length);
    out->kek_bytes = wrap->kek_bytes;
    out->key_wrap = (Provisiond__HsmKeyWrap)wrap->key_wrap;
    out->peer_spki = hsm_binary(wrap->peer_spki.data, wrap->peer_spki.length);
}

void hsm_wrapped_to_message(const struct hsm_wrapped *wrapped, Provisiond__HsmWrapReply *out)
{
    provisiond__hsm_wrap_reply__init(out);
    out->ephemeral_point = hsm_binary(wrapped->ephemeral_point, wrapped->ephemeral_length);
    out->wrapped_key = hsm_binary(wrapped->key.bytes, wrapped->key.length);
    out->mode = (Provisiond__HsmMode)wrapped->mode;
    out->oaep_hash = (Provisiond__HsmHash)wrapped->oaep_hash;
}

bool hsm_wrapped_from_message(const Provisiond__HsmWrapReply *message,
                              struct hsm_wrapped *ret_wrapped)
{
    struct hsm_wrapped wrapped = {.mode = (enum hsm_mode)message->mode,
                                  .ephemeral_length = message->ephemeral_point.len,
                                  .key = {.length = message->wrapped_key.len},
                                  .oaep_hash = (enum hsm_hash)message->oaep_hash};
    bool is_mode = message->mode == PROVISIOND__HSM_MODE__HSM_MODE_HOST ||
                   message->mode == PROVISIOND__HSM_MODE__HSM_MODE_TOKEN;
    if (!is_mode || message->oaep_hash > PROVISIOND__HSM_HASH__HSM_HASH_SHA256 ||
        message->ephemeral_point.len > sizeof wrapped.ephemeral_point ||
        message->wrapped_key.len == 0 || message->wrapped_key.len > sizeof wrapped.key.bytes)
        return false;
    if (message->ephemeral_point.len > 0)
        memcpy(wrapped.ephemeral_point, message->ephemeral_point.data,
               message->ephemeral_point.len);
    memcpy(wrapped.key.bytes, message->wrapped_key.data, message->wrapped_key.len);
    *ret_wrapped = wrapped;
    return true;
}

size_t hsm_point_bytes(enum hsm_curve curve)
{
    switch (curve) {
    case HSM_P256:
        return P256_POINT_BYTES;
    case HSM_P384:
        return P384_POINT_BYTES;
    case HSM_X25519:
        return X25519_POINT_BYTES;
    default:
        return 0;
    }
}

bool hsm_is_point(enum hsm_curve curve, const uint8_t *point, size_t length)
{
    return length > 0 && length == hsm_point_bytes(curve) &&
           (curve == HSM_X25519 || point[0] == POINT_PLAIN);
}

bool hsm_wrapped_answers(const struct hsm_wrapped *wrapped, const struct hsm_wrap *wrap)
{
    if (wrap->key_wrap == HSM_AES_KEY_WRAP)
        return wrapped->key.length == wrap->session_key.length && wrapped->oaep_hash == 0 &&
               hsm_is_point(wrap->curve, wrapped->ephemeral_point, wrapped->ephemeral_length);
    return wrapped->ephemeral_length == 0 && wrapped->key.length >= RSA_MIN_BYTES &&
           (wrapped->oaep_hash != 0) == (wrap->key_wrap == HSM_RSA_OAEP);
}

bool hsm_status_from_message(const Provisiond__HsmStatusReply *message,
                             struct hsm_status *ret_status)
{
    struct hsm_status status = {.workers_ready = message->workers_ready,
                                .workers_total = message->workers_total,
                                .workers_busy = message->workers_busy,
                                .worker_restarts = message->worker_restarts,
                                .mode = (enum hsm_mode)message->mode,
                                .keeps_data = message->keeps_data};
    if (message->mode > PROVISIOND__HSM_MODE__HSM_MODE_TOKEN ||
        message->n_weak_keys > HSM_WEAK_KEYS_MAX || !take_successors(message, &status) ||
        !take_text(message->token_label, status.token_label, sizeof status.token_label) ||
        !take_text(message->token_serial, status.token_serial, sizeof status.token_serial) ||
        !take_text(message->token_model, status.token_model, sizeof status.token_model) ||
        !hsm_spki_from_message(message->checkpoint_spki, &status.checkpoint) ||
        !hsm_spki_from_message(message->transport_spki, &status.transport))
        return false;
    for (size_t i = 0; i < message->n_weak_keys; i++) {
        if (!hsm_weak_key_from_message(message->weak_keys[i], &status.weak_keys[i]))
            return false;
    }
    status.weak_key_count = message->n_weak_keys;
    *ret_status = status;
    return true;
}

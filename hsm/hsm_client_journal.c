/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The part of hsm_client.h that the journal and its grants need: the head's signature, the anchor,
 * the first authorities. Owns no state.
 */
#include <string.h>

#include "hsm/hsm_ask.h"
#include "hsm/hsm_client.h"
#include "hsm/hsm_message.h"

static bool take_signature(const ProtobufCBinaryData *from, struct hsm_signature *ret_signature)
{
    if (from->len == 0 || from->len > sizeof ret_signature->der)
        return false;
    memcpy(ret_signature->der, from->data, from->len);
    ret_signature->length = from->len;
    return true;
}

enum error hsm_sign_checkpoint(struct hsm_client *client, struct bytes body,
                               const struct sha256 *key, struct hsm_signature *ret_signature,
                               struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmSignCheckpointRequest message = PROVISIOND__HSM_SIGN_CHECKPOINT_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    if (body.length > HSM_CHECKPOINT_BODY_MAX)
        return hsm_fail_argument(fault);
    message.body = hsm_binary(body.data, body.length);
    if (key != NULL)
        message.key = hsm_binary(key->bytes, SHA256_SIZE);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_SIGN_CHECKPOINT;
    request.sign_checkpoint = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    return take_signature(&reply->sign_checkpoint->signature, ret_signature)
               ? ERR_OK
               : hsm_fail_answer(fault);
}

enum error hsm_rotate_checkpoint_key(struct hsm_client *client, const struct sha256 *old_key,
                                     const char *origin, struct hsm_successor *ret_successor,
                                     struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmRotateCheckpointKeyRequest message =
        PROVISIOND__HSM_ROTATE_CHECKPOINT_KEY_REQUEST__INIT;
    struct hsm_successor successor;
    HSM_REPLY_AUTO *reply = NULL;
    if (strnlen(origin, HSM_ORIGIN_MAX + 1) > HSM_ORIGIN_MAX)
        return hsm_fail_argument(fault);
    message.old_key = hsm_binary(old_key->bytes, SHA256_SIZE);
    message.origin = (char *)(uintptr_t)origin;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY;
    request.rotate_checkpoint_key = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_KEYGEN_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    successor.generation = reply->rotate_checkpoint_key->generation;
    if (successor.generation < 2 || successor.generation > HSM_CHECKPOINT_KEYS_MAX ||
        !hsm_spki_from_message(reply->rotate_checkpoint_key->spki, &successor.spki) ||
        successor.spki.length == 0 ||
        !take_signature(&reply->rotate_checkpoint_key->signature, &successor.signature))
        return hsm_fail_answer(fault);
    *ret_successor = successor;
    return ERR_OK;
}

enum error hsm_anchor_read(struct hsm_client *client, struct hsm_anchor *ret_anchor,
                           struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAnchorReadRequest message = PROVISIOND__HSM_ANCHOR_READ_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ANCHOR_READ;
    request.anchor_read = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    const ProtobufCBinaryData *note = &reply->anchor_read->note;
    if (note->len > HSM_ANCHOR_MAX)
        return hsm_fail_answer(fault);
    if (note->len > 0)
        memcpy(ret_anchor->note, note->data, note->len);
    ret_anchor->note[note->len] = '\0';
    ret_anchor->length = note->len;
    ret_anchor->is_retired = reply->anchor_read->retired;
    return ERR_OK;
}

static enum error write_anchor(struct hsm_client *client,
                               const Provisiond__HsmAnchorWriteRequest *message,
                               struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    if (message->note.len > HSM_ANCHOR_MAX)
        return hsm_fail_argument(fault);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE;
    request.anchor_write = (Provisiond__HsmAnchorWriteRequest *)(uintptr_t)message;
    return hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
}

enum error hsm_anchor_write(struct hsm_client *client, struct bytes note,
                            const struct sha256 *replaces, bool replaces_larger,
                            struct fault *fault)
{
    Provisiond__HsmAnchorWriteRequest message = PROVISIOND__HSM_ANCHOR_WRITE_REQUEST__INIT;
    message.note = hsm_binary(note.data, note.length);
    message.replaces = hsm_binary(replaces->bytes, SHA256_SIZE);
    message.replaces_larger = replaces_larger;
    return write_anchor(client, &message, fault);
}

enum error hsm_anchor_end(struct hsm_client *client, struct bytes note,
                          const struct sha256 *replaces, struct fault *fault)
{
    Provisiond__HsmAnchorWriteRequest message = PROVISIOND__HSM_ANCHOR_WRITE_REQUEST__INIT;
    message.note = hsm_binary(note.data, note.length);
    message.replaces = hsm_binary(replaces->bytes, SHA256_SIZE);
    message.retires = true;
    return write_anchor(client, &message, fault);
}

enum error hsm_destroy_keys(struct hsm_client *client, unsigned *ret_destroyed, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmDestroyKeysRequest message = PROVISIOND__HSM_DESTROY_KEYS_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_DESTROY_KEYS;
    request.destroy_keys = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_KEYGEN_TIMEOUT_MS, &reply, fault);
    if (e == ERR_OK)
        *ret_destroyed = reply->destroy_keys->destroyed;
    return e;
}

enum error hsm_authority_read(struct hsm_client *client, const char *product, bool *ret_is_kept,
                              struct sha256 *ret_digest, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAuthorityReadRequest message = PROVISIOND__HSM_AUTHORITY_READ_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    if (strnlen(product, HSM_PRODUCT_MAX + 1) > HSM_PRODUCT_MAX)
        return hsm_fail_argument(fault);
    message.product = (char *)(uintptr_t)product;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_AUTHORITY_READ;
    request.authority_read = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    const ProtobufCBinaryData *digest = &reply->authority_read->digest;
    if (digest->len != 0 && digest->len != SHA256_SIZE)
        return hsm_fail_answer(fault);
    *ret_is_kept = digest->len != 0;
    if (*ret_is_kept)
        memcpy(ret_digest->bytes, digest->data, SHA256_SIZE);
    return ERR_OK;
}

enum error hsm_authority_write(struct hsm_client *client, const char *product,
                               const struct sha256 *digest, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAuthorityWriteRequest message = PROVISIOND__HSM_AUTHORITY_WRITE_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    if (strnlen(product, HSM_PRODUCT_MAX + 1) > HSM_PRODUCT_MAX)
        return hsm_fail_argument(fault);
    message.product = (char *)(uintptr_t)product;
    message.digest = hsm_binary(digest->bytes, SHA256_SIZE);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE;
    request.authority_write = &message;
    return hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
}

enum error hsm_authority_list(struct hsm_client *client, struct hsm_authorities *ret_authorities,
                              struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAuthorityListRequest message = PROVISIOND__HSM_AUTHORITY_LIST_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_AUTHORITY_LIST;
    request.authority_list = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    const Provisiond__HsmAuthorityListReply *list = reply->authority_list;
    if (list->n_products > HSM_AUTHORITIES_MAX)
        return hsm_fail_answer(fault);
    for (size_t i = 0; i < list->n_products; i++) {
        if (strnlen(list->products[i], HSM_PRODUCT_MAX + 1) > HSM_PRODUCT_MAX)
            return hsm_fail_answer(fault);
        strcpy(ret_authorities->products[i], list->products[i]);
    }
    ret_authorities->count = list->n_products;
    return ERR_OK;
}

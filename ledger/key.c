/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The checkpoint key's rotations: a leaf each, and a row that says where it is, so that a start
 * need not read all leaves. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

struct rotation_change {
    char by[LEDGER_BY_MAX + 1];
    int64_t generation;
    struct sha256 old_key;
    uint8_t new_key[LEDGER_SPKI_MAX];
    size_t new_key_length;
    uint8_t signature[CHECKPOINT_DER_MAX];
    size_t signature_length;
    int64_t index; /* the answer */
};

static enum error apply_rotation(struct change_context *context, void *body, struct fault *fault)
{
    struct rotation_change *change = body;
    struct leaf leaf = leaf_new(context, "checkpoint-key-rotated");
    leaf_put_number(&leaf, "generation", change->generation);
    leaf_put_hex(&leaf, "old", bytes_of(change->old_key.bytes, SHA256_SIZE));
    leaf_put_base64(&leaf, "new", bytes_of(change->new_key, change->new_key_length));
    leaf_put_base64(&leaf, "signature", bytes_of(change->signature, change->signature_length));
    leaf_put_text(&leaf, "by", change->by);
    enum error e = leaf_append(&leaf, &change->index, fault);
    return e == ERR_OK ? context->ops->rotation_add(context->store, change->generation,
                                                    change->index, fault)
                       : e;
}

static enum error check(const struct ledger_key_rotation *rotation, const char *by,
                        struct fault *fault)
{
    if (rotation->new_key.length == 0 || rotation->new_key.length > LEDGER_SPKI_MAX ||
        rotation->signature.length == 0 || rotation->signature.length > CHECKPOINT_DER_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "key", "A key or its signature is out of limits.",
                         0);
    return valid_by(by, fault);
}

enum error ledger_key_rotate(struct ledger *ledger, const struct ledger_key_rotation *rotation,
                             const char *by, int64_t *ret_index, struct fault *fault)
{
    enum error e = check(rotation, by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_rotation, sizeof(struct rotation_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct rotation_change *body = (void *)change->body;
    strcpy(body->by, by);
    body->generation = rotation->generation;
    body->old_key = rotation->old_key;
    memcpy(body->new_key, rotation->new_key.data, rotation->new_key.length);
    body->new_key_length = rotation->new_key.length;
    memcpy(body->signature, rotation->signature.data, rotation->signature.length);
    body->signature_length = rotation->signature.length;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_index = body->index;
    return e;
}

enum error ledger_rotations_get(struct ledger *ledger, struct ledger_rotations *ret_rotations,
                                struct fault *fault)
{
    return ledger->ops->rotations_get(ledger->store, ret_rotations, fault);
}

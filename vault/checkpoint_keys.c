/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "vault/checkpoint_keys.h"

static enum error refuse(struct fault *fault)
{
    return fault_set(
        fault, ERR_LEDGER_UNAVAILABLE, "checkpoint-keys",
        "The journal's leaves do not lead from the HSM's first checkpoint key to the "
        "present one: the ledger was changed. Keep it, and restore a backup beside it.",
        0);
}

struct reading {
    struct key_chain *chain;
    bool follows;
};

static bool take_leaf(void *context, int64_t index, struct bytes entry)
{
    struct reading *reading = context;
    struct key_rotation rotation;
    reading->follows = key_rotation_read(entry, index, &rotation) == KEY_LEAF_READ &&
                       key_chain_add(reading->chain, &rotation) == KEY_FOLLOWS;
    return false;
}

enum error checkpoint_keys_read(struct ledger *ledger, const char *origin,
                                const struct hsm_spki *first, struct key_chain *ret_chain,
                                struct fault *fault)
{
    const struct bytes spki = bytes_of(first->der, first->length);
    const struct sha256 identity = sha256_of(spki);
    struct ledger_rotations rotations;
    enum error e = ledger_rotations_get(ledger, &rotations, fault);
    if (e != ERR_OK)
        return e;
    key_chain_begin(ret_chain, origin, &identity);
    key_chain_tell(ret_chain, spki);
    for (size_t i = 0; i < rotations.count; i++) {
        struct reading reading = {.chain = ret_chain};
        e = ledger_leaves_each(ledger, rotations.leaves[i], 1, take_leaf, &reading, fault);
        if (e == ERR_OK && !reading.follows)
            e = refuse(fault);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum error open_by(const struct hsm_spki *key, struct bytes note,
                          struct checkpoint *ret_checkpoint, struct sha256 *ret_key,
                          struct fault *fault)
{
    const struct bytes spki = bytes_of(key->der, key->length);
    enum error e = checkpoint_open(note, spki, ret_checkpoint, fault);
    if (e == ERR_OK)
        *ret_key = sha256_of(spki);
    return e;
}

enum error checkpoint_keys_open(const struct hsm_status *status, struct bytes note,
                                struct checkpoint *ret_checkpoint, struct sha256 *ret_key,
                                struct fault *fault)
{
    enum error e = open_by(&status->checkpoint, note, ret_checkpoint, ret_key, fault);
    for (size_t i = 0; i < status->successor_count && e == ERR_BAD_REQUEST; i++)
        e = open_by(&status->successors[i], note, ret_checkpoint, ret_key, fault);
    return e;
}

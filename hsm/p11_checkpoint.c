/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The generations of the checkpoint key. Each has a label and a CKA_ID of its own, so that a key
 * has one successor for ever: a rotation that was cut off finds what it made, and so does one that
 * is repeated on an older ledger. The old keys stay and can sign; who verifies knows up to which
 * leaf each one counts (docs/decisions/0021-checkpoint-keys.md). Owns no state.
 */
#include "hsm/p11.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/crash_point.h"
#include "hsm/hsm_checkpoint.h"

static_assert(HSM_CHECKPOINT_KEYS_MAX < 1000, "a generation has three digits in the CKA_ID");

struct p11_pair p11_checkpoint_pair(unsigned generation)
{
    struct p11_pair pair = {"provisiond-chkpt", "provisiond-checkpoint", P11_CHECKPOINT_USE,
                            CKA_SIGN, CKA_DERIVE};
    char id[HSM_KEY_ID_BYTES + 1];
    if (generation == 1)
        return pair;
    (void)snprintf(id, sizeof id, "provisiond-ck%03u", generation % 1000);
    memcpy(pair.id, id, sizeof pair.id);
    (void)snprintf(pair.label, sizeof pair.label, "provisiond-checkpoint-%u", generation);
    return pair;
}

/* Remembers the first generation that is not looked up yet; false when there is none. */
static enum error look_up_next(struct p11 *p11, bool *ret_is_found, struct fault *fault)
{
    struct p11_checkpoint_key *key = &p11->checkpoint_keys[p11->checkpoint_key_count];
    *ret_is_found = false;
    if (p11->checkpoint_key_count == HSM_CHECKPOINT_KEYS_MAX)
        return ERR_OK;
    const struct p11_pair pair = p11_checkpoint_pair((unsigned)p11->checkpoint_key_count + 1);
    enum error e = p11_find_pair(p11, &pair, &key->handle, &key->spki, fault);
    if (e != ERR_OK || key->handle == CK_INVALID_HANDLE)
        return e;
    key->digest = sha256_of(bytes_of(key->spki.der, key->spki.length));
    p11->checkpoint_key_count++;
    *ret_is_found = true;
    return ERR_OK;
}

/* *ret_index is the place of the key, as far as was looked; -1: it is none of those. */
static void find_known(const struct p11 *p11, const struct sha256 *digest, int *ret_index)
{
    *ret_index = -1;
    for (size_t i = 0; i < p11->checkpoint_key_count && *ret_index < 0; i++) {
        if (digest == NULL || sha256_equal(&p11->checkpoint_keys[i].digest, digest))
            *ret_index = (int)i;
    }
}

static enum error find_key(struct p11 *p11, const struct sha256 *digest, int *ret_index,
                           struct fault *fault)
{
    bool is_more = true;
    enum error e = ERR_OK;
    find_known(p11, digest, ret_index);
    while (*ret_index < 0 && is_more && e == ERR_OK) {
        e = look_up_next(p11, &is_more, fault);
        find_known(p11, digest, ret_index);
    }
    if (e == ERR_OK && *ret_index < 0)
        e = p11_check(p11, fault); /* an absent token has no keys either */
    return e;
}

enum error p11_get_checkpoint_key(struct p11 *p11, const struct sha256 *digest,
                                  const struct p11_checkpoint_key **ret_key, struct fault *fault)
{
    int index = -1;
    enum error e = find_key(p11, digest, &index, fault);
    if (e != ERR_OK)
        return e;
    if (index < 0)
        return fault_set(
            fault, ERR_HSM_KEY_MISSING, "checkpoint-key-missing",
            "The token does not hold this checkpoint key: `provctl hsm init` makes the "
            "first one, `provctl journal rotate-key` those after it.",
            0);
    *ret_key = &p11->checkpoint_keys[index];
    return ERR_OK;
}

enum error p11_get_successors(struct p11 *p11, struct hsm_status *status, struct fault *fault)
{
    enum error e = ERR_OK;
    status->successor_count = 0;
    while (e == ERR_OK && status->successor_count + 1 < HSM_CHECKPOINT_KEYS_MAX) {
        struct hsm_spki *spki = &status->successors[status->successor_count];
        CK_OBJECT_HANDLE ignored = CK_INVALID_HANDLE;
        const struct p11_pair pair = p11_checkpoint_pair((unsigned)status->successor_count + 2);
        e = p11_find_pair(p11, &pair, &ignored, spki, fault);
        if (e != ERR_OK || spki->length == 0)
            break;
        status->successor_count++;
    }
    /* A weak or unreadable one is noted, and no reason to refuse the whole token. */
    return e == ERR_HSM_KEY_WEAK || e == ERR_HSM_KEY_MISSING ? ERR_OK : e;
}

/* ---- rotation ---- */

static enum error make_successor(struct p11 *p11, int old_index, struct hsm_successor *successor,
                                 struct fault *fault)
{
    successor->generation = (unsigned)old_index + 2;
    if (successor->generation > HSM_CHECKPOINT_KEYS_MAX)
        return fault_set(fault, ERR_CONFLICT, "checkpoint-keys-many",
                         "An HSM has at most 16 checkpoint keys: the next one is another HSM's.",
                         0);
    struct p11_pair pair = p11_checkpoint_pair(successor->generation);
    return p11_ensure_pair(p11, &pair, &successor->spki, fault);
}

enum error p11_rotate_checkpoint_key(struct p11 *p11, const struct sha256 *old_key,
                                     const char *origin, struct hsm_successor *ret_successor,
                                     struct fault *fault)
{
    char body[HSM_CHECKPOINT_BODY_MAX + 1];
    const struct p11_checkpoint_key *key = NULL;
    struct hsm_successor successor = {.generation = 0};
    enum error e = p11_get_checkpoint_key(p11, old_key, &key, fault);
    if (e == ERR_OK)
        e = make_successor(p11, (int)(key - p11->checkpoint_keys), &successor, fault);
    if (e != ERR_OK)
        return e;
    crash_point("hsm-worker.checkpoint-key-made");
    const struct hsm_key_statement statement = {
        .origin = origin,
        .generation = successor.generation,
        .old_key = *old_key,
        .new_key = sha256_of(bytes_of(successor.spki.der, successor.spki.length))};
    size_t length = hsm_checkpoint_statement(&statement, body);
    e = p11_sign_checkpoint(p11, bytes_of(body, length), old_key, &successor.signature, fault);
    if (e == ERR_OK)
        *ret_successor = successor;
    return e;
}

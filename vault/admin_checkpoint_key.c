/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rotation of the checkpoint key: the HSM makes the next one and lets the old one sign for it,
 * the ledger writes the leaf, the notary signs and anchors with the new one. Cut off anywhere it is
 * asked for again: the HSM finds the key that it made, and a leaf that is there is not written
 * twice. Owns no state.
 */
#include "vault/admin_task.h"

#include <string.h>

#include "core/crash_point.h"
#include "vault/hsm_watch.h"
#include "vault/notary.h"

#define ANCHOR_TIMEOUT_MS 10000

/* *ret_is_done: the newest key is old_key's successor, so that this was asked for before. */
static enum error check_old(const struct key_chain *keys, const struct sha256 *old_key,
                            bool *ret_is_done, struct fault *fault)
{
    const struct key_chain_key *newest = key_chain_newest(keys);
    *ret_is_done = keys->count > 1 && sha256_equal(&newest[-1].digest, old_key);
    if (*ret_is_done || sha256_equal(&newest->digest, old_key))
        return ERR_OK;
    return fault_set(fault, ERR_CONFLICT, "other-key",
                     "Another checkpoint key signs now: name the one that provctl status shows.",
                     0);
}

static enum error ask_hsm(struct admin_task *task, const struct key_chain *keys,
                          const struct sha256 *old_key, struct key_rotation *ret_rotation)
{
    struct hsm_successor successor;
    struct key_chain longer = *keys;
    struct key_rotation rotation = {.index = INT64_MAX, .old_key = *old_key};
    enum error e = hsm_rotate_checkpoint_key(task->vault->hsm, old_key, keys->origin, &successor,
                                             &task->fault);
    if (e != ERR_OK)
        return e;
    if (successor.spki.length == KEY_SPKI_LENGTH)
        memcpy(rotation.new_key, successor.spki.der, successor.spki.length);
    rotation.new_key_length = successor.spki.length;
    rotation.generation = successor.generation;
    memcpy(rotation.signature, successor.signature.der, successor.signature.length);
    rotation.signature_length = successor.signature.length;
    if (key_chain_add(&longer, &rotation) != KEY_FOLLOWS)
        return fault_set(&task->fault, ERR_INTERNAL, "rotation",
                         "The HSM's statement of its new checkpoint key does not hold: it signed "
                         "something else, or its keys are not those of this journal.",
                         0);
    *ret_rotation = rotation;
    return ERR_OK;
}

static enum error rotate(struct admin_task *task, const struct key_chain *keys,
                         const struct sha256 *old_key)
{
    struct key_rotation rotation;
    int64_t index = 0;
    enum error e = ask_hsm(task, keys, old_key, &rotation);
    if (e != ERR_OK)
        return e;
    crash_point("vault.checkpoint-key-made");
    const struct ledger_key_rotation written = {
        .generation = rotation.generation,
        .old_key = *old_key,
        .new_key = bytes_of(rotation.new_key, rotation.new_key_length),
        .signature = bytes_of(rotation.signature, rotation.signature_length)};
    e = ledger_key_rotate(task->vault->ledger, &written, task->by, &index, &task->fault);
    if (e != ERR_OK)
        return e;
    crash_point("vault.checkpoint-key-rotated");
    hsm_watch_refresh(task->vault->watch);
    notary_note(task->vault->notary, index + 1);
    return ERR_OK;
}

/* Until the anchor is a head that the new key signed. */
static enum error await_anchor(struct admin_task *task, int64_t leaf)
{
    struct notary *notary = task->vault->notary;
    struct notary_view view;
    const deadline_ms deadline = deadline_in(ANCHOR_TIMEOUT_MS);
    enum error e = ERR_OK;
    notary_show(notary, &view);
    while (view.keeps_anchor && view.anchored_size <= leaf && e == ERR_OK) {
        e = notary_await_anchor(notary, view.anchored_size, deadline, &task->fault);
        notary_show(notary, &view);
    }
    return e;
}

enum error admin_journal_rotate_key(struct admin_task *task)
{
    Provisiond__JournalRotateKeyReply *reply = &task->result.journal_rotate_key;
    struct key_chain_key *key = &task->values.checkpoint_key;
    struct notary *notary = task->vault->notary;
    struct key_chain keys;
    struct sha256 old_key;
    bool is_done = false;
    if (!admin_read_digest(&task->request->journal_rotate_key->old_key, &old_key))
        return admin_refuse_field(task, "old_key", "A key is named by 32 bytes.");
    enum error e = notary_permits(notary, &task->fault);
    if (e == ERR_OK)
        e = notary_keys(notary, &keys, &task->fault);
    if (e == ERR_OK)
        e = check_old(&keys, &old_key, &is_done, &task->fault);
    if (e == ERR_OK && !is_done)
        e = rotate(task, &keys, &old_key);
    if (e == ERR_OK)
        e = notary_keys(notary, &keys, &task->fault);
    if (e != ERR_OK)
        return e;
    *key = *key_chain_newest(&keys);
    provisiond__journal_rotate_key_reply__init(reply);
    reply->generation = (int64_t)keys.count;
    reply->spki = (ProtobufCBinaryData){.len = KEY_SPKI_LENGTH, .data = key->spki};
    reply->journal_index = key->leaf;
    reply->repeat = is_done;
    e = await_anchor(task, key->leaf);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_JOURNAL_ROTATE_KEY;
    task->reply.journal_rotate_key = reply;
    return ERR_OK;
}

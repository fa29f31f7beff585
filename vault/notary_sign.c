/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signs heads of the journal and backups, and keeps the anchor. */
#include "vault/notary_inside.h"

#include <string.h>

#include "vault/checkpoint_keys.h"

/* How long an export waits for the comparison of a journal that has ended. */
#define END_TIMEOUT_MS 5000

/* ---- keys ---- */

enum error notary_read_keys(struct notary *notary, struct key_chain *ret_keys, struct fault *fault)
{
    enum error e = checkpoint_keys_read(notary->options.ledger, notary->view.origin, &notary->first,
                                        ret_keys, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&notary->lock);
    notary->keys = *ret_keys;
    (void)pthread_mutex_unlock(&notary->lock);
    return ERR_OK;
}

/* Read anew when a rotation was committed: its row is there as soon as its leaf is. */
enum error notary_current_keys(struct notary *notary, struct key_chain *ret_keys,
                               struct fault *fault)
{
    struct ledger_rotations rotations;
    enum error e = ledger_rotations_get(notary->options.ledger, &rotations, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&notary->lock);
    *ret_keys = notary->keys;
    (void)pthread_mutex_unlock(&notary->lock);
    return ret_keys->count == rotations.count + 1 ? ERR_OK
                                                  : notary_read_keys(notary, ret_keys, fault);
}

/* ---- signing ---- */

/* The signature of whichever key signs heads of that size. */
static enum error sign_body(struct notary *notary, int64_t size, struct bytes body,
                            struct key_chain_key *ret_key, struct hsm_signature *ret_signature,
                            struct fault *fault)
{
    struct key_chain keys;
    enum error e = notary_current_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    *ret_key = *key_chain_at(&keys, size);
    return hsm_sign_checkpoint(notary->options.hsm, body, &ret_key->digest, ret_signature, fault);
}

/* Signs the first size leaves. The origin does not change once the doors are open. */
static enum error sign_size(struct notary *notary, int64_t size, struct checkpoint *ret_checkpoint,
                            char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    struct hsm_signature signature;
    struct key_chain_key key;
    struct checkpoint checkpoint = {.size = size};
    strcpy(checkpoint.origin, notary->view.origin);
    enum error e = ledger_root(notary->options.ledger, size, &checkpoint.root, fault);
    if (e != ERR_OK)
        return e;
    size_t length = checkpoint_body(&checkpoint, body);
    e = sign_body(notary, size, bytes_of(body, length), &key, &signature, fault);
    if (e == ERR_OK)
        e = checkpoint_note(&checkpoint, key_chain_spki(&key),
                            bytes_of(signature.der, signature.length), ret_note, fault);
    if (e == ERR_OK)
        *ret_checkpoint = checkpoint;
    return e;
}

enum error notary_sign_now(struct notary *notary, int64_t *ret_size, struct fault *fault)
{
    struct ledger_info info;
    struct checkpoint checkpoint;
    notary->is_last = ledger_is_retired(notary->options.ledger); /* before the size is read */
    enum error e = ledger_info(notary->options.ledger, &info, fault);
    if (e == ERR_OK)
        e = sign_size(notary, info.journal_size, &checkpoint, notary->note, fault);
    if (e == ERR_OK)
        *ret_size = checkpoint.size;
    return e;
}

/* ---- anchoring ---- */

void notary_set_anchored(struct notary *notary, int64_t size)
{
    ledger_set_anchored(notary->options.ledger, size, notary->options.unanchored_max);
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.anchored_size = size == LEDGER_NO_ANCHOR ? -1 : size;
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

/* After a write whose answer was lost: which of the two does the HSM keep? */
static enum error settle(struct notary *notary, struct fault *fault)
{
    struct hsm_anchor anchor;
    if (!notary->is_unsure)
        return ERR_OK;
    enum error e = hsm_anchor_read(notary->options.hsm, &anchor, fault);
    if (e != ERR_OK)
        return e;
    const struct sha256 kept = sha256_of(bytes_of(anchor.note, anchor.length));
    if (sha256_equal(&kept, &notary->attempted))
        notary->kept = kept;
    notary->is_unsure = false;
    return ERR_OK;
}

enum error notary_anchor(struct notary *notary, int64_t size, bool replaces_larger,
                         struct fault *fault)
{
    const struct bytes note = bytes_of(notary->note, strlen(notary->note));
    enum error e = settle(notary, fault);
    if (e != ERR_OK)
        return e;
    const struct sha256 digest = sha256_of(note);
    notary->attempted = digest;
    e = notary->is_last
            ? hsm_anchor_end(notary->options.hsm, note, &notary->kept, fault)
            : hsm_anchor_write(notary->options.hsm, note, &notary->kept, replaces_larger, fault);
    notary->is_unsure = e != ERR_OK && e != ERR_CONFLICT;
    if (e == ERR_OK) {
        notary->kept = digest;
        notary->anchored_ms = clock_monotonic_ms();
        notary_set_anchored(notary, size);
    }
    return e;
}

static void set_checkpoint(struct notary *notary, int64_t size)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.checkpoint_size = size;
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

enum error notary_publish(struct notary *notary, int64_t size, struct fault *fault)
{
    enum error e = ledger_checkpoint_set(notary->options.ledger, size, notary->note, fault);
    if (e == ERR_OK) {
        notary->signed_ms = clock_monotonic_ms();
        set_checkpoint(notary, size);
    }
    return e;
}

/* ---- asking ---- */

/* As notary_permits; the last head of a journal that has ended is signed as well, once it was found
 * to be the one that the HSM remembers. */
static enum error permits_signing(struct notary *notary, struct fault *fault)
{
    enum error e = notary_permits(notary, fault);
    /* Beside an older ledger, which has not ended, the HSM's word stands. */
    if (e != ERR_HSM_RETIRED || !ledger_is_retired(notary->options.ledger))
        return e;
    return notary_await_end(notary, deadline_in(END_TIMEOUT_MS), fault);
}

enum error notary_sign(struct notary *notary, int64_t size, struct checkpoint *ret_checkpoint,
                       char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    enum error e = permits_signing(notary, fault);
    if (e == ERR_OK)
        e = sign_size(notary, size, ret_checkpoint, ret_note, fault);
    return e;
}

enum error notary_keys(struct notary *notary, struct key_chain *ret_keys, struct fault *fault)
{
    (void)pthread_mutex_lock(&notary->lock);
    bool is_known = notary->keys.count > 0;
    struct fault seen = notary->view.fault;
    (void)pthread_mutex_unlock(&notary->lock);
    if (is_known)
        return notary_current_keys(notary, ret_keys, fault);
    *fault = seen;
    return seen.code != ERR_OK ? seen.code
                               : fault_set(fault, ERR_INTERNAL, "keys", "No key was read.", 0);
}

enum error notary_sign_backup(struct notary *notary, int64_t size, struct backup_note *backup,
                              char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    struct hsm_signature signature;
    struct key_chain_key key;
    enum error e = permits_signing(notary, fault);
    if (e != ERR_OK)
        return e;
    strcpy(backup->origin, notary->view.origin);
    size_t length = backup_note_body(backup, body);
    e = sign_body(notary, size, bytes_of(body, length), &key, &signature, fault);
    if (e != ERR_OK)
        return e;
    return backup_note_write(backup, key_chain_spki(&key),
                             bytes_of(signature.der, signature.length), ret_note, fault);
}

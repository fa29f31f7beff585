/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The newest signed checkpoint, which is kept without a leaf: a leaf would need the next one. And
 * an auditor's challenge, which is a leaf under it. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/journal.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

struct checkpoint_change {
    int64_t size;
    char note[CHECKPOINT_NOTE_MAX];
};

static enum error apply_checkpoint(struct change_context *context, void *body, struct fault *fault)
{
    const struct checkpoint_change *change = body;
    int64_t size = 0;
    enum error e = journal_size(context, &size, fault);
    if (e == ERR_OK && change->size > size)
        e = journal_too_short(fault);
    if (e != ERR_OK)
        return e;
    return context->ops->checkpoint_set(context->store, change->size, change->note, fault);
}

enum error ledger_checkpoint_set(struct ledger *ledger, int64_t size, const char *note,
                                 struct fault *fault)
{
    size_t length = strnlen(note, CHECKPOINT_NOTE_MAX);
    if (size < 0 || length == 0 || length == CHECKPOINT_NOTE_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "checkpoint",
                         "A checkpoint has a size from 0 on and a note of 1 to 4095 bytes.", 0);
    CHANGE_AUTO *change = ledger_change(apply_checkpoint, sizeof(struct checkpoint_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    change_keeps_catalogue(change);
    struct checkpoint_change *body = (void *)change->body;
    body->size = size;
    memcpy(body->note, note, length + 1);
    return commit_run(ledger->committer, change, fault);
}

enum error ledger_checkpoint_get(struct ledger *ledger, int64_t *ret_size,
                                 char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    return ledger->ops->checkpoint_get(ledger->store, ret_size, ret_note, fault);
}

/* ---- challenges ---- */

struct challenge_change {
    char by[LEDGER_BY_MAX + 1];
    uint8_t nonce[LEDGER_CHALLENGE_MAX];
    size_t nonce_length;
    int64_t index; /* the answer */
};

static enum error apply_challenge(struct change_context *context, void *body, struct fault *fault)
{
    struct challenge_change *change = body;
    struct leaf leaf = leaf_new(context, "challenge");
    leaf_put_hex(&leaf, "nonce", bytes_of(change->nonce, change->nonce_length));
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, &change->index, fault);
}

enum error ledger_challenge(struct ledger *ledger, struct bytes nonce, const char *by,
                            int64_t *ret_index, struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    if (nonce.length < LEDGER_CHALLENGE_MIN || nonce.length > LEDGER_CHALLENGE_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "challenge", "A challenge has 8 to 64 bytes.", 0);
    CHANGE_AUTO *change = ledger_change(apply_challenge, sizeof(struct challenge_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct challenge_change *body = (void *)change->body;
    strcpy(body->by, by);
    memcpy(body->nonce, nonce.data, nonce.length);
    body->nonce_length = nonce.length;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_index = body->index;
    return e;
}

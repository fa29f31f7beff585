/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of a journal. The newest leaf alone says that it has come, so a start needs no row for
 * it; leaf_append keeps the rest out. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/journal.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

struct retire_change {
    char by[LEDGER_BY_MAX + 1];
    bool has_successor;
    struct sha256 successor;
    int64_t index; /* the answer */
};

static enum error apply_retire(struct change_context *context, void *body, struct fault *fault)
{
    struct retire_change *change = body;
    enum error e = journal_size(context, &change->index, fault);
    if (e == ERR_OK && context->memory.is_retired) {
        change->index--;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "retired");
    if (change->has_successor)
        leaf_put_hex(&leaf, "successor", bytes_of(change->successor.bytes, SHA256_SIZE));
    leaf_put_text(&leaf, "by", change->by);
    e = leaf_append(&leaf, &change->index, fault);
    context->memory.is_retired = e == ERR_OK;
    return e;
}

enum error ledger_retire(struct ledger *ledger, const struct sha256 *successor, const char *by,
                         int64_t *ret_index, struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_retire, sizeof(struct retire_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct retire_change *body = (void *)change->body;
    strcpy(body->by, by);
    body->has_successor = successor != NULL;
    if (successor != NULL)
        body->successor = *successor;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_index = body->index;
    return e;
}

bool ledger_is_retired(struct ledger *ledger)
{
    return committer_is_retired(ledger->committer);
}

enum error ledger_retired_fault(struct fault *fault)
{
    return fault_set(fault, ERR_HSM_RETIRED, "retired",
                     "The journal of this HSM has ended: nothing is licensed, changed or recorded "
                     "here any more.",
                     0);
}

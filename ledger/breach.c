/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ledger that does not extend the HSM's anchor: the note of it, which outlives a restart, and the
 * override. Only the newest note counts. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/journal.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

static bool is_same_head(const struct ledger_head *a, const struct ledger_head *b)
{
    return a->size == b->size && sha256_equal(&a->root, &b->root);
}

/* ---- noting ---- */

struct breach_change {
    struct ledger_heads heads;
    struct ledger_breach breach; /* the answer */
};

/* Whether the ledger still begins with that head; a shorter one does not. */
static enum error extends(struct change_context *context, const struct ledger_head *head,
                          bool *ret_extends, struct fault *fault)
{
    struct sha256 root;
    int64_t size = 0;
    *ret_extends = false;
    enum error e = journal_size(context, &size, fault);
    if (e != ERR_OK || head->size > size)
        return e;
    e = journal_root(context, head->size, &root, fault);
    if (e == ERR_OK)
        *ret_extends = sha256_equal(&root, &head->root);
    return e;
}

static enum error is_known(struct change_context *context, const struct store_breach *newest,
                           const struct ledger_heads *heads, bool *ret_is_known,
                           struct fault *fault)
{
    *ret_is_known = false;
    if (newest->id == 0 || !is_same_head(&newest->breach.heads.anchor, &heads->anchor))
        return ERR_OK;
    return extends(context, &newest->breach.heads.found, ret_is_known, fault);
}

static enum error apply_breach(struct change_context *context, void *body, struct fault *fault)
{
    struct breach_change *change = body;
    struct store_breach newest;
    bool is_found_again = false;
    enum error e = context->ops->breach_newest(context->store, &newest, fault);
    if (e == ERR_OK)
        e = is_known(context, &newest, &change->heads, &is_found_again, fault);
    if (e != ERR_OK)
        return e;
    change->breach = newest.breach;
    if (is_found_again)
        return ERR_OK;
    change->breach = (struct ledger_breach){.heads = change->heads};
    return context->ops->breach_add(context->store, &change->heads, fault);
}

enum error ledger_breach_note(struct ledger *ledger, const struct ledger_heads *heads,
                              struct ledger_breach *ret_breach, struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_breach, sizeof(struct breach_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct breach_change *body = (void *)change->body;
    body->heads = *heads;
    enum error e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_breach = body->breach;
    return e;
}

/* ---- overriding ---- */

struct override_change {
    struct ledger_heads heads;
    char by[LEDGER_BY_MAX + 1];
    int64_t index; /* the answer */
};

static enum error check_override(struct change_context *context, const struct store_breach *newest,
                                 const struct ledger_heads *heads, struct fault *fault)
{
    bool is_agreed = false;
    if (newest->id == 0 || newest->breach.is_overridden)
        return fault_set(fault, ERR_CONFLICT, "no-mismatch",
                         "The ledger extends the HSM's anchor: there is nothing to override.", 0);
    if (!is_same_head(&newest->breach.heads.anchor, &heads->anchor) ||
        !is_same_head(&newest->breach.heads.found, &heads->found))
        return fault_set(fault, ERR_ANCHOR_MISMATCH, "other-heads",
                         "The ledger was found with other heads: read the status again.", 0);
    enum error e = context->ops->breach_is_agreed(context->store, newest->id, &is_agreed, fault);
    if (e == ERR_OK && !is_agreed)
        e = fault_set(fault, ERR_FORBIDDEN, "product-governed",
                      "Each governed product needs its maker's signed override of these heads "
                      "first.",
                      0);
    return e;
}

static void put_head(struct leaf *leaf, const char *size_key, const char *root_key,
                     const struct ledger_head *head)
{
    leaf_put_number(leaf, size_key, head->size);
    leaf_put_hex(leaf, root_key, bytes_of(head->root.bytes, SHA256_SIZE));
}

static enum error apply_override(struct change_context *context, void *body, struct fault *fault)
{
    struct override_change *change = body;
    struct store_breach newest;
    enum error e = context->ops->breach_newest(context->store, &newest, fault);
    if (e == ERR_OK)
        e = check_override(context, &newest, &change->heads, fault);
    if (e == ERR_OK)
        e = context->ops->breach_override(context->store, newest.id, context->now_unix_ms, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "override");
    put_head(&leaf, "anchor_size", "anchor_root", &change->heads.anchor);
    put_head(&leaf, "head_size", "head_root", &change->heads.found);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, &change->index, fault);
}

enum error ledger_override(struct ledger *ledger, const struct ledger_heads *heads, const char *by,
                           int64_t *ret_index, struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_override, sizeof(struct override_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct override_change *body = (void *)change->body;
    body->heads = *heads;
    strcpy(body->by, by);
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_index = body->index;
    return e;
}

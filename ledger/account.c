/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The "account" leaves: what the rows of each governed product say, put where a later start can
 * believe it. Owns no state.
 */
#include "ledger/handle.h"
#include "ledger/leaf.h"

static enum error append_account(struct change_context *context,
                                 const struct store_account *account, struct fault *fault)
{
    struct sha256 listed;
    enum error e =
        context->ops->listed_state_mine(context->store, account->product_id, &listed, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "account");
    leaf_put_text(&leaf, "product", account->product);
    leaf_put_number(&leaf, "documents", account->documents);
    leaf_put_number(&leaf, "charged", account->charged);
    leaf_put_number(&leaf, "scrap_drawn", account->scrap_drawn);
    leaf_put_listed(&leaf, &listed);
    return leaf_append(&leaf, NULL, fault);
}

struct account_change {
    bool (*includes)(void *context, int64_t product_id);
    void *context;
};

static enum error apply_accounts(struct change_context *context, void *body, struct fault *fault)
{
    const struct account_change *change = body;
    struct store_account account = {.product_id = 0};
    bool is_found = true;
    while (is_found) {
        enum error e = context->ops->governed_next(context->store, &account, &is_found, fault);
        if (e == ERR_OK && is_found && change->includes(change->context, account.product_id))
            e = append_account(context, &account, fault);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum error ledger_account_note(struct ledger *ledger,
                               bool (*includes)(void *context, int64_t product_id), void *context,
                               struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_accounts, sizeof(struct account_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct account_change *body = (void *)change->body;
    *body = (struct account_change){.includes = includes, .context = context};
    return commit_run(ledger->committer, change, fault);
}

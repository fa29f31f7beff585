/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The notary's first look at an HSM, again and again until the doors are open. */
#include "vault/notary_inside.h"

#include "core/log.h"
#include "vault/anchor_check.h"
#include "vault/override_leaf.h"

static void open_doors(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->is_open = true;
    notary->view.is_breached = false;
    notary->view.fault = (struct fault){0};
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

static enum error prepare(struct notary *notary, struct hsm_status *ret_status, struct fault *fault)
{
    struct ledger_info info;
    struct key_chain keys;
    enum error e = hsm_watch_get(notary->options.watch, ret_status, fault);
    if (e == ERR_OK)
        e = ledger_info(notary->options.ledger, &info, fault);
    if (e != ERR_OK)
        return e;
    notary->first = ret_status->checkpoint;
    (void)pthread_mutex_lock(&notary->lock);
    checkpoint_origin(info.site, &info.hsm_identity, notary->view.origin);
    notary->view.keeps_anchor = ret_status->keeps_data;
    (void)pthread_mutex_unlock(&notary->lock);
    e = notary_read_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    return governance_check_all(notary->options.governance, ret_status->keeps_data, fault);
}

static void note_breach(struct notary *notary, const struct ledger_heads *heads)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.is_breached = true;
    notary->view.heads = *heads;
    (void)pthread_mutex_unlock(&notary->lock);
}

/* The row that says so is believed when the journal says so too. ERR_ANCHOR_MISMATCH. */
static enum error confirm_override(struct notary *notary, struct ledger_breach *breach,
                                   struct fault *fault)
{
    struct fault mismatch = *fault;
    bool is_found = false;
    enum error e = override_leaf_find(notary->options.ledger, &breach->heads, &is_found, fault);
    if (e != ERR_OK || is_found)
        return e;
    breach->is_overridden = false;
    note_breach(notary, &breach->heads);
    *fault = mismatch;
    return ERR_ANCHOR_MISMATCH;
}

/* Whether the journal extends the anchor, or was said to go on without. */
static enum error compare(struct notary *notary, const struct hsm_status *status,
                          bool *ret_is_overridden, struct fault *fault)
{
    struct key_chain keys;
    enum error e = notary_current_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    const struct anchor_question question = {.ledger = notary->options.ledger,
                                             .hsm = notary->options.hsm,
                                             .status = status,
                                             .chain = &keys,
                                             .is_retired =
                                                 ledger_is_retired(notary->options.ledger),
                                             .origin = notary->view.origin};
    struct ledger_breach breach = {0};
    e = anchor_check(&question, &notary->kept, &breach, fault);
    if (e == ERR_ANCHOR_MISMATCH && breach.is_overridden)
        e = confirm_override(notary, &breach, fault);
    if (e == ERR_OK && breach.is_overridden)
        e = governance_allows_override(notary->options.governance, &breach.heads, fault);
    else if (e == ERR_ANCHOR_MISMATCH)
        note_breach(notary, &breach.heads);
    *ret_is_overridden = e == ERR_OK && breach.is_overridden;
    return e;
}

/* The anchor comes before the published checkpoint, so that a ledger with one has an anchor. */
static enum error begin(struct notary *notary, struct fault *fault)
{
    struct hsm_status status;
    bool is_overridden = false;
    int64_t size = 0;
    enum error e = prepare(notary, &status, fault);
    if (e == ERR_OK && status.keeps_data)
        e = compare(notary, &status, &is_overridden, fault);
    if (e == ERR_OK && !notary->has_accounts && !ledger_is_retired(notary->options.ledger))
        e = governance_note_accounts(notary->options.governance, fault);
    notary->has_accounts = notary->has_accounts || e == ERR_OK;
    if (e == ERR_OK)
        e = notary_sign_now(notary, &size, fault);
    if (e == ERR_OK && status.keeps_data)
        e = notary_anchor(notary, size, is_overridden, fault);
    if (e == ERR_OK)
        e = notary_publish(notary, size, fault);
    if (e != ERR_OK)
        return e;
    if (!status.keeps_data)
        notary_set_anchored(notary, LEDGER_NO_ANCHOR);
    open_doors(notary);
    if (notary->is_last)
        notary_note_end(notary);
    log_event(LOG_LEVEL_INFO, "journal-open", LOG_TEXT("origin", notary->view.origin),
              LOG_NUMBER("leaves", size),
              LOG_TEXT("anchor", status.keeps_data ? "written" : "none"));
    return ERR_OK;
}

static bool take_second_look(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    bool looks_again = notary->looks_again;
    notary->looks_again = false;
    (void)pthread_mutex_unlock(&notary->lock);
    return looks_again;
}

void notary_try_to_begin(struct notary *notary)
{
    struct fault fault = {0};
    if (notary->has_lost_anchor ||
        (clock_monotonic_ms() < notary->retry_ms && !take_second_look(notary)))
        return;
    enum error e = hsm_watch_permits(notary->options.watch, &fault);
    bool was_asked = e == ERR_OK;
    if (was_asked)
        e = begin(notary, &fault);
    if (e == ERR_OK) {
        notary->retry_ms = 0;
        return;
    }
    notary_note_failure(notary, &fault);
    if (was_asked) {
        log_fault(LOG_LEVEL_ERROR, "journal-not-open", &fault);
        bool is_final = e == ERR_ANCHOR_MISMATCH || e == ERR_HSM_RETIRED;
        notary->retry_ms = is_final ? INT64_MAX : clock_monotonic_ms() + NOTARY_RETRY_MS;
    }
}

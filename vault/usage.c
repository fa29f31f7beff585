/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From the ledger's account to the message. Owns no state. */
#include "vault/usage.h"

const char *policy_word(enum ledger_policy policy)
{
    return policy == LEDGER_PER_LICENSE ? "per-license" : "per-device";
}

static void put_units(const struct ledger_usage *usage, Provisiond__UsageReply *reply)
{
    reply->granted = usage->granted;
    reply->charged = usage->charged;
    reply->remaining = usage->remaining;
    reply->licensed = usage->licensed;
    reply->accepted = usage->accepted;
    reply->revoked = usage->revoked;
    reply->scrap_allowance = usage->scrap_allowance;
    reply->scrap_drawn = usage->scrap_drawn;
}

static void put_outcomes(const struct ledger_usage *usage, Provisiond__UsageReply *reply)
{
    reply->succeeded = usage->succeeded;
    reply->proven = usage->proven;
    reply->failed = usage->failed;
    reply->scrapped = usage->scrapped;
    reply->unreported = usage->unreported;
    reply->unreported_hour = usage->unreported_age[0];
    reply->unreported_day = usage->unreported_age[1];
    reply->unreported_week = usage->unreported_age[2];
    reply->unreported_older = usage->unreported_age[3];
}

enum error usage_answer(struct vault *vault, const Provisiond__UsageRequest *request,
                        struct usage_text *text, Provisiond__UsageReply *ret_reply,
                        struct fault *fault)
{
    struct ledger_usage usage;
    enum error e = ledger_usage(vault->ledger, request->product, &usage, fault);
    if (e != ERR_OK)
        return e;
    provisiond__usage_reply__init(ret_reply);
    put_units(&usage, ret_reply);
    put_outcomes(&usage, ret_reply);
    ret_reply->governed = usage.is_governed;
    ret_reply->policy = (char *)(uintptr_t)policy_word(usage.policy);
    notary_show(vault->notary, &text->view);
    ret_reply->anchor = (char *)(uintptr_t)notary_word(&text->view);
    return ERR_OK;
}

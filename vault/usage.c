/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From the ledger's account to the message. Owns no state. */
#include "vault/usage.h"

enum error usage_answer(struct vault *vault, const Provisiond__UsageRequest *request,
                        Provisiond__UsageReply *ret_reply, struct fault *fault)
{
    struct ledger_usage usage;
    enum error e = ledger_usage(vault->ledger, request->product, &usage, fault);
    if (e != ERR_OK)
        return e;
    provisiond__usage_reply__init(ret_reply);
    ret_reply->granted = usage.granted;
    ret_reply->charged = usage.charged;
    ret_reply->remaining = usage.remaining;
    ret_reply->licensed = usage.licensed;
    ret_reply->succeeded = usage.succeeded;
    ret_reply->failed = usage.failed;
    ret_reply->scrapped = usage.scrapped;
    ret_reply->unreported = usage.unreported;
    return ERR_OK;
}

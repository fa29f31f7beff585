/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The account of a product as a message, for both sockets. Threads: safe from any thread. */
#ifndef VAULT_USAGE_H
#define VAULT_USAGE_H

#include "vault.pb-c.h"
#include "vault/notary.h"
#include "vault/state.h"

/* ERR_PRODUCT_UNKNOWN. *ret_reply owns nothing. */
/* What a reply's texts point into. */
struct usage_text {
    struct notary_view view;
};

enum error usage_answer(struct vault *vault, const Provisiond__UsageRequest *request,
                        struct usage_text *text, Provisiond__UsageReply *ret_reply,
                        struct fault *fault) MUST_USE;

/* "per-device", "per-license". */
const char *policy_word(enum ledger_policy policy);

#endif

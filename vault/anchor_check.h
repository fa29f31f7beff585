/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whether the journal extends the anchor that the HSM keeps. Threads: safe from any thread. */
#ifndef VAULT_ANCHOR_CHECK_H
#define VAULT_ANCHOR_CHECK_H

#include "hsm/hsm_client.h"
#include "ledger/ledger.h"
#include "vault/checkpoint_keys.h"

struct anchor_question {
    struct ledger *ledger;
    struct hsm_client *hsm;
    const struct hsm_status *status; /* the checkpoint keys that the HSM has */
    const struct key_chain *chain;   /* those that the journal knows */
    const char *origin;              /* of this journal */
    bool is_retired;                 /* it has ended */
};

/*
 * Compares the anchor with the leaves that were there when the ledger was opened. ERR_OK: it
 * extends the anchor, or there is none and never was. *ret_kept is the SHA-256 of what the HSM
 * keeps as its anchor, when it could be read. ERR_ANCHOR_MISMATCH: *ret_breach is filled, and the
 * reason is "ledger-older" (it has fewer leaves than the anchor covers), "ledger-differs" (other
 * leaves), "anchor-missing", "anchor-foreign" (of another journal), "anchor-forged" (not signed
 * by a checkpoint key of this HSM) or "anchor-other-key" (by one of them that did not sign yet, or
 * no more, at its size). A ledger from before a rotation has an anchor of a key that it does not
 * know: it is the older one, and nothing else is said of it.
 */
/* ERR_HSM_RETIRED ("retired-journal"): the HSM's journal has ended, and this one has not: an older
 * copy, which no override lets go on. */
enum error anchor_check(const struct anchor_question *question, struct sha256 *ret_kept,
                        struct ledger_breach *ret_breach, struct fault *fault) MUST_USE;

#endif

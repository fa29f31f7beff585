/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal's checkpoint keys, as its leaves give them. The ledger's rows only say where to look:
 * every leaf is checked against the key before it (journal/key_chain.h). Threads: safe from any
 * thread.
 */
#ifndef VAULT_CHECKPOINT_KEYS_H
#define VAULT_CHECKPOINT_KEYS_H

#include "hsm/hsm_client.h"
#include "journal/key_chain.h"
#include "ledger/ledger.h"

/* ERR_LEDGER_UNAVAILABLE ("checkpoint-keys"): the leaves do not lead on from the HSM's first key.
 */
enum error checkpoint_keys_read(struct ledger *ledger, const char *origin,
                                const struct hsm_spki *first, struct key_chain *ret_chain,
                                struct fault *fault) MUST_USE;
/* Which of the HSM's checkpoint keys has signed the note, as a digest. ERR_BAD_REQUEST as
 * checkpoint_open: none of them. */
enum error checkpoint_keys_open(const struct hsm_status *status, struct bytes note,
                                struct checkpoint *ret_checkpoint, struct sha256 *ret_key,
                                struct fault *fault) MUST_USE;

#endif

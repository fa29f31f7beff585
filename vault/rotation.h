/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rotation of a product's firmware key: a new key in the HSM, every session key of the product
 * wrapped by it, then one transaction of the ledger (docs/decisions/0020-key-generations.md).
 *
 * It is done in steps, so that no request lasts long. What the steps so far came to is kept in
 * memory alone: the HSM wraps a session key to the same bytes each time, so that a rotation that
 * was cut begins anew and comes to the same. Nothing is changed for anybody before the transaction.
 *
 * Order of calls: rotation_new, any steps, rotation_free. Threads: safe from any; one step at a
 * time.
 */
#ifndef VAULT_ROTATION_H
#define VAULT_ROTATION_H

#include "vault/state.h"

struct rotation_wish {
    const char *product;
    int64_t generation; /* of the new key; 0: the next one */
    const char *by;
};

struct rotation_progress {
    int64_t generation; /* of the new key */
    struct hsm_key_id new_key;
    size_t done; /* session keys that are wrapped anew */
    size_t count;
    bool is_finished; /* the new key is in use */
};

/* NULL when memory is out. */
struct rotation *rotation_new(void);
/* NULL is allowed. */
void rotation_free(struct rotation *rotation);

/*
 * About a second of work. ERR_BUSY ("rotation"): another step is under way, or another product's
 * rotation was a moment ago. ERR_CONFLICT ("firmware-key-changed"): the generation is not the next.
 * ERR_TOO_LARGE ("images"). Else as governance_permits, hsm_generate_firmware_key, hsm_rewrap,
 * ledger_firmware_key_rotate; the next step goes on.
 */
enum error rotation_step(struct vault *vault, const struct rotation_wish *wish,
                         struct rotation_progress *ret_progress, struct fault *fault) MUST_USE;

#endif

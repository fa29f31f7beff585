/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* So many keys at a time as one question may name. Owns no state. */
#include "vault/key_presence.h"

#include "core/log.h"
#include "vault/product_make.h"

static void say_missing(const struct ledger_product *product)
{
    log_event(LOG_LEVEL_ERROR, "firmware-key-missing", LOG_TEXT("product", product->name),
              LOG_NUMBER("generation", product->generation));
}

static enum error check_some(struct hsm_client *hsm, const struct ledger_product *products,
                             size_t count, struct fault *fault)
{
    struct hsm_key_id ids[HSM_KEY_STATES_MAX];
    struct hsm_key_state states[HSM_KEY_STATES_MAX];
    for (size_t i = 0; i < count; i++)
        ids[i] = product_firmware_key_id(products[i].name, products[i].generation);
    enum error e = hsm_key_states(hsm, ids, count, states, fault);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        if (!states[i].exists)
            say_missing(&products[i]);
    }
    return e;
}

enum error key_presence_check(struct hsm_client *hsm, const struct ledger_product *products,
                              size_t count, struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t at = 0; at < count && e == ERR_OK; at += HSM_KEY_STATES_MAX) {
        size_t some = count - at < HSM_KEY_STATES_MAX ? count - at : HSM_KEY_STATES_MAX;
        e = check_some(hsm, products + at, some, fault);
    }
    return e;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What making or changing a product has in common, for local products and for policy documents:
 * whether this build and HSM can serve what is wanted, and the firmware key. Threads: safe from
 * any.
 */
#ifndef VAULT_PRODUCT_MAKE_H
#define VAULT_PRODUCT_MAKE_H

#include <stdbool.h>

#include "core/bytes.h"
#include "core/error.h"
#include "hsm/hsm_client.h"

#define FIRST_GENERATION 1 /* of a product's firmware keys */

struct product_wish {
    const char *profile;
    struct bytes anchors; /* PEM */
    bool allows_key_exposure;
    const char *options; /* the profile's settings as text; "" when it has none */
};

/*
 * ERR_BAD_REQUEST with the reason "profile", "st" (the settings of st-sfi are missing),
 * "exposure-not-allowed", "anchors", or as product_options_parse, device_settings_parse,
 * device_anchors_new and st_anchors_new.
 */
enum error product_wish_check(const struct product_wish *wish, struct fault *fault) MUST_USE;

/*
 * A firmware key's CKA_ID follows from the product's name and the key's generation, so that a
 * creation or a rotation that was cut off between HSM and ledger finds its key again, and no
 * product can use another one's.
 */
struct hsm_key_id product_firmware_key_id(const char *product, int64_t generation);
/* Its CKA_LABEL. */
void product_firmware_key_label(const char *product, int64_t generation,
                                char out[HSM_LABEL_MAX_BYTES + 1]);
/* Makes that firmware key where it is missing. Errors as hsm_generate_firmware_key. */
enum error product_firmware_key_make(struct hsm_client *hsm, const char *product,
                                     int64_t generation, struct fault *fault) MUST_USE;

#endif

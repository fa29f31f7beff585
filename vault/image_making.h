/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images that the HSM encrypts: pack/ says which parts, the firmware passes through provision-hsm
 * only. Threads: no state.
 */
#ifndef VAULT_IMAGE_MAKING_H
#define VAULT_IMAGE_MAKING_H

#include "hsm/hsm_client.h"
#include "ledger/ledger.h"
#include "pack/pack.h"

/* Who encrypts. */
struct image_making {
    struct hsm_client *hsm;
    struct hsm_key_id firmware_key;
};

/*
 * Makes a session key for this image alone and encrypts under it; encrypt and context of pack are
 * set here. Sets the image's session key, IV, tag and form of content, and leaves the rest of it.
 * Errors are those of pack_image, hsm_generate_session_key and hsm_encrypt.
 */
enum error image_make(const struct image_making *making, struct pack_making *pack,
                      struct ledger_image *image, struct fault *fault) MUST_USE;

/* IV, tag and form of content of an image, for its row. */
void image_set_content(struct ledger_image *image, const struct license_profile *profile,
                       const struct packed *packed);

#endif

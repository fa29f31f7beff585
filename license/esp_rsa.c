/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "esp-rsa": bytes 4 to 387 of the header of Espressif's pre-encrypted image, which is the
 * session key under the device's RSA-3072 key (RSAES-PKCS1-v1_5). docs/profiles/esp-rsa.md has the
 * rest of the header, which is the image's. Owns no state.
 */
#include "license/profile.h"

#include <string.h>

#define RSA_BYTES 384

static const struct license_content CONTENTS[] = {{.name = "aes-256-gcm",
                                                   .cipher = LICENSE_AES_GCM,
                                                   .key_bytes = 32,
                                                   .iv_bytes = 16,
                                                   .tag_bytes = 16}};

static enum error esp_rsa_agreement(const struct license_subject *subject,
                                    struct license_agreement *ret_agreement)
{
    (void)subject;
    *ret_agreement = (struct license_agreement){.key = LICENSE_RSA, .wrap = LICENSE_RSA_PKCS1};
    return ERR_OK;
}

static enum error esp_rsa_encode(const struct license_subject *subject,
                                 const struct license_wrapped *wrapped, struct license *ret_license)
{
    (void)subject;
    if (wrapped->wrapped_key.length != RSA_BYTES)
        return ERR_UNSUPPORTED; /* a key of another size than the chip's */
    memcpy(ret_license->bytes, wrapped->wrapped_key.data, RSA_BYTES);
    ret_license->length = RSA_BYTES;
    return ERR_OK;
}

const struct license_profile LICENSE_PROFILE_ESP_RSA = {.name = "esp-rsa",
                                                        .keys = LICENSE_KEY_BIT(LICENSE_RSA),
                                                        .device = LICENSE_X509_DEVICE,
                                                        .exposes_session_key = false,
                                                        .contents = CONTENTS,
                                                        .content_count = 1,
                                                        .agreement = esp_rsa_agreement,
                                                        .encode = esp_rsa_encode};

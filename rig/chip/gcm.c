/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* AES-128-GCM over libcrypto. Owns no state. */
#include "rig/chip/gcm.h"

#include <limits.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/evp.h>

static bool start(EVP_CIPHER_CTX *context, const struct chip_gcm *message)
{
    return EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)message->iv.length, NULL) ==
               1 &&
           EVP_DecryptInit_ex(context, NULL, NULL, message->key, message->iv.data) == 1;
}

static bool update(EVP_CIPHER_CTX *context, struct bytes in, uint8_t *out)
{
    int length = 0;
    return in.length == 0 ||
           (in.length <= INT_MAX &&
            EVP_DecryptUpdate(context, out, &length, in.data, (int)in.length) == 1);
}

static bool verify(EVP_CIPHER_CTX *context, const uint8_t *tag)
{
    uint8_t nothing[CHIP_TAG_BYTES];
    int length = 0;
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CHIP_TAG_BYTES,
                               (void *)(uintptr_t)tag) == 1 &&
           EVP_DecryptFinal_ex(context, nothing, &length) == 1;
}

bool chip_gcm_open(const struct chip_gcm *message, uint8_t *out, struct chip_power *power)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_open = context != NULL && start(context, message) &&
                   update(context, message->aad[0], NULL) &&
                   update(context, message->aad[1], NULL) && update(context, message->text, out);
    if (power != NULL)
        chip_power_step(power);
    is_open = is_open && verify(context, message->tag);
    if (!is_open && message->text.length > 0)
        OPENSSL_cleanse(out, message->text.length);
    if (power != NULL)
        chip_power_step(power);
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return is_open;
}

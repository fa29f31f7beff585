/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The device's side of wraps and seals, in OpenSSL alone and written apart from the product: ECDH,
 * X9.63 KDF, AES key unwrap, AES-GCM.
 */
#ifndef TESTS_UNIT_HSM_DEVICE_KEY_H
#define TESTS_UNIT_HSM_DEVICE_KEY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "hsm/hsm_client.h"
#include "hsm_rig.h"

struct device_key {
    EVP_PKEY *key;
    uint8_t point[65];
};

void device_key_make(struct device_key *device);
void device_key_free(struct device_key *device);

/* The wrap of keys->session_key for this device; borrows device and shared_info. */
struct hsm_wrap device_wrap(const struct device_key *device, const struct rig_keys *keys,
                            struct bytes shared_info, unsigned kek_bytes);

/* Opens a wrapped key; the length of the key, or 0 when it does not open. */
size_t device_key_open(const struct device_key *device, const struct hsm_wrapped *wrapped,
                       struct bytes shared_info, unsigned kek_bytes,
                       uint8_t out[HSM_SESSION_KEY_MAX]);

/* The key of an AES key wrap, as an import takes it. */
struct hsm_wrapped_key device_wrapped_key(const struct hsm_wrapped *wrapped);

/* The seal of keys->session_key for this device with key K[0..15] and IV K[16..27]; as above. */
struct hsm_seal device_seal(const struct device_key *device, const struct rig_keys *keys,
                            struct bytes shared_info);

/*
 * Opens a seal as *seal describes it: the length of prefix and key, or 0 when it does not open.
 * Nothing but layout, shared info and additional data is taken from *seal.
 */
size_t device_seal_open(const struct device_key *device, const struct hsm_sealed *sealed,
                        const struct hsm_seal *seal, uint8_t out[HSM_SEALED_MAX]);

/* Decrypts AES-GCM; false when the tag does not fit. */
bool device_decrypt(struct bytes key, const struct hsm_content *content, struct bytes aad,
                    struct bytes cipher, uint8_t *out);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "mcuboot": the body of the encryption TLV of an MCUboot image (docs/profiles/mcuboot.md):
 * 0x32 for P-256, 0x33 or with SHA-512 0x34 for X25519, 0x30 for RSA-2048. Owns no state.
 */
#include "license/profile.h"

#include <assert.h>
#include <string.h>

#define P256_POINT_BYTES   65
#define X25519_POINT_BYTES 32
#define SHA256_MAC_BYTES   32
#define SHA512_MAC_BYTES   64
#define RSA_BYTES          256
#define RSA_KEY_BYTES      32 /* of session keys at most */

static const char SHARED_INFO[] = "MCUBoot_ECIES_v1";

static_assert(sizeof SHARED_INFO - 1 <= LICENSE_SHARED_INFO_MAX, "the KDF's info");

/* The counter begins at 0: the key is the image's own, and nothing else is encrypted with it. */
static const struct license_content CONTENTS[] = {
    {.name = "aes-128-ctr", .cipher = LICENSE_AES_CTR, .key_bytes = 16},
    {.name = "aes-256-ctr", .cipher = LICENSE_AES_CTR, .key_bytes = RSA_KEY_BYTES},
};

static bool is_sha512(const struct license_subject *subject)
{
    return subject->device_key == LICENSE_X25519 && subject->uses_sha512;
}

static unsigned mac_bytes_of(const struct license_subject *subject)
{
    return is_sha512(subject) ? SHA512_MAC_BYTES : SHA256_MAC_BYTES;
}

static enum error mcuboot_agreement(const struct license_subject *subject,
                                    struct license_agreement *ret_agreement)
{
    if (subject->device_key == LICENSE_RSA) {
        *ret_agreement =
            (struct license_agreement){.key = LICENSE_RSA, .wrap = LICENSE_RSA_OAEP_SHA256};
        return ERR_OK;
    }
    *ret_agreement = (struct license_agreement){.key = subject->device_key,
                                                .kdf = is_sha512(subject) ? LICENSE_HKDF_SHA512
                                                                          : LICENSE_HKDF_SHA256,
                                                .wrap = LICENSE_ECIES_CTR_HMAC,
                                                .shared_info_length = sizeof SHARED_INFO - 1,
                                                .kek_bytes = subject->content->key_bytes,
                                                .mac_bytes = mac_bytes_of(subject)};
    memcpy(ret_agreement->shared_info, SHARED_INFO, sizeof SHARED_INFO - 1);
    return ERR_OK;
}

static enum error rsa_encode(const struct license_wrapped *wrapped, struct license *ret_license)
{
    if (wrapped->wrapped_key.length != RSA_BYTES)
        return ERR_UNSUPPORTED; /* a key of another size than MCUboot's */
    memcpy(ret_license->bytes, wrapped->wrapped_key.data, RSA_BYTES);
    ret_license->length = RSA_BYTES;
    return ERR_OK;
}

/* The HSM gives ciphertext and MAC; the TLV has ephemeral key, MAC, ciphertext. */
static enum error mcuboot_encode(const struct license_subject *subject,
                                 const struct license_wrapped *wrapped, struct license *ret_license)
{
    const struct bytes *point = &wrapped->ephemeral_point;
    const struct bytes *sealed = &wrapped->wrapped_key;
    const size_t key_bytes = subject->content->key_bytes;
    const size_t mac_bytes = mac_bytes_of(subject);
    uint8_t *out = ret_license->bytes;
    if (subject->device_key == LICENSE_RSA)
        return rsa_encode(wrapped, ret_license);
    if (sealed->length != key_bytes + mac_bytes ||
        point->length !=
            (subject->device_key == LICENSE_P256 ? P256_POINT_BYTES : X25519_POINT_BYTES))
        return ERR_INTERNAL;
    memcpy(out, point->data, point->length);
    memcpy(out + point->length, sealed->data + key_bytes, mac_bytes);
    memcpy(out + point->length + mac_bytes, sealed->data, key_bytes);
    ret_license->length = point->length + sealed->length;
    return ERR_OK;
}

const struct license_profile LICENSE_PROFILE_MCUBOOT = {
    .name = "mcuboot",
    .keys = LICENSE_KEY_BIT(LICENSE_P256) | LICENSE_KEY_BIT(LICENSE_X25519) |
            LICENSE_KEY_BIT(LICENSE_RSA),
    .device = LICENSE_X509_DEVICE,
    .exposes_session_key = true,
    .contents = CONTENTS,
    .content_count = sizeof CONTENTS / sizeof CONTENTS[0],
    .agreement = mcuboot_agreement,
    .encode = mcuboot_encode};

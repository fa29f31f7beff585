/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "st-sfi": the license of 136 bytes for an ST chip's secure firmware install.
 * docs/profiles/st-sfi.md describes every byte, and which of them are this project's reference
 * values. Owns no state.
 */
#include "license/profile.h"

#include <assert.h>
#include <string.h>

#define SESSION_KEY_BYTES 16 /* AES-128 */
#define GCM_NONCE_BYTES   12
#define GCM_TAG_BYTES     16
#define IV_BYTES          16 /* the image's nonce and four zeros */
#define POINT_BYTES       65 /* P-256, uncompressed */
#define POINT_FORM        0x04
#define KDF_HALF_BYTES    32 /* of K: key and IV come from here, the rest is authenticated */
#define KDF_IV_BYTES_MIN  12
#define KDF_IV_BYTES_MAX  16

#define HEAD_BYTES        24 /* what comes before the ephemeral key */
#define VERSION           1
#define SEALED_BYTES      (IV_BYTES + SESSION_KEY_BYTES + GCM_TAG_BYTES)
#define TOTAL_BYTES       (HEAD_BYTES + POINT_BYTES - 1 + SEALED_BYTES)

static_assert(TOTAL_BYTES == 136, "the chip reads 136 bytes");
static_assert(HEAD_BYTES <= LICENSE_AAD_MAX, "the head is additional data");
static_assert(IV_BYTES <= LICENSE_PREFIX_MAX, "the image's IV is the prefix");
static_assert(LICENSE_ST_INFO_MAX <= LICENSE_SHARED_INFO_MAX, "a product's shared info");

static const struct license_content CONTENTS[] = {{.name = "aes-128-gcm",
                                                   .cipher = LICENSE_AES_GCM,
                                                   .key_bytes = SESSION_KEY_BYTES,
                                                   .iv_bytes = GCM_NONCE_BYTES,
                                                   .tag_bytes = GCM_TAG_BYTES}};

static const char REFERENCE_INFO[] = "provisiond-st-sfi-reference-1";

struct license_st_settings license_st_reference(void)
{
    struct license_st_settings settings = {.type = {'S', 'F', 'I', '.'},
                                           .shared_info_length = sizeof REFERENCE_INFO - 1,
                                           .kdf_key_offset = 0,
                                           .kdf_iv_offset = SESSION_KEY_BYTES,
                                           .kdf_iv_bytes = GCM_NONCE_BYTES};
    memcpy(settings.shared_info, REFERENCE_INFO, sizeof REFERENCE_INFO - 1);
    return settings;
}

bool license_st_settings_are_valid(const struct license_st_settings *settings)
{
    unsigned key = settings->kdf_key_offset;
    unsigned iv = settings->kdf_iv_offset;
    if (settings->shared_info_length < 1 || settings->shared_info_length > LICENSE_ST_INFO_MAX)
        return false;
    if (settings->kdf_iv_bytes < KDF_IV_BYTES_MIN || settings->kdf_iv_bytes > KDF_IV_BYTES_MAX)
        return false;
    if (key > KDF_HALF_BYTES - SESSION_KEY_BYTES || iv > KDF_HALF_BYTES - settings->kdf_iv_bytes)
        return false;
    return iv >= key + SESSION_KEY_BYTES || key >= iv + settings->kdf_iv_bytes;
}

static bool subject_is_fit(const struct license_subject *subject)
{
    return subject->st != NULL && license_st_settings_are_valid(subject->st);
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* Type, live session (0), version, minimum boot version, reserved (0). */
static void head_write(const struct license_st_settings *settings, uint8_t out[HEAD_BYTES])
{
    memset(out, 0, HEAD_BYTES);
    memcpy(out, settings->type, sizeof settings->type);
    put_u32(out + 8, VERSION);
    put_u32(out + 12, settings->minimum_boot_version);
}

static enum error st_sfi_agreement(const struct license_subject *subject,
                                   struct license_agreement *ret_agreement)
{
    const struct license_st_settings *settings = subject->st;
    if (!subject_is_fit(subject))
        return ERR_UNSUPPORTED;
    *ret_agreement = (struct license_agreement){.key = LICENSE_P256,
                                                .kdf = LICENSE_X963_SHA256,
                                                .wrap = LICENSE_ECIES_AES128_GCM,
                                                .shared_info_length = settings->shared_info_length,
                                                .kdf_key_offset = settings->kdf_key_offset,
                                                .kdf_iv_offset = settings->kdf_iv_offset,
                                                .kdf_iv_bytes = settings->kdf_iv_bytes,
                                                .prefix_length = IV_BYTES,
                                                .aad_length = HEAD_BYTES};
    memcpy(ret_agreement->shared_info, settings->shared_info, settings->shared_info_length);
    memcpy(ret_agreement->prefix, subject->content_iv.data, GCM_NONCE_BYTES);
    head_write(settings, ret_agreement->aad);
    return ERR_OK;
}

static enum error st_sfi_encode(const struct license_subject *subject,
                                const struct license_wrapped *wrapped, struct license *ret_license)
{
    uint8_t *out = ret_license->bytes;
    const struct bytes *point = &wrapped->ephemeral_point;
    if (!subject_is_fit(subject))
        return ERR_UNSUPPORTED;
    if (point->length != POINT_BYTES || point->data[0] != POINT_FORM ||
        wrapped->wrapped_key.length != SEALED_BYTES)
        return ERR_INTERNAL;
    head_write(subject->st, out);
    memcpy(out + HEAD_BYTES, point->data + 1, POINT_BYTES - 1);
    memcpy(out + HEAD_BYTES + POINT_BYTES - 1, wrapped->wrapped_key.data, SEALED_BYTES);
    ret_license->length = TOTAL_BYTES;
    return ERR_OK;
}

const struct license_profile LICENSE_PROFILE_ST_SFI = {.name = "st-sfi",
                                                       .keys = LICENSE_KEY_BIT(LICENSE_P256),
                                                       .device = LICENSE_ST_DEVICE,
                                                       .exposes_session_key = true,
                                                       .contents = CONTENTS,
                                                       .content_count = 1,
                                                       .agreement = st_sfi_agreement,
                                                       .encode = st_sfi_encode};

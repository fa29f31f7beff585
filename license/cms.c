/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "cms": AuthEnvelopedData (RFC 5083) with AES-256-GCM content (RFC 5084), or EnvelopedData
 * with AES-256-CBC; one recipient by key agreement (RFC 5753) and AES-256 key wrap, or by
 * RSAES-OAEP (RFC 3560). docs/profiles/cms.md describes every byte. Owns no state.
 */
#include "license/profile.h"

#include "license/cms_form.h"

#define KEK_BYTES         32
#define SESSION_KEY_BYTES 32
#define WRAPPED_KEY_BYTES (SESSION_KEY_BYTES + 8) /* RFC 3394 */
#define P256_POINT_BYTES  65                      /* uncompressed */
#define P384_POINT_BYTES  97
#define RSA_BYTES_MIN     256 /* of the modulus */
#define RSA_BYTES_MAX     512

/* Begins the hashed encoding, so that its hash can never be one of another profile or version. */
static const char BINDING_DOMAIN[] = "provisiond-license-cms-1";

static const struct license_content CONTENTS[] = {
    {.name = "aes-256-gcm",
     .cipher = LICENSE_AES_GCM,
     .key_bytes = SESSION_KEY_BYTES,
     .iv_bytes = 12,
     .tag_bytes = 16},
    {.name = "aes-256-cbc",
     .cipher = LICENSE_AES_CBC,
     .key_bytes = SESSION_KEY_BYTES,
     .iv_bytes = 16},
};

static bool subject_is_fit(const struct license_subject *subject)
{
    return subject->device_issuer.length > 0 && subject->certificate_serial.length > 0 &&
           subject->certificate_serial.length <= CMS_SERIAL_MAX_BYTES;
}

static enum error cms_agreement(const struct license_subject *subject,
                                struct license_agreement *ret_agreement)
{
    struct sha256 ukm;
    if (!subject_is_fit(subject) || !license_binding(BINDING_DOMAIN, subject, &ukm))
        return ERR_UNSUPPORTED;
    struct license_agreement agreement = {.key = subject->device_key, .wrap = LICENSE_RSA_OAEP};
    if (subject->device_key != LICENSE_RSA) {
        agreement.kdf =
            subject->device_key == LICENSE_P384 ? LICENSE_X963_SHA384 : LICENSE_X963_SHA256;
        agreement.wrap = LICENSE_AES_KEY_WRAP;
        agreement.kek_bytes = KEK_BYTES;
        enum error e = cms_form_shared_info(bytes_of(ukm.bytes, SHA256_SIZE), agreement.shared_info,
                                            &agreement.shared_info_length);
        if (e != ERR_OK)
            return e;
    }
    *ret_agreement = agreement;
    return ERR_OK;
}

/* Whether what came back has the sizes that the structure says. */
static bool wrapped_is_fit(enum license_key key, const struct license_wrapped *wrapped)
{
    const size_t length = wrapped->wrapped_key.length;
    if (key == LICENSE_RSA)
        return length >= RSA_BYTES_MIN && length <= RSA_BYTES_MAX &&
               (wrapped->oaep_hash == LICENSE_SHA1 || wrapped->oaep_hash == LICENSE_SHA256);
    return length == WRAPPED_KEY_BYTES &&
           wrapped->ephemeral_point.length ==
               (key == LICENSE_P384 ? P384_POINT_BYTES : P256_POINT_BYTES);
}

static enum error cms_encode(const struct license_subject *subject,
                             const struct license_wrapped *wrapped, struct license *ret_license)
{
    struct sha256 ukm;
    if (!subject_is_fit(subject) || !license_binding(BINDING_DOMAIN, subject, &ukm))
        return ERR_UNSUPPORTED;
    if (!wrapped_is_fit(subject->device_key, wrapped))
        return ERR_INTERNAL;
    const struct cms_form form = {
        .key = subject->device_key,
        .cipher = subject->content->cipher,
        .iv = subject->content_iv,
        .tag = subject->content_tag,
        .issuer = subject->device_issuer,
        .serial = subject->certificate_serial,
        .encrypted_key = wrapped->wrapped_key,
        .point = wrapped->ephemeral_point,
        .ukm = bytes_of(ukm.bytes, SHA256_SIZE),
        .oaep_hash = wrapped->oaep_hash,
    };
    return cms_form_encode(&form, ret_license);
}

const struct license_profile LICENSE_PROFILE_CMS = {
    .name = "cms",
    .keys = LICENSE_KEY_BIT(LICENSE_P256) | LICENSE_KEY_BIT(LICENSE_P384) |
            LICENSE_KEY_BIT(LICENSE_RSA),
    .device = LICENSE_X509_DEVICE,
    .exposes_session_key = false,
    .contents = CONTENTS,
    .content_count = sizeof CONTENTS / sizeof CONTENTS[0],
    .agreement = cms_agreement,
    .encode = cms_encode};

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "jwe": JWE in the flattened JSON form (RFC 7516 §7.2.2) with ECDH-ES+A256KW (RFC 7518
 * §4.6) and A256GCM; the ciphertext is detached. docs/profiles/jwe.md describes every member. Owns
 * no state.
 */
#include "license/profile.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define SESSION_KEY_BYTES 32
#define WRAPPED_KEY_BYTES (SESSION_KEY_BYTES + 8)
#define KEK_BYTES         32
#define POINT_FORM        0x04
#define LENGTH_BYTES      4
#define ALGORITHM         "ECDH-ES+A256KW"

/* base64url of {"enc":"A256GCM"}: the protected header is the same for all devices, since it is the
 * additional data of the image's one encryption. */
#define PROTECTED "eyJlbmMiOiJBMjU2R0NNIn0"

static const char BINDING_DOMAIN[] = "provisiond-license-jwe-1";

static const struct license_content CONTENTS[] = {{.name = "aes-256-gcm",
                                                   .cipher = LICENSE_AES_GCM,
                                                   .key_bytes = SESSION_KEY_BYTES,
                                                   .iv_bytes = 12,
                                                   .tag_bytes = 16,
                                                   .aad = PROTECTED,
                                                   .aad_length = sizeof PROTECTED - 1}};

/* ---- the agreement ---- */

static void put_length(struct license_agreement *agreement, size_t length)
{
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        agreement->shared_info[agreement->shared_info_length++] = (uint8_t)(length >> (24 - 8 * i));
}

static void put_field(struct license_agreement *agreement, struct bytes field)
{
    put_length(agreement, field.length);
    if (field.length > 0)
        memcpy(agreement->shared_info + agreement->shared_info_length, field.data, field.length);
    agreement->shared_info_length += field.length;
}

/* OtherInfo: AlgorithmID, PartyUInfo (apu, none), PartyVInfo (apv, the binding), SuppPubInfo. */
static enum error jwe_agreement(const struct license_subject *subject,
                                struct license_agreement *ret_agreement)
{
    struct sha256 apv;
    if (!license_binding(BINDING_DOMAIN, subject, &apv))
        return ERR_UNSUPPORTED;
    *ret_agreement = (struct license_agreement){.key = subject->device_key,
                                                .kdf = LICENSE_CONCAT_SHA256,
                                                .wrap = LICENSE_AES_KEY_WRAP,
                                                .kek_bytes = KEK_BYTES};
    put_field(ret_agreement, bytes_of(ALGORITHM, sizeof ALGORITHM - 1));
    put_field(ret_agreement, bytes_of(NULL, 0));
    put_field(ret_agreement, bytes_of(apv.bytes, SHA256_SIZE));
    put_length(ret_agreement, (size_t)8 * KEK_BYTES);
    return ERR_OK;
}

/* ---- the text ---- */

/* A member whose value is base64url; false for lack of memory. */
static bool put_member(json_t *object, const char *name, struct bytes value)
{
    char *text = NULL;
    if (base64url_encode(value, &text) != ERR_OK)
        return false;
    const bool is_put = json_object_set_new(object, name, json_string(text)) == 0;
    free(text);
    return is_put;
}

static size_t coordinate_bytes(enum license_key key)
{
    return key == LICENSE_P384 ? 48 : 32;
}

static json_t *ephemeral_key(enum license_key key, struct bytes point)
{
    const size_t length = coordinate_bytes(key);
    json_t *epk =
        json_pack("{s:s, s:s}", "kty", "EC", "crv", key == LICENSE_P384 ? "P-384" : "P-256");
    if (epk != NULL && put_member(epk, "x", bytes_of(point.data + 1, length)) &&
        put_member(epk, "y", bytes_of(point.data + 1 + length, length)))
        return epk;
    json_decref(epk);
    return NULL;
}

static json_t *header_new(const struct license_subject *subject, struct bytes point,
                          const struct sha256 *apv)
{
    json_t *header =
        json_pack("{s:s, s:o}", "alg", ALGORITHM, "epk", ephemeral_key(subject->device_key, point));
    if (header != NULL && put_member(header, "apv", bytes_of(apv->bytes, SHA256_SIZE)))
        return header;
    json_decref(header);
    return NULL;
}

static json_t *jwe_new(const struct license_subject *subject, const struct license_wrapped *wrapped,
                       const struct sha256 *apv)
{
    json_t *jwe = json_pack("{s:s, s:o}", "protected", PROTECTED, "header",
                            header_new(subject, wrapped->ephemeral_point, apv));
    if (jwe != NULL && put_member(jwe, "encrypted_key", wrapped->wrapped_key) &&
        put_member(jwe, "iv", subject->content_iv) && put_member(jwe, "tag", subject->content_tag))
        return jwe;
    json_decref(jwe);
    return NULL;
}

static enum error jwe_encode(const struct license_subject *subject,
                             const struct license_wrapped *wrapped, struct license *ret_license)
{
    struct sha256 apv;
    const struct bytes *point = &wrapped->ephemeral_point;
    if (!license_binding(BINDING_DOMAIN, subject, &apv))
        return ERR_UNSUPPORTED;
    if (wrapped->wrapped_key.length != WRAPPED_KEY_BYTES ||
        point->length != 1 + 2 * coordinate_bytes(subject->device_key) ||
        point->data[0] != POINT_FORM)
        return ERR_INTERNAL;
    json_t *jwe = jwe_new(subject, wrapped, &apv);
    if (jwe == NULL)
        return ERR_INTERNAL;
    const size_t length =
        json_dumpb(jwe, (char *)ret_license->bytes, LICENSE_MAX_BYTES, JSON_COMPACT);
    json_decref(jwe);
    if (length > LICENSE_MAX_BYTES)
        return ERR_TOO_LARGE;
    ret_license->length = length;
    return length > 0 ? ERR_OK : ERR_INTERNAL;
}

const struct license_profile LICENSE_PROFILE_JWE = {.name = "jwe",
                                                    .keys = LICENSE_KEY_BIT(LICENSE_P256) |
                                                            LICENSE_KEY_BIT(LICENSE_P384),
                                                    .device = LICENSE_X509_DEVICE,
                                                    .exposes_session_key = false,
                                                    .contents = CONTENTS,
                                                    .content_count = 1,
                                                    .agreement = jwe_agreement,
                                                    .encode = jwe_encode};

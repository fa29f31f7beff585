/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "suit": COSE_Encrypt (RFC 9052 §5.1) with one recipient by ECDH-ES and AES key wrap (RFC
 * 9053 §6.4), as draft-ietf-suit-firmware-encryption has it; the content is detached.
 * docs/profiles/suit.md describes every byte. Owns no state.
 */
#include "license/profile.h"

#include <string.h>

#include <cbor.h>

#define POINT_BYTES      65
#define COORDINATE_BYTES 32
#define POINT_FORM       0x04
#define KW128_BYTES      16
#define KW256_BYTES      32
#define WRAP_EXTRA       8 /* RFC 3394 */

/* Numbers of RFC 9052, 9053 and of IANA's COSE registries. A negative one is -1 minus its value. */
#define TAG_ENCRYPT        96
#define HEADER_ALGORITHM   1
#define HEADER_IV          5
#define NEGATIVE(number)   (-1 - (number))
#define LABEL_EPHEMERAL    NEGATIVE(-1)
#define KEY_TYPE           1
#define KEY_TYPE_EC2       2
#define KEY_CURVE          NEGATIVE(-1)
#define KEY_X              NEGATIVE(-2)
#define KEY_Y              NEGATIVE(-3)
#define CURVE_P256         1
#define ALGORITHM_A128CTR  NEGATIVE(-65534)
#define ALGORITHM_A128KW   NEGATIVE(-3)
#define ALGORITHM_A256KW   NEGATIVE(-5)
#define ALGORITHM_ES_KW128 NEGATIVE(-29)
#define ALGORITHM_ES_KW256 NEGATIVE(-31)

static const char KDF_CONTEXT[] = "SUIT Payload Encryption";

/* {1: 1} and {1: 3}: the protected headers of A128GCM and A256GCM, and the Enc_structure of each
 * (RFC 9052 §5.3), ["Encrypt", protected, h'']. */
#define PROTECTED_BYTES 3
#define ENC_HEAD        0x83, 0x67, 'E', 'n', 'c', 'r', 'y', 'p', 't', 0x40 | PROTECTED_BYTES
#define ENC_BYTES       (10 + PROTECTED_BYTES + 1)
static const uint8_t PROTECTED_A128GCM[PROTECTED_BYTES] = {0xa1, 0x01, 0x01};
static const uint8_t PROTECTED_A256GCM[PROTECTED_BYTES] = {0xa1, 0x01, 0x03};

static const struct license_content CONTENTS[] = {
    {.name = "aes-128-gcm",
     .cipher = LICENSE_AES_GCM,
     .key_bytes = 16,
     .iv_bytes = 12,
     .tag_bytes = 16,
     .aad = {ENC_HEAD, 0xa1, 0x01, 0x01, 0x40},
     .aad_length = ENC_BYTES},
    {.name = "aes-256-gcm",
     .cipher = LICENSE_AES_GCM,
     .key_bytes = 32,
     .iv_bytes = 12,
     .tag_bytes = 16,
     .aad = {ENC_HEAD, 0xa1, 0x01, 0x03, 0x40},
     .aad_length = ENC_BYTES},
    {.name = "aes-128-ctr", .cipher = LICENSE_AES_CTR, .key_bytes = 16, .iv_bytes = 16},
};

/* ---- CBOR (RFC 8949) into memory of a fixed size ---- */

struct cbor_text {
    uint8_t bytes[LICENSE_MAX_BYTES];
    size_t length;
    bool is_full;
};

#define ROOM(text) (text)->bytes + (text)->length, sizeof(text)->bytes - (text)->length

/* libcbor's encoders say how many bytes they wrote, 0 when there was no room. */
static void put_item(struct cbor_text *text, size_t written)
{
    text->is_full = text->is_full || written == 0;
    text->length += written;
}

static void put_number(struct cbor_text *text, uint64_t number)
{
    put_item(text, cbor_encode_uint(number, ROOM(text)));
}

static void put_negative(struct cbor_text *text, uint64_t number)
{
    put_item(text, cbor_encode_negint(number, ROOM(text)));
}

static void put_bytes(struct cbor_text *text, struct bytes value)
{
    put_item(text, cbor_encode_bytestring_start(value.length, ROOM(text)));
    if (sizeof text->bytes - text->length < value.length) {
        text->is_full = true;
        return;
    }
    if (value.length > 0)
        memcpy(text->bytes + text->length, value.data, value.length);
    text->length += value.length;
}

static void put_array(struct cbor_text *text, size_t count)
{
    put_item(text, cbor_encode_array_start(count, ROOM(text)));
}

static void put_map(struct cbor_text *text, size_t count)
{
    put_item(text, cbor_encode_map_start(count, ROOM(text)));
}

static void put_null(struct cbor_text *text)
{
    put_item(text, cbor_encode_null(ROOM(text)));
}

/* ---- the recipient ---- */

static unsigned kek_bytes_of(const struct license_subject *subject)
{
    return subject->uses_kw256 ? KW256_BYTES : KW128_BYTES;
}

/* {1: -29} or {1: -31}, and nothing else: readers have little room for it. */
static void put_recipient_header(struct cbor_text *text, const struct license_subject *subject)
{
    struct cbor_text header = {.length = 0};
    put_map(&header, 1);
    put_number(&header, HEADER_ALGORITHM);
    put_negative(&header, subject->uses_kw256 ? ALGORITHM_ES_KW256 : ALGORITHM_ES_KW128);
    put_bytes(text, bytes_of(header.bytes, header.length));
}

static void put_party(struct cbor_text *text)
{
    put_array(text, 3);
    for (int i = 0; i < 3; i++)
        put_null(text);
}

/* COSE_KDF_Context (RFC 9053 §5.2). */
static void put_kdf_context(struct cbor_text *text, const struct license_subject *subject)
{
    put_array(text, 4);
    put_negative(text, subject->uses_kw256 ? ALGORITHM_A256KW : ALGORITHM_A128KW);
    put_party(text);
    put_party(text);
    put_array(text, 3);
    put_number(text, UINT64_C(8) * kek_bytes_of(subject));
    put_recipient_header(text, subject);
    put_bytes(text, bytes_of(KDF_CONTEXT, sizeof KDF_CONTEXT - 1));
}

static enum error suit_agreement(const struct license_subject *subject,
                                 struct license_agreement *ret_agreement)
{
    struct cbor_text context = {.length = 0};
    put_kdf_context(&context, subject);
    if (context.is_full || context.length > LICENSE_SHARED_INFO_MAX)
        return ERR_INTERNAL;
    *ret_agreement = (struct license_agreement){.key = LICENSE_P256,
                                                .kdf = LICENSE_HKDF_SHA256,
                                                .wrap = LICENSE_AES_KEY_WRAP,
                                                .shared_info_length = context.length,
                                                .kek_bytes = kek_bytes_of(subject)};
    memcpy(ret_agreement->shared_info, context.bytes, context.length);
    return ERR_OK;
}

/* {-1: {1: 2, -1: 1, -2: x, -3: y}} */
static void put_ephemeral(struct cbor_text *text, struct bytes point)
{
    put_map(text, 1);
    put_negative(text, LABEL_EPHEMERAL);
    put_map(text, 4);
    put_number(text, KEY_TYPE);
    put_number(text, KEY_TYPE_EC2);
    put_negative(text, KEY_CURVE);
    put_number(text, CURVE_P256);
    put_negative(text, KEY_X);
    put_bytes(text, bytes_of(point.data + 1, COORDINATE_BYTES));
    put_negative(text, KEY_Y);
    put_bytes(text, bytes_of(point.data + 1 + COORDINATE_BYTES, COORDINATE_BYTES));
}

/* ---- the whole ---- */

/* A cipher without authentication has no protected header (RFC 9459 §4). */
static void put_content_headers(struct cbor_text *text, const struct license_subject *subject)
{
    const bool is_authenticated = subject->content->cipher == LICENSE_AES_GCM;
    const uint8_t *header =
        subject->content->key_bytes == KW256_BYTES ? PROTECTED_A256GCM : PROTECTED_A128GCM;
    put_bytes(text, bytes_of(header, is_authenticated ? PROTECTED_BYTES : 0));
    put_map(text, is_authenticated ? 1 : 2);
    if (!is_authenticated) {
        put_number(text, HEADER_ALGORITHM);
        put_negative(text, ALGORITHM_A128CTR);
    }
    put_number(text, HEADER_IV);
    put_bytes(text, subject->content_iv);
}

static enum error suit_encode(const struct license_subject *subject,
                              const struct license_wrapped *wrapped, struct license *ret_license)
{
    struct cbor_text text = {.length = 0};
    const struct bytes *point = &wrapped->ephemeral_point;
    if (point->length != POINT_BYTES || point->data[0] != POINT_FORM ||
        wrapped->wrapped_key.length != subject->content->key_bytes + WRAP_EXTRA)
        return ERR_INTERNAL;
    put_item(&text, cbor_encode_tag(TAG_ENCRYPT, ROOM(&text)));
    put_array(&text, 4);
    put_content_headers(&text, subject);
    put_null(&text); /* the ciphertext is detached */
    put_array(&text, 1);
    put_array(&text, 3);
    put_recipient_header(&text, subject);
    put_ephemeral(&text, *point);
    put_bytes(&text, wrapped->wrapped_key);
    if (text.is_full)
        return ERR_TOO_LARGE;
    memcpy(ret_license->bytes, text.bytes, text.length);
    ret_license->length = text.length;
    return ERR_OK;
}

const struct license_profile LICENSE_PROFILE_SUIT = {.name = "suit",
                                                     .keys = LICENSE_KEY_BIT(LICENSE_P256),
                                                     .device = LICENSE_X509_DEVICE,
                                                     .exposes_session_key = false,
                                                     .contents = CONTENTS,
                                                     .content_count =
                                                         sizeof CONTENTS / sizeof CONTENTS[0],
                                                     .agreement = suit_agreement,
                                                     .encode = suit_encode};

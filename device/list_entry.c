/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Entries from hostile text. Owns no state. */
#include "device/list_entry.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "device/raw_key.h"

#define SIGNATURE_BYTES 64 /* of ES256 */
#define POINT_MAX       48 /* bytes of a coordinate */
#define HEAD_MAX        27
#define LINE_MAX_BYTES  1024 /* a serial, a space, an RSA key of 4096 bits and more */
#define JWK_DER_MAX     (HEAD_MAX + 2 * POINT_MAX)

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error refuse_entry(struct fault *fault)
{
    return refuse(fault, "list-entry",
                  "An entry of the list is not in the form that docs/device-lists.md gives.");
}

/* ---- what both forms have ---- */

/* Text without spaces: a serial number that a line holds, and that can be read out loud. */
static enum error take_serial(struct bytes text, struct listed_device *device, struct fault *fault)
{
    bool is_good = text.length > 0 && text.length <= DEVICE_SERIAL_MAX_BYTES;
    for (size_t i = 0; i < text.length && is_good; i++)
        is_good = text.data[i] > ' ' && text.data[i] <= '~';
    if (!is_good)
        return refuse(fault, "list-serial",
                      "A serial number (uniqueId) in a list is 1 to 64 printable ASCII characters "
                      "without spaces.");
    memcpy(device->serial, text.data, text.length);
    device->serial[text.length] = '\0';
    return ERR_OK;
}

static enum error take_key(const struct device_policy *policy, struct bytes der,
                           struct listed_device *device, struct fault *fault)
{
    struct device found;
    if (raw_key_check_der(policy, der, &found, NULL) != ERR_OK)
        return refuse(fault, "list-key-type",
                      "A key in the list is none that the product takes: look at its kind and its "
                      "curve, and at --device-keys of the product.");
    device->spki = found.spki;
    return ERR_OK;
}

/* ---- plain ---- */

enum error list_entry_plain(const struct allow_list_question *question, struct bytes line,
                            struct listed_device *ret_device, struct fault *fault)
{
    uint8_t der[LINE_MAX_BYTES];
    char text[LINE_MAX_BYTES + 1];
    size_t length = 0;
    const uint8_t *space = line.length > 0 ? memchr(line.data, ' ', line.length) : NULL;
    if (space == NULL || line.length > LINE_MAX_BYTES ||
        memchr(line.data, '\0', line.length) != NULL)
        return refuse_entry(fault);
    const size_t serial = (size_t)(space - line.data);
    memcpy(text, space + 1, line.length - serial - 1);
    text[line.length - serial - 1] = '\0';
    if (base64_decode(text, der, sizeof der, &length) != ERR_OK)
        return refuse_entry(fault);
    enum error e = take_serial(bytes_of(line.data, serial), ret_device, fault);
    return e == ERR_OK ? take_key(question->policy, bytes_of(der, length), ret_device, fault) : e;
}

/* ---- base64url ---- */

/* Without padding (RFC 7515 §2); the standard decoder does the rest. */
static bool decode(const char *text, uint8_t *out, size_t max, size_t *ret_length)
{
    const size_t length = text != NULL ? strlen(text) : 0;
    char *standard = malloc(length + 3);
    bool is_good = standard != NULL && length > 0 && length % 4 != 1;
    for (size_t i = 0; i < length && is_good; i++) {
        is_good = text[i] != '+' && text[i] != '/' && text[i] != '=';
        standard[i] = text[i];
        if (text[i] == '-')
            standard[i] = '+';
        if (text[i] == '_')
            standard[i] = '/';
    }
    if (is_good) {
        const size_t padding = (4 - length % 4) % 4;
        memset(standard + length, '=', padding);
        standard[length + padding] = '\0';
        is_good = base64_decode(standard, out, max, ret_length) == ERR_OK;
    }
    free(standard);
    return is_good;
}

static json_t *decode_json(const char *text)
{
    size_t length = 0;
    uint8_t *bytes = malloc(ALLOW_LIST_ENTRY_MAX_BYTES);
    json_t *json = bytes != NULL && decode(text, bytes, ALLOW_LIST_ENTRY_MAX_BYTES, &length)
                       ? json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    free(bytes);
    return json;
}

/* ---- keys ---- */

/* What stands before the coordinates in a SubjectPublicKeyInfo. */
static const struct {
    const char *type;
    const char *curve;
    bool has_y;
    size_t coordinate_bytes;
    size_t head_length;
    uint8_t head[HEAD_MAX];
} CURVES[] = {
    {"EC", "P-256", true, 32, 27, {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04}},
    {"EC", "P-384", true, 48, 24, {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                   0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                   0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04}},
    {"OKP",
     "X25519",
     false,
     32,
     12,
     {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00}},
};
#define CURVE_COUNT (sizeof CURVES / sizeof CURVES[0])

static bool text_is(const json_t *json, const char *text)
{
    const char *value = json_string_value(json);
    return value != NULL && strcmp(value, text) == 0;
}

static bool put_coordinate(const json_t *json, size_t length, uint8_t *out)
{
    size_t found = 0;
    return decode(json_string_value(json), out, length, &found) && found == length;
}

/* The SubjectPublicKeyInfo of a JWK (RFC 7518 §6.2, RFC 8037 §2); 0 when it is none of these. */
static size_t jwk_to_der(const json_t *jwk, uint8_t der[JWK_DER_MAX])
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        const size_t bytes = CURVES[i].coordinate_bytes;
        const size_t head = CURVES[i].head_length;
        if (!text_is(json_object_get(jwk, "kty"), CURVES[i].type) ||
            !text_is(json_object_get(jwk, "crv"), CURVES[i].curve))
            continue;
        memcpy(der, CURVES[i].head, head);
        if (!put_coordinate(json_object_get(jwk, "x"), bytes, der + head))
            return 0;
        if (!CURVES[i].has_y)
            return head + bytes;
        return put_coordinate(json_object_get(jwk, "y"), bytes, der + head + bytes)
                   ? head + 2 * bytes
                   : 0;
    }
    return 0;
}

/* The key of that name; an entry's only key need not have one. */
static const json_t *find_key(const json_t *keys, const char *key_id)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        if (!text_is(json_object_get(key, "kid"), key_id))
            continue;
        if (found != NULL)
            return NULL; /* which of them? */
        found = key;
    }
    const json_t *only = json_array_size(keys) == 1 ? json_array_get(keys, 0) : NULL;
    return found == NULL && only != NULL && json_object_get(only, "kid") == NULL ? only : found;
}

static enum error take_jwk(const struct allow_list_question *question, const json_t *keys,
                           struct listed_device *device, struct fault *fault)
{
    uint8_t der[JWK_DER_MAX];
    const json_t *key = find_key(keys, question->key_id);
    if (key == NULL)
        return refuse(fault, "list-key",
                      "An entry's publicKeySet has not exactly one key of that kid (0, or what "
                      "--key-id names).");
    return take_key(question->policy, bytes_of(der, jwk_to_der(key, der)), device, fault);
}

/* ---- JWS ---- */

/* No extension that must be understood (RFC 7515 §4.1.11) is. */
static bool is_es256(const json_t *header)
{
    return text_is(json_object_get(header, "alg"), "ES256") &&
           json_object_get(header, "crit") == NULL;
}

static enum error check_signature(const struct allow_list_question *question, const char *header,
                                  const char *payload, const char *signature,
                                  struct sha256 *ret_signer, struct fault *fault)
{
    uint8_t raw[SIGNATURE_BYTES];
    size_t length = 0;
    const struct bytes parts[] = {bytes_of(header, strlen(header)), bytes_of(".", 1),
                                  bytes_of(payload, strlen(payload))};
    const struct sha256 digest = sha256_of_parts(parts, sizeof parts / sizeof parts[0]);
    if (!decode(signature, raw, sizeof raw, &length))
        return refuse_entry(fault);
    if (!list_signers_verify_es256(question->signers, &digest, bytes_of(raw, length), ret_signer))
        return refuse(
            fault, "list-signer",
            "An entry is not signed by a signer that the product trusts, or was changed.");
    return ERR_OK;
}

static enum error take_payload(const struct allow_list_question *question, const char *text,
                               struct listed_device *device, struct fault *fault)
{
    json_t *payload = decode_json(text);
    const json_t *id = json_object_get(payload, "uniqueId");
    const json_t *keys = json_object_get(json_object_get(payload, "publicKeySet"), "keys");
    enum error e = json_is_string(id) && json_is_array(keys) ? ERR_OK : refuse_entry(fault);
    if (e == ERR_OK)
        e = take_serial(bytes_of(json_string_value(id), json_string_length(id)), device, fault);
    if (e == ERR_OK)
        e = take_jwk(question, keys, device, fault);
    json_decref(payload);
    return e;
}

static enum error read_jws(const struct allow_list_question *question, json_t *entry,
                           struct listed_device *device, struct sha256 *signer, struct fault *fault)
{
    const char *protected = json_string_value(json_object_get(entry, "protected"));
    const char *payload = json_string_value(json_object_get(entry, "payload"));
    const char *signature = json_string_value(json_object_get(entry, "signature"));
    if (protected == NULL || payload == NULL || signature == NULL)
        return refuse_entry(fault);
    json_t *header = decode_json(protected);
    const bool is_known = is_es256(header);
    json_decref(header);
    if (!is_known)
        return refuse(fault, "list-entry",
                      "An entry's protected header is not one of ES256 without extensions.");
    enum error e = check_signature(question, protected, payload, signature, signer, fault);
    return e == ERR_OK ? take_payload(question, payload, device, fault) : e;
}

enum error list_entry_jws(const struct allow_list_question *question, struct bytes text,
                          struct listed_device *ret_device, struct sha256 *ret_signer,
                          struct fault *fault)
{
    json_t *entry = json_loadb((const char *)text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    enum error e = json_is_object(entry) ? read_jws(question, entry, ret_device, ret_signer, fault)
                                         : refuse_entry(fault);
    json_decref(entry);
    return e;
}

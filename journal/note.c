/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signature lines: written in one form, read in that form alone. Owns no state. */
#include "journal/note.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define DASH             "\xe2\x80\x94 " /* U+2014 and a space begin a signature line */
#define BLOB_MAX         (CHECKPOINT_KEY_ID + CHECKPOINT_DER_MAX)
#define BASE64_SIZE(n)   (4 * (((n) + 2) / 3) + 1)
#define SPKI_P256_LENGTH 91 /* a named curve and an uncompressed point: the one form of a key */
#define KEY_AUTO         __attribute__((cleanup(free_key))) EVP_PKEY
#define DIGEST_AUTO      __attribute__((cleanup(free_digest))) EVP_MD_CTX

static_assert(CHECKPOINT_BODY_MAX + sizeof DASH + CHECKPOINT_ORIGIN_MAX + BASE64_SIZE(BLOB_MAX) +
                      3 <=
                  CHECKPOINT_NOTE_MAX,
              "a body and a signature fit");

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_digest(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* ---- writing ---- */

static void key_id(struct bytes spki, uint8_t out[CHECKPOINT_KEY_ID])
{
    const struct sha256 digest = sha256_of(spki);
    memcpy(out, digest.bytes, CHECKPOINT_KEY_ID);
}

enum error note_write(struct bytes body, const char *name, struct bytes spki,
                      struct bytes signature, char out[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    uint8_t blob[BLOB_MAX];
    char text[BASE64_SIZE(BLOB_MAX)];
    assert(body.length < CHECKPOINT_BODY_MAX);
    if (signature.length == 0 || signature.length > CHECKPOINT_DER_MAX)
        return fault_set(fault, ERR_INTERNAL, "signature",
                         "The signature is empty or longer than an ECDSA P-256 signature in DER.",
                         0);
    key_id(spki, blob);
    memcpy(blob + CHECKPOINT_KEY_ID, signature.data, signature.length);
    EVP_EncodeBlock((unsigned char *)text, blob, (int)(CHECKPOINT_KEY_ID + signature.length));
    (void)snprintf(out, CHECKPOINT_NOTE_MAX, "%.*s\n" DASH "%.*s %s\n", (int)body.length,
                   (const char *)body.data, CHECKPOINT_ORIGIN_MAX, name, text);
    return ERR_OK;
}

/* ---- reading ---- */

/* The next line without its newline; false at the end or when none ends it. */
bool note_next_line(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *end = rest->length == 0 ? NULL : memchr(rest->data, '\n', rest->length);
    if (end == NULL)
        return false;
    *ret_line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->length - ret_line->length - 1);
    return true;
}

/* Of a log or a key: printable ASCII without space and plus. */
bool note_read_name(struct bytes text, char out[CHECKPOINT_ORIGIN_MAX + 1])
{
    if (text.length == 0 || text.length > CHECKPOINT_ORIGIN_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] == '+' || text.data[i] >= 0x7f)
            return false;
    }
    memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return true;
}

bool note_decode(struct bytes text, uint8_t *out, size_t max, size_t *ret_length)
{
    char copy[CHECKPOINT_NOTE_MAX];
    if (text.length >= sizeof copy || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return base64_decode(copy, out, max, ret_length) == ERR_OK;
}

/* A signature line, whoever's it is. */
struct signature_line {
    char name[CHECKPOINT_ORIGIN_MAX + 1];
    uint8_t blob[CHECKPOINT_NOTE_MAX]; /* key id and signature */
    size_t length;
};

/* "— <name> <base64>" */
static bool read_signature_line(struct bytes line, struct signature_line *ret_signature)
{
    size_t head = strlen(DASH);
    if (line.length <= head || memcmp(line.data, DASH, head) != 0)
        return false;
    struct bytes text = bytes_of(line.data + head, line.length - head);
    const uint8_t *space = memchr(text.data, ' ', text.length);
    if (space == NULL)
        return false;
    size_t name = (size_t)(space - text.data);
    return note_read_name(bytes_of(text.data, name), ret_signature->name) &&
           note_decode(bytes_of(space + 1, text.length - name - 1), ret_signature->blob,
                       sizeof ret_signature->blob, &ret_signature->length) &&
           ret_signature->length > CHECKPOINT_KEY_ID;
}

bool note_lines_are_signatures(struct bytes rest)
{
    struct bytes line;
    struct signature_line signature;
    if (rest.length == 0)
        return false;
    while (note_next_line(&rest, &line)) {
        if (!read_signature_line(line, &signature))
            return false;
    }
    return rest.length == 0;
}

/* ---- signatures ---- */

static bool is_p256(EVP_PKEY *key)
{
    char group[32];
    size_t length = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                          &length) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* NULL unless it is a P-256 key. */
static EVP_PKEY *read_key(struct bytes spki)
{
    const unsigned char *at = spki.data;
    if (spki.length != SPKI_P256_LENGTH)
        return NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.length);
    if (key != NULL && at == spki.data + spki.length && is_p256(key))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool signature_holds(EVP_PKEY *key, struct bytes text, struct bytes signature)
{
    DIGEST_AUTO *context = EVP_MD_CTX_new();
    return context != NULL &&
           EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature.data, signature.length, text.data, text.length) == 1;
}

bool note_key_is_p256(struct bytes spki)
{
    KEY_AUTO *key = read_key(spki);
    ERR_clear_error();
    return key != NULL;
}

bool note_signature_holds(struct bytes text, struct bytes spki, struct bytes signature)
{
    KEY_AUTO *key = read_key(spki);
    bool holds = key != NULL && signature_holds(key, text, signature);
    ERR_clear_error(); /* a wrong signature is an answer, not an error to keep */
    return holds;
}

/* The key id and the name say whose a line is; each line of the key must hold. */
static enum note_verdict check_lines(const struct note_parts *parts, const char *name,
                                     EVP_PKEY *key, const uint8_t id[CHECKPOINT_KEY_ID])
{
    struct bytes lines = parts->lines;
    struct bytes line;
    struct signature_line signature;
    enum note_verdict verdict = NOTE_OTHER_KEY;
    while (note_next_line(&lines, &line) && read_signature_line(line, &signature)) {
        if (strcmp(signature.name, name) != 0 || memcmp(signature.blob, id, CHECKPOINT_KEY_ID) != 0)
            continue;
        if (!signature_holds(
                key, parts->body,
                bytes_of(signature.blob + CHECKPOINT_KEY_ID, signature.length - CHECKPOINT_KEY_ID)))
            return NOTE_FORGED;
        verdict = NOTE_SIGNED;
    }
    return verdict;
}

enum note_verdict note_check(const struct note_parts *parts, const char *name, struct bytes spki)
{
    uint8_t id[CHECKPOINT_KEY_ID];
    KEY_AUTO *key = read_key(spki);
    key_id(spki, id);
    enum note_verdict verdict =
        key != NULL ? check_lines(parts, name, key, id) : NOTE_KEY_MALFORMED;
    ERR_clear_error(); /* a wrong signature is an answer, not an error to keep */
    return verdict;
}

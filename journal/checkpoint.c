/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Checkpoint notes: written in one form, read in that form alone. Owns no state. */
#include "journal/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "journal/tree.h"

#define DASH             "\xe2\x80\x94 " /* U+2014 and a space begin a signature line */
#define ORIGIN_HEX       16
#define SIZE_DIGITS      13 /* 2^40 has 13 */
#define BASE64_SIZE(n)   (4 * (((n) + 2) / 3) + 1)
#define BLOB_MAX         (CHECKPOINT_KEY_ID + CHECKPOINT_DER_MAX)
#define SPKI_P256_LENGTH 91 /* a named curve and an uncompressed point: the one form of a key */
#define KEY_AUTO         __attribute__((cleanup(free_key))) EVP_PKEY
#define DIGEST_AUTO      __attribute__((cleanup(free_digest))) EVP_MD_CTX

static_assert(CHECKPOINT_ORIGIN_MAX + SIZE_DIGITS + BASE64_SIZE(SHA256_SIZE) + 3 <=
                  CHECKPOINT_BODY_MAX,
              "three lines and a NUL fit");
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

void checkpoint_origin(const char *site, const struct sha256 *hsm_identity,
                       char out[CHECKPOINT_ORIGIN_MAX + 1])
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(hsm_identity->bytes, SHA256_SIZE), hex);
    (void)snprintf(out, CHECKPOINT_ORIGIN_MAX + 1, "%.64s/provisiond/%.*s", site, ORIGIN_HEX, hex);
}

size_t checkpoint_body(const struct checkpoint *checkpoint, char out[CHECKPOINT_BODY_MAX])
{
    char root[BASE64_SIZE(SHA256_SIZE)];
    EVP_EncodeBlock((unsigned char *)root, checkpoint->root.bytes, SHA256_SIZE);
    int length = snprintf(out, CHECKPOINT_BODY_MAX, "%.*s\n%" PRId64 "\n%s\n",
                          CHECKPOINT_ORIGIN_MAX, checkpoint->origin, checkpoint->size, root);
    return (size_t)length;
}

static void key_id(struct bytes spki, uint8_t out[CHECKPOINT_KEY_ID])
{
    const struct sha256 digest = sha256_of(spki);
    memcpy(out, digest.bytes, CHECKPOINT_KEY_ID);
}

enum error checkpoint_note(const struct checkpoint *checkpoint, struct bytes spki,
                           struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                           struct fault *fault)
{
    uint8_t blob[BLOB_MAX];
    char text[BASE64_SIZE(BLOB_MAX)];
    char body[CHECKPOINT_BODY_MAX];
    if (signature.length == 0 || signature.length > CHECKPOINT_DER_MAX)
        return fault_set(fault, ERR_INTERNAL, "signature",
                         "The signature is empty or longer than an ECDSA P-256 signature in DER.",
                         0);
    key_id(spki, blob);
    memcpy(blob + CHECKPOINT_KEY_ID, signature.data, signature.length);
    EVP_EncodeBlock((unsigned char *)text, blob, (int)(CHECKPOINT_KEY_ID + signature.length));
    (void)checkpoint_body(checkpoint, body);
    (void)snprintf(out, CHECKPOINT_NOTE_MAX, "%s\n" DASH "%.*s %s\n", body, CHECKPOINT_ORIGIN_MAX,
                   checkpoint->origin, text);
    return ERR_OK;
}

/* ---- reading ---- */

static enum error malformed(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "checkpoint-malformed",
                     "This is no checkpoint, or not a whole one: fetch it again.", 0);
}

/* The next line without its newline; false at the end or when none ends it. */
static bool next_line(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *end = rest->length == 0 ? NULL : memchr(rest->data, '\n', rest->length);
    if (end == NULL)
        return false;
    *ret_line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->length - ret_line->length - 1);
    return true;
}

/* Of a log or a key: printable ASCII without space and plus. */
static bool read_name(struct bytes text, char out[CHECKPOINT_ORIGIN_MAX + 1])
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

/* Decimal digits without a leading zero. */
static bool read_size(struct bytes line, int64_t *ret_size)
{
    int64_t size = 0;
    if (line.length == 0 || line.length > SIZE_DIGITS || (line.length > 1 && line.data[0] == '0'))
        return false;
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        size = size * 10 + (line.data[i] - '0');
    }
    *ret_size = size;
    return size <= TREE_SIZE_MAX;
}

static bool decode(struct bytes text, uint8_t *out, size_t max, size_t *ret_length)
{
    char copy[CHECKPOINT_NOTE_MAX];
    if (text.length >= sizeof copy || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return base64_decode(copy, out, max, ret_length) == ERR_OK;
}

/* Reads the body and the empty line; *ret_rest is the signature lines, *ret_body what is signed. */
static bool read_body(struct bytes note, struct checkpoint *checkpoint, struct bytes *ret_body,
                      struct bytes *ret_rest)
{
    struct bytes rest = note;
    struct bytes line;
    size_t length = 0;
    if (!next_line(&rest, &line) || !read_name(line, checkpoint->origin) ||
        !next_line(&rest, &line) || !read_size(line, &checkpoint->size) ||
        !next_line(&rest, &line) || !decode(line, checkpoint->root.bytes, SHA256_SIZE, &length) ||
        length != SHA256_SIZE)
        return false;
    *ret_body = bytes_of(note.data, note.length - rest.length);
    if (!next_line(&rest, &line) || line.length != 0)
        return false;
    *ret_rest = rest;
    return true;
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
    return read_name(bytes_of(text.data, name), ret_signature->name) &&
           decode(bytes_of(space + 1, text.length - name - 1), ret_signature->blob,
                  sizeof ret_signature->blob, &ret_signature->length) &&
           ret_signature->length > CHECKPOINT_KEY_ID;
}

static bool lines_are_signatures(struct bytes rest)
{
    struct bytes line;
    struct signature_line signature;
    if (rest.length == 0)
        return false;
    while (next_line(&rest, &line)) {
        if (!read_signature_line(line, &signature))
            return false;
    }
    return rest.length == 0;
}

static enum error read_note(struct bytes note, struct checkpoint *ret_checkpoint,
                            struct bytes *ret_body, struct bytes *ret_lines, struct fault *fault)
{
    struct checkpoint checkpoint = {.size = 0};
    if (note.length >= CHECKPOINT_NOTE_MAX || !read_body(note, &checkpoint, ret_body, ret_lines) ||
        !lines_are_signatures(*ret_lines))
        return malformed(fault);
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}

enum error checkpoint_read(struct bytes note, struct checkpoint *ret_checkpoint,
                           struct fault *fault)
{
    struct bytes body;
    struct bytes lines;
    return read_note(note, ret_checkpoint, &body, &lines, fault);
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

static bool signature_holds(EVP_PKEY *key, struct bytes body,
                            const struct signature_line *signature)
{
    DIGEST_AUTO *context = EVP_MD_CTX_new();
    return context != NULL &&
           EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature->blob + CHECKPOINT_KEY_ID,
                            signature->length - CHECKPOINT_KEY_ID, body.data, body.length) == 1;
}

/* The key id and the name say whose a line is; each line of the key must hold. */
static enum error check_lines(const struct checkpoint *checkpoint, struct bytes body,
                              struct bytes lines, EVP_PKEY *key,
                              const uint8_t id[CHECKPOINT_KEY_ID], struct fault *fault)
{
    struct bytes line;
    struct signature_line signature;
    bool is_found = false;
    while (next_line(&lines, &line)) {
        if (!read_signature_line(line, &signature))
            return malformed(fault);
        if (strcmp(signature.name, checkpoint->origin) != 0 ||
            memcmp(signature.blob, id, CHECKPOINT_KEY_ID) != 0)
            continue;
        if (!signature_holds(key, body, &signature))
            return fault_set(
                fault, ERR_BAD_REQUEST, "checkpoint-forged",
                "The checkpoint was not signed as it is: it or its signature was altered.", 0);
        is_found = true;
    }
    return is_found ? ERR_OK
                    : fault_set(fault, ERR_BAD_REQUEST, "checkpoint-other-key",
                                "The checkpoint has no signature of this key: use the key of the "
                                "HSM that made it.",
                                0);
}

enum error checkpoint_open(struct bytes note, struct bytes spki, struct checkpoint *ret_checkpoint,
                           struct fault *fault)
{
    struct checkpoint checkpoint;
    struct bytes body = {.length = 0};
    struct bytes lines = {.length = 0};
    uint8_t id[CHECKPOINT_KEY_ID];
    enum error e = read_note(note, &checkpoint, &body, &lines, fault);
    if (e != ERR_OK)
        return e;
    KEY_AUTO *key = read_key(spki);
    key_id(spki, id);
    e = key != NULL ? check_lines(&checkpoint, body, lines, key, id, fault)
                    : fault_set(fault, ERR_BAD_REQUEST, "key-malformed",
                                "The key is no P-256 public key in its usual form.", 0);
    ERR_clear_error(); /* a wrong signature is an answer, not an error to keep */
    if (e == ERR_OK)
        *ret_checkpoint = checkpoint;
    return e;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The text of a transport key, there and back. Owns no state. */
#include "cli/standby_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/file_input.h"

#define TEXT_MAX       ((size_t)16 * 1024)
#define IDENTITY_LABEL "hsm-identity: "
#define DIGEST_LABEL   "transport-key-sha256: "

/* ---- printing ---- */

enum error standby_key_print(const struct standby_key *key, FILE *out, struct failure *failure)
{
    const unsigned char *at = key->der;
    char identity[SHA256_HEX_SIZE];
    char digest[SHA256_HEX_SIZE];
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &at, (long)key->length);
    hex_encode(bytes_of(key->identity.bytes, SHA256_SIZE), identity);
    hex_encode(bytes_of(key->digest.bytes, SHA256_SIZE), digest);
    bool is_key = public_key != NULL && at == key->der + key->length;
    if (is_key)
        (void)fprintf(out, IDENTITY_LABEL "%s\n" DIGEST_LABEL "%s\n", identity, digest);
    is_key = is_key && PEM_write_PUBKEY(out, public_key) == 1;
    EVP_PKEY_free(public_key);
    ERR_clear_error();
    if (is_key)
        return ERR_OK;
    return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds no public key");
}

/* ---- reading ---- */

/* The digest on the line with that label; *ret_is_there false without such a line. */
static bool find_digest(const char *text, const char *label, bool *ret_is_there,
                        struct sha256 *ret_digest)
{
    char hex[SHA256_HEX_SIZE];
    const char *at = strncmp(text, label, strlen(label)) == 0 ? text : NULL;
    for (const char *end = strchr(text, '\n'); at == NULL && end != NULL;
         end = strchr(end + 1, '\n'))
        at = strncmp(end + 1, label, strlen(label)) == 0 ? end + 1 : NULL;
    *ret_is_there = at != NULL;
    if (at == NULL)
        return true;
    at += strlen(label);
    size_t length = strcspn(at, "\r\n");
    if (length != SHA256_HEX_SIZE - 1)
        return false;
    memcpy(hex, at, length);
    hex[length] = '\0';
    return hex_decode(hex, ret_digest->bytes, SHA256_SIZE);
}

static bool read_pem(const char *text, struct standby_key *key)
{
    BIO *memory = BIO_new_mem_buf(text, -1);
    EVP_PKEY *public_key = memory != NULL ? PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL) : NULL;
    int length = public_key != NULL ? i2d_PUBKEY(public_key, NULL) : 0;
    bool is_read = length > 0 && (size_t)length <= sizeof key->der;
    if (is_read) {
        unsigned char *out = key->der;
        key->length = (size_t)i2d_PUBKEY(public_key, &out);
        key->digest = sha256_of(bytes_of(key->der, key->length));
    }
    EVP_PKEY_free(public_key);
    BIO_free(memory);
    ERR_clear_error();
    return is_read;
}

static enum error read_text(const char *path, const char *text, struct standby_key *key,
                            struct failure *failure)
{
    struct sha256 said;
    bool has_digest = false;
    if (strstr(text, "PRIVATE KEY") != NULL)
        return failure_set_usage(failure, "%s holds a private key: it belongs to nobody here",
                                 path);
    if (!read_pem(text, key))
        return failure_set_usage(failure, "%s holds no public key in PEM", path);
    if (!find_digest(text, IDENTITY_LABEL, &key->has_identity, &key->identity) ||
        !find_digest(text, DIGEST_LABEL, &has_digest, &said))
        return failure_set_usage(failure, "%s is not what provctl hsm transport-key prints", path);
    if (has_digest && !sha256_equal(&said, &key->digest))
        return failure_set_usage(failure,
                                 "%s names another SHA-256 than its key has: it was changed", path);
    return ERR_OK;
}

enum error standby_key_read(const char *path, struct standby_key *ret_key, struct failure *failure)
{
    char text[TEXT_MAX + 1];
    uint8_t *data = NULL;
    size_t length = 0;
    struct standby_key key = {.has_identity = false};
    enum error e = file_input_read_bytes(path, TEXT_MAX, &data, &length, failure);
    if (e != ERR_OK)
        return e;
    memcpy(text, data, length);
    text[length] = '\0';
    free(data);
    e = read_text(path, text, &key, failure);
    if (e == ERR_OK)
        *ret_key = key;
    return e;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Keys and signatures over EVP. */
#include "signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static EVP_PKEY *make_key(const char *type)
{
    if (strcmp(type, "RSA") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    if (strcmp(type, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
}

void signer_make(struct signer *signer, const char *type)
{
    EVP_PKEY *key = make_key(type);
    ck_assert_ptr_nonnull(key);
    int length = i2d_PUBKEY(key, NULL);
    ck_assert_int_le(length, (int)sizeof signer->spki);
    unsigned char *at = signer->spki;
    signer->spki_length = (size_t)i2d_PUBKEY(key, &at);
    BIO *text = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PUBKEY(text, key), 1);
    int read = BIO_read(text, signer->pem, sizeof signer->pem - 1);
    ck_assert_int_gt(read, 0);
    signer->pem[read] = '\0';
    BIO_free(text);
    signer->key = key;
}

void signer_clear(struct signer *signer)
{
    EVP_PKEY_free(signer->key);
}

struct bytes signer_spki(const struct signer *signer)
{
    return bytes_of(signer->spki, signer->spki_length);
}

size_t signer_sign(const struct signer *signer, struct bytes data, uint8_t out[CHECKPOINT_DER_MAX])
{
    size_t length = CHECKPOINT_DER_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, signer->key, NULL),
                     1);
    ck_assert_int_eq(EVP_DigestSign(context, out, &length, data.data, data.length), 1);
    EVP_MD_CTX_free(context);
    return length;
}

size_t signer_note(const struct signer *signer, const struct checkpoint *checkpoint,
                   char out[CHECKPOINT_NOTE_MAX])
{
    char body[CHECKPOINT_BODY_MAX];
    uint8_t signature[CHECKPOINT_DER_MAX];
    struct fault fault;
    size_t length = checkpoint_body(checkpoint, body);
    size_t signed_length = signer_sign(signer, bytes_of(body, length), signature);
    ck_assert_int_eq(checkpoint_note(checkpoint, signer_spki(signer),
                                     bytes_of(signature, signed_length), out, &fault),
                     ERR_OK);
    return strlen(out);
}

void signer_add_line(const char *name, struct bytes key_id, struct bytes signature, char *note)
{
    uint8_t blob[CHECKPOINT_NOTE_MAX];
    char *text = NULL;
    memcpy(blob, key_id.data, key_id.length);
    memcpy(blob + key_id.length, signature.data, signature.length);
    ck_assert_int_eq(base64_encode(bytes_of(blob, key_id.length + signature.length), &text),
                     ERR_OK);
    size_t length = strlen(note);
    (void)snprintf(note + length, CHECKPOINT_NOTE_MAX - length, "\xe2\x80\x94 %s %s\n", name, text);
    free(text);
}

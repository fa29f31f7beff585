/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The records of an image (image/st_sfi.h writes them) by libcrypto, as hsm/p11_records.c has the
 * HSM encrypt them: each with the nonce plus its number. Owns no state.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "seal/part.h"

#define HEAD_BYTES  8
#define NONCE_BYTES 12
#define AAD_MAX     64
#define TEXT_MAX    ((size_t)1024 * 1024)
#define RECORDS_MAX 65536

struct records {
    const struct pack_message *message;
    const struct secret *key;
    EVP_CIPHER_CTX *context;
    struct pack_result result;
    uint32_t count;
    size_t aad_length; /* of the present record, as the next one */
    size_t text_length;
    uint8_t in[AAD_MAX + TEXT_MAX]; /* additional data, text */
    uint8_t out[AAD_MAX + PACK_TAG_BYTES + TEXT_MAX];
};

static void free_records(struct records **records)
{
    if (*records == NULL)
        return;
    EVP_CIPHER_CTX_free((*records)->context); /* cleanses the key schedule */
    OPENSSL_cleanse(*records, sizeof **records);
    free(*records);
}

#define RECORDS_AUTO __attribute__((cleanup(free_records))) struct records

static enum error refuse(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "records",
                     "The file to encrypt is not a sequence of records.", 0);
}

static size_t read_u32(const uint8_t *data)
{
    return (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 | (size_t)data[3] << 24;
}

/* *ret_is_end: the file ends here, where a record may begin. */
static enum error read_head(struct records *records, bool *ret_is_end, struct fault *fault)
{
    uint8_t data[HEAD_BYTES];
    size_t length = 0;
    enum error e = seal_read_full(records->message->clear_fd, data, sizeof data, &length, fault);
    if (e != ERR_OK)
        return e;
    *ret_is_end = length == 0;
    if (length == 0)
        return records->count > 0 ? ERR_OK : refuse(fault);
    if (length < sizeof data || records->count == RECORDS_MAX)
        return refuse(fault);
    records->aad_length = read_u32(data);
    records->text_length = read_u32(data + 4);
    records->result.length += length;
    return records->aad_length > 0 && records->aad_length <= AAD_MAX &&
                   records->text_length <= TEXT_MAX
               ? ERR_OK
               : refuse(fault);
}

static enum error read_body(struct records *records, struct fault *fault)
{
    const size_t wanted = records->aad_length + records->text_length;
    size_t length = 0;
    enum error e = seal_read_full(records->message->clear_fd, records->in, wanted, &length, fault);
    records->result.length += length;
    return e == ERR_OK && length != wanted ? refuse(fault) : e;
}

/* The nonce plus the record's number, modulo 2^96. */
static void make_iv(const struct records *records, uint8_t out[NONCE_BYTES])
{
    uint64_t carry = records->count;
    for (size_t i = NONCE_BYTES; i-- > 0;) {
        carry += records->result.iv[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static bool encrypt(struct records *records, uint8_t *tag, uint8_t *cipher)
{
    uint8_t iv[NONCE_BYTES];
    int made = 0;
    make_iv(records, iv);
    return EVP_EncryptInit_ex(records->context, NULL, NULL, records->key->bytes, iv) == 1 &&
           EVP_EncryptUpdate(records->context, NULL, &made, records->in,
                             (int)records->aad_length) == 1 &&
           (records->text_length == 0 ||
            EVP_EncryptUpdate(records->context, cipher, &made, records->in + records->aad_length,
                              (int)records->text_length) == 1) &&
           EVP_EncryptFinal_ex(records->context, cipher + records->text_length, &made) == 1 &&
           EVP_CIPHER_CTX_ctrl(records->context, EVP_CTRL_AEAD_GET_TAG, PACK_TAG_BYTES, tag) == 1;
}

static enum error encrypt_record(struct records *records, struct fault *fault)
{
    uint8_t *tag = records->out + records->aad_length;
    memcpy(records->out, records->in, records->aad_length);
    if (!encrypt(records, tag, tag + PACK_TAG_BYTES))
        return seal_fail_libcrypto(fault);
    if (records->count == 0)
        memcpy(records->result.tag, tag, PACK_TAG_BYTES);
    records->count++;
    return seal_write_all(records->message->cipher_fd, records->out,
                          records->aad_length + PACK_TAG_BYTES + records->text_length, fault);
}

static enum error encrypt_all(struct records *records, struct fault *fault)
{
    for (;;) {
        bool is_end = false;
        enum error e = read_head(records, &is_end, fault);
        if (e != ERR_OK || is_end)
            return e;
        e = read_body(records, fault);
        if (e == ERR_OK)
            e = encrypt_record(records, fault);
        if (e != ERR_OK)
            return e;
    }
}

static bool begin(struct records *records)
{
    const EVP_CIPHER *cipher = records->key->length == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    records->result.iv_length = NONCE_BYTES;
    records->result.tag_length = PACK_TAG_BYTES;
    records->context = EVP_CIPHER_CTX_new();
    return records->context != NULL && RAND_bytes(records->result.iv, NONCE_BYTES) == 1 &&
           EVP_EncryptInit_ex(records->context, cipher, NULL, NULL, NULL) == 1;
}

enum error seal_records(const struct secret *key, const struct pack_message *message,
                        struct pack_result *ret_result, struct fault *fault)
{
    RECORDS_AUTO *records = calloc(1, sizeof *records);
    if (records == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    records->message = message;
    records->key = key;
    if (!begin(records))
        return seal_fail_libcrypto(fault);
    enum error e = encrypt_all(records, fault);
    if (e == ERR_OK)
        *ret_result = records->result;
    return e;
}

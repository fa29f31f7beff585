/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypting a sequence of records in the token: each is an AES-GCM message of its own under
 * nonce + n, made in one part. The order of what is read and written is in hsm.proto. One record is
 * in memory at a time, and each moves the offset of the clear file.
 */
#include "hsm/p11.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 8

/* The sequence under way; owned by p11_encrypt_records. */
struct records {
    struct p11_message message;
    int clear_fd;
    int cipher_fd;
    uint64_t length; /* bytes read */
    uint32_t count;
    uint8_t nonce[HSM_GCM_IV_BYTES];
    uint8_t tag[HSM_GCM_TAG_BYTES];                       /* of record 0 */
    uint8_t in[HSM_RECORD_AAD_MAX + HSM_RECORD_TEXT_MAX]; /* aad, text */
    uint8_t out[HSM_RECORD_AAD_MAX + 2 * HSM_GCM_TAG_BYTES + HSM_RECORD_TEXT_MAX];
};

struct head {
    uint32_t aad_length;
    uint32_t text_length;
};

static enum error refuse(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "records",
                     "The file to encrypt is not a sequence of records.", 0);
}

void p11_record_iv(const uint8_t nonce[HSM_GCM_IV_BYTES], uint32_t n, uint8_t out[HSM_GCM_IV_BYTES])
{
    uint64_t carry = n;
    for (size_t i = HSM_GCM_IV_BYTES; i-- > 0;) {
        carry += nonce[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static uint32_t read_u32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

/* *ret_is_end: the file ends here, where a record may begin. */
static enum error read_head(struct records *records, struct head *ret_head, bool *ret_is_end,
                            struct fault *fault)
{
    uint8_t data[HEAD_BYTES];
    size_t length = 0;
    enum error e = p11_message_read(records->clear_fd, data, sizeof data, &length, fault);
    if (e != ERR_OK)
        return e;
    *ret_is_end = length == 0;
    if (length == 0)
        return records->count > 0 ? ERR_OK : refuse(fault);
    if (length < sizeof data || records->count == HSM_RECORDS_MAX)
        return refuse(fault);
    struct head head = {read_u32(data), read_u32(data + 4)};
    if (head.aad_length == 0 || head.aad_length > HSM_RECORD_AAD_MAX ||
        head.text_length > HSM_RECORD_TEXT_MAX)
        return refuse(fault);
    records->length += length;
    *ret_head = head;
    return ERR_OK;
}

static enum error read_body(struct records *records, const struct head *head, struct fault *fault)
{
    size_t length = 0;
    size_t wanted = head->aad_length + head->text_length;
    enum error e = p11_message_read(records->clear_fd, records->in, wanted, &length, fault);
    if (e != ERR_OK)
        return e;
    records->length += length;
    return length == wanted ? ERR_OK : refuse(fault);
}

static enum error encrypt_record(struct records *records, const struct head *head,
                                 struct fault *fault)
{
    uint8_t iv[HSM_GCM_IV_BYTES];
    uint8_t *tag = records->out + head->aad_length;
    uint8_t *cipher = tag + HSM_GCM_TAG_BYTES;
    p11_record_iv(records->nonce, records->count, iv);
    CK_RV rv = p11_message_begin(&records->message, iv, bytes_of(records->in, head->aad_length));
    if (rv != CKR_OK)
        return p11_fail(records->message.p11, rv, fault);
    enum error e = p11_message_encrypt(&records->message, records->in + head->aad_length,
                                       head->text_length, cipher, fault);
    if (e != ERR_OK)
        return e;
    memcpy(records->out, records->in, head->aad_length);
    memcpy(tag, cipher + head->text_length, HSM_GCM_TAG_BYTES); /* the token gives it last */
    if (records->count == 0)
        memcpy(records->tag, tag, sizeof records->tag);
    records->count++;
    return p11_message_write(records->cipher_fd, records->out,
                             head->aad_length + HSM_GCM_TAG_BYTES + head->text_length, fault);
}

static enum error encrypt_all(struct records *records, struct fault *fault)
{
    for (;;) {
        struct head head = {0};
        bool is_end = false;
        enum error e = read_head(records, &head, &is_end, fault);
        if (e != ERR_OK || is_end)
            return e;
        e = read_body(records, &head, fault);
        if (e == ERR_OK)
            e = encrypt_record(records, &head, fault);
        if (e != ERR_OK)
            return e;
    }
}

enum error p11_encrypt_records(struct p11 *p11, const struct p11_encryption *encryption,
                               CK_OBJECT_HANDLE key, const uint8_t nonce[HSM_GCM_IV_BYTES],
                               struct hsm_content *ret_content, struct fault *fault)
{
    struct records *records = calloc(1, sizeof *records);
    if (records == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    records->message = (struct p11_message){
        .p11 = p11, .key = key, .cipher = HSM_AES_GCM, .iv_bytes = HSM_GCM_IV_BYTES};
    records->clear_fd = encryption->clear_fd;
    records->cipher_fd = encryption->cipher_fd;
    memcpy(records->nonce, nonce, sizeof records->nonce);
    enum error e = encrypt_all(records, fault);
    if (e == ERR_OK) {
        memcpy(ret_content->iv, nonce, HSM_GCM_IV_BYTES);
        ret_content->iv_length = HSM_GCM_IV_BYTES;
        memcpy(ret_content->tag, records->tag, sizeof ret_content->tag);
        ret_content->tag_length = sizeof ret_content->tag;
        ret_content->length = records->length;
    }
    p11_message_close(&records->message);
    explicit_bzero(records, sizeof *records); /* the image in clear */
    free(records);
    return e;
}
